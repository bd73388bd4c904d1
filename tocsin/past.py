"""What was said before anybody listened: it teaches the baselines and is told to nobody. Pure.

Parts marked `live: false` reach the detectors' `learn_one` in the order of their own time, through a window of their
own: there is no desk in it, so nothing can signal, open or page. Baselines learn forwards alone; so what lies behind
something that was learnt already is counted and left, and a second learning of the same posts changes nothing.
"""

from detectors.panel import Panel
from stream.codec import MINUTE_MS
from stream.plans import PlannedTimes
from stream.pulse import PulsePart
from stream.window import OPEN_MINUTES, Window
from tocsin.state import BrandState


def learnable(state: BrandState, at_ms: int) -> tuple[int, int]:
    """The stretch `[from, until)` of past minutes that this brand can still learn at a grid point.

    It ends before the minutes that are open; and it is empty once a live minute was learnt.

    >>> learnable(BrandState(brand="Acme", past_ms=120_000), 100 * 60_000)
    (120000, 600000)
    """
    window = state.window
    if window.learnt_ms >= 0:
        return 0, 0
    until_ms = at_ms - at_ms % MINUTE_MS - OPEN_MINUTES * MINUTE_MS
    if window.started_ms >= 0:
        until_ms = min(until_ms, window.started_ms)
    return state.past_ms, until_ms


def pend_past(state: BrandState, step: int, minute_ms: int, part: PulsePart) -> None:
    """Put a part of the past aside until the next grid point. Belongs to its entry, so it is copied when it merges."""
    waiting = state.past.setdefault(step, {})
    held = waiting.get(minute_ms)
    if held is None:
        waiting[minute_ms] = part
        return
    merged = PulsePart()
    merged.add(held)
    merged.add(part)
    waiting[minute_ms] = merged


def learn_past(state: BrandState, panel: Panel, step: int, at_ms: int, planned: PlannedTimes) -> None:
    """Learn what waits from the grid steps before `step`, oldest minute first, however it was cut into parts."""
    waiting: dict[int, PulsePart] = {}
    for one in sorted(s for s in state.past if s < step):
        for minute_ms, part in sorted(state.past.pop(one).items()):
            merged = waiting.setdefault(minute_ms, PulsePart())
            merged.add(part)
    from_ms, until_ms = learnable(state, at_ms)
    window = Window()
    for minute_ms, part in sorted(waiting.items()):
        if not from_ms <= minute_ms < until_ms:
            state.backfilled += part.counts.mentions
            continue
        state.learnt += part.counts.mentions
        state.past_ms = minute_ms + MINUTE_MS
        window.at_ms = minute_ms + MINUTE_MS
        window.take(minute_ms, part)
        window.cut()
        panel.score(window)  # nobody listens: but how far an ordinary day goes is noted when it is looked at
        _close(window, panel, planned)
    if window.started_ms >= 0:
        window.at_ms += OPEN_MINUTES * MINUTE_MS
        _close(window, panel, planned)


def _close(window: Window, panel: Panel, planned: PlannedTimes) -> None:
    for closed in window.close():
        panel.learn(closed, allowed=not planned.touch(closed.pulse.start_ms, closed.pulse.end_ms))
