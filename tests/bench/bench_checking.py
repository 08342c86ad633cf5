"""How well the checker tells true claims from others, on calls it was made with and on held-out."""

import time
from collections import Counter

from agent_assist.brief.checking import check
from agent_assist.brief.patterns import find
from tests.agent_assist.calls import CALLS, Call
from tests.bench.figures import told


def bench_the_checker_on_all_calls() -> None:
    made_with = [call for call in CALLS if not call.held_out]
    held_out = [call for call in CALLS if call.held_out]
    for name, calls in (("all", CALLS), ("made with", made_with), ("held out", held_out)):
        print(f"\n{accuracy_told(name, calls)}", end="")
    print()


def accuracy_told(name: str, calls: list[Call]) -> str:
    """Return a line of figures, and one with the labels of the claims that passed wrongly."""
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for call in calls:
        for claim in call.claims:
            total[claim.label] += 1
            passed[claim.label] += check(claim.text, claim.turns, on=call.on) is None
    recall = passed["true"] / total["true"]
    withheld = 1 - (passed["false"] + passed["unsupported"]) / (
        total["false"] + total["unsupported"]
    )
    return (
        f"{name:<10} {len(calls):3} calls {total.total():4} claims   "
        f"precision {passed['true'] / passed.total():.3f}   recall {recall:.3f}   "
        f"balanced accuracy {(recall + withheld) / 2:.3f}   passed wrongly: "
        f"{passed['false']} of {total['false']} false, "
        f"{passed['unsupported']} of {total['unsupported']} unsupported"
    )


def bench_the_checker_takes_little_time() -> None:
    checks, finds = [], []
    for call in CALLS:
        for claim in call.claims:
            began = time.perf_counter()
            check(claim.text, claim.turns, on=call.on)
            checks.append((time.perf_counter() - began) * 1000)
        for turn in call.turns:
            began = time.perf_counter()
            find(turn.text, on=call.on)
            finds.append((time.perf_counter() - began) * 1000)
    print(f"\n{told('a claim checked', checks)}\n{told('a turn looked through', finds)}")
