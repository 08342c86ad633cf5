"""What the inbox shows, and what it may be narrowed by."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.http import QueryDict

from anyreach.organizations.caller import Caller
from anyreach.organizations.scopes import Scope
from conversations.models import (
    ACTIVE,
    CAMPAIGN_INDEXED,
    Agent,
    Channel,
    Conversation,
    ConversationQuerySet,
    Direction,
    Status,
)
from conversations.serializers import ConversationQuery

LIVE = "live"
GREATEST_INTEGER = 2**31 - 1

CHOICES = {
    "direction": Direction.choices,
    "status": [
        (LIVE, "Live now"),
        *(choice for choice in Status.choices if choice[0] != Status.TOKEN_CREATED),
    ],
    "channel": Channel.choices,
}


def all_of(caller: Caller) -> ConversationQuerySet:
    """Return what `caller` finds in the inbox without a filter."""
    visible = Conversation.objects.visible_to(caller).select_related("agent")
    return visible.exclude(status=Status.TOKEN_CREATED)


def _choice(name: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", "Any"), *CHOICES[name]], required=False)


def _count(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=GREATEST_INTEGER)


def _moment(label: str) -> forms.DateTimeField:
    """A moment: UTC in the address bar, in the reader's zone in the dialog (pages/inbox.js)."""
    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "data-utc": ""}, format="%Y-%m-%dT%H:%M"
    )
    return forms.DateTimeField(label=label, required=False, widget=widget)


class InboxFilter(forms.Form):
    """The filters, named as the API's parameters are (ConversationQuery), and the campaign."""

    user_id = forms.CharField(
        label="Caller (Phone Number or User ID)", required=False, max_length=255
    )
    agent_id = forms.ModelChoiceField(
        Agent.objects.none(), label="Agent", required=False, empty_label="Any"
    )
    direction = _choice("direction")
    status = _choice("status")
    channel = _choice("channel")
    campaign = forms.CharField(required=False, max_length=CAMPAIGN_INDEXED)
    duration_above = _count("Min Duration (seconds)")
    duration_below = _count("Max Duration (seconds)")
    user_turn_count_above = _count("Min User Turns")
    user_turn_count_below = _count("Max User Turns")
    created_after = _moment("Created After")
    created_before = _moment("Created Before")

    def __init__(self, address: QueryDict, *, caller: Caller) -> None:
        super().__init__(address)
        agents = cast("forms.ModelChoiceField[Agent]", self.fields["agent_id"])
        agents.queryset = Agent.objects.visible_to(caller)
        # Whoever could narrow by what they may not read could guess it.
        if not caller.can(Scope.CONVERSATIONS_READ_SENSITIVE):
            del self.fields["campaign"]

    def clean(self) -> None:
        if self.data.get("campaign") and "campaign" not in self.fields:
            raise forms.ValidationError(
                "Your role does not show campaigns, so it cannot filter by one."
            )

    def conditions(self) -> dict[str, Any]:
        """Return the given values as conditions of a QuerySet. Call is_valid() first."""
        return ConversationQuery.conditions_of(self._parameters())

    def _parameters(self) -> dict[str, Any]:
        """Return the given values as the API's parameters."""
        given = {name: value for name, value in self.cleaned_data.items() if _is_given(value)}
        if "agent_id" in given:
            given["agent_id"] = given["agent_id"].pk
        for name in CHOICES.keys() & given.keys():
            given[name] = ACTIVE if given[name] == LIVE else [given[name]]
        return given

    def address(self) -> str:
        """Return what is given as the query of an address, in the form's order."""
        query = QueryDict(mutable=True)
        for name in self.fields:
            if value := self.data.get(name, "").strip():
                query[name] = value
        return query.urlencode()

    def given(self) -> list[tuple[str, str, str]]:
        """Return (label, value in words, address without it) of each filter that is set."""
        chips = []
        for name, value in self.cleaned_data.items():
            if not _is_given(value):
                continue
            rest = QueryDict(self.address(), mutable=True)
            rest.pop(name, None)
            chips.append((str(self[name].label), self._words(name, value), rest.urlencode()))
        return chips

    def _words(self, name: str, value: Any) -> str:
        if name in CHOICES:
            return str(dict(CHOICES[name])[value])
        return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def _is_given(value: object) -> bool:
    return value not in (None, "")
