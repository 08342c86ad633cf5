"""What an administrator fills in about telephones."""

from django import forms

from conversations.agents import NO_NUMBER, e164_of
from conversations.models import OutboundTrunk
from conversations.phones.destinations import destinations_of, is_destination
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
        help_text="How numbers begin that the API may call: +49, +43 1. Empty: any number.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    transfer_destinations = forms.CharField(
        label="Transfers may go to",
        required=False,
        max_length=10_000,
        help_text="Numbers, beginnings with a star, and SIP domains: +49 30 555010, +43*, "
        "sip.example.com. Empty: nobody.",
        widget=forms.Textarea({"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )

    @classmethod
    def about(cls, trunk: OutboundTrunk) -> "TrunkForm":
        return cls(
            initial={
                "sip_trunk_id": trunk.sip_trunk_id,
                "number": trunk.number,
                "allowed_prefixes": ", ".join(trunk.allowed_prefixes),
                "transfer_destinations": ", ".join(trunk.transfer_destinations),
            }
        )

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

    def clean_transfer_destinations(self) -> list[str]:
        destinations = destinations_of(self.cleaned_data["transfer_destinations"])
        if destinations is None:
            raise forms.ValidationError(
                "Each must be a number (+4930555010), a beginning (+49*) or a SIP domain."
            )
        return destinations


class TrialForm(forms.Form):
    destination = forms.CharField(
        label="Who is called",
        max_length=255,
        help_text="Whom calls or transfers may go to: +49 30 555010, sip:desk@sip.example.com.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_destination(self) -> str:
        text: str = self.cleaned_data["destination"]
        destination = e164_of(text) or text
        if not is_destination(destination):
            raise forms.ValidationError(
                "This must be a phone number with its country code, or a SIP address."
            )
        return destination
