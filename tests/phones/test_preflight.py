"""manage.py check_telephony, on a real LiveKit with its SIP service and without."""

import io

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from anyreach.stack.livekit import LiveKitServer
from tests.callers import room_names
from tests.conversations.factories import make_trunk
from tests.environment import free_port
from tests.organizations.factories import make_organization
from tests.phones import tones
from tests.phones.trunks import give_trunk

NUMBER = "+4930555010"


class WithoutUnmuting(LiveKitServer):
    def configuration(self):
        configuration = super().configuration()
        configuration["room"].pop("enable_remote_unmute")
        return configuration


@pytest.fixture
def bare_livekit(tmp_path, settings):
    """A LiveKit as it comes: without Redis, and without remote unmuting."""
    livekit = WithoutUnmuting(
        folder=tmp_path,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        port=free_port(),
        tcp_port=free_port(),
        udp_port=free_port(),
    )
    livekit.start()
    settings.LIVEKIT_URL = livekit.url
    yield
    livekit.stop()


def found(*options):
    """Return what the command says, by what it says it of, and whether it all is there."""
    said = io.StringIO()
    try:
        call_command("check_telephony", *options, stdout=said)
        passed = True
    except CommandError:
        passed = False
    lines = said.getvalue().splitlines()
    assert settings.LIVEKIT_API_SECRET not in said.getvalue()
    told = {}
    for line in lines:
        what, _, sentence = line[11:].partition(": ")
        told[what] = (line[:11].strip(), sentence)
    return told, passed


@pytest.mark.usefixtures("worker")
def test_all_is_there(organization, new_phone, settings):
    phone = new_phone()
    trunk = give_trunk(organization, phone, transfer_destinations=[NUMBER])
    before = room_names()
    with tones.speech_server() as settings.SPEECH_BASE_URL:
        told, passed = found()
    assert passed, told
    assert {state for state, _ in told.values()} == {"ok"}
    assert list(told) == [
        *("LiveKit", "Redis", "SIP service", "Taking a call", "Outbound trunk of acme"),
        *("Speech", "Worker"),
    ]
    assert told["Outbound trunk of acme"][1] == f"LiveKit has {trunk.sip_trunk_id}."
    assert told["Speech"][1] == "SPEECH_BASE_URL speaks."
    assert told["Worker"][1] == "1 runs."
    assert not phone.calls
    assert room_names() <= before


def test_a_sip_service_that_does_not_run_is_told(organization, phones):
    phones.sip.stop(within_s=0)
    try:
        told, passed = found()
    finally:
        phones.start_sip()
    assert not passed
    assert told["Redis"][0] == "ok"
    assert told["SIP service"][0] == "missing"
    assert "livekit-sip is the program that connects" in told["SIP service"][1]


@pytest.mark.usefixtures("bare_livekit")
def test_what_a_livekit_lacks_as_it_comes_is_told(organization):
    make_trunk(organization)
    told, passed = found()
    assert not passed
    assert told["LiveKit"][0] == "ok"
    assert told["Redis"][0] == "missing"
    assert "redis: {address: 127.0.0.1:6379}" in told["Redis"][1]
    assert told["SIP service"][0] == told["Outbound trunk of acme"][0] == "not known"
    assert told["Taking a call"][0] == "missing"
    assert "enable_remote_unmute: true" in told["Taking a call"][1]
    assert room_names() == set()


def test_a_key_that_livekit_refuses_is_told(organization, settings):
    settings.LIVEKIT_API_SECRET = "another-secret-" + "x" * 32
    told, passed = found()
    assert not passed
    assert told["LiveKit"][0] == "missing"
    assert told["LiveKit"][1].startswith("It refuses our key. Set LIVEKIT_API_KEY and")
    assert told["SIP service"][0] == told["Taking a call"][0] == "not known"


def test_a_livekit_that_is_away_is_told(organization, settings):
    settings.LIVEKIT_URL = "ws://127.0.0.1:9/their-path"
    told, passed = found()
    assert not passed
    assert told["LiveKit"][0] == "missing"
    assert told["LiveKit"][1].startswith("Nothing answers at 127.0.0.1:9.")
    assert "their-path" not in str(told)


def test_trunks_are_looked_for_in_livekit(organization, new_phone):
    make_trunk(organization, sip_trunk_id="ST_gone")
    give_trunk(make_organization("bold"), new_phone())
    make_organization("calm")
    told, passed = found()
    assert not passed
    assert told["Outbound trunk of acme"][0] == "missing"
    assert "enter the right id on /acme/phones" in told["Outbound trunk of acme"][1]
    assert told["Outbound trunk of bold"][0] == "ok"
    assert "until /bold/phones names to whom" in told["Outbound trunk of bold"][1]
    assert "Outbound trunk of calm" not in told
    assert "Outbound trunk of acme" not in found("--organization", "bold")[0]
    assert found("--organization", "calm")[0]["Outbound trunk"][0] == "missing"
    with pytest.raises(CommandError, match="There is no organization dull"):
        call_command("check_telephony", "--organization", "dull")


def test_speech_and_workers_are_told(organization, settings, monkeypatch, no_jobs):
    monkeypatch.setenv("PATH", "/nowhere")
    told, _ = found()
    assert told["Speech"][0] == "ok"
    assert "set SPEECH_BASE_URL, or install espeak-ng" in told["Speech"][1]
    assert told["Worker"][0] == "missing"
    assert "python manage.py worker" in told["Worker"][1]
    settings.SPEECH_BASE_URL = "http://127.0.0.1:9/v1"
    told, _ = found()
    assert told["Speech"][0] == "missing"
    assert "SPEECH_API_KEY, SPEECH_MODEL and SPEECH_VOICE" in told["Speech"][1]
