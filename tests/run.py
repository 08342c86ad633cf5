"""make test, make lint: every stage runs, even after one that fails; a table tells at the end."""

import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from anyreach.stack.bootstrap import path_with_node

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
CLOSING_LINES = 3

# What settings.py insists on; nothing is connected to.
SETTINGS = {
    "SECRET_KEY": "only-for-checks-" + "x" * 40,
    "DATABASE_URL": "postgresql://localhost/none",
    "LIVEKIT_URL": "ws://127.0.0.1:7880",
    "LIVEKIT_API_KEY": "none",
    "LIVEKIT_API_SECRET": "none" * 8,
}


@dataclass(frozen=True)
class Stage:
    name: str
    command: tuple[str | Path, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a stage went; `closing` are the last lines that its runner printed."""

    name: str
    exit_code: int
    seconds: float
    closing: list[str]


def lint() -> list[Stage]:
    node = {"PATH": path_with_node()}
    return [
        Stage("ruff check", (BIN / "ruff", "check", "."), {}),
        Stage("ruff format", (BIN / "ruff", "format", "--check", "."), {}),
        Stage("mypy", (BIN / "mypy", "."), SETTINGS),
        Stage("import-linter", (BIN / "lint-imports",), SETTINGS),
        Stage("eslint", ("npm", "run", "--silent", "lint"), node),
        Stage("djlint", (BIN / "djlint", "templates", "--lint"), {}),
        Stage("djlint format", (BIN / "djlint", "templates", "--check"), {}),
    ]


def tests() -> list[Stage]:
    pytest = (BIN / "python", "-m", "pytest", "-q")
    # The browser's event loop makes async_to_sync refuse in other tests, and only one can be had
    # in a run: these have runs of their own.
    in_chromium = ("tests/e2e", "tests/attack/browser")
    elsewhere = (*in_chromium, "tests/bench", "tests/agents")  # the last by `make test-agent`
    apart = [f"--ignore={folder}" for folder in elsewhere]
    return [
        Stage("vitest", ("npm", "test", "--silent"), {"PATH": path_with_node()}),
        Stage("pytest", (*pytest, "-n", "2", "-m", "not whole_machine", *apart), {}),
        Stage("pytest, a whole machine each", (*pytest, "-m", "whole_machine", *apart), {}),
        *(Stage(f"pytest {folder} in Chromium", (*pytest, folder), {}) for folder in in_chromium),
    ]


def run(stage: Stage) -> Outcome:
    """Run a stage and show what it prints. No tests found is a failure: pytest's exit code 5."""
    print(f"\n──── {stage.name}", flush=True)
    began = time.monotonic()
    closing: deque[str] = deque(maxlen=CLOSING_LINES)
    with subprocess.Popen(
        stage.command,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **stage.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or []:
            print(line, end="", flush=True)
            if line.strip():
                closing.append(line.strip())
    return Outcome(stage.name, process.returncode, time.monotonic() - began, list(closing))


def table(outcomes: list[Outcome]) -> str:
    rows = [""]
    for each in outcomes:
        word = "failed" if each.exit_code else "passed"
        rows.append(f"{word}  {each.seconds:6.1f} s  {each.name}")
        rows += [f"                   {line}" for line in each.closing]
    return "\n".join(rows)


def main(goal: str) -> int:
    """Run the checks, and unless `goal` is "lint" the tests. Returns 1 when a stage failed."""
    stages = lint() if goal == "lint" else [*lint(), *tests()]
    outcomes = [run(stage) for stage in stages]
    print(table(outcomes), flush=True)
    return int(any(each.exit_code for each in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "test"))
    except KeyboardInterrupt:
        sys.exit("The tests were stopped.")
