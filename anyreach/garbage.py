"""When Python looks for garbage, in a process that goes on for long."""

import gc


def look_seldom() -> None:
    """Have Python look no more through what is loaded by now, which stays, and seldom else.

    Its looks, in the middle of requests, cost one in twenty lists of the API 200 ms; and a worker
    that records many calls a sixth of what its Python does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
