"""EDGE. How every incident of a journal went, in a few words each: for the list of all of them.

The journal is read once after a start, and from then on only as far as it has grown. It alone knows how grave an
incident was at its worst, and what was decided in the shadow, of which nobody was told.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from alerting.decision import Decision
from alerting.facts import rank
from alerting.view import IncidentView, grown
from stream.codec import decode
from tocsin.entry import PROBE
from tocsin.journal import Beside

AT_ONCE = 2_000
"""Decisions read between two looks at who else waits."""
_NEXT = "SELECT n, body FROM decisions WHERE n > ? AND brand != ? ORDER BY n LIMIT ?"


class Course(NamedTuple):
    """How one incident went."""

    view: IncidentView
    """As its card stood last, without its posts, figures of the past and people."""
    worst: str
    """The highest severity it reached."""
    ended_ms: int = 0
    """0 while it is open."""
    shadow: bool = False
    """Whether nobody was told of it."""


class Courses:
    """How the incidents of the journal at `path` went. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._journal = Beside(path)
        self._upto = 0
        self._found: dict[str, Course] = {}

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def read_on(self) -> Mapping[str, Course]:
        """Every incident's course by its id, as far as the journal goes now. It may wait: for a thread of its own.

        Raises `sqlite3.Error`.
        """
        while self._read_some() == AT_ONCE:
            pass
        return self._found

    def _read_some(self) -> int:
        with self._journal as db:
            rows = db.execute(_NEXT, (self._upto, PROBE, AT_ONCE)).fetchall()
            if rows:
                self._found = courses_after(self._found, (decode(body, Decision) for _, body in rows))
                self._upto = rows[-1][0]
            return len(rows)


def courses_after(before: Mapping[str, Course], decisions: Iterable[Decision]) -> dict[str, Course]:
    """The courses after some more decisions, in the order in which they were taken.

    >>> def decided(n, kind, severity, reason="signals"):
    ...     return Decision(key=f"a-0/{n}", at_ms=n, brand="a", kind=kind, incident="a-0", scenario="backlash",
    ...                     severity=severity, reason=reason)
    >>> told = [decided(1, "OpenIncident", "low"), decided(2, "Page", "high"), decided(3, "StandDown", "low", "calm")]
    >>> course = courses_after({}, told)["a-0"]
    >>> course.worst, course.ended_ms, course.view.reason
    ('high', 3, 'calm')
    """
    found = dict(before)
    for one in decisions:
        known = found.get(one.incident)
        if one.kind == "NoPage" and known is None:  # nothing came of it
            continue
        view = grown(known.view if known is not None else None, one)
        worst = max(known.worst if known is not None else one.severity, one.severity, key=rank)
        open_again = one.kind == "OpenIncident"
        ended_ms = one.at_ms if one.kind == "StandDown" else 0 if open_again or known is None else known.ended_ms
        shadow = one.shadow and (known is None or known.shadow)
        found[one.incident] = Course(_light(view), worst, ended_ms, shadow)
    return found


def _light(view: IncidentView) -> IncidentView:
    return msgspec.structs.replace(view, history=(), exemplars=(), path=(), paged=(), promises=(), advice=(), say="")
