"""What tests stand on: a real LiveKit server, our web process and our worker."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import hypothesis
import pytest
import pytest_django
from django.conf import settings
from django.db import connection
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateWorker

from anyreach.organizations.models import Organization
from anyreach.stack.dying_with_parent import die_with_parent
from anyreach.stack.livekit import LiveKitServer
from tests.environment import LIVEKIT_PORT, PATIENCE_S, WEB_PORT, free_port
from tests.organizations.factories import signed_in
from tests.phones import tones
from tests.roads import Road

ROOT = Path(__file__).parents[1]

# The same examples in each run, on a machine of any speed.
hypothesis.settings.register_profile("the same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("the same")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """The test database, which processes and threads of ours may still hold open at the end."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def livekit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKitServer]:
    """One LiveKit server for the run, which reports to the `web` fixture's process."""
    server = LiveKitServer(
        folder=tmp_path_factory.mktemp("livekit"),
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        port=LIVEKIT_PORT,
        tcp_port=free_port(),
        udp_port=free_port(),
        webhook_urls=[f"http://127.0.0.1:{WEB_PORT}/livekit/webhook"],
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def as_member(organization: Organization) -> Callable[..., Client]:
    """Return a function: the client of a new member with a role, an admin's without."""
    return partial(signed_in, organization)


class Process:
    """One of our processes, on the test's own database."""

    def __init__(self, name: str, *command: str, **environment: str) -> None:
        self.name, self.command, self.environment = name, command, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(ROOT / ".anyreach" / f"test-{self.name}.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": test_database_url(), **self.environment},
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running.")
        return self._process.pid

    def stop(self) -> None:
        """Ask it to end, as whoever runs it does; it may take its time."""
        assert self._process is not None
        self._process.terminate()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def test_database_url() -> str:
    parameters = connection.get_connection_params()
    return f"postgresql://postgres@/{parameters['dbname']}?host={quote(parameters['host'])}"


test_database_url.__test__ = False


class Web(Process):
    url = settings.BASE_URL

    def start(self) -> None:
        super().start()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{WEB_PORT}/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise TimeoutError("The web process did not come up.")


@contextlib.contextmanager
def running_web(**environment: str) -> Iterator[Web]:
    """Our web process, on the test's database, with settings of its own."""
    web = Web(
        "web",
        *("-m", "uvicorn", "anyreach.asgi:application", "--port", str(WEB_PORT)),
        *("--no-access-log", "--timeout-graceful-shutdown", "1"),
        **environment,
    )
    web.start()
    try:
        yield web
    finally:
        web.kill()


@pytest.fixture
def web(transactional_db: None, livekit_server: LiveKitServer) -> Iterator[Web]:
    """Our web process, told by LiveKit."""
    with running_web() as web:
        yield web


@pytest.fixture
def no_jobs(transactional_db: None) -> None:
    """Jobs and workers of earlier tests are gone: Django empties its own tables only."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
        cursor.execute("TRUNCATE procrastinate_periodic_defers CASCADE")


@pytest.fixture
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    # The path of a socket is short.
    return Road(tmp_path_factory.mktemp("pg"))


@pytest.fixture
def worker(no_jobs: None, livekit_server: LiveKitServer) -> Iterator[Process]:
    """Our worker process, on the test's database."""
    worker = Process("worker", "manage.py", "worker")
    worker.start()
    yield worker
    worker.kill()


def wait_for_worker(count: int = 1) -> None:
    """Wait until so many workers take jobs up, in a test that began with `no_jobs`."""
    deadline = time.monotonic() + PATIENCE_S
    while ProcrastinateWorker.objects.count() < count:
        assert time.monotonic() < deadline, "No worker came up."
        time.sleep(0.05)


@pytest.fixture
def our_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker's hold music and speech are tones."""
    hold = tmp_path / "hold.wav"
    tones.tone(hold, tones.HOLD, seconds=3)
    monkeypatch.setenv("HOLD_MUSIC_FILE", str(hold))
    with tones.speech_server() as url:
        monkeypatch.setenv("SPEECH_BASE_URL", url)
        yield
