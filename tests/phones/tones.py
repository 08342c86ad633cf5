"""Who hears what, told by frequencies: each voice has a tone of its own, our sounds too."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import soundfile

CALLER, AGENT, HOLD, HUMAN, BRIEF = 440, 660, 880, 1000, 1240
TONES = {
    "caller": CALLER,
    "agent": AGENT,
    "hold": HOLD,
    "human": HUMAN,
    "brief": BRIEF,
}
# Of the two that a telephone makes of a 1 (ITU-T Q.23).
DIGIT_1 = (697, 1209)
RATE = 16_000
WINDOW_S = 0.05
# Of tones of 8000, whose level is 2000. What begins or ends abruptly has a little of every tone.
AUDIBLE = 400


def heard_in(samples: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    """Return for each voice in which windows of WINDOW_S it is heard."""
    size = int(rate * WINDOW_S)
    windows = samples[: len(samples) // size * size].reshape(-1, size).astype(float)
    spectra = np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) / size
    bins = {who: round(frequency * WINDOW_S) for who, frequency in TONES.items()}
    return {who: spectra[:, at] > AUDIBLE for who, at in bins.items()}


def tone(path: Path | io.BytesIO, frequency: int, *, seconds: float = 2.0) -> None:
    times = np.arange(int(RATE * seconds)) / RATE
    samples = (np.sin(2 * np.pi * frequency * times) * 8000).astype(np.int16)
    soundfile.write(path, samples, RATE, format="WAV", subtype="PCM_16")


@contextmanager
def speech_server() -> Iterator[str]:
    """Serve an OpenAI-compatible speech endpoint that says everything as a tone; yield its URL."""
    said = io.BytesIO()
    tone(said, BRIEF)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "audio/wav")
            self.end_headers()
            self.wfile.write(said.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
