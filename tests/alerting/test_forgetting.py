"""What was sent long ago goes, whole incidents at a time, and nothing that went is ever planned again."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from alerting.delivery.forgetting import forget
from alerting.delivery.outbox import Outbox, OutboxRow, page_id
from alerting.delivery.ways import Outcome
from alerting.incident import REOPENS_WITHIN_MS
from alerting.view import IncidentView
from stream.codec import DAY_MS
from tocsin.deployment import Deployment
from tocsin.keeping import Keeping
from tocsin.retention import KeptFor
from tocsin.setting_sections import RetentionSettings

NOW_MS = 1_000 * DAY_MS
BEFORE_MS = NOW_MS - 400 * DAY_MS


def row(incident: str, age_days: int, to: str = "C1", **changes: Any) -> OutboxRow:
    """A page that was due so many days ago."""
    key = f"{incident}/1/Page"
    wanted_ms = NOW_MS - age_days * DAY_MS
    told = {"way": "slack", "kind": "card", "wakes": True, "responders": ("ana",), "wanted_ms": wanted_ms, **changes}
    return OutboxRow(page_id=page_id(key, told["way"], to), brand="a", incident=incident, key=key, to=to, **told)


def sent(box: Outbox, incident: str, age_days: int, *, status: Literal["open", "closed"] = "closed") -> OutboxRow:
    """An incident with a page that was sent, and of which the core was told."""
    page = row(incident, age_days)
    view = IncidentView(brand="a", incident=incident, scenario="x", severity="high", status=status, opened_ms=0)
    box.plan([page], key=page.key, view=view)
    box.begin(page.page_id, 1, page.wanted_ms)
    box.reported(box.settle(page.page_id, Outcome("sent", "C1", "1.1"), page.wanted_ms))
    box.edited(page.page_id, shown=1)
    return page


def left(box: Outbox) -> list[str]:
    """The incidents of which anything is kept."""
    tables = ("SELECT incident FROM pages", "SELECT incident FROM views")
    return sorted({incident for sql in tables for (incident,) in box.db.execute(sql)})


def test_an_incident_that_is_over_goes_whole_when_the_last_of_it_is_old() -> None:
    box = Outbox(None)
    sent(box, "a-1", 401)
    box.plan([row("a-1", 401, "C2", state="cancelled")])
    sent(box, "a-2", 399)
    assert forget(box, BEFORE_MS) == (2, None)
    assert left(box) == ["a-2"]
    assert box.db.execute("SELECT count(*) FROM edits").fetchone() == (1,)


def test_the_decision_of_a_page_that_went_plans_nothing_when_it_is_handed_over_again() -> None:
    box = Outbox(None)
    page = sent(box, "a-1", 500)
    assert forget(box, BEFORE_MS).pages == 1
    assert box.taken(page.key)
    assert box.plan([page], key=page.key) == 0
    assert box.unsettled() == []


def test_an_incident_that_goes_can_open_no_more() -> None:
    """A decision of its own would find neither card nor thread: so none may come."""
    (shortest,) = [one.ge for one in RetentionSettings.model_fields["pages"].metadata if hasattr(one, "ge")]
    assert shortest > 7 * REOPENS_WITHIN_MS


@pytest.mark.parametrize("why", ["open", "waits", "unknown", "untold", "young"])
def test_what_may_still_be_needed_stays_however_old_it_is(why: str) -> None:
    box = Outbox(None)
    sent(box, "a-1", 900, status="open" if why == "open" else "closed")
    other = row("a-1", 10 if why == "young" else 900, "C2")
    if why != "open":
        box.plan([other])
    if why in ("unknown", "untold"):
        box.begin(other.page_id, 1, other.wanted_ms)
        box.settle(other.page_id, Outcome("unknown" if why == "unknown" else "permanent"), other.wanted_ms)
    if why == "young":
        box.cancel(other.page_id, "answered")
    before = box.pages("a-1")
    assert forget(box, BEFORE_MS) == (0, None)
    assert box.pages("a-1") == before
    assert box.view("a-1") is not None


def test_a_look_is_at_few_rows_and_goes_on_where_the_last_one_ended() -> None:
    box = Outbox(None)
    sent(box, "a-0", 990, status="open")
    for n in range(1, 6):
        sent(box, f"a-{n}", 900 - n)
    for n in range(6, 9):
        sent(box, f"a-{n}", 30 - n)
    places, gone, place = [], 0, 0
    while True:
        piece = forget(box, BEFORE_MS, place, most=2)
        gone += piece.pages
        if piece.place is None:
            break
        place = piece.place
        places.append(place)
    assert (gone, places) == (5, [2, 4, 6])
    assert left(box) == ["a-0", "a-6", "a-7", "a-8"]


async def test_a_service_forgets_by_its_configuration_and_keeps_the_rest(tmp_path: Path) -> None:
    home = Deployment(tmp_path / "data", step_ms=5_000)
    sent(home.outbox, "a-1", 61)
    sent(home.outbox, "a-2", 59)
    works: Any = SimpleNamespace(home=home, clock=lambda: NOW_MS, cursor=1)
    ages = KeptFor(30 * DAY_MS, 3 * DAY_MS, 30 * DAY_MS, pages_ms=60 * DAY_MS)
    working = asyncio.create_task(Keeping(works, tmp_path / "data", ages).run())
    try:
        async with asyncio.timeout(20):
            while len(left(home.outbox)) == 2:
                await asyncio.sleep(0.02)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert left(home.outbox) == ["a-2"]
    home.close()
