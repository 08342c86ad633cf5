"""A missing or wrong setting stops start-up, of every process, with one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GOOD = {
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgresql://localhost/none",
    "LIVEKIT_URL": "ws://127.0.0.1:7880",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "s" * 32,
}
PROCESSES = {
    "web": ["-m", "uvicorn", "anyreach.asgi:application", "--port", "0"],
    "manage": ["manage.py", "check"],
}
WRONG = {
    "LIVEKIT_URL": "http://livekit.example",
    "LIVEKIT_API_SECRET": "short",
    "LIVEKIT_LISTENER_KIND": "ghost",
    "LISTEN_TOKEN_TTL_S": "soon",
    "DEBUG": "perhaps",
    "DATABASE_POOL_SIZE": "0",
    "TRANSFER_STRATEGY": "fly",
}


def start(process: str, **changes: str | None) -> "subprocess.CompletedProcess[str]":
    settings = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [sys.executable, *PROCESSES[process]],
        cwd=ROOT,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_refused(done: "subprocess.CompletedProcess[str]", name: str) -> None:
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()
    assert len(said) == 1, done.stderr
    assert said[0].startswith("AnyReach cannot start: ")
    assert name in said[0]


@pytest.mark.parametrize("name", [name for name in GOOD if name != "DATABASE_URL"])
def test_a_missing_setting_is_named(name):
    assert_refused(start("manage", **{name: None}), name)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(name):
    assert_refused(start("manage", **{name: WRONG[name]}), name)


KEY = "only-for-tests-only-for-tests-only-for-test="
MODEL = {"LLM_BASE_URL": "http://127.0.0.1:11434/v1", "LLM_MODEL": "m", "BRIEF_KEY": KEY}


@pytest.mark.parametrize("name", MODEL)
def test_half_a_language_model_is_none(name):
    assert_refused(start("manage", **{**MODEL, name: None}), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LLM_BASE_URL", "127.0.0.1:11434"), ("BRIEF_KEY", "short"), ("BRIEF_KEY", f"{KEY},short")],
)
def test_a_wrong_setting_of_the_language_model_is_named(name, value):
    assert_refused(start("manage", **{**MODEL, name: value}), name)


def test_a_key_alone_is_no_language_model():
    assert_refused(start("manage", LLM_API_KEY="sk-1"), "LLM_BASE_URL")


def test_with_a_language_model_it_starts():
    assert start("manage", **{**MODEL, "BRIEF_KEY": f"{KEY}, {KEY}"}).returncode == 0


def test_the_web_process_needs_a_database_and_says_so():
    assert_refused(start("web", DATABASE_URL=None), "DATABASE_URL")


def test_with_the_settings_it_starts():
    assert start("manage").returncode == 0
