"""What Mastodon owes beyond the laws: what is for everybody alone, edits, deletes, back-fills, and a guarded token."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stream.reading import Reader
from stream.sources.contract import Batch, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.guard import Rules
from stream.sources.mastodon import LATE_MS, Mastodon, MastodonOptions
from stream.sources.mastodon_events import (
    LARGEST_EVENT,
    BadStatus,
    Said,
    Sse,
    _parse,
    read_id,
    read_status,
    read_statuses,
    status_row,
)
from stream.sources.mastodon_timelines import known_of
from stream.sources.rows import row_bytes
from stream.sources.web import Web
from tests.fakes.sources.mastodon import NAME, SERVER, TOKEN, FakeMastodon
from tests.fakes.sources.served import Lasting
from tests.sources.hearing import Purse
from tests.sources.laws import Tracked
from tests.sources.virtual import now_ms, run

Play = tuple[FakeMastodon, Mastodon]


def play(feeds: tuple[str, ...] = ("public",), *, threads: Tracked | None = None, token: str = TOKEN) -> Play:
    """A platform and a source over it, on the loop that runs."""
    platform = FakeMastodon(now_ms, random.Random(1))
    around = Surroundings(now_ms, Purse(), threads or Tracked())
    options = MastodonOptions(SERVER, feeds)
    return platform, Mastodon(NAME, options, web=Web(transport=Lasting(platform)), around=around, token=token)


async def heard(
    source: Mastodon, place: str | None, seconds: float, *acts: Callable[[], object]
) -> tuple[list[Any], list[Batch]]:
    """Rows and batches of the next seconds, in which things are done two seconds apart."""
    batches: list[Batch] = []

    async def act() -> None:
        for one in acts:
            await asyncio.sleep(2)
            one()

    acting = asyncio.create_task(act())
    async with aclosing(source.batches(place)) as iterator:  # type: ignore[type-var]
        try:
            async with asyncio.timeout(seconds):
                async for batch in iterator:
                    batches.append(batch)
        except TimeoutError:
            pass
    await acting
    return [msgspec.json.decode(row) for batch in batches for row in batch.rows], batches


def gaps_of(batches: Sequence[Batch]) -> list[Gap]:
    return [gap for batch in batches for gap in batch.gaps]


def test_a_status_is_told_edited_and_taken_back_under_one_id() -> None:
    async def story() -> tuple[list[Any], str]:
        platform, source = play()
        names: list[str] = []
        rows, _ = await heard(
            source,
            None,
            30,
            lambda: names.append(platform.post("<p>ACME &amp; co<br>are <b>down</b></p>", spoiler_text="trains")),
            lambda: platform.edit(names[0], "<p>never mind</p>"),
            lambda: platform.edit(names[0], "<p>or do</p>"),
            lambda: platform.delete(names[0]),
        )
        return rows, names[0]

    rows, name = run(story())
    assert [(row["id"], row.get("kind"), row.get("text")) for row in rows] == [
        (name, None, "trains\n\nACME & co\nare down"),
        (name, "update", "trains\n\nnever mind"),
        (name, "update", "trains\n\nor do"),
        (name, "delete", None),
    ]
    mention = Reader(NAME).read(msgspec.json.encode(rows[0]))
    assert (mention.author, mention.author_followers, mention.lang) == ("jo@social.example", 37, "en")
    assert (mention.likes, mention.reposts, mention.replies) == (0, 0, 0)


def test_replies_quotes_and_boosts_name_what_they_are_about() -> None:
    async def story() -> tuple[list[Any], list[str]]:
        platform, source = play()
        first = platform.post("<p>acme</p>")
        full = {"state": "accepted", "quoted_status": platform.statuses[first]}
        short = {"state": "accepted", "quoted_status_id": first}
        rows, _ = await heard(
            source,
            None,
            30,
            lambda: platform.post("<p>re</p>", in_reply_to_id=first),
            lambda: platform.post("<p>qt</p>", quote=full),
            lambda: platform.post("<p>qt</p>", quote=short),
            lambda: platform.post("<p>qt</p>", quote={"state": "deleted", "quoted_status": None}),
            lambda: platform.post("<p>qt</p>", quote="of another kind"),
            lambda: platform.boost(first, acct="fan@elsewhere.example"),
        )
        return rows, [first]

    rows, (first,) = run(story())
    assert [row.get("parent_id") for row in rows] == [first, None, None, None, None, first]
    assert [row.get("quoted_id") for row in rows] == [None, first, first, None, None, None]
    assert [row.get("is_repost", False) for row in rows] == [False] * 5 + [True]
    assert (rows[5]["text"], rows[5]["author"]) == ("acme", "fan@elsewhere.example")


@pytest.mark.parametrize("visibility", ["private", "direct", "limited", "of a kind to come"])
def test_what_is_not_for_everybody_is_not_kept(visibility: str) -> None:
    status = {"id": "7", "created_at": "2026-01-05T15:00:00Z", "account": {"acct": "jo"}, "content": "<p>psst</p>"}
    assert _parse(json.dumps(status | {"visibility": visibility})) is None
    assert _parse(json.dumps(status | {"reblog": status | {"visibility": visibility}})) is None
    assert _parse(json.dumps(status | {"visibility": "unlisted"})) is not None


def test_each_feed_is_a_stream_of_its_own_under_one_place() -> None:
    async def story() -> tuple[list[Any], list[Batch], FakeMastodon]:
        platform, source = play(("public/local", "#acme"))
        rows, batches = await heard(
            source,
            None,
            30,
            lambda: platform.post("<p>here</p>"),
            lambda: platform.post("<p>tagged elsewhere</p>", acct="jo@elsewhere.example", tags=("acme",)),
            lambda: platform.post("<p>elsewhere</p>", acct="jo@elsewhere.example"),
        )
        return rows, batches, platform

    rows, batches, platform = run(story())
    assert [row["text"] for row in rows] == ["here", "tagged elsewhere"]
    assert set(known_of(batches[-1].place, ("public/local", "#acme", "#other"))) == {"public/local", "#acme"}
    streams = [one for one in platform.requests if "streaming/" in one]
    assert streams == [
        "streaming.social.example/api/v1/streaming/public/local",
        "streaming.social.example/api/v1/streaming/hashtag",
    ]


def test_what_was_said_during_a_short_absence_is_fetched_and_live() -> None:
    async def story() -> tuple[list[Any], list[Batch], list[str]]:
        platform, source = play()
        _, batches = await heard(source, None, 30)
        names = [platform.post(f"<p>{number}</p>") for number in range(95)]
        platform.edit(names[3], "<p>edited</p>")
        platform.delete(names[4])
        await asyncio.sleep(60)
        rows, batches = await heard(source, batches[-1].place, 30)
        return rows, batches, names

    rows, batches, names = run(story())
    creates = [row for row in rows if "kind" not in row]
    assert {row["id"] for row in creates} == {*names} - {names[4]}
    assert {row["id"] for row in rows if row.get("kind") == "update"} == {names[3]}
    assert all(row.get("live", True) for row in rows)
    assert [(gap.reason, gap.filled) for gap in gaps_of(batches)] == [("away", True)]


def test_what_was_said_during_a_long_absence_is_a_back_fill() -> None:
    async def story() -> tuple[list[Any], list[Gap], int]:
        platform, source = play()
        _, batches = await heard(source, None, 40)
        left_ms = now_ms()
        platform.post("<p>early</p>")
        await asyncio.sleep(7200)
        platform.post("<p>late</p>")
        await asyncio.sleep(LATE_MS / 2000)
        rows, found = await heard(source, batches[-1].place, 30)
        return rows, gaps_of(found), left_ms

    rows, gaps, left_ms = run(story())
    assert [(row["text"], row.get("live", True)) for row in rows] == [("early", False), ("late", True)]
    assert len(gaps) == 1
    assert left_ms - 60_000 <= gaps[0].since_ms <= left_ms < gaps[0].until_ms - 7_200_000


def test_a_timeline_that_is_shut_leaves_a_gap_that_is_not_filled_and_the_stream_goes_on() -> None:
    async def story() -> tuple[list[Any], list[Gap]]:
        platform, source = play()
        _, batches = await heard(source, None, 30)
        platform.shut.add("public")
        platform.post("<p>missed</p>")
        await asyncio.sleep(600)
        rows, found = await heard(source, batches[-1].place, 30, lambda: platform.post("<p>heard</p>"))
        return rows, gaps_of(found)

    rows, gaps = run(story())
    assert [row["text"] for row in rows] == ["heard"]
    assert [(gap.reason, gap.filled) for gap in gaps] == [("away", False)]


def test_more_than_the_server_allows_is_fetched_as_it_allows_and_the_rest_is_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It rests until the limit is lifted, says that it holds back, and stops before it asks for ever."""

    monkeypatch.setattr("stream.sources.mastodon.FILL_PAGES", 30)

    async def story() -> tuple[list[Any], list[Batch], FakeMastodon]:
        platform, source = play()
        _, batches = await heard(source, None, 30)
        # Others of the same account have used up most of what is allowed.
        platform._used = [now_ms()] * 280
        for number in range(40 * 30 + 100):
            platform.post(f"<p>{number}</p>")
        platform.log.clear()
        rows, found = await heard(source, batches[-1].place, 1_500)
        return rows, found, platform

    rows, batches, platform = run(story())
    assert len({row["id"] for row in rows}) == 40 * 30
    assert any(batch.capped for batch in batches)
    assert platform.refused == 0, "it stops before the limit"
    assert [(gap.reason, gap.filled) for gap in gaps_of(batches)] == [("away", True), ("depth", False)]


