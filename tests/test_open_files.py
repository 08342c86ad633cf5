"""Each inbox and each call is a socket or more: processes take as many as they are allowed."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TELL = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
PROCESSES = {
    "web": ["-c", f"import anyreach.asgi; {TELL}"],
    "manage": ["manage.py", "shell", "--no-imports", "-c", TELL],
}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_may_have_as_many_files_open_as_the_system_allows(process):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = subprocess.check_output(
        [sys.executable, *PROCESSES[process]],
        cwd=ROOT,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),
    )
    assert told.split() == [str(hard)] * 2
