"""What Bluesky owes beyond the laws: counts that do not jump, gaps that are real, and a cheap look at everything."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from stream.brands import Brand, Matcher
from stream.reading import Reader
from stream.sources.contract import Batch, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.guard import Rules
from stream.sources.jetstream import LARGEST_FRAME, LATE_MS, REWIND_US, Jetstream, JetstreamOptions
from stream.sources.jetstream_counts import Counts, Public
from stream.sources.jetstream_events import LIKE, REPOST, BadEvent, _parse, read_event, read_post
from stream.sources.jetstream_threads import ACTS_KEPT, POSTS_KEPT, REFRESH_MS, Tallies
from stream.sources.rows import row_bytes
from stream.sources.wanted import Wanted, authors_of, words_of
from stream.sources.web import FRAME_BYTES, Web
from tests.fakes.sources.jetstream import HOSTS, NAME, FakeJetstream, FakePublic
from tests.sources.hearing import Purse
from tests.sources.laws import Tracked
from tests.sources.virtual import now_ms, run


class Play:
    """A platform and a source over it, on the loop that runs."""

    def __init__(self, *, kept_s: float = 36 * 3600, words: Sequence[str] = ("acme",), public: bool = True) -> None:
        self.platform = FakeJetstream(now_ms, random.Random(1), kept_s=kept_s)
        self.public = FakePublic()
        self.threads = Tracked()
        url = "https://public.api.example" if public else ""
        self.options = JetstreamOptions(HOSTS, words=tuple(words), public_url=url)

    def source(self) -> Jetstream:
        web = Web(transport=self.public, dial=self.platform.dial)
        return Jetstream(NAME, self.options, web=web, around=Surroundings(now_ms, Purse(), self.threads))

    async def heard(self, source: Jetstream, place: str | None, seconds: float) -> tuple[list[Any], list[Batch]]:
        """Rows and batches of the next seconds."""
        batches: list[Batch] = []
        async with aclosing(source.batches(place)) as iterator:  # type: ignore[type-var]
            try:
                async with asyncio.timeout(seconds):
                    async for batch in iterator:
                        batches.append(batch)
            except TimeoutError:
                pass
        return [msgspec.json.decode(row) for batch in batches for row in batch.rows], batches


async def _later(seconds: float, *acts: Any) -> None:
    for act in acts:
        await asyncio.sleep(seconds)
        act()


def test_posts_of_every_shape_become_rows_that_the_reader_takes() -> None:
    """Pictures without a word, replies, quotes, quotes beside pictures, and records that keep to no schema."""
    post = "at://did:plc:b/app.bsky.feed.post/1"
    ref = {"uri": post, "cid": "b"}
    shapes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"text": "", "embed": {"$type": "app.bsky.embed.images", "images": [{"alt": ""}]}}, {"text": ""}),
        (
            {"text": "a", "reply": {"parent": ref, "root": {"uri": post + "0"}}},
            {"parent_id": post, "root_id": post + "0"},
        ),
        ({"text": "a", "embed": {"$type": "app.bsky.embed.record", "record": ref}}, {"quoted_id": post}),
        ({"text": "a", "embed": {"$type": "x", "media": {}, "record": {"record": ref}}}, {"quoted_id": post}),
        ({"text": "a", "embed": {"record": {"uri": "at://did:plc:b/app.bsky.feed.generator/1"}}}, {"quoted_id": None}),
        ({"text": "a", "langs": "nl", "reply": [1], "createdAt": 7}, {"text": "a", "lang": None, "parent_id": None}),
        ({"text": None, "langs": []}, {"text": ""}),
        ({}, {"text": ""}),
        ({"text": "a", "createdAt": "yesterday"}, {"created_at": "2026-07-04T14:38:08.094Z"}),
        ({"text": "a", "createdAt": "1970-01-01T00:00:00Z"}, {"created_at": "1970-01-01T00:00:00Z"}),
    ]
    for record, expected in shapes:
        commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "record": record}
        frame = {"did": "did:plc:a", "time_us": 1783175888094841, "kind": "commit", "commit": commit}
        row = _parse(json.dumps(frame))
        assert row is not None
        told = msgspec.json.decode(row_bytes(row))
        assert {name: told.get(name) for name in expected} == expected
        mention = Reader(NAME).read(row_bytes(row), 1783175889000)
        assert mention.id == "bluesky:at://did:plc:a/app.bsky.feed.post/3k"
        assert mention.author == "did:plc:a"


_NAMES = st.sampled_from(["text", "uri", "reply", "parent", "embed", "record", "langs", "createdAt"])
_RECORDS = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=9,
)


@given(_RECORDS)
def test_whatever_a_record_is_it_is_read_or_refused_by_name(record: Any) -> None:
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "record": record}
    frame = {"did": "did:plc:a", "time_us": 1783175888094841, "kind": "commit", "commit": commit}
    if isinstance(record, dict):
        row = _parse(json.dumps(frame))
        assert row is not None
        Reader(NAME).read(row_bytes(row), 1783175889000)
    else:
        with pytest.raises(BadEvent, match=r"bad_record|not_json"):
            _parse(json.dumps(frame))


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_an_event_or_are_refused_by_name(frame: bytes) -> None:
    with pytest.raises(BadEvent):
        read_event(frame)


def test_a_frame_that_is_nested_without_end_is_refused() -> None:
    deep = "[" * 100_000
    frame = '{"did":"a","time_us":1783175888094841,"kind":"commit","commit":{"operation":"create",'
    frame += '"collection":"app.bsky.feed.post","rkey":"a","record":' + deep
    with pytest.raises(BadEvent):
        read_event(frame)
    with pytest.raises(BadEvent):
        read_post(msgspec.Raw(deep.encode()))


def test_only_an_account_that_is_deleted_is_purged() -> None:
    async def story() -> list[Any]:
        play = Play()
        acts = [
            lambda status=status: play.platform.leave(f"did:plc:{status}", status)
            for status in ("deactivated", "takendown", "suspended", "deleted")
        ]
        rows: list[Any]
        (rows, _), _ = await asyncio.gather(play.heard(play.source(), None, 30), _later(2, *acts))
        return rows

    rows = run(story())
    assert [(row["kind"], row["id"], row["author"]) for row in rows] == [
        ("purge", "did:plc:deleted", "did:plc:deleted")
    ]


def test_a_short_absence_is_no_gap_and_nothing_is_late() -> None:
    async def story() -> tuple[list[Any], list[Batch], str]:
        play = Play()
        source = play.source()
        _, batches = await play.heard(source, None, 30)
        uri = play.platform.post("acme while nobody listens")
        await asyncio.sleep(LATE_MS / 1000 - 60)
        rows, batches = await play.heard(source, batches[-1].place, 30)
        return rows, batches, uri

    rows, batches, uri = run(story())
    assert [(row["id"], row.get("live", True)) for row in rows] == [(uri, True)]
    assert [gap for batch in batches for gap in batch.gaps] == []


def test_after_hours_away_what_was_said_comes_as_a_back_fill_and_the_stretch_is_known() -> None:
    async def story() -> tuple[list[Any], list[Gap], str, int]:
        play = Play()
        source = play.source()
        _, batches = await play.heard(source, None, 30)
        left_ms = now_ms()
        play.platform.post("acme long ago")
        await asyncio.sleep(3 * 3600)
        play.platform.post("acme now")
        rows, found = await play.heard(source, batches[-1].place, 30)
        return rows, [gap for batch in found for gap in batch.gaps], batches[-1].place or "", left_ms

    rows, gaps, place, left_ms = run(story())
    assert [(row["text"], row.get("live", True)) for row in rows] == [("acme long ago", False), ("acme now", True)]
    assert [(gap.reason, gap.filled, gap.since_ms) for gap in gaps] == [("away", True, int(place) // 1000)]
    assert gaps[0].until_ms == left_ms + 3 * 3_600_000 - LATE_MS


def test_a_place_that_is_not_kept_any_more_is_a_gap_although_the_platform_says_nothing() -> None:
    async def story() -> tuple[list[Gap], list[str], int]:
        play = Play(kept_s=3600)
        source = play.source()
        _, batches = await play.heard(source, None, 30)
        play.platform.post("acme is lost")
        await asyncio.sleep(3 * 3600)
        rows, found = await play.heard(source, batches[-1].place, 30)
        return (
            [gap for batch in found for gap in batch.gaps],
            [row["text"] for row in rows],
            int(batches[-1].place or 0),
        )

    gaps, texts, place = run(story())
    assert texts == []
    assert [(gap.reason, gap.filled) for gap in gaps] == [("cursor_too_old", False), ("away", True)]
    assert gaps[0].since_ms == (place - REWIND_US) // 1000
    assert 1.9 * 3_600_000 < gaps[0].until_ms - gaps[0].since_ms < 2.1 * 3_600_000


@pytest.mark.parametrize("place", ["", "yesterday", "12345", "9" * 30, "-5"])
def test_a_place_that_is_none_of_ours_means_from_now_on(place: str) -> None:
    async def story() -> list[dict[str, list[str]]]:
        play = Play()
        play.platform.post("acme before")
        rows, _ = await play.heard(play.source(), place, 30)
        assert rows == []
        return play.platform.connected

    assert ["cursor" in asked for asked in run(story())] == [False]


def test_a_place_beyond_now_does_not_skip_what_comes_until_then() -> None:
    async def story() -> list[Any]:
        play = Play()
        await asyncio.sleep(60)
        play.platform.post("acme just now")
        rows, _ = await play.heard(play.source(), str((now_ms() + 3_600_000) * 1000), 30)
        return rows

    assert [row["text"] for row in run(story())] == ["acme just now"]


def test_a_post_that_is_larger_than_a_frame_may_be_does_not_hold_up_the_others() -> None:
    """It would end every connection at the same place, again and again."""

    async def story() -> list[Any]:
        play = Play()
        acts = [lambda: play.platform.post("acme " + "x" * FRAME_BYTES), lambda: play.platform.post("acme")]
        rows: list[Any]
        (rows, _), _ = await asyncio.gather(play.heard(play.source(), None, 30), _later(5, *acts))
        return rows

    assert LARGEST_FRAME < FRAME_BYTES
    assert [row["text"] for row in run(story())] == ["acme"]


def test_the_next_host_is_asked_where_one_takes_no_connection() -> None:
    async def story() -> None:
        play = Play()
        play.platform.down = set(HOSTS[:2])
        _, batches = await play.heard(play.source(), None, 10)
        assert batches
        play.platform.down = {"*"}
        with pytest.raises(Trouble):
            await play.heard(play.source(), None, 10)
        play.platform.down = set()
        play.platform.refuse = [403, 403, 403]
        with pytest.raises(Denied):
            await play.heard(play.source(), None, 10)

    run(story())


def test_counts_begin_with_what_the_platform_knows_and_go_on_with_what_comes_by() -> None:
    """Never from nought in the middle of a post's life: that would look like growth later."""

    async def story() -> list[Any]:
        play = Play()
        uri = play.platform.post("acme")
        play.threads.names.add(f"{NAME}:{uri}")
        play.public.counts[uri] = {"likeCount": 4_000, "repostCount": 70, "replyCount": 9}
        other = play.platform.post("about nobody")

        def act() -> None:
            rkey = play.platform.like("did:plc:a", uri)
            play.platform.like("did:plc:b", uri)
            play.platform.like("did:plc:b", other)
            play.platform.like("did:plc:c", uri, what="repost")
            play.platform.unlike("did:plc:a", rkey)

        rows: list[Any]
        (rows, _), _ = await asyncio.gather(play.heard(play.source(), None, 200), _later(90, act, act))
        return rows

    counts = [(row["likes"], row["reposts"], row["replies"]) for row in run(story()) if row["kind"] == "engagement"]
    assert counts == [(4_000, 70, 9), (4_001, 71, 9)]


