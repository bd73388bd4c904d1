"""What every door does with a request: read its body within limits, hold it to its rate, keep what can be read.

What one source may cost is bounded, whoever stands outside: a body by its size and time, all bodies by their number,
items by a rate of their source and one of all sources together.
"""

import asyncio
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stream.reading import BadMention, Reader
from stream.sources.bodies import BadBody, items_of
from stream.sources.dead_letters import Letter
from stream.sources.intake_log import Item, Overloaded
from stream.sources.signing import Seen
from stream.sources.store import StoreError

_encode = msgspec.json.Encoder().encode
Read = Callable[[bytes, str, int], object]
"""From (line, source, observed_ms) to a mention; raises `BadMention`."""


class Log(Protocol):
    """Where mentions go: the intake log of one process, or a topic."""

    async def append(self, items: Sequence[Item], *, seen: Sequence[tuple[str, Seen]] = ()) -> object:
        """Keep them, durably when this returns. Raises `Overloaded` or `StoreError`."""

    def known(self, source: str) -> Sequence[Seen]:
        """The signatures of a source that were accepted lately, oldest first."""


class Letters(Protocol):
    """Where what was refused goes, for somebody to look at."""

    def add_all(self, letters: Iterable[Letter]) -> None:
        """Keep them. Raises `StoreError`."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one source, and all together, may send. Raises `ValueError` if no request could ever pass.

    >>> Limits(items_per_s=50).body_bytes
    1048576
    """

    body_bytes: int = 1 << 20
    items: int = 1_000
    """In one request."""
    items_per_s: int = 500
    """Per source that has no rate of its own, in the long run."""
    all_items_per_s: int = 5_000
    """Over all sources, in the long run."""
    burst_items: int = 2_000
    """Per source, at once; over all sources twice that, or what passes in two seconds."""
    bodies: int = 64
    """Requests of all sources being read at the same time: bounds memory to `bodies * body_bytes`."""
    body_s: float = 15.0
    """A body that takes longer to arrive is given up."""

    def __post_init__(self) -> None:
        if self.items_per_s < 1 or not 1 <= self.items <= self.burst_items:
            raise ValueError("items_per_s is at least 1, and burst_items at least the items of one request")


