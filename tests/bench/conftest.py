"""Benches stand on what the tests in Chromium stand on."""

from tests.e2e.conftest import (  # noqa: F401 - fixtures
    browser,
    context,
    live_call,
    organization,
    site,
    stage,
    supervisor,
)
