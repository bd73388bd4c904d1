"""A page that does not get through reaches the same people otherwise, within half a minute, and once per way."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.delivery.outbox import Outbox
from alerting.delivery.second_way import Trouble
from alerting.delivery.ways import Address, Answered, Settles, Unreadable
from tests.alerting.test_worker import PEOPLE, Place, wakes_somebody
from tests.alerting.test_worker import Desk as PlainDesk
from tocsin.troubles import Troubles

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


async def test_operators_hear_once_that_a_way_does_not_answer_and_once_that_it_is_back() -> None:
    """After as long as the second way waits; long before anything is refused for good."""
    desk = Desk()
    desk.slack.script, desk.slack.readable = list(DOWN), Unreadable("http_503", permanent=False)
    desk.decide("Page", "anna", by=("slack",))
    await desk.delivery.step()
    await desk.wait(29)
    assert desk.troubles == []
    await desk.wait(200)
    silent = [one for one in desk.troubles if one.became in ("silent", "back")]
    assert [(one.became, one.way, one.detail) for one in silent] == [("silent", "slack", "00:16 UTC")]
    troubles = Troubles(lambda: desk.now_ms)
    troubles.take(silent[0])
    assert troubles.words() == ["Slack does not answer since 00:16 UTC"]
    desk.slack.script, desk.slack.readable = [], None
    await desk.wait(60)
    assert [one.became for one in desk.troubles].count("silent") == 1
    assert [one.became for one in desk.troubles].count("back") == 1
    troubles.take(desk.troubles[-1])
    assert troubles.words() == ["Slack: answers again: 1 time, last 0 s ago"]


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


async def test_an_order_of_ones_own_delays_no_question_and_no_notice() -> None:
    """It is an order of being woken: who is asked is told in the thread at once, as everybody else is."""
    PEOPLE["cara"] = [
        Address("cara", "slack", "C1"),
        Address("cara", "phone", "+31", 0),
        Address("cara", "slack", "U3", 30_000),
    ]
    desk = Desk()
    desk.decide("Page", "anna", by=("slack",))
    await desk.delivery.step()
    desk.decide("Notify", "cara", by=("slack",), action="ask")
    await desk.delivery.step()
    asked = desk.slack.there[-1]
    assert (asked.kind, asked.thread != "", asked.aloud) == ("mention", True, True)
    assert "cara" in asked.text
    desk.decide("Notify", "cara", by=("email",))
    await desk.wait(40)
    assert desk.phone.there == []
    assert {one.to for one in desk.slack.there} == {"C1"}


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


FAULTS = [
    f"{way} {act}" for way in ("slack", "email", "phone") for act in ("lost", "unknown", "limited", "raise", "gone")
]
ACTS = st.lists(
    st.sampled_from(["page", "escalate", "mobilise", "ack", "wait", "long", "restart", *FAULTS]),
    min_size=3,
    max_size=16,
)


class Night:
    """What was done, and what came of it on every way."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.answered: dict[str, int] | None = None
        """How much each way had taken when somebody acknowledged."""

    def ways(self) -> dict[str, Place]:
        """All ways, by name."""
        return {"slack": self.desk.slack, "email": self.desk.email, "phone": self.desk.phone}

    async def act(self, act: str) -> None:
        """Do one thing."""
        if " " in act:
            way, fault = act.split()
            self.ways()[way].script.append("not_in_channel" if fault == "gone" else fault)
        elif act == "restart":
            self._restart()
        elif act == "ack":
            self.desk.quiet.add("acme-1")
            self.desk.delivery.answered(Answered("acme-1", "acknowledge", "anna"))
            self.answered = self.answered or {name: len(way.there) for name, way in self.ways().items()}
        elif act in ("wait", "long"):
            await self.desk.wait(3 if act == "wait" else 40)
        else:
            kind, who = ("Page", "anna") if act == "page" else ("Escalate", "cara")
            self.desk.decide(kind, who, by=("slack",), action="mobilise" if act == "mobilise" else "")
            await self.desk.delivery.step()

    def _restart(self) -> None:
        old = self.desk
        self.desk = Desk(old.outbox)
        for name in ("slack", "email", "phone"):
            setattr(self.desk, name, getattr(old, name))
            self.desk.delivery._ways[name] = getattr(old, name)  # type: ignore[index]
        self.desk.now_ms, self.desk.number, self.desk.reports = old.now_ms, old.number, old.reports
        self.desk.quiet.update(old.quiet)

    async def end(self) -> None:
        """Everything works again, and time passes."""
        for way in self.ways().values():
            way.script.clear()
        await self.desk.wait(260)


@given(ACTS)
@settings(max_examples=30, deadline=None)
def test_over_any_faults_nothing_is_lost_nor_doubled_on_a_way_and_nobody_woken_after_an_acknowledgement(
    acts: list[str],
) -> None:
    """Faults on each kind of way, restarts anywhere; a history that is true, a bell that drops repeats, and letters
    that nobody can read back: those come three times at the most.
    """
    night = Night()

    async def play() -> None:
        for act in acts:
            await night.act(act)
        await night.end()

    asyncio.run(play())
    desk = night.desk
    rows = {row.page_id: row for row in desk.outbox.pages("acme-1")}
    came = Counter((name, one.page_id) for name, way in night.ways().items() for one in way.there)
    assert all(count == 1 for (way, _), count in came.items() if way == "slack")
    assert all(count <= 3 for (way, _), count in came.items() if way == "email")
    told = {report.key for report in desk.reports if report.outcome == "failed"}
    for key in {row.key for row in rows.values() if row.called or (row.wakes and night.answered is None)}:
        mine = [row for row in rows.values() if row.key == key]
        assert key in told or any(row.state == "sent" or row.told_in for row in mine)
    for name, way in night.ways().items() if night.answered is not None else ():
        for one in way.there[night.answered[name] :]:
            assert rows[one.page_id].called or not wakes_somebody(one)
