"""The settings that tests run with: a pytest plugin, as Django reads them before any conftest."""

import os
import secrets
import socket

# Below those that the system hands to outgoing connections, one of which could be faster than we.
PORTS = range(20_000, 32_000)


# What comes about at once on a quiet machine may take this long on a busy one.
PATIENCE_S = 60


def free_port(*, neighbours: int = 0) -> int:
    """Return a port that nobody uses, by TCP or UDP, nor so many after it."""
    while True:
        port = secrets.choice(PORTS)
        wanted = range(port, port + 1 + neighbours)
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        if all(is_free(each, kind) for each in wanted for kind in kinds):
            return port


def is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(type=kind) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


LIVEKIT_PORT = free_port()
WEB_PORT = free_port()

os.environ.update(
    SECRET_KEY="only-for-tests-" + "x" * 40,
    BASE_URL=f"http://localhost:{WEB_PORT}",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    LIVEKIT_URL=f"ws://127.0.0.1:{LIVEKIT_PORT}",
    LIVEKIT_API_KEY="testkey",
    LIVEKIT_API_SECRET="only-for-tests-" + "s" * 40,
    LIVEKIT_TIMEOUT_S="3",
    LOG_LEVEL="WARNING",
)
os.environ.pop("DEBUG", None)
os.environ.pop("LIVEKIT_PUBLIC_URL", None)

if not os.environ.get("DATABASE_URL"):
    from anyreach.stack import postgres

    os.environ["DATABASE_URL"] = postgres.embedded_url()