def test_a_server_whose_clock_is_behind_is_given_a_pause_all_the_same() -> None:
    """Its limit seems to be lifted already: without a pause every try would be used up at once."""

    async def story() -> tuple[list[Any], FakeMastodon]:
        platform, source = play()
        _, batches = await heard(source, None, 30)
        platform.slow_ms = 3_600_000
        platform._used = [now_ms()] * 300
        platform.post("<p>missed</p>")
        platform.log.clear()
        rows, _ = await heard(source, batches[-1].place, 900)
        return rows, platform

    rows, platform = run(story())
    assert len({row["id"] for row in rows}) == 1
    assert 0 < platform.refused <= 40, "every ten seconds of the five minutes"


def test_open_incidents_are_asked_for_counts_and_whether_they_are_still_there() -> None:
    async def story() -> tuple[list[Any], list[str]]:
        threads = Tracked()
        platform, source = play(threads=threads)
        names = [platform.post("<p>acme</p>") for _ in range(45)]
        threads.incidents += [f"{NAME}:{name}" for name in names]
        platform.statuses[names[0]]["favourites_count"] = 900
        del platform.statuses[names[44]]
        rows, _ = await heard(source, None, 330)
        return rows, names

    rows, names = run(story())
    assert [row["likes"] for row in rows if row["id"] == names[0]] == [900]
    assert len(rows) == 45
    assert [row["id"] for row in rows if row["kind"] == "delete"] == [names[44]]


