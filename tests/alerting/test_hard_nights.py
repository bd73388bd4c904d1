"""Ways that hang, limits on everything, a process that ends in the middle: no page waits behind them or comes twice."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from alerting.delivery.outbox import Outbox
from alerting.delivery.pacing import Pacing
from alerting.delivery.second_way import SECOND_WAY_MS
from alerting.delivery.summary import summary_of, waits_with
from alerting.delivery.ways import Address, Answered, Message, Outcome, Settles
from alerting.message import Card, card
from alerting.view import IncidentView
from stream import crash
from stream.sources.store import transaction
from tests.alerting.test_outbox import row
from tests.alerting.test_worker import PEOPLE, Place
from tests.alerting.test_worker import Desk as PlainDesk

ANNA = [Address("anna", "slack", "C1"), Address("anna", "slack", "U1"), Address("anna", "email", "anna@example.com")]
CARA = [Address("cara", "slack", "U3"), Address("cara", "email", "cara@example.com")]
DORA = [Address("dora", "slack", "U4")]


class Letters(Place):
    """A way that nobody can read back."""

    settles: Settles = "never"


class Bell(Place):
    """A way whose receiver drops a repeat."""

    settles: Settles = "repeat"


class Hanging(Place):
    """A way that never answers about some messages."""

    def __init__(self, hangs: Callable[[Message], bool] = lambda _message: True) -> None:
        super().__init__()
        self.hangs = hangs
        self.looks: list[str] = []
        self.let_go = asyncio.Event()

    async def post(self, message: Message) -> Outcome:
        if self.hangs(message):
            self.posts += 1
            await self.let_go.wait()
        return await super().post(message)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        self.looks.append(message.page_id)
        if self.hangs(message):
            await self.let_go.wait()
        return await super().find(message, oldest_ms)

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        if self.hangs(message):
            await self.let_go.wait()
        return await super().edit(channel, ts, message)


class Opening(Place):
    """A way that must open a conversation before it can send."""

    def __init__(self, *, refused: Outcome | None = None) -> None:
        super().__init__()
        self.refused = refused
        self.opens = 0
        self.opened = asyncio.Event()

    async def prepare(self, to: str) -> Outcome | None:
        self.opens += 1
        await self.opened.wait()
        return self.refused


class Desk(PlainDesk):
    """A delivery with Slack and e-mail."""

    def __init__(self, place: Place | None = None, outbox: Outbox | None = None, **options: Any) -> None:
        self.email = Letters()
        super().__init__(outbox, place, **options)
        self.delivery._ways["email"] = self.email  # type: ignore[index]

    async def until(self, done: Callable[[], bool]) -> None:
        """Delivery runs by itself until this is so, five seconds at the most."""
        running = asyncio.create_task(self.delivery.run())
        try:
            async with asyncio.timeout(5):
                while not done():
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError("nothing came of it in five seconds") from None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def _people(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ways in {"anna": ANNA, "cara": CARA, "dora": DORA}.items():
        monkeypatch.setitem(PEOPLE, name, ways)


# ---- ways that hang


async def test_a_way_that_never_answers_is_given_up_and_what_it_did_is_in_doubt() -> None:
    """Its channel is free again, and the page is looked for."""
    desk = Desk(Hanging(), longest_ms=20)
    desk.decide("Page", "pr_oncall")
    ended, _ = await asyncio.wait([asyncio.create_task(desk.delivery.step())], timeout=3)
    assert ended
    (page,) = desk.outbox.pages("acme-1")
    assert (page.state, page.detail) == ("unknown", "TimeoutError")


async def test_a_history_and_an_edit_that_never_answer_hold_up_nothing() -> None:
    """Each is tried again later."""
    slack = Hanging(lambda _message: False)
    desk = Desk(slack, longest_ms=20)
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    slack.script, slack.hangs = ["unknown"], lambda message: message.kind != "story"
    desk.decide("Update", severity="critical", reason="still_going")
    desk.decide("Page", "pr_oncall", incident="acme-2")
    slack.hangs = lambda _message: False
    await asyncio.wait_for(desk.wait(1), 5)
    slack.hangs = lambda _message: True
    desk.decide("Update", severity="low", reason="still_going")
    await asyncio.wait_for(desk.wait(8), 5)
    slack.hangs = lambda _message: False
    await desk.wait(150)
    assert {one.state for one in desk.outbox.pages("acme-2")} == {"sent"}
    assert slack.edits[-1].view is not None
    assert slack.edits[-1].view.severity == "low"


async def test_the_second_way_does_not_wait_for_a_first_that_hangs() -> None:
    """Half a minute after it was due, while the POST is still under way."""
    desk = Desk(Hanging())
    desk.decide("Page", "anna", by=("slack",))
    await desk.until(lambda: desk.slack.posts == 1)
    desk.now_ms += SECOND_WAY_MS
    desk.slack.posts = 0
    await desk.until(lambda: bool(desk.email.there))
    assert [one.to for one in desk.email.there] == ["anna@example.com"]


async def test_notices_that_hang_hold_up_no_page_in_the_same_channel() -> None:
    """Nor do eight of them, in as many channels."""
    slack = Hanging(lambda message: "notice" in message.incident)
    desk = Desk(slack)
    for number in range(8):
        PEOPLE[f"desk_{number}"] = [Address(f"desk_{number}", "slack", f"C{number}")]
        desk.decide("Notify", f"desk_{number}", incident=f"notice-{number}", severity="critical")

    async def page() -> None:
        while slack.posts < 8:
            await asyncio.sleep(0.002)
        desk.decide("Page", "pr_oncall", incident="acme-9", severity="low")

    paging = asyncio.create_task(page())
    await desk.until(lambda: [one.incident for one in slack.there] == ["acme-9"])
    await paging
    for number in range(8):
        del PEOPLE[f"desk_{number}"]


async def test_looks_into_a_history_that_is_slow_come_round_to_every_page() -> None:
    """What has waited longest is looked at first, and not what was paged first."""
    desk = Desk()
    desk.outbox.plan([row(n, incident=f"acme-{n}", severity="critical" if n == 7 else "low") for n in range(20)])
    for number in range(20):
        desk.outbox.begin(f"p{number}", 1, desk.now_ms)
        desk.outbox.settle(f"p{number}", Outcome("unknown"), desk.now_ms)
    assert [one.page_id for one in desk.delivery._settling.due()][:3] == ["p7", "p0", "p1"]
    for number in range(8):
        desk.outbox.postpone(f"p{number}", desk.now_ms + 2_000)
    desk.now_ms += 10_000
    assert [one.page_id for one in desk.delivery._settling.due()][:3] == ["p8", "p9", "p10"]


# ---- the end of a process


async def test_at_the_end_a_message_under_way_is_let_through() -> None:
    """And nothing new begins."""
    slack = Hanging()
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    running = asyncio.create_task(desk.delivery.run())
    while not slack.posts:
        await asyncio.sleep(0.002)
    ending = asyncio.create_task(desk.delivery.finish(5_000))
    await asyncio.sleep(0.02)
    desk.decide("Page", "dora", incident="acme-2")
    slack.let_go.set()
    await asyncio.wait_for(asyncio.gather(ending, running), 5)
    assert [one.incident for one in slack.there] == ["acme-1"]
    assert [one.state for one in desk.outbox.pages("acme-1")] == ["sent"]
    assert [one.state for one in desk.outbox.pages("acme-2")] == ["planned"]


async def test_at_the_end_a_message_that_hangs_is_left_for_the_next_start_to_find_out() -> None:
    """Neither sent nor failed: it is looked for, and not posted twice."""
    slack = Hanging()
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    running = asyncio.create_task(desk.delivery.run())
    while not slack.posts:
        await asyncio.sleep(0.002)
    await asyncio.wait_for(desk.delivery.finish(20), 5)
    await asyncio.wait_for(running, 5)
    assert [one.state for one in desk.outbox.pages("acme-1")] == ["sending"]
    again = Desk(outbox=desk.outbox)
    assert again.delivery.recovered == 1
    assert [one.state for one in desk.outbox.pages("acme-1")] == ["unknown"]


@pytest.mark.parametrize("turns", range(5))
async def test_delivery_that_is_cancelled_as_news_comes_ends(turns: int) -> None:
    """However many turns of the loop lie between the two: else a service would never stop."""
    desk = Desk(poll_ms=60_000)
    running = asyncio.create_task(desk.delivery.run())
    await asyncio.sleep(0.01)
    desk.delivery._news.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    _, still = await asyncio.wait([running], timeout=1)
    running.cancel()
    assert not still


@pytest.mark.parametrize("point", ["outbox.instead.before", "outbox.instead.after"])
async def test_a_process_that_ends_as_the_second_way_is_planned_takes_it_once(point: str) -> None:
    """Whether it is needed follows from the rows alone."""
    desk = Desk(grace_ms=600_000)
    desk.slack.script = ["unknown"]
    desk.decide("Page", "anna", by=("slack",))
    await desk.wait(29)

    def die(name: str) -> None:
        if name == point:
            raise InterruptedError

    crash.install(die)
    try:
        with pytest.raises(InterruptedError):
            await desk.wait(3)
    finally:
        crash.install(None)
    again = Desk(desk.slack, desk.outbox, grace_ms=600_000)
    again.now_ms = desk.now_ms
    await again.wait(30)
    assert [one.to for one in again.email.there] == ["anna@example.com"]


async def test_a_page_that_was_cancelled_between_its_turn_and_its_post_stays_cancelled() -> None:
    """The row is read again right before it is sent."""
    desk = Desk()
    desk.decide("Page", "dora")
    desk.delivery._begin_posts()
    desk.outbox.cancel(desk.outbox.pages("acme-1")[0].page_id, "told elsewhere")
    await desk.delivery.step()
    assert desk.slack.posts == 0


async def test_nobody_is_woken_who_was_acknowledged_for_while_their_conversation_was_opened() -> None:
    """That takes a call of its own: it is looked again when it came back."""
    place = Opening()
    desk = Desk(place)
    desk.decide("Page", "dora")
    running = asyncio.create_task(desk.delivery.run())
    try:
        async with asyncio.timeout(5):
            while not place.opens:
                await asyncio.sleep(0.002)
            desk.quiet.add("acme-1")
            place.opened.set()
            while desk.outbox.pages("acme-1")[0].state not in ("cancelled", "sent"):
                await asyncio.sleep(0.002)
    finally:
        running.cancel()
    assert place.posts == 0


async def test_a_conversation_that_cannot_be_opened_is_an_attempt_that_failed() -> None:
    """Certainly not sent, and not asked for twice in one attempt."""
    place = Opening(refused=Outcome("not_sent", retry_ms=3_000, detail="ratelimited"))
    place.opened.set()
    desk = Desk(place)
    desk.decide("Page", "dora")
    await desk.delivery.step()
    assert (place.opens, place.posts) == (1, 0)
    row = desk.outbox.pages("acme-1")[0]
    assert (row.state, row.attempt, row.detail) == ("not_sent", 1, "ratelimited")
    place.refused = None
    await desk.wait(8)
    assert place.posts == 1
    assert desk.outbox.pages("acme-1")[0].state == "sent"


# ---- doubts that no history ends


async def test_a_page_in_doubt_is_sent_again_within_seconds_where_the_receiver_drops_a_repeat() -> None:
    """Nobody hears it twice, so nothing is waited for; and as long as it takes."""
    bell = Bell()
    desk = Desk(bell)
    bell.script = ["lost", "lost", "unknown", "lost"]
    desk.decide("Page", "dora")
    await desk.wait(2)
    assert bell.posts == 1
    await desk.wait(6)
    assert bell.posts == 2
    await desk.wait(60)
    assert [one.state for one in desk.outbox.pages("acme-1")] == ["sent"]
    assert len({one.page_id for one in bell.there}) == 1
    assert desk.delivery.blind_resends == 0


async def test_a_letter_in_doubt_goes_out_again_after_the_grace_and_three_times_in_all() -> None:
    """Counted, as nobody can tell; then it has failed, and the core climbs."""
    letters = Letters()
    desk = Desk(letters, grace_ms=60_000)
    letters.script = ["unknown"] * 10
    desk.decide("Page", "dora")
    await desk.wait(58)
    assert letters.posts == 1
    await desk.wait(8)
    assert letters.posts == 2
    await desk.wait(300)
    assert letters.posts == 3
    assert desk.delivery.blind_resends == 2
    assert [one.state for one in desk.outbox.pages("acme-1")] == ["failed"]
    assert "failed" in [report.outcome for report in desk.reports]


# ---- limits


async def test_a_critical_page_that_is_limited_for_longer_goes_the_second_way_in_half_a_minute() -> None:
    """Slack asks for a minute, and no page waits for that."""
    desk = Desk()

    async def limited(_message: Message) -> Outcome:
        return Outcome("not_sent", retry_ms=60_000, detail="ratelimited")

    desk.slack.post = limited  # type: ignore[method-assign,assignment]
    desk.decide("Page", "anna", by=("slack",), severity="critical")
    await desk.wait(29)
    assert desk.email.there == []
    await desk.wait(1)
    assert [one.to for one in desk.email.there] == ["anna@example.com"]


def test_a_limit_on_two_channels_is_one_on_the_workspace() -> None:
    """One rests alone; the second makes everything rest, as long as was asked; another way goes on."""
    pacing = Pacing(0)
    pacing.ended("slack", "C1", Outcome("not_sent", retry_ms=30_000, detail="ratelimited"), 0)
    assert [pacing.wait_ms("slack", lane, 1_000) for lane in ("C1", "C2", "C3")] == [29_000, 0, 0]
    pacing.ended("slack", "C2", Outcome("not_sent", retry_ms=10_000, detail="ratelimited"), 1_000)
    assert [pacing.wait_ms("slack", lane, 1_000) for lane in ("C1", "C2", "C3")] == [29_000, 10_000, 10_000]
    assert pacing.wait_ms("email", "C3", 1_000) == 0
    assert pacing.wait_ms("slack", "C3", 11_000) == 0


def test_two_limits_one_after_the_other_are_of_their_channels() -> None:
    """The first had ended; only Slack's own word for the workspace rests everything by itself."""
    pacing = Pacing(0)
    pacing.ended("slack", "C1", Outcome("not_sent", retry_ms=2_000, detail="ratelimited"), 0)
    pacing.ended("slack", "C2", Outcome("not_sent", retry_ms=2_000, detail="ratelimited"), 2_000)
    assert pacing.wait_ms("slack", "C3", 2_000) == 0
    pacing.ended("slack", "C2", Outcome("not_sent", retry_ms=5_000, detail="message_limit_exceeded"), 2_000)
    assert pacing.wait_ms("slack", "C3", 2_000) == 5_000


