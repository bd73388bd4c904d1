"""Reviews in Apple's shops: told apart by what was seen, for they come late and out of order."""

import asyncio
import json
import random
from typing import Any

import pytest

from stream.reading import BadMention, Reader
from stream.sources.apple_reviews import AppleReviews, AppleReviewsOptions, Unreadable, entries_of, review_of, row_of
from stream.sources.contract import Batch, Denied, Surroundings, Trouble
from stream.sources.guard import Rules, place_of
from stream.sources.web import Web
from tests.fakes.sources.apple import APP, NAME, FakeShops
from tests.fakes.sources.served import Lasting, served
from tests.sources import hearing
from tests.sources.laws import Tracked
from tests.sources.test_youtube import Purse
from tests.sources.virtual import now_ms, run


class Bench(hearing.Bench):
    """The shops, and what a source brings of them."""

    def __init__(self, *countries: str) -> None:
        super().__init__()
        self.platform = FakeShops(now_ms, random.Random(1))
        self.options = AppleReviewsOptions((APP,), countries or ("nl",), poll_s=60.0)

    def source(self) -> AppleReviews:
        around = Surroundings(now_ms, Purse(), Tracked())
        return AppleReviews(NAME, self.options, web=Web(transport=Lasting(self.platform)), around=around)


def test_one_review_as_an_object_and_none_as_nothing_are_read() -> None:
    """An app's first review, where there was none; and the app itself is no review."""

    async def story() -> None:
        bench = Bench()
        bench.platform.app_first = True
        await bench.hear(70)
        own_id = bench.platform.review("first!", rating=2)
        await bench.hear(70)
        (row,) = bench.rows
        assert (row["id"], row["rating"], row["likes"], row["text"]) == (own_id, 2, 2, "My view\n\nfirst!")
        assert sum(len(batch.bad) for batch in bench.batches) == 0

    run(story())


def test_a_review_that_shows_up_hours_later_among_older_ones_is_brought() -> None:
    """Also where it stands on the second page, behind fifty that are known; and it is no back-fill."""

    async def story() -> None:
        bench = Bench()
        for _ in range(30):
            bench.platform.review("known")
            await asyncio.sleep(60)
        late = bench.platform.review("held back", shown_in_s=7_200)
        await bench.hear(60)
        for _ in range(80):
            bench.platform.review("known too")
            await bench.hear(61)
        bench.batches.clear()
        await asyncio.sleep(2_400)
        await bench.hear(130)
        assert [row["id"] for row in bench.rows] == [late]

    run(story())


def test_a_review_that_is_written_anew_is_an_edit_and_hides_none_behind_it() -> None:
    """It goes to the front: what is new stands after something known."""

    async def story() -> None:
        bench = Bench()
        first = bench.platform.review("fine", rating=5)
        await bench.hear(60)
        await asyncio.sleep(30)
        second = bench.platform.review("bad")
        await asyncio.sleep(5)
        bench.platform.change(first, "not fine any more")
        await bench.hear(70)
        assert [(row["id"], row.get("kind", "create")) for row in bench.rows] == [(first, "update"), (second, "create")]

    run(story())


def test_a_review_that_is_pushed_on_to_the_next_page_is_brought_once() -> None:
    """One that comes between two pages moves all behind it; the one that was last stands first on the next."""

    async def story() -> None:
        bench = Bench()
        bench.platform.review("known")
        await bench.hear(60)
        for _ in range(60):
            bench.platform.review("new")
        hearing = asyncio.create_task(bench.hear(130))
        asked = bench.platform.asked
        while bench.platform.asked == asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        bench.platform.review("meanwhile")
        await hearing
        names = [row["id"] for row in bench.rows]
        assert len(names) == 61
        assert sorted(names) == sorted(set(names))

    run(story())


def test_more_than_a_feed_shows_is_a_gap() -> None:
    """Five hundred; from what was known until the oldest that is shown."""

    async def story() -> None:
        bench = Bench()
        for _ in range(60):
            bench.platform.review("known")
        await bench.hear(60)
        for _ in range(700):
            bench.platform.review("new")
            await asyncio.sleep(1)
        await bench.hear(60)
        assert len(bench.rows) == 500
        depth = [gap for gap in bench.gaps if gap.reason == "depth"]
        assert len(depth) == 1
        assert 190_000 <= depth[0].until_ms - depth[0].since_ms <= 320_000
        # It was away for more than three rounds, too: of that time the rest came, what is old as a back-fill.
        assert [(gap.reason, gap.filled) for gap in bench.gaps if gap.reason != "depth"] == [("away", True)]
        assert {row.get("live", True) for row in bench.rows} == {True}

    run(story())


