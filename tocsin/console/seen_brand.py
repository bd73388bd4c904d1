"""What *Brand* shows: its past against what was usual, what is said and by whom, conversations, incidents. Pure.

What comes from outside in it is as it came: whoever shows it makes it inert.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from alerting.explain import Explanation
from alerting.view import ShownPost
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.plans import Plan
from stream.sketches import distinct_bits
from stream.window import Thread, Window
from tocsin.console.seen import BrandLine
from tocsin.console.seen_incident import IncidentLine

Span = Literal["90min", "24h", "35d", "400d"]
SPANS_MS: dict[Span, tuple[int, int]] = {
    "90min": (90 * MINUTE_MS, 5 * MINUTE_MS),
    "24h": (DAY_MS, 5 * MINUTE_MS),
    "35d": (35 * DAY_MS, 2 * HOUR_MS),
    "400d": (400 * DAY_MS, DAY_MS),
}
"""How long each reaches back, and of how long its steps are."""
THREADS_SHOWN = 10
GROWING_MS = 10 * MINUTE_MS


class HistorySeen(msgspec.Struct, frozen=True, kw_only=True):
    """Posts against what was usual. Columns of one length; `None` where nothing is known: a gap is no zero."""

    span: Span
    step_ms: int
    times_ms: tuple[int, ...]
    """When each step began; the last is over."""
    posts: tuple[int | None, ...]
    negative: tuple[int | None, ...]
    expected: tuple[float | None, ...]
    lower: tuple[int | None, ...]
    upper: tuple[int | None, ...]
    severity: tuple[str, ...] = ()
    """The gravest incident that was open then; empty where none was."""
    blind: tuple[bool, ...] = ()
    """Whether we did not hear all that was said."""


class ThreadSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation, or a text that many copy."""

    key: str
    posts: int
    negative: int
    voices: int
    first_ms: int
    growth: int
    """Posts of the last ten minutes."""
    likes: int
    copies: bool
    """Whether it is one text that many post."""
    root: ShownPost | None = None
    """Its first post, as far as its text exists."""


class OutcomesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How the incidents of the time that is shown ended."""

    incidents: int = 0
    open: int = 0
    false_alarms: int = 0
    resolved: int = 0
    calm: int = 0
    """Those that ended by themselves."""


class BrandSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One brand."""

    at_ms: int
    late_s: int
    line: BrandLine
    """How it stands at this moment, in figures too."""
    history: HistorySeen
    explanation: Explanation = Explanation()
    """What is new in the posts of the last hour against the fortnight before, and who is heard."""
    threads: tuple[ThreadSeen, ...] = ()
    """The largest conversations of the last 90 minutes."""
    incidents: tuple[IncidentLine, ...] = ()
    """The latest first."""
    outcomes: OutcomesSeen = OutcomesSeen()
    plans: tuple[Plan, ...] = ()
    """Planned events that hold or are to come, by time."""
    pages_milli: int = 1000
    """Pages a month that may turn out to be for nothing, in thousandths: the budget."""
    notices_milli: int = 3000


def threads_seen(window: Window) -> tuple[ThreadSeen, ...]:
    """The largest conversations and copied texts, without their first posts."""
    found = [(one, False) for one in window.threads.values()] + [(one, True) for one in window.clusters.values()]
    large = [(one, copies) for one, copies in found if one.weight > 1]
    large.sort(key=lambda pair: (-pair[0].weight, pair[0].first_ms, pair[0].key))
    return tuple(_thread(one, copies, window.at_ms) for one, copies in large[:THREADS_SHOWN])


def outcomes_of(lines: Iterable[IncidentLine]) -> OutcomesSeen:
    """How incidents ended; one that was called a false alarm afterwards counts as one."""
    all_, open_, false_alarms, resolved, calm = 0, 0, 0, 0, 0
    for line in lines:
        because = "false_alarm" if line.because and line.looked_back == "was_false_alarm" else line.because
        all_ += 1
        open_ += not because
        false_alarms += because == "false_alarm"
        resolved += because == "resolved"
        calm += because not in ("", "false_alarm", "resolved")
    return OutcomesSeen(incidents=all_, open=open_, false_alarms=false_alarms, resolved=resolved, calm=calm)


def _thread(one: Thread, copies: bool, at_ms: int) -> ThreadSeen:
    return ThreadSeen(
        key=one.key,
        posts=one.posts,
        negative=one.negative,
        voices=min(distinct_bits(int(one.voices, 16)), one.posts),  # an estimate: nobody has more people than posts
        first_ms=one.first_ms,
        growth=sum(n for minute, n in one.by_minute.items() if minute >= at_ms - GROWING_MS),
        likes=one.endorsements,
        copies=copies,
    )
