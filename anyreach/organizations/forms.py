"""What people fill in."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from anyreach.organizations.models import User
from anyreach.organizations.scopes import Role

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never")]


class LifetimeField(forms.TypedChoiceField):
    """How long a credential lasts; cleans to the moment it ends, or None for never."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label="Expires after",
            choices=LIFETIMES,
            coerce=lambda days: timezone.now() + timedelta(days=int(days)),
            empty_value=None,
            required=False,
            initial="90",
            **options,
        )


class ApiKeyForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="What will use it, such as “CRM import”.")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)
    expires_at = LifetimeField()


class TokenForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Where you will use it.")
    expires_at = LifetimeField()


class InvitationForm(forms.Form):
    email = forms.EmailField(label="E-mail", max_length=254)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class NewAccountForm(forms.Form):
    """What somebody invited tells us to get an account; the e-mail address is the invitation's."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        widget=forms.TextInput({"autocomplete": "name", "autofocus": True}),
    )
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )
    password_again = forms.CharField(
        label="Password, again",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any = None, *, email: str) -> None:
        super().__init__(data)
        self.email = email

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        password = cleaned.get("password")
        if password is None:
            return cleaned
        if password != cleaned.get("password_again"):
            self.add_error("password_again", "The two passwords are not the same.")
        try:
            validate_password(password, User(email=self.email, name=cleaned.get("name", "")))
        except forms.ValidationError as error:
            self.add_error("password", error)
        return cleaned
