"""What make demo-phone shows: a telephone call, its transfer, and the sound of both telephones."""

from dataclasses import asdict

import numpy as np
import pytest
import soundfile
from django.conf import settings

from anyreach.demo import telephone
from anyreach.demo.seed import ORGANIZATION_SLUG, seed
from conversations.models import Conversation, Status

LOUD = 500


def seconds_of_voice(samples):
    """Return in how many seconds of `samples` something was to be heard."""
    rate = telephone.RATE
    seconds = np.abs(samples[: len(samples) // rate * rate].astype(int)).reshape(-1, rate)
    return int((seconds.max(axis=1) > LOUD).sum())


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("transactional_db", "web", "worker")
def test_a_call_comes_in_and_a_human_takes_it(phones, tmp_path):
    access = {"url": settings.BASE_URL, "organization": ORGANIZATION_SLUG, **asdict(seed())}
    told = []
    conversation_id, files = telephone.play(
        access, folder=tmp_path / "phone", sip_port=phones.sip_port, tell=told.append
    )
    assert told == [
        "A telephone calls the agent's number.",
        "The agent has answered.",
        "The agent asks for a transfer.",
        *(telephone.STEPS[step] for step in telephone.STEPS),
        "The human hangs up.",
        "The conversation is transferred: Who took the call hung up.",
    ]
    conversation = Conversation.objects.get(pk=conversation_id)
    assert conversation.status == Status.TRANSFERRED
    assert conversation.agent.name == "Refund desk"
    said = [turn.text for turn in conversation.turns.exclude(role="tool")]
    assert said[1] == "Hello. You promised me a refund two weeks ago, and nothing has come."
    assert [path.name for path in files] == ["caller.wav", "human.wav"]
    for path in files:
        sides, rate = soundfile.read(path, dtype="int16")
        assert rate == telephone.RATE
        heard, spoken = sides.T
        assert seconds_of_voice(heard) > 3
        assert seconds_of_voice(spoken) > 2
