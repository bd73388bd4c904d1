"""How one brand stands at this moment, by the core's own numbers: what is heard, what is usual, how far each detector
is from a notice, which sources are heard. Pure: it reads what the core knows and changes none of it.

The pages and the metrics say the same because both ask this.
"""

import msgspec

from detectors.detector import Standing
from stream.codec import HOUR_MS, MINUTE_MS
from stream.window import OPEN_END, Window, floor
from tocsin.state import Brand

RECENT_MS = 5 * MINUTE_MS
STEPS = 18
"""Steps of five minutes in the last 90 minutes."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """Posts about a brand over a stretch of time."""

    posts: int = 0
    judged: int = 0
    """Of these, how many are in a language whose tone we can judge."""
    negative: int = 0

    @property
    def share_milli(self) -> int:
        """The share of negative among those that could be judged, in thousandths."""
        return self.negative * 1000 // self.judged if self.judged else 0


class Usual(msgspec.Struct, frozen=True, gc=False):
    """What five minutes that end now usually bring to this brand. All are 0 while nothing is known."""

    posts_milli: int = 0
    """Posts to be expected, in thousandths."""
    lower: int = 0
    """Mostly it is at least so many ..."""
    upper: int = 0
    """... and at most so many: two standard deviations of the root either way."""
    notice: int = 0
    """From so many on it is worth a notice."""
    hour: int = 0
    """Posts to be expected in the hour that ends now."""
    share_milli: int = 0
    """The usual share of negative ones, in thousandths."""


class SourceNow(msgspec.Struct, frozen=True):
    """One source of a brand, as the core sees it."""

    source: str
    status: str
    """As it says of itself: ok, silent, lagging or capped."""
    heard_ms: int
    """When a post from it last came (0: never)."""
    since_ms: int = 0
    """Since when it says so (0: it never said anything)."""


class BrandFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One brand in figures at one moment."""

    brand: str
    at_ms: int
    recent: Heard = Heard()
    """The last five minutes."""
    hour: Heard = Heard()
    usual: Usual = Usual()
    history: tuple[int | None, ...] = ()
    """Posts by five minutes of the last 90, oldest first; the last are under way. `None` where nobody listened."""
    negatives: tuple[int | None, ...] = ()
    """Of these, the negative ones."""
    listened_ms: int = 0
    """Since when we listen: what was said before is not in these figures (0: nothing was heard yet)."""
    recent_heard_ms: int = RECENT_MS
    """How much of the last five minutes we listened: less is not to be compared with what is usual in all of them."""
    hour_heard_ms: int = HOUR_MS
    """How much of the last hour we listened: less is not to be compared with what is usual in a whole one."""
    standings: tuple[Standing, ...] = ()
    """How far each detector of the brand's own trouble is from a notice: negativity, virality, volume."""
    learnt_ms: int = 0
    """How much of its past it has learnt from."""
    is_learning: bool = True
    """Whether it has learnt too little to find anything (six hours)."""
    blind_since_ms: int = 0
    """Since when we do not hear all that is said (0: we do)."""
    sources: tuple[SourceNow, ...] = ()
    """By name."""
    newest_ms: int = 0
    """When a post of this brand last came, from whatever source (0: never)."""

    @property
    def recent_is_short(self) -> bool:
        """Whether we listened to a part of the last five minutes alone."""
        return bool(self.listened_ms) and self.recent_heard_ms < RECENT_MS

    @property
    def hour_is_short(self) -> bool:
        """Whether we listened to a part of the last hour alone."""
        return bool(self.listened_ms) and self.hour_heard_ms < HOUR_MS


