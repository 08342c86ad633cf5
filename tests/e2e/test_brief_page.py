"""The page of a brief in a browser: read at a glance, checked by a click, written meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from anyreach.live.announcing import announce
from anyreach.organizations.scopes import Role
from conversations.models import Status, Turn
from tests.agent_assist.calls import CALLS
from tests.agent_assist.model_server import MODEL, Reply, answer, claim, running_model
from tests.conftest import Process, running_web, wait_for_worker
from tests.conversations.factories import make_conversation, make_turn
from tests.e2e.conftest import open_call, sign_in
from tests.e2e.test_pages import LOOKS, assert_fits, violations
from tests.organizations.factories import make_member

NUMBER = "+15550184471"
SAID = (
    ("agent", "Hello, this is the refund desk. How can I help you?"),
    ("user", "My kettle arrived broken. It is order 4471."),
    ("agent", "I will refund 42 dollars by Friday."),
    ("user", "That is the third time. Can I speak to a manager, please?"),
)
REASON = "The caller asks to speak to a manager."

WORDS_ABOVE_THE_FOLD = """
() => {
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const {currentNode: node} = walker;
    const around = node.parentElement;
    if (!around.checkVisibility() || around.closest(".visually-hidden, .skip-link")) continue;
    const cut = around.closest(".brief-reason p")?.getBoundingClientRect().bottom ?? innerHeight;
    for (const {0: word, index} of node.data.matchAll(/\\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const {width, top} = range.getBoundingClientRect();
      if (width > 0 && top < Math.min(cut, innerHeight)) words.push(word);
    }
  }
  return words;
}
"""


def make_call(organization, said=SAID, **fields):
    began = timezone.now() - timedelta(minutes=2)
    ended = {"status": Status.COMPLETED, "duration": 94, "caller_name": "Mara Lindqvist"}
    call = make_conversation(
        organization,
        **{
            "channel": "telephone",
            "user_id": NUMBER,
            "created_at": began,
            "answered_at": began,
            "room_name": None,
            **ended,
            **fields,
        },
    )
    for position, (role, text) in enumerate(said):
        at = began + timedelta(seconds=10 * position)
        make_turn(call, role=role, text=text, position=position, started_at=at)
    return call


def make_live_call(organization, said=SAID):
    live = {"status": Status.IN_PROGRESS, "duration": None}
    return make_call(organization, said, **live)


def open_brief(page: Page, site, number: str = NUMBER) -> None:
    page.goto(f"{site.url}/acme/agent-assist/{number}")


def part(page: Page, name: str):
    return page.locator(f"#brief-{name}")


def cited(page: Page) -> list[str]:
    return page.locator(".turn[data-cited] .turn-text").all_text_contents()


@pytest.fixture
def call(organization):
    return make_call(organization)


class TestWithoutAModel:
    def test_who_calls_and_why_come_first(self, page, site, supervisor, call):
        open_brief(page, site)
        head = part(page, "head")
        expect(head.get_by_role("heading", name="Mara Lindqvist")).to_be_visible()
        for text in (NUMBER, "Completed", "1:34"):
            expect(head.get_by_text(text)).to_be_visible()
        expect(part(page, "reason")).to_contain_text("manager")
        expect(part(page, "by")).to_have_text("Made from facts, without a model.")

    def test_a_click_on_a_line_goes_to_its_turns_and_escape_back(
        self, page, site, supervisor, organization
    ):
        filler = [("agent", f"Sentence {number}.") for number in range(60)]
        make_call(organization, [*SAID[:2], *filler, *SAID[2:]])
        open_brief(page, site)
        line = part(page, "reason").locator(".claim")
        line.click()
        turn = page.locator(".turn", has_text="Can I speak to a manager")
        expect(turn).to_be_in_viewport()
        expect(turn).to_be_focused()
        assert cited(page) == [SAID[3][1]]
        page.keyboard.press("Escape")
        expect(line).to_be_focused()
        expect(line).to_be_in_viewport()
        page.keyboard.press("Escape")
        assert cited(page) == []

    def test_by_keyboard_focus_marks_and_enter_goes(self, page, site, supervisor, call):
        open_brief(page, site)
        part(page, "head").locator(".claim").or_(
            part(page, "reason").locator(".claim")
        ).last.focus()
        assert cited(page) == [SAID[3][1]]
        page.keyboard.press("Tab")
        assert cited(page) != [SAID[3][1]]
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.matches('.turn[data-cited]')")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('.claim')")

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPERVISOR])
    def test_at_most_ninety_words_are_above_the_fold(self, page, site, context, organization, role):
        sign_in(context, make_member(organization, role).user, site)
        counts = {}
        for number, call in enumerate(CALLS):
            live = {"status": Status.IN_PROGRESS} if number % 2 else {}
            told = make_call(
                organization, (), **{**call.conversation, **live, "user_id": f"+4420{number:04}"}
            )
            for turn in call.turns:
                turn.pk, turn.conversation = None, told
            Turn.objects.bulk_create(call.turns)
            open_brief(page, site, told.user_id)
            counts[call.name] = len(page.evaluate(WORDS_ABOVE_THE_FOLD))
        assert {name: count for name, count in counts.items() if count > 90} == {}

    def test_a_reason_however_long_leaves_the_glance_short(self, page, site, admin_call):
        open_brief(page, site)
        assert len(page.evaluate(WORDS_ABOVE_THE_FOLD)) <= 90

    @pytest.fixture
    def admin_call(self, site, context, organization):
        sign_in(context, make_member(organization, Role.ADMIN).user, site)
        long = "I want to speak to a manager " + "because nobody of you ever listens " * 9
        return make_live_call(organization, [("user", long)] * 6)

    def test_while_the_call_goes_on_it_offers_to_renew(self, page, site, supervisor, organization):
        call = make_live_call(organization)
        with page.expect_response(lambda response: "/brief?" in response.url):
            open_brief(page, site)
        before = part(page, "summary").text_content()
        for number in (1, 2):
            make_turn(call, text=f"And one more thing, number {number}.")
        announce(organization.pk, call.pk, "turns")
        news = part(page, "news")
        expect(news).to_contain_text("The call has gone on since: 2 new turns.")
        assert part(page, "summary").text_content() == before
        expect(page.locator(".turn")).to_have_count(4)
        news.get_by_role("link", name="Renew").click()
        expect(page.locator(".turn")).to_have_count(6)
        expect(news).to_be_empty()

    def test_the_header_tells_when_the_call_ends(self, page, site, supervisor, organization):
        call = make_live_call(organization)
        open_brief(page, site)
        expect(part(page, "head")).to_contain_text("In progress")
        call.status, call.ended_at, call.duration = Status.COMPLETED, timezone.now(), 120
        call.save()
        announce(organization.pk, call.pk, "status")
        expect(part(page, "head")).to_contain_text("Completed")

    def test_beside_it_the_call_is_heard_on(self, page, site, supervisor, live_call, context):
        open_call(page, site, live_call.conversation)
        panel = page.locator("anyreach-snoop-panel")
        panel.get_by_role("button", name="Listen").click()
        beside = context.new_page()
        open_brief(beside, site, live_call.conversation.user_id)
        live_call.say("S1", "Can I speak to a person, please?")
        expect(part(beside, "news")).to_contain_text("1 new turn")
        part(beside, "news").get_by_role("link", name="Renew").click()
        expect(part(beside, "reason")).to_contain_text("person")
        expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
        page.wait_for_function("async () => await energy() > 0.001")
        assert len(live_call.listeners()) == 1

    def test_a_number_with_which_nobody_spoke_is_not_found(
        self, page, site, supervisor, complaints
    ):
        open_brief(page, site)
        expect(page.get_by_role("heading", name="Not Found")).to_be_visible()
        assert violations(page) == []
        complaints[:] = [each for each in complaints if "404 (Not Found)" not in each]

    @pytest.mark.parametrize(("width", "scheme"), LOOKS)
    def test_it_is_accessible_and_fits(self, page, site, supervisor, organization, width, scheme):
        call = make_live_call(organization, [*SAID, ("user", "Donaudampfschiff" * 9)])
        make_turn(call, role="tool", text="", name="refund", output="declined", is_error=True)
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        open_brief(page, site)
        part(page, "reason").locator(".claim").click()
        for tool in page.locator(".turn-tool summary").all():
            tool.click()
        assert_fits(page)
        assert violations(page) == []

    def test_printed_the_brief_is_one_page_and_the_transcript_follows(
        self, page, site, supervisor, call
    ):
        open_brief(page, site)
        page.emulate_media(media="print")
        expect(page.locator(".bar")).to_be_hidden()
        expect(page.get_by_role("button", name="Print")).to_be_hidden()
        assert page.pdf(format="A4").count(b"/Type /Page\n") == 2

    def test_the_detail_page_leads_to_it(self, page, site, supervisor, call):
        page.goto(f"{site.url}/acme/conversations/{call.pk}")
        page.get_by_role("link", name="Brief").click()
        expect(part(page, "reason")).to_contain_text("manager")


class TestWithAModel:
    @pytest.fixture
    def model(self):
        with running_model() as model:
            yield model

    @pytest.fixture
    def site(self, no_jobs, livekit_server, model):
        worker = Process("brief-worker", "manage.py", "worker", **model.settings)
        worker.start()
        try:
            wait_for_worker()
            with running_web(**model.settings) as web:
                yield web
        finally:
            worker.kill()

    def test_sections_come_as_they_are_written(self, page, site, supervisor, call, model):
        model.queue(
            Reply(
                answer(
                    transfer_reason=claim(REASON, 4),
                    call_summary=[
                        claim("The kettle of order 4471 arrived broken.", 2),
                        claim("The agent will refund 42 dollars by Friday.", 3),
                    ],
                ),
                tokens_per_s=50,
                begins_after_s=1,
            )
        )
        open_brief(page, site)
        expect(part(page, "by")).to_contain_text(f"{MODEL} is writing.")
        expect(page.locator(".turn")).to_have_count(4)
        line = part(page, "reason").locator(".claim")
        line.focus()
        expect(line).to_have_text(REASON)
        expect(line).to_be_focused()
        assert cited(page) == [SAID[3][1]]
        expect(part(page, "by")).to_contain_text(f"Written by {MODEL}")
        expect(part(page, "summary")).to_contain_text("The kettle of order 4471 arrived broken.")
        expect(line).to_be_focused()

    def test_what_is_invented_is_never_on_the_page(self, page, site, supervisor, call, model):
        page.add_init_script(
            """
            window.seen = [];
            new MutationObserver(() => seen.push(document.body?.innerText))
              .observe(document, {childList: true, subtree: true, characterData: true});
            """
        )
        model.queue(
            Reply(
                answer(
                    transfer_reason=claim("Tom Becker asks for a manager.", 4),
                    call_summary=[
                        claim("The refund is 99 dollars.", 3),
                        claim("It was sent on 3 March.", 2),
                        claim("The caller lives in Bremen.", 9),
                    ],
                    information_collected=[
                        {"turns": [2], "label": "Order", "value": "4472"},
                    ],
                ),
                tokens_per_s=200,
            )
        )
        open_brief(page, site)
        by = part(page, "by")
        expect(by).to_contain_text("the call bears out nothing that")
        expect(by).to_contain_text("5 lines that it wrote are left out")
        seen = "".join(page.evaluate("seen.filter(Boolean)"))
        assert "kettle" in seen
        for invented in ("Becker", "99 dollars", "3 March", "Bremen", "4472"):
            assert invented not in seen

    def test_a_model_that_fails_leaves_the_facts_and_says_so(
        self, page, site, supervisor, call, model
    ):
        model.queue(Reply("{}", 401, "application/json"))
        open_brief(page, site)
        by = part(page, "by")
        expect(by).to_contain_text("Made from facts, without a model. ")
        assert len(by.text_content().split()) > 8
        expect(part(page, "reason")).to_contain_text("manager")

    def test_one_that_is_written_is_there_at_once(self, page, site, supervisor, call, model):
        model.queue(answer(transfer_reason=claim(REASON, 4)))
        open_brief(page, site)
        expect(part(page, "reason")).to_have_text(REASON)
        html = page.request.get(page.url).text()
        assert REASON in html
        assert len(model.asked) == 1

    def test_to_say_so_moves_nothing_that_one_reads(
        self, page, site, supervisor, organization, model
    ):
        make_call(organization, [*SAID, *[("agent", f"Sentence {n}.") for n in range(40)]])
        model.queue(
            Reply(
                answer(
                    call_summary=[claim(f"The agent said sentence {n}.", n + 5) for n in range(5)]
                ),
                begins_after_s=1,
            )
        )
        open_brief(page, site)
        turn = page.get_by_text("Sentence 20.")
        turn.scroll_into_view_if_needed()
        before = turn.bounding_box()["y"]
        expect(part(page, "by")).to_contain_text(f"Written by {MODEL}")
        assert abs(turn.bounding_box()["y"] - before) < 2
