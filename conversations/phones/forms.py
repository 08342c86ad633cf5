"""What an administrator fills in about telephones."""

from django import forms

from conversations.agents import NO_NUMBER, e164_of
from conversations.models import OutboundTrunk
from conversations.phones.trunks import prefixes_of


class TrunkForm(forms.Form):
    sip_trunk_id = forms.CharField(
        label="Outbound trunk",
        max_length=64,
        help_text="Its id in LiveKit, such as ST_8kPJwXyBtAcd.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    number = forms.CharField(
        label="Number shown",
        max_length=64,
        help_text="Who is called sees it. With its country code, such as +49 30 90182000.",
        widget=forms.TextInput({"inputmode": "tel", "autocomplete": "off"}),
    )
    allowed_prefixes = forms.CharField(
        label="Allowed destinations",
        required=False,
        max_length=2000,
        help_text="How numbers begin that may be called: +49, +43 1. Empty: any number.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    @classmethod
    def about(cls, trunk: OutboundTrunk) -> "TrunkForm":
        prefixes = ", ".join(trunk.allowed_prefixes)
        kept = {"sip_trunk_id": trunk.sip_trunk_id, "number": trunk.number}
        return cls(initial={**kept, "allowed_prefixes": prefixes})

    def clean_number(self) -> str:
        number = e164_of(self.cleaned_data["number"])
        if number is None:
            raise forms.ValidationError(NO_NUMBER)
        return number

    def clean_allowed_prefixes(self) -> list[str]:
        prefixes = prefixes_of(self.cleaned_data["allowed_prefixes"])
        if prefixes is None:
            raise forms.ValidationError("Each must be + and digits, apart by commas.")
        return prefixes