# ---- who is reached, and who is not any more


async def test_who_is_called_in_is_reached_by_a_second_way_whoever_acknowledged() -> None:
    """Whoever has the incident asked for them; the end of the incident takes it away."""
    desk = Desk(grace_ms=600_000)
    desk.slack.script = ["unknown", "unknown"]
    for incident in ("acme-1", "acme-2"):
        desk.quiet.add(incident)
        desk.decide("Page", "cara", by=("slack",), action="mobilise", incident=incident)
        await desk.delivery.step()
        desk.delivery.answered(Answered(incident, "acknowledge", "dora"))
    desk.delivery.answered(Answered("acme-2", "resolve", "dora"))
    await desk.wait(31)
    assert [(one.incident, one.to) for one in desk.email.there] == [("acme-1", "cara@example.com")]
    assert [r.outcome for r in desk.reports if r.way == "email"] == ["sent"]


async def test_whoever_a_letter_does_not_reach_is_told_in_person_and_not_where_all_read_along() -> None:
    """A message in a channel that names nobody wakes nobody; it is better than nothing where there is nothing else."""
    desk = Desk()
    desk.email.script = ["http_400", "http_400"]
    desk.decide("Page", "anna", by=("email",))
    await desk.delivery.step()
    assert [(one.kind, one.to) for one in desk.slack.there] == [("page", "U1")]
    PEOPLE["frank"] = [Address("frank", "slack", "C1"), Address("frank", "email", "frank@example.com")]
    desk.decide("Page", "frank", by=("email",), incident="acme-2")
    await desk.delivery.step()
    del PEOPLE["frank"]
    assert [one.to for one in desk.slack.there] == ["U1", "C1"]


