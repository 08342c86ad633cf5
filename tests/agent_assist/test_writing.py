"""A brief is written once, whoever asks; what the call does not bear out is never in it."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist import writing
from agent_assist.models import Brief
from anyreach.jobs.shutdown import Shutdown
from conversations.models import Conversation, Turn
from tests.agent_assist.model_server import answer, claim
from tests.conversations.factories import make_conversation, make_turn

pytestmark = pytest.mark.django_db(transaction=True)

SAID = (
    ("user", "Hello, this is Anna Meyer, I want a refund for order 4471."),
    ("agent", "I am sorry, I cannot refund that order."),
    ("user", "Then let me speak to a manager, please."),
)
RIGHT = answer(
    transfer_reason=claim("The caller wants to speak to a manager.", "t3"),
    sentiment={"turns": ["t3"], "label": "Annoyed", "level": "slightly_frustrated"},
    call_summary=[
        claim("Anna Meyer wants a refund for order 4471.", "t1"),
        claim("The agent cannot refund that order.", "t2"),
        claim("The caller wants to speak to a manager.", "t3"),
    ],
    suggested_next_steps=[{"turns": ["t1"], "action": "Refund order 4471.", "confidence": "high"}],
    information_collected=[{"turns": ["t1"], "label": "Order", "value": "4471"}],
)


@pytest.fixture(autouse=True)
def no_jobs(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


@pytest.fixture
def call() -> Conversation:
    return make_call(*SAID)


def make_call(*said: tuple[str, str], **fields: object) -> Conversation:
    began = timezone.now() - timedelta(minutes=5)
    call = make_conversation(created_at=began, answered_at=began, **fields)
    for number, (role, text) in enumerate(said):
        at = began + timedelta(seconds=number * 10)
        make_turn(call, role=role, text=text, position=number, started_at=at, ended_at=at)
    return call


def turns_of(call: Conversation) -> list[Turn]:
    return list(call.turns.filter(final=True))


def begin(call: Conversation, **how: bool) -> Brief:
    brief = writing.begin(call, turns_of(call), **how)
    assert brief is not None
    return brief


def work() -> None:
    """Do what the worker does with the jobs that wait."""
    for job in ProcrastinateJob.objects.filter(status="todo", task_name="briefs.write"):
        context = SimpleNamespace(additional_context={"shutdown": Shutdown()})
        asyncio.run(writing.write(context, **job.args))
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


def written(call: Conversation, **how: bool) -> Brief:
    begin(call, **how)
    work()
    return begin(call)


def test_what_the_model_writes_is_in_the_brief_with_its_turns(model, call):
    model.queue(RIGHT)
    brief = written(call)
    first, second, third = turns_of(call)
    assert (brief.state, brief.failure, brief.withheld) == ("written", "", ())
    assert brief.sections.transfer_reason.text == "The caller wants to speak to a manager."
    assert [line.turns for line in brief.sections.call_summary] == [
        (first.pk,),
        (second.pk,),
        (third.pk,),
    ]
    assert brief.sections.information_collected[0].value == "4471"
    assert brief.model == "test-model"
