"""The loader, as customers' pages get it: newest, or one version for ever.

A page that pins a version does so with a hash of its bytes (Subresource Integrity). So releases
are files, kept (releases/), whatever later builds make of the source.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import etag, require_safe

from listen_sdk import VERSION

RELEASES = Path(__file__).parent / "releases"
SCRIPT, TYPES = ".js", ".d.ts"
CONTENT_TYPES = {SCRIPT: "text/javascript; charset=utf-8", TYPES: "text/plain; charset=utf-8"}
FIVE_MINUTES = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def releases() -> dict[str, bytes]:
    """Return the released files by name, such as "1.0.0.js"."""
    return {path.name: path.read_bytes() for path in RELEASES.iterdir()}


def sri(version: str) -> str:
    """Return what pages that pin `version` write as integrity."""
    digest = hashlib.sha384(releases()[version + SCRIPT]).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


def _etag_of(request: HttpRequest, name: str, cached: str) -> str | None:
    content = releases().get(name)
    return f'"{hashlib.sha256(content).hexdigest()}"' if content else None


@require_safe
@gzip_page
@etag(_etag_of)
def _serve(request: HttpRequest, name: str, cached: str) -> HttpResponse:
    content = releases().get(name)
    if content is None:
        raise Http404
    kind = SCRIPT if name.endswith(SCRIPT) else TYPES
    return HttpResponse(content, content_type=CONTENT_TYPES[kind])


def _file(request: HttpRequest, name: str, cached: str) -> HttpResponse:
    answer = _serve(request, name, cached)
    if answer.status_code < 400:
        answer["Cache-Control"] = cached
        answer["Access-Control-Allow-Origin"] = "*"
        answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def newest(request: HttpRequest) -> HttpResponse:
    return _file(request, VERSION + SCRIPT, FIVE_MINUTES)


def script(request: HttpRequest, version: str) -> HttpResponse:
    return _file(request, version + SCRIPT, FOR_EVER)


def types(request: HttpRequest, version: str) -> HttpResponse:
    return _file(request, version + TYPES, FOR_EVER)
