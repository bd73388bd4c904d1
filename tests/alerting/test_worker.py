"""What the core decides reaches people once, in order; and nobody is woken after an acknowledgement."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.ways import Address, Answered, Delivered, Message, Outcome, Settles, Unreadable
from alerting.delivery.worker import Delivery
from alerting.view import ShownPost

PEOPLE = {
    "pr_oncall": [Address("pr_oncall", "slack", "C1"), Address("pr_oncall", "slack", "S1")],
    "head_of_pr": [Address("head_of_pr", "slack", "U2")],
    "legal": [Address("legal", "slack", "C2"), Address("legal", "slack", "U3")],
    "alone": [Address("alone", "slack", "U9")],
    "elsewhere": [Address("elsewhere", "pigeon", "loft")],
    "both": [Address("both", "slack", "C1"), Address("both", "terminal", "")],
}


class Place:
    """A channel in memory that accepts, refuses or loses what a script says; it remembers what it accepted."""

    settles: Settles = "history"

    def __init__(self) -> None:
        self.script: list[str] = []
        self.there: list[Message] = []
        self.edits: list[Message] = []
        self.posts = 0
        self.readable: Unreadable | None = None
        self.hidden = False
        """The history does not show what was accepted."""

    async def post(self, message: Message) -> Outcome:
        self.posts += 1
        act = self.script.pop(0) if self.script else "ok"
        if act == "raise":
            raise RuntimeError("boom")
        if act in ("ok", "lost"):
            self.there.append(message)
        if act == "ok":
            return Outcome("sent", message.to, str(len(self.there)))
        if act in ("lost", "unknown"):
            return Outcome("unknown", detail=act)
        if act == "limited":
            return Outcome("not_sent", retry_ms=3000, detail="ratelimited")
        return Outcome("permanent", detail=act) if act != "invalid_blocks" else Outcome("not_sent", detail=act)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        if self.readable is not None:
            raise self.readable
        found = [n for n, one in enumerate(self.there, 1) if one.page_id == message.page_id]
        return Outcome("sent", message.to, str(found[0])) if found and not self.hidden else None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        act = self.script.pop(0) if self.script else "ok"
        if act == "ok":
            self.edits.append(message)
            return Outcome("sent", channel, ts)
        return Outcome("unknown" if act == "lost" else "permanent", detail=act)


class Desk:
    """A delivery with a clock of its own."""

    def __init__(self, outbox: Outbox | None = None, place: Place | None = None, **options: Any) -> None:
        self.now_ms = 1_000_000
        self.slack = place or Place()
        self.terminal = Place()
        self.reports: list[Delivered] = []
        self.quiet: set[str] = set()
        self.outbox = outbox or Outbox(None)
        self.number = 0
        self.posts: dict[str, ShownPost] = {}
        ways = {"slack": self.slack, "terminal": self.terminal}
        self.delivery = Delivery(
            self.outbox,
            ways,
            lambda: self.now_ms,
            self._report,
            self._read,
            lambda who: PEOPLE.get(who, []),
            self.quiet.__contains__,
            **options,
        )

    def _read(self, names: tuple[str, ...]) -> Mapping[str, ShownPost]:
        if "broken" in names:
            raise OSError("the disk")
        return self.posts

    async def _report(self, report: Delivered) -> None:
        self.reports.append(report)

    def decide(self, kind: Any, *targets: str, **changes: Any) -> Decision:
        """A decision, taken in."""
        self.number += 1
        incident = changes.pop("incident", "acme-1")
        base: dict[str, Any] = {
            "key": f"{incident}/{self.number}/{kind}",
            "at_ms": self.now_ms,
            "brand": "acme",
            "kind": kind,
            "incident": incident,
            "scenario": "backlash",
            "severity": "high",
            "reason": "flowchart",
            "targets": targets,
        }
        decision = Decision(**(base | changes))
        self.delivery.take(decision)
        return decision

    async def wait(self, seconds: int) -> None:
        """Time passes; delivery looks once a second."""
        for _ in range(seconds):
            self.now_ms += 1000
            await self.delivery.step()

    def said(self) -> list[tuple[str, str, str]]:
        """Kind, channel and thread of what was accepted."""
        return [(one.kind, one.to, one.thread) for one in self.slack.there]


async def test_one_card_per_incident_and_the_rest_in_its_thread() -> None:
    """The first page posts the card and names the people; the next rung is named in the thread."""
    desk = Desk()
    desk.decide("OpenIncident", reason="signals")
    assert await desk.delivery.step() == 0
    desk.decide("Page", "pr_oncall", ack_by_ms=2_000_000, next_targets=("head_of_pr",))
    desk.decide("Escalate", "head_of_pr", reason="not_acknowledged", rung=1)
    desk.decide("Update", "pr_oncall", reason="severity_fell")
    await desk.delivery.step()
    desk.decide("StandDown", "pr_oncall", reason="calm")
    await desk.delivery.step()
    assert desk.said() == [("card", "C1", ""), ("mention", "C1", "1"), ("story", "C1", "1"), ("story", "C1", "1")]
    assert "<!subteam^S1>" in desk.slack.there[0].text
    assert not any("<!subteam" in one.text for one in desk.slack.there[1:])


async def test_an_incident_over_before_it_was_told_wakes_nobody() -> None:
    """Slack was down the whole time."""
    desk = Desk()
    desk.slack.script = ["limited"]
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.decide("StandDown", "pr_oncall", reason="calm")
    await desk.wait(10)
    assert desk.slack.there == []
    assert [row.state for row in desk.outbox.pages("acme-1")] == ["cancelled", "cancelled"]


async def test_the_next_rung_is_named_in_the_thread_for_the_channel_to_see() -> None:
    """A reply that only the thread shows wakes nobody."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.decide("Escalate", "head_of_pr", reason="not_acknowledged")
    await desk.delivery.step()
    line = desk.slack.there[1]
    assert (line.kind, line.thread, line.aloud) == ("mention", "1", True)
    assert line.text.startswith("<@U2> Paged next: headˍofˍpr, because nobody acknowledged in time.")


