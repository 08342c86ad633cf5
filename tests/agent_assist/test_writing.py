"""A brief is written once, whoever asks; what the call does not bear out is never in it."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, connection, connections
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from agent_assist import writing
from agent_assist.brief import second_look, sifting
from agent_assist.models import Brief
from anyreach.gateways.llm import Why
from anyreach.jobs.shutdown import Shutdown
from conversations.models import Conversation, Status
from tests.agent_assist.briefed import RIGHT, SAID, make_call, turns_of
from tests.agent_assist.model_server import KEY, Reply, answer, claim
from tests.conversations.factories import make_turn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_jobs")]


@pytest.fixture
def call() -> Conversation:
    return make_call(*SAID)


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


def refresh(brief: Brief) -> Brief:
    brief.refresh_from_db()
    return brief


def at_once(times: int, act) -> list:
    def alone(_: int) -> object:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(alone, range(times)))


def jobs() -> int:
    return ProcrastinateJob.objects.filter(task_name="briefs.write").count()


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


def test_without_a_model_or_a_word_there_is_no_brief(model, settings, call):
    silent = make_call()
    assert writing.begin(silent, []) is None
    settings.LLM_BASE_URL = ""
    assert writing.begin(call, turns_of(call)) is None
    assert not Brief.objects.exists()
    assert jobs() == 0


INVENTED = {
    "a number": claim("Anna Meyer wants a refund for order 4472.", 1),
    "an amount": claim("Anna Meyer wants a refund of 40 euros.", 1),
    "a date": claim("Anna Meyer wants a refund by 3 March.", 1),
    "a name": claim("Her name is Bettina Schulz.", 1),
    "an e-mail address": claim("Her address is anna@example.com.", 1),
    "a turn that does not exist": claim("Anna Meyer wants a refund.", 1, 9),
    "the turn of something else": claim("She calls about order 4471.", 3),
    "no turn": claim("Anna Meyer wants a refund for order 4471."),
}


@pytest.mark.parametrize("what", INVENTED)
def test_what_is_invented_is_withheld_and_nothing_else(model, call, what):
    right = claim("Anna Meyer wants a refund for order 4471.", 1)
    model.queue(answer(call_summary=[INVENTED[what], right]))
    brief = written(call)
    assert [line.text for line in brief.sections.call_summary] == [right["text"]]
    (withheld,) = brief.withheld
    assert (withheld.section, withheld.text) == ("call_summary", INVENTED[what]["text"])
    assert withheld.why.endswith(".")


def test_an_invented_number_is_withheld_in_every_section(model, call):
    cited = {"turns": [1]}
    model.queue(
        answer(
            transfer_reason={**cited, "text": "She wants a refund for order 99."},
            sentiment={**cited, "label": "99 % angry", "level": "angry"},
            suggested_next_steps=[{**cited, "action": "Refund order 99.", "confidence": "high"}],
            information_collected=[
                {**cited, "label": "Order", "value": "99"},
                {**cited, "label": "Order 99", "value": "4471"},
            ],
            compliance_flags=[
                {**cited, "kind": "emergency", "severity": "high", "detail": "Order 99 burns."}
            ],
        )
    )
    brief = written(call)
    assert brief.sections.sentiment.label == "Angry"
    kept = {name for name, claims in brief.sections if claims}
    assert kept == {"sentiment"}
    assert len(brief.withheld) == 5


def test_how_the_caller_feels_is_not_read_from_what_others_said(model, call):
    model.queue(answer(sentiment={"turns": [2], "level": "angry"}))
    brief = written(call)
    assert brief.sections.sentiment is None
    assert brief.withheld[0].why == sifting.NOT_THE_CALLERS


def test_ten_who_ask_at_once_share_a_brief_a_job_and_a_request(model, call):
    model.queue(RIGHT)
    turns = turns_of(call)
    briefs = at_once(10, lambda: writing.begin(call, turns))
    assert len({brief.pk for brief in briefs}) == 1
    assert jobs() == 1
    work()
    assert at_once(10, lambda: writing.begin(call, turns).state) == ["written"] * 10
    assert len(model.asked) == 1
    assert jobs() == 0


def test_ten_who_refresh_at_once_cause_one_request(model, call):
    model.queue(RIGHT, RIGHT)
    written(call)
    at_once(10, lambda: begin(call, refresh=True))
    assert jobs() == 1
    work()
    assert len(model.asked) == 2


def test_a_refresh_joins_a_brief_that_is_being_written(model, call):
    model.queue(RIGHT)
    begin(call)
    begin(call, refresh=True)
    assert jobs() == 1


def test_a_refresh_makes_anew(model, call):
    model.queue(RIGHT, answer(call_summary=[claim("Anna Meyer wants a refund.", 1)]))
    before = written(call)
    assert len(before.sections.call_summary) == 3
    after = written(call, refresh=True)
    assert after.pk == before.pk
    assert len(after.sections.call_summary) == 1


def test_another_turn_or_model_is_another_brief(model, settings, call):
    model.queue(RIGHT, RIGHT, RIGHT)
    first = written(call)
    make_turn(call, text="Hello?", position=9)
    second = written(call)
    settings.LLM_MODEL = "another"
    third = written(call)
    assert len({first.pk, second.pk, third.pk}) == 3
    assert first.transcript_version != second.transcript_version == third.transcript_version


def test_of_one_version_every_reader_has_the_same_bytes(model, call):
    model.queue(RIGHT)
    written(call)
    told = {begin(call).sections.model_dump_json() for _ in range(3)}
    assert len(told) == 1
    assert len(model.asked) == 1


FAILURES = {
    "a wrong key": (Reply("{}", 401, "application/json"), Why.KEY),
    "too many requests": (Reply("{}", 429, "application/json"), Why.BUSY),
    "a model that is not there": (Reply("{}", 404, "application/json"), Why.NO_MODEL),
    "a fault": (Reply("{}", 500, "application/json"), Why.BROKEN),
    "a web page": (Reply("<html></html>", 200, "text/html"), Why.NO_ENDPOINT),
    "a refusal": (Reply("", refusal="No."), Why.REFUSED),
    "prose": (Reply("I am sorry, but there is nothing to say."), Why.UNREADABLE),
    "another schema": (Reply('{"summary": "All is well."}'), Why.UNREADABLE),
    "an empty answer": (Reply(answer()), Why.UNREADABLE),
    "a lost connection": (Reply(RIGHT, cut_at=300), Why.CUT_OFF),
    "too few tokens": (Reply(RIGHT[:300], finish_reason="length"), Why.CUT_OFF),
    "JSON that is none": (Reply(RIGHT.replace('"level":', "level:")), Why.UNREADABLE),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_leaves_its_sentence_and_nothing_of_the_model(model, call, what):
    reply, why = FAILURES[what]
    model.queue(reply, reply)
    brief = written(call)
    assert (brief.state, brief.failure) == ("failed", why)
    assert brief.sections.call_summary == ()
    assert brief.sections.transfer_reason is None


def test_a_slow_model_fails_in_time(model, settings, call):
    settings.LLM_FIRST_SECTION_TIMEOUT_S = 1
    # Words come, but no section that one could show.
    model.queue(Reply("Let me think. " * 100 + RIGHT, tokens_per_s=50))
    assert written(call).failure == Why.SLOW


def test_a_failed_brief_is_tried_again_by_who_asks_after_some_seconds(model, call):
    model.queue(Reply("{}", 401, "application/json"), RIGHT)
    brief = written(call)
    assert [begin(call).state for _ in range(3)] == ["failed"] * 3
    assert jobs() == 0
    Brief.objects.update(made_at=timezone.now() - writing.AGAIN_AFTER_FAILURE)
    at_once(10, lambda: begin(call))
    assert jobs() == 1
    work()
    assert refresh(brief).state == "written"


def test_a_brief_that_no_worker_took_up_is_begun_again_by_who_asks(model, call):
    begin(call)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    begin(call)
    assert jobs() == 0
    Brief.objects.update(began_at=timezone.now() - timedelta(minutes=2))
    begin(call)
    assert jobs() == 1


def test_sections_can_be_read_while_the_rest_is_written(model, call):
    model.queue(Reply(RIGHT, tokens_per_s=100))
    brief = begin(call)
    seen = []
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        while not working.done():
            sections = refresh(brief).sections
            seen.append(sum(bool(getattr(sections, name)) for name in type(sections).model_fields))
            time.sleep(0.02)
        working.result()
    assert {0, 1, 2, 3} <= set(seen)
    assert seen == sorted(seen)


def test_each_step_is_announced_to_open_pages(model, call):
    model.queue(Reply(RIGHT, tokens_per_s=100))
    begin(call)
    with connection.cursor() as cursor:
        cursor.execute("LISTEN anyreach_changes")
    work()
    notices = list(connection.connection.notifies(timeout=0.5))
    assert len(notices) >= 4
    assert {notice.payload for notice in notices} == {
        f'["{call.organization_id}", "{call.pk}", "brief"]'
    }


def test_what_was_said_after_it_began_is_not_in_it(model, call):
    model.queue(RIGHT)
    brief = begin(call)
    make_turn(call, text="One more thing about order 5000.", position=9)
    Conversation.objects.filter(pk=call.pk).update(
        status=Status.COMPLETED, ended_at=timezone.now(), duration=300
    )
    work()
    assert refresh(brief).state == "written"
    assert "5000" not in model.asked[0]["messages"][1]["content"]


def test_words_that_changed_meanwhile_are_not_read(model, call):
    brief = begin(call)
    call.turns.filter(position=0).update(text="Something else.")
    work()
    assert (refresh(brief).state, brief.failure) == ("failed", writing.CHANGED)
    assert model.asked == []


def test_nothing_of_the_call_stands_in_the_table_in_clear(model, call):
    model.queue(answer(call_summary=[claim("Anna Meyer wants order 4472.", 1)]), RIGHT)
    for _ in range(2):
        written(call, refresh=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(b)::text FROM agent_assist_brief b")
            (row,) = cursor.fetchone()
            cursor.execute("SELECT convert_from(content, 'LATIN1') FROM agent_assist_brief")
            (content,) = cursor.fetchone()
        assert len(content) > 100
        for word in ("Anna", "Meyer", "refund", "manager", "order", "caller"):
            assert word not in row
            assert word not in content


def test_a_new_key_opens_what_the_one_before_sealed(model, settings, call):
    model.queue(RIGHT)
    old = settings.BRIEF_KEYS
    written(call)
    settings.BRIEF_KEYS = [Fernet.generate_key(), *old]
    assert len(begin(call).sections.call_summary) == 3


def test_without_its_key_a_brief_is_made_anew(model, settings, call):
    model.queue(RIGHT, RIGHT)
    written(call)
    settings.BRIEF_KEYS = [Fernet.generate_key()]
    assert begin(call).sections.call_summary == ()
    assert len(written(call).sections.call_summary) == 3
    assert len(model.asked) == 2


def test_a_brief_that_an_earlier_release_has_written_otherwise_is_made_anew(model, call):
    model.queue(RIGHT, RIGHT)
    written(call)
    seal = Fernet(KEY)
    Brief.objects.update(content=seal.encrypt(b'{"sections": {"mood": "calm"}}'))
    assert len(written(call).sections.call_summary) == 3
    assert len(model.asked) == 2


def test_a_brief_goes_with_its_conversation(model, call):
    model.queue(RIGHT)
    written(call)
    call.delete()
    assert not Brief.objects.exists()


def test_a_brief_of_a_conversation_that_went_meanwhile_is_not_written(model, call):
    begin(call)
    call.delete()
    work()
    assert model.asked == []


def test_after_an_hour_it_is_forgotten(model, call):
    model.queue(RIGHT)
    brief = written(call)
    writing.forget(0)
    Brief.objects.update(began_at=timezone.now() - timedelta(minutes=61))
    assert Brief.objects.get() == brief
    writing.forget(0)
    assert not Brief.objects.exists()


def test_nobody_waits_for_a_brief_that_is_there(model, call, monkeypatch):
    model.queue(RIGHT)
    brief = written(call)
    monkeypatch.setattr(writing, "time", SimpleNamespace(monotonic=time.monotonic))  # no sleep
    assert writing.wait(brief) is brief


def test_who_waits_gets_it_written_and_holds_no_connection(model, call, monkeypatch):
    model.queue(Reply(RIGHT, tokens_per_s=100))
    brief = begin(call)
    held = []

    def sleep(seconds: float) -> None:
        held.append(connection.connection is not None)
        time.sleep(seconds)

    clock = SimpleNamespace(sleep=sleep, monotonic=time.monotonic)
    monkeypatch.setattr(writing, "time", clock)
    with ThreadPoolExecutor(1) as threads:
        waiter = threads.submit(lambda: writing.wait(brief).state)
        work()
        assert waiter.result(timeout=3) == "written"
    assert len(held) > 5
    assert not any(held)


def test_who_waits_for_no_worker_is_let_go(model, settings, call):
    settings.LLM_FIRST_SECTION_TIMEOUT_S = 1
    brief = begin(call)
    began = time.monotonic()
    assert writing.wait(brief).state == "writing"
    assert time.monotonic() - began >= 1


def test_of_two_workers_at_one_brief_the_later_goes_on(model, call):
    model.queue(Reply(RIGHT, tokens_per_s=100), RIGHT)
    brief = begin(call)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        while not model.asked:
            time.sleep(0.01)
        turn_ids = [str(turn.pk) for turn in turns_of(call)]
        later = writing._taken_up(str(brief.pk), turn_ids)
        working.result()
        assert refresh(brief).state == "writing"
    asyncio.run(later.run())
    assert refresh(brief).state == "written"


def test_a_fault_of_ours_is_told_without_the_words_it_was_about(model, call, monkeypatch):
    def stumble(*_: object) -> None:
        raise KeyError("what the caller said")

    monkeypatch.setattr(writing, "sifted", stumble)
    model.queue(RIGHT)
    brief = begin(call)
    with pytest.raises(writing.Broken) as broken:
        work()
    assert str(broken.value) == "KeyError"
    assert broken.value.__suppress_context__
    assert broken.value.__cause__ is None
    assert (refresh(brief).state, brief.failure) == ("failed", writing.OURS)


def test_a_second_look_takes_claims_away_and_does_nothing_else(model, settings, call):
    settings.LLM_SECOND_LOOK = True
    model.queue(RIGHT, '{"unsupported": [3, 99, "1"], "call_summary": ["New."]}')
    brief = begin(call)
    work()
    brief = refresh(brief)
    assert len(model.asked) == 2
    (withheld,) = brief.withheld
    assert withheld.why == second_look.WHY
    assert len(brief.sections.call_summary) == 2
    assert "New." not in brief.sections.model_dump_json()


@pytest.mark.parametrize(
    "reply", [Reply("{}", 401, "application/json"), Reply("No."), Reply('{"unsupported": "all"}')]
)
def test_a_second_look_that_fails_takes_nothing_away(model, settings, call, reply):
    settings.LLM_SECOND_LOOK = True
    model.queue(RIGHT, reply)
    brief = written(call)
    assert (brief.state, brief.withheld) == ("written", ())
    assert len(brief.sections.call_summary) == 3


def test_before_the_second_look_nothing_is_shown(model, settings, call):
    settings.LLM_SECOND_LOOK = True
    model.queue(RIGHT, Reply('{"unsupported": []}', begins_after_s=0.5))
    brief = begin(call)
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        while len(model.asked) < 2:
            time.sleep(0.01)
        assert bytes(refresh(brief).content) == b""
        working.result()
    assert len(refresh(brief).sections.call_summary) == 3


def test_the_database_refuses_a_failure_without_a_sentence(model, call):
    begin(call)
    with pytest.raises(IntegrityError):
        Brief.objects.update(state=Brief.State.FAILED, made_at=timezone.now())


def test_a_job_for_no_brief_does_nothing(model):
    assert writing._taken_up(str(uuid4()), []) is None
