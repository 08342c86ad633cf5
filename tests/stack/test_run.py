"""make test: every stage runs, and one that fails makes the whole fail."""

import sys

import pytest

from tests import run


def stage(name: str, program: str) -> run.Stage:
    return run.Stage(name, (sys.executable, "-c", program), {})


@pytest.fixture
def stages(monkeypatch):
    made = []
    monkeypatch.setattr(run, "lint", lambda: made[:1])
    monkeypatch.setattr(run, "tests", lambda: made[1:])
    return made


def test_later_stages_run_after_one_that_failed(stages, capfd):
    stages += [stage("first", "print('1 error'); raise SystemExit(5)"), stage("second", "print(2)")]
    assert run.main("test") == 1
    said = capfd.readouterr().out
    assert "failed" in said.partition("1 error\n")[2]
    assert said.rstrip().endswith("second\n                   2")


def test_all_passed_is_a_success(stages):
    stages += [stage("first", ""), stage("second", "")]
    assert run.main("test") == 0


def test_lint_alone_runs_no_tests(stages):
    stages += [stage("first", ""), stage("second", "raise SystemExit(1)")]
    assert run.main("lint") == 0
