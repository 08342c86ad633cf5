"""What an administrator fills in."""

from django import forms

from listen_sdk.embedding import origin_of


class OriginForm(forms.Form):
    origin = forms.CharField(
        label="A page that may embed calls",
        max_length=2000,
        help_text="Its address, such as https://crm.example.com. What follows the host is cut off: "
        "every page of it may.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_origin(self) -> str:
        origin = origin_of(self.cleaned_data["origin"])
        if origin is None:
            raise forms.ValidationError(
                "This is not the address of a web page. Give one host by its name or IPv4 "
                "address, with http or https, without a wildcard."
            )
        return origin
