"""A conversation's page in a browser: read as it grows, searched, linked, gone through by keys."""

from datetime import timedelta
from itertools import count

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from anyreach.live.announcing import announce
from anyreach.organizations.scopes import Role
from conversations import lifecycle
from conversations.lifecycle import Evidence
from conversations.models import Conversation, Status, StatusChange, Turn
from conversations.parts import PART_LENGTH
from conversations.transcript import Text, Tool, fold
from conversations.turns import Saved, write
from tests.conversations.factories import make_agent, make_conversation, make_turn
from tests.e2e.conftest import open_call, sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member

PHONE = {"width": 360, "height": 740}


class Recorded:
    """A live call as its recorder writes it. It has no room: nobody could listen."""

    def __init__(self, organization, **fields) -> None:
        self.conversation = make_conversation(organization, room_name=None, **fields)
        self._saved = Saved(self.conversation)
        self._lines = self._saved.lines
        self._at = count(round(timezone.now().timestamp() * 1000), 1000)

    def say(self, segment: str, text: str, *, role: str = "user", final: bool = True) -> None:
        self._take(Text(segment, role, role, text, final, next(self._at)))

    def call(self, call_id: str, **fields) -> None:
        self._take(Tool(call_id, fields.pop("name", "find_order"), next(self._at), **fields))

    def _take(self, event) -> None:
        before, self._lines = self._lines, fold(self._lines, event)
        write([self._saved.news(before, self._lines)])


@pytest.fixture
def recorded(site, supervisor, organization):
    return Recorded(organization, agent=make_agent(organization, name="Refund desk"))


def long_call(organization, length: int) -> tuple[Conversation, list[Turn]]:
    conversation = make_conversation(organization, room_name=None)
    began = timezone.now() - timedelta(hours=9)
    turns = Turn.objects.bulk_create(
        Turn(
            conversation=conversation,
            position=position,
            role="agent" if position % 2 else "user",
            text=f"Sentence {position}." + " It goes on." * (position % 9),
            started_at=began + timedelta(seconds=3 * position),
            final=True,
        )
        for position in range(length)
    )
    return conversation, turns


def open_followed(page: Page, site, conversation: Conversation, fragment: str = "") -> None:
    """Open a live call's page, and wait until it is told of changes."""
    with page.expect_response(lambda response: "/transcript?" in response.url):
        page.goto(f"{site.url}/acme/conversations/{conversation.pk}{fragment}")


def in_view(page: Page, turn: Turn) -> bool:
    return page.evaluate(
        """id => {
          const {top, bottom} = document.getElementById(`turn-${id}`).getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        }""",
        str(turn.pk),
    )


# --- As it happens -------------------------------------------------------------------------------


def test_who_does_not_listen_sees_the_transcript_grow(page, site, recorded):
    open_followed(page, site, recorded.conversation)
    expect(page.get_by_text("Nothing has been said yet.")).to_be_visible()
    turns = page.locator(".turn")
    recorded.say("S1", "I would", final=False)
    expect(page.locator(".turn[data-interim] .turn-text")).to_have_text("I would")
    expect(page.get_by_text("Nothing has been said yet.")).to_be_hidden()
    recorded.say("S1", "I would like a refund.")
    recorded.call("C1", arguments={"order": 4471})
    expect(page.locator(".turn-tool summary")).to_contain_text("running…")
    recorded.call("C1", output={"state": "delivered"}, done=True)
    expect(page.locator(".turn-tool summary")).not_to_contain_text("running…")
    recorded.say("S2", "It was delivered.", role="agent")
    expect(page.locator(".turn-text")).to_have_text(["I would like a refund.", "It was delivered."])
    expect(page.locator(".turn[data-interim]")).to_have_count(0)
    expect(turns).to_have_count(3)


def test_no_line_is_lost_or_doubled_while_it_is_heard_and_saved(page, site, live_call, supervisor):
    live_call.say("S0", "Said before.")
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    said = ["Said before."]
    for number in range(1, 6):
        live_call.say(f"S{number}", f"Sentence {number}", f"Sentence {number}, whole.")
        said.append(f"Sentence {number}, whole.")
    for shown in (panel.locator("li .said"), page.locator(".turn-text")):
        expect(shown).to_have_text(said)
    page.reload()
    for shown in (panel.locator("li .said"), page.locator(".turn-text")):
        expect(shown).to_have_text(said)


HEARD = """
window.heard = [];
addEventListener("DOMContentLoaded", () => {
  const said = document.querySelector("#said");
  if (said) new MutationObserver(() => window.heard.push(said.textContent))
    .observe(said, {childList: true, characterData: true, subtree: true});
});
"""


