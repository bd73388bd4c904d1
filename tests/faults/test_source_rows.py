"""What a platform that falls silent, or comes back with all that was missed, does to a brand: through source and core.

The works of a service in virtual time, with a made-up Hacker News; a step is a second.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from alerting.decision import Decision
from alerting.facts import BLIND
from stream.codec import HOUR_MS, MINUTE_MS
from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.web import Web
from tests.acceptance import living as lively
from tests.acceptance.living import BRAND, STEP_MS, burst, configure, copied, settings_of
from tests.fakes.sources.hackernews import FakeHackerNews
from tests.faults.rows import fired, row
from tests.faults.virtual import NOWHERE, Place
from tests.sources.laws import shelf
from tests.sources.virtual import now_ms, run
from tocsin.entry import Control, SourceReport
from tocsin.listening import Listening
from tocsin.synthetic import Row
from tocsin.works import Works

SEED = 20_268
pytestmark = pytest.mark.slow
SOURCES = """\
  - {name: hn, type: hackernews, queries: [tulpatel], every: 10s}
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand whose service has listened for thirty quiet hours."""
    home = tmp_path_factory.mktemp("past")
    lively.warmed(home, SEED)
    return home


class Night:
    """Works that listen, their platform, and what came of it."""

    def __init__(self, works: Works, platform: FakeHackerNews) -> None:
        self.works = works
        self.platform = platform
        self.listening: Listening | None = None

    def decided(self, *kinds: str) -> list[Decision]:
        """What was decided so far."""
        found = [recorded.decision for recorded in self.works.home.journal.decisions()]
        return [decision for decision in found if decision.kind in kinds]

    def reports(self) -> list[SourceReport]:
        """What the core heard about the source."""
        events = (entry.event for entry in self.works.home.journal.entries(0))
        found = [one.event for one in events if isinstance(one, Control)]
        return [one for one in found if isinstance(one, SourceReport) and one.source == "hn"]

    async def say(self, rows: Sequence[Row], over_s: float) -> None:
        """People write these, evenly over a time."""
        for one in rows:
            number = self.platform.post(one["text"])
            self.platform.items[number]["author"] = one["author"]
            await asyncio.sleep(over_s / len(rows))

    @asynccontextmanager
    async def listens(self, settings: Any) -> AsyncIterator[Listening]:
        """The source is listened to while the block runs."""

        def make(_: Any, section: Any, around: Any) -> HackerNews:
            options = HackerNewsOptions(section.queries, section.every / 1000)
            return HackerNews(section.name, options, web=Web(transport=self.platform), around=around)

        listening = Listening(settings, self.works, make=make)
        task = asyncio.create_task(listening.run())
        try:
            yield listening
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def told(past: Path, story: Callable[[Night, Any], Coroutine[Any, Any, None]]) -> None:
    """Run a night in virtual time, from just after the past."""
    with shelf() as shelved:
        _told(copied(past, Path(shelved) / "home"), story)


def _told(home: Path, story: Callable[[Night, Any], Coroutine[Any, Any, None]]) -> None:
    config = configure(home, NOWHERE)
    config.write_text(config.read_text().replace("ingest:", f"{SOURCES}ingest:"))
    settings = settings_of(config)

    async def night() -> None:
        works = Works(settings, now_ms, ways={"slack": Place()})
        await works.begin()
        beats = asyncio.create_task(_beat(works))
        try:
            await story(Night(works, FakeHackerNews(now_ms, random.Random(SEED))), settings)
        finally:
            assert not beats.done(), beats.exception()
            beats.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beats
            await works.end()

    run(night(), began_ms=(lively.wall_clock_ms() // STEP_MS + 2) * STEP_MS)


async def _beat(works: Works) -> None:
    while True:
        await asyncio.sleep((STEP_MS - now_ms() % STEP_MS) / 1000)
        await works.beat()
        await works.delivery.step()


@row("F25")
def test_a_source_that_stands_still_in_a_crisis_is_blind_within_its_time_and_the_incident_stays(past: Path) -> None:
    """The connection stands and nothing comes. Silence is no calm: a blindness is opened, and nobody stands down."""

    async def story(night: Night, settings: Any) -> None:
        async with night.listens(settings) as listening:
            await night.say(burst(SEED, posts=200), 240)
            assert [d.brand for d in night.decided("Page")] == [BRAND]
            (feeding,) = listening.feedings
            threads = feeding.source._around.threads  # type: ignore[attr-defined]
            assert 50 <= len(threads.open("hn")) <= 100
            assert all(name.startswith("hn:") and threads.tracked(name) for name in threads.open("hn")[:5])
            assert threads.open("other") == []
            night.platform.stalled = asyncio.Event()
            await asyncio.sleep(feeding.source.silent_after_s + 12)
            last = night.reports()[-1]
            assert (last.status, last.since_ms) == ("silent", feeding.figures.heard_ms)
            (blind,) = [d for d in night.decided("OpenIncident") if d.scenario == BLIND]
            assert blind.at_ms - last.since_ms <= feeding.source.silent_after_s * 1000 + 10_000
            evidence = [s.evidence for s in blind.signals if s.kind == "feed"]
            assert evidence[0]["source"] == "hn"
            assert evidence[0]["state"] == "silent"
            await asyncio.sleep(600)
            assert [d for d in night.decided("StandDown") if d.scenario != BLIND] == []
            night.platform.stalled.set()
            night.platform.stalled = None
            await asyncio.sleep(150)
            assert night.reports()[-1].status == "ok"
            fired(night.reports()[-1].at_ms - last.at_ms)

    told(past, story)


@row("F26")
def test_what_was_missed_in_hours_away_is_a_gap_and_comes_as_history_that_pages_nobody(past: Path) -> None:
    """The same posts that page when they are new: fetched late, they are kept, counted as history, and wake nobody."""

    async def story(night: Night, settings: Any) -> None:
        async with night.listens(settings):
            await asyncio.sleep(60)
        left_ms = now_ms()
        await night.say(burst(SEED, posts=200), 240)
        await asyncio.sleep(2 * HOUR_MS / 1000)
        async with night.listens(settings) as listening:
            await asyncio.sleep(600)
            assert listening.feedings[0].figures.rows >= 200
        (gap,) = night.works.home.places.gaps("hn")
        assert (gap.reason, gap.filled) == ("away", True)
        assert gap.since_ms <= left_ms
        assert gap.until_ms - gap.since_ms >= 2 * HOUR_MS
        assert [d for d in night.decided("Page", "Notify") if d.scenario != BLIND and d.at_ms >= left_ms] == []
        silent = [report for report in night.reports() if report.status == "silent"]
        assert [report.since_ms for report in silent] == [gap.since_ms], "those hours are no zeros"
        assert night.reports()[-1].status == "ok"
        assert night.works.home.texts.count() >= 200
        fired(listening.feedings[0].figures.rows)

    told(past, story)


@row("F26")
def test_what_was_missed_for_minutes_still_pages_by_its_own_times(past: Path) -> None:
    """Ten minutes without a connection are no reason to sleep through what broke out in them."""

    async def story(night: Night, settings: Any) -> None:
        async with night.listens(settings):
            await asyncio.sleep(60)
            night.platform.stalled = asyncio.Event()
            await night.say(burst(SEED, posts=200), 240)
            await asyncio.sleep(300)
            assert night.decided("Page") == []
            night.platform.stalled.set()
            night.platform.stalled = None
            await asyncio.sleep(4 * MINUTE_MS / 1000)
            assert [d.brand for d in night.decided("Page")] == [BRAND]
            fired(1)

    told(past, story)
