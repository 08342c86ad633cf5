"""A LiveKit that can call telephones, and our processes beside it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from anyreach.organizations.models import Organization
from anyreach.stack.livekit import LiveKitServer
from anyreach.stack.phones import Phones
from tests.conftest import Process, Web, running_web, wait_for_worker
from tests.environment import WEB_PORT, free_port
from tests.organizations.factories import make_organization
from tests.phones import tones
from tests.phones.scene import Scene
from tests.phones.softphone import Humming


@pytest.fixture(scope="session")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    """LiveKit with Redis and its SIP service, apart from the LiveKit of other tests."""
    folder = tmp_path_factory.mktemp("phones")
    first_rtp_port = free_port(neighbours=99)
    livekit = LiveKitServer(
        folder=folder,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        port=free_port(),
        tcp_port=free_port(),
        udp_port=free_port(),
        webhook_urls=[f"http://127.0.0.1:{WEB_PORT}/livekit/webhook"],
        redis_port=free_port(),
    )
    stack = Phones(
        folder=folder,
        server=livekit,
        sip_port=free_port(),
        health_port=free_port(),
        rtp_ports=range(first_rtp_port, first_rtp_port + 100),
    )
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(autouse=True)
def _on_this_livekit(phones: Phones, settings) -> None:
    settings.LIVEKIT_URL = phones.server.url


@pytest.fixture
def web(transactional_db: None, phones: Phones) -> Iterator[Web]:
    with running_web(LIVEKIT_URL=phones.server.url) as web:
        yield web


@pytest.fixture
def new_worker(no_jobs: None, phones: Phones) -> Iterator[Callable[..., Process]]:
    """Return a function that starts a worker, which lets telephones ring for four seconds."""
    workers: list[Process] = []

    def start(**given: str) -> Process:
        environment = {"LIVEKIT_URL": phones.server.url, "PHONE_RINGING_TIMEOUT_S": "4", **given}
        workers.append(Process("phones-worker", "manage.py", "worker", **environment))
        workers[-1].start()
        # A transfer that nobody takes up at once is over.
        wait_for_worker(sum(each.is_running for each in workers))
        return workers[-1]

    yield start
    for each in workers:
        each.kill()


@pytest.fixture
def worker(new_worker: Callable[..., Process]) -> Process:
    return new_worker()


@pytest.fixture
def new_phone(tmp_path: Path) -> Iterator[Callable[..., Humming]]:
    """Return a function that starts a telephone."""
    phones: list[Humming] = []

    def start(
        number: str = "+4930555010", *, frequency: int = 440, answers: bool = False
    ) -> Humming:
        folder = tmp_path / f"phone-{len(phones)}"
        phones.append(Humming(folder, number, frequency=frequency, answers=answers))
        phones[-1].start()
        return phones[-1]

    yield start
    for each in phones:
        each.stop()


@pytest.fixture
def organization(transactional_db: None) -> Organization:
    return make_organization("acme")


@pytest.fixture
def scene(organization: Organization, new_phone: Callable[..., Humming]) -> Scene:
    return Scene(organization, new_phone(frequency=tones.HUMAN))
