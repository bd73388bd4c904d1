"""The two ways by which Slack reaches us, signed HTTP and Socket Mode, to the one desk that takes it all in. EDGE.

Slack is answered only after the desk (`slack_reception.Reception`) returned, and the desk returns only once what was
asked for is durable (or refused): what Slack shows as done is done.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

import msgspec
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerting.delivery.clicks import Malformed
from alerting.delivery.seen import SEEN_FOR_MS, Seen
from alerting.delivery.slack import slack_client
from alerting.delivery.slack_reception import Kind, Received, Reception
from stream.sources.store import StoreError

__all__ = ["Reception", "Signatures", "SocketInbound", "slack_routes"]

SIGNATURE_WINDOW_S = 300
LARGEST_BODY = 1_048_576
PATHS: dict[str, Kind] = {
    "/slack/interactivity": "interactive",
    "/slack/command": "slash_commands",
    "/slack/events": "events_api",
}
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Signatures:
    """Checks that a request is Slack's, new, and seen for the first time.

    `v0=` HMAC-SHA256 over `v0:timestamp:body`, within five minutes, in constant time
    (docs.slack.dev/authentication/verifying-requests-from-slack). Two secrets may live while one replaces the other.
    What was seen is kept in `seen`: a request recorded before a restart is no new one after it.
    """

    def __init__(self, secrets: Sequence[str], clock: Callable[[], int], seen: Seen | None = None) -> None:
        if not secrets or not all(secrets):
            raise ValueError("Slack's signing secret is empty")
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._clock = clock
        self._seen = seen or Seen(None)

    async def accepts(self, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether to believe it; each signature is believed once. Raises `StoreError` where that cannot be noted."""
        now_ms = self._clock()
        if not _TIMESTAMP.fullmatch(timestamp) or abs(now_ms - int(timestamp) * 1000) > SIGNATURE_WINDOW_S * 1000:
            return False
        base = b"v0:" + timestamp.encode() + b":" + body
        given = signature.encode("utf-8", "replace")
        valid = [hmac.compare_digest(b"v0=" + _hex(secret, base), given) for secret in self._secrets]
        return any(valid) and await self._seen.is_new("signature", signature, now_ms, now_ms + SEEN_FOR_MS)


def _hex(secret: bytes, base: bytes) -> bytes:
    return hmac.new(secret, base, hashlib.sha256).hexdigest().encode()


def slack_routes(
    signing_secret: str | Sequence[str],
    reception: Reception,
    clock: Callable[[], int],
    *,
    seen: Seen | None = None,
) -> list[Route]:
    """The routes that Slack posts to: presses and modals, commands, events.

    401 for what Slack did not sign, signed long ago or sent before; 400 for what cannot be read; 413 for what is too
    long; 503 where it could not be made durable in time; else 200.
    """
    secrets = (signing_secret,) if isinstance(signing_secret, str) else tuple(signing_secret)
    signatures = Signatures(secrets, clock, seen)

    def route(path: str, kind: Kind) -> Route:
        async def receive(request: Request) -> Response:
            return await _answer(request, kind, signatures, reception)

        return Route(path, receive, methods=["POST"])

    return [route(path, kind) for path, kind in PATHS.items()]


async def _answer(request: Request, kind: Kind, signatures: Signatures, reception: Reception) -> Response:
    body = await _body(request)
    if body is None:
        return Response("too long", status_code=413)
    stamp = request.headers.get("x-slack-request-timestamp", "")
    try:
        if not await signatures.accepts(stamp, request.headers.get("x-slack-signature", ""), body):
            return Response("not signed by Slack", status_code=401)
        payload = _READERS[kind](body)
        if kind == "events_api" and isinstance(payload, Mapping) and payload.get("type") == "url_verification":
            return _challenged(payload)
        received = await reception.take(kind, payload)
    except Malformed:
        return Response("unreadable", status_code=400)
    except StoreError:
        received = None
    if received is None:
        return Response("not recorded, do it again", status_code=503)
    reception.follow(received)
    return Response(status_code=200) if received.body is None else JSONResponse(dict(received.body))


