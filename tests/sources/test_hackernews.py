"""Hacker News: what its search finds is brought once, and what it cannot show is said to be missing."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream.reading import Reader
from stream.sources.contract import Denied, Surroundings, Trouble
from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.places import Places, SourcePurse
from stream.sources.web import Web
from tests.fakes.sources.hackernews import NAME, FakeHackerNews
from tests.fakes.sources.served import served
from tests.sources.laws import House, Tracked, fed, living, shelf
from tests.sources.virtual import now_ms, run
from tocsin.sources import web_to


class Room:
    """The platform, its source, and a house that takes in what is brought."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.platform = FakeHackerNews(now_ms, random.Random(1))

    def source(self, *queries: str) -> HackerNews:
        """A source over the platform."""
        options = HackerNewsOptions(queries or ("acme",), poll_s=60.0)
        return HackerNews(NAME, options, web=Web(transport=self.platform), around=self.house.around(NAME))

    def rows(self, kind: str = "create") -> list[Any]:
        """What was stored."""
        return [one for one in self.house.stored(NAME) if one.kind == kind]


def told(story: Callable[[Room], Coroutine[Any, Any, None]]) -> None:
    """Run a story in virtual time."""

    async def inside() -> None:
        with shelf() as directory:
            async with living(Path(directory)) as house:
                await story(Room(house))

    run(inside())


def test_a_story_and_its_comments_are_stored_as_they_stand_there() -> None:
    """Words without HTML, the thread by its ids, counts of the story alone."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            number = room.platform.post("Acme is down", "<p>For <i>me</i> too &amp; you?</p>")
            await asyncio.sleep(61)
            reply = room.platform.comment(number, "<p>Acme said:<p>&quot;soon&quot;")
            await asyncio.sleep(61)
        first, second = room.rows()
        assert (first.id, first.text) == (f"hn:{number}", "Acme is down\n\nFor me too & you?")
        assert (first.likes, first.replies, first.live) == (1, 0, True)
        assert first.url == f"https://news.ycombinator.com/item?id={number}"
        assert (second.id, second.text) == (f"hn:{reply}", 'Acme said:\n\n"soon"')
        assert (second.parent_id, second.root_id, second.likes) == (f"hn:{number}", f"hn:{number}", None)

    told(story)


def test_a_post_that_two_queries_find_comes_once() -> None:
    """And each query is a request."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source("acme", "anvil")) as feeding:
            room.platform.post("Acme sells an anvil")
            await asyncio.sleep(200)
            assert feeding.figures.rows == 1
            assert feeding.figures.costs["requests"] == 2 * 4

    told(story)


def test_what_is_found_late_is_found_all_the_same() -> None:
    """The search knows a post only after a while; so long further back it is searched."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            room.platform.index_s = 240
            early = room.platform.post("Acme, early")
            await asyncio.sleep(200)
            room.platform.index_s = 0
            late = room.platform.post("Acme, late")
            await asyncio.sleep(400)
        assert {one.id for one in room.rows()} == {f"hn:{early}", f"hn:{late}"}

    told(story)


def test_a_post_from_the_future_keeps_nobody_from_what_comes_before_it() -> None:
    """A clock over there that is wrong for one post must not move the place beyond now."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            odd = room.platform.post("Acme, in a year")
            room.platform.items[odd]["at_s"] += 366 * 86_400
            await asyncio.sleep(61)
            plain = room.platform.post("Acme, today")
            await asyncio.sleep(120)
        assert {one.id for one in room.rows()} == {f"hn:{odd}", f"hn:{plain}"}

    told(story)


def test_three_thousand_posts_in_a_minute_are_all_fetched() -> None:
    """A search shows a thousand: it is asked again from the oldest of them on."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            await asyncio.sleep(10)
            for _ in range(30):
                for n in range(100):
                    room.platform.post(f"Acme {n}")
                await asyncio.sleep(1)
            await asyncio.sleep(120)
        assert len(room.rows()) == 3_000
        assert room.house.gaps(NAME) == []

    told(story)


def test_more_in_one_second_than_a_search_shows_is_a_gap() -> None:
    """Depth: with its start and end, and the rest of it is there."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            await asyncio.sleep(90)
            at_ms = now_ms()
            for n in range(1_500):
                room.platform.post(f"Acme {n}")
            await asyncio.sleep(120)
        assert len(room.rows()) == 1_000
        assert {gap.reason for gap in room.house.gaps(NAME)} == {"depth"}
        assert any(gap.since_ms <= at_ms <= gap.until_ms for gap in room.house.gaps(NAME))

    told(story)


