"""A page that does not get through reaches the same people otherwise, within half a minute, and once per way."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.delivery.outbox import Outbox
from alerting.delivery.second_way import Trouble
from alerting.delivery.ways import Address, Answered, Settles, Unreadable
from tests.alerting.test_worker import PEOPLE, Place
from tests.alerting.test_worker import Desk as PlainDesk

ANNA = [Address("anna", "slack", "C1"), Address("anna", "slack", "U1"), Address("anna", "email", "anna@example.com")]
BRAM = [Address("bram", "slack", "C1"), Address("bram", "slack", "U2")]
CARA = [Address("cara", "slack", "U3", 0), Address("cara", "phone", "+31", 120_000)]
DOWN = ["unknown"] * 2000


class Letters(Place):
    """A way that nobody can read back."""

    settles: Settles = "never"


class Bell(Place):
    """A way whose receiver drops a repeat."""

    settles: Settles = "repeat"


class Desk(PlainDesk):
    """A delivery with Slack, e-mail and a telephone."""

    def __init__(self, outbox: Outbox | None = None, **options: Any) -> None:
        self.troubles: list[Trouble] = []
        self.email, self.phone = Letters(), Bell()
        super().__init__(outbox, operators=self.troubles.append, **options)
        self.delivery._ways.update(email=self.email, phone=self.phone)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _people(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ways in {"anna": ANNA, "bram": BRAM, "cara": CARA}.items():
        monkeypatch.setitem(PEOPLE, name, ways)


async def test_a_page_in_doubt_goes_by_the_next_way_after_half_a_minute() -> None:
    """Not sooner, and once, however long the doubt lasts."""
    desk = Desk(grace_ms=240_000)
    desk.slack.script = list(DOWN)
    desk.decide("Page", "anna", by=("slack",))
    await desk.wait(29)
    assert desk.email.there == []
    await desk.wait(2)
    assert [one.to for one in desk.email.there] == ["anna@example.com"]
    assert "Slack did not say whether it took this page" in desk.email.there[0].line
    await desk.wait(60)
    assert len(desk.email.there) == 1
    assert [t.became for t in desk.troubles] == ["second_way"]


async def test_a_closed_channel_is_passed_by_in_person_at_once() -> None:
    """What is wrong with one channel is not wrong with Slack; a token that is refused is."""
    desk = Desk()
    desk.slack.script = ["not_in_channel"]
    desk.decide("Page", "anna", by=("slack",))
    await desk.delivery.step()
    assert [(one.kind, one.to) for one in desk.slack.there] == [("page", "U1")]
    assert [r.outcome for r in desk.reports] == ["missed", "sent"]
    desk.slack.script = ["invalid_auth"]
    desk.decide("Page", "anna", by=("slack",), incident="acme-2")
    await desk.delivery.step()
    assert [one.incident for one in desk.email.there] == ["acme-2"]
    assert desk.slack.posts == 3


async def test_whoever_has_no_other_way_is_given_up_only_where_no_colleague_was_reached() -> None:
    """Then the core climbs; otherwise it waits for the colleague."""
    desk = Desk()
    desk.slack.script = ["invalid_auth"]
    desk.decide("Page", "bram", by=("slack",))
    await desk.delivery.step()
    assert [r.outcome for r in desk.reports] == ["failed"]
    assert desk.troubles[-1].became == "lost"
    desk.slack.script = ["invalid_auth"]
    desk.decide("Page", "anna", "bram", by=("slack",), incident="acme-2")
    await desk.delivery.step()
    assert [(r.way, r.outcome) for r in desk.reports[1:]] == [("slack", "missed"), ("email", "sent")]


async def test_nobody_is_told_a_second_way_after_an_acknowledgement() -> None:
    """Neither what is planned nor what would have been."""
    desk = Desk(grace_ms=240_000)
    desk.slack.script = list(DOWN)
    desk.decide("Page", "anna", by=("slack",))
    await desk.wait(20)
    desk.quiet.add("acme-1")
    desk.delivery.answered(Answered("acme-1", "acknowledge", "anna"))
    await desk.wait(60)
    assert desk.email.posts == desk.phone.posts == 0


async def test_a_later_way_waits_for_its_time_and_an_acknowledgement_takes_it_away() -> None:
    """The order that is somebody's own."""
    desk = Desk()
    desk.decide("Page", "cara", by=("slack",))
    desk.decide("Page", "cara", by=("slack",), incident="acme-2")
    await desk.wait(119)
    assert desk.phone.there == []
    desk.quiet.add("acme-2")
    desk.delivery.answered(Answered("acme-2", "own", "cara"))
    await desk.wait(2)
    assert [one.incident for one in desk.phone.there] == ["acme-1"]


