"""How soon a brief is there: from a model of 50 tokens a second, and from the database."""

import asyncio
import time
from itertools import pairwise

import pytest

from agent_assist import writing
from agent_assist.brief.reading import read
from agent_assist.brief.sections import Sections
from agent_assist.brief.version import version_of
from agent_assist.models import Brief
from conversations.models import Conversation
from tests.agent_assist.briefed import RIGHT, SAID, make_call, turns_of
from tests.agent_assist.conftest import brief_worker, model  # noqa: F401 - fixtures
from tests.agent_assist.model_server import TOKEN, Reply
from tests.bench.figures import told

TOKENS_PER_S = 50
BRIEFS = 10
READS = 100
TURNS = 200
pytestmark = pytest.mark.django_db(transaction=True)


def tokens_until_a_section() -> int:
    """Return how many of the model's tokens there are before the first section is whole."""
    text = ""
    for number, token in enumerate(TOKEN.findall(RIGHT)):
        text += token
        found = read(text, {})
        if found is not None and found.sections != Sections():
            return number
    raise ValueError


@pytest.mark.timeout(300)
def bench_brief_from_a_model(brief_worker, model) -> None:  # noqa: F811
    """Every reader sees the row: it is looked at without pause, from when the model is asked."""
    brief_worker.start()
    first, whole, asked_after = [], [], []
    for number in range(BRIEFS + 1):
        call = make_call(*SAID)
        model.queue(Reply(RIGHT, tokens_per_s=TOKENS_PER_S))
        began = time.time()
        brief = writing.begin(call, turns_of(call))
        seen = None
        while brief.state == Brief.State.WRITING:
            time.sleep(0.005)
            brief.refresh_from_db()
            if seen is None and brief.content:
                seen = time.time()
        assert brief.state == Brief.State.WRITTEN
        if number == 0:  # the worker comes up meanwhile
            continue
        token_at = model.began_at[-1]
        asked_after.append((token_at - began) * 1000)
        first.append((seen - token_at) * 1000)
        whole.append((time.time() - token_at) * 1000)
    tokens = len(TOKEN.findall(RIGHT))
    print(f"\nA brief of {tokens} tokens, {TOKENS_PER_S} a second, {BRIEFS} runs, after the first")
    print(f"baseline: the model's own time to a section {tokens_until_a_section() / 0.05:10.1f} ms")
    print(f"baseline: the model's own time in all       {tokens / 0.05:10.1f} ms")
    print(told("the first section in the database", first))
    print(told("all of it checked and in the database", whole))
    print(told("from who asks to the model's first token", asked_after))


def bench_brief_that_is_there(model) -> None:  # noqa: F811
    call = make_call(*(SAID[number % len(SAID)] for number in range(TURNS)))
    turns = turns_of(call)
    brief = writing.begin(call, turns)
    model.queue(RIGHT)
    asyncio.run(writing._taken_up(str(brief.pk), [str(turn.pk) for turn in turns]).run())

    def read_turns() -> None:
        list(Conversation.objects.get(pk=call.pk).turns.filter(final=True))

    def read_brief() -> None:
        there = Conversation.objects.get(pk=call.pk)
        assert writing.wait(writing.begin(there, turns_of(there))).sections.call_summary

    print(f"\nA brief that is there, of a call of {TURNS} turns, {READS} runs")
    print(told("baseline: the turns themselves", took(read_turns)))
    print(told("turns, their version, the brief opened", took(read_brief)))
    print(told("of that the version", took(lambda: version_of(call, turns))))


def took(act) -> list[float]:
    marks = [time.perf_counter()]
    for _ in range(READS):
        act()
        marks.append(time.perf_counter())
    return [(after - before) * 1000 for before, after in pairwise(marks)]
