"""A worker may die at any moment: its jobs are done by another, and none stays in the way."""

import asyncio

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from anyreach.jobs import stalled
from conversations.listening import evict
from conversations.reconciling import reconcile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_jobs(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def begun_by_a_worker_that_died(job_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job_id])


def test_a_job_whose_worker_has_been_silent_for_seven_seconds_waits_again():
    job_id = evict.defer(session_id="x")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - interval '7 seconds') RETURNING id"
        )
        (worker_id,) = cursor.fetchone()
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s",
            [worker_id, job_id],
        )
    asyncio.run(stalled.take_up(app.job_manager))
    assert statuses() == ["todo"]


def statuses() -> list[str]:
    return list(ProcrastinateJob.objects.order_by("id").values_list("status", flat=True))


def test_a_job_of_a_dead_worker_waits_again():
    begun_by_a_worker_that_died(evict.defer(session_id="x"))
    asyncio.run(stalled.take_up(app.job_manager))
    assert statuses() == ["todo"]


def test_where_another_of_its_kind_waits_it_makes_way_for_it_and_for_the_rest():
    begun_by_a_worker_that_died(reconcile.defer(timestamp=1))
    reconcile.defer(timestamp=2)
    begun_by_a_worker_that_died(evict.defer(session_id="x"))
    asyncio.run(stalled.take_up(app.job_manager))
    assert statuses() == ["todo", "todo"]
