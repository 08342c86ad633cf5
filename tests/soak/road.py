"""The way from a browser to LiveKit, which a test can cut: its signals and its media."""

import asyncio
import contextlib
import socket

from anyreach.stack.livekit import LiveKitServer
from tests.environment import free_port

HERE = "127.0.0.1"
MOST_BYTES = 65_536

# Media would find a way around, as LiveKit tells its own ports and the browser tells its own. So
# the browser is told the road's, and LiveKit learns where it is from what comes along the road.
TAKE_THE_ROAD = """
const roads = %s;
const byTheRoad = (text) => text.replace(/ (\\d+) typ /g, (_, port) => ` ${roads[port]} typ `);
window.RTCPeerConnection = class extends RTCPeerConnection {
  set onicecandidate(handler) {}
  addIceCandidate(given) {
    return super.addIceCandidate({...given, candidate: byTheRoad(given.candidate)});
  }
  setRemoteDescription({type, sdp}) {
    return super.setRemoteDescription({type, sdp: byTheRoad(sdp)});
  }
};
"""


class Road:
    """A port of its own for each of a LiveKit server's. To be used on one event loop."""

    def __init__(self, server: LiveKitServer) -> None:
        self._roads = {port: free_port() for port in (server.port, server.tcp_port)}
        self._roads[server.udp_port] = free_port()
        self._udp_port = server.udp_port
        self._is_cut = False
        self._connections: set[asyncio.BaseTransport] = set()
        self._open = contextlib.ExitStack()
        self.url = f"ws://{HERE}:{self._roads[server.port]}"
        self.script = TAKE_THE_ROAD % self._roads

    async def open(self) -> None:
        for there, here in self._roads.items():
            if there == self._udp_port:
                self._ferry(there, here)
                continue
            server = await asyncio.start_server(self._bridge(there), HERE, here)
            self._open.callback(server.close)

    async def cut(self) -> None:
        """Break every connection, refuse new ones, drop every packet."""
        self._is_cut = True
        for connection in self._connections:
            connection.abort()

    async def mend(self) -> None:
        self._is_cut = False

    async def close(self) -> None:
        await self.cut()
        self._open.close()

    def _bridge(self, there: int):
        async def cross(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._is_cut:
                writer.transport.abort()
                return
            back, onward = await asyncio.open_connection(HERE, there)
            ends = {writer.transport, onward.transport}
            self._connections |= ends
            with contextlib.suppress(OSError):
                await asyncio.gather(_pour(reader, onward), _pour(back, writer))
            self._connections -= ends

        return cross

    def _ferry(self, there: int, here: int) -> None:
        """Take each sender's packets onward from a port of its own, and the answers back to it."""
        loop = asyncio.get_running_loop()
        shore = self._socket(loop)
        shore.bind((HERE, here))
        boats: dict[tuple[str, int], socket.socket] = {}

        def take() -> None:
            packet, sender = shore.recvfrom(MOST_BYTES)
            if sender not in boats:
                boats[sender] = boat = self._socket(loop)
                boat.connect((HERE, there))
                loop.add_reader(boat, fetch, boat, sender)
            if not self._is_cut:
                boats[sender].send(packet)

        def fetch(boat: socket.socket, sender: tuple[str, int]) -> None:
            packet = boat.recv(MOST_BYTES)
            if not self._is_cut:
                shore.sendto(packet, sender)

        loop.add_reader(shore, take)

    def _socket(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        made = self._open.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        made.setblocking(False)
        self._open.callback(loop.remove_reader, made)
        return made


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(MOST_BYTES):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
