"""What people fill in about agents and phone numbers."""

from collections.abc import Iterable
from typing import Any

from django import forms

from conversations.agents import MAX_STARTING_MESSAGE, NO_NUMBER, e164_of
from conversations.models import Agent, PhoneNumber


class AgentForm(forms.Form):
    name = forms.CharField(max_length=200)
    dispatch_name = forms.CharField(
        required=False,
        max_length=200,
        help_text="The agent_name that its worker registers with LiveKit, if it has one.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    starting_message = forms.CharField(
        required=False, max_length=MAX_STARTING_MESSAGE, help_text="What it says first."
    )

    @classmethod
    def about(cls, agent: Agent) -> "AgentForm":
        kept = {name: getattr(agent, name) for name in cls.base_fields}
        return cls(initial=kept, auto_id=f"id-{agent.pk}-%s")


class PhoneNumberForm(forms.Form):
    """`agent` cleans to one of the `agents` it was made with, or None."""

    number = forms.CharField(
        max_length=64,
        help_text="With its country code, such as +49 30 90182000.",
        widget=forms.TextInput({"inputmode": "tel", "autocomplete": "off"}),
    )

    def __init__(self, *given: Any, agents: Iterable[Agent], **options: Any) -> None:
        super().__init__(*given, **options)
        self.agents = {str(agent.pk): agent for agent in agents}
        choices = [(pk, agent.name) for pk, agent in self.agents.items()]
        self.fields["agent"] = forms.ChoiceField(
            choices=[("", "No agent"), *choices],
            required=False,
            help_text="Who answers calls to it.",
        )

    @classmethod
    def about(cls, phone_number: PhoneNumber, agents: Iterable[Agent]) -> "PhoneNumberForm":
        kept = {"number": phone_number.number, "agent": phone_number.agent_id}
        return cls(initial=kept, agents=agents, auto_id=f"id-{phone_number.pk}-%s")

    def clean_number(self) -> str:
        number = e164_of(self.cleaned_data["number"])
        if number is None:
            raise forms.ValidationError(NO_NUMBER)
        return number

    def clean_agent(self) -> Agent | None:
        return self.agents.get(self.cleaned_data["agent"])
