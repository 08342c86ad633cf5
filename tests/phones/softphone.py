"""Telephones that LiveKit can call: one that hums, and one that only says no."""

import re
import socket
import threading
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np

from anyreach.stack.softphone import RATE, Softphone
from tests.environment import free_port

WINDOW = np.hanning(RATE)


class Humming(Softphone):
    """A telephone that, when somebody hears it, hums a tone of `frequency`."""

    def __init__(self, folder: Path, number: str, *, frequency: int, answers: bool) -> None:
        voice = folder.with_suffix(".wav")
        # By itself baresip takes the port after the first, for TLS.
        ports = free_port(neighbours=1), free_port(), free_port(neighbours=20)
        super().__init__(folder, number, voice, *ports, answers=answers)
        with wave.open(str(voice), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            # A telephone whose sound ends hangs up.
            times = np.arange(RATE * 120) / RATE
            tone = np.sin(2 * np.pi * frequency * times) * 8000
            file.writeframes(tone.astype(np.int16).tobytes())

    def hears(self, frequency: int) -> float:
        """Return the level, in samples, of `frequency` in the last second that it heard."""
        samples = self.heard[-RATE:]
        if len(samples) < RATE:
            return 0.0
        spectrum = np.abs(np.fft.rfft(samples * WINDOW)) / RATE
        return float(spectrum[frequency - 10 : frequency + 10].max())


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
