"""Chromium on our real pages, with real calls behind them."""

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from anyreach.organizations.models import User
from anyreach.organizations.scopes import Role
from conversations.models import Conversation, Status
from tests.callers import Party, identities, is_there, until
from tests.callers import call as call_in
from tests.conftest import Process, Web
from tests.environment import PATIENCE_S
from tests.organizations.factories import make_member, make_organization

# Playwright's event loop runs in this thread, which Django takes for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

expect.set_options(timeout=PATIENCE_S * 1000)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Every peer connection of the page, so that a test can ask what was heard.
WATCH_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
window.energy = async () => {
  let total = 0;
  for (const connection of window.connections) {
    if (connection.connectionState === "closed") continue;
    for (const report of (await connection.getStats()).values()) {
      const isVoice = report.type === "inbound-rtp" && report.kind === "audio";
      if (isVoice) total += report.totalAudioEnergy ?? 0;
    }
  }
  return total;
};
"""


class Stage:
    """An event loop in a thread of its own, on which callers and agents live."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * PATIENCE_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(WATCH_CONNECTIONS)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages complained of. A test that expects some takes it out."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    yield page
    assert complaints == []


@pytest.fixture
def site(web: Web, worker: Process) -> Web:
    """The whole product, running."""
    return web


def sign_in(context: BrowserContext, user: User, site: Web) -> None:
    client = Client()
    client.force_login(user)
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}]
    )


class LiveCall:
    """A call that our processes follow: a caller (440 Hz) and an agent (660 Hz)."""

    def __init__(self, stage: Stage, organization) -> None:
        self.stage = stage
        claim = {"anyreach": {"organization": organization.slug}}
        self.room = f"room-{uuid4()}"
        self._playing = call_in(self.room, metadata=json.dumps(claim))
        self.caller: Party
        self.agent: Party
        self.caller, self.agent = stage.run(self._playing.__aenter__())
        stage.run(until(self._in_progress))
        stage.run(until(lambda: is_there(self.room, "recorder-")))
        self.conversation = Conversation.objects.get(room_name=self.room)

    async def _in_progress(self) -> bool:
        live = Conversation.objects.filter(room_name=self.room, status=Status.IN_PROGRESS)
        return await sync_to_async(live.exists)()

    def say(self, segment_id: str, *texts: str, final: bool = True) -> None:
        self.stage.run(self.agent.say(segment_id, *texts, final=final, speaker=self.caller))

    def listeners(self) -> list[str]:
        present = self.stage.run(identities(self.room))
        return [identity for identity in present if identity.startswith("listener-")]

    def hang_up(self) -> None:
        self.stage.run(self.caller.leave())

    def close(self) -> None:
        self.stage.run(self._playing.__aexit__(None, None, None))


@pytest.fixture
def organization(transactional_db):
    return make_organization("acme")


@pytest.fixture
def live_call(site, stage, organization):
    live_call = LiveCall(stage, organization)
    yield live_call
    live_call.close()


@pytest.fixture
def supervisor(context, site, organization):
    user = make_member(organization, Role.SUPERVISOR).user
    sign_in(context, user, site)
    return user


def open_call(page: Page, site, conversation: Conversation) -> None:
    page.goto(f"{site.url}/acme/conversations/{conversation.pk}")
