"""Feeding one source: nothing is dropped, troubles are waited out, and how it does is told once for each change."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from stream.codec import rfc3339
from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Trouble
from stream.sources.places import DAY_MS, GAPS_KEPT, Places, SourcePurse
from stream.sources.store import StoreError
from tests.sources.laws import House, fed, living, shelf
from tests.sources.virtual import now_ms, run

Step = Batch | Exception | float
"""A batch, something that goes wrong, or so many seconds."""


class Scripted:
    """A source that does what it is told, one list for each connection; the last list again and again."""

    name = "made"
    kind = "scripted"
    completeness: Completeness = "full"
    silent_after_s = 30.0

    def __init__(self, *connections: Sequence[Step]) -> None:
        self._connections = [list(one) for one in connections]
        self.began: list[int] = []
        """When each connection began."""
        self.places: list[str | None] = []
        self.closed = 0

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Play the script."""
        steps = self._connections.pop(0) if len(self._connections) > 1 else self._connections[0]
        self.began.append(now_ms())
        self.places.append(place)
        try:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
            await asyncio.sleep(10**6)
        finally:
            self.closed += 1

    async def check(self) -> Sample:
        """Nothing to try."""
        return Sample(["It is made up."])


def post(number: int) -> bytes:
    """A row."""
    return json.dumps({"id": str(number), "created_at": rfc3339(now_ms()), "text": "hello"}).encode()


def batch(*numbers: int, **more: Any) -> Batch:
    """A batch of rows; its place is the last of them."""
    return Batch(rows=[post(n) for n in numbers], place=str(numbers[-1]) if numbers else None, **more)


ALIVE: list[Step] = [Batch(), 10.0] * 400


def told(story: Callable[[House], Coroutine[Any, Any, None]]) -> None:
    """Run a story in virtual time."""

    async def inside() -> None:
        with shelf() as directory:
            async with living(Path(directory)) as house:
                await story(house)

    run(inside())


def ids(house: House) -> list[str]:
    """What is in the log, in order."""
    return [json.loads(record.body)["id"] for record in house.records()]


def waits(source: Scripted) -> list[float]:
    """Seconds between the beginnings of connections."""
    return [(after - before) / 1000 for before, after in zip(source.began, source.began[1:], strict=False)]


# ---- keeping


def test_a_place_is_kept_behind_its_rows_and_used_again() -> None:
    """A batch without a place leaves the one before."""

    async def story(house: House) -> None:
        source = Scripted([batch(1, 2), Batch(rows=[post(3)]), Trouble("gone")], ALIVE)
        async with fed(house, source):
            await asyncio.sleep(20)
        assert ids(house) == ["1", "2", "3"]
        assert source.places == [None, "2"]
        assert house.places.standing("made").place == "2"

    told(story)


def test_a_log_that_fails_is_asked_again_with_the_same_batch() -> None:
    """Full, locked or overloaded: nothing is dropped, nothing comes before it."""

    async def story(house: House) -> None:
        kept, failing = house.slow.append, [True]

        async def append(items: Any, *, seen: Any = ()) -> object:
            if failing[0]:
                raise StoreError("disk full")
            return await kept(items, seen=seen)

        house.slow.append = append  # type: ignore[method-assign]
        async with fed(house, Scripted([batch(*range(2_500)), batch(9_999), *ALIVE])) as feeding:
            await asyncio.sleep(20)
            assert feeding.waits_for_log
            assert feeding.figures.batches == 0
            failing[0] = False
            await asyncio.sleep(20)
        assert ids(house) == [*map(str, range(2_500)), "9999"]
        assert house.slow.largest == 1_000

    told(story)


def test_a_batch_that_breaks_while_it_is_kept_is_out_of_our_hands() -> None:
    """What comes after it is nothing is silence, and not a log that lags."""

    async def story(house: House) -> None:
        async def broken(items: Any, *, seen: Any = ()) -> object:
            raise ValueError("no log does that")

        house.slow.append = broken  # type: ignore[method-assign]
        async with fed(house, Scripted([batch(1)], [])) as feeding:
            await asyncio.sleep(400)
            assert not feeding.waits_for_log
            assert feeding.figures.status == "silent"

    told(story)


def test_it_ends_at_once_even_while_the_log_takes_nothing() -> None:
    """And closes what it asked."""

    async def story(house: House) -> None:
        house.slow.held = True
        source = Scripted([batch(1)])
        async with fed(house, source) as feeding:
            await asyncio.sleep(400)
            assert feeding.waits_for_log
            assert feeding.figures.status == "lagging"
        assert source.closed == 1
        assert house.places.standing("made").place is None

    told(story)


