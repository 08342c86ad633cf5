"""Attacks on the brief: to read another's, to slip something into it, to find it in a log."""

import logging
from http import HTTPStatus

import pytest
from django.test import Client

from anyreach.organizations.scopes import Role
from tests.conversations.factories import make_conversation, make_turn
from tests.organizations.factories import bearer, make_api_key, make_organization, signed_in

pytestmark = pytest.mark.django_db
NUMBER = "+15550184471"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ settings.SECRET_KEY }}'


@pytest.fixture
def call():
    call = make_conversation(make_organization(), user_id=NUMBER)
    make_turn(call, text="My card number is 4111 1111 1111 1111.")
    return call


def pages(call):
    slug = call.organization.slug
    piece = f"/{slug}/conversations/{call.pk}/brief"
    return [f"/{slug}/agent-assist/{NUMBER}", f"{piece}?turns=1", f"{piece}/events"]


def test_another_organization_has_no_such_number(call):
    headers = bearer(make_api_key()[1])
    answer = Client().get(f"/core/agent-assist/{NUMBER}", headers=headers)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    stranger = signed_in(make_organization())
    for page in pages(call):
        assert stranger.get(page).status_code == HTTPStatus.NOT_FOUND


def test_by_the_address_of_ones_own_organization_there_is_nothing_either(call):
    own = make_organization()
    stranger = signed_in(own)
    for page in pages(call):
        own_page = page.replace(call.organization.slug, own.slug, 1)
        assert stranger.get(own_page).status_code == HTTPStatus.NOT_FOUND


def test_a_viewer_may_not(call):
    viewer = signed_in(call.organization, Role.VIEWER)
    for page in pages(call):
        assert viewer.get(page).status_code == HTTPStatus.FORBIDDEN
    headers = bearer(make_api_key(call.organization, Role.VIEWER)[1])
    answer = Client().get(f"/core/agent-assist/{NUMBER}", headers=headers)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert NUMBER not in answer.content.decode()


@pytest.mark.parametrize("number", [NUMBER, "%2B15550184472", "15550184472"])
def test_no_number_and_nothing_said_is_in_a_log(call, caplog, number):
    caplog.set_level(logging.DEBUG, logger="")
    reader = signed_in(call.organization, Role.SUPERVISOR)
    reader.get(f"/{call.organization.slug}/agent-assist/{number}")
    headers = bearer(make_api_key(call.organization)[1])
    Client().get(f"/core/agent-assist/{number}", headers=headers)
    Client().get(f"/core/agent-assist/{number}")
    told = [record for record in caplog.records if not record.name.startswith("django.db")]
    for record in told:
        assert "1555018" not in f"{record.getMessage()} {vars(record)}"
        assert "4111 1111" not in f"{record.getMessage()} {vars(record)}"


def test_what_was_said_is_text_wherever_it_stands(call):
    call.caller_name, call.custom_metadata = HOSTILE, {HOSTILE: HOSTILE}
    call.save()
    make_turn(call, text=HOSTILE)
    make_turn(
        call,
        role="tool",
        text="",
        name=HOSTILE,
        arguments={"order_id": HOSTILE},
        output=HOSTILE,
        is_error=True,
    )
    reader = signed_in(call.organization, Role.SUPERVISOR)
    for page in pages(call)[:2]:
        html = reader.get(page).content.decode()
        assert "&lt;script&gt;alert(1)" in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "{{ settings.SECRET_KEY }}" in html


def test_a_card_number_is_shown_in_the_transcript_alone(call):
    reader = signed_in(call.organization, Role.SUPERVISOR)
    html = reader.get(pages(call)[0]).content.decode()
    brief, _, transcript = html.partition("brief-transcript")
    assert "1111 1111 1111" not in brief
    assert "4111 1111 1111 1111" in transcript
