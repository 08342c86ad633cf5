"""Pages that stay open."""

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import httpx
from django.test import Client

from tests.environment import PATIENCE_S, WEB_PORT


class Stream:
    """What an open page at `path` is told as server-sent events, read in a thread."""

    def __init__(self, client: Client, path: str) -> None:
        self.events: list[tuple[str, Any]] = []
        self.closed = threading.Event()
        self._changed = threading.Condition()
        cookies = {"sessionid": client.cookies["sessionid"].value}
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{WEB_PORT}")
        self._http.cookies.update(cookies)
        self._path = path
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for(lambda: self.events)

    def _read(self) -> None:
        # The web process ends before those who read from it.
        with (
            suppress(httpx.TransportError),
            self._http,
            self._http.stream("GET", self._path, timeout=30) as answer,
        ):
            self._take(answer.iter_lines())
        self.closed.set()

    def _take(self, lines: Iterable[str]) -> None:
        name = ""
        for line in lines:
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                with self._changed:
                    self.events.append((name, json.loads(value)))
                    self._changed.notify_all()

    def wait_for(self, condition: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_S), self.events
