"""Socket Mode: one-time addresses, hello, envelopes to any one socket, acks, redelivery, disconnects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.ledger import Json
from tests.fakes.slack.workspace import APP_ID

MAX_SOCKETS = 10
REASONS = ("warning", "refresh_requested", "link_disabled")


@dataclass(eq=False)
class Socket:
    """One connection of the app."""

    number: int
    ws: web.WebSocketResponse
    request: web.Request
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    retiring: bool = False


@dataclass
class Envelope:
    """One payload on its way; `sent` says on which sockets it went, in order."""

    id: str
    kind: str
    payload: Json
    accepts_response: bool
    sent: list[int] = field(default_factory=list)
    acks: int = 0
    answer: Json | None = None
    acked: asyncio.Event = field(default_factory=asyncio.Event)


class SocketMode:
    """The sockets of the app and the envelopes under way."""

    def __init__(self, *, seed: int, redeliver_s: float, max_deliveries: int) -> None:
        self.redeliver_s = redeliver_s
        self.max_deliveries = max_deliveries
        self.sockets: list[Socket] = []
        self.envelopes: dict[str, Envelope] = {}
        self.opened = 0
        self.refused = 0
        self.late_acks = 0
        self._rng = random.Random(seed)
        self._tickets: set[str] = set()
        self._arrived = asyncio.Condition()

    def issue(self, port: int) -> str:
        """A one-time address, as apps.connections.open returns it."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={APP_ID}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.refused += 1
            return web.Response(status=401, text="invalid ticket")
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(heartbeat=10)
        await ws.prepare(request)
        if len(self.sockets) >= MAX_SOCKETS:
            await ws.send_json(self._disconnect_frame("too_many_websockets"))
            await ws.close()
            return ws
        self.opened += 1
        socket = Socket(self.opened, ws, request)
        try:
            await ws.send_json(self._hello())
            async with self._arrived:
                self.sockets.append(socket)
                self._arrived.notify_all()
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    self._receive(frame.data)
        finally:
            self._forget(socket)
        return ws

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.sockets) + 1,
            "debug_info": {"host": "applink-fake-1", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP_ID},
        }

    @staticmethod
    def _disconnect_frame(reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-fake-1"}}

    def _forget(self, socket: Socket) -> None:
        socket.gone.set()
        if socket in self.sockets:
            self.sockets.remove(socket)

    def _receive(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        envelope = self.envelopes.get(frame.get("envelope_id", "")) if isinstance(frame, dict) else None
        if envelope is None:
            self.late_acks += 1
            return
        envelope.acks += 1
        if not envelope.acked.is_set():
            envelope.answer = frame.get("payload") or {}
            envelope.acked.set()

    async def deliver(self, kind: str, payload: Json, *, timeout_s: float = 10.0) -> Envelope:
        """Send a payload to any one socket until it is acknowledged, and return how it went.

        It is sent again when no ack came within `redeliver_s` or when its socket dropped, at most `max_deliveries`
        times. With no socket connected it waits for one. After `timeout_s` it gives up: `acked` is then not set.
        """
        envelope = Envelope(secrets.token_hex(16), kind, payload, accepts_response=kind != "events_api")
        self.envelopes[envelope.id] = envelope
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._deliver_until_acked(envelope)
        return envelope

    async def _deliver_until_acked(self, envelope: Envelope) -> None:
        reason: str | None = None
        while not envelope.acked.is_set() and len(envelope.sent) < self.max_deliveries:
            socket = await self._any_socket()
            frame: dict[str, Any] = {
                "envelope_id": envelope.id,
                "type": envelope.kind,
                "accepts_response_payload": envelope.accepts_response,
                "payload": envelope.payload,
            }
            if envelope.sent:
                frame |= {"retry_attempt": len(envelope.sent), "retry_reason": reason}
            envelope.sent.append(socket.number)
            with contextlib.suppress(ConnectionError, RuntimeError):  # it closed under our hands: the next one then
                await socket.ws.send_json(frame)
            reason = await self._ack_or_reason(envelope, socket)

    async def _ack_or_reason(self, envelope: Envelope, socket: Socket) -> str | None:
        acked = asyncio.ensure_future(envelope.acked.wait())
        gone = asyncio.ensure_future(socket.gone.wait())
        try:
            await asyncio.wait({acked, gone}, timeout=self.redeliver_s, return_when=asyncio.FIRST_COMPLETED)
            return None if acked.done() else "socket_closed" if gone.done() else "timeout"
        finally:
            acked.cancel()
            gone.cancel()

    async def _any_socket(self) -> Socket:
        async with self._arrived:
            await self._arrived.wait_for(self._usable)
            return self._rng.choice(self._usable())

    def _usable(self) -> list[Socket]:
        """Sockets that are not being retired; a retiring one still takes payloads if it is all there is."""
        live = [s for s in self.sockets if not s.ws.closed]
        return [s for s in live if not s.retiring] or live

    async def wait_connected(self, count: int = 1, timeout_s: float = 5.0) -> None:
        """Wait until so many sockets are connected. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.sockets) >= count)

    async def disconnect(self, reason: str = "refresh_requested", *, only: int | None = None) -> int:
        """Tell sockets (all, or the one numbered `only`) to go away, and say how many were told.

        `warning` is only said, about ten seconds before; after the other reasons Slack closes the socket itself.
        """
        if reason not in REASONS:
            raise ValueError(f"no such reason: {reason}")
        told = [s for s in self.sockets if only is None or s.number == only]
        for socket in told:
            socket.retiring = True
            await socket.ws.send_json(self._disconnect_frame(reason))
            if reason != "warning":
                await socket.ws.close()
        return len(told)

    def drop(self, *, only: int | None = None) -> int:
        """Cut sockets with no close frame, as a failing network does, and say how many."""
        cut = [s for s in self.sockets if only is None or s.number == only]
        for socket in cut:
            if socket.request.transport is not None:
                socket.request.transport.abort()
            self._forget(socket)
        return len(cut)

    async def close(self) -> None:
        """Close every socket; the server is going away."""
        for socket in list(self.sockets):
            socket.gone.set()
            with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
                await asyncio.wait_for(socket.ws.close(), 0.5)
