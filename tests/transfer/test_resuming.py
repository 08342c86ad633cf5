"""Transfers whose job is lost get another."""

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist.transfer.conducting import have_conducted
from agent_assist.transfer.models import Status
from agent_assist.transfer.resuming import resume
from conversations.models import Status as ConversationStatus
from tests.conversations.factories import make_conversation
from tests.transfer.factories import make_transfer

pytestmark = pytest.mark.django_db


def jobs():
    conducting = ProcrastinateJob.objects.filter(task_name="transfers.conduct")
    return list(conducting.values_list("args__transfer_id", "lock"))


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.BRIEFING, Status.BRIDGED])
def test_a_transfer_that_nobody_conducts_is_conducted_again_once(status):
    conversation = make_conversation(status=ConversationStatus.IN_PROGRESS)
    transfer = make_transfer(conversation, status=status)
    for _ in range(2):
        resume(0)
    assert jobs() == [(str(transfer.pk), f"transfer:{conversation.pk}")]


def test_one_that_has_its_job_keeps_it():
    transfer = make_transfer(make_conversation(), status=Status.RINGING)
    have_conducted(transfer)
    resume(0)
    assert len(jobs()) == 1


@pytest.mark.parametrize(
    ("status", "call"),
    [
        (Status.DECLINED, ConversationStatus.IN_PROGRESS),
        (Status.BRIDGED, ConversationStatus.TRANSFERRED),
    ],
)
def test_what_is_over_is_left(status, call):
    make_transfer(make_conversation(status=call), status=status)
    resume(0)
    assert jobs() == []
