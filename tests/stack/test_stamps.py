"""A step is done once, and again whenever that might matter."""

from pathlib import Path

import pytest

from anyreach.stack.stamps import digest, once


class Step:
    """Makes a file, or is interrupted half-way; counts how often it was asked to."""

    def __init__(self, folder: Path) -> None:
        self.made, self.stamp, self.times = folder / "made", folder / "stamps" / "made", 0

    def take(self, made_from: str, *, interrupted: bool = False) -> None:
        def make() -> None:
            self.times += 1
            self.made.write_text("half")
            if interrupted:
                raise KeyboardInterrupt
            self.made.write_text("whole")

        once(self.stamp, made=self.made, made_from=made_from, step=make)


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


def test_step_is_not_repeated_while_nothing_changed(step):
    step.take("this")
    step.take("this")
    assert step.times == 1


def test_step_is_repeated_when_its_inputs_changed(step):
    step.take("this")
    step.take("that")
    assert step.times == 2


def test_step_is_repeated_when_what_it_made_is_gone(step):
    step.take("this")
    step.made.unlink()
    step.take("this")
    assert step.made.exists()


def test_interrupted_step_does_not_pass_for_finished(step):
    with pytest.raises(KeyboardInterrupt):
        step.take("this", interrupted=True)
    step.take("this")
    assert step.made.read_text() == "whole"


def test_step_interrupted_when_repeated_does_not_pass_for_the_earlier_one(step):
    step.take("this")
    with pytest.raises(KeyboardInterrupt):
        step.take("that", interrupted=True)
    step.take("this")
    assert step.made.read_text() == "whole"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("two"),
        lambda folder: (folder / "a").rename(folder / "b"),
        lambda folder: (folder / "deep").mkdir() or (folder / "deep" / "new").write_text(""),
        lambda folder: (folder / "a").unlink(),
    ],
    ids=["written", "renamed", "added", "deleted"],
)
def test_any_change_in_a_folder_changes_its_digest(tmp_path, change):
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "a").write_text("one")
    before = digest([folder])
    assert digest([folder]) == before
    change(folder)
    assert digest([folder]) != before


def test_words_count_in_a_digest(tmp_path):
    assert digest([tmp_path], "3.11") != digest([tmp_path], "3.12")