async def test_half_an_hour_without_slack_ends_in_one_message_in_the_thread() -> None:
    """Whoever is paged meanwhile is reached otherwise; the card is edited, and no flood follows."""
    desk = Desk()
    desk.decide("Page", "bram", by=("slack",))
    await desk.wait(1)
    desk.slack.readable = Unreadable("http_503", permanent=False)
    desk.slack.script = list(DOWN)
    desk.decide("Escalate", "anna", by=("slack",), reason="not_acknowledged")
    for _ in range(6):
        desk.decide("Update", "bram", reason="severity_fell")
        await desk.wait(300)
    assert len(desk.email.there) == 1
    before, edits = len(desk.slack.there), len(desk.slack.edits)
    desk.slack.script, desk.slack.readable = [], None
    await desk.wait(150)
    back = desk.slack.there[before:]
    assert len(back) <= 2
    assert "While Slack could not be reached from" in back[-1].text
    assert len(desk.slack.edits) <= edits + 1


async def test_a_channel_is_paced_and_the_gravest_goes_first() -> None:
    """Five at once, then one a second; a limit on two channels rests them all."""
    desk = Desk(pace_ms=1000)
    for n in range(12):
        desk.decide("Notify", "anna", by=("slack",), incident=f"acme-{n}", severity="critical" if n == 9 else "low")
    await desk.delivery.step()
    assert len(desk.slack.there) == 5
    assert desk.slack.there[0].incident == "acme-9"
    await desk.wait(7)
    assert len(desk.slack.there) == 12


ACTS = st.lists(
    st.sampled_from(
        ["page", "escalate", "ack", "wait", "long", "restart", "lost", "unknown", "limited", "raise", "gone"]
    ),
    min_size=3,
    max_size=14,
)


@given(ACTS)
@settings(max_examples=25, deadline=None)
def test_over_any_faults_nothing_is_doubled_on_a_way_and_nobody_woken_after_an_acknowledgement(acts: list[str]) -> None:
    """Faults on Slack and the telephone, restarts anywhere; a history that is true."""
    desk = Desk()
    answered_at: int | None = None

    def accepted() -> list[str]:
        return [f"{way}/{one.page_id}" for way in (desk.slack, desk.email, desk.phone) for one in way.there]

    async def play() -> None:
        nonlocal desk, answered_at
        for act in acts:
            if act in ("lost", "unknown", "limited", "raise", "gone"):
                desk.slack.script.append("not_in_channel" if act == "gone" else act)
            elif act == "restart":
                old = desk
                desk = Desk(old.outbox)
                for way in ("slack", "email", "phone"):
                    setattr(desk, way, getattr(old, way))
                    desk.delivery._ways[way] = getattr(old, way)  # type: ignore[index]
                desk.now_ms, desk.number = old.now_ms, old.number
                desk.quiet.update(old.quiet)
            elif act == "ack":
                desk.quiet.add("acme-1")
                desk.delivery.answered(Answered("acme-1", "acknowledge", "anna"))
                answered_at = len(accepted()) if answered_at is None else answered_at
            elif act in ("wait", "long"):
                await desk.wait(3 if act == "wait" else 40)
            else:
                desk.decide("Page" if act == "page" else "Escalate", "anna" if act == "page" else "cara", by=("slack",))
                await desk.delivery.step()
        desk.slack.script.clear()
        await desk.wait(200)

    asyncio.run(play())
    ids = accepted()
    assert len(ids) == len(set(ids))
    if answered_at is None:
        rows = desk.outbox.pages("acme-1")
        for key in {row.key for row in rows}:
            assert any(row.state == "sent" or row.told_in for row in rows if row.key == key)
    else:
        assert len(ids) == answered_at
