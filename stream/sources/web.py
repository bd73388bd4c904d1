"""How sources reach the world: HTTP and WebSockets, to allowed places alone. EDGE: uses the network.

Whatever goes wrong becomes `Trouble` or `Denied`, in words that hold no address: it may hold a secret. The name of a
host is looked up once and its number held against the private ranges (`stream.sources.guard`); nothing is followed
elsewhere by itself; what is read at once has a greatest size and time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from stream.sources.contract import Denied, Trouble
from stream.sources.guard import Answer, Refused, Rules, carrier, looked_up, pinned, target_of

CONNECT_S = 10.0
TOTAL_S = 30.0
LARGEST_BYTES = 8 << 20
FRAME_BYTES = 1 << 20
FRAMES_WAITING = 64
LEAST_RETRY_S = 1
LONGEST_RETRY_S = 86_400

_unheard = logging.getLogger("tocsin.sources.websockets")
"""The library's own log holds addresses and frames: it is not shown to anybody."""
_unheard.addHandler(logging.NullHandler())
_unheard.propagate = False


class Frames(Protocol):
    """A WebSocket that stands."""

    async def recv(self) -> str | bytes:
        """The next frame. Raises `Trouble` when the connection has ended."""

    async def send(self, frame: str) -> None:
        """Send a frame. Raises `Trouble` when the connection has ended."""


class Stream(NamedTuple):
    """An answer whose body is read as it comes."""

    status: int
    headers: httpx.Headers
    pieces: AsyncIterator[bytes]
    """Raises `Trouble` when the connection is cut, or silent for longer than was allowed."""


Dial = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[Frames]]
"""Opens a WebSocket; raises `Trouble` or `Denied`."""


class Web:
    """HTTP and WebSockets for one source. A test gives a `transport` and a `dial` of its own: then no name is looked
    up, and everything can happen in virtual time.
    """

    def __init__(
        self,
        rules: Rules = Rules(),  # noqa: B008 - a tuple that nobody changes
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        dial: Dial | None = None,
        total_s: float = TOTAL_S,
        largest: int = LARGEST_BYTES,
    ) -> None:
        self._rules = rules
        self._made_up = transport is not None
        # The transport and not a client: a client of httpx logs whole addresses, and follows where it is led.
        self._transport = transport
        self._dial = dial
        self._total_s = total_s
        self._largest = largest

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One GET; an answer of any status. Raises `Trouble` or `Denied`."""
        return await self.ask("GET", url, headers)

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request, never again by itself; an answer of any status, be it a redirect. Raises `Trouble`, also for an
        answer that is larger than is read, or `Denied`.
        """
        try:
            async with asyncio.timeout(self._total_s):
                async with self.stream(method, url, headers, body=body, silent_s=self._total_s) as stream:
                    held = bytearray()
                    async for piece in stream.pieces:
                        held += piece
                        if len(held) > self._largest:
                            raise Trouble(f"an answer is larger than {self._largest} bytes")
                    return Answer(stream.status, stream.headers, bytes(held))
        except TimeoutError:
            raise Trouble(f"no whole answer within {self._total_s:g} s") from None

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        silent_s: float,
    ) -> AsyncIterator[Stream]:
        """A request whose answer is read piece by piece, for as long as none takes longer than `silent_s`."""
        response = await self._answered(method, url, headers or {}, body, silent_s)
        try:
            yield Stream(response.status_code, response.headers, _pieces(response, silent_s))
        finally:
            await response.aclose()

    @asynccontextmanager
    async def frames(self, url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Frames]:
        """A WebSocket; it is closed at the end. Raises `Trouble`, or `Denied` where it is refused as a matter of
        rights (401, 403).
        """
        dial = self._dial or self._dialled
        async with dial(url, headers or {}) as frames:
            yield frames

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    # ---- the network

    async def _answered(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, silent_s: float
    ) -> httpx.Response:
        numbers = [""] if self._made_up else await self._numbers(url)
        why = "ConnectError"
        for number in numbers:
            if number:
                request = pinned(method, url, number, headers, body)
            else:
                request = httpx.Request(method, url, headers=dict(headers), content=body)
            timeouts = httpx.Timeout(silent_s, connect=min(CONNECT_S, silent_s), pool=CONNECT_S)
            request.extensions |= {"timeout": timeouts.as_dict()}
            try:
                async with asyncio.timeout(max(silent_s, self._total_s)):
                    return await self._carrier().handle_async_request(request)
            except (httpx.HTTPError, TimeoutError) as error:
                why = type(error).__name__
        raise Trouble(f"no connection ({why})")

    def _carrier(self) -> httpx.AsyncBaseTransport:
        if self._transport is None:
            self._transport = carrier()
        return self._transport

    async def _numbers(self, url: str) -> list[str]:
        try:
            # `wss` is held to the same rules as `https`.
            target = target_of(url.replace("ws", "http", 1) if url.startswith("ws") else url, self._rules)
            return await looked_up(target, self._rules, within_s=CONNECT_S)
        except Refused as why:
            if why.passing:
                raise Trouble(f"its address cannot be asked now: {why}") from None
            raise Denied(f"its address is not connected to: {why}") from None

    @asynccontextmanager
    async def _dialled(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Frames]:
        numbers = await self._numbers(url)
        try:
            connection = await connect(
                url,
                host=numbers[0],
                additional_headers=dict(headers),
                open_timeout=CONNECT_S,
                close_timeout=CONNECT_S,
                max_size=FRAME_BYTES,
                max_queue=FRAMES_WAITING,
                proxy=None,
                logger=_unheard,
            )
        except InvalidStatus as refused:
            raise refusal(refused.response.status_code) from None
        except (OSError, WebSocketException, TimeoutError) as error:
            raise Trouble(f"no connection ({type(error).__name__})") from None
        try:
            yield _Standing(connection)
        finally:
            await connection.close()


