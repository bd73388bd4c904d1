"""GDELT: every article once, however late it can be found and however many there are; its errors in plain text."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from stream.sources.contract import Denied, Trouble
from stream.sources.gdelt import Gdelt, GdeltOptions
from stream.sources.gdelt_parse import Busy, NoAnswer, NotTaken, Unreadable, found_in
from stream.sources.guard import Rules
from stream.sources.links import link_id
from stream.sources.web import Web
from tests.fakes.sources.gdelt import NAME, SLOT_MS, FakeGdelt
from tests.fakes.sources.served import Lasting, served
from tests.sources.hearing import Heard, surroundings
from tests.sources.virtual import now_ms, run


class World:
    """The platform, and a source over it."""

    def __init__(self, *queries: str) -> None:
        self.platform = FakeGdelt(now_ms, random.Random(1))
        self.queries = queries or ("acme",)
        self.around = surroundings()
        self.heard = Heard(self.source())

    def source(self, poll_s: float = 300.0) -> Gdelt:
        """Another process."""
        web = Web(transport=Lasting(self.platform))
        return Gdelt(NAME, GdeltOptions(self.queries, poll_s), web=web, around=self.around)


def told(story: Callable[[World], Awaitable[None]], *queries: str) -> None:
    """Run a story in virtual time."""

    async def whole() -> None:
        await story(World(*queries))

    run(whole())


def test_an_article_is_its_title_its_site_and_its_language() -> None:
    """Under the name that a feed gives it."""

    async def story(world: World) -> None:
        await world.heard.listen(10)
        articles = [world.platform.find() for _ in range(5)]
        rows = await world.heard.listen(310)
        assert [f"{NAME}:{row['id']}" for row in rows] == [article.id for article in articles]
        assert [row.get("lang") for row in rows] == ["nl", "es", "nn", None, "en"]
        first = rows[0]
        assert first["text"] == articles[0].title
        assert first["url"] == articles[0].url.partition("?")[0]
        assert first["id"] == link_id(f"http://m.{first['url'].removeprefix('https://www.')}/amp")
        assert first["author"] == "news1.example"
        assert "likes" not in first

    told(story)


def test_it_asks_once_in_five_seconds_whatever_there_is_to_ask() -> None:
    async def story(world: World) -> None:
        for _ in range(600):
            world.platform.find()
        await world.heard.listen(1_000)
        assert world.platform.asked > 20
        assert world.platform.too_soon == 0
        assert world.heard.costs + world.around.purse.spent("requests", since_ms=0) == world.platform.asked

    told(story, "acme", "fire", "under fire", "again")


def test_what_can_be_found_late_is_found() -> None:
    """An hour after its time; and then it is no news, but no back-fill either."""

    async def story(world: World) -> None:
        await world.heard.listen(10)
        world.platform.late_ms = 3_600_000
        late = world.platform.find()
        await world.heard.listen(4_200)
        assert [f"{NAME}:{name}" for name in world.heard.ids()] == [late.id]
        assert world.heard.gaps == []

    told(story)


def test_a_full_window_is_halved_until_each_half_shows_all() -> None:
    async def story(world: World) -> None:
        await world.heard.listen(10)
        for _ in range(6):
            for _ in range(200):
                world.platform.find()
            await asyncio.sleep(SLOT_MS / 1000)
        await world.heard.listen(200)
        assert len(set(world.heard.ids())) == len(world.heard.ids()) == 1_200
        assert [gap.reason for gap in world.heard.gaps if gap.reason == "depth"] == []

    told(story)


def test_a_quarter_of_an_hour_that_is_full_is_a_gap_told_once() -> None:
    async def story(world: World) -> None:
        await world.heard.listen(10)
        for _ in range(400):
            world.platform.find()
        seen_ms = world.platform.news[0].seen_ms
        await world.heard.listen(5_400)
        assert len(world.heard.ids()) == 250
        gaps = [gap for gap in world.heard.gaps if gap.reason == "depth"]
        assert 1 <= len(gaps) <= 4
        assert all(gap.since_ms <= seen_ms <= gap.until_ms and not gap.filled for gap in gaps)
        assert {gap.until_ms - gap.since_ms <= SLOT_MS for gap in gaps} == {True}

    told(story)


def test_after_a_pause_everything_is_fetched_as_a_back_fill() -> None:
    """Up to seven days; what is older is a gap that stays."""

    async def story(world: World) -> None:
        await world.heard.listen(10)
        left_ms = now_ms()
        lost = world.platform.find()
        await asyncio.sleep(2 * 86_400)
        for _ in range(300):
            await asyncio.sleep(6 * 86_400 / 300)
            world.platform.find()
        fresh = world.platform.find()
        world.heard = Heard(world.source(), world.heard.place)
        await world.heard.listen(900)
        rows = {f"{NAME}:{row['id']}": row for row in world.heard.rows}
        assert lost.id not in rows
        assert len(rows) == 301
        assert "live" not in rows[fresh.id]
        assert sum(row.get("live") is False for row in rows.values()) == 299
        missed, *filled = sorted(world.heard.gaps)
        assert (missed.reason, missed.filled) == ("away", False)
        assert missed.since_ms <= left_ms
        assert missed.since_ms <= lost.seen_ms + SLOT_MS <= missed.until_ms
        assert all(gap.filled for gap in filled)
        assert all(one.until_ms == other.since_ms for one, other in pairwise([missed, *filled]))

    told(story)


def test_what_is_there_at_first_is_a_back_fill() -> None:
    async def story(world: World) -> None:
        world.platform.find()
        await asyncio.sleep(3_660)
        world.platform.find()
        rows = await world.heard.listen(10)
        assert [row.get("live", True) for row in rows] == [False, True]
        assert world.heard.gaps == []

    told(story)


def test_a_query_that_is_not_taken_needs_a_human() -> None:
    """Which one, and why, in GDELT's words."""

    async def story(world: World) -> None:
        await world.heard.listen(30)
        (denied, *_) = world.heard.troubles
        assert isinstance(denied, Denied)
        assert str(denied) == "it does not take query 2: Your query was too short or too long."

    told(story, "acme", "x")


