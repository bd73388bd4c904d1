"""Talkwalker: the results of a collector, as an endless answer that goes on where it was left. EDGE: uses the network.

A collector keeps results while nobody reads them; each `CT_CONTROL` says from which offset to go on, and that is our
place (https://developer.talkwalker.com/docs/overview/streaming-api-v3). Each result costs a credit, again when it is
sent again. The token travels in the address, for there is no other way: no word of ours ever holds an address.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from urllib.parse import quote

from stream.sources.chunks import Chunks, Piece
from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.mappings import TALKWALKER, with_counts
from stream.sources.shapes import FRESH_MS, Unreadable, decoded, dig
from stream.sources.web import Web, refusal

CAPPED_AGAIN_S = 900.0
"""How long nothing is asked after the vendor said that the credits are used up."""
HEARTBEAT_S = 30.0
EARLIEST = "earliest"
"""The offset of the oldest result that a collector still has."""
_OFFSET_MAX = 512

FailureKind = Literal["cursor_too_old", "used_up", "no_rights", "other"]

_SIGNS: tuple[tuple[FailureKind, tuple[str, ...]], ...] = (
    ("cursor_too_old", ("offset", "expired", "resume")),
    ("used_up", ("credit", "quota", "limit_reached", "limit reached")),
    (
        "no_rights",
        ("token", "right", "denied", "unauthor", "forbidden", "not allowed", "unknown collector", "not found"),
    ),
)
"""Words by which a failure is known: its codes are documented for requests, not for streams."""


class TalkwalkerOptions(NamedTuple):
    """What an operator says of a collector."""

    collector: str
    base_url: str = "https://api.talkwalker.com"
    silent_after_s: float = 120.0
    credits_per_month: int | None = None
    """Our own limit; a month is one of UTC. `None`: what the contract gives."""


class Control(NamedTuple):
    """Where to go on after all that came before."""

    offset: str | None


class Result(NamedTuple):
    """A mention, and its counts where it was seen before."""

    rows: list[bytes]
    indexed_ms: int | None


class Failure(NamedTuple):
    """What the vendor says in the middle of its answer. Its own words are not shown: they may repeat our request."""

    kind: FailureKind
    code: str


class Talkwalker:
    """One collector. Implements `Source`."""

    kind = "talkwalker"
    completeness: Completeness = "sampled"

    def __init__(self, name: str, options: TalkwalkerOptions, *, web: Web, around: Surroundings, token: str) -> None:
        self.name = name
        self.silent_after_s = options.silent_after_s
        self._options = options
        self._web = web
        self._around = around
        self._token = token

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything from a place on; ends with `Trouble` when the connection does."""
        offset, left_ms = _place_of(place)
        now_ms = self._around.clock()
        if left_ms is not None and now_ms - left_ms > FRESH_MS:
            yield Batch(gaps=[Gap(left_ms, now_ms, "away", filled=True)])
        while self._credits_left() <= 0:
            yield Batch(capped=True)
            await asyncio.sleep(HEARTBEAT_S)
        try:
            async for batch in self._connected(offset):
                yield batch
        except _Said as said:
            async for batch in self._answered(said.failure, offset, left_ms):
                yield batch

    async def check(self) -> Sample:
        """Ask how the collector is; no result is fetched, for each costs a credit."""
        answer = await self._web.get(self._address(""))
        if answer.status != 200:
            raise _refused(answer.status, answer.headers.get("Retry-After"))
        try:
            known = dig(decoded(answer.body), "result_stream.collectors")
        except Unreadable:
            raise Trouble("its answer is no JSON") from None
        if not known:
            raise Denied("it knows no such collector; make one with PUT /api/v3/stream/c/NAME")
        words = [
            "The token is accepted and the collector is there.",
            "No mention is shown: each result costs a credit.",
        ]
        if self._credits_left() <= 0:
            words.append(
                "The credits of this month, by `credits_per_month`, are used up: nothing is read before the next."
            )
        return Sample(words, complete=self._credits_left() > 0)

    # ---- one connection

    async def _connected(self, offset: str | None) -> AsyncIterator[Batch]:
        chunks = Chunks(b'"chunk_type"')
        left = self._credits_left()
        at = f"&resume_offset={quote(offset, safe='')}" if offset else ""
        async with self._web.stream("GET", self._address("/results", at), silent_s=self.silent_after_s) as stream:
            if stream.status != 200:
                raise _refused(stream.status, stream.headers.get("Retry-After"))
            costs = {"requests": 1}
            async for piece in stream.pieces:
                batch, failure = self._read(chunks.feed(piece), costs)
                left -= batch.costs.get("credits", 0)
                yield batch
                costs = {}
                if failure is not None:
                    raise _Said(failure)
                if left <= 0:
                    yield Batch(capped=True)
                    raise Trouble("the credits of this month are used up", retry_s=HEARTBEAT_S)
        raise Trouble("its answer ended")

    def _read(self, pieces: Sequence[Piece], costs: dict[str, int]) -> tuple[Batch, Failure | None]:
        now_ms = self._around.clock()
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        place: str | None = None
        until_ms: int | None = None
        results = 0
        for piece in pieces:
            found = _parse(piece.body, now_ms) if piece.whole else BadPayload("cut", "an incomplete chunk", piece.body)
            if isinstance(found, Failure):
                return Batch(rows, place, bad, costs=_costs(costs, results)), found
            if isinstance(found, BadPayload):
                bad.append(found)
                results += piece.whole and b"CT_RESULT" in piece.body
            elif isinstance(found, Result):
                rows += found.rows
                results += 1
                until_ms = found.indexed_ms
            elif found.offset is not None:
                place, until_ms = f"{now_ms} {found.offset}", None
        known_ms = now_ms if until_ms is None else min(until_ms, now_ms)
        return Batch(rows, place, bad, known_until_ms=known_ms, costs=_costs(costs, results)), None

    async def _answered(self, failure: Failure, offset: str | None, left_ms: int | None) -> AsyncIterator[Batch]:
        """What follows from what the vendor said in its answer."""
        now_ms = self._around.clock()
        if failure.kind == "no_rights":
            raise Denied(f"it refuses our credentials, or knows no such collector (error {failure.code})")
        if failure.kind == "cursor_too_old":
            # What the collector still has is fetched; what it no longer has is missing.
            since_ms = now_ms - 1 if left_ms is None else left_ms
            following = EARLIEST if offset != EARLIEST else ""
            yield Batch(place=f"{now_ms} {following}", gaps=[Gap(since_ms, now_ms, "cursor_too_old")])
        if failure.kind == "used_up":
            ends_ms = now_ms + int(CAPPED_AGAIN_S * 1000)
            while self._around.clock() < ends_ms:
                yield Batch(capped=True)
                await asyncio.sleep(HEARTBEAT_S)
        raise Trouble(f"it said error {failure.code} in its answer")

    def _address(self, what: str, more: str = "") -> str:
        collector = quote(self._options.collector, safe="")
        token = quote(self._token, safe="")
        return f"{self._options.base_url}/api/v3/stream/c/{collector}{what}?access_token={token}{more}"

    def _credits_left(self) -> float:
        if self._options.credits_per_month is None:
            return float("inf")
        now = datetime.fromtimestamp(self._around.clock() / 1000, UTC)
        begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        since_ms = (begins - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        return self._options.credits_per_month - self._around.purse.spent("credits", since_ms=since_ms)


class _Said(Exception):  # noqa: N818
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


def _parse(chunk: bytes, now_ms: int) -> Control | Result | Failure | BadPayload:
    """One chunk. Reasons of what is bad: those of `shapes`, `unknown_chunk`, and `cut` for one that is not whole."""
    try:
        found = decoded(chunk)
        kind = dig(found, "chunk_type")
        if kind == "CT_CONTROL":
            offset = dig(found, "chunk_control.resume_offset")
            good = isinstance(offset, str) and 0 < len(offset) <= _OFFSET_MAX and offset.isprintable()
            return Control(offset if good and isinstance(offset, str) else None)
        if kind == "CT_ERROR":
            return _failure(found)
        if kind != "CT_RESULT":
            return BadPayload("unknown_chunk", "a chunk of a kind that is not known", chunk)
        data = dig(found, "chunk_result.data.data")
        again = dig(data, "matched.appearance") == "UPDATED"
        indexed = dig(data, "search_indexed") or dig(data, "indexed")
        return Result(with_counts(data, TALKWALKER, now_ms, again=again), indexed if isinstance(indexed, int) else None)
    except Unreadable as bad:
        return BadPayload(bad.reason, bad.detail, chunk)


def _failure(found: object) -> Failure:
    said = dig(found, "chunk_error") or found
    code = dig(said, "status_code") or dig(said, "code") or "unknown"
    shown = str(code)[:8] if isinstance(code, str | int) and str(code).isalnum() else "unknown"
    message = str(dig(said, "status_message") or dig(said, "message") or "").casefold()
    for kind, signs in _SIGNS:
        if any(sign in message for sign in signs):
            return Failure(kind, shown)
    return Failure("other", shown)


def _refused(status: int, retry_after: str | None) -> Trouble | Denied:
    if status == 404:
        return Denied("it knows no such collector (404); make one with PUT /api/v3/stream/c/NAME")
    return refusal(status, retry_after)


def _costs(costs: dict[str, int], results: int) -> dict[str, int]:
    return {**costs, "credits": results} if results else costs


def _place_of(place: str | None) -> tuple[str | None, int | None]:
    """Offset and the time at which it was noted."""
    at, _, offset = (place or "").partition(" ")
    return offset or None, int(at) if at.isdecimal() else None
