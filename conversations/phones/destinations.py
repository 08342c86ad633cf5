"""Whom calls may be transferred to: numbers, beginnings of numbers, and SIP domains."""

import re
from collections.abc import Sequence

NUMBER = r"\+[1-9][0-9]{4,14}"
BEGINNING = r"\+[1-9][0-9]{0,14}\*"
DOMAIN = r"(?=[^:]{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
SIP_URI = r"sip:(?P<user>[A-Za-z0-9_.+-]{1,64})@(?P<host>[a-z0-9.-]{1,253})(:[0-9]{1,5})?"


def destinations_of(text: str) -> list[str] | None:
    """Read a list ("+4930555010, +49*, sip.example.com"), apart by commas or lines; None: wrong."""
    parts = (part.strip().lower() for part in re.split(r"[,;\n]", text))
    wanted = {part if _is(DOMAIN, part) else re.sub(r"[ ()/.-]", "", part) for part in parts}
    wanted.discard("")
    known = all(_is(f"{NUMBER}|{BEGINNING}|{DOMAIN}", each) for each in wanted)
    return sorted(wanted) if known else None


def is_destination(text: str) -> bool:
    """Whether this is a number as E.164, or a SIP URI such as sip:desk@sip.example.com."""
    return _is(f"{NUMBER}|{SIP_URI}", text)


def is_allowed(destination: str, allowed: Sequence[str]) -> bool:
    """Whether one of the `allowed` fits `destination`; where there are none, nobody is called."""
    uri = re.fullmatch(SIP_URI, destination)
    if uri:
        return uri["host"] in allowed
    beginnings = tuple(each.removesuffix("*") for each in allowed if each.endswith("*"))
    return destination in allowed or destination.startswith(beginnings)


def _is(form: str, text: str) -> bool:
    return re.fullmatch(form, text) is not None