def test_a_row_that_is_no_mention_is_buried_and_the_rest_is_kept() -> None:
    """With the source's own bad payloads, each by its reason."""

    async def story(house: House) -> None:
        bad = BadPayload("no_post", "it has no post in it", b"{}")
        source = Scripted([Batch(rows=[post(1), b"oops", b'{"id": 1}', post(2)], bad=[bad], place="2"), *ALIVE])
        async with fed(house, source) as feeding:
            await asyncio.sleep(20)
            assert (feeding.figures.rows, feeding.figures.bad) == (2, 3)
        assert ids(house) == ["1", "2"]
        reasons = {("made", "missing_field"): 1, ("made", "no_post"): 1, ("made", "not_json"): 1}
        assert house.dead.counts() == reasons
        assert house.places.standing("made").bad == 3

    told(story)


def test_dead_letters_that_cannot_be_kept_stop_nothing() -> None:
    """They are counted all the same."""

    async def story(house: House) -> None:
        def full(_: Any) -> None:
            raise StoreError("disk full")

        house.dead.add_all = full  # type: ignore[method-assign]
        async with fed(house, Scripted([Batch(rows=[b"oops", post(1)], place="1"), *ALIVE])) as feeding:
            await asyncio.sleep(20)
            assert feeding.figures.bad == 1
        assert ids(house) == ["1"]

    told(story)


# ---- connecting


def test_the_waits_grow_and_begin_anew_after_a_connection_that_was_healthy() -> None:
    """One second and a little, then longer, up to two minutes."""

    async def story(house: House) -> None:
        failing: list[Step] = [Trouble("no")]
        healthy: list[Step] = [Batch(), 20.0, Batch(), 20.0, Batch(), 25.0, Trouble("cut")]
        source = Scripted(*[failing] * 12, healthy, failing, failing, ALIVE)
        async with fed(house, source):
            await asyncio.sleep(3_000)
        found = waits(source)
        assert all(2**n <= wait <= 2**n + 2.01 for n, wait in enumerate(found[:6]))
        assert all(wait == 120 for wait in found[8:12])
        assert found[12] == pytest.approx(65, abs=0.1), "what was healthy is connected to again at once"
        assert found[13] <= 3.01

    told(story)


def test_a_wait_that_the_platform_asks_for_is_kept() -> None:
    """Whatever our own would be."""

    async def story(house: House) -> None:
        source = Scripted([Trouble("429", retry_s=700.0)], [Trouble("no")], ALIVE)
        async with fed(house, source):
            await asyncio.sleep(1_000)
        assert waits(source)[0] == pytest.approx(700, abs=0.1)

    told(story)


def test_a_refusal_is_told_once_as_a_matter_for_humans_and_tried_seldom() -> None:
    """Every ten minutes; and it is silent meanwhile."""

    async def story(house: House) -> None:
        source = Scripted(*[[Denied("it refuses our credentials (401)")]] * 5, ALIVE)
        with structlog.testing.capture_logs() as logs:
            async with fed(house, source) as feeding:
                await asyncio.sleep(2_400)
                assert feeding.figures.status == "silent"
                assert feeding.figures.trouble == "it refuses our credentials (401)"
                await asyncio.sleep(1_000)
                assert feeding.figures.status == "ok"
                assert feeding.figures.trouble == house.places.standing("made").trouble == ""
        assert waits(source) == pytest.approx([600] * 5, abs=0.1)
        assert [line["problem"] for line in logs if line["log_level"] == "error"] == [
            "it refuses our credentials (401)"
        ]

    told(story)


def test_an_error_of_our_own_ends_nothing_and_its_words_are_not_shown() -> None:
    """They may hold anything."""

    async def story(house: House) -> None:
        source = Scripted([ValueError("token=sesame")], ALIVE)
        with structlog.testing.capture_logs() as logs:
            async with fed(house, source) as feeding:
                await asyncio.sleep(1)
                assert feeding.figures.trouble.startswith("an error of our own (ValueError at batches:")
                await asyncio.sleep(60)
                assert feeding.figures.status == "ok"
        assert "sesame" not in repr(logs)

    told(story)


def test_a_source_that_breaks_by_itself_is_silent_at_once_and_says_what_it_was_about() -> None:
    """A file's name helps who must mend it; a second failure is no accident."""

    async def story(house: House) -> None:
        locked = PermissionError(13, "token=sesame", "/somewhere/export.csv")
        source = Scripted([Batch(), 1.0, locked], [locked])
        source.silent_after_s = 10_000.0
        async with fed(house, source) as feeding:
            began_ms = now_ms()
            await asyncio.sleep(300)
            assert feeding.figures.trouble.startswith("an error of our own (PermissionError at batches:")
            assert feeding.figures.trouble.endswith(", about the file 'export.csv')")
            assert house.reports[-1] == (began_ms + 5_000, "silent", began_ms)

    told(story)


