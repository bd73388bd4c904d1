"""What the detectors read over time, and what they would have needed: noted while something is replayed, then drawn."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from detectors import volume
from detectors.budget import Budget, Extremes
from detectors.panel import Panel
from detectors.surge import SPIKE_SHARE_MILLI
from stream.codec import MINUTE_MS


class Sample(msgspec.Struct, array_like=True):
    """The greatest score of a minute, beside the scores of a notice and of a page then; in milli-units."""

    score: int
    notice: int
    page: int


class Curves(msgspec.Struct):
    """Samples by minute (ms since 1970)."""

    volume: dict[int, Sample] = {}
    """Standard deviations. The slow burn's are in units of the short spans' notice, so that one line serves both."""
    anger: dict[int, Sample] = {}


@contextmanager
def probe(budget: Budget | None = None) -> Iterator[Curves]:
    """Note every score that is held against a threshold within, and change nothing.

    All of them pass through `Extremes.note` when they are given. For one brand at a time; with `budget` its notices
    and pages are those of the volume detector alone, as in `tocsin detect`.
    """
    panel = Panel.shipped()
    counts = budget or panel.volume.budget
    spikes, burns = counts.share(SPIKE_SHARE_MILLI), counts.share(1000 - SPIKE_SHARE_MILLI)
    anger = panel.negativity.budget
    curves = Curves({}, {})
    note = Extremes.note
    # The short spans' threshold as it stood last: the slow burn is drawn in its units.
    last = Extremes(volume.SPIKE_PRIOR)

    def noting(extremes: Extremes, minute_ms: int, score: int) -> None:
        nonlocal last
        note(extremes, minute_ms, score)
        if extremes.prior is volume.SPIKE_PRIOR:
            last = extremes
            _keep(curves.volume, minute_ms, score, extremes, spikes)
        elif extremes.prior is volume.SLOW_PRIOR:
            scaled = score * last.threshold(spikes.notices_milli) // extremes.threshold(burns.notices_milli)
            _keep(curves.volume, minute_ms, scaled, last, spikes)
        else:
            _keep(curves.anger, minute_ms, score, extremes, anger)

    Extremes.note = noting  # type: ignore[method-assign]
    try:
        yield curves
    finally:
        Extremes.note = note  # type: ignore[method-assign]


def _keep(samples: dict[int, Sample], minute_ms: int, score: int, extremes: Extremes, budget: Budget) -> None:
    minute_ms -= minute_ms % MINUTE_MS
    held = samples.get(minute_ms)
    if held is None or score > held.score:
        notice = extremes.threshold(budget.notices_milli)
        samples[minute_ms] = Sample(score, notice, extremes.threshold(budget.pages_milli))