async def test_a_card_that_names_a_colleague_does_not_count_as_having_told_somebody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both read along in the channel; one was named there, and the other was to have a letter."""
    channel, person = Address("gina", "slack", "C1"), Address("gina", "slack", "U7")
    monkeypatch.setitem(PEOPLE, "gina", [channel, Address("gina", "email", "gina@example.com", 0), person])
    desk = Desk()
    desk.email.script = ["http_400"]
    desk.decide("Page", "gina", "anna", by=("slack",))
    await desk.delivery.step()
    assert [(r.outcome, r.responders) for r in desk.reports if r.way == "email"] == [("missed", ("gina",))]
    assert ("page", "U7") in [(one.kind, one.to) for one in desk.slack.there]


async def test_a_way_that_comes_after_ten_minutes_comes_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that is: only what failed is never put off for so long."""
    later = Address("erik", "email", "erik@example.com", 600_000)
    monkeypatch.setitem(PEOPLE, "erik", [Address("erik", "slack", "U5", 0), later])
    desk = Desk()
    desk.decide("Page", "erik", by=("slack",))
    await desk.wait(599)
    assert desk.email.posts == 0
    await desk.wait(1)
    assert [one.to for one in desk.email.there] == ["erik@example.com"]


async def test_nobody_is_called_in_to_what_is_over() -> None:
    """What still waited for Slack is taken back."""
    desk = Desk()
    desk.slack.script = ["limited"]
    desk.decide("Page", "cara", by=("slack",), action="mobilise")
    await desk.delivery.step()
    desk.decide("StandDown", reason="calm")
    await desk.wait(60)
    assert desk.slack.there == desk.email.there == []


