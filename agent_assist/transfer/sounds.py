"""What a caller hears on hold, and what is said to the human who is called."""

import functools
from pathlib import Path

from django.conf import settings

from agent_assist.transfer.phrases import HOLD, PHRASES, phrase_file
from anyreach.gateways import sound, speech
from anyreach.gateways.sound import Sound


@functools.cache
def _read(file: Path) -> Sound:
    return sound.read(file)


def hold_music() -> Sound:
    return _read(Path(settings.HOLD_MUSIC_FILE or HOLD))


async def brief(text: str, *, accept: str) -> Sound:
    """Return `text` spoken, and what to press after it; without a voice here, that alone."""
    spoken = await speech.spoken(f"{text} {PHRASES[accept]}")
    return spoken or _read(phrase_file(accept))
