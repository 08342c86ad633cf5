"""A livekit-server of one's own, on this machine only: for the demo and for tests."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from anyreach.stack import ports
from anyreach.stack.dying_with_parent import die_with_parent
from anyreach.stack.postgres import STATE

READY_WITHIN_S = 15


class LiveKitServerMissing(Exception):
    """There is no livekit-server on this machine."""


class LiveKitServerFailed(Exception):
    """It did not come up. The message is one sentence and names its log."""


def binary() -> Path:
    """Return the livekit-server on PATH, else the one that set-up built."""
    found = shutil.which("livekit-server") or STATE / "bin" / "livekit-server"
    if not Path(found).exists():
        raise LiveKitServerMissing("livekit-server is missing: `make demo` builds it.")
    return Path(found)


@dataclass
class LiveKitServer:
    """One server: `folder` holds its configuration and log, the ports are on 127.0.0.1."""

    folder: Path
    api_key: str
    api_secret: str
    port: int = 7880
    tcp_port: int = 7881
    udp_port: int = 7882
    webhook_urls: list[str] = field(default_factory=list)
    empty_timeout_s: int = 10
    departure_timeout_s: int = 2
    redis_port: int | None = None
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises LiveKitServerFailed, LiveKitServerMissing."""
        if not ports.is_free(self.port):
            # Asked whether it is ready, somebody else would answer.
            raise LiveKitServerFailed(f"Port {self.port}, for livekit-server, is in use.")
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "livekit.json"
        with open(configuration, "w", opener=_private) as file:
            # JSON is YAML, which is what the server reads.
            json.dump(self.configuration(), file)
        with open(self.folder / "livekit.log", "ab") as log:
            self._process = self._launch(configuration, log)
        self._wait_until_ready()

    def _launch(self, configuration: Path, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own binary and configuration
            [binary(), "--config", configuration],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def configuration(self) -> dict[str, object]:
        """Return the server's settings: everything on loopback, no public STUN servers."""
        redis = {"redis": {"address": f"127.0.0.1:{self.redis_port}"}} if self.redis_port else {}
        return {
            **redis,
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "keys": {self.api_key: self.api_secret},
            "logging": {"level": "warn"},
            "rtc": {
                "node_ip": "127.0.0.1",
                "use_external_ip": False,
                "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]},
                "udp_port": self.udp_port,
                "tcp_port": self.tcp_port,
                # An empty list makes the server hand public ones to clients.
                "stun_servers": ["127.0.0.1:3478"],
            },
            "room": {
                "empty_timeout": self.empty_timeout_s,
                "departure_timeout": self.departure_timeout_s,
                "enable_remote_unmute": True,
            },
            "webhook": {"api_key": self.api_key, "urls": self.webhook_urls},
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        address = f"http://127.0.0.1:{self.port}/"
        while time.monotonic() < deadline:
            if not self.is_running():
                break
            try:
                with urllib.request.urlopen(address, timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise LiveKitServerFailed(
            f"livekit-server did not come up. Its log is {self.folder / 'livekit.log'}."
        )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop it at once: asked politely, it would wait for every call to end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
