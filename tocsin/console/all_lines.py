"""EDGE. Every incident in a line: of the outbox, which knows how its card stands, of the journal, and of the core.

A card that did not change is not read again, so that a year of incidents costs a look no more than a night of them.
"""

import sqlite3
from collections.abc import Callable, Mapping

import msgspec
import structlog

from alerting.naming import NameOf
from alerting.view import IncidentView
from tocsin.console.courses import Course, Courses
from tocsin.console.seen_incident import IncidentLine, line_of
from tocsin.core_seen import incidents_of
from tocsin.overview import Shows, bare_view

log = structlog.get_logger("tocsin")

_REVISIONS = "SELECT incident, revision FROM views"


class AllLines:
    """The lines of one deployment; `looked_back` gives, by incident, what somebody said of it afterwards."""

    def __init__(
        self, works: Shows, *, looked_back: Callable[[], Mapping[str, str]], courses: Courses | None = None
    ) -> None:
        self._works = works
        self._looked_back = looked_back
        self._courses = courses
        self._course: Mapping[str, Course] = {}
        self._grown = 0
        self._views: dict[str, tuple[int, IncidentView]] = {}
        self._lines: tuple[object, list[IncidentLine]] | None = None

    def read_on(self) -> None:
        """Read what the journal has grown by. It may wait: for a thread of its own."""
        if self._courses is None:
            return
        try:
            course = self._courses.read_on()
        except sqlite3.Error as error:
            log.warning("console cannot read", what="incidents", problem=type(error).__name__)
            return
        if course is not self._course:
            self._course, self._grown = course, self._grown + 1

    def all(self) -> list[IncidentLine]:
        """Every incident, the latest first."""
        works = self._works
        core = [(one.id, one.status, one.severity) for one in incidents_of(works.core)]
        said = self._looked_back()
        version = works.outbox.db.total_changes, core, tuple(said.items()), self._grown, works.live.chart.digest
        if self._lines is None or self._lines[0] != version:
            zones = {one.name: one.timezone for one in works.brands}
            lines = [
                self._line(view, zones.get(view.brand, works.settings.timezone), said.get(name, ""))
                for name, view in self._known().items()
            ]
            self._lines = version, sorted(lines, key=lambda one: (-one.opened_ms, one.incident))
        return self._lines[1]

    def _known(self) -> dict[str, IncidentView]:
        """How each stands: as its card does, which knows of an answer before the core; else as it was decided."""
        works = self._works
        found = {name: course.view for name, course in self._course.items()}
        found |= {one.id: bare_view(one) for one in incidents_of(works.core) if one.id not in found}
        outbox = works.outbox
        for name, revision in outbox.db.execute(_REVISIONS).fetchall():
            kept = self._views.get(name)
            if kept is None or kept[0] != revision:
                view = outbox.view(name)
                if view is None:
                    continue
                kept = self._views[name] = revision, msgspec.structs.replace(view, history=(), path=(), exemplars=())
            found[name] = kept[1]
        return found

    def _line(self, view: IncidentView, zone: str, looked_back: str) -> IncidentLine:
        course = self._course.get(view.incident)
        name_of: NameOf = self._works.live.name_of
        line = line_of(
            view,
            worst=course.worst if course is not None else "",
            ended_ms=course.ended_ms if course is not None else 0,
            looked_back=looked_back,
        )
        return msgspec.structs.replace(
            line,
            timezone=zone,
            shadow=course is not None and course.shadow,
            acked_by=name_of(line.acked_by) if line.acked_by else "",
            owner=name_of(line.owner) if line.owner else "",
        )
