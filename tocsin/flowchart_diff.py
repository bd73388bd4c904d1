"""What another flowchart would change: its nodes, ways and people, and over the past which pages to whom and when.

The past is a journal, folded under either chart from its first entry, or mention files, replayed under either.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from alerting.decision import Decision
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from alerting.view import WAKES
from stream.brands import Brand
from stream.codec import rfc3339
from tocsin.engine import Engine
from tocsin.entry import Entry
from tocsin.journal import open_existing
from tocsin.replay import replay
from tocsin.rerun import moved_config, with_charts
from tocsin.walks import edges_of


class Changed(msgspec.Struct, frozen=True):
    """What one chart has and another has not: names in order."""

    what: str
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    """There in both, and not the same."""


class PageTo(msgspec.Struct, frozen=True, order=True):
    """A page to somebody, whichever of its incident's decisions it was."""

    at_ms: int
    brand: str
    who: str
    """A role or responder of the chart."""

    def __str__(self) -> str:
        return f"{rfc3339(self.at_ms)} {self.brand}: {self.who}"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that differs between two charts."""

    changed: tuple[Changed, ...] = ()
    looked_at: bool = False
    """Whether a past was run under both."""
    pages_before: int = 0
    pages_after: int = 0
    vanish: tuple[PageTo, ...] = ()
    appear: tuple[PageTo, ...] = ()

    @property
    def is_none(self) -> bool:
        """Nothing differs."""
        return not (self.changed or self.vanish or self.appear)


def structure(old: Chart, new: Chart) -> tuple[Changed, ...]:
    """What is written differently, kind by kind; kinds without a difference are left out."""
    before, after = old.written, new.written
    sections = [
        ("responders", before.responders, after.responders),
        ("roles", before.roles, after.roles),
        ("rosters", before.rosters, after.rosters),
        ("entries", before.entry, after.entry),
        ("nodes", old.nodes, new.nodes),
        ("statements", before.statements, after.statements),
    ]
    found = [_compared(what, one, other) for what, one, other in sections]
    ways = [[f"{start} -> {end}" for start, end in edges_of(chart)] for chart in (old, new)]
    found.append(
        Changed("ways", tuple(w for w in ways[0] if w not in ways[1]), tuple(w for w in ways[1] if w not in ways[0]))
    )
    whole = [key for key in type(before).model_fields if key not in _NAMED and _differs(before, after, key)]
    found.append(Changed("the chart's own", other=tuple(whole)))
    return tuple(one for one in found if one.gone or one.new or one.other)


_NAMED = ("responders", "roles", "rosters", "entry", "nodes", "subcharts", "statements")


def _differs(before: object, after: object, key: str) -> bool:
    return bool(getattr(before, key) != getattr(after, key))


def _compared(what: str, before: object, after: object) -> Changed:
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    return Changed(
        what,
        gone=tuple(name for name in before if name not in after),
        new=tuple(name for name in after if name not in before),
        other=tuple(name for name in before if name in after and before[name] != after[name]),
    )


def difference(
    old_text: str,
    new_text: str,
    *,
    journal: Path | None = None,
    mentions: Sequence[Path] = (),
    brand: Brand | None = None,
) -> Difference:
    """Everything that differs. Where a journal or mention files are given, the past is run under both charts.

    Raises `ChartError` for a bad chart, `JournalError` or `SourceError` for a past that cannot be read.
    """
    changed = structure(load_chart(old_text, "the old chart"), load_chart(new_text, "the new chart"))
    if journal is not None:
        before, after = (pages_of_journal(journal, text) for text in (old_text, new_text))
    elif mentions and brand is not None:
        before, after = (pages_of_mentions(mentions, brand, text) for text in (old_text, new_text))
    else:
        return Difference(changed=changed)
    return Difference(
        changed=changed,
        looked_at=True,
        pages_before=len(before),
        pages_after=len(after),
        vanish=tuple(page for page in before if page not in after),
        appear=tuple(page for page in after if page not in before),
    )


def pages_of_journal(path: Path, text: str) -> list[PageTo]:
    """Who would have been paged when, had every brand of a journal been judged by this chart all along."""
    journal = open_existing(path)
    try:
        contents, moved = with_charts(journal.contents(), {"": text})
        edit = moved_config(moved)
        engine = Engine(step_ms=journal.step_ms, contents=contents)
        decisions: list[Decision] = []
        for entry in journal.entries():
            for event in edit(entry):
                decisions += engine.apply(Entry(entry.seq, entry.at_ms, event))
        return _pages(decisions)
    finally:
        journal.close()


def pages_of_mentions(mentions: Sequence[Path], brand: Brand, text: str) -> list[PageTo]:
    """Who would have been paged when, had these posts come in under this chart."""
    decisions: list[Decision] = []
    replay(mentions, brands=[brand], chart_text=text, on_decision=decisions.append)
    return _pages(decisions)


def _pages(decisions: Sequence[Decision]) -> list[PageTo]:
    found = {
        PageTo(one.at_ms, one.brand, target): None for one in decisions if one.kind in WAKES for target in one.targets
    }
    return sorted(found)


def diff_lines(found: Difference) -> Iterator[str]:
    """A difference for a terminal."""
    if found.is_none:
        yield "The charts do the same." if found.looked_at else "The charts are the same."
    for changed in found.changed:
        said = [("-", changed.gone), ("+", changed.new), ("~", changed.other)]
        yield f"{changed.what}: " + ", ".join(f"{sign}{name}" for sign, names in said for name in names)
    if found.looked_at:
        yield f"pages in this past: {found.pages_before} before, {found.pages_after} after"
        yield from (f"  vanishes: {page}" for page in found.vanish)
        yield from (f"  appears:  {page}" for page in found.appear)
