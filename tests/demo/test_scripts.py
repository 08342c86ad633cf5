"""The demo's calls: every line has its sound, and sounds as speech should."""

import numpy as np
import pytest
import soundfile

from anyreach.demo.player import RATE, load, word_ends
from anyreach.demo.scripts import HANDOVER, SCRIPTS, SOUND, Agent, Say, Tool

ALL = (*SCRIPTS, HANDOVER)
LINES = [(line, sound) for script in ALL for line, sound in script.spoken()]


@pytest.mark.parametrize(("line", "sound"), LINES, ids=[sound.stem for _, sound in LINES])
def test_each_line_is_spoken_clearly(line, sound):
    samples = load(sound).astype(float)
    seconds = len(samples) / RATE
    words = len(line.text.split())
    assert 0.15 < seconds / words < 1.0
    assert np.abs(samples).max() < 32_767
    level = 20 * np.log10(np.sqrt((samples**2).mean()) / 32_768)
    assert -24 < level < -16
    loud = np.abs(samples) > 500
    assert loud.argmax() / RATE < 0.3
    assert loud[::-1].argmax() / RATE < 0.6


def test_no_sound_is_left_over_and_all_are_small():
    assert {sound for _, sound in LINES} == set(SOUND.glob("*.opus"))
    assert sum(sound.stat().st_size for _, sound in LINES) < 3_000_000


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_each_call_has_tools_an_interruption_and_two_voices(script):
    assert any(isinstance(line, Tool) for line in script.lines)
    assert any(isinstance(line, Agent) and line.heard < 1 for line in script.lines)
    assert script.caller_voice != script.agent_voice
    # An interrupted agent is interrupted by somebody.
    for line, following in zip(script.lines, script.lines[1:], strict=False):
        if isinstance(line, Agent) and line.heard < 1:
            assert isinstance(following, Say)
            assert following.role == "user"


def test_one_of_the_tools_fails():
    tools = [line for script in SCRIPTS for line in script.lines if isinstance(line, Tool)]
    assert any(tool.is_error for tool in tools)


def test_words_end_in_order_and_the_last_with_the_sound():
    ends = word_ends(["I", "would", "like"], 3.0)
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(3.0)


def test_a_sound_of_another_rate_is_refused(tmp_path):
    sound = tmp_path / "other.wav"
    soundfile.write(sound, np.zeros(100, dtype=np.int16), 8000)
    with pytest.raises(ValueError, match="8000 Hz"):
        load(sound)
