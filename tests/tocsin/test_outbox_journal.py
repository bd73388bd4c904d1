"""An outbox that is followed row by row: whoever reads the rows has the same outbox, wherever they were cut."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.delivery.outbox import Outbox, OutboxRow, page_id
from alerting.delivery.ways import Outcome
from alerting.view import IncidentView
from tocsin.scaled.outbox_journal import Change, OutboxJournal

TABLES = {
    "pages": "seq, page_id, incident, way, kind, state, reported, body",
    "taken": "key",
    "views": "incident, revision, view",
    "edits": "page_id, shown, due_ms",
    "notes": "name, value",
}
Operation = Callable[[Outbox, OutboxJournal], object]


def tables(box: Outbox) -> dict[str, list[Any]]:
    """Every row of every table, in order."""
    return {
        name: box.db.execute(f"SELECT {columns} FROM {name} ORDER BY 1").fetchall() for name, columns in TABLES.items()
    }


def view(incident: str, severity: str) -> IncidentView:
    """An incident as it is shown."""
    return IncidentView(brand="Acmé", incident=incident, scenario="backlash", severity=severity, opened_ms=0)


def row(incident: str, key: str, to: str, kind: Any) -> OutboxRow:
    """A page of a decision."""
    return OutboxRow(
        page_id=page_id(key, "slack", to), brand="Acmé", incident=incident, key=key, way="slack", to=to, kind=kind,
        wakes=kind != "story", line="„Über Öl“", wanted_ms=7,
    )  # fmt: skip


incidents = st.sampled_from(["a-0", "b-0"])
keys = st.integers(0, 4).map(str)
places = st.sampled_from(["C1", "C2"])
kinds = st.sampled_from(["card", "page", "mention", "story"])


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """One thing that delivery does to its outbox."""
    incident, key, to, kind = draw(incidents), draw(keys), draw(places), draw(kinds)
    one, other = row(incident, key, to, kind), row(incident, f"{key}+", to, "mention")
    at_ms, severity = draw(st.integers(0, 9)), draw(st.sampled_from(["low", "high"]))
    outcome = Outcome(draw(st.sampled_from(["sent", "not_sent", "permanent", "unknown"])), "C1", "1.5")
    shown = view(incident, severity)

    def known(act: Operation) -> Operation:
        def perform(box: Outbox, journal: OutboxJournal) -> object:
            there = box.db.execute("SELECT 1 FROM pages WHERE page_id = ?", (one.page_id,)).fetchone()
            return act(box, journal) if there else None

        return perform

    chosen: Operation = draw(
        st.sampled_from(
            [
                lambda box, _: box.plan([one], key=f"{incident}/{key}", view=shown),
                lambda box, _: box.plan([one, other], key=f"{incident}/{key}/two"),
                known(lambda box, _: box.begin(one.page_id, 1, at_ms)),
                known(lambda box, _: box.settle(one.page_id, outcome, at_ms)),
                known(lambda box, _: box.postpone(one.page_id, at_ms)),
                known(lambda box, _: box.give_up(one.page_id)),
                known(lambda box, _: box.reported(box.row(one.page_id))),
                known(lambda box, _: box.fold([box.row(one.page_id)], other)),
                known(lambda box, _: box.plan_instead([other], [one.page_id], at_ms)),
                lambda box, _: box.cancel_incident(incident),
                lambda box, _: box.save_view(shown),
                lambda box, _: box.edited(one.page_id, shown=at_ms, due_ms=at_ms),
                lambda box, _: box.recover(),
                lambda _, journal: journal.note(f"decisions/{to}", str(at_ms)),
            ]
        )
    )
    return chosen


def lived(steps: list[tuple[Operation, bool]]) -> tuple[Outbox, list[list[Change]]]:
    """An outbox after so many operations, and what was handed out on the way."""
    box = Outbox(None)
    journal = OutboxJournal(box)
    journal.capture()
    drained = []
    for operate, drains in steps:
        operate(box, journal)
        if drains:
            drained.append(journal.drain())
    drained.append(journal.drain())
    assert not journal.has_news
    return box, drained


def copied(changes: list[Change]) -> Outbox:
    """An empty outbox that took these in."""
    box = Outbox(None)
    OutboxJournal(box).apply(changes)
    return box


@given(st.lists(st.tuples(operations(), st.booleans()), max_size=25))
def test_whoever_reads_every_row_has_the_same_outbox(steps: list[tuple[Operation, bool]]) -> None:
    """Read one by one, or when a compaction left only the last row of each key."""
    box, drained = lived(steps)
    changes = [change for some in drained for change in some]
    assert tables(copied(changes)) == tables(box)
    last = {change.key: number for number, change in enumerate(changes)}
    compacted = [change for number, change in enumerate(changes) if last[change.key] == number]
    assert tables(copied(compacted)) == tables(box)


@given(st.lists(st.tuples(operations(), st.booleans()), max_size=25), st.data())
def test_what_counts_as_taken_is_there_wherever_the_log_ends(
    steps: list[tuple[Operation, bool]], data: st.DataObject
) -> None:
    """A leader may die between two rows: a decision whose pages did not make it is taken again, and not lost."""
    _, drained = lived(steps)
    changes = [change for some in drained for change in some]
    end = data.draw(st.integers(0, len(changes)))
    copy = tables(copied(changes[:end]))
    pages = [page for _, page, *_ in copy["pages"]]
    for (key,) in copy["taken"]:
        _, number, *two = key.split("/")
        wanted = f"{number}+" if two else number
        assert any(page_id(wanted, "slack", to) in pages for to in ("C1", "C2")), key


def test_what_is_told_elsewhere_is_given_up_after_that_is_known() -> None:
    """Else a leader that dies in between takes a story with it."""
    box = Outbox(None)
    journal = OutboxJournal(box)
    journal.capture()
    lines = [row("a-0", str(number), "C1", "story") for number in range(2)]
    box.plan(lines)
    summary = row("a-0", "0+1", "C1", "story")
    box.fold([box.row(one.page_id) for one in lines], summary)
    assert journal.drain()[0].key == f"page/{summary.page_id}"


def test_an_outbox_that_was_taken_over_edits_what_is_out_of_date() -> None:
    """Cards that the leader before left behind the truth are made true by the next."""
    box = Outbox(None)
    journal = OutboxJournal(box)
    journal.capture()
    card = row("a-0", "1", "C1", "card")
    box.plan([card], view=view("a-0", "low"))
    box.settle(card.page_id, Outcome("sent", "C1", "1.5"), 0)
    copy = Outbox(None)
    other = OutboxJournal(copy)
    other.apply(journal.drain())
    other.capture()
    assert [one.page_id for one in copy.edits(0)] == [card.page_id]
    assert not other.has_news, "what was taken in is not handed out again"


def test_what_somebody_else_wrote_over_is_handed_out_again() -> None:
    """As it stands here; and what is gone here, as gone."""
    box = Outbox(None)
    journal = OutboxJournal(box)
    journal.capture()
    journal.note("decisions/0", "5")
    before = journal.drain()
    journal.again(["note/decisions/0", "page/nobody", "took/elsewhere"])
    assert journal.drain() == [Change("page/nobody", None), *before]
    journal.all_again()
    assert journal.drain() == before


@pytest.mark.parametrize("change", [Change("song/1", b"[]"), Change("taken/x", b"[1]"), Change("note/x", b"{")])
def test_rows_that_are_none_of_ours_are_refused(change: Change) -> None:
    """They say that something else is wrong; and quote nothing."""
    with pytest.raises(ValueError, match=r"table|row"):
        copied([change])