async def test_what_to_do_and_who_is_meant_is_read_on_the_card_and_in_its_thread() -> None:
    """As the flowchart says it, and by the names of people; the outbox goes on by their ids."""
    says = {"first": "Find out whether it is true", "second": "Take it over"}
    names = {"pr_oncall": "Chloe Martin", "head_of_pr": "Head of PR (David Osei)"}
    desk = Desk(say=lambda decision: says.get(decision.node, ""), name_of=lambda one: names.get(one, one))
    desk.decide("Page", "pr_oncall", node="first", ack_by_ms=2_000_000, next_targets=("head_of_pr",))
    await desk.delivery.step()
    card = json.dumps(desk.slack.there[0].blocks)
    assert "What to do now: Find out whether it is true" in card
    assert "Paged: Chloe Martin at" in card
    assert "Next: Head of PR (David Osei) at" in card
    desk.decide("Escalate", "head_of_pr", node="second", reason="not_acknowledged")
    await desk.delivery.step()
    line = desk.slack.there[1].blocks[0]["text"]["text"]
    assert line.startswith("Paged next: Head of PR (David Osei), because nobody acknowledged in time.")
    assert line.endswith(" What to do now: Take it over")
    assert "What to do now: Take it over" in json.dumps(desk.slack.edits[-1].blocks)
    desk.decide("Update", reason="acknowledged", note="head_of_pr")
    desk.decide("StandDown", reason="resolved", note="head_of_pr")
    await desk.delivery.step()
    assert [one.blocks[0]["text"]["text"] for one in desk.slack.there[2:]] == [
        "Acknowledged by Head of PR (David Osei).",
        "Stood down, because it was called resolved (Head of PR (David Osei)).",
    ]
    assert "What to do now" not in json.dumps(desk.slack.edits[-1].blocks)
    kept = desk.outbox.view("acme-1")
    assert kept is not None
    assert [one.who for one in kept.paged] == ["pr_oncall", "head_of_pr"]


