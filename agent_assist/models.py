"""What is kept of handoff briefs: what a language model wrote, for an hour, sealed."""

import uuid

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models import Q
from pydantic import BaseModel

from agent_assist.brief.sections import Sections, Withheld
from agent_assist.transfer.models import Transfer
from conversations.models import Conversation

__all__ = ["Brief", "Content", "Transfer", "sealed"]


class Content(BaseModel):
    """What a model has written so far: claims that the turns bear out, and the others."""

    sections: Sections = Sections()
    withheld: tuple[Withheld, ...] = ()


class Brief(models.Model):
    """What one model made of one version of a transcript, asked in one way.

    `content` is sealed with settings.BRIEF_KEYS. Of two workers at one brief the later one, whose
    `writer` stands here, goes on. `failure` is a sentence for a person. `made_at` is when it was
    written, or had failed.
    """

    class State(models.TextChoices):
        WRITING = "writing"
        WRITTEN = "written"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="briefs", db_index=False
    )
    transcript_version = models.CharField(max_length=64)
    model = models.CharField(max_length=255)
    prompt_version = models.CharField(max_length=16)
    state = models.CharField(max_length=7, choices=State, default=State.WRITING)
    writer = models.UUIDField(null=True)
    content = models.BinaryField(default=bytes)
    turns_left_out = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=255, blank=True)
    began_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "transcript_version", "model", "prompt_version"],
                name="brief_once",
            ),
            models.CheckConstraint(
                condition=Q(state="writing", made_at=None, failure="")
                | Q(state="written", made_at__isnull=False, failure="")
                | (Q(state="failed", made_at__isnull=False) & ~Q(failure="")),
                name="brief_state",
            ),
        ]
        indexes = [models.Index(fields=["began_at"], name="brief_age")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def sections(self) -> Sections:
        return self._opened.sections

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        return self._opened.withheld

    @property
    def can_be_opened(self) -> bool:
        """False once its key is gone from the settings, or a release has other sections."""
        try:
            return bool(self._opened)
        except (InvalidToken, ValueError):
            return False

    @property
    def _opened(self) -> Content:
        if not self.content:
            return Content()
        return Content.model_validate_json(_seals().decrypt(bytes(self.content)))


def sealed(content: Content) -> bytes:
    return _seals().encrypt(content.model_dump_json().encode())


def _seals() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.BRIEF_KEYS])