def test_a_single_error_of_our_own_makes_nobody_blind() -> None:
    """It is connected to again within seconds."""

    async def story(house: House) -> None:
        async with fed(house, Scripted([Batch(), 1.0, EOFError()], ALIVE)):
            await asyncio.sleep(60)
        assert [status for _, status, _ in house.reports] == ["ok"]

    told(story)


def test_a_source_that_flaps_fills_no_log() -> None:
    """A trouble a second for an hour: a few lines."""

    async def story(house: House) -> None:
        gap = Gap(now_ms() - 1_000, now_ms(), "platform")
        flapping: list[Step] = [Batch(rows=[b"oops"], gaps=[gap], place="1"), Trouble("cut", retry_s=1.0)]
        with structlog.testing.capture_logs() as logs:
            async with fed(house, Scripted(flapping)) as feeding:
                await asyncio.sleep(3_600)
                assert feeding.figures.troubles > 3_000
        assert 5 <= len(logs) <= 40

    told(story)


def problems(logs: Sequence[Any]) -> list[str]:
    """The troubles that were logged, in order."""
    return [line["problem"] for line in logs if line["event"] == "a source is in trouble"]


def test_a_trouble_that_comes_again_soon_is_logged_once_its_ten_minutes_are_over() -> None:
    """If it is still there; the first time at once."""

    async def story(house: House) -> None:
        cut = Trouble("cut", retry_s=30.0)
        with structlog.testing.capture_logs() as logs:
            async with fed(house, Scripted([cut], [Batch(), 5.0, cut], [cut])):
                await asyncio.sleep(500)
                assert problems(logs) == ["cut"]
                await asyncio.sleep(120)
                assert problems(logs) == ["cut", "cut"]
                await asyncio.sleep(3_000)
        assert problems(logs) == ["cut", "cut"]

    told(story)


def test_a_trouble_that_turns_into_another_is_logged_too() -> None:
    """Ten minutes after the first, and by what it is then."""

    async def story(house: House) -> None:
        full = Trouble("full", retry_s=700.0)
        with structlog.testing.capture_logs() as logs:
            async with fed(house, Scripted([Trouble("cut", retry_s=30.0)], [full])):
                await asyncio.sleep(500)
                assert problems(logs) == ["cut"]
                await asyncio.sleep(120)
        assert problems(logs) == ["cut", "full"]

    told(story)


def test_a_source_that_ends_by_itself_is_connected_to_again() -> None:
    """There is no end of what people say."""

    class Ending(Scripted):
        async def batches(self, place: str | None) -> AsyncIterator[Batch]:
            self.began.append(now_ms())
            yield Batch()

    async def story(house: House) -> None:
        source = Ending([])
        async with fed(house, source) as feeding:
            await asyncio.sleep(30)
            assert feeding.figures.trouble == "it ended by itself"
        assert len(source.began) > 3

    told(story)


# ---- telling


def test_each_change_is_told_once_with_its_beginning() -> None:
    """Capped since it was; lagging since that which it has; silent since the last batch."""

    async def story(house: House) -> None:
        began_ms = now_ms()
        late_ms = began_ms - 400_000
        source = Scripted(
            [Batch(), 20.0]
            + [Batch(capped=True), 20.0] * 2
            + [Batch(), 20.0]
            + [Batch(known_until_ms=late_ms), 20.0, Batch(known_until_ms=late_ms), 20.0]
            + [Batch(known_until_ms=began_ms + 110_000), 500.0],
            [500.0],
            ALIVE,
        )
        async with fed(house, source):
            await asyncio.sleep(250)
        said = [(status, since_ms - began_ms) for _, status, since_ms in house.reports]
        assert [status for status, _ in said] == ["ok", "capped", "ok", "lagging", "ok", "silent", "ok"]
        assert said[1] == ("capped", 20_000)
        assert said[3] == ("lagging", -400_000)
        assert said[5] == ("silent", 120_000)

    told(story)


