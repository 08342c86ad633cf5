"""Every page: no axe violation and nothing cut off, wide and narrow, light and dark."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from anyreach.organizations.scopes import Role
from conversations import ledger
from conversations.models import ListenEvent, Status
from tests.conversations.factories import (
    make_agent,
    make_conversation,
    make_listen_session,
    make_turn,
)
from tests.e2e.conftest import open_call, sign_in
from tests.organizations.factories import make_api_key, make_invitation, make_member, make_token

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text()
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [
    pytest.param(width, scheme, id=f"{width}-{scheme}")
    for width in (1280, 360)
    for scheme in ("light", "dark")
]
PAGES = (
    "/acme/conversations",
    "/acme/conversations/{finished}",
    "/acme/members",
    "/acme/agents",
    "/acme/api-keys",
    "/acme/listening",
    "/acme/embedding",
    "/acme/phones",
    "/account/tokens",
    "/account/password",
    "/account/sessions",
    "/account/second-factor/",
    "/acme/no-such-page",
)


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("standards => axe.run(document, {runOnly: standards})", STANDARDS)[
        "violations"
    ]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "cut off"


@pytest.fixture
def admin(context, site, organization):
    user = make_member(organization, Role.ADMIN).user
    sign_in(context, user, site)
    return user


@pytest.fixture
def finished(organization, admin):
    conversation = make_conversation(
        organization,
        agent=make_agent(organization, name="Refund desk"),
        status=Status.COMPLETED,
        duration=64,
        caller_name="Mara Lindqvist",
        summary="The caller asked for a refund.",
        custom_metadata={"anyreach_campaign": "spring", "order": {"id": 4471}},
    )
    make_turn(conversation)
    make_turn(conversation, role="agent", latency={"end_to_end_ms": 840}, interrupted=True)
    make_turn(
        conversation,
        role="tool",
        text="",
        segment_id=None,
        call_id="call_1",
        name="find_order",
        arguments={"order_id": "4471"},
        output="There is no such order.",
        is_error=True,
    )
    ear = make_listen_session(
        conversation, joined_at=conversation.created_at, in_room_since=conversation.created_at
    )
    make_listen_session(conversation, revoked_at=conversation.created_at, revoked_by="An admin")
    details = {"source": "api", "ip": "10.0.0.1", "user_agent": "Mozilla/5.0 " * 9}
    minted = ListenEvent.Kind.MINTED
    line = ledger.Line(minted, ear.minted_at, ear.who, conversation.pk, details=details)
    ledger.append(organization.pk, [line])
    make_api_key(organization)
    make_token(admin)
    make_invitation(organization, "new@example.com", Role.VIEWER)
    return conversation


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_is_accessible_and_fits(page, site, finished, complaints, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    found = {}
    for path in PAGES:
        page.goto(site.url + path.format(finished=finished.pk))
        for tool in page.locator(".turn-tool summary").all():
            tool.click()
        assert_fits(page)
        if problems := violations(page):
            found[path] = problems
    assert found == {}, json.dumps(found, indent=2)
    # Chromium itself reports the 404 that was asked for.
    complaints[:] = [each for each in complaints if "404 (Not Found)" not in each]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_sign_in_page_is_accessible_and_fits(page, site, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(site.url)
    assert_fits(page)
    assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_panel_is_accessible_and_fits(page, site, live_call, supervisor, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    live_call.say("S1", "I would like a refund for the kettle that arrived broken.")
    live_call.say("S2", "I would", final=False)
    expect(panel.locator("li.interim")).to_have_count(1)
    assert_fits(page)
    assert violations(page) == []


def test_a_supervisor_gets_from_sign_in_to_hearing_by_keyboard(page, site, live_call, organization):
    member = make_member(organization, Role.SUPERVISOR).user
    member.set_password("correct horse battery staple")
    member.save()
    page.goto(f"{site.url}/acme/conversations/{live_call.conversation.pk}")
    page.locator("[name=login]").focus()
    page.keyboard.type(member.email)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery staple")
    page.keyboard.press("Enter")
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    listen = panel.get_by_role("button", name="Listen")
    for _ in range(30):
        page.keyboard.press("Tab")
        if listen.evaluate("button => button.getRootNode().activeElement === button"):
            break
    page.keyboard.press("Enter")
    page.wait_for_function("async () => await energy() > 0.001")
    expect(panel.get_by_role("button", name="Mute")).to_be_focused()