def test_screen_readers_hear_what_is_said_once_and_only_when_it_is_final(
    page, context, site, recorded
):
    context.add_init_script(HEARD)
    recorded.say("S0", "Said before.")
    open_followed(page, site, recorded.conversation)
    expect(page.locator("#said")).to_have_attribute("aria-live", "polite")
    recorded.say("S1", "I would", final=False)
    expect(page.get_by_text("I would", exact=True)).to_be_visible()
    recorded.say("S1", "I would like a refund.")
    expect(page.locator("#said")).to_have_text("Caller: I would like a refund.")
    recorded.say("S2", "Of course.", role="agent")
    expect(page.locator("#said")).to_have_text("Agent: Of course.")
    assert page.evaluate("heard") == ["Caller: I would like a refund.", "Agent: Of course."]


def test_the_duration_counts_up_until_the_call_is_over(page, site, recorded):
    open_followed(page, site, recorded.conversation)
    duration = page.locator("#heading [data-since]")
    shown = duration.inner_text()
    expect(duration).not_to_have_text(shown)
    now = timezone.now()
    lifecycle.report(
        recorded.conversation,
        Evidence(Status.COMPLETED, now, StatusChange.Source.WEBHOOK, "The caller hung up."),
    )
    expect(duration).to_have_count(0)
    expect(page.get_by_text("The caller hung up.")).to_be_visible()
    history = page.locator(".history li")
    expect(history.last).to_contain_text("Completed")
    expect(history.last).to_contain_text("Webhook")


def test_what_comes_below_is_counted_and_followed_by_choice(page, site, supervisor, organization):
    recorded = Recorded(organization)
    for number in range(20):
        recorded.say(f"S{number}", f"Sentence {number}. " * 20)
    open_followed(page, site, recorded.conversation)
    recorded.say("S20", "Something new.")
    newest = page.get_by_role("button", name="1 new")
    expect(newest).to_be_visible()
    assert page.evaluate("scrollY") == 0
    newest.click()
    expect(newest).to_be_hidden()
    expect(page.get_by_text("Something new.", exact=True)).to_be_in_viewport()
    recorded.say("S21", "And more.")
    expect(page.get_by_text("And more.", exact=True)).to_be_in_viewport()
    page.mouse.wheel(0, -3000)
    page.wait_for_function("() => scrollY === 0")
    recorded.say("S22", "Once more.")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert page.evaluate("scrollY") == 0


def test_a_viewer_sees_facts_and_is_told_of_the_rest(page, context, site, organization):
    sign_in(context, make_member(organization, Role.VIEWER).user, site)
    recorded = Recorded(organization, caller_name="Mara Lindqvist")
    with page.expect_response(lambda response: "/facts" in response.url):
        open_call(page, site, recorded.conversation)
    with page.expect_response(lambda response: "/facts" in response.url):
        recorded.say("S1", "I would like a refund.")
    expect(page.get_by_text("What was said is shown to supervisors and admins")).to_be_visible()
    expect(page.get_by_text("Caller name, summary")).to_be_visible()
    expect(page.get_by_text("User turns")).to_be_visible()
    expect(page.get_by_placeholder("Find in transcript")).to_have_count(0)
    assert "refund" not in page.content()
    assert "Mara" not in page.content()


# --- Long ones, and links to one turn ------------------------------------------------------------


@pytest.mark.parametrize("place", [3, PART_LENGTH + 7, 2 * PART_LENGTH + 150])
def test_a_link_arrives_at_its_turn_wherever_it_is(page, site, supervisor, organization, place):
    conversation, turns = long_call(organization, 2 * PART_LENGTH + 200)
    open_followed(page, site, conversation, f"#turn-{turns[place].pk}")
    there = page.locator(f"#turn-{turns[place].pk}")
    expect(page.locator(".turn")).to_have_count(len(turns))
    expect(there).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector(':target').id") == f"turn-{turns[place].pk}"
    make_turn(conversation, position=len(turns), text="Something new.")
    announce(organization.pk, conversation.pk, "turns")
    expect(page.locator(".turn")).to_have_count(len(turns) + 1)
    expect(there).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.querySelector(':target').id") == f"turn-{turns[place].pk}"


def test_links_to_a_turn_and_to_the_conversation_are_copied(page, context, site, recorded):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    recorded.say("S1", "I would like a refund.")
    open_followed(page, site, recorded.conversation)
    address = f"{site.url}/acme/conversations/{recorded.conversation.pk}"
    turn = recorded.conversation.turns.get()
    link = page.get_by_role("link", name="Copy link to this turn")
    page.locator(".turn").hover()
    link.click()
    expect(page.locator("#said")).to_have_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{address}#turn-{turn.pk}"
    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address


