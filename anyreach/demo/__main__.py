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
import urllib.parse
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from anyreach.stack import ports, postgres
from anyreach.stack.livekit import LiveKitServer, LiveKitServerFailed, LiveKitServerMissing
from anyreach.stack.postgres import STATE, PostgresFailed
from anyreach.stack.private_files import write_private_json
from anyreach.stack.processes import Child, KeepsDying, Stopped, stop_all, stop_on_signals
from anyreach.stack.progress import CommandFailed, Progress
from anyreach.stack.progress import run as run_with_progress

ROOT = STATE.parent
ACCESS = STATE / "demo.json"
# One of which there is something to tell.
OVER = "status=completed&channel=telephone&user_turn_count_above=3"
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
        announce(children, livekit)
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
        "BRIEF_KEY": os.environ.get("BRIEF_KEY") or kept["brief_key"],
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
    kept: dict[str, str] = {}
    with suppress(FileNotFoundError, ValueError):
        kept = json.loads(path.read_text())
    all_of_them = {
        "secret_key": secrets.token_urlsafe(48),
        "livekit_api_secret": secrets.token_urlsafe(48),
        "brief_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        **kept,
    }
    if all_of_them != kept:
        write_private_json(path, all_of_them)
    return all_of_them


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


def announce(children: list[Child], livekit: LiveKitServer | None) -> None:
    """Wait until a call is live, and tell how to get in. Raises DemoFailed, KeepsDying."""
    access = json.loads(ACCESS.read_text())
    with Progress("First calls"):
        meanwhile = partial(look_after, children, livekit)
        live = newest(access, "status=in_progress&channel=telephone", meanwhile)
        ended = newest(access, OVER, meanwhile)
    address = f"{access['url']}/core/conversations/{live['id']}/listener-token"
    briefs = f"{access['url']}/{access['organization']}/agent-assist"
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

Briefs for whoever takes over, of that call and of one that is over
  {briefs}/{urllib.parse.quote(live["user_id"], safe="+")}
  {briefs}/{urllib.parse.quote(ended["user_id"], safe="+")}

The same is in .anyreach/demo.json. Ctrl-C stops everything.
""",
        flush=True,
    )


def newest(access: dict[str, Any], query: str, meanwhile: Callable[[], None]) -> dict[str, Any]:
    """Return the newest conversation that fits, once there is one. Raises DemoFailed."""
    deadline = time.monotonic() + READY_WITHIN_S
    url = access["url"].replace("localhost", "127.0.0.1")
    request = urllib.request.Request(  # noqa: S310 - http, our own
        f"{url}/core/conversations?{query}&limit=1",
        headers={"Authorization": f"Bearer {access['api_key']}"},
    )
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                found: list[dict[str, Any]] = json.load(answer)
            if found:
                return found[0]
        meanwhile()
        time.sleep(0.1)
    raise DemoFailed(f"No call came up within {READY_WITHIN_S} s. Logs are in {STATE / 'logs'}.")


if __name__ == "__main__":
    sys.exit(main())
