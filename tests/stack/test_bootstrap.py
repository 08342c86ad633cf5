"""Set-up on a machine that lacks something: one sentence, and never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from anyreach.stack import bootstrap


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bootstrap, "STATE", tmp_path / "state")
    return tmp_path / "state"


def put(folder: Path, name: str, prints: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\necho '{prints}'\n")
    (folder / name).chmod(0o755)


def test_missing_system_package_is_said_where_it_cannot_be_installed(bare_path):
    with pytest.raises(bootstrap.SetupFailed) as refusal:
        bootstrap.system_packages("Chromium", "chromium")
    assert str(refusal.value) == "Chromium is missing: please install it (on Debian chromium)."


@pytest.mark.parametrize(
    ("printed", "version"),
    [("v22.12.0", (22, 12)), ("go version go1.26.8 linux/amd64", (1, 26)), ("what?", ())],
)
def test_version_is_read_out_of_what_a_program_prints(bare_path, printed, version):
    put(bare_path, "program", printed)
    assert bootstrap.version_of("program") == version


def test_program_that_is_not_there_has_no_version(bare_path):
    assert bootstrap.version_of("program") == ()


def test_node_on_path_is_taken_when_new_enough(bare_path):
    put(bare_path, "node", "v22.12.0")
    put(bare_path, "npm", "10.9.0")
    assert bootstrap.path_with_node() == str(bare_path)


@pytest.mark.parametrize("node", ["v22.11.0", "v20.20.2", None])
def test_node_comes_out_of_its_wheel_when_old_or_absent(bare_path, monkeypatch, node):
    installed = []
    monkeypatch.setattr(bootstrap, "python_packages", lambda what, *_, **__: installed.append(what))
    if node:
        put(bare_path, "node", node)
        put(bare_path, "npm", "10.9.0")
    path = bootstrap.path_with_node()
    assert installed == ["Node"]
    assert path.startswith(str(bootstrap.VENV / "bin"))


def test_livekit_server_is_not_built_where_one_is_configured_or_on_path(
    bare_path, state, monkeypatch
):
    monkeypatch.setattr(bootstrap, "build_livekit", lambda *_, **__: pytest.fail("It was built."))
    put(bare_path, "livekit-server", "")
    bootstrap.livekit_server()
    (bare_path / "livekit-server").unlink()
    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example")
    bootstrap.livekit_server()


def test_livekit_sip_is_not_built_where_one_is_on_path(bare_path, state, monkeypatch):
    monkeypatch.setattr(bootstrap, "build_livekit_sip", lambda *_: pytest.fail("It was built."))
    put(bare_path, "livekit-sip", "")
    bootstrap.livekit_sip()


def test_what_livekit_sip_is_built_with_is_said_where_it_cannot_be_installed(bare_path, state):
    put(bare_path, "gcc", "")
    with pytest.raises(bootstrap.SetupFailed, match=r"livekit-sip .* libopus-dev libopusfile-dev"):
        bootstrap.livekit_sip()
    assert not (state / "bin" / "livekit-sip").exists()


def test_command_that_fails_is_a_sentence_that_names_its_log(state, capfd):
    failing = [sys.executable, "-c", "raise SystemExit('no such package')"]
    with pytest.raises(bootstrap.SetupFailed, match=r"Node: failed\. .* is in .*setup-node\.log"):
        bootstrap.show("Node", failing)
    assert "no such package" in capfd.readouterr().err
    assert "no such package" in (state / "logs" / "setup-node.log").read_text()


def test_progress_counts_what_a_command_tells_and_ends_full(state, capfd):
    telling = [sys.executable, "-c", "print('Collecting a'); print('Collecting b'); print('x')"]
    bootstrap.show("Packages", telling, counted="^Collecting", total=2)
    assert "2/2 0:00\n" in capfd.readouterr().err


def test_ctrl_c_is_one_sentence(state, monkeypatch, capsys):
    def interrupted(goal: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "prepare", interrupted)
    assert bootstrap.main("demo") == 130
    assert capsys.readouterr().err.strip() == (
        "Set-up was stopped; the same command goes on where it was."
    )


def test_old_python_is_one_sentence():
    program = "import sys; sys.version_info = (3, 10, 9); import anyreach.stack.bootstrap"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=bootstrap.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("AnyReach needs Python 3.11 or newer")
    assert "Traceback" not in done.stderr
