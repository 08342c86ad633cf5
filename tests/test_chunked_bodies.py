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
