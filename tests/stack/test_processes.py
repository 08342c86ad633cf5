"""Child processes, really started: brought back when they end, and gone when we are."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from anyreach.stack import processes
from anyreach.stack.processes import Child, KeepsDying, stop_all
from tests.environment import PATIENCE_S

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
HAS_A_CHILD = (
    "import subprocess, sys;"
    f" child = subprocess.Popen([sys.executable, '-c', {IGNORES_SIGTERM!r}]);"
    f" print(child.pid, flush=True); {SLEEPS}"
)
SUPERVISOR = f"""
import sys, time
from pathlib import Path
from anyreach.stack.processes import Child, Stopped, stop_all, stop_on_signals
stop_on_signals()
names = "first", "second"
children = [Child(n, [sys.executable, "-c", {SLEEPS!r}], Path(sys.argv[1]) / n) for n in names]
try:
    for child in children:
        child.start()
    print(*(child._process.pid for child in children), flush=True)
    time.sleep(60)
except Stopped:
    print("stopping", flush=True)
finally:
    stop_all(children)
"""


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make_child(program: str, name: str = "calls") -> Child:
        made.append(Child(name, [sys.executable, "-c", program], tmp_path / f"{name}.log"))
        return made[-1]

    yield make_child
    stop_all(made)


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "It did not come to pass."
        time.sleep(0.01)


def pid_of(child: Child) -> int:
    return child._process.pid


def start(child: Child) -> Child:
    child.start()
    wait_for(child.log.read_text)
    return child


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_process_that_dies_is_started_again_with_a_sentence(make_child, capsys):
    child = start(make_child(SLEEPS))
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    child.look_after()
    assert child.is_running()
    assert pid_of(child) != first
    assert capsys.readouterr().err == "The calls process ended and is started again.\n"


def test_process_that_lives_is_left_alone(make_child, capsys):
    child = start(make_child(SLEEPS))
    before = pid_of(child)
    child.look_after()
    assert pid_of(child) == before
    assert capsys.readouterr().err == ""


def test_process_that_keeps_dying_is_given_up_with_its_log_named(make_child):
    child = start(make_child("raise SystemExit('no database')"))
    with pytest.raises(KeepsDying, match=r"^The calls process keeps ending\. Its log is .*log\.$"):
        wait_for(child.look_after)
    assert "no database" in child.log.read_text()


def test_process_that_ignores_the_request_is_ended_all_the_same(make_child):
    child = start(make_child(IGNORES_SIGTERM))
    pid = pid_of(child)
    child.stop(within_s=0.2)
    assert gone(pid)


def test_what_a_process_started_ends_with_it(make_child):
    child = start(make_child(HAS_A_CHILD))
    wait_for(lambda: child.log.read_text().count("up") == 2)
    grandchild = int(child.log.read_text().replace("up", "").strip())
    child.stop()
    wait_for(lambda: gone(grandchild))


def test_log_stays_in_bounds_while_the_process_goes_on_writing(make_child, monkeypatch):
    monkeypatch.setattr(processes, "LOG_MAX_BYTES", 1000)
    endless = "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.001)"
    child = start(make_child(endless))
    wait_for(lambda: child.log.stat().st_size > 1000)
    os.kill(pid_of(child), signal.SIGSTOP)
    # A signal is on its way for a while: a line written after the cut would begin in the gap.
    wait_for(lambda: psutil.Process(pid_of(child)).status() == psutil.STATUS_STOPPED)
    child.look_after()
    assert child.log.stat().st_size == 0
    assert (child.log.parent / "calls.log.1").stat().st_size > 1000
    os.kill(pid_of(child), signal.SIGCONT)
    wait_for(lambda: child.log.read_bytes().startswith(b"x"))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_asked_to_stop_leaves_no_process(supervisor, number):
    children = [int(pid) for pid in supervisor.stdout.readline().split()]
    supervisor.send_signal(number)
    assert supervisor.stdout.readline() == "stopping\n"
    assert supervisor.wait(10) == 0
    assert all(gone(pid) for pid in children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of our death")
def test_being_killed_leaves_no_process(supervisor):
    children = [int(pid) for pid in supervisor.stdout.readline().split()]
    supervisor.kill()
    wait_for(lambda: all(gone(pid) for pid in children))
