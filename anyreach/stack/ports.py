"""Ports on this machine: the wanted one, or another and a sentence about it."""

import socket
import sys


def is_free(port: int, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(
    wanted: int, what: str, *, kind: socket.SocketKind = socket.SOCK_STREAM
) -> int:
    """Return `wanted` if it is free; else say so on stderr and return one that is."""
    if is_free(wanted, kind=kind):
        return wanted
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        chosen = int(probe.getsockname()[1])
    print(f"Port {wanted} is in use, so {what} takes {chosen}.", file=sys.stderr)
    return chosen