async def test_an_edit_takes_no_name_out_before_somebody_has_it() -> None:
    """It would take back a push that Slack has not delivered yet."""
    desk = Desk()
    desk.decide("Page", "pr_oncall", by=("slack",))
    await desk.delivery.step()
    desk.decide("Update", reason="severity_rose", severity="critical")
    await desk.wait(10)
    [posted], edited = desk.slack.there[:1], desk.slack.edits[-1]
    assert "<!subteam^S1>" in f"{posted.text} {posted.blocks}"
    assert "<!subteam^S1>" in f"{edited.text} {edited.blocks}"
    desk.delivery.answered(Answered("acme-1", "acknowledge", "ana"))
    await desk.wait(10)
    assert "S1" not in f"{desk.slack.edits[-1].text} {desk.slack.edits[-1].blocks}"


async def test_people_with_a_channel_of_their_own_get_a_message_there() -> None:
    """With a link to the incident's channel and its buttons, which go when it is over."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.decide("Escalate", "legal", reason="not_acknowledged")
    await desk.delivery.step()
    assert sorted(desk.said()[1:]) == [("mention", "C1", "1"), ("page", "C2", "")]
    own = next(one for one in desk.slack.there if one.kind == "page")
    assert "<@U3>" in own.text
    assert "<#C1>" in own.text
    assert any(block["type"] == "actions" for block in own.blocks)
    desk.decide("StandDown", reason="calm")
    await desk.delivery.step()
    edited = {one.kind: one for one in desk.slack.edits}
    assert set(edited) == {"card", "page"}
    assert not any(block["type"] == "actions" for one in edited.values() for block in one.blocks)
    assert "<@U3>" not in edited["page"].text


async def test_a_responder_without_a_channel_gets_the_card_in_person() -> None:
    """And who comes after is not named in somebody else's conversation."""
    desk = Desk()
    desk.decide("Page", "alone")
    await desk.delivery.step()
    desk.decide("Escalate", "head_of_pr")
    await desk.delivery.step()
    assert desk.said()[0] == ("card", "U9", "")
    assert ("page", "U2", "") in desk.said()


async def test_every_way_gets_its_own_card_once() -> None:
    """Slack and the terminal, each once."""
    desk = Desk()
    desk.decide("Page", "both", by=("slack", "terminal"))
    await desk.delivery.step()
    await desk.delivery.step()
    assert [one.kind for one in desk.slack.there] == ["card"]
    assert desk.terminal.there[0].words.startswith("┌─ 🟠 High · acme")
    assert [(r.way, r.outcome) for r in desk.reports] == [("slack", "sent"), ("terminal", "sent")]


async def test_a_way_that_is_not_set_up_gives_place_to_one_that_is() -> None:
    """Better another way than nobody; and nobody reachable is said at once."""
    desk = Desk()
    desk.decide("Page", "pr_oncall", by=("pigeon",))
    desk.decide("Page", "elsewhere", incident="acme-2")
    await desk.delivery.step()
    assert desk.said() == [("card", "C1", "")]
    assert [(r.outcome, r.responders, r.detail) for r in desk.reports if r.incident == "acme-2"] == [
        ("failed", ("elsewhere",), "no address")
    ]


async def test_a_decision_repeated_after_a_crash_is_dropped() -> None:
    """The core may emit a decision again; people see it once."""
    desk = Desk()
    decision = desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    assert desk.delivery.take(decision) is False
    await desk.delivery.step()
    assert len(desk.slack.there) == 1
    assert desk.outbox.repeats == 1