# --- Find ----------------------------------------------------------------------------------------

MARKED = """
() => ["found", "found-now"].map((name) => [...CSS.highlights.get(name)].map(
  ({startContainer, startOffset, endOffset}) => startContainer.data.slice(startOffset, endOffset)))
"""


def test_words_are_found_counted_and_gone_through(page, site, recorded):
    recorded.say("S1", "A refund, please. I want my REFUND.")
    recorded.say("S2", "Of course.", role="agent")
    recorded.call("C1", arguments={"kind": "refund"}, output="done", done=True)
    open_followed(page, site, recorded.conversation)
    page.keyboard.press("/")
    page.keyboard.type("refund")
    told = page.locator(".find-count")
    expect(told).to_have_text("1 of 3")
    assert page.evaluate(MARKED) == [["refund", "REFUND", "refund"], ["refund"]]
    page.keyboard.press("Enter")
    expect(told).to_have_text("2 of 3")
    assert page.evaluate(MARKED)[1] == ["REFUND"]
    expect(page.locator(".turn-tool details")).not_to_have_attribute("open", "")
    page.get_by_role("button", name="Next match").click()
    expect(told).to_have_text("3 of 3")
    expect(page.locator(".turn-tool pre").first).to_be_in_viewport()
    page.get_by_placeholder("Find in transcript").press("Enter")
    expect(told).to_have_text("1 of 3")
    page.get_by_placeholder("Find in transcript").press("Shift+Enter")
    expect(told).to_have_text("3 of 3")
    recorded.say("S3", "The refund is under way.", role="agent")
    expect(told).to_have_text("3 of 4")
    page.get_by_placeholder("Find in transcript").fill("nothing like it")
    expect(told).to_have_text("No matches")
    page.keyboard.press("Escape")
    expect(told).to_have_text("")
    assert page.evaluate(MARKED) == [[], []]
    expect(page.get_by_placeholder("Find in transcript")).not_to_be_focused()


def test_words_are_found_in_all_of_a_long_transcript(page, site, supervisor, organization):
    conversation, turns = long_call(organization, 2 * PART_LENGTH + 200)
    open_followed(page, site, conversation)
    page.get_by_placeholder("Find in transcript").fill(f"sentence {2 * PART_LENGTH + 150}.")
    expect(page.locator(".find-count")).to_have_text("1 of 1")
    page.get_by_placeholder("Find in transcript").press("Enter")
    expect(page.locator(f"#turn-{turns[2 * PART_LENGTH + 150].pk}")).to_be_in_viewport(ratio=1)


# --- Keys ----------------------------------------------------------------------------------------


def test_keys_go_from_turn_to_turn_and_to_the_inbox(page, site, recorded):
    for number in range(3):
        recorded.say(f"S{number}", f"Sentence {number}.")
    open_followed(page, site, recorded.conversation)
    turns = page.locator(".turn")
    page.keyboard.press("j")
    expect(turns.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(turns.nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(turns.nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(turns.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(turns.nth(1)).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page).to_have_url(f"{site.url}/acme/conversations")


def test_the_tab_key_meets_one_link_of_a_long_list_not_all(page, site, recorded):
    for number in range(9):
        recorded.say(f"S{number}", f"Sentence {number}.")
    open_followed(page, site, recorded.conversation)
    page.get_by_placeholder("Find in transcript").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".turn").first.get_by_role("link")).to_be_focused()
    page.keyboard.press("Tab")
    assert not page.evaluate("Boolean(document.activeElement.closest('.turn'))")


def test_the_list_of_keys_opens_and_switches_them_off(page, site, recorded):
    recorded.say("S1", "A refund, please.")
    open_followed(page, site, recorded.conversation)
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("?")
    expect(shortcuts).to_be_visible()
    for does in ("Next turn", "Turn before", "Find in transcript", "Go to the inbox"):
        expect(shortcuts.get_by_text(does, exact=True)).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("j")
    expect(page.locator(".turn")).not_to_be_focused()
    shortcuts.get_by_role("switch").click()
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    for key in ("j", "?", "/"):
        page.keyboard.press(key)
    page.reload()
    page.keyboard.press("?")
    expect(shortcuts).to_be_hidden()
    expect(page.locator(".turn")).not_to_be_focused()
    page.get_by_role("button", name="Shortcuts").click()
    expect(shortcuts.get_by_role("switch")).not_to_be_checked()
    shortcuts.get_by_role("switch").click()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".turn")).to_be_focused()


