"""A call, and what a truthful model makes of it."""

from datetime import timedelta

from django.utils import timezone

from conversations.models import Conversation, Turn
from tests.agent_assist.model_server import answer, claim
from tests.conversations.factories import make_conversation, make_turn

SAID = (
    ("user", "Hello, this is Anna Meyer, I want a refund for order 4471."),
    ("agent", "I am sorry, I cannot refund that order."),
    ("user", "Then let me speak to a manager, please."),
)
RIGHT = answer(
    transfer_reason=claim("The caller wants to speak to a manager.", 3),
    sentiment={"turns": [3], "label": "Annoyed", "level": "slightly_frustrated"},
    call_summary=[
        claim("Anna Meyer wants a refund for order 4471.", 1),
        claim("The agent cannot refund that order.", 2),
        claim("The caller wants to speak to a manager.", 3),
    ],
    suggested_next_steps=[{"turns": [1], "action": "Refund order 4471.", "confidence": "high"}],
    information_collected=[{"turns": [1], "label": "Order", "value": "4471"}],
)


def make_call(*said: tuple[str, str], **fields: object) -> Conversation:
    began = timezone.now() - timedelta(minutes=5)
    call = make_conversation(created_at=began, answered_at=began, **fields)
    for number, (role, text) in enumerate(said):
        at = began + timedelta(seconds=number * 10)
        make_turn(call, role=role, text=text, position=number, started_at=at, ended_at=at)
    return call


def turns_of(call: Conversation) -> list[Turn]:
    return list(call.turns.filter(final=True))
