"""Buttons pressed in Slack: over signed HTTP and over Socket Mode. EDGE.

A click is answered to Slack only after `handle` returned, and `handle` returns only once the click is durable (or
refused): what Slack shows as done is done. Both ways in make the same `Click` of the same press, with an id that
follows from it, so that one delivered twice is one.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from urllib.parse import parse_qs

import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerting.delivery.clicks import Clicks, Malformed, Pressed, Replies, origins_of, pressed
from alerting.delivery.slack import slack_client
from alerting.delivery.ways import Click, ClickAnswer, Handle

__all__ = ["Click", "ClickAnswer", "Clicks", "Replies", "SocketInbound", "interactivity_route", "origins_of"]

SIGNATURE_WINDOW_S = 300
SEEN_FOR_MS = 600_000
LARGEST_BODY = 1_048_576
ANSWER_WITHIN_S = 2.5
"""Slack waits three seconds for an answer."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

_log = structlog.get_logger(__name__)


def wall_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Signatures:
    """Checks that a request is Slack's, new, and seen for the first time.

    `v0=` HMAC-SHA256 over `v0:timestamp:body`, within five minutes, in constant time
    (docs.slack.dev/authentication/verifying-requests-from-slack). Two secrets may live while one replaces the other.
    """

    def __init__(self, secrets: Sequence[str], clock: Callable[[], int]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("Slack's signing secret is empty")
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._clock = clock
        self._seen: dict[str, int] = {}
        """Signatures by when they may be forgotten, oldest first."""

    def accepts(self, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether to believe it. Never raises; believes each signature once."""
        now_ms = self._clock()
        if not _TIMESTAMP.fullmatch(timestamp) or abs(now_ms - int(timestamp) * 1000) > SIGNATURE_WINDOW_S * 1000:
            return False
        base = b"v0:" + timestamp.encode() + b":" + body
        given = signature.encode("utf-8", "replace")
        valid = [hmac.compare_digest(b"v0=" + _hex(secret, base), given) for secret in self._secrets]
        if not any(valid):
            return False
        while self._seen and next(iter(self._seen.values())) <= now_ms:
            del self._seen[next(iter(self._seen))]
        if signature in self._seen:
            return False
        self._seen[signature] = now_ms + SEEN_FOR_MS
        return True


def _hex(secret: bytes, base: bytes) -> bytes:
    return hmac.new(secret, base, hashlib.sha256).hexdigest().encode()


def interactivity_route(
    signing_secret: str | Sequence[str],
    handle: Handle,
    clock: Callable[[], int],
    *,
    path: str = "/slack/interactivity",
    replies: Replies | None = None,
) -> Route:
    """The route that Slack posts presses to. 401 for what Slack did not sign, signed long ago or sent before; 400 for
    what cannot be read; 413 for what is too long; 503 where the click could not be made durable in time; else 200.
    """
    secrets = (signing_secret,) if isinstance(signing_secret, str) else tuple(signing_secret)
    signatures = Signatures(secrets, clock)
    answers = replies or Replies()

    async def receive(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response("too long", status_code=413)
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not signatures.accepts(stamp, request.headers.get("x-slack-signature", ""), body):
            return Response("not signed by Slack", status_code=401)
        try:
            found = pressed(_payload_of(body), clock())
        except Malformed:
            return Response("unreadable", status_code=400)
        told = await _handled(found, handle)
        if told is None:
            return Response("not recorded, press again", status_code=503)
        return Response(status_code=200, background=BackgroundTask(answers.send, found.response_url, told))

    return Route(path, receive, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """The raw bytes, which the signature is over, or `None` where there are too many."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            return None
    return body


def _payload_of(body: bytes) -> str:
    try:
        found = parse_qs(body.decode(), max_num_fields=20, strict_parsing=True).get("payload", [])
    except (UnicodeError, ValueError):
        raise Malformed("no form") from None
    if len(found) != 1:
        raise Malformed("no payload")
    return found[0]


async def _handled(found: Pressed, handle: Handle) -> str | None:
    """What the one who pressed is told, or `None` if a click is not durable within the time that Slack gives.

    The work goes on behind a late answer: what becomes durable then still counts.
    """
    told = []
    for click in found.clicks:
        work = asyncio.ensure_future(handle(click))
        try:
            answer = await asyncio.wait_for(asyncio.shield(work), ANSWER_WITHIN_S)
        except TimeoutError:
            work.add_done_callback(_forget)
            _log.error("click_late", click=click.id)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the click is not durable, and Slack must hear so
            _log.error("click_failed", click=click.id, error=type(error).__name__)
            return None
        told.append(answer.text)
    return "\n".join(filter(None, told))


def _forget(work: asyncio.Future[ClickAnswer]) -> None:
    if not work.cancelled() and work.exception() is not None:
        _log.error("click_failed", error=type(work.exception()).__name__)


async def _connect(client: SocketModeClient) -> None:
    await client.connect()  # type: ignore[no-untyped-call] # the library's own; tries until it is closed


class _NoTickets(logging.Filter):
    """slack_sdk puts the socket's address, with its ticket, into messages about failures."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = re.sub(r"wss?://\S+", "(socket)", record.getMessage())
        record.args, record.exc_info = (), None
        return True


class SocketInbound:
    """Clicks over Socket Mode, for those without an open port. Two sockets: Slack renews each about hourly, and the
    other takes what comes in between.

    `async with SocketInbound(...)`; connecting goes on in the background, again and again; `connected` says how it is.
    """

    def __init__(
        self,
        app_token: str,
        base_url: str,
        handle: Handle,
        sockets: int = 2,
        *,
        clock: Callable[[], int] = wall_ms,
        ping_interval_s: float = 5,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._replies = Replies(origins_of(base_url))
        self._app_token, self._base_url = app_token, base_url
        self._wanted, self._ping_interval_s = sockets, ping_interval_s
        self._clients: list[SocketModeClient] = []
        self._connecting: list[asyncio.Task[None]] = []
        self._answering: set[asyncio.Task[None]] = set()
        self.malformed = 0

    async def start(self) -> None:
        """Begin to connect. Returns at once."""
        for _ in range(self._wanted):
            client = self._client()
            self._clients.append(client)
            self._connecting.append(asyncio.create_task(_connect(client)))

    async def close(self) -> None:
        """Close the sockets; what is being handled is finished first."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=ANSWER_WITHIN_S)
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
        """Acknowledge a click once it is durable, and anything else at once: we never want it again."""
        if request.type == "interactive":
            try:
                found = pressed(request.payload, self._clock())
            except Malformed:
                self.malformed += 1
            else:
                told = await _handled(found, self._handle)
                if told is None:
                    return
                task = asyncio.create_task(self._replies.send(found.response_url, told))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
