"""A telephone on this machine: baresip, which LiveKit calls and which calls LiveKit."""

import json
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anyreach.stack.dying_with_parent import die_with_parent
from anyreach.stack.phones import PhonesFailed

RATE = 8_000
MODULES = Path("/usr/lib/baresip/modules")
READY_WITHIN_S = 10
HEADER_BYTES = 44

Samples = np.ndarray[Any, np.dtype[np.int16]]


@dataclass
class Softphone:
    """A baresip that has `number` and plays the file `voice` to whoever it talks with.

    Sound files are WAV: mono, 16 bits, RATE samples a second. What it hears and says is written
    to files in `folder`, which must not be there yet. With `answers` it answers by itself. There
    is no jitter on one machine, so it plays what comes when it comes.
    """

    folder: Path
    number: str
    voice: Path
    sip_port: int
    control_port: int
    rtp_port: int
    answers: bool = False
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it takes commands. Raises PhonesFailed."""
        program = shutil.which("baresip")
        if program is None:
            raise PhonesFailed("baresip is missing: `make demo-phone` installs it.")
        self._configure()
        with open(self._log_file, "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - Debian's program, our configuration
                [program, "-f", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.control_port), 1).close()
                return
            time.sleep(0.05)
        self.stop()
        raise PhonesFailed(f"A softphone did not come up. Its log is {self._log_file}.")

    def _configure(self) -> None:
        self._sounds.mkdir(parents=True)
        mode = "auto" if self.answers else "manual"
        account = f"<sip:{self.number}@127.0.0.1:{self.sip_port}>;regint=0;answermode={mode}\n"
        (self.folder / "accounts").write_text(account)
        (self.folder / "config").write_text(
            f"sip_listen 127.0.0.1:{self.sip_port}\n"
            "audio_player aubridge,nil\naudio_alert aubridge,nil\n"
            f"audio_source aufile,{self.voice}\n"
            f"ausrc_srate {RATE}\nauplay_srate {RATE}\n"
            "jitter_buffer_delay 0-0\n"
            f"rtp_ports {self.rtp_port}-{self.rtp_port + 20}\n"
            f"module_path {MODULES}\n"
            "module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n"
            "module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
            f"snd_path {self._sounds}\n"
            f"ctrl_tcp_listen 127.0.0.1:{self.control_port}\n"
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def dial(self, number: str, *, sip_port: int) -> None:
        """Call `number` at the SIP service that listens on `sip_port` of this machine."""
        self._command("dial", f"sip:{number}@127.0.0.1:{sip_port}")

    def answer(self) -> None:
        self._command("accept")

    def hang_up(self) -> None:
        """End the call, or say that the line is busy while it rings."""
        self._command("hangup")

    def press(self, digit: str) -> None:
        self._command("sndcode", digit)

    def say(self, voice: Path) -> None:
        """Play this file from now on."""
        self._command("ausrc", f"aufile,{voice}")

    def _command(self, command: str, parameters: str = "") -> None:
        body = json.dumps({"command": command, "params": parameters, "token": "anyreach"})
        with socket.create_connection(("127.0.0.1", self.control_port), 3) as control:
            control.sendall(f"{len(body)}:{body},".encode())
            control.recv(65_536)

    @property
    def calls(self) -> int:
        """How often it was called."""
        return self._log().count("answering call on" if self.answers else "Incoming call from")

    @property
    def calls_over(self) -> int:
        """How often whoever called it has given up."""
        return self._log().count("session closed")

    @property
    def _log_file(self) -> Path:
        return self.folder / "log"

    def _log(self) -> str:
        return self._log_file.read_text(errors="replace")

    @property
    def heard(self) -> Samples:
        """All that it heard in its first call, RATE samples a second."""
        return self._first("dec")

    @property
    def said(self) -> Samples:
        """All that it said in its first call, likewise."""
        return self._first("enc")

    def _first(self, way: str) -> Samples:
        path = min(self._sounds.glob(f"*{way}.wav"), default=None)
        # The header tells the length only when the call is over.
        length = (path.stat().st_size - HEADER_BYTES) // 2 if path else 0
        if not path or length <= 0:
            return np.zeros(0, dtype=np.int16)
        return np.memmap(path, np.int16, "r", offset=HEADER_BYTES, shape=length)

    @property
    def _sounds(self) -> Path:
        return self.folder / "sounds"
