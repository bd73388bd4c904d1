"""Pages survive: planned once, sent in order, never guessed about."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.delivery.outbox import UNSETTLED, Outbox, OutboxRow, page_id
from alerting.delivery.ways import Outcome
from alerting.view import IncidentView, ShownPost

SENT = Outcome("sent", "C1", "1.000001")


def row(number: int, **changes: Any) -> OutboxRow:
    """A page of an incident."""
    base: dict[str, Any] = {
        "page_id": f"p{number}",
        "brand": "acme",
        "incident": "acme-1",
        "key": f"acme-1/{number}/Page",
        "way": "slack",
        "to": "C1",
        "kind": "page",
        "wakes": True,
    }
    return OutboxRow(**(base | changes))


def ids(rows: list[OutboxRow]) -> list[str]:
    """Which pages."""
    return [one.page_id for one in rows]


def test_the_same_page_is_planned_once() -> None:
    """A decision repeated after a crash is dropped, and counted."""
    box = Outbox(None)
    assert box.plan([row(1), row(2)], key="d1") == 2
    assert box.plan([row(1), row(3)], key="d1") == 0
    assert box.plan([row(2), row(3)], key="d2") == 1
    assert box.repeats == 2
    assert ids(box.unsettled()) == ["p1", "p2", "p3"]


def test_an_id_follows_from_decision_way_and_address_alone() -> None:
    """Joined without care, two addresses could share an id."""
    assert page_id("k", "slack", "C1") == page_id("k", "slack", "C1")
    assert len({page_id("k", "a", "bc"), page_id("k", "ab", "c"), page_id("ka", "b", "c"), page_id("k", "a", "b")}) == 4
    assert page_id("k", "slack", "C1") != page_id("k", "email", "C1")


def test_what_a_crash_left_half_sent_is_unknown(tmp_path: Path) -> None:
    """Not failed, not unsent: only the channel knows."""
    box = Outbox(tmp_path / "outbox.db")
    box.plan([row(1), row(2, to="C2")])
    box.begin("p1", 1, 1000)
    box.close()
    again = Outbox(tmp_path / "outbox.db")
    assert again.recover() == 1
    assert again.recover() == 0
    assert ids(again.unknown()) == ["p1"]
    assert (again.row("p1").started_ms, again.row("p1").attempt) == (1000, 1)
    assert ids(again.due(5000)) == ["p2"]


def test_the_gravest_incident_goes_first_and_order_holds_within_one() -> None:
    """What a critical page waits for goes as early as it: its card, and the lines before it."""
    box = Outbox(None)
    box.plan([row(1, incident="a", severity="low"), row(2, incident="b", severity="medium")])
    box.plan([row(3, incident="a", severity="critical", to="C9"), row(4, incident="c", severity="high")])
    box.plan([row(5, incident="b", severity="critical", to="C1")])
    assert ids(box.due(0)) == ["p1", "p3", "p2", "p4"]
    box.settle("p2", SENT, 0)
    assert ids(box.due(0)) == ["p1", "p3", "p5", "p4"]


def test_whoever_is_to_be_woken_waits_for_no_other_incidents_story() -> None:
    """A channel takes a message a second: however grave the incidents whose stories go on, a new page goes first."""
    box = Outbox(None)
    stories = [row(n, incident=f"old-{n}", kind="story", wakes=False, severity="critical") for n in range(1, 4)]
    box.plan([*stories, row(8, incident="new", kind="card", severity="medium")])
    assert ids(box.due(0)) == ["p8", "p1", "p2", "p3"]


@pytest.mark.parametrize("kind", ["unknown", "not_sent"])
def test_a_later_message_waits_for_an_earlier_one_in_its_place_alone(kind: Any) -> None:
    """Another channel is not held up."""
    box = Outbox(None)
    box.plan([row(1, lane="C1"), row(2, to="C1:thread", lane="C1"), row(3, to="C2", lane="C2")])
    box.begin("p1", 1, 0)
    box.settle("p1", Outcome(kind, retry_ms=3000), 0)
    assert ids(box.due(2999)) == ["p3"]
    assert ids(box.due(3000)) == (["p1", "p3"] if kind == "not_sent" else ["p3"])
    box.settle("p1", SENT, 3000)
    assert ids(box.due(3000)) == ["p2", "p3"]


def test_an_acknowledgement_cancels_what_would_still_wake_somebody() -> None:
    """The story goes on; what is under way is settled first."""
    box = Outbox(None)
    box.plan([row(1), row(2, to="C2"), row(3, wakes=False), row(4, incident="other"), row(5, to="C5")])
    box.begin("p1", 1, 0)
    box.begin("p5", 1, 0)
    box.settle("p5", Outcome("unknown"), 0)
    assert box.cancel_incident("acme-1") == 1
    assert [box.row(f"p{n}").state for n in range(1, 6)] == ["sending", "cancelled", "planned", "planned", "unknown"]


def test_the_end_of_an_incident_takes_back_who_was_called_in_and_an_acknowledgement_does_not() -> None:
    """Whoever acknowledged asked for them; when it is over there is nothing to come for."""
    box = Outbox(None)
    box.plan([row(1, wakes=False, called=True)])
    assert (box.cancel_incident("acme-1"), box.row("p1").state) == (0, "planned")
    assert (box.cancel_incident("acme-1", over=True), box.row("p1").state) == (1, "cancelled")


def test_what_was_sent_stays_sent() -> None:
    """A late "unknown" of an earlier attempt unsends nothing."""
    box = Outbox(None)
    box.plan([row(1)])
    box.settle("p1", SENT, 0)
    assert box.settle("p1", Outcome("unknown"), 1).state == "sent"
    assert box.settle("p1", Outcome("permanent"), 1).ts == "1.000001"


def test_the_card_is_the_one_that_stands() -> None:
    """Failed and cancelled cards are no cards."""
    box = Outbox(None)
    box.plan([row(1, kind="card")])
    assert box.card_of("acme-1") is None
    box.settle("p1", Outcome("permanent", detail="is_archived"), 0)
    assert box.card("acme-1", "slack") is None
    box.plan([row(2, kind="card", to="C2")])
    box.settle("p2", Outcome("sent", "C2", "2.0"), 0)
    assert box.card_of("acme-1") == ("C2", "2.0")
    assert box.card_of("acme-1", "terminal") is None


def test_each_outcome_is_reported_until_somebody_took_it() -> None:
    """An unknown page is told as unknown, and again when it is settled."""
    box = Outbox(None)
    box.plan([row(1), row(2, kind="story", to="C2")])
    box.settle("p2", SENT, 0)
    assert box.unreported() == []
    box.begin("p1", 1, 0)
    box.settle("p1", Outcome("unknown"), 0)
    assert [(one.page_id, one.state) for one in box.unreported()] == [("p1", "unknown")]
    box.reported(box.row("p1"))
    assert box.unreported() == []
    box.settle("p1", SENT, 0)
    assert [(one.page_id, one.state) for one in box.unreported()] == [("p1", "sent")]


def shown(**changes: Any) -> IncidentView:
    """An incident's view."""
    view = IncidentView(brand="acme", incident="acme-1", scenario="backlash", severity="high", opened_ms=0)
    return msgspec.structs.replace(view, **changes)


