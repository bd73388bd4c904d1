"""Bluesky, all of it, through Jetstream: every post, edit and delete as it happens; no key. EDGE: uses the network.

Several hosts say the same, each by a clock of its own: after a cut the next one is asked to go on a few seconds before
what is known, and what comes twice has the same id. What a host keeps reaches back 36 hours; asked for more it starts
with the oldest it has, without a word, so the first event is held against what was asked for.

Frames are not compressed: zstd saves the network and costs processor time and a dictionary that must fit.

Source: github.com/bluesky-social/jetstream.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlencode

from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.jetstream_counts import Profile, Public
from stream.sources.jetstream_events import (
    EARLIEST_US,
    LATEST_US,
    LIKE,
    POST,
    REPOST,
    BadEvent,
    Commit,
    Event,
    delete_row,
    post_row,
    purge_row,
    read_event,
    read_post,
    read_subject,
)
from stream.sources.jetstream_threads import Tallies
from stream.sources.rows import Row, row_bytes
from stream.sources.wanted import Wanted
from stream.sources.web import Frames, Web

HOSTS = (
    "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-east.bsky.network",
    "wss://jetstream2.us-west.bsky.network",
    "wss://jetstream1.us-west.bsky.network",
)
REWIND_US = 5_000_000
CLAMPED_US = 60_000_000
"""The whole network is never quiet for so long: a first event so much later than asked for means that all between is
not kept any more.
"""
LATE_MS = 10 * 60_000
"""What is replayed after a longer absence is a back-fill."""
LARGEST_FRAME = 1 << 19
"""What is larger a host leaves out. No app writes such a post; one that came and could not be taken would end every
connection at the same place.
"""
GATHER_S = 0.5
MOST_FRAMES = 500
ROUND_MS = 60_000
"""Counts of tracked posts are told so often at most."""
ASKED_A_ROUND = 100
SAMPLE_S = 20.0
_HANDLE = re.compile(r"@?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


class JetstreamOptions(NamedTuple):
    """Whom to ask, and what of the network to keep."""

    hosts: tuple[str, ...] = HOSTS
    """Addresses without a path, tried in turn."""
    words: tuple[str, ...] = ()
    """Normalised words of which a post must hold one to be kept (`stream.sources.wanted`); none: all are."""
    authors: tuple[str, ...] = ()
    """Accounts (`did:...`) whose posts are kept whatever they say."""
    public_url: str = "https://public.api.bsky.app"
    """Where counts of posts and followers of authors are asked for; "": nowhere."""
    requests_per_min: int = 60
    """The most that is asked there."""


class Jetstream:
    """Bluesky as a source. Ids are `at://` addresses, authors are DIDs, for handles change."""

    kind = "bluesky"
    completeness: Completeness = "full"
    silent_after_s = 30.0

    def __init__(self, name: str, options: JetstreamOptions, *, web: Web, around: Surroundings) -> None:
        self.name = name
        self._options = options
        self._web = web
        self._around = around
        self._wanted = Wanted(options.words, options.authors)
        self._turn = 0
        self._public = Public(web, options.public_url, around.clock, per_min=options.requests_per_min)
        self._tallies = Tallies(lambda uri: around.threads.tracked(f"{name}:{uri}"), asks=self._public.is_asked)
        self._told_ms = around.clock()

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything from a place on: the time of the last event, in microseconds, as the host that told it has it."""
        now_us = self._around.clock() * 1000
        late_us = now_us - LATE_MS * 1000
        known_us = _time_of(place)
        # A place beyond now, by a clock that was wrong, would have the host start with what comes next.
        asked_us = None if known_us is None else min(known_us, now_us) - REWIND_US
        async with self._connected(asked_us) as frames:
            if known_us is None:
                # Who ends before the first events are kept goes on from here.
                yield Batch(place=str(now_us))
            while True:
                requests = self._public.requests
                events, bad = _read(await _gathered(frames))
                gaps: Sequence[Gap] = ()
                if events and known_us is not None and asked_us is not None:
                    gaps = _missing(known_us, asked_us, events[0].time_us, late_us)
                    known_us = None
                rows, unread = await self._rows(events, late_us)
                rows += await self._counts()
                yield Batch(
                    rows,
                    place=str(events[-1].time_us) if events else None,
                    bad=[*bad, *unread],
                    gaps=gaps,
                    known_until_ms=events[-1].time_us // 1000 if events else None,
                    costs={"requests": self._public.requests - requests},
                )

    async def check(self) -> Sample:
        """Listen until a post comes by."""
        row: Row | None = None
        try:
            async with asyncio.timeout(SAMPLE_S), self._connected(None) as frames:
                while row is None:
                    row = _first_post(_read(await _gathered(frames))[0])
        except TimeoutError:
            raise Trouble(f"it answers, and no post came by within {SAMPLE_S:g} s") from None
        words = ["Jetstream answers, without a key, and posts come by."]
        if self._wanted.everything:
            words.append("Every post of the network is kept: it says so here, or one of the queries needs no word.")
        else:
            words.append("Posts that hold none of the words of the brands' queries are left out; this one may be such.")
        if not self._public.is_asked:
            words.append("Followers of authors are not asked for; likes and reposts are counted from now on only.")
            return Sample(words, row_bytes(row))
        profiles = await self._public.profiles([row.author or ""])
        if not profiles:
            words.append(
                "Its public interface does not answer: followers and earlier likes stay unknown until it does."
            )
        _add_profile(row, profiles)
        handles = [account for account in self._options.authors if _HANDLE.fullmatch(account)]
        dids = await self._public.dids([handle.removeprefix("@") for handle in handles])
        words += [
            f"The own account {handle} is known here as {did}: add that to `own_accounts`."
            for handle, did in sorted(dids.items())
            if did not in self._options.authors
        ]
        return Sample(words, row_bytes(row), complete=bool(profiles) and len(words) == 2)

    # ---- one connection

    @asynccontextmanager
    async def _connected(self, asked_us: int | None) -> AsyncIterator[Frames]:
        """A connection to the first host that takes one; each call begins with the next host."""
        fields = [("wantedCollections", collection) for collection in (POST, LIKE, REPOST)]
        fields.append(("maxMessageSizeBytes", str(LARGEST_FRAME)))
        if asked_us is not None:
            fields.append(("cursor", str(asked_us)))
        last: Trouble | Denied = Trouble("no host is named")
        for _ in self._options.hosts:
            host = self._options.hosts[self._turn % len(self._options.hosts)]
            self._turn += 1
            standing = self._web.frames(f"{host.rstrip('/')}/subscribe?{urlencode(fields)}")
            try:
                frames = await standing.__aenter__()
            except (Trouble, Denied) as refused:
                last = refused
                continue
            try:
                yield frames
            finally:
                await standing.__aexit__(None, None, None)
            return
        raise last

    async def _rows(self, events: Sequence[Event], late_us: int) -> tuple[list[bytes], list[BadPayload]]:
        rows: list[Row] = []
        bad: list[BadPayload] = []
        for event in events:
            try:
                row = self._row(event, late_us)
            except BadEvent as unread:
                record = event.commit.record if event.commit is not None else b""
                bad.append(BadPayload(unread.reason, unread.detail, bytes(record)))
                continue
            if row is not None:
                rows.append(row)
        if not self._wanted.everything:
            profiles = await self._public.profiles(row.author for row in rows if row.author and row.kind != "purge")
            for row in rows:
                _add_profile(row, profiles)
        return [row_bytes(row) for row in rows], bad

    def _row(self, event: Event, late_us: int) -> Row | None:
        commit = event.commit
        if event.kind == "account":
            return purge_row(event)
        if event.kind != "commit" or commit is None:
            return None
        if commit.collection == POST:
            return delete_row(event, commit) if commit.operation == "delete" else self._post(event, commit, late_us)
        if commit.collection in (LIKE, REPOST):
            self._act(event.did, commit)
        return None

    def _post(self, event: Event, commit: Commit, late_us: int) -> Row | None:
        """A post that is wanted. Raises `BadEvent`."""
        post = read_post(commit.record)
        # An edit is kept whatever it says now: the words that were looked for may be what was taken out.
        if commit.operation == "create" and not self._wanted.may_be(post.text, event.did):
            return None
        return post_row(event, commit, post, live=event.time_us >= late_us)

    def _act(self, did: str, commit: Commit) -> None:
        if commit.operation == "delete":
            self._tallies.undid(did, commit.collection, commit.rkey)
        elif commit.operation == "create" and (uri := read_subject(commit.record)) is not None:
            self._tallies.acted(did, commit.collection, commit.rkey, uri)

    async def _counts(self) -> list[bytes]:
        """What tracked posts have gathered, once a round."""
        now_ms = self._around.clock()
        if now_ms - self._told_ms < ROUND_MS:
            return []
        self._told_ms = now_ms
        prefix = f"{self.name}:"
        self._tallies.watch([one.removeprefix(prefix) for one in self._around.threads.open(self.name)[:ASKED_A_ROUND]])
        due = self._tallies.due(now_ms, ASKED_A_ROUND)
        for uri, counts in (await self._public.posts(due)).items():
            self._tallies.answered(uri, counts, now_ms)
        return self._tallies.rows(now_ms)


