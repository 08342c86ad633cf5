"""Whom a call may be transferred to: nobody whom the organization has not named."""

import pytest

from conversations.phones.destinations import destinations_of, is_allowed, is_destination

ALLOWED = ["+43*", "+4930555010", "sip.example.com"]


@pytest.mark.parametrize(
    "destination",
    ["+4930555010", "+431555010", "sip:desk@sip.example.com", "sip:+1900@sip.example.com:5070"],
)
def test_who_is_named_may_be_dialled(destination):
    assert is_destination(destination)
    assert is_allowed(destination, ALLOWED)
    assert not is_allowed(destination, [])


@pytest.mark.parametrize(
    "destination",
    ["+49305550101", "+493055501", "+19005550100", "sip:desk@example.com", "sip:desk@evil.org"],
)
def test_nobody_else_is(destination):
    assert is_destination(destination)
    assert not is_allowed(destination, ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "030 555010",
        "+49 30 555010",
        "+43*",
        "sip.example.com",
        "sip:sip.example.com",
        "sips:desk@sip.example.com",
        "sip:a@evil.org@sip.example.com",
        "sip:desk@sip.example.com;transport=tcp",
        "sip:desk@sip.example.com?Route=evil.org",
        "+4930555010\r\nRoute: <sip:evil.org>",
        "+4930555010\n",
        "+٤٩٣٠٥٥٥٠١٠",
    ],
)
def test_other_ways_of_writing_are_no_destination(text):
    assert not is_destination(text)


def test_a_list_is_read_as_people_write_it():
    assert destinations_of("") == []
    assert destinations_of("+49 (30) 555-010; +43 1*,\n Sip.Example.COM ,") == [
        "+431*",
        "+4930555010",
        "sip.example.com",
    ]
