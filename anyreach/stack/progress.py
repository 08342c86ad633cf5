"""What takes long says what it is, how far, and how long. Python's own library only."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

BAR_WIDTH = 24
TERMINAL_EVERY_S = 0.2
PLAIN_EVERY_S = 15
LINES_SHOWN = 20


class CommandFailed(Exception):
    """A command ended with an error. The message is one sentence and names the log."""


class Progress:
    """One line that counts on a terminal; elsewhere a plain line now and then, and one at the end.

    `total` is what `done` goes up to, 0 when that is unknown.
    """

    def __init__(self, what: str, total: int = 0) -> None:
        self.what, self.total, self.done = what, total, 0
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if kind is None:
            self.done = self.total
        self._show(end="\n")

    def __str__(self) -> str:
        seconds = int(time.monotonic() - self._began)
        took = f"{seconds // 60}:{seconds % 60:02}"
        if not self.total:
            return f"{self.what} {took}"
        done = min(self.done, self.total)
        bar = "█" * (BAR_WIDTH * done // self.total)
        return f"{self.what} {bar:·<{BAR_WIDTH}} {done}/{self.total} {took}"

    def _draw(self) -> None:
        while not self._over.wait(TERMINAL_EVERY_S if self._terminal else PLAIN_EVERY_S):
            self._show(end="" if self._terminal else "\n")

    def _show(self, *, end: str) -> None:
        start = "\r\033[K" if self._terminal else ""
        text = f"{start}{self}{end}"
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()


def run(
    what: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    counted: str = r"$^",
    total: int = 0,
) -> None:
    """Run `command` and show its progress; each line that matches `counted` is one of `total`.

    `environment` is added to ours. Raises CommandFailed, after the end of the output was shown.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    matches = re.compile(counted)
    lines: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    with process, open(log, "w", encoding="utf-8") as kept, Progress(what, total) as progress:
        for line in process.stdout or []:
            kept.write(line)
            lines.append(line)
            progress.done += bool(matches.search(line))
        if process.wait() == 0:
            return
        sys.stderr.writelines(lines[-LINES_SHOWN:])
        raise CommandFailed(f"{what}: failed. The whole output is in {log}.")
