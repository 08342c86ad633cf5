"""What tests of the brief stand on."""

from collections.abc import Iterator

import pytest

from tests.agent_assist.model_server import KEY, MODEL, ModelServer, running_model
from tests.conftest import Process


@pytest.fixture
def model(settings) -> Iterator[ModelServer]:
    """A language model of ours, which the settings name."""
    with running_model() as model:
        settings.LLM_BASE_URL = model.url
        settings.LLM_MODEL = MODEL
        settings.BRIEF_KEYS = [KEY.encode()]
        yield model


@pytest.fixture
def brief_worker(no_jobs: None, model: ModelServer) -> Iterator[Process]:
    """Our worker process, which is to be started, with the model in its settings."""
    worker = Process("brief-worker", "manage.py", "worker", **model.settings)
    yield worker
    worker.kill()
