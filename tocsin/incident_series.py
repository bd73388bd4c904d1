"""What an incident's picture shows, from what its decisions carry: nothing is run again and no state is read."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from alerting.decision import Decision
from alerting.delivery.slack_side import Picture
from alerting.facts import BLIND
from alerting.inert import one_line
from alerting.view import TELLS, IncidentView
from alerting.words import kind_text, severity_words
from detectors.detector import Signal
from stream.codec import HOUR_MS, MINUTE_MS
from tocsin.drawing import STEP_MS, Labels, Mark, Series, alt_text, png

_SPIKE_MS = 15 * MINUTE_MS
"""A finding over longer than this has a threshold for the mean, which single steps may well cross."""


def incident_series(
    decisions: Iterable[Decision],
    *,
    title: str,
    zone: str = "UTC",
    marks: Sequence[Mark] = (),
    heard_from_ms: int = 0,
) -> Series | None:
    """The picture of an incident from its decisions in their order; `None` where they carry no counts.

    Each decision carries the 90 minutes before it. What a later one says about the same minutes holds; before the
    first and in a pause the picture has a gap. `marks` are added to the first page and the end. Before `heard_from_ms`
    nobody listened: what began before that and has no posts is no zero.
    """
    carried = [one for one in decisions if one.history]
    if not carried:
        return None
    points: list[tuple[int, int, float, float]] = []
    threshold, before_ms = math.nan, 1 << 62
    found = [_volume(one.signals) for one in carried]
    for number in range(len(carried) - 1, -1, -1):
        one, signal = carried[number], found[number]
        threshold = _per_step(signal) if signal is not None else threshold
        expected = one.facts.expected * STEP_MS / HOUR_MS if one.facts else 0.0
        for at_ms, count in reversed(_steps(one.history, one.at_ms)):
            if at_ms + STEP_MS <= before_ms:
                points.append((at_ms, count, expected, threshold))
                before_ms = at_ms
    first = next((one for one in carried if one.kind in TELLS), carried[0])
    marks = (*_moments(carried), *marks)
    series = _series(points[::-1], [s for s in found if s], title=title, zone=zone, decided_ms=first.at_ms, marks=marks)
    return _heard(series, heard_from_ms)


def view_series(view: IncidentView, heard_from_ms: int = 0) -> Series | None:
    """The picture of an incident as its card stands now; `None` where it has no counts. Before `heard_from_ms` nobody
    listened.

    >>> view = IncidentView(brand="Acme", incident="acme-0", scenario="backlash", severity="high", opened_ms=7_200_000,
    ...                     updated_ms=7_200_000, history=(1, 2, 9), expected=12)
    >>> series = view_series(view)
    >>> series.title, series.times_ms[0], series.observed, series.expected
    ('Acme · backlash · High', 6300000, (1, 2, 9), (1.0, 1.0, 1.0))
    """
    if not view.history:
        return None
    signal = _volume(view.signals)
    expected, threshold = view.expected * STEP_MS / HOUR_MS, _per_step(signal) if signal is not None else math.nan
    points = [(at_ms, count, expected, threshold) for at_ms, count in _steps(view.history, view.updated_ms)]
    marks = [Mark(view.paged[0].at_ms, "paged")] if view.paged and view.paged[0].at_ms != view.opened_ms else []
    found = [signal] if signal is not None else []
    series = _series(points, found, title=title_of(view), zone=view.timezone, decided_ms=view.opened_ms, marks=marks)
    return _heard(series, heard_from_ms)


def _heard(series: Series, from_ms: int) -> Series:
    """With nothing in place of the zeros of steps that began before anybody listened; the last stays."""
    last_ms = series.times_ms[-1]
    observed = tuple(
        count or (count if not at_ms < from_ms or at_ms == last_ms else None)
        for at_ms, count in zip(series.times_ms, series.observed, strict=True)
    )
    return msgspec.structs.replace(series, observed=observed) if None in observed else series


def card_picture(view: IncidentView, heard_from_ms: int = 0) -> Picture | None:
    """The picture for a card's thread; `None` where there is no crowd to show, as with a blind source. Before
    `heard_from_ms` nobody listened.
    """
    series = view_series(view, heard_from_ms) if view.scenario != BLIND else None
    return Picture(png(series), alt_text(series), one_line(series.title, 120)) if series is not None else None


def title_of(view: IncidentView) -> str:
    """Brand, scenario and severity in words."""
    drill = "DRILL · " if view.drill else ""
    severity = severity_words.get(view.severity, view.severity).split(" ", 1)[-1]
    return f"{drill}{view.brand} · {kind_text(view)} · {severity}"


def _series(
    points: Sequence[tuple[int, int, float, float]],
    signals: Sequence[Signal],
    *,
    title: str,
    zone: str,
    decided_ms: int,
    marks: Sequence[Mark],
) -> Series:
    times, observed, expected, threshold = (tuple(column) for column in zip(*points, strict=True))
    longest_ms = max((signal.window_ms for signal in signals), default=0)
    over = f"mean of {longest_ms // MINUTE_MS} min" if longest_ms > _SPIKE_MS else ""
    return Series(
        title=title,
        zone=zone,
        times_ms=times,
        observed=observed,
        expected=expected if any(expected) else (),
        threshold=threshold if not all(map(math.isnan, threshold)) else (),
        decided_ms=decided_ms,
        marks=tuple(marks),
        labels=Labels(unit=f"posts per 5 min · threshold: {over}") if over else Labels(),
    )


def _steps(history: Sequence[int], at_ms: int) -> list[tuple[int, int]]:
    """When each count of a decision's history began; the last minute is under way."""
    end_ms = -(-at_ms // MINUTE_MS) * MINUTE_MS
    begin_ms = end_ms - len(history) * STEP_MS
    return [(begin_ms + number * STEP_MS, count) for number, count in enumerate(history)]


def _volume(signals: Sequence[Signal]) -> Signal | None:
    return next((signal for signal in signals if signal.kind == "volume" and signal.window_ms > 0), None)


def _per_step(signal: Signal) -> float:
    """From how many posts per step on this was worth a notice.

    A finding says what was observed and expected, and how many deviations of the root lie between: as many roots
    further than expected as the notice takes is the threshold, for the window that stood out, as a mean of its steps.
    """
    z, notice = signal.evidence.get("z_milli"), signal.evidence.get("threshold_milli")
    if not (isinstance(z, int) and isinstance(notice, int)) or z <= 0:
        return math.nan
    usual = math.sqrt(signal.expected)
    root = usual + (math.sqrt(signal.observed) - usual) * notice / z
    return root * root * STEP_MS / signal.window_ms


def _moments(decisions: Sequence[Decision]) -> list[Mark]:
    """Acknowledged and over, where the decisions say so."""
    taken = next((one for one in decisions if one.reason in ("acknowledged", "owned")), None)
    over = next((one for one in reversed(decisions) if one.kind == "StandDown"), None)
    marks = [Mark(taken.at_ms, taken.reason)] if taken is not None else []
    return [*marks, Mark(over.at_ms, "over")] if over is not None else marks
