"""Recorded sounds of transfers, and what is said in them (made by synthesize.py)."""

from pathlib import Path

SOUND = Path(__file__).parent / "sound"
HOLD = SOUND / "hold.opus"
# By how the human accepts.
PHRASES = {
    "dtmf": "Press 1 to take the call, 2 to decline.",
    "answer": "You are being connected.",
}


def phrase_file(accept: str) -> Path:
    return SOUND / f"{accept}.opus"
