"""The child processes of a one-machine installation: started, restarted, stopped in order.

honcho was looked at: it stops everything when one process ends, and bounds no log.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from anyreach.stack.dying_with_parent import die_with_parent

STOP_WITHIN_S = 5
DEATHS_WITHIN_S = 30
DEATHS_TO_GIVE_UP = 3
LOG_MAX_BYTES = 10_000_000


class KeepsDying(Exception):
    """A process ended again and again. The message is one sentence and names its log."""


@dataclass
class Child:
    """One process in a session of its own, which ends when we do, however we end.

    `environment` is added to ours. What it prints is added to the file `log`, which is cut when
    it has LOG_MAX_BYTES: what was in it is kept once, beside it, as `<log>.1`.
    """

    name: str
    command: Sequence[str | Path]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None
    _deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
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

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def look_after(self) -> None:
        """Start it again if it has ended, and keep its log in bounds. Raises KeepsDying."""
        self._bound_log()
        if self._process is None or self.is_running():
            return
        self._signal(signal.SIGKILL)
        now = time.monotonic()
        self._deaths = [*(at for at in self._deaths if now - at < DEATHS_WITHIN_S), now]
        if len(self._deaths) >= DEATHS_TO_GIVE_UP:
            raise KeepsDying(f"The {self.name} process keeps ending. Its log is {self.log}.")
        print(f"The {self.name} process ended and is started again.", file=sys.stderr)
        self.start()

    def _bound_log(self) -> None:
        if self.log.stat().st_size > LOG_MAX_BYTES:
            # Cut in place: the process goes on writing to the same file, at its end.
            self.log.with_name(f"{self.log.name}.1").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)

    def stop(self, *, within_s: float = STOP_WITHIN_S) -> None:
        """Ask it to end, wait for `within_s` seconds, then end what is left of its session."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        """Send it to all of its session that is still there."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Stopped(BaseException):
    """A signal asks us to stop."""


def stop_on_signals() -> None:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into Stopped; those that follow find us at it."""
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:
        for each in asked:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in asked:
        signal.signal(each, stop)


def stop_all(children: Sequence[Child]) -> None:
    """Stop what was started, the last first."""
    for child in reversed(children):
        child.stop()
