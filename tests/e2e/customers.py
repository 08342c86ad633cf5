"""A customer's site: pages at another site than ours, which is "localhost", and its own server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.organizations.factories import bearer, make_api_key

# What the scripts of tests' pages have at hand: happened[], and who fills it.
KIT = """
window.happened = [];
window.follow = (session, happened = window.happened) => {
  const events = "stateChange transcript agentDisconnected audioBlocked error ended";
  for (const event of events.split(" ")) {
    session.on(event, (payload) => {
      happened.push(payload === undefined ? [event] : [event, payload]);
      console.debug(event);
    });
  }
  return session;
};
window.codeOf = (promise) => promise.then(() => "", (error) => error.code);
window.mint = async (call, {renews} = {}) => {
  const body = JSON.stringify({call, renews});
  return (await fetch("/listener-token", {method: "POST", body})).json();
};
"""


class Customer:
    """Pages by path, and `/listener-token`, which mints with an organization's API key."""

    def __init__(self, origin: str, our_url: str, organization: Any) -> None:
        self.origin, self.our_url = origin, our_url
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self._key = make_api_key(organization)[1]

    def page(
        self,
        body: str = "",
        path: str = "/",
        *,
        sdk: bool = True,
        headers: dict[str, str] | None = None,
    ) -> str:
        """Have a page, with the SDK unless told otherwise. Returns its address."""
        scripts = f"<script>{KIT}</script>"
        if sdk:
            scripts += f'<script src="{self.our_url}/public/listen-sdk"></script>'
        html = f"<!DOCTYPE html><title>CRM</title>{scripts}{body}"
        return self.raw_page(html, path, headers=headers)

    def raw_page(self, html: str, path: str = "/", *, headers: dict[str, str] | None = None) -> str:
        self.pages[path] = (html, headers or {})
        return self.origin + path

    def mint(self, call: str, renews: str | None = None) -> dict[str, str]:
        """Ask as a customer's server does. `call` is a conversation's id."""
        url = f"{self.our_url}/core/conversations/{call}/listener-token"
        body = {"renews": renews} if renews else {}
        answer: dict[str, str] = httpx.post(url, headers=bearer(self._key), json=body).json()
        return answer


@contextmanager
def customer_at(our_url: str, organization: Any) -> Iterator[Customer]:
    """Run a customer's site for `organization`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html, headers = customer.pages.get(urlsplit(self.path).path, ("", {}))
            self._answer(html.encode(), {"Content-Type": "text/html", **headers})

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            grant = customer.mint(given["call"], given.get("renews"))
            self._answer(json.dumps(grant).encode(), {"Content-Type": "application/json"})

        def _answer(self, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    origin = f"http://127.0.0.1:{server.server_port}"
    customer = Customer(origin, our_url, organization)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield customer
    finally:
        server.shutdown()
        server.server_close()