def test_an_open_incident_is_asked_for_even_if_nobody_likes_it() -> None:
    async def story() -> list[Any]:
        play = Play()
        uri = play.platform.post("acme")
        play.threads.incidents.append(f"{NAME}:{uri}")
        play.public.counts[uri] = {"likeCount": 5, "repostCount": 0, "replyCount": 1}
        return (await play.heard(play.source(), None, 100))[0]

    assert [row["likes"] for row in run(story()) if row.get("kind") == "engagement"] == [5]


def test_where_the_platform_cannot_be_asked_counts_wait_and_posts_do_not() -> None:
    async def story() -> tuple[list[Any], int]:
        play = Play()
        play.public.stalled = True
        source = play.source()
        uri = play.platform.post("acme")
        play.threads.names.add(f"{NAME}:{uri}")
        acts = [lambda: play.platform.like("did:plc:a", uri), lambda: play.platform.post("acme is down")]
        rows, batches = (await asyncio.gather(play.heard(source, None, 100), _later(30, *acts)))[0]
        return rows, sum(batch.costs.get("requests", 0) for batch in batches)

    rows, requests = run(story())
    assert [row.get("kind", "create") for row in rows] == ["create"]
    assert "author_followers" not in rows[0]
    assert requests <= 2, "what does not answer is left alone for a minute"


