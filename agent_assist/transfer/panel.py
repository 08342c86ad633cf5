"""What the panel Transfer of a conversation's page shows, and to whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from agent_assist.transfer.asking import ends_unbegun
from agent_assist.transfer.conducting import BEGUN_WITHIN
from agent_assist.transfer.forms import TransferForm
from agent_assist.transfer.models import UNFINISHED, Status, Transfer
from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from conversations.models import Conversation, OutboundTrunk
from conversations.models import Status as ConversationStatus
from conversations.phones.destinations import is_destination

SENTENCES = {
    Status.REQUESTED: "It is about to begin.",
    Status.HOLDING: "The caller is on hold.",
    Status.DIALLING: "The human is being called.",
    Status.RINGING: "The human's telephone rings.",
    Status.BRIEFING: "The human hears what the call is about.",
    Status.BRIDGED: "The human has taken the call.",
}


@dataclass(frozen=True)
class Step:
    """`at`: when it came; None while it is to come."""

    status: Status
    at: datetime | None


@dataclass(frozen=True)
class Shown:
    transfer: Transfer

    @property
    def sentence(self) -> str:
        """What happens now; of one that is over, how it ended."""
        return self.transfer.reason or SENTENCES.get(Status(self.transfer.status), "")

    @property
    def look_again_in_s(self) -> int | None:
        """Where no worker runs, nobody tells that it did not begin."""
        is_to_begin = self.transfer.status == Status.REQUESTED
        return int(BEGUN_WITHIN.total_seconds()) if is_to_begin else None

    @property
    def steps(self) -> list[Step]:
        times = {status: getattr(self.transfer, f"{status}_at") for status in UNFINISHED}
        came = [Step(status, at) for status, at in times.items() if at]
        status = Status(self.transfer.status)
        if status not in UNFINISHED:
            return [*came, Step(status, self.transfer.finished_at)]
        following = [*UNFINISHED[UNFINISHED.index(status) + 1 :], Status.BRIDGED]
        return [*came, *(Step(each, None) for each in following)]


def panel_of(conversation: Conversation, caller: Caller) -> dict[str, Any]:
    """Return what the panel's template shows `caller`, who may see `conversation`.

    Whoever may manage conversations is offered what asking.ask would take now. A transfer that no
    worker took up in time is ended first.
    """
    transfers = [Shown(each) for each in conversation.transfers.order_by("-requested_at", "-id")]
    going = next((each.transfer for each in transfers if not each.transfer.is_final), None)
    if going and ends_unbegun(going, now=timezone.now()):
        going = None
    may_manage = caller.can(Scope.CONVERSATIONS_MANAGE)
    is_free = conversation.status == ConversationStatus.IN_PROGRESS and not (
        conversation.transferred_at or going
    )
    context: dict[str, Any] = {
        "conversation": conversation,
        "latest": transfers[0] if transfers else None,
        "earlier": transfers[1:],
        "may_manage": may_manage,
        "going": going if may_manage else None,
        "is_offered": may_manage and is_free,
    }
    if context["is_offered"]:
        trunk = OutboundTrunk.objects.visible_to(caller).first()
        allowed = trunk.transfer_destinations if trunk else []
        context |= {
            "trunk": trunk,
            "form": TransferForm.empty() if allowed else None,
            "numbers": [each for each in allowed if is_destination(each)],
        }
    return context