def test_the_check_says_which_feed_shows_nothing() -> None:
    """A server may close its public feeds to an account, and shows them empty, or not at all."""

    async def story() -> tuple[Sample, Sample]:
        platform, source = play(("public", "#acme"))
        platform.post("<p>acme</p>")
        first = await source.check()
        platform.post("<p>acme</p>", tags=("acme",))
        platform.shut.add("public")
        return first, await source.check()

    for said, feed in zip(run(story()), ("#acme", "public"), strict=True):
        assert said.words[0] == "The server takes the token and opens 2 streams."
        assert [words for words in said.words[1:] if f"The feed {feed} shows nothing" in words] == list(said.words[1:])
        assert (said.complete, said.row is not None) == (False, True)


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_token_that_is_not_taken_needs_a_human(status: str) -> None:
    async def story() -> None:
        platform, source = play(token="other")
        with pytest.raises(Denied):
            await heard(source, None, 30)
        with pytest.raises(Denied):
            await source.check()
        platform, source = play()
        platform.faults = ["", status]
        with pytest.raises(Denied):
            await heard(source, None, 30)

    run(story())


@pytest.mark.parametrize(
    "told",
    ["wss://streams.evil.example", "wss://evilsocial.example", "https://social.example.evil.example", "wss://[/"],
)
def test_a_token_goes_to_no_other_host_because_a_server_says_so(told: str) -> None:
    async def story() -> list[str]:
        platform, source = play()
        platform.streaming = told
        with pytest.raises(Denied):
            await heard(source, None, 30)
        return platform.requests

    assert run(story()) == ["social.example/api/v2/instance"]


@pytest.mark.parametrize("told", ["", "wss://social.example", "ws://social.example"])
def test_the_streams_of_a_server_are_where_it_says_and_as_safe_as_it_is(told: str) -> None:
    async def story() -> list[str]:
        platform, source = play()
        platform.streaming = told
        await heard(source, None, 10)
        return platform.requests

    assert "social.example/api/v1/streaming/public" in run(story())


def test_a_stream_that_stands_and_says_nothing_is_trouble() -> None:
    async def story() -> None:
        platform, source = play()

        def stall() -> None:
            platform.stalled = True

        with pytest.raises(Trouble):
            await heard(source, None, 120, stall)

    run(story())


def test_a_feed_without_a_status_is_asked_by_time_when_it_has_some() -> None:
    async def story() -> list[Any]:
        platform, source = play(("#acme",))
        _, batches = await heard(source, None, 30)
        platform.post("<p>the first</p>", tags=("acme",))
        rows, _ = await heard(source, batches[-1].place, 30)
        return rows

    assert [row["text"] for row in run(story())] == ["the first"]


