"""AnyReach's API by plain HTTP.

ANYREACH_URL and an ANYREACH_API_KEY that may manage conversations are your AnyReach's; without
them it is `make demo`.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL, KEY = os.environ.get("ANYREACH_URL"), os.environ.get("ANYREACH_API_KEY")
if not (URL and KEY):
    demo = json.loads((Path(__file__).parents[2] / ".anyreach/demo.json").read_text())
    URL, KEY = demo["url"], demo["api_key"]


class Refused(Exception):
    """AnyReach's "no", in a sentence."""


def ask(path: str, body: dict[str, str] | None = None) -> Any:
    """GET, or POST `body`. Raises Refused; OSError when AnyReach is not there."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{URL}/core/{path}", data, headers)  # noqa: S310 - the host is your setting
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)
    except HTTPError as error:
        told = json.load(error)
        wrong = told.get("errors") or [{"message": told["detail"]}]
        raise Refused(wrong[0]["message"]) from error
