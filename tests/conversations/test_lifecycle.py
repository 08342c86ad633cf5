"""Statuses go forward only, whoever reports, in whatever order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import ACTIVE, OPEN, TERMINAL, Conversation, Status, StatusChange
from tests.conversations.factories import make_conversation

pytestmark = pytest.mark.django_db

WEBHOOK = StatusChange.Source.WEBHOOK


def evidence(status, at=None, reason=None):
    return Evidence(Status(status), at or timezone.now(), WEBHOOK, reason)


@pytest.mark.parametrize("now", OPEN)
@pytest.mark.parametrize("reported", TERMINAL)
def test_any_open_conversation_may_end_in_any_way(now, reported):
    conversation = make_conversation(status=now)
    assert lifecycle.report(conversation, evidence(reported))
    assert conversation.status == reported
    assert conversation.ended_at is not None


@pytest.mark.parametrize("now", TERMINAL)
@pytest.mark.parametrize("reported", Status.values)
def test_what_is_over_stays_as_it_ended(now, reported):
    conversation = make_conversation(status=now)
    assert not lifecycle.report(conversation, evidence(reported))
    assert conversation.status == now
    assert not conversation.status_changes.exists()


@pytest.mark.parametrize("now", OPEN)
@pytest.mark.parametrize("reported", ACTIVE)
def test_an_open_conversation_moves_forward_only(now, reported):
    conversation = make_conversation(status=now)
    forward = OPEN.index(reported) > OPEN.index(now)
    assert lifecycle.report(conversation, evidence(reported)) is forward
    assert conversation.status == (reported if forward else now)


def test_duration_is_from_answer_to_end():
    conversation = make_conversation(status=Status.RINGING)
    answered_at = timezone.now()
    lifecycle.report(conversation, evidence(Status.IN_PROGRESS, answered_at))
    ended_at = answered_at + timedelta(seconds=61.4)
    lifecycle.report(conversation, evidence(Status.COMPLETED, ended_at, "The caller hung up."))
    assert conversation.answered_at == answered_at
    assert conversation.ended_at == ended_at
    assert conversation.duration == 61
    assert conversation.end_reason == "The caller hung up."


def test_a_call_that_was_never_answered_has_no_duration():
    conversation = make_conversation(status=Status.RINGING)
    lifecycle.report(conversation, evidence(Status.UNANSWERED))
    assert conversation.duration is None


def test_an_end_before_the_answer_is_no_negative_duration():
    conversation = make_conversation(status=Status.RINGING)
    answered_at = timezone.now()
    lifecycle.report(conversation, evidence(Status.IN_PROGRESS, answered_at))
    early = answered_at - timedelta(seconds=2)
    lifecycle.report(conversation, evidence(Status.COMPLETED, early))
    assert conversation.duration == 0


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(Status.values), max_size=8))
def test_reports_in_any_order_leave_one_forward_history(reports):
    conversation = make_conversation(status=Status.TOKEN_CREATED)
    for status in reports:
        lifecycle.report(conversation, evidence(status))
    order = [*OPEN, TERMINAL]
    ranks = [
        order.index(change.status) if change.status in OPEN else len(OPEN)
        for change in conversation.status_changes.order_by("id")
    ]
    assert ranks == sorted(set(ranks))
    last = conversation.status_changes.order_by("id").last()
    assert conversation.status == (last.status if last else Status.TOKEN_CREATED)


@pytest.mark.django_db(transaction=True)
def test_of_ten_ends_reported_at_once_one_is_written():
    conversation = make_conversation()

    def end(status):
        try:
            return lifecycle.report(Conversation.objects.get(pk=conversation.pk), evidence(status))
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        moved = list(pool.map(end, [Status.COMPLETED, Status.FAILED] * 5))
    assert moved.count(True) == 1
    assert conversation.status_changes.count() == 1
