"""Ears that are closed while they leave, are heard and are renewed: nobody waits for ever."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from conversations import ledger, listening, revoking
from conversations.models import ListenEvent, ListenSession
from tests.conversations.factories import make_conversation, make_listen_session


def at_once(*tasks: Callable[[], object]) -> list[Exception]:
    """Run `tasks` in threads of their own and return what they raised."""
    start, raised = threading.Barrier(len(tasks)), []

    def run(task: Callable[[], object]) -> None:
        start.wait()
        try:
            task()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_closing_all_ears_and_each_of_them_leaving_wait_for_each_other_in_one_order(
    livekit_server,
):
    conversation, now = make_conversation(), timezone.now()
    chains = []
    for _ in range(6):
        first = make_listen_session(conversation, in_room_since=now, joined_at=now)
        renewal = make_listen_session(conversation, first=first, in_room_since=now, joined_at=now)
        chains += [first, renewal]
    raised = at_once(
        partial(revoking.revoke, chains, by="An admin", now=now),
        partial(revoking.revoke, reversed(chains), by="Another admin", now=now),
        *(partial(listening.lost, each, at=now) for each in chains[::2]),
        *(partial(listening.sounded, each, audible=True, at=now) for each in chains[1::2]),
    )
    assert raised == []
    assert not ListenSession.objects.filter(ended_how="").exists()
    assert ListenEvent.objects.filter(kind="revoked").count() == 6
    assert ledger.verify(conversation.organization_id).wrong == ""
