"""Putting words into another's mouth, before whoever listens."""

import pytest
from playwright.sync_api import expect

from tests.attack.forging import ATTACKS, FORGED, SAID
from tests.e2e.conftest import open_call

NOTE_ALL_THAT_IS_SHOWN = """panel => {
  window.shown = [];
  const said = panel.shadowRoot.querySelector("ol");
  const note = () => window.shown.push(said.innerText);
  const changes = {subtree: true, childList: true, characterData: true};
  new MutationObserver(note).observe(said, changes);
}"""


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_caller_cannot_go_on_with_what_the_agent_says(page, site, live_call, supervisor, attack):
    open_call(page, site, live_call.conversation)
    panel = page.locator("anyreach-snoop-panel")
    expect(panel.get_by_text("LIVE", exact=True)).to_be_visible()
    panel.evaluate(NOTE_ALL_THAT_IS_SHOWN)
    agent, guest = live_call.agent, live_call.caller

    writer = live_call.stage.run(agent.begin("S1"))
    live_call.stage.run(writer.write(SAID.decode()))
    expect(panel.get_by_text("I cannot", exact=True)).to_be_visible()
    live_call.stage.run(in_its_loop(attack, guest, writer.info.stream_id))
    page.wait_for_timeout(300)
    live_call.stage.run(writer.write("promise it."))
    live_call.stage.run(writer.aclose(attributes={"lk.transcription_final": "true"}))
    expect(panel.get_by_text("I cannot promise it.", exact=True)).to_be_visible()
    shown = page.evaluate("window.shown")
    assert any("I cannot promise it." in each for each in shown)
    assert not any(FORGED.decode() in each for each in shown)


async def in_its_loop(attack, guest, stream_id):
    attack(guest, stream_id)
