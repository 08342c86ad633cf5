"""A stand-in for LiveKit Cloud, as far as its documentation tells of it: what the open server does
not do, calling telephones without Redis and moving participants, is done here; the open server
does the rest. The telephone is an rtc client of kind SIP, which comes and goes as a leg does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from aiohttp import ClientSession, WSMsgType, web
from django.conf import settings
from livekit import api, rtc
from yarl import URL

from tests.callers import Party, identities, token_of
from tests.phones import tones

DIALLED = "/twirp/livekit.SIP/CreateSIPParticipant"
MOVED = "/twirp/livekit.RoomService/MoveParticipant"
FORWARDED_HEADERS = ("Authorization", "Content-Type")
STATUS_OF = {
    "unauthenticated": 401,
    "not_found": 404,
    "invalid_argument": 400,
    "canceled": 408,
    "internal": 500,
}


@asynccontextmanager
async def cloud(port: int, livekit_url: str, phone: "Phone") -> AsyncIterator["Cloud"]:
    """Serve it at `port`, before the open server at `livekit_url`."""
    async with ClientSession() as client:
        app = web.Application()
        serving = Cloud(client, livekit_url.replace("ws", "http", 1), phone)
        app.router.add_post(DIALLED, serving.dial)
        app.router.add_post(MOVED, serving.move)
        app.router.add_route("*", "/{path:.*}", serving.forward)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        try:
            yield serving
        finally:
            await phone.hang_up()
            await site.stop()
            # Whom it is accepting at this moment, and whom it then puts out, would stay unclosed.
            await asyncio.sleep(0.1)
            await runner.cleanup()
            await asyncio.sleep(0.1)


class Phone:
    """The telephone of whoever is called: a tone to others, and it keeps what it hears."""

    def __init__(self) -> None:
        self.calls = 0
        self.room_name = self.identity = ""
        self.parties: list[Party] = []
        self.answered, self.over = asyncio.Event(), asyncio.Event()
        self.is_busy = False
        self.seen_after_s = 0.0

    async def ring(self, room_name: str, identity: str) -> None:
        self.identity = identity
        await self.join(room_name, "ringing")
        self.calls += 1

    async def join(self, room_name: str, status: str) -> None:
        about = {"sip.callStatus": status, "sip.trunkPhoneNumber": "+493090182000"}
        token = token_of(self.identity, room_name, kind="sip", attributes=about)
        self.room_name = room_name
        self.parties.append(await Party().join(token))
        self.parties[-1].room.on("disconnected", self._on_put_out)
        await self.parties[-1].hum(tones.HUMAN)

    def _on_put_out(self, reason: int) -> None:
        if reason != rtc.DisconnectReason.CLIENT_INITIATED:
            self.over.set()

    async def move(self, destination_room: str) -> None:
        await self.parties[-1].leave()
        await self.join(destination_room, "active")

    async def answer(self) -> None:
        self.answered.set()
        # LiveKit's answer to it may be seconds late: longer than some tests let a telephone ring.
        await self.parties[-1].room.local_participant.set_attributes({"sip.callStatus": "active"})

    async def press(self, digit: str) -> None:
        us = self.parties[-1].room.local_participant
        await us.publish_dtmf(code=int(digit), digit=digit)

    async def hang_up(self, *, busy: bool = False) -> None:
        self.is_busy = busy
        for party in self.parties:
            await party.leave()
        self.over.set()

    @property
    def calls_over(self) -> bool:
        return self.over.is_set()

    @property
    def heard(self) -> np.ndarray:
        """All that was heard, of whomever, in samples at 8 kHz."""
        tracks = [track for party in self.parties for track in party.heard.values()]
        frames = [samples for track in tracks for _, samples in track]
        return np.concatenate(frames or [np.zeros(0)])[::2]

    def hears(self, frequency: int) -> float:
        party = self.parties[-1]
        return max((party.hears(whom, frequency) for whom in party.heard), default=0.0)


class Cloud:
    """The stand-in's answers."""

    def __init__(self, client: ClientSession, livekit_url: str, phone: Phone) -> None:
        self._client, self._livekit_url, self._phone = client, livekit_url, phone
        self.refusals = 0
        # What a proxy before it answers in its place.
        self.proxy_answers: int | None = None

    async def dial(self, request: web.Request) -> web.Response:
        call = api.CreateSIPParticipantRequest.FromString(await request.read())
        phone = self._phone
        if phone.seen_after_s:
            # As it is with who answers at once: the news that they are there is still on its way.
            asyncio.get_running_loop().call_later(
                phone.seen_after_s, self._let_come, call.room_name, call.participant_identity
            )
            return _answered(call)
        await phone.ring(call.room_name, call.participant_identity)
        waiting = [
            asyncio.create_task(phone.answered.wait()),
            asyncio.create_task(phone.over.wait()),
        ]
        timeout_s = call.ringing_timeout.seconds
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if phone.answered.is_set():
            return _answered(call)
        await phone.hang_up(busy=phone.is_busy)
        return _error("canceled", sip_status_code="486" if phone.is_busy else "487")

    def _let_come(self, room_name: str, identity: str) -> None:
        self._coming = asyncio.create_task(self._phone.ring(room_name, identity))

    async def move(self, request: web.Request) -> web.Response:
        """Documented: it needs `roomAdmin` and `destinationRoom`; whoever is moved leaves the one
        room and joins the other. What it refuses, and how, is not: these are guesses.
        """
        if self.proxy_answers:
            return web.Response(status=self.proxy_answers, text="<html>No.</html>")
        wanted = api.MoveParticipantRequest.FromString(await request.read())
        token = request.headers["Authorization"].removeprefix("Bearer ")
        verifier = api.TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        may = verifier.verify(token).video
        granted = may and (may.room_admin, may.room, may.destination_room)
        if granted != (True, wanted.room, wanted.destination_room):
            return _error("unauthenticated")
        if not wanted.destination_room:
            return _error("invalid_argument")
        if wanted.identity not in await identities(wanted.room):
            return _error("not_found")
        if self.refusals > 0:
            self.refusals -= 1
            return _error("internal")
        assert (wanted.room, wanted.identity) == (self._phone.room_name, self._phone.identity)
        await self._phone.move(wanted.destination_room)
        return _message(api.MoveParticipantResponse())

    async def forward(self, request: web.Request) -> web.StreamResponse:
        headers = {
            name: request.headers[name] for name in FORWARDED_HEADERS if name in request.headers
        }
        address = URL(f"{self._livekit_url}{request.raw_path}", encoded=True)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request, address, headers)
        body = await request.read()
        async with self._client.request(
            request.method, address, data=body, headers=headers
        ) as answer:
            kind = answer.content_type
            return web.Response(status=answer.status, body=await answer.read(), content_type=kind)

    async def _relay(
        self, request: web.Request, address: URL, headers: dict[str, str]
    ) -> web.StreamResponse:
        ours = web.WebSocketResponse()
        async with self._client.ws_connect(address, headers=headers) as theirs:
            await ours.prepare(request)
            pumps = [asyncio.create_task(_pump(*ends)) for ends in ((ours, theirs), (theirs, ours))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for end in (ours, theirs):
                await end.close()
            await asyncio.gather(*pumps, return_exceptions=True)
        return ours


async def _pump(source, sink) -> None:
    async for message in source:
        if message.type == WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        else:
            await sink.send_str(message.data)


def _answered(call: api.CreateSIPParticipantRequest) -> web.Response:
    return _message(
        api.SIPParticipantInfo(
            participant_identity=call.participant_identity, room_name=call.room_name
        )
    )


def _message(message) -> web.Response:
    return web.Response(body=message.SerializeToString(), content_type="application/protobuf")


def _error(code: str, **meta: str) -> web.Response:
    body = {"code": code, "msg": "No.", "meta": meta}
    return web.json_response(body, status=STATUS_OF[code])
