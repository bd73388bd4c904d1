"""What a way that was down held up: told in one message, without keeping anybody's page from going another way."""

from typing import Any

import pytest

from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.second_way import SECOND_WAY_MS
from alerting.delivery.summary import STALE_MS, summary_of, waits_with
from alerting.delivery.ways import Address, Answered, Outcome
from tests.alerting.test_worker import PEOPLE, Desk, Place
from tocsin.heartbeat import waits_since

NOW_MS = 1_000_000


def line(number: int, waited_ms: int, **how: Any) -> OutboxRow:
    """A line of a thread that waits for so long."""
    told: dict[str, Any] = {
        "kind": "mention",
        "wakes": True,
        "responders": (f"p{number}",),
        "mentions": (f"U{number}",),
    } | how
    return OutboxRow(
        page_id=f"p{number}",
        brand="acme",
        incident="acme-1",
        key=f"acme-1/{number}/Escalate",
        way="slack",
        to="C1:thread",
        lane="C1",
        wanted_ms=NOW_MS - waited_ms,
        line=f"Line {number}.",
        **told,
    )


def test_a_page_that_is_fresh_is_told_with_no_others() -> None:
    """Its people have not been told by another way yet: folded, they would wait until Slack is back."""
    held = [
        line(1, STALE_MS),
        line(2, STALE_MS, kind="story", wakes=False),
        line(3, SECOND_WAY_MS - 1),
        line(4, STALE_MS),
    ]
    assert [one.page_id for one in waits_with(held[0], held, NOW_MS)] == ["p1", "p2"]
    assert [one.page_id for one in waits_with(held[0], held, NOW_MS + STALE_MS)] == ["p1", "p2", "p3", "p4"]


def test_a_page_that_was_heard_another_way_is_told_to_all_after_an_acknowledgement() -> None:
    """Without a name that would wake somebody; what nobody heard is cancelled."""
    box = Outbox(None)
    instead = line(9, 0, kind="page", instead_of="p1")
    box.plan([line(1, STALE_MS), instead, line(2, 0)])
    box.settle("p9", Outcome("sent"), NOW_MS)
    box.cancel_incident("acme-1")
    assert [(box.row(f"p{n}").state, box.row(f"p{n}").wakes) for n in (1, 2)] == [
        ("planned", False),
        ("cancelled", True),
    ]
    assert box.row("p1").mentions == box.row("p1").responders == ()
    assert box.row("p1").line == "Line 1."


async def test_whom_a_telephone_rang_in_a_short_outage_stands_in_the_thread_when_slack_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one message that names nobody aloud, however soon somebody acknowledged."""
    for name, user in {"anna": "U1", "bram": "U2"}.items():
        ways = [Address(name, "slack", "C1"), Address(name, "slack", user), Address(name, "phone", f"+31 {user}")]
        monkeypatch.setitem(PEOPLE, name, ways)
    desk, phone = Desk(), Place()
    desk.delivery._ways["phone"] = phone  # type: ignore[index]
    desk.decide("Page", "pr_oncall", by=("slack",))
    await desk.wait(1)
    desk.slack.script = ["limited"] * 500
    for name in ("anna", "bram"):
        desk.decide("Escalate", name, by=("slack", "phone"), reason="not_acknowledged")
        await desk.wait(20)
    assert [one.to for one in phone.there] == ["+31 U1", "+31 U2"]
    desk.quiet.add("acme-1")
    desk.delivery.answered(Answered("acme-1", "acknowledge", "bram"))
    desk.decide("Update", reason="acknowledged")
    await desk.wait(20)
    before = len(desk.slack.there)
    desk.slack.script = []
    await desk.wait(60)
    [back] = desk.slack.there[before:]
    assert "While Slack could not be reached from" in back.text
    assert "anna" in back.text
    assert "bram" in back.text
    assert "<@" not in f"{back.text} {back.blocks}"
    assert not back.aloud


def test_one_message_for_several_keeps_nobody_waiting_who_was_reached() -> None:
    """And lets nobody be forgotten who was not."""
    box = Outbox(None)
    held = [line(1, STALE_MS), line(2, STALE_MS)]
    box.plan(held)
    summary = summary_of(held)
    box.fold([box.row("p1"), box.row("p2")], summary)
    assert waits_since(box.pages("acme-1")) == NOW_MS - STALE_MS
    box.plan([line(3, 0, kind="page")])
    box.settle("p3", Outcome("sent"), NOW_MS)
    assert waits_since(box.pages("acme-1")) is None
    other = Outbox(None)
    other.plan([*held, line(3, 0, kind="page")])
    other.settle("p3", Outcome("sent"), NOW_MS)
    other.fold([other.row("p1"), other.row("p2")], summary)
    assert waits_since(other.pages("acme-1")) is None
