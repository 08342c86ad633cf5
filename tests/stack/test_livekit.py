"""A livekit-server of our own, really started."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from anyreach.stack import livekit
from anyreach.stack.livekit import LiveKitServer, LiveKitServerFailed, LiveKitServerMissing
from tests.environment import free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveKitServer]:
    server = LiveKitServer(
        folder=tmp_path / "livekit",
        api_key="key",
        api_secret="secret" * 6,
        port=free_port(),
        tcp_port=free_port(),
        udp_port=free_port(),
    )
    yield server
    server.stop()


def answers(server: LiveKitServer) -> bool:
    try:
        return httpx.get(server.url.replace("ws:", "http:"), timeout=2).text == "OK"
    except httpx.TransportError:
        return False


def test_it_answers_once_started_and_no_more_once_stopped(server):
    server.start()
    assert answers(server)
    server.stop()
    assert not answers(server)
    assert not server.is_running()


def test_restart_brings_it_back_on_the_same_ports(server):
    server.start()
    url = server.url
    server.restart()
    assert server.url == url
    assert answers(server)


def test_its_secrets_are_for_us_only(server):
    server.start()
    mode = (server.folder / "livekit.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_port_of_somebody_else_is_a_sentence_that_names_it(server, tmp_path):
    server.start()
    late = replace(server, folder=tmp_path / "late", _process=None)
    with pytest.raises(LiveKitServerFailed, match=rf"Port {server.port}, .* in use\.$"):
        late.start()
    assert not late.is_running()
    assert answers(server)


def test_missing_server_is_a_sentence_that_says_what_to_do(server, monkeypatch, tmp_path):
    monkeypatch.setattr(livekit, "STATE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveKitServerMissing, match="make demo"):
        server.start()