def test_a_card_is_edited_once_for_each_change(tmp_path: Path) -> None:
    """The same view twice is no change; an edit that failed is due again."""
    box = Outbox(tmp_path / "outbox.db")
    box.plan([row(1, kind="card")], view=shown())
    assert box.edits(0) == []
    box.settle("p1", SENT, 0)
    box.edited("p1", shown=box.revision("acme-1"))
    assert box.edits(0) == []
    box.save_view(shown())
    assert box.edits(0) == []
    box.save_view(shown(severity="critical"))
    assert ids(box.edits(0)) == ["p1"]
    box.edited("p1", due_ms=500)
    assert box.edits(499) == []
    assert ids(box.edits(500)) == ["p1"]
    box.edited("p1", shown=box.revision("acme-1"))
    assert box.edits(10_000) == []


def test_what_quoted_an_erased_note_is_edited_until_it_was(tmp_path: Path) -> None:
    """The line that quotes it, as soon as it is there, and the card that may hold it; also after a restart."""
    box = Outbox(tmp_path / "outbox.db")
    lines = [row(2, kind="story", said="d1"), row(3, kind="story", said="d2"), row(4, kind="story")]
    box.plan([row(1, kind="card"), *lines], view=shown())
    for name in ("p1", "p2", "p3"):
        box.settle(name, SENT, 0)
    box.edited("p1", shown=box.revision("acme-1"))
    assert ids(box.show_again([], ["d1"])) == ["p2"]
    assert ids(box.edits(0)) == ["p2"]
    box.edited("p2", due_ms=500)
    box.close()
    again = Outbox(tmp_path / "outbox.db")
    assert (ids(again.edits(499)), ids(again.edits(500))) == ([], ["p2"]), "one that failed is due again"
    again.edited("p2", shown=again.revision("acme-1"))
    assert again.edits(10_000) == []
    assert ids(again.show_again(["acme-1"])) == ["p1"]
    assert ids(again.edits(0)) == ["p1"], "the card alone: lines do not quote posts"


