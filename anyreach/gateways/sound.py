"""Sound as we play it: mono, 16 bits."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile


@dataclass(frozen=True)
class Sound:
    """Mono samples, `rate` of them a second."""

    samples: np.ndarray[Any, np.dtype[np.int16]]
    rate: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate


def read(file: Path | IO[bytes]) -> Sound:
    """Read WAV, FLAC, Ogg or MP3; of several channels the first. Raises SoundFileError."""
    samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
    return Sound(np.ascontiguousarray(samples[:, 0]), rate)
