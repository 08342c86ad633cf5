"""The child processes of a one-machine installation: started, restarted, stopped in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from anyreach.stack.dying_with_parent import die_with_parent

STOP_WITHIN_S = 5
SOON_S = 10
TRIES = 3
LOG_MAX_BYTES = 10_000_000


class KeepsDying(Exception):
    """A process ended again and again, soon after its start. The message names its log."""


@dataclass
class Child:
    """One process in a session of its own, which ends when we do. Its output goes to `log`."""

    name: str
    command: Sequence[str | Path]
    environment: dict[str, str]
    log: Path
    _process: "subprocess.Popen[bytes] | None" = None
    _deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def revive(self) -> None:
        """Start it again if it has ended. Raises KeepsDying."""
        if self._process is None or self._process.poll() is None:
            return
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < SOON_S * TRIES] + [now]
        if len(self._deaths) >= TRIES:
            raise KeepsDying(f"The {self.name} process keeps ending. Its log is {self.log}.")
        print(f"The {self.name} process ended and is started again.", file=sys.stderr)
        self.start()

    def stop(self) -> None:
        """Ask its whole session to end, and end it after STOP_WITHIN_S seconds."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)


class Stopped(BaseException):
    """A signal asks us to stop."""


def stop_on_signals() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into Stopped, once: the second finds us stopping."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)


def stop_all(children: Sequence[Child]) -> None:
    """Stop what was started, the last first."""
    for child in reversed(children):
        child.stop()