def test_a_feed_that_is_empty_for_a_moment_loses_nothing() -> None:
    """Nor does it bring again what was known."""

    async def story() -> None:
        bench = Bench()
        for _ in range(20):
            bench.platform.review("known")
        await bench.hear(60)
        bench.platform.faults = ["empty"]
        why = await bench.hear(60)
        assert isinstance(why, Trouble)
        new = bench.platform.review("new")
        await bench.hear(60)
        assert [row["id"] for row in bench.rows] == [new]

    run(story())


def test_a_shop_that_fails_on_its_own_is_seen_by_the_lag() -> None:
    """The others go on; all is known only until it last answered."""

    async def story() -> None:
        bench = Bench("nl", "be")
        await bench.hear(30)
        known_ms = bench.batches[-1].known_until_ms
        bench.platform.review("new", country="nl")
        await asyncio.sleep(600)
        bench.platform.faults = ["", "503"]
        assert await bench.hear(30) is None
        assert len(bench.rows) == 1
        assert bench.batches[-1].known_until_ms is not None
        assert known_ms is not None
        assert bench.batches[-1].known_until_ms <= known_ms + 2_000

    run(story())


def test_reviews_without_a_time_get_the_time_at_which_they_were_found() -> None:
    """As old feeds have them; and they come once."""

    async def story() -> None:
        bench = Bench()
        bench.platform.without_times = True
        await bench.hear(30)
        bench.platform.review("new")
        await bench.hear(200)
        assert len(bench.rows) == 1

    run(story())


def test_a_wrong_app_needs_a_human_and_a_refusal_does_not() -> None:
    """The shops say 403 to whoever hurries, and have no credentials that could be wrong."""

    async def story() -> None:
        bench = Bench()
        bench.platform.faults = ["403"]
        why = await bench.hear(60)
        assert isinstance(why, Trouble)
        assert why.retry_s == 900.0
        bench.options = AppleReviewsOptions(("1",), ("nl",))
        why = await bench.hear(60)
        assert isinstance(why, Denied)
        assert "app 1" in str(why)

    run(story())


def test_whatever_an_entry_holds_it_is_a_row_or_a_reason() -> None:
    """Entries with parts replaced by odd ones: nothing but `Unreadable` is raised, and every row can be read."""

    async def story() -> None:
        platform = FakeShops(now_ms, random.Random(1))
        platform.review("bad")
        whole = json.dumps(platform._feed("nl", 1, empty=False))
        rng, reader, rows, bad = random.Random(5), Reader(NAME), 0, 0
        odd: list[Any] = [None, 7, "", [], {}, True, {"label": 7}, {"label": "x" * 600}, "\ud800"]

        def changed(value: Any) -> Any:
            if rng.random() < 0.04:
                return rng.choice(odd)
            if isinstance(value, dict):
                return {name: changed(held) for name, held in value.items() if rng.random() > 0.01}
            return [changed(held) for held in value] if isinstance(value, list) else value

        for _ in range(3_000):
            try:
                for entry in entries_of(json.dumps(changed(json.loads(whole))).encode()):
                    review = review_of(entry)
                    reader.read(row_of(review._replace(written_ms=review.written_ms or now_ms())), now_ms())
                    rows += 1
            except (Unreadable, BadMention, Trouble):
                bad += 1
        assert rows > 500
        assert bad > 100

    run(story())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"feed": 7}', b"\xff\xfe"])
def test_what_is_no_feed_is_a_trouble(body: bytes) -> None:
    """To be asked again."""
    with pytest.raises(Trouble):
        entries_of(body)


def test_over_a_socket_a_feed_is_read() -> None:
    """The address is a real one of this machine."""

    async def story() -> Batch:
        at_ms = 1_767_625_200_000
        platform = FakeShops(lambda: at_ms, random.Random(1))
        platform.review("déjà vu")
        async with served(platform) as place:
            options = AppleReviewsOptions((APP,), ("nl",), base_url=place)
            web = Web(Rules(plain=(place_of(place),)))
            sample = await AppleReviews(
                NAME, options, web=web, around=Surroundings(lambda: at_ms, Purse(), Tracked())
            ).check()
            await web.close()
            assert sample.complete
            return Batch([sample.row or b""])

    assert "déjà vu" in json.loads(asyncio.run(story()).rows[0])["text"]
