"""/public/listen-sdk: what a customer's page loads."""

import base64
import gzip
import hashlib
from http import HTTPStatus

import pytest

from listen_sdk import VERSION, loader
from listen_sdk.release import SOURCES, release

NEWEST = "/public/listen-sdk"
PINNED = f"/public/listen-sdk/{VERSION}.js"
TYPES = f"/public/listen-sdk/{VERSION}.d.ts"


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        (NEWEST, "public, max-age=300"),
        (PINNED, "public, max-age=31536000, immutable"),
        (TYPES, "public, max-age=31536000, immutable"),
    ],
)
def test_any_page_may_load_it_and_keep_it(client, path, cached):
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.OK
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cache-Control"] == cached
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


def test_it_is_javascript_and_its_types_are_text(client):
    assert client.get(NEWEST)["Content-Type"] == "text/javascript; charset=utf-8"
    assert client.get(PINNED)["Content-Type"] == "text/javascript; charset=utf-8"
    assert client.get(TYPES)["Content-Type"] == "text/plain; charset=utf-8"
    assert "declare namespace AnyReach" in client.get(TYPES).text


@pytest.mark.parametrize("path", [NEWEST, PINNED])
@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "gzip"}])
def test_who_has_it_is_not_sent_it_again(client, path, headers):
    first = client.get(path, headers=headers)
    again = client.get(path, headers={**headers, "If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    assert again["Access-Control-Allow-Origin"] == "*"
    assert again["Cache-Control"] == first["Cache-Control"]


def test_it_is_compressed_for_whoever_reads_that(client):
    answer = client.get(NEWEST, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.content) == client.get(NEWEST).content
    assert len(answer.content) < 4096


@pytest.mark.parametrize("name", ["0.0.1.js", "1.0.0", "1.0.0.map", "..%2Fmodels.js", "x.d.ts"])
def test_an_unknown_version_is_not_there_and_not_kept(client, name):
    answer = client.get(f"/public/listen-sdk/{name}")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert answer["Cache-Control"] == "no-store"


def test_it_cannot_be_written_to(client):
    assert client.post(NEWEST).status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_the_integrity_hash_is_of_the_bytes_that_are_served(client):
    digest = hashlib.sha384(client.get(PINNED).content).digest()
    assert loader.sri(VERSION) == f"sha384-{base64.b64encode(digest).decode()}"


def test_the_built_loader_is_the_newest_release():
    for suffix, source in SOURCES.items():
        released = loader.releases()[VERSION + suffix]
        assert source.read_bytes() == released, "Raise listen_sdk.VERSION, make release-sdk."


def test_a_release_is_never_changed(tmp_path):
    release(tmp_path)
    release(tmp_path)
    (tmp_path / f"{VERSION}.js").write_text("something else")
    with pytest.raises(SystemExit, match="Raise VERSION"):
        release(tmp_path)
    assert (tmp_path / f"{VERSION}.js").read_text() == "something else"
