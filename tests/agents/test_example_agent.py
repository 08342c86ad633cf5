"""`make test-agent`: the example agent, on the real livekit-agents, and its call in AnyReach."""

import os
import subprocess
import time

import pytest
from django.conf import settings
from django.test import Client

from agent_assist.transfer.models import Status, Transfer
from anyreach.stack.dying_with_parent import die_with_parent
from tests.conftest import ROOT
from tests.conversations.factories import make_trunk
from tests.organizations.factories import bearer, make_api_key, make_organization

PYTHON = ROOT / ".anyreach/agent-venv/bin/python"
EXAMPLE = ROOT / "examples/agent"
LONG_ANSWER = (
    "I am sorry to hear that. I will now go through your order with you, from the first "
    "line to the last, and after that we will see together what can be done about it."
)
NUMBER = "+4930555010"


@pytest.fixture
def organization(transactional_db):
    return make_organization()


@pytest.fixture
def anyreach(web, organization):
    """What tells a program of ours where AnyReach is, and lets it in."""
    return {"ANYREACH_URL": web.url, "ANYREACH_API_KEY": make_api_key(organization)[1]}


@pytest.fixture
def example_agent(livekit_server, anyreach, tmp_path):
    """The agent's own process, which LiveKit dispatches to calls."""
    log = tmp_path / "agent.log"
    names = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    livekit = {name: getattr(settings, name) for name in names}
    with open(log, "wb") as out:
        agent = subprocess.Popen(
            [PYTHON, "agent.py", "start"],
            cwd=EXAMPLE,
            env=os.environ | livekit | anyreach | {"TRANSFER_NUMBER": NUMBER},
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent,
        )
    deadline = time.monotonic() + 40
    while "registered worker" not in log.read_text():
        assert agent.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    yield agent
    agent.kill()
    agent.wait()


@pytest.mark.usefixtures("worker", "example_agent")
def test_its_tool_calls_interruption_and_both_voices_come_out_right(anyreach):
    call = called(anyreach)
    turns = call["conversation"]["turns"]
    assert [(turn["role"], turn.get("text", "").strip()) for turn in turns] == [
        ("agent", "Hello, this is the refund desk. How can I help?"),
        ("user", "Hello, I would like a refund for order 4471."),
        ("tool", ""),
        ("agent", "I found your order. It was forty two dollars. Is it broken?"),
        ("user", "Yes, the lid is broken."),
        ("agent", turns[5]["text"].strip()),
        ("user", "Wait, one more thing."),
        ("agent", "Of course, what is it?"),
        ("user", "May I speak to a human, please?"),
        ("tool", ""),
        ("agent", "One moment, please."),
        ("agent", "I am sorry. This organization has no outbound trunk to call with."),
        ("user", "Thank you, goodbye."),
        ("agent", "Goodbye."),
    ]
    assert turns[5]["text"].startswith("I am sorry")
    assert len(turns[5]["text"]) < len(LONG_ANSWER)
    assert LONG_ANSWER.startswith(turns[5]["text"].strip())
    assert [turn["text"] for turn in turns if turn.get("interrupted")] == [turns[5]["text"]]
    tool = turns[2]
    assert (tool["name"], tool["arguments"]) == ("find_order", {"order_id": "4471"})
    assert tool["output"] == {"order": "4471", "amount": "42.00 USD"}
    assert all(turn["final"] for turn in turns)
    assert turns[3]["latency"]["llm_ttft_ms"] >= 200
    assert (call["status"], call["user_turn_count"]) == ("completed", 5)
    assert call["agent"]["name"] == "Refund desk (example)"


@pytest.mark.usefixtures("worker", "example_agent")
def test_it_goes_on_when_no_human_can_be_reached(anyreach, organization):
    make_trunk(organization, transfer_destinations=[NUMBER])
    call = called(anyreach)
    transfer = Transfer.objects.get(conversation=call["id"])
    assert transfer.status == Status.FAILED
    assert transfer.supervisor_instructions == "The lid of order 4471 is broken."
    said = [turn["text"].strip() for turn in call["conversation"]["turns"] if "text" in turn]
    assert said[-5:] == [
        "May I speak to a human, please?",
        "One moment, please.",
        f"I am sorry. {transfer.reason} What else can I do?",
        "Thank you, goodbye.",
        "Goodbye.",
    ]


def called(anyreach: dict[str, str]) -> dict:
    """Play the example's caller, and return the conversation."""
    caller = subprocess.run(
        [PYTHON, "caller.py"],
        cwd=EXAMPLE,
        env=os.environ | anyreach,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert caller.returncode == 0, caller.stderr
    return ended(caller.stdout.strip(), bearer(anyreach["ANYREACH_API_KEY"]))


def ended(conversation_id: str, headers: dict[str, str]) -> dict:
    deadline = time.monotonic() + 20
    while True:
        answer = Client().get(f"/core/conversations/{conversation_id}", headers=headers)
        call = answer.json()
        if call["status"] == "completed":
            return call
        assert time.monotonic() < deadline, call["status"]
        time.sleep(0.2)
