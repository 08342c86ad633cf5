"""What docs/connecting-your-agent.md shows, taken from there and run on a real LiveKit server."""

import asyncio
import json
import re
import textwrap
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from livekit import api

from conversations.models import Agent, Conversation, Status
from tests.callers import Party, server, token_of, until
from tests.conftest import ROOT
from tests.organizations.factories import make_organization

DOCUMENTATION = (ROOT / "docs/connecting-your-agent.md").read_text()


async def run(beginning: str, **names: Any) -> None:
    """Run the documentation's Python from `beginning` on, with each of `names` replaced."""
    shown = re.search(f"^{re.escape(beginning)}.*?(?=```)", DOCUMENTATION, re.DOTALL | re.MULTILINE)
    code = shown[0]
    for name, value in names.items():
        code = code.replace(name, value)
    async with server() as livekit:
        known = {"api": api, "json": json, "livekit": livekit}
        exec(f"async def shown():\n{textwrap.indent(code, '    ')}", known)  # noqa: S102
        await known["shown"]()


@pytest.mark.usefixtures("web", "worker")
def test_a_room_made_as_shown_is_followed():
    organization = make_organization("acme")
    agent = Agent.objects.create(organization=organization, name="Refund desk")
    claimed = Conversation.objects.filter(
        organization=organization, agent=agent, room_name="call-4471", status=Status.IN_PROGRESS
    )

    async def play():
        await run("await livekit.room.create_room(", **{"AGENT-ID": str(agent.pk)})
        parties = Party(), Party()
        await parties[0].join(token_of("guest_1", "call-4471"))
        await parties[1].join(token_of("agent-1", "call-4471", kind="agent"))
        await until(sync_to_async(claimed.exists))
        for party in parties:
            await party.leave()

    asyncio.run(play())


@pytest.mark.usefixtures("livekit_server")
@pytest.mark.parametrize(
    "beginning",
    ["trunk = await livekit.sip.create_inbound_trunk(", "await livekit.sip.create_dispatch_rule("],
)
def test_trunk_and_rule_are_requests_that_livekit_understands(beginning):
    # This server has no SIP beside it, which is all that it objects to.
    with pytest.raises(api.ServerError, match="sip not connected"):
        asyncio.run(run(beginning, **{"trunk.sip_trunk_id": '"ST_1"'}))


def test_the_webhook_tells_what_the_documentation_says(client):
    answer = client.post("/livekit/webhook")
    assert answer.json()["detail"] in DOCUMENTATION