def test_a_place_that_is_none_of_ours_means_from_now_on() -> None:
    async def story() -> list[Any]:
        platform, source = play()
        platform.post("<p>before</p>")
        return (await heard(source, "[1]", 10))[0]

    assert run(story()) == []


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@given(cuts=st.lists(st.integers(1, 12), max_size=40))
def test_events_are_the_same_however_their_bytes_are_cut(newline: str, cuts: list[int]) -> None:
    lines = [
        ":)",
        "event: update",
        'data: {"content":"caf\u00e9 \U0001f525"}',
        "",
        ":thump",
        "",
        "event: delete",
        "data: 7",
    ]
    body = (newline.join([*lines, "", ""])).encode() + b":"
    sse, said, at = Sse(), [], 0
    for size in [*cuts, len(body)]:
        said += list(sse.read(body[at : at + size]))
        at += size
    assert [one for one in said if one.name] == [
        Said("update", '{"content":"caf\u00e9 \U0001f525"}'),
        Said("delete", "7"),
    ]
    assert len(said) >= 4


def test_an_event_without_an_end_is_trouble_and_not_memory() -> None:
    for line in (b"data: " + b"x" * 993 + b"\n", b"x" * 1000):
        sse = Sse()
        for _ in range(LARGEST_EVENT // 1000):
            assert list(sse.read(line)) == []
        with pytest.raises(Trouble):
            list(sse.read(line))


_VALUE = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "acct", "reblog"]), inner),
    max_leaves=5,
)
_FIELDS = [
    "id",
    "created_at",
    "account",
    "content",
    "reblog",
    "quote",
    "visibility",
    "edited_at",
    "reblogs_count",
    "url",
]
_GOOD: dict[str, Any] = {"id": "7", "created_at": "2026-01-05T15:00:00Z", "account": {"acct": "jo"}}


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUE), st.booleans())
def test_whatever_a_status_holds_it_is_read_or_refused_by_name(odd: dict[str, Any], edit: bool) -> None:
    try:
        status = read_status(json.dumps(_GOOD | odd))
    except BadStatus:
        return
    row = status_row(status, "social.example", edit=edit)
    assert row is None or msgspec.json.decode(row_bytes(row))["id"] == status.id


@given(st.binary())
def test_any_bytes_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(BadStatus):
        read_status(body)
    try:
        assert isinstance(read_statuses(body), list)
    except Trouble as trouble:
        assert "read" in str(trouble)  # noqa: PT017 - either is well


@pytest.mark.parametrize("name", ["", " ", "<b>", "a" * 65, "1 2"])
def test_a_delete_that_names_nothing_is_refused(name: str) -> None:
    with pytest.raises(BadStatus):
        read_id(name)


async def test_over_a_real_wire_a_stream_is_heard_and_its_cut_is_trouble() -> None:
    """A server of this machine: statuses in chunks, a sign of life, and an end in the middle of an event."""
    platform = FakeMastodon(_real_ms, random.Random(1))

    async def answer(request: Request) -> Response:
        asked = httpx.Request(request.method, str(request.url), headers=request.headers.raw)
        told = await platform.handle_async_request(asked)
        headers = {name: value for name, value in told.headers.items() if name != "content-length"}
        return StreamingResponse(told.aiter_raw(), status_code=told.status_code, headers=headers)

    app = Starlette(routes=[Route("/{path:path}", answer)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        platform.streaming = f"ws://127.0.0.1:{port}"
        options = MastodonOptions(f"http://127.0.0.1:{port}")
        web = Web(Rules(ports=(), plain=(f"127.0.0.1:{port}",)))
        source = Mastodon(NAME, options, web=web, around=Surroundings(_real_ms, Purse(), Tracked()), token=TOKEN)
        rows: list[Any] = []

        async def listen() -> None:
            async for batch in source.batches(None):
                rows.extend(msgspec.json.decode(row) for row in batch.rows)
                if rows:
                    platform.cuts += 1
                    platform.post("<p>half of this</p>")
                elif not platform.statuses:
                    platform.post("<p>acme on the wire</p>")

        with pytest.raises(Trouble):
            await listen()
        sample = await source.check()
    finally:
        server.should_exit = True
        await serving
        await web.close()
    assert [row["text"] for row in rows] == ["acme on the wire"]
    assert sample.complete
    assert sample.row is not None


def _real_ms() -> int:
    return int(time.time() * 1000)
