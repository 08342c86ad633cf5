"""make demo: PostgreSQL, LiveKit, web, worker and three calls on one machine, until Ctrl-C.

This process never loads Django: it chooses what Django's settings will be.
"""

import fcntl
import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from anyreach.stack import ports, postgres
from anyreach.stack.livekit import LiveKitServer, LiveKitServerFailed, LiveKitServerMissing
from anyreach.stack.postgres import STATE, PostgresFailed
from anyreach.stack.private_files import write_private_json
from anyreach.stack.processes import Child, KeepsDying, Stopped, stop_all, stop_on_signals
from anyreach.stack.progress import CommandFailed, Progress
from anyreach.stack.progress import run as run_with_progress

ROOT = STATE.parent
ACCESS = STATE / "demo.json"
READY_WITHIN_S = 60


class DemoFailed(Exception):
    """The demo cannot run. The message is one sentence."""


FAILURES = (
    CommandFailed,
    DemoFailed,
    KeepsDying,
    LiveKitServerFailed,
    LiveKitServerMissing,
    PostgresFailed,
)


def main() -> int:
    stop_on_signals()
    STATE.mkdir(exist_ok=True)
    with open(STATE / "demo.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The demo is running already. Stop that one first (Ctrl-C).", file=sys.stderr)
            return 1
        return run()


def run() -> int:
    children: list[Child] = []
    livekit: LiveKitServer | None = None
    try:
        environment = settings_of_the_demo()
        livekit = start_livekit(environment)
        prepare(environment)
        children += start_children(environment)
        announce(environment, children, livekit)
        while True:
            time.sleep(0.5)
            look_after(children, livekit)
    except Stopped:
        print("\nStopping…", file=sys.stderr)
        return 0
    except FAILURES as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        stop_all(children)
        if livekit is not None:
            livekit.stop()


def look_after(children: list[Child], livekit: LiveKitServer | None) -> None:
    """Bring back what has ended. Raises KeepsDying, LiveKitServerFailed."""
    if livekit is not None and not livekit.is_running():
        print("livekit-server ended and is started again.", file=sys.stderr)
        livekit.restart()
    for child in children:
        child.look_after()


def settings_of_the_demo() -> dict[str, str]:
    """Return the environment for our processes; what is secret is made once and kept.

    Raises DemoFailed, PostgresFailed.
    """
    kept = kept_secrets()
    web_port = ports.choose(8000, "the demo")
    return {
        "DEBUG": "false",
        "SECRET_KEY": kept["secret_key"],
        "DATABASE_URL": os.environ.get("DATABASE_URL") or postgres.embedded_url(),
        "BASE_URL": f"http://localhost:{web_port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "CSRF_TRUSTED_ORIGINS": f"http://localhost:{web_port},http://127.0.0.1:{web_port}",
        "LIVEKIT_API_KEY": "demo",
        "LIVEKIT_API_SECRET": kept["livekit_api_secret"],
        **configured_livekit(),
    }


def configured_livekit() -> dict[str, str]:
    """Return the settings of the LiveKit that LIVEKIT_URL names; {} without. Raises DemoFailed."""
    if not os.environ.get("LIVEKIT_URL"):
        return {}
    names = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise DemoFailed(f"LIVEKIT_URL is set, but {missing[0]} is not.")
    return {name: os.environ[name] for name in names}


def kept_secrets() -> dict[str, str]:
    path = STATE / "secrets.json"
    with suppress(FileNotFoundError, ValueError):
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    made = {name: secrets.token_urlsafe(48) for name in ("secret_key", "livekit_api_secret")}
    write_private_json(path, made)
    return made


def start_livekit(environment: dict[str, str]) -> LiveKitServer | None:
    """Start a LiveKit server unless LIVEKIT_URL names one; put its address in `environment`."""
    webhook = f"{environment['BASE_URL'].replace('localhost', '127.0.0.1')}/livekit/webhook"
    if "LIVEKIT_URL" in environment:
        print(f"LiveKit at {environment['LIVEKIT_URL']} must send its webhooks to {webhook}.")
        return None
    server = LiveKitServer(
        folder=STATE / "livekit",
        api_key=environment["LIVEKIT_API_KEY"],
        api_secret=environment["LIVEKIT_API_SECRET"],
        port=ports.choose(7880, "LiveKit"),
        tcp_port=ports.choose(7881, "LiveKit's TCP"),
        udp_port=ports.choose(7882, "LiveKit's UDP", kind=socket.SOCK_DGRAM),
        webhook_urls=[webhook],
    )
    server.start()
    environment["LIVEKIT_URL"] = server.url
    return server


def prepare(environment: dict[str, str]) -> None:
    """Bring the database up to date, fill it, and have demo.json written. Raises CommandFailed."""
    run_with_progress(
        "Database and demo organization",
        [sys.executable, "manage.py", "prepare_demo"],
        log=STATE / "logs" / "prepare.log",
        cwd=ROOT,
        environment=environment,
    )


def start_children(environment: dict[str, str]) -> list[Child]:
    port = environment["BASE_URL"].rpartition(":")[2]
    web = ["-m", "uvicorn", "anyreach.asgi:application", "--port", port]
    commands = {
        "web": [*web, "--no-access-log", "--timeout-graceful-shutdown", "2"],
        "worker": ["manage.py", "worker"],
        "calls": ["manage.py", "demo_calls"],
    }
    children = [
        Child(name, [sys.executable, *command], STATE / "logs" / f"{name}.log", environment)
        for name, command in commands.items()
    ]
    for child in children:
        child.start()
    return children


def announce(
    environment: dict[str, str], children: list[Child], livekit: LiveKitServer | None
) -> None:
    """Wait until a call is live, and tell how to get in. Raises DemoFailed, KeepsDying."""
    access = json.loads(ACCESS.read_text())
    with Progress("First calls"):
        conversation_id = live_conversation(
            environment["BASE_URL"], access["api_key"], partial(look_after, children, livekit)
        )
    address = f"{access['url']}/core/conversations/{conversation_id}/listener-token"
    sign_ins = "\n".join(
        f"  {user['role']:<11} {user['email']:<24} {user['password']}" for user in access["users"]
    )
    print(
        f"""
AnyReach is at {access["url"]}

Sign in as
{sign_ins}

API key
  {access["api_key"]}

A listener token of a call that is live now
  curl -X POST -H 'Authorization: Bearer {access["api_key"]}' \\
    {address}

The same is in .anyreach/demo.json. Ctrl-C stops everything.
""",
        flush=True,
    )


def live_conversation(url: str, api_key: str, meanwhile: Callable[[], None]) -> str:
    """Return the id of a live call, once there is one. Raises DemoFailed."""
    deadline = time.monotonic() + READY_WITHIN_S
    request = urllib.request.Request(  # noqa: S310 - http, our own
        f"{url.replace('localhost', '127.0.0.1')}/core/conversations?status=in_progress&limit=1",
        headers={"Authorization": f"Bearer {api_key}"},
    )
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                found = json.load(answer)
            if found:
                return str(found[0]["id"])
        meanwhile()
        time.sleep(0.1)
    raise DemoFailed(f"No call came up within {READY_WITHIN_S} s. Logs are in {STATE / 'logs'}.")


if __name__ == "__main__":
    sys.exit(main())
