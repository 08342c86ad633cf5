"""Ports on this machine: the wanted one, or another and a sentence about it."""

import errno
import socket
import sys

# Browsers take "localhost" for either family, and livekit-server listens on all interfaces.
ANYWHERE = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))  # noqa: S104 - only tried
# Neighbours that are wanted together stay together. What the system gives out (port 0) is
# not taken: any outgoing connection may get the same before we listen.
STEP = 10


def choose(wanted: int, what: str, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return the port `wanted` if it is free; else say so on stderr and return one that is.

    `what` takes the port, in words for people; `kind` is SOCK_STREAM (TCP) or SOCK_DGRAM (UDP).
    """
    if is_free(wanted, kind=kind):
        return wanted
    chosen = next(port for port in range(wanted + STEP, 65536, STEP) if is_free(port, kind=kind))
    print(f"Port {wanted} is in use, so {what} takes {chosen}.", file=sys.stderr)
    return chosen


def is_free(port: int, *, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    return all(_can_bind(family, kind, (host, port)) for family, host in ANYWHERE)


def _can_bind(
    family: socket.AddressFamily, kind: socket.SocketKind, address: tuple[str, int]
) -> bool:
    """Tell whether nobody has `address`, which is so too where its family does not exist."""
    try:
        probe = socket.socket(family, kind)
    except OSError:
        return True
    with probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # A port whose last connections are fading out is free for a server.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error.errno == errno.EADDRNOTAVAIL
    return True
