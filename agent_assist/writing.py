"""Having a language model write a brief: once for a version of a transcript, whoever asks.

A row is one brief and one job. The job writes what is finished and borne out into the row as it
comes; pages hear of each step, and read the row.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from agent_assist.brief import second_look
from agent_assist.brief.facts import facts_of
from agent_assist.brief.prompt import PROMPT_VERSION, SCHEMA, prompt_of
from agent_assist.brief.reading import read
from agent_assist.brief.sections import Sections, Withheld
from agent_assist.brief.sifting import Sieve, sifted
from agent_assist.brief.version import is_of, version_of
from agent_assist.models import Brief, Content, sealed
from anyreach.gateways import llm
from anyreach.gateways.llm import ModelFailed, Why
from anyreach.jobs.shutdown import GivenBack, Shutdown
from anyreach.live.announcing import announce
from anyreach.live.streams import ask
from conversations.models import Conversation, Turn

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=1)
AGAIN_AFTER_FAILURE = timedelta(seconds=10)
SAVE_EVERY_S = 0.15
LOOK_EVERY_S = 0.1
# Beyond the model's own limits: until a worker has the job, and the last claims are checked.
GRACE_S = 2
# Long enough for another worker to take up what a dead one has left.
TAKEN_UP_WITHIN_S = 15
CHANGED = "The transcript changed before the language model could read it."
OURS = "The brief could not be written because of a fault of ours. It has been logged."
WHILE_WORKERS_STOP = RetryStrategy(max_attempts=10, retry_exceptions={GivenBack})


def begin(
    conversation: Conversation, turns: Sequence[Turn], *, refresh: bool = False
) -> Brief | None:
    """Return the brief of these turns, final ones in order, which is written now or was before.

    One that has failed is tried again after AGAIN_AFTER_FAILURE; with `refresh`, one that is done
    is made anew. None: there is no model, or nothing to read.
    """
    if not settings.LLM_BASE_URL or not turns:
        return None
    now = timezone.now()
    key = {
        "conversation": conversation,
        "transcript_version": version_of(conversation, turns),
        "model": settings.LLM_MODEL,
        "prompt_version": PROMPT_VERSION,
    }
    due = _due(refresh=refresh, now=now)
    brief = Brief.objects.filter(~due, **key).first()
    if brief is not None and brief.can_be_opened:
        return brief
    with transaction.atomic():
        brief, is_new = Brief.objects.get_or_create(**key, defaults={"began_at": now})
        if not brief.can_be_opened:
            due = ~Q(state=Brief.State.WRITING)
        if is_new or _begun_again(brief, due, now):
            write.configure(lock=f"brief:{brief.pk}").defer(
                brief_id=str(brief.pk), turn_ids=[str(turn.pk) for turn in turns]
            )
    return brief


def _due(*, refresh: bool, now: datetime) -> Q:
    """Return which briefs it is time to begin anew."""
    due = (
        Q(state=Brief.State.FAILED, made_at__lt=now - AGAIN_AFTER_FAILURE)
        | Q(state=Brief.State.WRITING, began_at__lt=now - left_alone_after())
        | Q(began_at__lt=now - KEPT_FOR)
    )
    return due | ~Q(state=Brief.State.WRITING) if refresh else due


def _begun_again(brief: Brief, due: Q, now: datetime) -> bool:
    """Begin a brief anew if it is `due`: of all who ask at once, one does."""
    begun = Brief.objects.filter(due, pk=brief.pk).update(
        state=Brief.State.WRITING,
        writer=None,
        content=b"",
        turns_left_out=0,
        failure="",
        began_at=now,
        made_at=None,
    )
    brief.refresh_from_db()
    return begun == 1


def left_alone_after() -> timedelta:
    """Return how long after it was begun nobody is writing at a brief any more: no worker runs."""
    return timedelta(seconds=_longest_s() + TAKEN_UP_WITHIN_S)


def wait(brief: Brief) -> Brief:
    """Return a brief once it is written, has failed, or the model's time is up.

    Holds no database connection meanwhile.
    """
    began = time.monotonic()
    while brief.state == Brief.State.WRITING and time.monotonic() - began < _patience_s(brief):
        close_old_connections()
        time.sleep(LOOK_EVERY_S)
        with suppress(Brief.DoesNotExist):  # gone with its conversation
            brief.refresh_from_db()
    return brief


def _patience_s(brief: Brief) -> int:
    nothing_yet = not brief.content and not settings.LLM_SECOND_LOOK
    return settings.LLM_FIRST_SECTION_TIMEOUT_S + GRACE_S if nothing_yet else _longest_s()


def _longest_s() -> int:
    looks = 2 if settings.LLM_SECOND_LOOK else 1
    return settings.LLM_TIMEOUT_S * looks + GRACE_S


@app.periodic(cron="* * * * *")
@app.task(name="briefs.forget", queueing_lock="briefs.forget")
def forget(timestamp: int) -> None:
    """Delete briefs that are older than an hour."""
    Brief.objects.filter(began_at__lt=timezone.now() - KEPT_FOR).delete()


@app.task(name="briefs.write", retry=WHILE_WORKERS_STOP, pass_context=True)
async def write(context: JobContext, brief_id: str, turn_ids: list[str]) -> None:
    """Write a brief of these turns, unless that was done.

    Raises GivenBack when this worker stops: another begins it anew, unless this one is faster.
    """
    shutdown: Shutdown = context.additional_context["shutdown"]
    writing = await ask(_taken_up, brief_id, turn_ids)
    if writing is not None:
        await shutdown.outlasting(writing.run())


def _taken_up(brief_id: str, turn_ids: list[str]) -> "Writing | None":
    """Make a brief this worker's own, if it is not done. Whoever wrote at it before stops."""
    unfinished = Brief.objects.filter(pk=brief_id, state=Brief.State.WRITING)
    if not unfinished.update(writer=uuid4(), content=b"", began_at=timezone.now()):
        return None
    brief = Brief.objects.select_related("conversation").get(pk=brief_id)
    return Writing(brief, list(brief.conversation.turns.filter(pk__in=turn_ids)))