def test_without_a_public_interface_all_counts_begin_at_nought() -> None:
    tallies = Tallies(lambda uri: True, asks=False)
    tallies.acted("did:a", LIKE, "1", "at://x")
    tallies.acted("did:a", LIKE, "1", "at://x")
    tallies.acted("did:b", REPOST, "1", "at://x")
    tallies.undid("did:z", LIKE, "9")
    assert [msgspec.json.decode(row)["likes"] for row in tallies.rows(0)] == [1]
    assert tallies.rows(0) == []
    tallies.undid("did:a", LIKE, "1")
    tallies.undid("did:a", LIKE, "1")
    assert [msgspec.json.decode(row)["likes"] for row in tallies.rows(0)] == [0]
    assert tallies.due(0, 10) == []


def test_what_is_kept_for_counting_is_bounded() -> None:
    tallies = Tallies(lambda uri: True, asks=True)
    for number in range(ACTS_KEPT + 10):
        tallies.acted("did:a", LIKE, str(number), f"at://{number}")
    assert len(tallies._acts) == ACTS_KEPT
    assert len(tallies._tallies) == POSTS_KEPT
    due = tallies.due(0, 100)
    assert len(due) == 100
    for uri in due[:50]:
        tallies.answered(uri, Counts(1, 0, 0), 1)
    for uri in due[50:]:
        tallies.answered(uri, None, 1)
    assert not set(due) & set(tallies.due(REFRESH_MS, POSTS_KEPT))
    assert set(due[:50]) <= set(tallies.due(REFRESH_MS + 1, POSTS_KEPT))


