"""Brandwatch's listing: what its laws do not show."""

import asyncio
import json
import random
import time

from stream.sources import brandwatch
from stream.sources.brandwatch import Brandwatch, BrandwatchOptions
from stream.sources.contract import Denied, Surroundings, Trouble
from stream.sources.guard import Rules, place_of
from stream.sources.web import Web
from tests.fakes.sources import brandwatch as fakes
from tests.fakes.sources.brandwatch import NAME, PROJECT, TOKEN, FakeBrandwatch
from tests.fakes.sources.served import served
from tests.sources.laws import Tracked
from tests.sources.test_talkwalker import Spent
from tests.sources.virtual import now_ms, run


def wall_clock_ms():
    return time.time_ns() // 1_000_000


def staged(**options):
    fake, threads = FakeBrandwatch(now_ms, random.Random(1)), Tracked()
    around = Surroundings(now_ms, Spent(), threads)

    def source(token=TOKEN):
        set_up = BrandwatchOptions(PROJECT, (1, 2), **options)
        return Brandwatch(NAME, set_up, web=Web(transport=fake), around=around, token=token)

    return fake, threads, source


async def brought(ears, place, seconds):
    """All batches of so many seconds, and the trouble that ended them."""
    batches = []

    async def bring():
        async for batch in ears.batches(place):
            batches.append(batch)

    try:
        await asyncio.wait_for(bring(), seconds)
    except TimeoutError:
        return batches, None
    except (Trouble, Denied) as trouble:
        return batches, trouble
    raise AssertionError("a source never ends by itself")


def rows_of(batches):
    return [json.loads(row) for batch in batches for row in batch.rows]


def test_no_more_than_thirty_requests_in_ten_minutes():
    """However much there is to read: it waits, for nobody tells when to come again."""

    async def story():
        fake, _, source = staged(page=10, every_s=1.0)
        for n in range(500):
            fake.post(f"post {n}")
        batches, trouble = await brought(source(), str(now_ms() - 1), 3 * 3600)
        assert trouble is None
        assert fake.too_many == 0
        assert fake.asked > 80
        assert len({row["id"] for row in rows_of(batches)}) == 500

    run(story())


def test_a_listing_that_ends_too_early_is_halved_until_everything_is_there(monkeypatch):
    """10,000 at most are shown (here 500): the stretch of time is cut in two."""
    monkeypatch.setattr(fakes, "LISTED", 500)
    monkeypatch.setattr(brandwatch, "LISTING_MAX", 500)

    async def story():
        fake, _, source = staged(page=100)
        begun_ms = now_ms()
        for n in range(1_200):
            fake.post(f"post {n}", found_after_s=n * 20)
        batches, _ = await brought(source(), str(begun_ms), 7_200)
        assert len({row["id"] for row in rows_of(batches)}) == 1_200
        assert not [gap for batch in batches for gap in batch.gaps]

    run(story())


def test_what_even_the_shortest_listing_does_not_show_is_a_gap(monkeypatch):
    """With its start and end, as `depth`."""
    monkeypatch.setattr(fakes, "LISTED", 500)
    monkeypatch.setattr(brandwatch, "LISTING_MAX", 500)

    async def story():
        fake, _, source = staged(page=250, lookback_s=30.0, overlap_s=0.0)
        begun_ms = now_ms()
        for n in range(600):
            fake.post(f"post {n}")
        batches, _ = await brought(source(), str(begun_ms), 30)
        gaps = [gap for batch in batches for gap in batch.gaps]
        assert [gap.reason for gap in gaps] == ["depth"]
        assert gaps[0].since_ms < begun_ms <= gaps[0].until_ms

    run(story())


def test_after_a_day_away_everything_is_there_as_a_back_fill():
    """The gap is told with its ends, as filled; nothing of it is live."""

    async def story():
        fake, _, source = staged()
        left_ms = now_ms()
        await asyncio.sleep(3600)
        old = fake.post("an hour after we left")
        await asyncio.sleep(22 * 3600)
        batches, _ = await brought(source(), str(left_ms), 120)
        gap = batches[0].gaps[0]
        assert (gap.since_ms, gap.reason, gap.filled) == (left_ms, "away", True)
        assert [(row["id"], row["live"]) for row in rows_of(batches)] == [(old["resourceId"], False)]

    run(story())


def test_the_counts_of_an_open_incidents_thread_are_asked_for_again():
    """By its exact second, so that it costs one request; and only what changed is told."""

    async def story():
        fake, threads, source = staged(engagement_s=300.0)
        thread = fake.post("the spark")
        for n in range(50):
            fake.post(f"later {n}")
        threads.incidents = [f"{NAME}:{thread['resourceId']}"]
        threads.names = set(threads.incidents)
        ears = source()
        task = asyncio.create_task(brought(ears, str(now_ms() - 1), 3600))
        await asyncio.sleep(1500)
        thread["facebookLikes"] = 900
        batches, _ = await task
        late = [row for row in rows_of(batches) if row.get("kind") == "engagement"]
        assert [(row["id"], row["likes"]) for row in late] == [(thread["resourceId"], 900)]
        assert "live" not in late[0]

    run(story())


def test_a_refused_token_is_for_a_human_and_a_refused_request_waits_ten_minutes():
    """429 has no Retry-After: the whole window is waited for."""

    async def story():
        fake, _, source = staged()
        _, trouble = await brought(source(token="old"), None, 60)
        assert isinstance(trouble, Denied)
        fake.faults = ["429"]
        _, trouble = await brought(source(), None, 60)
        assert isinstance(trouble, Trouble)
        assert trouble.retry_s == 600
        fake.post("shown")
        sample = await source().check()
        assert json.loads(sample.row)["text"].endswith("shown")

    run(story())


async def test_over_a_real_socket():
    """Token, parameters and pages, as they go over the wire."""
    fake = FakeBrandwatch(wall_clock_ms, random.Random(3))
    for n in range(5):
        fake.post(f"post {n}")
    async with served(fake) as address:
        around = Surroundings(wall_clock_ms, Spent(), Tracked())
        options = BrandwatchOptions(PROJECT, (1, 2), page=2, base_url=address)
        web = Web(Rules(plain=(place_of(address),)))
        batches = Brandwatch(NAME, options, web=web, around=around, token=TOKEN).batches(str(wall_clock_ms()))
        rows = []
        async for batch in batches:
            rows += [json.loads(row) for row in batch.rows]
            if batch.place:
                break
        await batches.aclose()
        await web.close()
    assert sorted(row["text"] for row in rows) == [f"Acme post {n}" for n in range(5)]