class Superseded(Exception):
    """Another worker writes this brief now, or it is gone."""


class Broken(Exception):
    """A fault of ours. Its name and place are told, not its words: they could be a caller's."""


class Writing:
    """One brief being written by one worker."""

    def __init__(self, brief: Brief, turns: Sequence[Turn]) -> None:
        self.brief, self.turns = brief, turns
        self.content = Content()
        self.saved_at = 0.0

    async def run(self) -> None:
        """Write until the brief is written or has failed. Raises Broken."""
        try:
            await self._write()
        except Superseded:
            return
        except ModelFailed as failed:
            told = {"brief_id": str(self.brief.pk), "why": failed.why.name}
            log.warning("The language model failed", extra=told)
            await ask(self._fail, failed.why)
        except Exception as error:
            await ask(self._fail, OURS)
            raise Broken(type(error).__name__).with_traceback(error.__traceback__) from None

    async def _write(self) -> None:
        if not is_of(self.brief.transcript_version, self.turns):
            return await ask(self._fail, CHANGED)
        await ask(self._prepare)
        text = ""
        async with llm.asked(self.prompt.messages, schema=SCHEMA) as answer:
            async for piece in answer:
                text += piece
                if "}" in piece and await ask(self._take, text):
                    answer.section_came()
        sections, withheld = await ask(self._sift_whole, text)
        if settings.LLM_SECOND_LOOK and sections != Sections():
            again, taken_away = await self._look_again(sections)
            sections, withheld = again, withheld + taken_away
        content = Content(sections=sections, withheld=withheld)
        await ask(self._save, content, state=Brief.State.WRITTEN, made_at=timezone.now())

    def _prepare(self) -> None:
        conversation = self.brief.conversation
        markers = facts_of(conversation, self.turns).markers
        most = settings.LLM_MAX_INPUT_TOKENS
        self.prompt = prompt_of(conversation, self.turns, markers, max_tokens=most)
        self.brief.turns_left_out = self.prompt.turns_left_out
        self.sieve = Sieve(self.turns, on=conversation.created_at.date())

    def _take(self, text: str) -> bool:
        """Save what is finished and borne out of an answer so far; return whether anything is."""
        answer = read(text, self.prompt.numbers)
        if answer is None or answer.sections == Sections():
            return False
        sections, withheld = sifted(answer.sections, self.sieve.fault)
        content = Content(sections=sections, withheld=withheld)
        is_time = time.monotonic() - self.saved_at >= SAVE_EVERY_S
        # What a second look may take away is not shown before it.
        if content != self.content and is_time and not settings.LLM_SECOND_LOOK:
            self._save(content)
        return True

    def _sift_whole(self, text: str) -> tuple[Sections, tuple[Withheld, ...]]:
        """Return what is borne out of a whole answer, and what is not. Raises ModelFailed."""
        answer = read(text, self.prompt.numbers)
        if answer is not None and not answer.is_whole:
            raise ModelFailed(Why.CUT_OFF)
        if answer is None or answer.sections == Sections():
            raise ModelFailed(Why.UNREADABLE)
        return sifted(answer.sections, self.sieve.fault)

    async def _look_again(self, sections: Sections) -> tuple[Sections, tuple[Withheld, ...]]:
        """Return what the model still finds in its turns, and what not; all when it fails now."""
        text = ""
        messages = second_look.messages_of(sections, self.turns)
        try:
            async with llm.asked(messages, schema=second_look.SCHEMA) as answer:
                answer.section_came()
                async for piece in answer:
                    text += piece
        except ModelFailed as failed:
            told = {"brief_id": str(self.brief.pk), "why": failed.why.name}
            log.warning("The language model failed to look again", extra=told)
        return sifted(sections, second_look.fault_of(text, sections))

    def _save(self, content: Content, **changes: object) -> None:
        self._update(content=sealed(content), turns_left_out=self.brief.turns_left_out, **changes)
        self.content, self.saved_at = content, time.monotonic()

    def _fail(self, sentence: str) -> None:
        """End without a word of the model: what it began is not kept."""
        with suppress(Superseded):
            self._update(
                state=Brief.State.FAILED, failure=sentence, content=b"", made_at=timezone.now()
            )

    def _update(self, **changes: object) -> None:
        brief, conversation = self.brief, self.brief.conversation
        mine = Brief.objects.filter(pk=brief.pk, writer=brief.writer, state=Brief.State.WRITING)
        with transaction.atomic():
            if not mine.update(**changes):
                raise Superseded
            announce(conversation.organization_id, conversation.pk, "brief")
