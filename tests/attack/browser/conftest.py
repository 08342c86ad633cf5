"""Attacks from pages stand on what the tests in Chromium stand on."""

from tests.e2e.conftest import (  # noqa: F401 - fixtures
    browser,
    complaints,
    context,
    live_call,
    organization,
    page,
    site,
    stage,
    supervisor,
)
from tests.e2e.test_listen_sdk import customer  # noqa: F401 - a fixture
