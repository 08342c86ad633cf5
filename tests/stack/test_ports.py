"""A port that is taken is said in one sentence, and another one is taken instead."""

import os
import socket

import pytest

from anyreach.stack import ports


def listener(family: socket.AddressFamily, host: str) -> socket.socket:
    taken = socket.socket(family)
    taken.bind((host, 0))
    taken.listen()
    return taken


def test_free_port_is_taken_without_a_word(capsys):
    # Below those that the system gives to anybody who asks meanwhile.
    port = next(
        each for each in range(10_000 + os.getpid() % 20_000, 32_000) if ports.is_free(each)
    )
    assert ports.choose(port, "the demo") == port
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_port_in_use_is_said_and_another_one_chosen(host, capsys):
    with listener(socket.AF_INET, host) as taken:
        port = taken.getsockname()[1]
        chosen = ports.choose(port, "the demo")
        assert chosen != port
        assert ports.is_free(chosen)
    said = f"Port {port} is in use, so the demo takes {chosen}.\n"
    assert capsys.readouterr().err == said


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_port_that_browsers_would_find_somebody_else_on_is_in_use():
    with listener(socket.AF_INET6, "::1") as taken:
        assert not ports.is_free(taken.getsockname()[1])


def test_neighbours_that_are_wanted_together_do_not_take_each_others_place(capsys):
    with listener(socket.AF_INET, "127.0.0.1") as taken:
        port = taken.getsockname()[1]
        assert ports.choose(port, "LiveKit") != port + 1


def test_port_of_an_outgoing_connection_is_in_use():
    with (
        listener(socket.AF_INET, "127.0.0.1") as server,
        socket.create_connection(server.getsockname()) as outgoing,
    ):
        assert not ports.is_free(outgoing.getsockname()[1])


def test_udp_port_in_use_does_not_matter_to_tcp():
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert not ports.is_free(port, kind=socket.SOCK_DGRAM)
        assert ports.is_free(port)