def test_people_s_words_are_not_kept(tmp_path: Path) -> None:
    """Posts live in the erasable text store alone."""
    box = Outbox(tmp_path / "outbox.db")
    box.save_view(shown(posts=(ShownPost("canary words", "canary author"),), exemplars=("n1",)))
    box.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"canary" not in kept
    again = Outbox(tmp_path / "outbox.db").view("acme-1")
    assert again is not None
    assert again.exemplars == ("n1",)


ACTS = st.lists(
    st.tuples(st.sampled_from(["plan", "begin", "sent", "not_sent", "unknown", "ack"]), st.integers(0, 5)), max_size=25
)


@given(ACTS)
@settings(max_examples=60, deadline=None)
def test_no_page_is_lost_or_sent_out_of_order_whatever_happens(acts: list[tuple[str, int]]) -> None:
    """Every planned page is due, held by an earlier one, under way, unknown, or over."""
    box = Outbox(None)
    planned: list[str] = []
    for act, number in acts:
        name = f"p{number}"
        if act == "plan":
            planned += [name] if box.plan([row(number)]) else []
        elif act == "begin" and name in ids(box.due(0)):
            box.begin(name, 1, 0)
        elif act in ("sent", "not_sent", "unknown") and name in planned and box.row(name).state == "sending":
            box.settle(name, Outcome(act), 0)  # type: ignore[arg-type]
        elif act == "ack":
            box.cancel_incident("acme-1")
    states = {name: box.row(name).state for name in planned}
    open_pages = [name for name in planned if states[name] in UNSETTLED]
    assert ids(box.unsettled()) == open_pages
    ready = [name for name in open_pages[:1] if states[name] in ("planned", "not_sent")]
    assert ids(box.due(0)) == ready


SCRIPT = """
import sys
from pathlib import Path
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.ways import Outcome
box = Outbox(Path(sys.argv[1]))
box.plan([OutboxRow(page_id="p1", brand="a", incident="a-0", key="k", way="slack", to="C1", kind="card")], key="k")
print("planned", flush=True)
box.begin("p1", 1, 1000)
print("sending", flush=True)
box.settle("p1", Outcome("sent", "C1", "1.5"), 2000)
print("sent", flush=True)
"""


@pytest.mark.parametrize(
    ("point", "said", "state"),
    [
        ("outbox.plan.before", "", None),
        ("outbox.plan.after", "", "planned"),
        ("outbox.sending.before", "planned\n", "planned"),
        ("outbox.sending.after", "planned\n", "unknown"),
        ("outbox.sent.before", "planned\nsending\n", "unknown"),
        ("outbox.sent.after", "planned\nsending\n", "sent"),
    ],
)
def test_a_process_killed_at_any_seam_leaves_the_truth(
    tmp_path: Path, point: str, said: str, state: str | None
) -> None:
    """SIGKILL on either side of each durable write: what a line was said about is on the disk."""
    path = tmp_path / "outbox.db"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        env=os.environ | {"TOCSIN_CRASH_AT": point, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == said
    box = Outbox(path)
    box.recover()
    assert [one.state for one in box.pages("a-0")] == ([state] if state else [])
    assert box.taken("k") == (state is not None)


def test_an_outbox_of_an_older_tocsin_opens_and_its_pages_go_on(tmp_path: Path) -> None:
    """What it did not know yet has its default; whatever it was waiting for is due."""
    path = tmp_path / "outbox.db"
    box = Outbox(path)
    box.plan([row(1)])
    box.close()
    with sqlite3.connect(path) as db:
        old = msgspec.json.decode(db.execute("SELECT body FROM pages").fetchone()[0])
        assert not {"wanted_ms", "after_ms", "instead_of", "given_up", "told_in", "folded"} & set(old)
        db.execute("UPDATE pages SET body = ?", (msgspec.json.encode(old | {"of_a_newer_one": 1}),))
    again = Outbox(path)
    assert ids(again.due(0)) == ["p1"]
    assert again.row("p1").wanted_ms == 0


def test_a_page_for_later_holds_up_nothing_and_a_clock_that_goes_back_holds_up_no_page() -> None:
    """A delay is a plan; what failed is never put off for an hour."""
    box = Outbox(None)
    box.plan([row(1, after_ms=60_000, wanted_ms=60_000, due_ms=60_000), row(2)])
    assert ids(box.due(0)) == ["p2"]
    box.settle("p2", Outcome("not_sent", retry_ms=5000), 3_600_000)
    assert ids(box.due(3_600_001)) == ["p1"]
    box.settle("p1", SENT, 3_600_001)
    assert ids(box.due(3_600_001)) == []
    assert ids(box.due(1_000)) == ["p2"]
