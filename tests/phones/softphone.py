"""Telephones that LiveKit can call: baresip, and one that only says no."""

import json
import re
import shutil
import socket
import subprocess
import threading
import time
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np

from anyreach.stack.dying_with_parent import die_with_parent
from tests.environment import free_port

RATE = 8_000
MODULES = Path("/usr/lib/baresip/modules")


class Softphone:
    """A baresip that has `number` and, when somebody hears it, plays a tone of `frequency`.

    What it hears is written to files in `folder`.
    """

    def __init__(self, folder: Path, number: str, *, frequency: int, answers: bool) -> None:
        self.folder, self.number = folder, number
        self.sip_port, self.control_port, self.rtp_port = free_port(), free_port(), free_port()
        self.frequency, self.answers = frequency, answers

    def start(self) -> None:
        (self.folder / "heard").mkdir(parents=True)
        with wave.open(str(self.folder / "tone.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            times = np.arange(RATE * 60) / RATE
            tone = np.sin(2 * np.pi * self.frequency * times) * 8000
            file.writeframes(tone.astype(np.int16).tobytes())
        mode = "auto" if self.answers else "manual"
        account = f"<sip:{self.number}@127.0.0.1:{self.sip_port}>;regint=0;answermode={mode}\n"
        (self.folder / "accounts").write_text(account)
        (self.folder / "config").write_text(
            f"sip_listen 127.0.0.1:{self.sip_port}\n"
            "audio_player aubridge,nil\naudio_alert aubridge,nil\n"
            f"audio_source aufile,{self.folder}/tone.wav\n"
            f"ausrc_srate {RATE}\nauplay_srate {RATE}\n"
            f"rtp_ports {self.rtp_port}-{self.rtp_port + 20}\n"
            f"module_path {MODULES}\n"
            "module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n"
            "module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
            f"snd_path {self.folder}/heard\n"
            f"ctrl_tcp_listen 127.0.0.1:{self.control_port}\n"
        )
        program = shutil.which("baresip")
        assert program, "baresip is missing: `make test` installs it."
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [program, "-f", self.folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.control_port), 1).close()
                return
            time.sleep(0.05)
        raise TimeoutError("baresip did not come up.")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def answer(self) -> None:
        self._command("accept")

    def hang_up(self) -> None:
        """End the call, or say that the line is busy while it rings."""
        self._command("hangup")

    def press(self, digit: str) -> None:
        self._command("sndcode", digit)

    def _command(self, command: str, parameters: str = "") -> None:
        body = json.dumps({"command": command, "params": parameters, "token": "test"})
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

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def hears(self, frequency: int) -> float:
        """Return the level, in samples, of `frequency` in the last second that it heard."""
        samples = self.heard[-RATE:]
        if len(samples) < RATE:
            return 0.0
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(RATE))) / RATE
        return float(spectrum[frequency - 10 : frequency + 10].max())

    @property
    def heard(self) -> np.ndarray:
        """All that it heard in its first call, RATE samples a second."""
        for path in (self.folder / "heard").glob("*dec.wav"):
            # The header tells the length only when the call is over.
            body = path.read_bytes()[44:]
            return np.frombuffer(body[: len(body) & ~1], dtype=np.int16)
        return np.zeros(0, dtype=np.int16)


class Refuser:
    """Answers every call with a SIP status, such as 603 Decline."""

    status = "486 Busy Here"

    def __init__(self) -> None:
        self.sip_port = free_port()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)

    def start(self) -> None:
        self._socket.bind(("127.0.0.1", self.sip_port))
        threading.Thread(target=self._refuse, daemon=True).start()

    def _refuse(self) -> None:
        with suppress(OSError):
            while True:
                message, sender = self._socket.recvfrom(65_536)
                text = message.decode()
                if text.startswith("INVITE "):
                    kept = re.findall(r"(?im)^(?:Via|From|Call-ID|CSeq): .*", text)
                    to = re.search(r"(?im)^To: [^\r\n]*", text)
                    lines = [f"SIP/2.0 {self.status}", *map(str.strip, kept)]
                    lines += [f"{to[0] if to else ''};tag=refused", "Content-Length: 0", "", ""]
                    self._socket.sendto("\r\n".join(lines).encode(), sender)

    def stop(self) -> None:
        self._socket.close()