def test_after_hours_away_what_was_missed_comes_as_a_back_fill() -> None:
    """A gap `away` that is filled; what is old is not live, what is new is."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            await asyncio.sleep(120)
        left_ms = now_ms()
        missed = room.platform.post("Acme, while nobody listened")
        await asyncio.sleep(3 * 3_600)
        fresh = room.platform.post("Acme, just now")
        async with fed(room.house, room.source()) as feeding:
            await asyncio.sleep(30)
            assert feeding.figures.gaps == 1
        (gap,) = room.house.gaps(NAME)
        assert (gap.reason, gap.filled) == ("away", True)
        assert gap.since_ms <= left_ms
        assert gap.until_ms - gap.since_ms >= 3 * 3_600_000
        assert {one.id: one.live for one in room.rows()} == {f"hn:{missed}": False, f"hn:{fresh}": True}

    told(story)


def test_counts_of_a_conversation_that_matters_come_later() -> None:
    """While it is found again by the search, and, for open incidents, from Hacker News itself."""

    async def story(room: Room) -> None:
        source = room.source()
        async with fed(room.house, source):
            number, other = room.platform.post("Acme is down"), room.platform.post("Acme is up")
            await asyncio.sleep(61)
            room.house.threads.names = {f"hn:{number}"}
            room.platform.items[number]["points"] = room.platform.items[other]["points"] = 40
            await asyncio.sleep(61)
            assert [(one.id, one.likes) for one in room.rows("engagement")] == [(f"hn:{number}", 40)]
            room.house.threads.incidents = [f"hn:{number}"]
            await asyncio.sleep(1_800)  # the search looks no further back than ten minutes
            room.platform.items[number]["points"] = 900
            await asyncio.sleep(310)
            assert room.rows("engagement")[-1].likes == 900

    told(story)


def test_an_item_of_an_open_incident_that_was_taken_away_is_deleted() -> None:
    """By its author or by moderators."""

    async def story(room: Room) -> None:
        async with fed(room.house, room.source()):
            number = room.platform.post("Acme is down")
            room.house.threads.incidents = [f"hn:{number}"]
            await asyncio.sleep(61)
            room.platform.remove(number)
            await asyncio.sleep(400)
        assert {one.id for one in room.rows("delete")} == {f"hn:{number}"}

    told(story)


def test_an_error_page_for_ever_is_a_silence() -> None:
    """It answers, and says nothing: that is no sign of life."""

    async def story(room: Room) -> None:
        source = room.source()
        async with fed(room.house, source) as feeding:
            await asyncio.sleep(90)
            room.platform.faults = ["page"] * 1_000
            await asyncio.sleep(source.silent_after_s + 10)
            assert feeding.figures.status == "silent"
            assert feeding.figures.trouble == "its answer is no search result of Algolia"

    told(story)


@pytest.mark.parametrize("place", ["", "{}", "[]", '{"newest_s": -1, "asked_ms": 0}', "\x00", '{"newest_s":1e99}'])
def test_a_place_that_nobody_can_read_begins_now(place: str) -> None:
    """Rather than to end the source."""

    async def story(room: Room) -> None:
        batches = room.source().batches(place)
        async for batch in batches:
            if batch.place is not None:
                assert msgspec.json.decode(batch.place)["newest_s"] == now_ms() // 1000
                break
        await batches.aclose()  # type: ignore[attr-defined]

    told(story)


def test_a_refusal_and_a_trouble_are_told_apart() -> None:
    """429 brings its own wait."""

    async def story(room: Room) -> None:
        room.platform.faults = ["403"]
        with pytest.raises(Denied):
            await room.source().check()
        room.platform.faults = ["429"]
        with pytest.raises(Trouble) as trouble:
            await room.source().check()
        assert trouble.value.retry_s == 30

    told(story)


async def test_over_a_real_connection_it_is_the_same() -> None:
    """A socket, HTTP and an answer in pieces."""
    platform = FakeHackerNews(lambda: 1_767_625_200_000, random.Random(1))
    number = platform.post("Acme is down")
    async with served(platform) as address:
        options = HackerNewsOptions(("acme",), base_url=address, items_url=address)
        purse = SourcePurse(Places(None), NAME, lambda: 1_767_625_200_000)
        around = Surroundings(lambda: 1_767_625_200_000, purse, Tracked())
        source = HackerNews(NAME, options, web=web_to(address), around=around)
        sample = await source.check()
        assert sample.row is not None
        assert Reader(NAME).read(sample.row).id == f"hn:{number}"
        platform.faults = ["cut"]
        with pytest.raises(Trouble):
            await source.check()