def brand_now(brand: Brand, at_ms: int, *, heard_from_ms: int = 0) -> BrandFigures:
    """The figures of a brand at a time, which is no earlier than the core's. Changes nothing that is kept.

    Nobody listened before `heard_from_ms`, nor before the brand's first post: five minutes without a post that begin
    before that are a gap and no zero.

    >>> from tocsin.state import BrandState
    >>> figures = brand_now(Brand(BrandState(brand="Acme")), 300_000)
    >>> figures.recent.posts, figures.is_learning, len(figures.history)
    (0, True, 18)
    """
    window, panel = brand.state.window, brand.panel
    surge = panel.volume.surge
    end_ms = max(at_ms, window.at_ms)
    until_ms = -(-end_ms // MINUTE_MS) * MINUTE_MS
    starts = [until_ms - (n + 1) * RECENT_MS for n in reversed(range(STEPS))]
    steps = [heard(window, start_ms, start_ms + RECENT_MS) for start_ms in starts]
    listened_ms = max(heard_from_ms, window.started_ms) if window.started_ms >= 0 else 0
    known = [bool(step.posts or 0 < listened_ms <= start) for start, step in zip(starts, steps, strict=True)]
    sources = tuple(
        SourceNow(name, state.status, state.last_ms, state.status_since_ms)
        for name, state in sorted(window.sources.items())
    )
    return BrandFigures(
        brand=brand.state.brand,
        at_ms=end_ms,
        recent=steps[-1],
        hour=heard(window, until_ms - HOUR_MS, until_ms),
        usual=_usual(brand, until_ms),
        history=tuple(step.posts if is_known else None for step, is_known in zip(steps, known, strict=True)),
        negatives=tuple(step.negative if is_known else None for step, is_known in zip(steps, known, strict=True)),
        listened_ms=listened_ms,
        recent_heard_ms=_listened_of(RECENT_MS, listened_ms, until_ms),
        hour_heard_ms=_listened_of(HOUR_MS, listened_ms, until_ms),
        standings=_standings(brand, end_ms),
        learnt_ms=surge.learnt_ms,
        is_learning=not panel.volume.warm,
        blind_since_ms=window.blind[-1][0] if window.blind and window.blind[-1][1] == OPEN_END else 0,
        sources=sources,
        newest_ms=max((one.heard_ms for one in sources), default=0),
    )


def _listened_of(span_ms: int, listened_ms: int, until_ms: int) -> int:
    """How much of a span that ends at `until_ms` was listened to."""
    return min(span_ms, max(0, until_ms - listened_ms)) if listened_ms else 0


def heard(window: Window, from_ms: int, until_ms: int) -> Heard:
    """What was posted in `[from_ms, until_ms)`, as far as those minutes are still open."""
    posts = judged = negative = 0
    for start in range(floor(from_ms, window.bucket_ms), until_ms, window.bucket_ms):
        minute = window.minutes.get(start)
        if minute is not None:
            posts += minute.counts.mentions
            judged += minute.counts.scored
            negative += minute.counts.negative
    return Heard(posts, judged, negative)


def notice_at(brand: Brand, end_ms: int) -> int:
    """From how many posts on five minutes that ended then were worth a notice (0: that was not known)."""
    return _usual(brand, -(-end_ms // MINUTE_MS) * MINUTE_MS).notice


def _usual(brand: Brand, end_ms: int) -> Usual:
    panel = brand.panel
    if not panel.volume.warm:
        return Usual(share_milli=panel.usual_negative_share_milli)
    band = panel.volume.surge.band(RECENT_MS, end_ms)
    return Usual(
        posts_milli=round(band.mean * 1000),
        lower=band.lower,
        upper=band.upper,
        notice=band.notice,
        hour=panel.volume.expected_per_hour(end_ms),
        share_milli=panel.usual_negative_share_milli,
    )


def _standings(brand: Brand, at_ms: int) -> tuple[Standing, ...]:
    """How far each detector is, as of the core's last look at this brand; what has slid out of its view is no more."""
    since_ms = at_ms - brand.state.window.at_ms
    return tuple(
        msgspec.structs.replace(one, score=0, value=0) if one.span_ms and since_ms >= one.span_ms else one
        for one in brand.panel.standings(brand.state.window)
    )