def test_busy_in_plain_text_is_trouble_for_a_while() -> None:
    async def story(world: World) -> None:
        world.platform.faults = ["busy", "429", "page"]
        world.platform.find()
        await world.heard.listen(200)
        assert [type(trouble) for trouble in world.heard.troubles] == [Trouble] * 3
        assert [getattr(trouble, "retry_s", 0) for trouble in world.heard.troubles] == [30, 60, None]
        assert len(world.heard.ids()) == 1
        assert world.around.purse.spent("requests", since_ms=0) == 3

    told(story)


def test_an_answer_that_cannot_be_read_costs_its_smallest_window() -> None:
    """Other windows are read; the rest is a dead letter and a gap."""

    async def story(world: World) -> None:
        await world.heard.listen(10)
        for _ in range(6):
            world.platform.find()
            await asyncio.sleep(SLOT_MS / 1000)
        bad = world.platform.news[2]
        asked = world.platform.handle_async_request

        async def spoilt(request: Any) -> Any:
            answer = await asked(request)
            body = await answer.aread()
            return _answer(answer, body if bad.url.encode() not in body else body[: len(body) // 2])

        world.platform.handle_async_request = spoilt  # type: ignore[method-assign]
        world.heard = Heard(world.source(), world.heard.place)
        await world.heard.listen(290)
        names = {f"{NAME}:{name}" for name in world.heard.ids()}
        (letter, *_) = world.heard.bad
        assert letter.reason == "unreadable"
        gaps = [gap for gap in world.heard.gaps if gap.reason == "platform"]
        assert gaps
        assert all(
            any(gap.since_ms <= one.seen_ms <= gap.until_ms for gap in gaps)
            for one in world.platform.news
            if one.id not in names
        )
        assert len(names) >= 3

    told(story)


def _answer(answer: Any, body: bytes) -> Any:
    from tests.fakes.sources.served import said

    return said(answer.request, answer.status_code, body)


def test_titles_with_raw_characters_are_read() -> None:
    """GDELT puts them into JSON as it finds them."""
    body = b'{"articles":[{"url":"https://a.example/1","title":"a\\b \\\'x\x01\xff","seendate":"20260220T063400Z"}]}'
    (article,) = found_in(body).articles
    assert article.title.startswith("a")
    assert article.seen_ms == 1_771_569_240_000


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"Please limit requests to one every 5 seconds or contact us.", Busy),
        (b"The specified phrase is too short.", NotTaken),
        (b"Your search contained an invalid \xff character", NotTaken),
        (b"<html><body>query</body></html>", NoAnswer),
        (b"", NoAnswer),
        (b'{"articles": [{"url": ', Unreadable),
        (b'{"articles": {}}', Unreadable),
        (b"{" * 100_000, Unreadable),
    ],
)
def test_an_answer_is_taken_for_what_it_is(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        found_in(body)
    assert len(str(raised.value)) < 130


def test_no_answer_stops_the_reading() -> None:
    """Three thousand that were cut, doubled and overwritten at random; what is bad is counted."""
    rng = random.Random(1)
    good = msgspec.json.encode(
        {
            "articles": [
                {"url": f"https://a.example/{n}", "title": "x", "seendate": "20260220T063400Z"} for n in range(3)
            ]
        }
    )
    for _ in range(3_000):
        body = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(body))
            end = min(len(body), at + rng.randrange(1, 20))
            body[at:end] = rng.choice(
                [b"", rng.randbytes(3), b"null", b'"', b"[", b"\\u00", b"1e999", body[at:end] * 2]
            )
        try:
            found = found_in(bytes(body))
        except (Busy, NotTaken, NoAnswer, Unreadable):
            continue
        assert all(one.key and one.seen_ms for one in found.articles)


async def test_over_a_real_connection_it_is_searched() -> None:
    platform = FakeGdelt(lambda: 1_770_000_000_000, random.Random(1))
    article = platform.find("Acme recalls, again")
    async with served(platform) as address:
        base = address if address.startswith("http") else f"http://{address}"
        web = Web(Rules(ports=(), plain=("127.0.0.1",)))
        around = surroundings()._replace(clock=lambda: 1_770_000_000_000)
        options = GdeltOptions(("acme",), base=f"{base.rstrip('/')}/api/v2/doc/doc")
        source = Gdelt(NAME, options, web=web, around=around)
        batch = await anext(source.batches(None))
        (row,) = batch.rows
        assert str(link_id(article.url)).encode() in row
        await web.close()
