"""What a brief says, line by line, and the turns that each line rests on."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Level(StrEnum):
    """How the caller feels, from good to bad."""

    CALM = "calm"
    SLIGHTLY_FRUSTRATED = "slightly_frustrated"
    FRUSTRATED = "frustrated"
    ANGRY = "angry"


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Severity(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class FlagKind(StrEnum):
    """What a human must mind on this call."""

    PAYMENT_DATA = "payment_data"
    HEALTH_DATA = "health_data"
    EMERGENCY = "emergency"
    LEGAL_THREAT = "legal_threat"
    FORMAL_COMPLAINT = "formal_complaint"
    CONSENT_REFUSED = "consent_refused"
    IDENTITY_UNCLEAR = "identity_unclear"
    PROMPT_INJECTION = "prompt_injection"


class MarkerKind(StrEnum):
    """Why a turn deserves a look."""

    REQUEST = "request"
    COMMITMENT = "commitment"
    IDENTITY = "identity"
    SENTIMENT = "sentiment"
    ESCALATION = "escalation"
    COMPLIANCE = "compliance"
    TOOL_FAILURE = "tool_failure"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Marker(Frozen):
    """`label` is a few words for a person: "Asks for a person"."""

    kind: MarkerKind
    label: str


class Claim(Frozen):
    """Something said of a call. `turns` are the ids of the turns that it rests on."""

    turns: tuple[UUID, ...]


class Statement(Claim):
    text: str


class Sentiment(Claim):
    """`label` is a word or three: "Calm", "Upset about a late refund"."""

    label: str
    level: Level


class Information(Claim):
    label: str
    value: str


class Step(Claim):
    action: str
    confidence: Confidence


class Flag(Claim):
    kind: FlagKind
    severity: Severity
    detail: str


class Section(StrEnum):
    SENTIMENT = "sentiment"
    TRANSFER_REASON = "transfer_reason"
    CALL_SUMMARY = "call_summary"
    INFORMATION_COLLECTED = "information_collected"
    SUGGESTED_NEXT_STEPS = "suggested_next_steps"
    COMPLIANCE_FLAGS = "compliance_flags"


class Sections(Frozen):
    """A brief, or as much of it as there is. Its fields are called as `Section` has them."""

    sentiment: Sentiment | None = None
    transfer_reason: Statement | None = None
    call_summary: tuple[Statement, ...] = ()
    information_collected: tuple[Information, ...] = ()
    suggested_next_steps: tuple[Step, ...] = ()
    compliance_flags: tuple[Flag, ...] = ()


class Withheld(Frozen):
    """A claim that the transcript does not bear out. `why` is a sentence for a person."""

    section: Section
    text: str
    why: str