class Bucket:
    """A token bucket in thousandths of an item, on the caller's clock.

    >>> bucket = Bucket(per_s=10, burst=20, now_ms=0)
    >>> bucket.take(20, now_ms=0), bucket.take(5, now_ms=0), bucket.take(5, now_ms=500)
    (0, 500, 0)
    """

    def __init__(self, *, per_s: int, burst: int, now_ms: int) -> None:
        self._per_s = per_s
        self._burst = burst * 1000
        self._left = self._burst
        self._at_ms = now_ms

    def take(self, items: int, *, now_ms: int) -> int:
        """0 if so many may pass now; else in how many milliseconds they may, and nothing is taken."""
        # A clock set back gives nothing and takes nothing.
        self._left = min(self._burst, self._left + max(0, now_ms - self._at_ms) * self._per_s)
        self._at_ms = now_ms
        missing = items * 1000 - self._left
        if missing > 0:
            return -(-missing // self._per_s)
        self._left -= items * 1000
        return 0

    def give_back(self, items: int) -> None:
        """What was taken and then refused by another bucket."""
        self._left = min(self._burst, self._left + items * 1000)


class Refused(Exception):  # noqa: N818 - what happened to the request
    """A whole request that is not taken: status, one word, and when to come again."""

    def __init__(self, status: HTTPStatus, reason: str, retry_after_s: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


class Taking:
    """Takes requests for some sources, with its counters: `accepted` and `rejected` items, `refused` requests by
    reason.
    """

    def __init__(
        self,
        *,
        appender: Log,
        sources: Iterable[str],
        clock: Callable[[], int],
        dead: Letters,
        limits: Limits,
        rates: Mapping[str, int],
        read: Read | None = None,
        whole: Bucket | None = None,
    ) -> None:
        self.accepted = 0
        self.rejected = 0
        self.refused: dict[str, int] = {}
        self.clock = clock
        self._appender = appender
        self._dead = dead
        self._limits = limits
        self._reading = 0
        now_ms = clock()
        self._buckets = {
            source: Bucket(per_s=rates.get(source, limits.items_per_s), burst=limits.burst_items, now_ms=now_ms)
            for source in sources
        }
        self._read = read or _reader_of(self._buckets)
        burst = 2 * max(limits.burst_items, limits.all_items_per_s)
        self._all = whole or Bucket(per_s=limits.all_items_per_s, burst=burst, now_ms=now_ms)

    @property
    def whole(self) -> Bucket:
        """What all sources together may send: for another door of the same house."""
        return self._all

    def refuse(self, refused: Refused) -> Response:
        """Count a request that is not taken, and answer it."""
        self.refused[refused.reason] = self.refused.get(refused.reason, 0) + 1
        response = answer(refused.status, {"error": refused.reason})
        if refused.retry_after_s:
            response.headers["Retry-After"] = str(refused.retry_after_s)
        return response

    async def body(self, request: Request) -> bytes:
        """The body, refused as soon as it is known to be too long; at no time is more of it held."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoding")
        declared = request.headers.get("Content-Length", "0")
        if declared.isdecimal() and (len(declared) > 15 or int(declared) > self._limits.body_bytes):
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_big")
        if self._reading >= self._limits.bodies:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "busy", 1)
        self._reading += 1
        try:
            async with asyncio.timeout(self._limits.body_s):
                return await self._stream(request)
        except TimeoutError:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "slow") from None
        except ClientDisconnect:
            raise Refused(HTTPStatus.BAD_REQUEST, "disconnected") from None
        finally:
            self._reading -= 1

    async def _stream(self, request: Request) -> bytes:
        body = bytearray()
        async for piece in request.stream():
            if len(body) + len(piece) > self._limits.body_bytes:
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_big")
            body += piece
        return bytes(body)

    def cut(self, source: str, body: bytes) -> list[bytes]:
        """The items of a body. Raises `Refused` where there is none; then it is a dead letter."""
        try:
            return items_of(body)
        except BadBody as bad:
            self.bury([Letter(source, bad.reason, "the whole body", body, self.clock())])
            raise Refused(HTTPStatus.BAD_REQUEST, bad.reason) from None

    async def keep(
        self, source: str, lines: list[bytes], *, seen: Seen | None = None, letters: Sequence[Letter] = ()
    ) -> dict[str, object]:
        """Keep what of these can be read, durably, and bury the rest; `letters` were found bad before. Raises `Refused`
        if none of them is kept.
        """
        now_ms = self.clock()
        if len(lines) > self._limits.items:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_items")
        wait_ms = self._all.take(len(lines), now_ms=now_ms)
        if not wait_ms and (wait_ms := self._buckets[source].take(len(lines), now_ms=now_ms)):
            self._all.give_back(len(lines))
        if wait_ms:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "rate", math.ceil(wait_ms / 1000))
        items, refused, results = self._judge(source, lines, now_ms)
        try:
            await self._appender.append(items, seen=[] if seen is None else [(source, seen)])
        except Overloaded:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "overloaded", 1) from None
        except (StoreError, sqlite3.Error):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not_stored", 5) from None
        self.bury([*letters, *refused])
        self.accepted += len(items)
        self.rejected += len(letters) + len(refused)
        return {"accepted": len(items), "rejected": len(letters) + len(refused), "results": results}

    def _judge(
        self, source: str, lines: list[bytes], now_ms: int
    ) -> tuple[list[Item], list[Letter], list[dict[str, object]]]:
        items: list[Item] = []
        letters: list[Letter] = []
        results: list[dict[str, object]] = []
        for line in lines:
            try:
                mention = self._read(line, source, now_ms)
            except BadMention as bad:
                letters.append(Letter(source, bad.reason, bad.detail, line, now_ms))
                results.append({"id": _id_of(line), "status": "rejected", "reason": bad.reason})
            else:
                items.append(("mention", source, line))
                results.append({"id": _printable(getattr(mention, "id", None)), "status": "accepted"})
        return items, letters, results

    def bury(self, letters: Sequence[Letter]) -> None:
        """Keep what could not be read, if there is anything."""
        if not letters:
            return
        try:
            self._dead.add_all(letters)
        except (StoreError, sqlite3.Error):
            # What was good is on the disk already: a full disk for dead letters is counted, not the sender's trouble.
            self.refused["letter_lost"] = self.refused.get("letter_lost", 0) + len(letters)


def answer(status: HTTPStatus, said: object) -> Response:
    """An answer in JSON."""
    return Response(_encode(said), status_code=status, media_type="application/json")


class _Named(msgspec.Struct):
    id: str | int | None = None


_decode_named = msgspec.json.Decoder(_Named).decode


def _reader_of(sources: Mapping[str, object]) -> Read:
    readers = {source: Reader(source) for source in sorted(sources)}

    def read(line: bytes, source: str, observed_ms: int) -> object:
        return readers[source].read(line, observed_ms)

    return read


def _id_of(line: bytes) -> str | None:
    """The id that a rejected item claims, so that the sender finds it again; `None` if there is no telling."""
    try:
        named = _decode_named(line).id
        return None if named is None else _printable(str(named))
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: broken UTF-8, thousands of digits
        return None


def _printable(name: object) -> str | None:
    return name[:512].encode("utf-8", "replace").decode("utf-8") if isinstance(name, str) else None
