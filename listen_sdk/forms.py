"""What an administrator fills in."""

from django import forms

from listen_sdk.embedding import origin_of


class OriginForm(forms.Form):
    origin = forms.CharField(
        label="A page that may embed calls",
        max_length=2000,
        help_text="Such as https://crm.example.com. What follows the host is cut off.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_origin(self) -> str:
        origin = origin_of(self.cleaned_data["origin"])
        if origin is None:
            raise forms.ValidationError(
                "Browsers cannot be told to allow this. Give one host with http or https, by its "
                "name (letters, digits, dashes) or IPv4 address, without a wildcard."
            )
        return origin