async def test_nobody_is_woken_after_an_acknowledgement() -> None:
    """Planned pages are cancelled; the state is looked at again right before sending."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.decide("Escalate", "head_of_pr")
    desk.delivery.answered(Answered("acme-1", "acknowledge", "pr_oncall"))
    desk.decide("Escalate", "legal")
    desk.quiet.add("acme-1")
    await desk.wait(5)
    assert desk.said() == [("card", "C1", "")]
    assert {row.state for row in desk.outbox.pages("acme-1")[1:]} == {"cancelled"}


async def test_an_acknowledgement_shows_on_the_card_at_once() -> None:
    """Before the core has learnt of it."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.delivery.answered(Answered("acme-1", "acknowledge", "ana"))
    await desk.delivery.step()
    edit = desk.slack.edits[-1]
    buttons = [e["action_id"] for b in edit.blocks if b["type"] == "actions" for e in b["elements"]]
    assert "tocsin.acknowledge" not in buttons
    assert "Acknowledged by ana" in str(edit.blocks)
    assert "<!subteam" not in edit.text
    desk.delivery.answered(Answered("unheard-of", "acknowledge", "ana"))


async def test_a_page_in_doubt_when_somebody_acknowledged_wakes_nobody_again() -> None:
    """Found in the history it is sent; absent, its card is shown to all and names nobody, and one to a person is not
    sent.
    """
    desk = Desk()
    desk.slack.script = ["unknown", "unknown"]
    desk.decide("Page", "pr_oncall")
    desk.decide("Page", "alone", incident="acme-2")
    await desk.delivery.step()
    desk.quiet.update({"acme-1", "acme-2"})
    await desk.wait(70)
    assert desk.said() == [("card", "C1", "")]
    assert "<!subteam" not in f"{desk.slack.there[0].text} {desk.slack.there[0].blocks}"
    assert [row.state for row in desk.outbox.pages("acme-2")] == ["cancelled"]


async def test_a_lost_reply_is_found_in_the_history() -> None:
    """One message, not two; the core hears of the doubt and of its end."""
    desk = Desk()
    desk.slack.script = ["lost"]
    desk.decide("Page", "pr_oncall")
    await desk.wait(3)
    assert desk.slack.posts == 1
    assert [r.outcome for r in desk.reports] == ["unknown", "sent"]
    assert desk.outbox.card_of("acme-1") == ("C1", "1")


async def test_a_page_that_never_arrived_goes_out_again_after_the_grace_and_not_before() -> None:
    """Under the same page id."""
    desk = Desk(grace_ms=30_000)
    desk.slack.script = ["unknown"]
    desk.decide("Page", "pr_oncall")
    await desk.wait(30)
    assert desk.slack.posts == 1
    await desk.wait(4)
    assert desk.slack.posts == 2
    rows = desk.outbox.pages("acme-1")
    assert [(row.state, row.attempt) for row in rows] == [("sent", 2)]
    assert desk.slack.there[0].page_id == rows[0].page_id


async def test_a_message_that_shows_up_later_than_the_grace_is_the_residual_risk() -> None:
    """Doubled, with the same id in both: stated, and the price of never losing one."""
    desk = Desk(grace_ms=30_000)
    desk.slack.script = ["lost"]
    desk.slack.hidden = True
    desk.decide("Page", "pr_oncall")
    await desk.wait(40)
    assert len(desk.slack.there) == 2
    assert len({one.page_id for one in desk.slack.there}) == 1


@pytest.mark.parametrize(("permanent", "after_s"), [(True, 60), (False, 240)])
async def test_a_history_that_cannot_be_read_costs_no_page(permanent: bool, after_s: int) -> None:
    """Sent again unseen, counted, and within five minutes."""
    desk = Desk()
    desk.slack.script = ["unknown"]
    desk.slack.readable = Unreadable("missing_scope", permanent=permanent)
    desk.decide("Page", "pr_oncall")
    await desk.wait(after_s - 1)
    assert desk.slack.posts == 1
    await desk.wait(6)
    assert desk.slack.posts == 2
    assert desk.delivery.blind_resends == 1


