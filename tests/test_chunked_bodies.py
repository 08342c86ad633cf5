"""Bodies in chunks, without a Content-Length, on the real web process."""

from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest

from tests.organizations.factories import bearer, make_api_key


def chunks(padding: int) -> Iterator[bytes]:
    yield b'{"channel": "webrtc",'
    yield b' "user_id": "guest_1"}'
    yield b" " * padding


@pytest.mark.parametrize(
    ("padding", "status"),
    [
        (0, HTTPStatus.OK),
        (1024 * 1024, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (8 * 1024 * 1024, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ],
)
def test_a_body_in_chunks_is_read_like_any_other(web, padding, status):
    answer = httpx.post(
        f"{web.url}/core/conversations",
        content=chunks(padding),
        headers=bearer(make_api_key()[1]),
    )
    assert answer.status_code == status


def lines(padding: int) -> Iterator[bytes]:
    """An import whose second line comes after megabytes of empty ones."""
    yield b'{"id": 1}\n'
    for _ in range(padding // 1024):
        yield b" " * 1023 + b"\n"
    yield b'{"id": 2}'


@pytest.mark.parametrize(
    ("padding", "status"),
    [
        (4 * 1024 * 1024, HTTPStatus.OK),
        (64 * 1024 * 1024, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ],
)
def test_an_import_in_chunks_is_read_to_its_last_line_or_not_at_all(web, padding, status):
    answer = httpx.post(
        f"{web.url}/core/conversations/import",
        content=lines(padding),
        headers={**bearer(make_api_key()[1]), "Content-Type": "application/x-ndjson"},
        timeout=60,
    )
    assert answer.status_code == status
    if status == HTTPStatus.OK:
        refused = [each["line"] for each in answer.json()["refused"]]
        assert refused == [1, 2 + padding // 1024]
