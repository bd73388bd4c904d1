"""Comments on one's own channels: what a day's units pay for, and what becomes of answers, edits and deletes."""

import asyncio
import json
import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from stream.reading import BadMention, Reader
from stream.sources.contract import Denied, Surroundings, Trouble
from stream.sources.guard import Rules, place_of
from stream.sources.web import Web
from stream.sources.youtube import YouTube, YouTubeOptions, refusal_of
from stream.sources.youtube_posts import Unreadable, answer_of, row_of, thread_of
from tests.fakes.sources.served import Lasting, served
from tests.fakes.sources.youtube import CHANNEL, KEY, NAME, FakeYouTube
from tests.sources import hearing
from tests.sources.laws import Tracked
from tests.sources.virtual import now_ms, run


class Purse:
    """What was spent beside the batches."""

    def __init__(self) -> None:
        self.amount = 0

    def spent(self, unit: str, *, since_ms: int) -> int:
        return self.amount

    def spend(self, unit: str, amount: int) -> None:
        self.amount += amount


class Bench(hearing.Bench):
    """A platform, and what a source brings of it."""

    def __init__(self, *, units: int = 10_000, **options: Any) -> None:
        super().__init__()
        self.platform = FakeYouTube(now_ms, random.Random(1), units=units)
        self.threads = Tracked()
        self.options = YouTubeOptions((CHANNEL,), **({"poll_s": 60.0, "recheck_s": 0.0} | options))

    def source(self) -> YouTube:
        around = Surroundings(now_ms, Purse(), self.threads)
        return YouTube(NAME, self.options, web=Web(transport=Lasting(self.platform)), around=around, api_key=KEY)

    @property
    def units(self) -> int:
        return sum(batch.costs.get("units", 0) for batch in self.batches)


def test_all_answers_to_a_comment_come_though_five_come_with_it() -> None:
    """Also those that are written after the process was away, and each once."""

    async def story() -> None:
        bench = Bench()
        head = bench.platform.comment("it broke")
        await bench.hear(10)
        wanted = {head} | {bench.platform.answer(head, f"mine too {number}") for number in range(230)}
        await bench.hear(130)
        assert {row["id"] for row in bench.rows} == wanted
        await asyncio.sleep(3_600)
        await bench.hear(70)
        more = {bench.platform.answer(head, f"still {number}") for number in range(9)}
        bench.batches.clear()
        await bench.hear(130)
        assert {row["id"] for row in bench.rows} == more
        assert {(row["parent_id"], row["root_id"]) for row in bench.rows} == {(head, head)}

    run(story())


def test_the_units_of_a_day_are_counted_and_the_rest_waits_for_midnight_in_california() -> None:
    """Capped until then, across a restart; what was said meanwhile comes as a back-fill, its time as a gap that is
    filled.
    """

    async def story() -> None:
        bench = Bench(units_a_day=20)
        await bench.hear(1_500)
        assert bench.units == 20
        assert bench.batches[-1].capped
        own_id = bench.platform.comment("said while nobody could ask")
        await bench.hear(300)
        assert bench.units == 20
        assert all(batch.capped for batch in bench.batches[-4:])
        # It is 15:00 UTC: midnight in California is at 8:00.
        await bench.hear(17 * 3_600)
        (row,) = bench.rows
        assert (row["id"], row["live"]) == (own_id, False)
        (gap,) = bench.gaps
        assert (gap.reason, gap.filled) == ("rate_limited", True)
        assert datetime.fromtimestamp(gap.until_ms / 1000, UTC).hour == 8

    run(story())


def test_youtubes_own_refusal_caps_the_source_before_our_count_does() -> None:
    """Another program uses the same project."""

    async def story() -> None:
        bench = Bench(units=5)
        assert await bench.hear(1_000) is None
        assert bench.batches[-1].capped

    run(story())


def test_units_of_rounds_that_failed_count_too() -> None:
    """Each request is a unit, whatever becomes of it; the next batch tells them."""

    async def story() -> None:
        bench = Bench(units_a_day=30)
        source = bench.source()
        for _ in range(40):
            bench.platform.faults = ["503"]
            batches = source.batches(None)
            try:
                async for batch in batches:
                    bench.batches.append(batch)
                    if batch.capped:
                        break
            except Trouble:
                continue
            finally:
                await batches.aclose()  # type: ignore[attr-defined]
        assert bench.batches[-1].capped
        assert bench.units == 30

    run(story())


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, "API_KEY_INVALID", "API key"),
        (403, "accessNotConfigured", "not enabled"),
        (404, "channelNotFound", "no channel"),
        (403, "commentsDisabled", "switched off"),
    ],
)
def test_what_a_human_must_mend_is_said(status: int, reason: str, words: str) -> None:
    """In words, without the key."""
    why = refusal_of(status, {"error": {"errors": [{"reason": reason}]}}, CHANNEL)
    assert isinstance(why, Denied)
    assert words in str(why)


