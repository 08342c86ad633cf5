"""How many files and sockets a process of ours may have open."""

import resource
from contextlib import suppress


def as_many_as_allowed() -> None:
    """Raise the soft limit, usually 1,024, to the hard one, which is the administrator's.

    The soft one is for programs that use select(), which knows no more; ours do not. Each inbox
    that is open is a socket of the web process, each call three of a worker.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS names a hard limit that it does not grant.
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