def test_the_check_says_how_an_own_account_is_known_here() -> None:
    """People write handles; posts bear the number behind them."""

    async def story() -> tuple[Sample, Sample]:
        play = Play()
        play.public.handles = {"acme.example": "did:plc:acme"}
        play.options = play.options._replace(authors=("@acme.example", "AcmeHelp", "other.example"))
        said = await play.source().check()
        play.options = play.options._replace(authors=("@acme.example", "did:plc:acme"))
        return said, await play.source().check()

    said, mended = run(story())
    assert [words for words in said.words if "own_accounts" in words] == [
        "The own account acme.example is known here as did:plc:acme: add that to `own_accounts`."
    ]
    assert (said.complete, mended.complete) == (False, True)


def test_without_its_public_interface_the_check_says_what_stays_unknown() -> None:
    async def story() -> tuple[Sample, Sample]:
        play = Play()
        play.public.stalled = True
        said = await play.source().check()
        play.options = play.options._replace(public_url="", words=())
        return said, await play.source().check()

    dumb, none = run(story())
    assert not dumb.complete
    assert "stay unknown" in dumb.words[-1]
    assert none.complete
    assert "not asked for" in none.words[-1]


def test_followers_are_asked_for_once_an_author_and_for_posts_that_count_alone() -> None:
    async def story() -> tuple[list[Any], list[str]]:
        play = Play()
        play.public.followers["did:plc:loud"] = 90_000
        acts = [lambda: play.platform.post("acme", did="did:plc:loud")] * 3
        acts += [lambda: play.platform.post("hello", did="did:plc:quiet")] * 3
        rows, _ = (await asyncio.gather(play.heard(play.source(), None, 50), _later(5, *acts)))[0]
        return rows, play.public.asked

    rows, asked = run(story())
    assert [(row["author_followers"], row["author_created_at"]) for row in rows] == [
        (90_000, "2024-02-06T10:00:00.000Z")
    ] * 3
    assert asked == ["/xrpc/app.bsky.actor.getProfiles"]


def test_no_more_is_asked_in_a_minute_than_is_allowed() -> None:
    async def story() -> tuple[int, int]:
        fake = FakePublic()
        public = Public(Web(transport=fake), "https://public.api.example/", now_ms, per_min=3)
        await asyncio.sleep(60 - now_ms() / 1000 % 60)
        await public.profiles(f"did:plc:{number}" for number in range(200))
        first = len(fake.asked)
        await asyncio.sleep(60)
        await public.profiles(f"did:plc:{number}" for number in range(60, 110))
        return first, len(fake.asked)

    assert run(story()) == (3, 5)


def test_authors_leave_a_quarter_of_what_is_allowed_to_counts() -> None:
    """A crisis has many new authors, and it is then that counts matter."""

    async def story() -> list[str]:
        fake = FakePublic()
        public = Public(Web(transport=fake), "https://public.api.example", now_ms, per_min=8)
        await asyncio.sleep(60 - now_ms() / 1000 % 60)
        await public.profiles(f"did:plc:{number}" for number in range(1_000))
        await public.posts([f"at://{number}" for number in range(1_000)])
        return [path.rsplit(".", 1)[1] for path in fake.asked]

    assert run(story()) == ["getProfiles"] * 6 + ["getPosts"] * 2


