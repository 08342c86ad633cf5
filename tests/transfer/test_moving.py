"""A transfer's statuses: forward only, by whoever comes first, and told."""

import threading

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from agent_assist.transfer import moving
from agent_assist.transfer.models import FINAL, UNFINISHED, Status, Transfer
from tests.conversations.factories import make_conversation
from tests.transfer.factories import make_transfer

pytestmark = pytest.mark.django_db

ALLOWED = {
    (before, after)
    for before in UNFINISHED
    for after in Status
    if after in FINAL or list(Status).index(after) > list(Status).index(before)
    if after != Status.BRIDGED or before == Status.BRIEFING
}


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_it_goes_forward_only_and_final_is_final(before, after):
    transfer = make_transfer(make_conversation(), status=before)
    now = timezone.now()
    assert moving.move(transfer, after, at=now, reason="So.") == ((before, after) in ALLOWED)
    if (before, after) in ALLOWED:
        time = "finished_at" if after in FINAL else f"{after}_at"
        assert (transfer.status, transfer.reason, getattr(transfer, time)) == (after, "So.", now)
    else:
        assert (transfer.status, transfer.reason) == (before, "")


def test_a_bridged_one_marks_its_conversation():
    transfer = make_transfer(make_conversation(), status=Status.BRIEFING)
    now = timezone.now()
    assert moving.move(transfer, Status.BRIDGED, at=now)
    transfer.conversation.refresh_from_db()
    assert transfer.conversation.transferred_at == now


def test_nobody_takes_a_call_that_is_over():
    transfer = make_transfer(make_conversation(status="completed"), status=Status.BRIEFING)
    assert not moving.move(transfer, Status.BRIDGED, at=timezone.now())
    assert transfer.status == Status.BRIEFING
    transfer.conversation.refresh_from_db()
    assert transfer.conversation.transferred_at is None


def test_a_conversation_has_one_unfinished_transfer_at_a_time():
    conversation = make_conversation()
    make_transfer(conversation, status=Status.DECLINED)
    make_transfer(conversation)
    with pytest.raises(IntegrityError):
        make_transfer(conversation)


@pytest.mark.django_db(transaction=True)
def test_of_taking_and_cancelling_at_once_one_happens():
    for _ in range(5):
        transfer = make_transfer(make_conversation(), status=Status.BRIEFING)
        moved = []

        def go(status, pk=transfer.pk, moved=moved):
            try:
                mine = Transfer.objects.select_related("conversation").get(pk=pk)
                if moving.move(mine, status, at=timezone.now()):
                    moved.append(status)
            finally:
                connection.close()

        wanted = (Status.BRIDGED, Status.CANCELLED)
        threads = [threading.Thread(target=go, args=[status]) for status in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        transfer.refresh_from_db()
        assert moved == [transfer.status]
        transfer.conversation.refresh_from_db()
        bridged = transfer.status == Status.BRIDGED
        assert (transfer.conversation.transferred_at is not None) == bridged