async def test_what_was_in_doubt_when_its_incident_ended_is_not_paged_by_the_next_process() -> None:
    """That it is over is on the disk; whoever asks the core of today hears of today's incident alone."""
    desk = Desk()
    desk.slack.script = ["unknown"]
    desk.decide("Page", "cara", by=("slack",))
    await desk.delivery.step()
    desk.decide("StandDown", reason="calm")
    again = Desk(desk.slack, desk.outbox)
    again.now_ms = desk.now_ms
    await again.wait(200)
    assert desk.slack.there == again.email.there == []
    assert {one.state for one in desk.outbox.pages("acme-1")} == {"cancelled"}


async def test_an_incident_acknowledged_before_its_card_was_shown_has_a_card_all_the_same() -> None:
    """When Slack is back: with whoever has it, and naming nobody. What came since goes below it."""
    desk = Desk()
    desk.slack.script = ["limited"]
    desk.decide("Page", "anna", by=("slack",))
    await desk.delivery.step()
    desk.quiet.add("acme-1")
    desk.delivery.answered(Answered("acme-1", "acknowledge", "anna"))
    desk.decide("Update", "anna", reason="severity_fell")
    await desk.wait(10)
    assert [(one.kind, one.to) for one in desk.slack.there] == [("card", "C1"), ("story", "C1")]
    assert "<@U1>" not in f"{desk.slack.there[0].text} {desk.slack.there[0].blocks}"
    assert "Acknowledged by anna" in str(desk.slack.there[0].blocks)
    assert desk.email.there == []


