"""PostgreSQL is away: programs and people are told so, and may come again."""

from http import HTTPStatus

import httpx
import pytest

from tests.conftest import running_web
from tests.organizations.factories import bearer, make_api_key


@pytest.fixture
def cut_off(transactional_db, road):
    """Our web process, at the end of a road to the database that is not there."""
    with running_web(DATABASE_URL=road.database_url) as web:
        yield web


def test_who_asks_is_told_that_the_database_is_away(cut_off):
    with httpx.Client(base_url=cut_off.url, timeout=30) as client:
        program = client.get("/core/conversations", headers=bearer(make_api_key()[1]))
        person = client.get("/acme/conversations", headers={"Cookie": "sessionid=" + "s" * 32})
    for answer in (program, person):
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["Retry-After"] == "5"
        assert "The database does not answer" in answer.text
    assert list(program.json()) == ["detail"]
    assert "Not just now" in person.text
