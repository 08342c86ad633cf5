"""Make the sounds of transfers anew, for maintainers: python -m agent_assist.transfer.synthesize

The hold music is a slow round of four chords, composed here. Needs Debian's flite, sox and
opus-tools.
"""

import math
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from agent_assist.transfer.phrases import HOLD, PHRASES, SOUND, phrase_file
from anyreach.demo.synthesize import rms_dbfs, run, trimmed

RATE = 48_000
BEAT_S = 0.5
LEVEL_DBFS = -24
VOICE = "slt"
# Notes as half tones above the A of 220 Hz: of each chord the bass, and what is plucked.
CHORDS = [
    (-12, [0, 4, 7, 11, 12, 11, 7, 4]),
    (-15, [-3, 0, 4, 9, 12, 9, 4, 0]),
    (-10, [2, 5, 9, 12, 14, 12, 9, 5]),
    (-17, [-5, 2, 5, 11, 14, 11, 5, 2]),
]


def note(half_tones: int, duration_s: float, *, fades_s: float) -> np.ndarray:
    times = np.arange(int(duration_s * RATE)) / RATE
    frequency = 220 * 2 ** (half_tones / 12)
    partials = sum(
        np.sin(2 * math.pi * frequency * number * times) / number**2 for number in (1, 2, 3)
    )
    attack = np.minimum(times / 0.02, 1)
    return partials * attack * np.exp(-times / fades_s)


def hold_music() -> np.ndarray:
    """Return one round; what still sounds at its end sounds into its beginning."""
    length = int(len(CHORDS) * 8 * BEAT_S * RATE)
    music = np.zeros(length)
    for chord, (bass, plucked) in enumerate(CHORDS):
        voices = [(0, note(bass, 5, fades_s=2.5))]
        voices += [(beat, note(each, 3, fades_s=0.7) * 0.6) for beat, each in enumerate(plucked)]
        for beat, voice in voices:
            start = int((chord * 8 + beat) * BEAT_S * RATE)
            where = (start + np.arange(len(voice))) % length
            np.add.at(music, where, voice)
    return music


def main() -> None:
    SOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        raw, even = Path(folder) / "raw.wav", Path(folder) / "even.wav"
        music = hold_music()
        soundfile.write(raw, music / np.abs(music).max() * 0.5, RATE)
        run("sox", raw, even, "gain", str(LEVEL_DBFS - rms_dbfs(raw)))
        run("opusenc", "--quiet", "--bitrate", "32", "--music", even, HOLD)
        for accept, text in PHRASES.items():
            run("flite", "-voice", VOICE, "-t", text, "-o", raw)
            run("sox", raw, even, *trimmed(), "gain", str(-20 - rms_dbfs(raw)))
            run("opusenc", "--quiet", "--bitrate", "16", "--speech", even, phrase_file(accept))


if __name__ == "__main__":
    main()