def test_in_a_field_keys_are_letters(page, site, recorded):
    open_followed(page, site, recorded.conversation)
    page.get_by_placeholder("Find in transcript").press_sequentially("j?gi/")
    expect(page.get_by_placeholder("Find in transcript")).to_have_value("j?gi/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()


# --- Panes ---------------------------------------------------------------------------------------


def test_two_panes_are_tabs_on_a_phone(page, site, recorded):
    recorded.say("S1", "A refund, please.")
    open_followed(page, site, recorded.conversation)
    said, fact = page.get_by_text("A refund, please."), page.get_by_text("User turns")
    expect(said).to_be_visible()
    expect(fact).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)

    page.set_viewport_size(PHONE)
    interaction, details = (
        page.get_by_role("tab", name=name) for name in ("Interaction", "Details")
    )
    expect(interaction).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel", name="Interaction")).to_be_visible()
    expect(fact).to_be_hidden()
    interaction.focus()
    page.keyboard.press("ArrowRight")
    expect(details).to_be_focused()
    expect(fact).to_be_visible()
    expect(said).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(said).to_be_visible()
    details.click()
    expect(fact).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Find in transcript")).to_be_focused()


def test_without_scripts_both_panes_are_there(browser, site, organization):
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    sign_in(context, make_member(organization, Role.SUPERVISOR).user, site)
    conversation, _ = long_call(organization, PART_LENGTH + 1)
    page = context.new_page()
    open_call(page, site, conversation)
    expect(page.get_by_text("Sentence 0.")).to_be_visible()
    expect(page.get_by_text("User turns")).to_be_visible()
    page.get_by_role("link", name="Later turns").click()
    expect(page.get_by_text(f"Sentence {PART_LENGTH}.")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_page_is_accessible_and_fits_with_all_that_it_can_show(
    page, site, recorded, width, scheme
):
    recorded.say("S1", "A refund, please. " * 9)
    recorded.say("S2", "Of course.", role="agent")
    recorded.call(
        "C1", arguments={"order": "4471" * 30}, output="No such order.", is_error=True, done=True
    )
    recorded.say("S3", "And the rest", final=False)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    turn = recorded.conversation.turns.first()
    open_followed(page, site, recorded.conversation, f"#turn-{turn.pk}")
    page.locator(".turn-tool summary").click()
    page.get_by_placeholder("Find in transcript").fill("refund")
    expect(page.locator(".find-count")).to_have_text("1 of 9")
    assert_fits(page)
    assert violations(page) == []
    for tab in page.get_by_role("tab", name="Details").all():
        tab.click()
        assert_fits(page)
        assert violations(page) == []


# --- What others wrote ---------------------------------------------------------------------------

PAYLOADS = (
    "<img src=x onerror=window.ran=1>",
    "</script><script>window.ran=1</script>",
    "\"'><svg onload=window.ran=1>",
    "</p></li></ol><h1 class=broken>Broken</h1>",
    "{{ 7|add:7 }}{% now 'Y' %}",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_others_wrote_is_text(page, site, supervisor, organization, payload):
    recorded = Recorded(
        organization,
        user_id=payload,
        caller_name=payload,
        summary=payload,
        initial_context=payload,
        end_reason=payload,
        agent=make_agent(organization, name=payload),
        agent_number=payload,
        agent_version_id=payload,
        trunk_id=payload,
        web_widget_id=payload,
        custom_metadata={payload: payload, "nested": {payload: [payload]}},
    )
    make_turn(recorded.conversation, position=0, text=payload, speaker=payload)
    open_followed(page, site, recorded.conversation)
    for number, text in enumerate((payload, payload * 2)):
        recorded.say(f"S{number}{payload}", text, role="agent")
    recorded.call(
        "C1", name=payload, arguments={payload: payload}, output=payload, is_error=True, done=True
    )
    expect(page.locator(".turn-text")).to_have_text([payload, payload, payload * 2])
    page.locator(".turn-tool summary").click()
    expect(page.locator(".turn-tool pre").last).to_have_text(payload)
    assert_is_text(page, payload)
    page.goto(f"{site.url}/acme/conversations")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert_is_text(page, payload)


def assert_is_text(page: Page, payload: str) -> None:
    expect(page.get_by_text(payload).locator("visible=true").first).to_be_visible()
    assert page.evaluate("window.ran") is None
    for made in ("img", "svg[onload]", ".broken", "main script"):
        expect(page.locator(made)).to_have_count(0)