async def test_what_nobody_needs_any_more_is_never_sent_again_unseen() -> None:
    """Somebody has it: whether the card arrived is found out once the history can be read, however late."""
    desk = Desk()
    desk.slack.script = ["unknown"]
    desk.slack.readable = Unreadable("internal_error", permanent=False)
    desk.decide("Page", "pr_oncall")
    await desk.wait(60)
    desk.quiet.add("acme-1")
    await desk.wait(600)
    assert desk.slack.posts == 1
    desk.slack.readable = None
    await desk.wait(30)
    assert desk.slack.posts == 2, "it had not arrived, and the card still tells the story"
    assert desk.delivery.blind_resends == 0


async def test_a_limit_is_waited_for_and_the_gravest_goes_first() -> None:
    """The channel is left alone as long as Slack asked; then critical, then the rest, each once."""
    desk = Desk()
    desk.slack.script = ["limited"]
    for n in range(20):
        desk.decide("Page", "pr_oncall", incident=f"acme-{n}", severity="critical" if n in (7, 13) else "medium")
    await desk.delivery.step()
    assert desk.slack.posts == 1
    desk.now_ms += 2999
    await desk.delivery.step()
    assert desk.slack.posts == 1
    desk.now_ms += 1
    await desk.delivery.step()
    order = [one.incident for one in desk.slack.there]
    assert order[:2] == ["acme-7", "acme-13"]
    assert len(order) == len(set(order)) == 20


async def test_a_final_refusal_is_not_tried_again_and_is_told() -> None:
    """The next rung is the core's to call; its card goes where those people are."""
    desk = Desk()
    desk.slack.script = ["is_archived"]
    desk.decide("Page", "pr_oncall")
    await desk.wait(10)
    assert desk.slack.posts == 1
    assert [(r.outcome, r.detail, r.responders) for r in desk.reports] == [("failed", "is_archived", ("pr_oncall",))]
    desk.decide("Escalate", "legal", reason="delivery_failed")
    await desk.delivery.step()
    assert desk.said() == [("card", "C2", "")]
    assert "pr_oncall at" in str(desk.slack.there[0].blocks)
    assert "could not be reached" in str(desk.slack.there[0].blocks)


async def test_a_card_that_slack_refuses_goes_as_words() -> None:
    """A page without blocks is better than no page."""
    desk = Desk()
    desk.slack.script = ["invalid_blocks"]
    desk.decide("Page", "pr_oncall")
    await desk.wait(1)
    assert [(one.blocks, bool(one.text)) for one in desk.slack.there] == [((), True)]


async def test_a_way_that_breaks_stops_no_other() -> None:
    """An exception is an unknown outcome like any other."""
    desk = Desk()
    desk.slack.script = ["raise"]
    desk.decide("Page", "both", by=("slack", "terminal"))
    await desk.wait(1)
    assert len(desk.terminal.there) == 1
    await desk.wait(65)
    assert len(desk.slack.there) == 1


async def test_a_text_store_that_cannot_be_read_costs_the_posts_not_the_page() -> None:
    """And deleted posts are simply not shown."""
    desk = Desk()
    desk.posts = {"n2": ShownPost("still here")}
    desk.decide("Page", "pr_oncall", exemplars=("n1", "n2"))
    desk.decide("Page", "pr_oncall", exemplars=("broken",), incident="acme-2")
    await desk.delivery.step()
    assert "still here" in str(desk.slack.there[0].blocks)
    assert len(desk.slack.there) == 2
    assert desk.delivery.without_posts == 1