def test_what_was_told_before_a_restart_is_told_anew_when_it_is_over() -> None:
    """A process that ends while a source is silent leaves nobody blind for ever; blind since outlives it too."""

    async def story(house: House) -> None:
        async with fed(house, Scripted([Batch(), 1_000.0], [1_000.0])):
            await asyncio.sleep(60)
        heard_ms = house.reports[-1][2]
        assert house.reports[-1][1] == house.places.standing("made").status == "silent"
        async with fed(house, Scripted([1_000.0])):
            await asyncio.sleep(60)
        assert house.reports[-1][1:] == ("silent", heard_ms), "since the last batch, not since the start"
        async with fed(house, Scripted(ALIVE)):
            await asyncio.sleep(10)
        assert house.reports[-1][1] == "ok"

    told(story)


def test_a_report_that_is_not_taken_is_made_again() -> None:
    """The log was full just then."""

    async def story(house: House) -> None:
        source = Scripted(ALIVE)
        feeding = house.feeding(source)
        kept, refusals = feeding._report, [3]

        async def report(name: str, status: Any, since_ms: int) -> None:
            if refusals[0]:
                refusals[0] -= 1
                raise StoreError("disk full")
            await kept(name, status, since_ms)

        feeding._report = report
        task = asyncio.create_task(feeding.run())
        await asyncio.sleep(60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [status for _, status, _ in house.reports] == ["ok"]

    told(story)


@pytest.mark.parametrize(
    ("reason", "minutes", "until_ago_s", "said"),
    [
        ("away", 10, 0, "silent"),
        ("cursor_too_old", 10, 0, "silent"),
        ("depth", 10, 0, "capped"),
        ("away", 0.5, 0, None),
        ("away", 10, 6_000, None),
    ],
)
def test_a_gap_found_after_the_fact_is_told_for_a_while(
    reason: Any, minutes: float, until_ago_s: int, said: str | None
) -> None:
    """Long enough for the core to see; not for a moment, and not for what is history by now."""

    async def story(house: House) -> None:
        until_ms = now_ms() - until_ago_s * 1000
        gap = Gap(until_ms - int(minutes * 60_000), until_ms, reason)
        async with fed(house, Scripted([Batch(gaps=[gap]), *ALIVE])):
            await asyncio.sleep(60)
        assert house.gaps("made") == [gap]
        found = [(status, since_ms) for _, status, since_ms in house.reports if status != "ok"]
        assert found == ([(said, gap.since_ms)] if said else [])
        assert house.reports[-1][1] == "ok"

    told(story)


# ---- places


def test_places_gaps_and_costs_outlive_the_process(tmp_path: Path) -> None:
    """By source; a gap that is filled later is the same gap."""
    places = Places(tmp_path / "sources.db")
    gap = Gap(1_000, 2_000, "away")
    for name in ("one", "two"):
        places.keep(name, Batch(place=name, gaps=[gap], costs={"posts": 7}), rows=7, bad=1, heard_ms=5, at_ms=5)
    places.keep("one", Batch(gaps=[gap._replace(filled=True)]), rows=0, bad=0, heard_ms=9, at_ms=9)
    places.close()
    again = Places(tmp_path / "sources.db")
    standing = again.standing("one")
    assert (standing.place, standing.heard_ms, standing.rows, standing.bad) == ("one", 9, 7, 1)
    assert again.gaps("one") == [gap._replace(filled=True)]
    assert again.gaps("two") == [gap]
    assert again.gaps("two", since_ms=2_000) == []
    assert (again.standing("three").place, again.gaps("three"), again.costs("three", since_ms=0)) == (None, [], {})
    again.close()


def test_a_purse_counts_by_whole_days_and_holds_across_restarts(tmp_path: Path) -> None:
    """What a batch cost, and what was spent on nothing."""
    at_ms = [10 * DAY_MS + 5]
    places = Places(tmp_path / "sources.db")
    purse = SourcePurse(places, "x", lambda: at_ms[0])
    purse.spend("posts", 40)
    at_ms[0] += DAY_MS
    places.keep("x", Batch(costs={"posts": 2, "requests": 1}), rows=0, bad=0, heard_ms=0, at_ms=at_ms[0])
    places.close()
    purse = SourcePurse(Places(tmp_path / "sources.db"), "x", lambda: at_ms[0])
    assert purse.spent("posts", since_ms=10 * DAY_MS) == 42
    assert purse.spent("posts", since_ms=11 * DAY_MS) == 2
    assert purse.spent("requests", since_ms=0) == 1


def test_gaps_do_not_grow_without_bound() -> None:
    """The newest stay."""
    places = Places(None)
    for n in range(GAPS_KEPT + 50):
        places.keep("x", Batch(gaps=[Gap(n, n + 1, "away")]), rows=0, bad=0, heard_ms=0, at_ms=0)
    found = places.gaps("x")
    assert len(found) == GAPS_KEPT
    assert found[-1].since_ms == GAPS_KEPT + 49
