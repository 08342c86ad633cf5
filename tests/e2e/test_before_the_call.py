"""A page that is open before the visitor comes."""

import uuid

import pytest
from asgiref.sync import sync_to_async
from playwright.sync_api import expect

from conversations.models import Conversation, Status
from tests.callers import Party, token_of, until
from tests.conversations.factories import make_conversation
from tests.e2e.conftest import open_call


@pytest.fixture
def waiting(organization, supervisor):
    room = f"conv-{uuid.uuid4()}"
    return make_conversation(organization, status=Status.TOKEN_CREATED, room_name=room)


def test_the_panel_opens_when_the_call_begins(page, site, waiting, stage):
    open_call(page, site, waiting)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel).to_have_count(0)

    async def arrive() -> tuple[Party, Party]:
        caller = await Party().join(token_of(waiting.user_id, waiting.room_name))
        agent = await Party().join(token_of("agent-1", waiting.room_name, kind="agent"))
        live = Conversation.objects.filter(pk=waiting.pk, status=Status.IN_PROGRESS)
        await until(sync_to_async(live.exists))
        return caller, agent

    parties = stage.run(arrive())
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    expect(page.locator("#heading").get_by_text("In progress")).to_be_visible()
    for party in parties:
        stage.run(party.leave())
    expect(panel.get_by_text("Ended", exact=True)).to_be_visible()
