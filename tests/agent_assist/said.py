"""Calls for tests of what is read from a transcript: rows that no database knows."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from conversations.models import Conversation, Status, Turn

BEGAN = datetime(2026, 11, 21, 9, tzinfo=UTC)


def caller(text: str) -> dict[str, Any]:
    return {"role": Turn.Role.USER, "text": text}


def agent(text: str) -> dict[str, Any]:
    return {"role": Turn.Role.AGENT, "text": text}


def tool(name: str, arguments: Any = None, output: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "role": Turn.Role.TOOL,
        "name": name,
        "arguments": arguments,
        "output": output,
    } | more


def turns_of(*lines: dict[str, Any]) -> list[Turn]:
    """A turn for each line, five seconds apart."""
    return [
        Turn(
            **{"id": uuid4(), "final": True, "position": index}
            | {"started_at": BEGAN + timedelta(seconds=5 * index)}
            | line
        )
        for index, line in enumerate(lines)
    ]


def call(**fields: Any) -> Conversation:
    return Conversation(**{"created_at": BEGAN, "status": Status.IN_PROGRESS} | fields)


def where(turns: list[Turn], cited: Iterable[Any]) -> list[int]:
    """The places in `turns` of the ids that a claim cites."""
    places = {turn.id: place for place, turn in enumerate(turns)}
    return [places[each] for each in cited]
