"""How each source does, as a page shows it: whether it is heard, how late, what was missed, and what to do. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from stream.codec import DAY_MS
from stream.sources.contract import Completeness, Gap
from stream.sources.places import Standing
from tocsin.console.own_words import own_line
from tocsin.source_base import SourceSection
from tocsin.sources_shown import SLACK_MS

State = Literal["hearing", "silent", "lagging", "capped", "trying", "new", "door", "elsewhere"]
"""Heard; blind in one of three ways; tried and never heard yet; never listened to; it comes to us; listened to by
another process, of which nothing is known here."""
BLIND: tuple[State, ...] = ("silent", "lagging", "capped")
GAPS_SHOWN = 20
COSTS_DAYS = 30
_LIMITS: Mapping[str, tuple[str, Literal["month", "day"]]] = {
    "posts_a_month": ("posts", "month"),
    "credits_per_month": ("credits", "month"),
    "units_a_day": ("units", "day"),
}
"""Settings that limit what may be spent, and of what in which time."""


class GapSeen(msgspec.Struct, frozen=True):
    """A stretch from which posts are missing."""

    since_ms: int
    until_ms: int
    reason: str
    filled: bool
    """Whether what could be had of it came later."""


class LimitSeen(msgspec.Struct, frozen=True):
    """Our own limit on what a source may cost."""

    unit: str
    per: Literal["month", "day"]
    used: int
    """Since the month or the day began (UTC)."""
    most: int

    @property
    def share_milli(self) -> int:
        """How much of it is used, in thousandths."""
        return min(1000, self.used * 1000 // self.most) if self.most else 1000


class DeadSeen(msgspec.Struct, frozen=True):
    """Things that nobody could read, by why."""

    reason: str
    count: int


class SourceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One source of the configuration."""

    name: str
    type: str
    state: State
    since_ms: int = 0
    """Since when it is blind, or tried; 0: it is neither."""
    denied: bool = False
    """Whether somebody must do something before it can be heard."""
    trouble: str = ""
    """What is wrong, in the source's own words: they say what to do, and hold no secret."""
    completeness: Completeness | Literal[""] = ""
    """`full`, `sampled` or `capped`, as the source declares it; empty where it is not known here."""
    heard_ms: int = 0
    """Last sign of life (0: never)."""
    lag_s: int | None = None
    """How long ago that was before which nothing is missing; `None`: no telling."""
    mentions: int | None = None
    """Mentions ever; `None`: not counted by source."""
    dead: tuple[DeadSeen, ...] = ()
    gaps: tuple[GapSeen, ...] = ()
    """The newest first."""
    more_gaps: int = 0
    costs: tuple[tuple[str, int], ...] = ()
    """What it cost in 30 days, by unit."""
    limits: tuple[LimitSeen, ...] = ()
    brands: tuple[str, ...] = ()
    """The brands that are heard through it."""

    @property
    def blind(self) -> bool:
        """Whether quiet from it says nothing."""
        return self.state in BLIND

    @property
    def bad(self) -> int:
        """Things that nobody could read."""
        return sum(one.count for one in self.dead)


class SourcesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """All sources, those that need somebody first."""

    at_ms: int
    timezone: str
    sources: tuple[SourceSeen, ...]
    taken: tuple[tuple[str, int], ...] = ()
    """What became of all that came in since this process began: `read`, `repeated`, `matched`, `unmatched`."""
    orphans: tuple[tuple[str, DeadSeen], ...] = ()
    """Dead letters of senders that are no source of the configuration."""

    @property
    def blind(self) -> int:
        """How many are blind."""
        return sum(1 for one in self.sources if one.blind)

    @property
    def asked(self) -> int:
        """How many we go to, and hear."""
        return sum(1 for one in self.sources if one.state == "hearing")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one source that we go to."""

    standing: Standing
    gaps: Sequence[Gap] = ()
    costs: Mapping[str, int] = {}
    month: Mapping[str, int] = {}
    """Costs since the month began."""
    day: Mapping[str, int] = {}
    completeness: Completeness | Literal[""] = ""
    denied: bool = False


def standing_of(known: Standing, now_ms: int) -> tuple[State, int]:
    """How a source does and since when it is blind or tried: as was told last, unless nobody listens any more.

    >>> standing_of(Standing(heard_ms=1_000, due_ms=61_000, status="ok"), 30_000)
    ('hearing', 0)
    >>> standing_of(Standing(heard_ms=1_000, due_ms=61_000, status="ok"), 600_000)
    ('silent', 1000)
    """
    if not known.heard_ms and not known.since_ms:
        return "new", 0
    if known.status in ("silent", "lagging", "capped"):
        return known.status, known.since_ms  # type: ignore[return-value]  # one of three words of the list
    if not known.heard_ms:
        return "trying", known.since_ms
    return ("silent", known.heard_ms) if now_ms > known.due_ms + SLACK_MS else ("hearing", 0)


def month_began_ms(at_ms: int) -> int:
    """When the month of an instant began, by UTC.

    >>> month_began_ms(1_767_614_700_000)
    1767225600000
    """
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * 1000


def day_began_ms(at_ms: int) -> int:
    """When the day of an instant began, by UTC."""
    return at_ms - at_ms % DAY_MS


def source_seen(
    section: SourceSection, known: Known, dead: Mapping[str, int], brands: Sequence[str], now_ms: int
) -> SourceSeen:
    """A source that we go to. `dead` has what could not be read of it, by reason."""
    standing = known.standing
    state, since_ms = standing_of(standing, now_ms)
    gaps = sorted(known.gaps, key=lambda gap: -gap.until_ms)
    return SourceSeen(
        name=section.name,
        type=section.type,
        state=state,
        since_ms=since_ms,
        denied=known.denied,
        trouble=own_line(standing.trouble, 300),
        completeness=known.completeness,
        heard_ms=standing.heard_ms,
        lag_s=max(0, now_ms - standing.known_until_ms) // 1000 if standing.known_until_ms else None,
        mentions=standing.rows,
        dead=dead_seen(dead),
        gaps=tuple(GapSeen(gap.since_ms, gap.until_ms, gap.reason, gap.filled) for gap in gaps[:GAPS_SHOWN]),
        more_gaps=max(0, len(gaps) - GAPS_SHOWN),
        costs=tuple(sorted(known.costs.items())),
        limits=tuple(_limits(section, known)),
        brands=tuple(brands),
    )


def door_seen(section: SourceSection, last_ms: int, dead: Mapping[str, int], brands: Sequence[str]) -> SourceSeen:
    """A source that comes to us: whether it is silent nobody can say, for it promised nothing."""
    return SourceSeen(
        name=section.name,
        type=section.type,
        state="door",
        heard_ms=last_ms,
        dead=dead_seen(dead),
        brands=tuple(brands),
    )


def dead_seen(counts: Mapping[str, int]) -> tuple[DeadSeen, ...]:
    """What could not be read, by reason: the most frequent first."""
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple(DeadSeen(own_line(reason, 64), count) for reason, count in found)


def needed_first(sources: Sequence[SourceSeen]) -> tuple[SourceSeen, ...]:
    """In the order of who needs somebody: denied, blind, tried, the rest; each in the configuration's order."""

    def rank(one: SourceSeen) -> int:
        return 0 if one.denied else 1 if one.blind else 2 if one.state in ("trying", "new") else 3

    return tuple(sorted(sources, key=rank))


def _limits(section: SourceSection, known: Known) -> list[LimitSeen]:
    found: list[LimitSeen] = []
    for setting, (unit, per) in _LIMITS.items():
        most = getattr(section, setting, None)
        if isinstance(most, int):
            spent = known.month if per == "month" else known.day
            found.append(LimitSeen(unit, per, spent.get(unit, 0), most))
    return found
