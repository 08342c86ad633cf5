"""Benches stand on what the tests in Chromium stand on."""

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Benches in a browser come last: its event loop stays, beside which asyncio.run() refuses."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
