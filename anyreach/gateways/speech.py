"""Speech from text: by any OpenAI-compatible endpoint, else by espeak-ng where it is installed.

What is to be said is in no log and no error.
"""

import asyncio
import io
import shutil

import openai
import soundfile
from django.conf import settings
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from anyreach.gateways import sound
from anyreach.gateways.sound import Sound

WORDS_A_MINUTE = 175


async def spoken(text: str) -> Sound | None:
    """Return `text` spoken, within SPEECH_TIMEOUT_S; None where nothing here can speak."""
    speak = _by_endpoint if settings.SPEECH_BASE_URL else _by_espeak
    try:
        async with asyncio.timeout(settings.SPEECH_TIMEOUT_S):
            audio = await speak(text)
        return sound.read(io.BytesIO(audio)) if audio else None
    except (TimeoutError, openai.OpenAIError, soundfile.SoundFileError):
        return None


async def _by_endpoint(text: str) -> bytes:
    client = AsyncOpenAI(
        base_url=settings.SPEECH_BASE_URL,
        # Without one the library would look for another's in the environment.
        api_key=settings.SPEECH_API_KEY or "none",
        timeout=settings.SPEECH_TIMEOUT_S,
        max_retries=0,
        # What was said in a call goes to the address in the settings, wherever that points.
        http_client=DefaultAsyncHttpxClient(follow_redirects=False),
    )
    async with client:
        answer = await client.audio.speech.create(
            input=text,
            model=settings.SPEECH_MODEL,
            voice=settings.SPEECH_VOICE,
            response_format="wav",
        )
        return answer.content


async def _by_espeak(text: str) -> bytes:
    program = shutil.which("espeak-ng")
    if program is None:
        return b""
    speaking = await asyncio.create_subprocess_exec(
        *(program, "--stdin", "--stdout", "-s", str(WORDS_A_MINUTE)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        audio, _ = await speaking.communicate(text.encode())
    except asyncio.CancelledError:
        speaking.kill()
        raise
    return audio
