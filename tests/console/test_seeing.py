"""What pages show of a running service: a calm night, an outage, somebody who has it, its end, and the memory of it."""

import asyncio
from pathlib import Path

import pytest

from stream.codec import MINUTE_MS
from tests.console.living import BRAND, CALM, START_MS, Shown, outage, passwords, prepared, shown
from tocsin.console.act_forms import Form
from tocsin.console.desk import Desk
from tocsin.console.doors import Visitor
from tocsin.console.seen_incident import IncidentSeen

pytestmark = pytest.mark.slow

ANA = Visitor(name="ana@example.org", role="responder", responder="ana")


async def test_a_story_is_seen_from_calm_to_its_end(tmp_path: Path) -> None:
    for name in ("past", "home"):
        (tmp_path / name).mkdir()
    past = await asyncio.to_thread(prepared, tmp_path / "past", 7, 8)
    async with shown(past, tmp_path / "home", passwords()) as found:
        assert found.service.furnished is not None
        desk = found.service.furnished.desk
        _calm(desk)
        found.public = outage(3, START_MS, posts=2500, minutes=6)
        await found.go_on(START_MS + 8 * MINUTE_MS)
        seen = await _open(desk, found)
        await _taken(desk, found, seen.view.incident)
        await _over(desk, found, seen.view.incident)


def _calm(desk: Desk) -> None:
    now = desk.seen.now(None)
    assert {line.brand: line.stands for line in now.brands} == {BRAND: "calm", CALM: "calm"}
    assert (now.open, now.blind, now.late_s, now.health.wrong) == ((), (), 0, ())
    assert {duty.role: duty.now for duty in now.duties}["pr_on_call"] == ("Ana Diaz",)
    assert desk.seen.now([CALM]).brands[0].brand == CALM


async def _open(desk: Desk, found: Shown) -> IncidentSeen:
    async with asyncio.timeout(30):
        while not _has_arrived(desk, found):
            await asyncio.sleep(0.05)
    now = desk.seen.now(None)
    one = now.open[0]
    assert (now.brands[0].brand, now.brands[0].stands, one.hands) == (BRAND, "trouble", "nobody")
    assert one.why.startswith(f"{BRAND}: ")
    figures = now.brands[0].figures
    assert figures is not None
    assert figures.recent.posts > figures.usual.notice > figures.usual.upper
    seen = await desk.seen.incident(one.view.incident)
    assert seen is not None
    assert seen.series is not None
    assert seen.series.observed[-1] == figures.recent.posts
    assert seen.figures is not None
    assert seen.figures.hour == figures.hour
    assert seen.walk is not None
    assert seen.walk.ahead == "page"
    assert [who.startswith("Head of communications") for who in seen.walk.next_who] == [True]
    assert seen.walk.due_ms > found.clock()
    assert seen.view.posts[0].url.startswith("https://")
    assert [word.word for word in seen.view.explanation.words]
    (ana,) = seen.people
    assert (ana.name, ana.acked, ana.ways[0].way, ana.ways[0].state) == ("Ana Diaz", False, "slack", "sent")
    assert {moment.kind for moment in seen.moments} >= {"posts", "noticed", "paged", "delivery"}
    assert "<svg" in desk.seen.drawing(seen.walk.chart, seen.walk.nodes)
    assert await desk.seen.incident("tulpatel-0") is None
    return seen


def _has_arrived(desk: Desk, found: Shown) -> bool:
    """Whether somebody was woken, and it is known that the page is there."""
    pages = [page for one in desk.seen.now(None).open for page in found.service.home.outbox.pages(one.view.incident)]
    return any(page.wakes and page.state == "sent" for page in pages)


async def _taken(desk: Desk, found: Shown, incident: str) -> None:
    before = desk.seen.version()
    told = await desk.acts.act(ANA, incident, "acknowledge", Form())
    assert told.counted
    assert desk.seen.version() != before
    seen = await desk.seen.incident(incident)
    assert seen is not None
    assert (seen.hands, seen.view.acked_by, seen.people[0].acked) == ("acknowledged", "Ana Diaz", True)
    one = desk.seen.now(None).open[0]
    assert (one.hands, one.view.acked_by) == ("acknowledged", "Ana Diaz")
    await found.go_on(found.clock() + 10_000)
    later = await desk.seen.incident(incident)
    assert later is not None
    assert "answer" in {moment.kind for moment in later.moments}


async def _over(desk: Desk, found: Shown, incident: str) -> None:
    await desk.acts.act(ANA, incident, "resolve", Form())
    await found.go_on(found.clock() + 10_000)
    assert desk.seen.now(None).open == ()
    seen = await desk.seen.incident(incident)
    assert seen is not None
    assert (seen.is_open, seen.moments[-1].kind) == (False, "end")
    (line,) = await desk.seen.incidents([BRAND])
    assert (line.incident, line.because, line.ended_ms >= line.opened_ms) == (incident, "resolved", True)
    assert await desk.seen.incidents([CALM]) == []
    assert found.service.furnished is not None
    await found.service.furnished.remember()
    brand = await desk.seen.brand(BRAND, "90min")
    assert brand is not None
    assert (brand.outcomes.incidents, brand.outcomes.resolved) == (1, 1)
    assert brand.history.severity[-1] == "critical"
    assert max(n for n in brand.history.posts if n is not None) > 100
    assert brand.history.posts[0] is not None  # what was heard before the console had a memory
    assert brand.threads[0].root is not None
    assert brand.explanation.people
    assert await desk.seen.brand("Nobody", "24h") is None
