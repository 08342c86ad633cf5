"""Your server's part of embedding: your sign-in, and a listener token from AnyReach.

python3 backend.py, with ANYREACH_URL and ANYREACH_API_KEY; without them it asks `make demo`.
The key stays here: a page gets listener tokens only.
"""

import json
import mimetypes
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
URL, KEY = os.environ.get("ANYREACH_URL"), os.environ.get("ANYREACH_API_KEY")
if not (URL and KEY):
    demo = json.loads((HERE.parent.parent / ".anyreach/demo.json").read_text())
    URL, KEY = demo["url"], demo["api_key"]


def ask(path: str, body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = Request(f"{URL}/core/{path}", body, headers)  # noqa: S310 - the host is your setting
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as refusal:
        return refusal.code, refusal.read()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = urlsplit(self.path).path[1:] or "page.html"
        if name == "calls":
            status, answer = ask("conversations?status=in_progress")
            calls = json.loads(answer) if status == 200 else []
            told = [{"id": call["id"], "caller": call["user_id"]} for call in calls]
            return self.reply(status, json.dumps(told).encode())
        if name not in ("page.html", "page.js", "page.css"):
            return self.send_error(404)
        content = (HERE / name).read_bytes()
        content = content.replace(b"https://anyreach.example.com", str(URL).encode())
        return self.reply(200, content, mimetypes.guess_type(name)[0] or "")

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/listener-token":
            return self.send_error(404)
        # Your own check belongs here: who is signed in, and may they hear this very call?
        call = quote(parse_qs(address.query).get("conversation", [""])[0], safe="")
        renewed = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return self.reply(*ask(f"conversations/{call}/listener-token", renewed))

    def reply(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8080))), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
