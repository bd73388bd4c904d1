"""A real incident is looked back upon from the page: by another process, from the journal of the service that runs."""

from pathlib import Path

import pytest

from tests.faults.virtual import virtual
from tocsin.console.chart_room import ChartRoom
from tocsin.console.drill_room import DrillRoom

pytestmark = pytest.mark.slow
SEED = 60_511


async def test_an_incident_that_is_open_can_be_looked_back_upon(past: Path, tmp_path: Path) -> None:
    async with virtual(past, tmp_path) as night:
        page = await night.crisis(11)
        works = night.works
        room = DrillRoom(works.settings, works.clock, works.settings.file, lambda who: f"{who} by name")
        listed = room.seen(lambda _: True).past
        assert [one.incident for one in listed] == [page.incident]
        assert listed[0].woken
        assert all(who.endswith(" by name") for who in listed[0].woken)
        assert room.seen(lambda brand: brand != page.brand).past == ()
        body = await room.review(page.incident)
        assert body is not None
        text = body.decode()
        assert page.incident in text
        assert "<svg" in text
        assert await room.review(page.incident) is body, "kept for a minute, however often it is asked for"
        for name in ("tulpatel-0", "--help"):
            assert await room.review(name) is None


async def test_a_node_that_told_somebody_says_when(past: Path, tmp_path: Path) -> None:
    async with virtual(past, tmp_path) as night:
        page = await night.crisis(12)
        seen = ChartRoom(night.works).seen(lambda _: True)
        told = {node.name: node.last_ms for panel in seen.panels for node in panel.nodes if node.last_ms}
        assert told[page.node] == page.at_ms
        kinds = {node.kind for panel in seen.panels for node in panel.nodes if node.name in told}
        assert kinds <= {"page", "notify", "escalate", "mobilise", "brief"}