async def test_an_edit_that_was_lost_is_done_again() -> None:
    """Editing twice does no harm; a refused one is given up and counted."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.slack.script = ["lost"]
    desk.decide("Update", severity="critical", reason="still_going")
    await desk.wait(8)
    assert len(desk.slack.edits) == 1
    desk.slack.script = ["cant_update_message"]
    desk.decide("Update", severity="medium", reason="still_going")
    await desk.wait(8)
    assert len(desk.slack.edits) == 1
    assert desk.delivery.edits_refused == 1


async def test_a_notice_after_an_acknowledgement_is_told_and_names_nobody() -> None:
    """It goes on: the channel sees it, no phone rings."""
    desk = Desk()
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    desk.quiet.add("acme-1")
    desk.decide("Notify", "pr_oncall", reason="still_going")
    await desk.delivery.step()
    assert desk.said()[1] == ("mention", "C1", "1")
    assert "<!subteam" not in desk.slack.there[1].text


async def test_silence_is_not_delivered() -> None:
    """Not paging is a decision for the log."""
    desk = Desk()
    desk.decide("NoPage", "pr_oncall", reason="below_severity")
    assert await desk.delivery.step() == 0
    assert desk.outbox.view("acme-1") is None


async def test_running_delivers_what_is_taken_in_without_being_asked() -> None:
    """The loop wakes for news, and stops when it is cancelled."""
    desk = Desk(poll_ms=60_000)
    running = asyncio.create_task(desk.delivery.run())
    await asyncio.sleep(0.01)
    desk.decide("Page", "pr_oncall")
    async with asyncio.timeout(5):
        while not desk.reports:
            await asyncio.sleep(0.005)
        desk.delivery.answered(Answered("acme-1", "own", "ana"))
        while not desk.slack.edits:
            await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def _told_in(row: OutboxRow, rows: list[OutboxRow]) -> str:
    """The page that tells what a row would have told, where lines were held up and told together."""
    by_id = {one.page_id: one for one in rows}
    while row.told_in:
        row = by_id[row.told_in]
    return row.page_id


def wakes_somebody(message: Message) -> bool:
    """A line of the thread does not, nor does a card in a channel that names nobody."""
    named = any(mark in f"{message.text} {message.blocks}" for mark in ("<@", "<!"))
    return named or (message.kind != "story" and not (message.kind == "card" and message.to.startswith("C")))


ACTS = st.lists(
    st.one_of(
        st.sampled_from(["page", "escalate", "legal", "update", "ack", "restart", "wait", "long"]),
        st.sampled_from(["lost", "unknown", "limited", "raise"]),
    ),
    min_size=3,
    max_size=20,
)


@given(ACTS)
@settings(max_examples=40, deadline=None)
def test_whatever_goes_wrong_no_page_is_lost_and_none_is_doubled(acts: list[str]) -> None:
    """Lost replies, limits, breakage and restarts in any order, with a history that is true within the grace."""
    place = Place()
    desk = Desk(place=place)
    answered_at: int | None = None

    async def play() -> None:
        nonlocal desk, answered_at
        for act in acts:
            if act in ("lost", "unknown", "limited", "raise"):
                place.script.append(act)
            elif act == "restart":
                old = desk
                desk = Desk(outbox=old.outbox, place=place)
                desk.now_ms, desk.number, desk.quiet = old.now_ms, old.number, old.quiet
                desk.delivery._is_quiet = desk.quiet.__contains__
            elif act == "ack":
                desk.quiet.add("acme-1")
                desk.delivery.answered(Answered("acme-1", "acknowledge", "ana"))
                answered_at = len(place.there) if answered_at is None else answered_at
            elif act in ("wait", "long"):
                await desk.wait(3 if act == "wait" else 70)
            else:
                kind = {"page": "Page", "update": "Update"}.get(act, "Escalate")
                who = {"page": "pr_oncall", "legal": "legal"}.get(act, "head_of_pr")
                desk.decide(kind, who, reason="severity_fell" if act == "update" else "flowchart")
                await desk.delivery.step()
        place.script.clear()
        await desk.wait(150)

    asyncio.run(play())
    sent = [one.page_id for one in place.there]
    assert len(sent) == len(set(sent))
    rows = desk.outbox.pages("acme-1")
    assert {row.state for row in rows} <= {"sent", "cancelled"}
    assert {row.page_id for row in rows if row.state == "sent"} == set(sent)
    if answered_at is None:
        told = {row.page_id for row in rows if row.state == "sent"}
        assert all(row.state == "sent" or _told_in(row, rows) in told for row in rows if row.wakes)
    else:
        assert not any(wakes_somebody(one) for one in place.there[answered_at:])