def test_every_post_is_kept_where_no_words_are_given() -> None:
    async def story() -> tuple[list[Any], list[str]]:
        play = Play(words=())
        rows, _ = (
            await asyncio.gather(play.heard(play.source(), None, 9), _later(3, lambda: play.platform.post("hi")))
        )[0]
        return rows, play.public.asked

    rows, asked = run(story())
    assert "hi" in [row["text"] for row in rows]
    assert asked == [], "followers of a whole network are not asked for"


_PIECES = [*"acmebolt @#.'-\u00e9\u0301\u200b\x00\u1d2cCM", "acme", "Bolt", "bolt", " "]
_TEXT = st.lists(st.sampled_from(_PIECES), max_size=20).map("".join)
_QUERIES = """\
acme
acme OR bolt
"acme bolt"
acme NEAR/2 bolt
bol*
@acme
acme NOT bolt
(acme bolt) OR #tel
acme OR source:reviews
acme source:blue*
bolt NOT source:x
(source:bluesky acme) OR (bolt NOT source:blue*)
acme NOT (bolt source:bluesky)
bolt NOT (acme OR source:x)
source:bluesky OR acme
"""
_QUERY = st.sampled_from(_QUERIES.splitlines())


@settings(max_examples=300)
@given(_QUERY, _TEXT, st.sampled_from(["jo", "@Acme"]))
def test_what_a_query_hits_is_never_left_out(query: str, text: str, author: str) -> None:
    brands = [Brand("Acme", query, own_accounts=("acme",))]
    row = msgspec.json.encode({"id": "1", "created_at": "2026-01-01T00:00:00Z", "text": text, "author": author})
    mention = Reader("bluesky").read(row)
    if Matcher(brands).match(mention):
        assert Wanted(words_of(brands, "bluesky"), authors_of(brands)).may_be(text, author)


def test_what_concerns_other_sources_narrows_as_if_it_were_not_there() -> None:
    """A brand whose reviews are all about it, whatever they say, takes not all of Bluesky for that."""
    assert words_of([Brand("Acme", "acme OR source:reviews"), Brand("Bolt", "source:reviews")], "bluesky") == ("acme",)
    assert words_of([Brand("Acme", "acme OR source:reviews")], "reviews") == ()


def test_competitors_are_heard_too() -> None:
    brands = [Brand("Acme", "acme", rivals=(("Bolt", '"bolt motors"'),))]
    assert words_of(brands, "bluesky") == ("acme", "bolt motors")
    assert words_of([Brand("Acme", "acme", rivals=(("Bolt", "author:bolt"),))], "bluesky") == ()


def test_a_brand_that_does_not_hear_the_source_narrows_nothing() -> None:
    brands = [Brand("Acme", "acme", sources=("x",)), Brand("Bolt", "bolt")]
    assert words_of(brands, "bluesky") == ("bolt",)
    assert words_of([Brand("Acme", None, sources=("x",)), Brand("Bolt", "bolt")], "bluesky") == ("bolt",)


async def test_over_a_real_wire_posts_come_and_a_cut_in_mid_frame_is_trouble() -> None:
    """A WebSocket of this machine, pings, a close, and half a frame before the end."""
    platform = FakeJetstream(_real_ms, random.Random(1))
    places: list[str | None] = []

    async def answer(connection: ServerConnection) -> None:
        assert connection.request is not None
        path, _, query = connection.request.path.partition("?")
        socket = platform.open("wss://one.jets.example", path, query)
        await (await connection.ping())
        uri = platform.post("acme on the wire")
        platform.like("did:plc:a", uri)
        for _ in platform.log:
            await connection.send(await socket.recv())
        await asyncio.sleep(0.2)
        connection.transport.write(b"\x81\x7e\x10\x00half of a frame")
        connection.transport.close()

    async with serve(answer, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        web = Web(Rules(ports=(), plain=(f"{host}:{port}",)))
        around = Surroundings(_real_ms, Purse(), Tracked())
        options = JetstreamOptions((f"ws://{host}:{port}",), words=("acme",), public_url="")
        source = Jetstream(NAME, options, web=web, around=around)
        rows: list[Any] = []

        async def listen(place: str | None) -> AsyncIterator[Batch]:
            async for batch in source.batches(place):
                rows.extend(msgspec.json.decode(row) for row in batch.rows)
                places.append(batch.place)
                yield batch

        with pytest.raises(Trouble):
            [batch async for batch in listen(None)]
        with pytest.raises(Trouble):
            [batch async for batch in listen(places[-1])]
    assert [row["text"] for row in rows] == ["acme on the wire"] * len(rows)
    assert len({row["id"] for row in rows}) == 2
    assert "cursor" in platform.connected[1]


def _real_ms() -> int:
    return int(time.time() * 1000)