def _challenged(payload: Mapping[str, Any]) -> Response:
    """Slack asks once, when the address is configured, whether somebody is there."""
    challenge = payload.get("challenge")
    if not isinstance(challenge, str) or len(challenge) > 1000:
        raise Malformed("no challenge")
    return JSONResponse({"challenge": challenge})


async def _body(request: Request) -> bytes | None:
    """The raw bytes, which the signature is over, or `None` where there are too many."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            return None
    return body


def _fields_of(body: bytes) -> dict[str, str]:
    """The fields of a form, each of which Slack sends once."""
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=40, strict_parsing=True)
    except (UnicodeError, ValueError):
        raise Malformed("no form") from None
    if any(len(values) != 1 for values in found.values()):
        raise Malformed("a field twice")
    return {name: values[0] for name, values in found.items()}


def _payload_of(body: bytes) -> str:
    payload = _fields_of(body).get("payload")
    if payload is None:
        raise Malformed("no payload")
    return payload


def _event_of(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        raise Malformed("no event") from None


_READERS: dict[Kind, Callable[[bytes], Any]] = {
    "interactive": _payload_of,
    "slash_commands": _fields_of,
    "events_api": _event_of,
}


async def _connect(client: SocketModeClient) -> None:
    await client.connect()  # type: ignore[no-untyped-call] # the library's own; tries until it is closed


class _NoTickets(logging.Filter):
    """slack_sdk puts the socket's address, with its ticket, into messages about failures."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = re.sub(r"wss?://\S+", "(socket)", record.getMessage())
        record.args, record.exc_info = (), None
        return True


class SocketInbound:
    """Whatever people do in Slack over Socket Mode, for those without an open port. Two sockets: Slack renews each
    about hourly, and the other takes what comes in between.

    `async with SocketInbound(...)`; connecting goes on in the background, again and again; `connected` says how it is.
    """

    def __init__(
        self,
        app_token: str,
        base_url: str,
        reception: Reception,
        sockets: int = 2,
        *,
        ping_interval_s: float = 5,
    ) -> None:
        self._reception = reception
        self._app_token, self._base_url = app_token, base_url
        self._wanted, self._ping_interval_s = sockets, ping_interval_s
        self._clients: list[SocketModeClient] = []
        self._connecting: list[asyncio.Task[None]] = []
        self.malformed = 0

    async def start(self) -> None:
        """Begin to connect. Returns at once."""
        for _ in range(self._wanted):
            client = self._client()
            self._clients.append(client)
            self._connecting.append(asyncio.create_task(_connect(client)))

    async def close(self) -> None:
        """Close the sockets; what is being handled is finished first."""
        await self._reception.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for client in self._clients:
            await client.close()  # type: ignore[no-untyped-call]
        self._clients.clear()
        self._connecting.clear()

    async def __aenter__(self) -> "SocketInbound":
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connected(self) -> int:
        """How many sockets stand."""
        sessions = [client.current_session for client in self._clients]
        return sum(1 for session in sessions if session is not None and not session.closed)

    def _client(self) -> SocketModeClient:
        logger = logging.getLogger("tocsin.slack.socket")
        if not any(isinstance(one, _NoTickets) for one in logger.filters):
            logger.addFilter(_NoTickets())
        web = slack_client(self._app_token, self._base_url)
        client = SocketModeClient(self._app_token, logger=logger, web_client=web, ping_interval=self._ping_interval_s)
        if web.proxy is None:
            client.proxy = None
        client.socket_mode_request_listeners.append(self._receive)
        return client

    async def _receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledge what people did once it is durable, and what cannot be read at once: it never gets better."""
        received: Received | None = Received()
        try:
            received = await self._reception.take(request.type, request.payload)
        except Malformed:
            self.malformed += 1
        if received is None:
            return
        payload = dict(received.body) if received.body is not None else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
        self._reception.follow(received)
