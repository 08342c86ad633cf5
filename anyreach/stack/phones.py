"""What LiveKit needs to reach telephones, on this machine only: Redis and livekit-sip."""

import json
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anyreach.stack.livekit import LiveKitServer
from anyreach.stack.postgres import STATE
from anyreach.stack.processes import Child

READY_WITHIN_S = 15


class PhonesFailed(Exception):
    """Something did not come up. The message is one sentence and names its log."""


def livekit_sip() -> Path:
    """Return the livekit-sip on PATH, else the one that set-up built. Raises PhonesFailed."""
    found = Path(shutil.which("livekit-sip") or STATE / "bin" / "livekit-sip")
    if not found.exists():
        raise PhonesFailed("livekit-sip is missing: `make demo-phone` builds it.")
    return found


@dataclass
class Phones:
    """Redis and livekit-sip beside a LiveKit server that has `redis_port`; all on 127.0.0.1.

    A telephone answers SIP at any other port; sound goes through `rtp_ports`.
    """

    folder: Path
    server: LiveKitServer
    sip_port: int
    health_port: int
    rtp_ports: range

    def __post_init__(self) -> None:
        port = str(self.server.redis_port)
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", ""]
        self.redis = Child("Redis", redis, self.folder / "redis.log")
        sip: list[str | Path] = [livekit_sip(), "--config", self.folder / "sip.json"]
        self.sip = Child("livekit-sip", sip, self.folder / "sip.log")

    def start(self) -> None:
        """Start it all and wait until it answers. Raises PhonesFailed, LiveKitServerFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.redis.start()
        self._wait_for(self.redis, self._redis_answers)
        self.server.start()
        self.start_sip()

    def start_sip(self) -> None:
        with open(self.folder / "sip.json", "w", opener=_private) as file:
            json.dump(self.configuration(), file)
        self.sip.start()
        self._wait_for(self.sip, self._sip_answers)

    def stop(self) -> None:
        self.sip.stop(within_s=0)
        self.server.stop()
        self.redis.stop()

    def configuration(self) -> dict[str, object]:
        """Return livekit-sip's settings."""
        return {
            "api_key": self.server.api_key,
            "api_secret": self.server.api_secret,
            "ws_url": self.server.url,
            "redis": {"address": f"127.0.0.1:{self.server.redis_port}"},
            "sip_port": self.sip_port,
            "health_port": self.health_port,
            "rtp_port": f"{self.rtp_ports.start}-{self.rtp_ports.stop - 1}",
            "listen_ip": "127.0.0.1",
            "nat_1_to_1_ip": "127.0.0.1",
            "use_external_ip": False,
            # By default a machine that is busy with tests takes no calls.
            "max_cpu_utilization": 1,
            "logging": {"level": "warn"},
        }

    def _wait_for(self, child: Child, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and child.is_running():
            if answers():
                return
            time.sleep(0.05)
        self.stop()
        raise PhonesFailed(f"{child.name} did not come up. Its log is {child.log}.")

    def _redis_answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.server.redis_port or 0), 1).close()
            return True
        return False

    def _sip_answers(self) -> bool:
        address = f"http://127.0.0.1:{self.health_port}/"
        with suppress(OSError), urllib.request.urlopen(address, timeout=1):
            return True
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
