"""Which transcript a brief is of."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from conversations.models import Conversation, Turn


def version_of(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a name for all that a brief reads: of the call, and of its turns in order."""
    call = (
        *(conversation.pk, conversation.user_id, conversation.caller_name, conversation.status),
        *(conversation.created_at, conversation.answered_at, conversation.duration),
        *(conversation.initial_context, conversation.custom_metadata),
    )
    return _hash(call) + _version_of_turns(turns)


def is_of(version: str, turns: Sequence[Turn]) -> bool:
    """Return whether these are the turns of that version, whatever became of the call since."""
    return version.endswith(_version_of_turns(turns))


def _version_of_turns(turns: Sequence[Turn]) -> str:
    return _hash(
        [
            (
                *(turn.pk, turn.role, turn.text, turn.started_at, turn.ended_at, turn.interrupted),
                *(turn.name, turn.arguments, turn.output, turn.is_error),
            )
            for turn in turns
        ]
    )


def _hash(content: Any) -> str:
    """Return 32 hexadecimal digits."""
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(encoded.encode()).hexdigest()[:32]
