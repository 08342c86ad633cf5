"""A stand-in for a language model: answers over real HTTP what a test queued, right or wrong."""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.fernet import Fernet

MODEL = "test-model"
# About what common tokenizers make of English and of JSON, rather more than less.
TOKEN = re.compile(r"\s?[^\W\d_]{1,6}|\d{1,3}|[^\w\s]{1,3}|\s|_")
KEY = Fernet.generate_key().decode()


@dataclass(frozen=True)
class Reply:
    """One answer to one request.

    `text` is streamed token by token, all at once without `tokens_per_s`. With
    `cut_at` the connection ends after so many characters. With another `content_type` than a
    stream's, `text` is the body.
    """

    text: str = ""
    status: int = 200
    content_type: str = "text/event-stream"
    tokens_per_s: float | None = None
    begins_after_s: float = 0
    cut_at: int | None = None
    finish_reason: str = "stop"
    refusal: str | None = None


def answer(**sections: Any) -> str:
    """Return a model's JSON, with sections that a test does not name left empty."""
    empty: dict[str, Any] = {
        "transfer_reason": None,
        "sentiment": None,
        "call_summary": [],
        "suggested_next_steps": [],
        "information_collected": [],
        "compliance_flags": [],
    }
    return json.dumps(empty | sections, separators=(",", ":"))


def claim(text: str, *turns: int) -> dict[str, Any]:
    return {"turns": list(turns), "text": text}


@dataclass
class ModelServer:
    """`asked` are the bodies of all requests so far, `keys` their credentials.

    `refuses` are parameters that it answers with 400: "json_schema", "json_object", "max_tokens",
    "max_completion_tokens".
    """

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    replies: deque[Reply] = field(default_factory=deque)
    began_at: list[float] = field(default_factory=list)

    def queue(self, *replies: Reply | str) -> None:
        self.replies += [Reply(each) if isinstance(each, str) else each for each in replies]

    @property
    def settings(self) -> dict[str, str]:
        """What our processes need in their environment to ask it."""
        return {"LLM_BASE_URL": self.url, "LLM_MODEL": MODEL, "BRIEF_KEY": KEY}


@contextmanager
def running_model() -> Iterator[ModelServer]:
    model = ModelServer()
    handler = type("Handler", (_Handler,), {"model": model})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        model.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield model
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    model: ModelServer

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.model.asked.append(body)
        self.model.keys.append(self.headers.get("Authorization", ""))
        if self.path != "/v1/chat/completions":
            return self._send(Reply("{}", 404, "application/json"))
        refused = self.model.refuses & {*body, body.get("response_format", {}).get("type")}
        if refused:
            return self._send(Reply(_error(f"Unknown: {refused}"), 400, "application/json"))
        if not self.model.replies:
            return self._send(Reply(_error("nothing queued"), 500, "application/json"))
        reply = self.model.replies.popleft()
        time.sleep(reply.begins_after_s)
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if reply.status in {301, 302, 307, 308}:
            self.send_header("Location", reply.text)
        if reply.content_type != "text/event-stream":
            body = reply.text.encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        # Without a length: what ends it is the connection's end, or a chunk of none.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._stream(reply)

    def _stream(self, reply: Reply) -> None:
        self.model.began_at.append(time.time())
        sent, began = 0, time.monotonic()
        for number, token in enumerate(TOKEN.findall(reply.text)):
            if reply.tokens_per_s:
                time.sleep(max(0, began + number / reply.tokens_per_s - time.monotonic()))
            if reply.cut_at is not None and sent + len(token) > reply.cut_at:
                self.close_connection = True
                return
            self._chunk({"content": token})
            sent += len(token)
        if reply.refusal:
            self._chunk({"refusal": reply.refusal})
        self._chunk({}, reply.finish_reason)
        self._write("data: [DONE]\n\n")
        self._write("")

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": MODEL,
            "choices": [choice],
        }
        self._write(f"data: {json.dumps(chunk)}\n\n")

    def _write(self, text: str) -> None:
        body = text.encode()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}})