async def _gathered(frames: Frames) -> list[str | bytes]:
    """The next frames: a single one is waited for however long it takes, those after it for half a second."""
    found = [await frames.recv()]
    try:
        async with asyncio.timeout(GATHER_S):
            while len(found) < MOST_FRAMES:
                found.append(await frames.recv())
    except (TimeoutError, Trouble):
        # What came before a cut counts; the next call raises it again.
        pass
    return found


def _read(frames: Sequence[str | bytes]) -> tuple[list[Event], list[BadPayload]]:
    events: list[Event] = []
    bad: list[BadPayload] = []
    for frame in frames:
        try:
            events.append(read_event(frame))
        except BadEvent as unread:
            body = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
            bad.append(BadPayload(unread.reason, unread.detail, body))
    return events, bad


def _first_post(events: Sequence[Event]) -> Row | None:
    for event in events:
        commit = event.commit
        if commit is not None and commit.collection == POST and commit.operation == "create":
            try:
                return post_row(event, commit, read_post(commit.record), live=True)
            except BadEvent:
                continue
    return None


def _missing(known_us: int, asked_us: int, first_us: int, late_us: int) -> list[Gap]:
    """What is missing after a reconnect, by the first event that came. Clocks of hosts differ by less than the rewind.

    >>> _missing(100 * 10**6, 95 * 10**6, 96 * 10**6, 0)
    []
    >>> _missing(100 * 10**6, 95 * 10**6, 9_000 * 10**6, 10_000 * 10**6)
    [Gap(since_ms=95000, until_ms=9005000, reason='cursor_too_old', filled=False), \
Gap(since_ms=9000000, until_ms=10000000, reason='away', filled=True)]
    """
    gaps = []
    since_us = known_us
    if first_us - asked_us > CLAMPED_US:
        gaps.append(Gap(asked_us // 1000, (first_us + REWIND_US) // 1000, "cursor_too_old"))
        since_us = first_us
    if since_us < late_us:
        gaps.append(Gap(since_us // 1000, late_us // 1000, "away", filled=True))
    return gaps


def _add_profile(row: Row, profiles: dict[str, Profile]) -> None:
    profile = profiles.get(row.author or "")
    if profile is not None:
        row.author_followers, row.author_created_at = profile.followers, profile.created_at


def _time_of(place: str | None) -> int | None:
    """The time that a place names; `None` for one that is not of ours."""
    if place is None or not place.isascii() or not place.isdecimal() or not EARLIEST_US <= int(place) < LATEST_US:
        return None
    return int(place)
