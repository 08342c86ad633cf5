"""What is filled in to have a human put on the line. It is sent to the API, which checks it."""

from typing import Self

from django import forms

from agent_assist.transfer.models import Transfer
from agent_assist.transfer.serializers import TransferIn


class TransferForm(forms.Form):
    """Has the fields of TransferIn, by its names."""

    transfer_number = forms.CharField(
        label="Number",
        help_text="With its country code, such as +49 30 555010, or sip:desk@sip.example.com.",
        widget=forms.TextInput(
            {"list": "transfer-numbers", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    supervisor_instructions = forms.CharField(
        label="Instructions",
        required=False,
        help_text="Spoken to the human first: why they are called, what they should do.",
        widget=forms.Textarea({"rows": 3}),
    )
    hold_music = forms.ChoiceField(
        choices=[(Transfer.HoldMusic.DEFAULT, "Music"), (Transfer.HoldMusic.NONE, "Silence")],
        label="The caller hears on hold",
    )
    accept = forms.ChoiceField(
        choices=[
            (Transfer.Accept.DTMF, "By pressing 1"),
            (Transfer.Accept.ANSWER, "By answering"),
        ],
        label="The human takes the call",
        help_text="After they have heard the brief.",
    )
    ring_timeout_seconds = forms.IntegerField(
        label="Seconds to answer", help_text="How long their telephone rings at most."
    )
    accept_timeout_seconds = forms.IntegerField(
        label="Seconds to take the call", help_text="From when they have answered."
    )

    @classmethod
    def empty(cls) -> Self:
        """With what the API takes where nothing is told."""
        fields = TransferIn().fields.items()
        return cls(initial={name: field.default for name, field in fields if not field.required})