async def test_a_card_that_cannot_be_drawn_costs_the_card_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this one nor those of other incidents."""

    def draw(view: IncidentView, mentions: str = "") -> Card:
        if view.incident == "acme-1":
            raise OverflowError("date value out of range")
        return card(view, mentions)

    monkeypatch.setattr("alerting.delivery.composing.card", draw)
    desk = Desk()
    desk.decide("Page", "anna", incident="acme-2", severity="low")
    desk.decide("Page", "anna", severity="critical")
    await desk.delivery.step()
    assert [one.incident for one in desk.slack.there] == ["acme-1", "acme-2"]
    assert desk.slack.there[0].text.startswith("<@U1> ")
    assert desk.delivery.without_posts == 1


def test_one_message_for_several_names_all_of_their_people() -> None:
    """And is as grave as the gravest; who was called in is told in a message of their own."""
    rows = [
        row(1, kind="mention", severity="low", responders=("anna",), mentions=("U1",), line="One."),
        row(2, kind="mention", severity="critical", responders=("bram", "anna"), mentions=("U2", "U1"), line="Two."),
        row(3, kind="mention", wakes=False, called=True, responders=("cara",), mentions=("U3",), line="Three."),
    ]
    told = waits_with(rows[0], rows, 10**9)
    assert [one.page_id for one in told] == ["p1", "p2"]
    summary = summary_of(told)
    assert (summary.responders, summary.mentions) == (("anna", "bram"), ("U1", "U2"))
    assert (summary.severity, summary.wakes, summary.folded) == ("critical", True, ("One.", "Two."))


# ---- what grows


def test_what_was_sent_long_ago_costs_nothing_any_more() -> None:
    """What is asked four times a second takes SQLite as many steps after three thousand old pages as after thirty."""
    spent: list[int] = []
    for old in (30, 3_000):
        box = Outbox(None)
        with transaction(box._db, "many"):
            for n in range(old):
                box._plan_one(row(n, state="sent", kind="card", incident=f"a-{n}"))
            box._db.execute("UPDATE pages SET reported = 'sent'")
        box.plan([row(old + n, incident=f"b-{n}") for n in range(20)])
        steps: list[None] = []
        box._db.set_progress_handler(lambda: steps.append(None), 10)  # noqa: B023 - called within this turn
        assert len(box.unsettled()) == len(box.due(0)) == 20
        assert box.unreported() == box.untold_failures() == box.unknown() == box.edits(0) == []
        box._db.set_progress_handler(None, 10)
        spent.append(len(steps))
    assert 0 < spent[1] <= spent[0] + 2


def test_cards_out_of_date_are_known_again_after_a_restart(tmp_path: Any) -> None:
    """And forgotten once they show what there is."""
    shown = IncidentView(brand="acme", incident="acme-1", scenario="backlash", severity="high", opened_ms=0)
    box = Outbox(tmp_path / "outbox.db")
    box.plan([row(1, kind="card")], view=shown)
    box.settle("p1", Outcome("sent", "C1", "1.0"), 0)
    box.close()
    again = Outbox(tmp_path / "outbox.db")
    assert [one.page_id for one in again.edits(0)] == ["p1"]
    again.edited("p1", due_ms=500)
    assert again.edits(499) == []
    assert [one.page_id for one in again.edits(500)] == ["p1"]
    again.edited("p1", shown=1)
    assert again.edits(500) == []
    assert again._changed == {}
