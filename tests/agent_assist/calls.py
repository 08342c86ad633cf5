"""The calls of tests/data/calls: transcripts with claims that are true, false or unsupported.

Written for this project, nobody's real call. A claim is "unsupported" when the turns that it
cites do not say it, though it may be so. Those of `held_out` calls were not looked at when the
checker was made.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from conversations.models import Turn

FOLDER = Path(__file__).parents[1] / "data" / "calls"
SECONDS_A_TURN = 5


@dataclass(frozen=True)
class Claim:
    text: str
    turns: tuple[Turn, ...]
    label: Literal["true", "false", "unsupported"]
    because: str


@dataclass(frozen=True)
class Call:
    """`conversation` has fields for a factory; `turns` are not saved."""

    name: str
    on: date
    held_out: bool
    conversation: dict[str, object]
    turns: list[Turn]
    claims: list[Claim]


def read_call(path: Path) -> Call:
    data = json.loads(path.read_text())
    on = date.fromisoformat(data["on"])
    began = datetime.combine(on, time(10), UTC)
    turns = [
        Turn(
            id=uuid5(NAMESPACE_URL, f"{path.stem}/{position}"),
            position=position,
            final=True,
            started_at=began + timedelta(seconds=SECONDS_A_TURN * position),
            ended_at=began + timedelta(seconds=SECONDS_A_TURN * (position + 1)),
            **fields,
        )
        for position, fields in enumerate(data["turns"])
    ]
    claims = [
        Claim(
            claim["text"],
            tuple(turns[index] for index in claim["turns"]),
            claim["label"],
            claim.get("because", ""),
        )
        for claim in data["claims"]
    ]
    conversation: dict[str, object] = {
        "channel": "telephone",
        "direction": "inbound",
        "user_id": "+442079460000",
        "created_at": began,
        "answered_at": began,
    }
    return Call(path.stem, on, data["held_out"], conversation, turns, claims)


CALLS = [read_call(path) for path in sorted(FOLDER.glob("*.json"))]
