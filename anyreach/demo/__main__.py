"""make demo: PostgreSQL, LiveKit, web, worker and three calls on one machine, until Ctrl-C.

make demo-phone: Redis, livekit-sip and a telephone call too.

This process never loads Django: it chooses what Django's settings will be.
"""

import fcntl
import json
import os
import secrets
import socket
import subprocess
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
from anyreach.stack.dying_with_parent import die_with_parent
from anyreach.stack.livekit import LiveKitServer, LiveKitServerFailed, LiveKitServerMissing
from anyreach.stack.phones import Phones, PhonesFailed
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
    PhonesFailed,
    PostgresFailed,
)


def main(*, with_phones: bool) -> int:
    stop_on_signals()
    STATE.mkdir(exist_ok=True)
    with open(STATE / "demo.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The demo is running already. Stop that one first (Ctrl-C).", file=sys.stderr)
            return 1
        return run(with_phones=with_phones)


def run(*, with_phones: bool) -> int:
    children: list[Child] = []
    livekit: LiveKitServer | None = None
    phones: Phones | None = None
    try:
        environment = settings_of_the_demo()
        livekit = livekit_of_the_demo(environment, with_phones=with_phones)
        if livekit is not None and with_phones:
            phones = phones_beside(livekit)
            children += [phones.redis, phones.sip]
            phones.start()
        elif livekit is not None:
            livekit.start()
        prepare(environment)
        children += start_children(environment)
        announce(children, livekit)
        if phones is not None:
            show_a_phone_call(environment, phones, partial(look_after, children, livekit))
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


def livekit_of_the_demo(environment: dict[str, str], *, with_phones: bool) -> LiveKitServer | None:
    """Return the LiveKit server to be started, unless LIVEKIT_URL names one that runs.

    Its address is put in `environment`. Raises DemoFailed.
    """
    webhook = f"{environment['BASE_URL'].replace('localhost', '127.0.0.1')}/livekit/webhook"
    if "LIVEKIT_URL" in environment and with_phones:
        raise DemoFailed("make demo-phone runs a LiveKit of its own: unset LIVEKIT_URL.")
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
        redis_port=ports.choose(6379, "Redis") if with_phones else None,
    )
    environment["LIVEKIT_URL"] = server.url
    return server


def phones_beside(livekit: LiveKitServer) -> Phones:
    return Phones(
        folder=STATE / "livekit",
        server=livekit,
        sip_port=ports.choose(5060, "livekit-sip", kind=socket.SOCK_DGRAM),
        health_port=ports.choose(5061, "livekit-sip's health"),
        rtp_ports=range(10_000, 11_000),
    )


def show_a_phone_call(
    environment: dict[str, str], phones: Phones, meanwhile: Callable[[], None]
) -> None:
    """Have a telephone call played and told on the terminal. The demo goes on if that fails."""
    command = ["manage.py", "demo_phone", "--sip-port", str(phones.sip_port), "--traceback"]
    log = STATE / "logs" / "phone.log"
    with open(log, "ab") as errors:
        playing = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        while playing.poll() is None:
            meanwhile()
            time.sleep(0.1)
    finally:
        playing.kill()
        playing.wait()
    if playing.returncode != 0:
        print(f"The telephone call failed. Its log is {log}.", file=sys.stderr)


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

The calls that are live now, and a listener token of one of them: each lasts a minute or two
  curl -H 'Authorization: Bearer {access["api_key"]}' \\
    '{access["url"]}/core/conversations?status=in_progress'
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
    sys.exit(main(with_phones=sys.argv[1:] == ["phone"]))
