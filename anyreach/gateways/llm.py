"""The language model: any OpenAI-compatible endpoint, in the cloud or on this machine.

What is asked and answered is said in no log and no error: ModelFailed has a sentence of ours.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import openai
from django.conf import settings
from openai import AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletionChunk

Messages = Sequence[Any]  # of {"role", "content"}

AGAIN_AFTER_S = 0.5
# A server that knows no limit of tokens is held to one of characters.
MOST_CHARACTERS_A_TOKEN = 8


class Why(StrEnum):
    """Why there is no answer, in a sentence for a person."""

    UNREACHABLE = "The language model cannot be reached."
    SLOW = "The language model took too long."
    KEY = "The language model's endpoint refused our key."
    NO_MODEL = "The endpoint has no language model of that name."
    BUSY = "The language model is asked too much at the moment."
    BROKEN = "The language model's endpoint has a fault."
    REJECTED = "The language model's endpoint did not accept our question."
    NO_ENDPOINT = "The language model's address answers with something else."
    REFUSED = "The language model declined to answer."
    CUT_OFF = "The language model's answer broke off."
    UNREADABLE = "The language model's answer could not be read."


PASSING = {Why.UNREACHABLE, Why.BUSY, Why.BROKEN, Why.CUT_OFF}


class ModelFailed(Exception):
    """There is no answer, or no more of it. `why` is a sentence for a person."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Answer:
    """What a model says to one question, piece by piece.

    It may take LLM_FIRST_SECTION_TIMEOUT_S until `section_came` is told that there is something
    to show, and LLM_TIMEOUT_S in all. Raises ModelFailed.
    """

    def __init__(self, pieces: AsyncIterator[str]) -> None:
        self._pieces = pieces
        self._began = asyncio.get_running_loop().time()
        self._limit_s = settings.LLM_FIRST_SECTION_TIMEOUT_S

    def section_came(self) -> None:
        self._limit_s = settings.LLM_TIMEOUT_S

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            async with asyncio.timeout_at(self._began + self._limit_s):
                return await anext(self._pieces)
        except TimeoutError:
            raise ModelFailed(Why.SLOW) from None


@asynccontextmanager
async def asked(messages: Messages, *, schema: dict[str, Any]) -> AsyncIterator[Answer]:
    """Ask the model, and yield its Answer: JSON that fits `schema`, if it does as it is told."""
    client = AsyncOpenAI(
        base_url=settings.LLM_BASE_URL,
        # Without one the library would look for another's in the environment.
        api_key=settings.LLM_API_KEY or "none",
        timeout=settings.LLM_TIMEOUT_S,
        max_retries=0,
        # What was said in a call goes to the address in the settings, wherever that points.
        http_client=DefaultAsyncHttpxClient(follow_redirects=False),
    )
    async with client, aclosing(_pieces(client, messages, schema)) as pieces:
        yield Answer(pieces)


async def _pieces(
    client: AsyncOpenAI, messages: Messages, schema: dict[str, Any]
) -> AsyncGenerator[str]:
    """Yield the answer's text, asking a second time when what fails may pass and nothing came."""
    may_ask_again = True
    characters = 0
    while True:
        try:
            async for piece in _asked_once(client, messages, schema):
                characters += len(piece)
                if characters > settings.LLM_MAX_TOKENS * MOST_CHARACTERS_A_TOKEN:
                    raise ModelFailed(Why.CUT_OFF)
                yield piece
            if not characters:
                raise ModelFailed(Why.UNREADABLE)
            return
        except ModelFailed as failed:
            if characters and failed.why is Why.UNREACHABLE:
                raise ModelFailed(Why.CUT_OFF) from None
            if characters or not may_ask_again or failed.why not in PASSING:
                raise
        may_ask_again = False
        await asyncio.sleep(AGAIN_AFTER_S)


async def _asked_once(
    client: AsyncOpenAI, messages: Messages, schema: dict[str, Any]
) -> AsyncIterator[str]:
    with _our_errors():
        stream = await _opened(client, messages, schema)
        async with stream:
            if stream.response.headers.get("content-type", "").startswith("text/html"):
                raise ModelFailed(Why.NO_ENDPOINT)
            async for chunk in stream:
                if piece := _piece_of(chunk):
                    yield piece


# How an endpoint was found to want to be asked: which of the ways below, by address and model.
_learned: dict[tuple[str, str], int] = {}


def _ways(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how to ask for JSON, from what newer endpoints know to what all do."""
    most = settings.LLM_MAX_TOKENS
    structured = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }
    return [
        {"response_format": structured, "max_completion_tokens": most},
        {"response_format": structured, "max_tokens": most},
        {"response_format": {"type": "json_object"}, "max_tokens": most},
        {"max_tokens": most},
    ]


async def _opened(
    client: AsyncOpenAI, messages: Messages, schema: dict[str, Any]
) -> AsyncStream[ChatCompletionChunk]:
    """Open the answer's stream, in the first way that the endpoint does not refuse."""
    endpoint = (settings.LLM_BASE_URL, settings.LLM_MODEL)
    ways = _ways(schema)
    way = _learned.get(endpoint, 0)
    while True:
        try:
            asking: Any = client.chat.completions.create(
                model=settings.LLM_MODEL, messages=messages, stream=True, **ways[way]
            )
            stream: AsyncStream[ChatCompletionChunk] = await asking
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            way += 1
            if way == len(ways):
                raise
        else:
            _learned[endpoint] = way
            return stream


def _piece_of(chunk: ChatCompletionChunk) -> str:
    try:
        choice = chunk.choices[0] if chunk.choices else None
        refused = choice and (choice.delta.refusal or choice.finish_reason == "content_filter")
        piece = choice.delta.content if choice else None
    except (AttributeError, TypeError):  # the library takes chunks as they come
        raise ModelFailed(Why.UNREADABLE) from None
    if refused:
        raise ModelFailed(Why.REFUSED)
    return piece or ""


@contextmanager
def _our_errors() -> Iterator[None]:
    """Raise ModelFailed for what goes wrong, without the provider's words."""
    try:
        yield
    except openai.APITimeoutError:
        why = Why.SLOW
    except openai.APIConnectionError:
        why = Why.UNREACHABLE
    except openai.APIStatusError as error:
        why = _why_of(error.status_code)
    except openai.APIError:
        why = Why.BROKEN  # an error in the middle of the stream
    except ValueError:
        why = Why.UNREADABLE
    else:
        return
    raise ModelFailed(why) from None


def _why_of(status: int) -> Why:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Why.KEY
    if status == HTTPStatus.NOT_FOUND:
        return Why.NO_MODEL
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Why.BUSY
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Why.BROKEN
    return Why.REJECTED if status >= HTTPStatus.BAD_REQUEST else Why.NO_ENDPOINT
