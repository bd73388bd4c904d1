"""EDGE. What the console reads from files while others write them: texts, the journal, its own memory. In threads.

What cannot be read is left out: a page without its posts is better than none.
"""

import sqlite3
import threading
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from alerting.asks import in_words
from alerting.decision import Decision
from alerting.delivery.rows import OutboxRow
from alerting.explain import Explanation
from alerting.facts import BLIND
from alerting.naming import NameOf
from alerting.timeline import Moment
from alerting.view import IncidentView, ShownPost, grown
from stream.brands import Brand
from stream.codec import HOUR_MS, MINUTE_MS
from stream.sources.store import StoreError
from tocsin.brand_now import BrandFigures
from tocsin.console.history import History, columns
from tocsin.console.seen_brand import SPANS_MS, HistorySeen, Span, ThreadSeen
from tocsin.console.seen_incident import NoticeSeen, SeriesSeen, WalkedSeen, series_seen, with_gaps, with_threshold
from tocsin.console.stories import Story, Tells, in_dutch, moments_of, notices_of, walked_before
from tocsin.drawing import STEP_MS
from tocsin.fresh_words import Explainer
from tocsin.incident_series import incident_series, title_of, view_series
from tocsin.people import People

log = structlog.get_logger("tocsin")

WORDS_EVERY_MS = MINUTE_MS
"""How often a brand's words are looked up anew while somebody looks: in a crisis five minutes are another story."""


class Told(NamedTuple):
    """What the files add to an incident."""

    view: IncidentView
    moments: tuple[Moment, ...]
    series: SeriesSeen | None
    notified: tuple[NoticeSeen, ...] = ()
    earlier: tuple[WalkedSeen, ...] = ()
    in_dutch: tuple[Moment, ...] = ()


class Said(NamedTuple):
    """What the files add to a brand."""

    history: HistorySeen
    explanation: Explanation
    threads: tuple[ThreadSeen, ...]


class Reading:
    """Reads for one console; each method may be called in a thread, several at a time."""

    def __init__(
        self,
        people: People,
        brands: Sequence[Brand],
        *,
        tells: Tells | None = None,
        history: History | None = None,
        name_of: NameOf = str,
    ) -> None:
        """`name_of` gives the name by which a timeline speaks of whoever the flowchart calls so."""
        self._people = people
        self._tells = tells
        self._history = history
        self._name_of = name_of
        self._explainer = Explainer(people.texts, brands)
        self._one = threading.Lock()

    def incident(
        self, view: IncidentView, figures: BrandFigures | None, rows: Sequence[OutboxRow], notice: int = 0
    ) -> Told:
        """What is added to an incident; `rows` are its pages, `figures` its brand's, where it goes on; `notice` is from
        how many posts in five minutes on its volume was worth one (0: nobody knows).
        """
        story: Story | None = None
        try:
            asks = in_words(view.asks, self._people.notes.note)
            view = msgspec.structs.replace(
                view, asks=asks, posts=self._posts(view.exemplars), explanation=self._explained(view)
            )
            story = self._tells.story(view.incident) if self._tells is not None else None
        except (StoreError, sqlite3.Error) as error:
            log.warning("console cannot read", what="incident", problem=type(error).__name__)
        series = None if view.scenario == BLIND else _series(view, story, figures)
        if series is not None:
            series = self._without_silence(view.brand, with_threshold(series, notice))
        earlier = walked_before(story.decisions) if story is not None else ()
        return Told(
            view,
            moments_of(story, view.incident, rows, view.timezone, self._name_of),
            series,
            notices_of(story),
            earlier,
            in_dutch(story, view.incident, view.timezone, self._name_of),
        )

    def told_view(self, incident: str) -> IncidentView | None:
        """An incident of which nobody was told, as the journal has it; `None` where it knows none of this name."""
        try:
            story = self._tells.story(incident) if self._tells is not None else None
        except sqlite3.Error as error:
            log.warning("console cannot read", what="incident", problem=type(error).__name__)
            return None
        view: IncidentView | None = None
        for decision in story.decisions if story is not None else ():
            view = grown(view, decision)
        return view

    def _without_silence(self, brand: str, series: SeriesSeen) -> SeriesSeen:
        """With gaps where nobody listened, in place of the zeros that a decision carries."""
        if self._history is None or all(series.observed):
            return series
        try:
            heard = self._history.heard(brand, series.times_ms[0], series.times_ms[-1] + STEP_MS)
        except (StoreError, sqlite3.Error) as error:
            log.warning("console cannot read", what="history", problem=type(error).__name__)
            return series
        return with_gaps(series, heard)

    def brand(self, brand: str, span: Span, at_ms: int, threads: Sequence[ThreadSeen]) -> Said:
        """What is added to a brand: its history, what is new in its words, the first posts of its conversations."""
        history, explanation, found = _unknown(span, at_ms), Explanation(), tuple(threads)
        try:
            if self._history is not None:
                history = self._history.seen(brand, span, at_ms)
            known = self._people.posts(tuple(one.key for one in found if not one.copies))
            found = tuple(msgspec.structs.replace(one, root=known.get(one.key)) for one in found)
            explanation = self._words(brand, at_ms)
        except (StoreError, sqlite3.Error) as error:
            log.warning("console cannot read", what="brand", problem=type(error).__name__)
        return Said(history, explanation, found)

    def _words(self, brand: str, at_ms: int) -> Explanation:
        """What is new in the posts of the last hour: as for an incident that had begun then."""
        until_ms = at_ms - at_ms % WORDS_EVERY_MS
        since_ms = until_ms - HOUR_MS
        return self._explained(
            IncidentView(
                brand=brand,
                incident="",
                scenario="",
                severity="low",
                opened_ms=since_ms,
                since_ms=since_ms,
                found_ms=until_ms,
            )
        )

    def _explained(self, view: IncidentView) -> Explanation:
        with self._one:
            return self._explainer.explain(view)

    def _posts(self, names: tuple[str, ...]) -> tuple[ShownPost, ...]:
        found = self._people.posts(names) if names else {}
        return tuple(found[name] for name in names if name in found)


def _series(view: IncidentView, story: Story | None, figures: BrandFigures | None) -> SeriesSeen | None:
    """Observed against expected, from the first decision to this moment where it goes on."""
    if story is None:
        found = view_series(view)
    else:
        decisions: list[Decision] = list(story.decisions)
        if figures is not None and figures.at_ms > decisions[-1].at_ms:
            decisions.append(_at_this_moment(decisions[-1], view, figures))
        found = incident_series(decisions, title=title_of(view), zone=view.timezone)
    return series_seen(found) if found is not None else None


def _at_this_moment(last: Decision, view: IncidentView, figures: BrandFigures) -> Decision:
    """What a decision would carry if one were taken now."""
    facts = msgspec.structs.replace(view.facts, expected=figures.usual.hour)
    return Decision(
        key="",
        at_ms=figures.at_ms,
        brand=last.brand,
        kind="Update",
        incident=last.incident,
        scenario=last.scenario,
        severity=last.severity,
        reason="still_going",
        signals=view.signals,
        facts=facts,
        history=tuple(count or 0 for count in figures.history),
    )


def _unknown(span: Span, at_ms: int) -> HistorySeen:
    """A past of which nothing is known."""
    lasts_ms, step_ms = SPANS_MS[span]
    end_ms = -(-at_ms // step_ms) * step_ms
    times = range(end_ms - lasts_ms // step_ms * step_ms, end_ms, step_ms)
    return columns(span, times, [None] * len(times))
