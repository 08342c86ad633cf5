"""The settings that tests run with: a pytest plugin, as Django reads them before any conftest."""

import os
import socket


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
