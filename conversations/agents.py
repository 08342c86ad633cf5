"""An organization's agents and phone numbers: to whom a call belongs that comes in."""

from collections.abc import Callable, Mapping
from typing import Any

import phonenumbers
from django.db import IntegrityError, transaction

from anyreach.errors import Conflict
from anyreach.organizations.models import Organization
from conversations.models import Agent, PhoneNumber

MAX_STARTING_MESSAGE = 2_000
NO_NUMBER = "This must be a phone number with its country code, such as +493090182000."


class NameTaken(Conflict):
    detail = "There is an agent of this name already."


class NumberTaken(Conflict):
    """Says the same whosever the number is: this installation's others are nobody's business."""

    detail = "This number is in use already."


def e164_of(text: str) -> str | None:
    """Return a phone number written with its country code ("+49 30 901820") as E.164, else None."""
    if any(character.isalpha() for character in text):  # an extension, or a number in letters
        return None
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def add_agent(organization: Organization, *, data: Mapping[str, Any]) -> Agent:
    """`data` holds fields of Agent, `name` at least. Raises NameTaken (409)."""
    agent = Agent(organization=organization, **data)
    _save(agent.save, NameTaken)
    return agent


def change_agent(agent: Agent, *, data: Mapping[str, Any]) -> None:
    """Set the fields in `data`. Raises NameTaken (409)."""
    _change(agent, data, NameTaken)


def add_phone_number(organization: Organization, *, data: Mapping[str, Any]) -> PhoneNumber:
    """`data` holds `number` (E.164) and maybe `agent`. Raises NumberTaken (409)."""
    phone_number = PhoneNumber(organization=organization, **data)
    _save(phone_number.save, NumberTaken)
    return phone_number


def change_phone_number(phone_number: PhoneNumber, *, data: Mapping[str, Any]) -> None:
    """Set the fields in `data`. Raises NumberTaken (409)."""
    _change(phone_number, data, NumberTaken)


def _change(row: Agent | PhoneNumber, data: Mapping[str, Any], taken: type[Conflict]) -> None:
    for name, value in data.items():
        setattr(row, name, value)
    _save(lambda: row.save(update_fields=list(data)), taken)


def _save(save: Callable[[], None], taken: type[Conflict]) -> None:
    try:
        with transaction.atomic():
            save()
    except IntegrityError as error:
        raise taken from error