def test_the_key_is_in_no_address() -> None:
    """Addresses are written down in many places."""

    async def story() -> None:
        bench = Bench()
        await bench.hear(60)
        await bench.source().check()
        assert bench.platform.addresses
        assert not [address for address in bench.platform.addresses if KEY in address]

    run(story())


def test_open_incidents_comments_are_looked_at_again() -> None:
    """Counts of those that stand, and a delete for those that are not shown any more."""

    async def story() -> None:
        bench = Bench(recheck_s=300.0)
        kept, gone = bench.platform.comment("stays"), bench.platform.comment("goes")
        answer = bench.platform.answer(kept, "an answer")
        await bench.hear(10)
        bench.threads.incidents = [f"{NAME}:{one}" for one in (kept, gone, answer)]
        bench.platform.comments[kept]["likes"] = 77
        bench.platform.remove(gone)
        bench.batches.clear()
        await bench.hear(100)
        found = {(row["id"], row.get("kind")): row for row in bench.rows if "kind" in row}
        assert found[kept, "engagement"]["likes"] == 77
        assert (gone, "delete") in found
        assert (answer, "engagement") in found

    run(story())


def test_more_threads_than_are_read_at_once_is_a_gap() -> None:
    """Two thousand; what lies behind them was said, and is not read."""

    async def story() -> None:
        bench = Bench()
        await bench.hear(10)
        for _ in range(2_300):
            bench.platform.comment("all at once")
            await asyncio.sleep(1)
        await bench.hear(100)
        # Some newer ones than when it began are on the pages that are read.
        assert [gap.reason for gap in bench.gaps if not gap.filled] == ["depth"]
        assert len({row["id"] for row in bench.rows}) == 2_000

    run(story())


def test_whatever_an_item_holds_it_is_a_row_or_a_reason() -> None:
    """Items with parts replaced by odd ones: nothing but `Unreadable` is raised, and every row can be read."""

    async def story() -> None:
        platform = FakeYouTube(now_ms, random.Random(1))
        head = platform.comment("it broke")
        platform.answer(head, "mine too")
        whole = json.dumps(platform._thread(platform.comments[head]))
        rng, reader, rows, bad = random.Random(5), Reader(NAME), 0, 0
        odd: list[Any] = [None, 7, "", [], {}, True, "x" * 600, -1, "\ud800", 2**70]

        def changed(value: Any) -> Any:
            if rng.random() < 0.04:
                return rng.choice(odd)
            if isinstance(value, dict):
                return {name: changed(held) for name, held in value.items() if rng.random() > 0.01}
            return [changed(held) for held in value] if isinstance(value, list) else value

        for _ in range(3_000):
            try:
                thread = thread_of(answer_of(json.dumps(changed(json.loads(whole))).encode()))
            except Unreadable:
                bad += 1
                continue
            for comment in (thread.head, *thread.answers):
                with suppress(BadMention):
                    reader.read(row_of(comment, now_ms()), now_ms())
                    rows += 1
        assert rows > 500
        assert bad > 200

    run(story())


def test_over_a_socket_comments_come_as_they_are_written() -> None:
    """The key goes as a header; the address is a real one of this machine."""

    async def story() -> list[dict[str, Any]]:
        at_ms = 1_767_625_200_000
        platform = FakeYouTube(lambda: at_ms, random.Random(1))
        platform.comment("het café is dicht")
        async with served(platform) as place:
            options = YouTubeOptions((CHANNEL,), base_url=place)
            web = Web(Rules(plain=(place_of(place),)))
            around = Surroundings(lambda: at_ms, Purse(), Tracked())
            batches = YouTube(NAME, options, web=web, around=around, api_key=KEY).batches(None)
            batch = await anext(batches)
            await batches.aclose()  # type: ignore[attr-defined]
            await web.close()
            return [json.loads(row) for row in batch.rows]

    assert [row["text"] for row in asyncio.run(story())] == ["het café is dicht"]