class _Standing:
    """A connection of the library, which ends in `Trouble`."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    async def recv(self) -> str | bytes:
        try:
            found: str | bytes = await self._connection.recv()  # type: ignore[attr-defined]
        except ConnectionClosed as closed:
            raise Trouble(f"the connection was closed ({closed.rcvd.code if closed.rcvd else 'cut'})") from None
        return found

    async def send(self, frame: str) -> None:
        try:
            await self._connection.send(frame)  # type: ignore[attr-defined]
        except ConnectionClosed:
            raise Trouble("the connection was closed") from None


async def _pieces(response: httpx.Response, silent_s: float) -> AsyncIterator[bytes]:
    pieces = response.aiter_raw()
    while True:
        try:
            async with asyncio.timeout(silent_s):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Trouble(f"the connection was silent for {silent_s:g} s") from None
        except httpx.HTTPError as error:
            raise Trouble(f"the connection was cut ({type(error).__name__})") from None
        yield piece


def refusal(status: int, retry_after: str | None = None) -> Trouble | Denied:
    """What a status other than success means where a source has no rule of its own.

    >>> refusal(401)
    Denied('it refuses our credentials (401)')
    >>> refusal(429, "30").retry_s, refusal(503, "0").retry_s, refusal(503, "9" * 30).retry_s, refusal(429).retry_s
    (30.0, 1.0, 86400.0, 60.0)
    """
    if status in (401, 403):
        return Denied(f"it refuses our credentials ({status})")
    seconds = None
    if retry_after and retry_after.isascii() and retry_after.isdecimal():
        # Nobody asks again at once because a platform says so, nor never again.
        seconds = float(min(max(int(retry_after[:9]), LEAST_RETRY_S), LONGEST_RETRY_S))
    if status == 429:
        return Trouble("it wants fewer requests (429)", retry_s=60.0 if seconds is None else seconds)
    return Trouble(f"it answered {status}", retry_s=seconds)
