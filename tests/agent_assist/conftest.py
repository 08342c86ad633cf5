"""What tests of the brief stand on."""

from collections.abc import Iterator

import pytest

from tests.agent_assist.model_server import KEY, MODEL, ModelServer, running_model


@pytest.fixture
def model(settings) -> Iterator[ModelServer]:
    """A language model of ours, which the settings name."""
    with running_model() as model:
        settings.LLM_BASE_URL = model.url
        settings.LLM_MODEL = MODEL
        settings.BRIEF_KEYS = [KEY.encode()]
        yield model
