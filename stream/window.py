"""What is known about one brand now: its open minutes, threads, clusters and voices.

The window is the fold of `PulsePart`s at a grid point. Late posts still change an open minute (DESIGN, late data);
a minute is handed out for learning once, when it leaves the last 90. Lists are cut here and only here (M2), by
(count, first seen, key), so that no batch boundary shows.
"""

from collections.abc import Callable
from functools import cached_property
from itertools import compress, pairwise
from operator import attrgetter, itemgetter
from typing import NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np

from stream.codec import HOUR_MS, MINUTE_MS
from stream.crowd import Crowd
from stream.pulse import EXEMPLARS as EXEMPLARS_KEPT
from stream.pulse import (
    ClusterPart,
    Counts,
    Engagement,
    Exemplar,
    Pulse,
    PulsePart,
    RivalCounts,
    ThreadPart,
    add_rivals,
    add_table,
    least_of_both,
    or_hex,
)
from stream.sketches import Registers, Union, dense

OPEN_MINUTES = 90
WEEK_MS = 7 * 24 * 60 * MINUTE_MS
THREADS_KEPT = 200
CLUSTERS_KEPT = 200
BUSY_POSTS = 4
"""So many posts make a thread or a cluster worth a look at every grid point; most never get there."""
ENDORSEMENTS_A_POST = 15
"""A like costs a thumb and a reply costs words: so many likes and reposts weigh as much as one post when tables are
cut, and when a thread counts as busy."""
CROWD = 2 * THREADS_KEPT
"""With more conversations than these a part is a flood, of which few stay (`stream.crowd`)."""
DENSE = 16
"""With more registers than these a minute is merged as one row, and not one by one."""
ALIASES_KEPT = 4_000
ALIAS_MS = 24 * 60 * MINUTE_MS
"""So old, a post is no longer looked for in a conversation that went silent: its replies begin another one."""
ENGAGEMENTS_KEPT = 500


class OpenMinute(msgspec.Struct, omit_defaults=True):
    """A minute that may still change."""

    counts: Counts = msgspec.field(default_factory=Counts)
    voices: dict[int, int] = {}
    exemplars: list[Exemplar] = []
    rivals: dict[str, RivalCounts] = {}

    def add(self, other: "OpenMinute | PulsePart") -> None:
        """Add what a batch brought, or another minute. Shares nothing with it."""
        self.counts.add(other.counts)
        add_table(self.voices, other.voices)
        if other.exemplars:
            self.exemplars = sorted({*self.exemplars, *other.exemplars})[:EXEMPLARS_KEPT]
        if other.rivals:
            add_rivals(self.rivals, other.rivals)


class Running(NamedTuple):
    """The buckets of a span up to one of them, merged."""

    last_ms: int
    merged: OpenMinute


class Tally:
    """What detectors ask for at every grid point, added up over the buckets of a span up to one of them."""

    __slots__ = ("angry", "asked_ms", "last_ms", "mentions", "negative", "scored", "sources")

    def __init__(self, last_ms: int) -> None:
        self.last_ms = last_ms
        self.asked_ms = -1
        """The grid point at which somebody last asked for it."""
        self.mentions = self.negative = self.angry = self.scored = 0
        self.sources: dict[str, int] = {}

    def add(self, brought: "OpenMinute | PulsePart") -> None:
        """Add what a batch brought, or a minute."""
        counts = brought.counts
        self.mentions += counts.mentions
        self.negative += counts.negative
        self.angry += counts.angry
        self.scored += counts.scored
        add_table(self.sources, counts.sources)

    def drop(self, minute: OpenMinute) -> None:
        """Take a minute out again."""
        counts = minute.counts
        self.mentions -= counts.mentions
        self.negative -= counts.negative
        self.angry -= counts.angry
        self.scored -= counts.scored
        for source, posts in counts.sources.items():
            left = self.sources[source] - posts
            if left:
                self.sources[source] = left
            else:
                del self.sources[source]


class Voices:
    """Posts by bucket of author, added up as `Tally` does."""

    __slots__ = ("_loudest", "_posts", "last_ms")

    def __init__(self, last_ms: int) -> None:
        self.last_ms = last_ms
        self._posts: dict[int, int] = {}
        self._loudest = 0
        """Posts in the fullest bucket (-1: to be found)."""

    def add(self, brought: "OpenMinute | PulsePart") -> None:
        """Add what a batch brought, or a minute."""
        posts = self._posts
        for bucket, amount in brought.voices.items():
            amount += posts.get(bucket, 0)  # noqa: PLW2901 - the sum takes its place
            posts[bucket] = amount
            if amount > self._loudest >= 0:
                self._loudest = amount

    def drop(self, minute: OpenMinute) -> None:
        """Take a minute out again."""
        posts = self._posts
        for bucket, amount in minute.voices.items():
            posts[bucket] -= amount
        self._loudest = -1

    @property
    def loudest(self) -> int:
        """Posts in the fullest bucket."""
        if self._loudest < 0:
            self._loudest = max(self._posts.values(), default=0)
        return self._loudest


class ReadyUnion:
    """Different voices or texts of the buckets of a span up to one of them."""

    __slots__ = ("asked_ms", "found", "held", "last_ms")

    def __init__(self, last_ms: int, held: Union) -> None:
        self.last_ms = last_ms
        self.held = held
        self.asked_ms = -1
        """The grid point at which somebody last asked how many there are (-1: they changed since) ..."""
        self.found = 0
        """... and what was answered."""

    def add(self, registers: Registers) -> None:
        """Add what a batch brought."""
        self.held.add(registers)
        self.asked_ms = -1


class Sum(Protocol):
    """What is added up over the buckets of a span up to one of them, and slides on with it."""

    last_ms: int

    def add(self, brought: "OpenMinute | PulsePart") -> None: ...
    def drop(self, minute: OpenMinute) -> None: ...


S = TypeVar("S", bound=Sum)
P = TypeVar("P", ThreadPart, ClusterPart)
V = TypeVar("V")


class Thread(msgspec.Struct, omit_defaults=True):
    """A conversation: a first post with its replies, reposts and quotes; or a copy-paste cluster."""

    key: str
    first_ms: int
    posts: int = 0
    negative: int = 0
    scored: int = 0
    replies: int = 0
    reposts: int = 0
    quotes: int = 0
    reach: int = 0
    voices: str = "0"
    by_minute: dict[int, int] = {}
    """Posts by minute (start, ms), no older than the open minutes."""
    positive: int = 0
    root_negative: int = 0
    """1 where the first post was seen, and negative: then its reposts and quotes spread that, whatever they say."""
    endorsed: dict[int, int] = {}
    """Minute of an observation (start, ms) -> likes and reposts of the first post as the platform counted them then."""

    @property
    def endorsements(self) -> int:
        """Likes and reposts of the first post as last observed; a count that went down (unliked) is not followed."""
        return max(self.endorsed.values(), default=0)

    @property
    def weight(self) -> int:
        """Its place when a table is cut: posts, and what so many likes are worth."""
        return self.posts + self.endorsements // ENDORSEMENTS_A_POST if self.endorsed else self.posts

    def endorse(self, seen: Engagement) -> None:
        """Note what the platform counted for the first post. Unknown counts are no zeros: they say nothing."""
        count = max(0, seen.likes) + max(0, seen.reposts)
        if count:
            minute_ms = floor(seen.observed_ms, MINUTE_MS)
            self.endorsed[minute_ms] = max(count, self.endorsed.get(minute_ms, 0))

    def take(self, minute_ms: int, part: ThreadPart | ClusterPart) -> None:
        """Add what a batch brought."""
        self.posts += part.posts
        self.negative += part.negative
        self.first_ms = min(self.first_ms, part.first_ms)
        self.voices = or_hex(self.voices, part.voices)
        if isinstance(part, ThreadPart):
            self.scored += part.scored
            self.replies += part.replies
            self.reposts += part.reposts
            self.quotes += part.quotes
            self.reach += part.reach
            self.positive += part.positive
            self.root_negative = max(self.root_negative, part.root_negative)
        self.by_minute[minute_ms] = self.by_minute.get(minute_ms, 0) + part.posts

    def join(self, other: "Thread") -> None:
        """Take over a thread that turned out to be part of this one."""
        self.posts += other.posts
        self.negative += other.negative
        self.scored += other.scored
        self.replies += other.replies
        self.reposts += other.reposts
        self.quotes += other.quotes
        self.reach += other.reach
        self.positive += other.positive
        # The first post of the thread that joins is a reply here: its mood is counted, and is not the mood of the root.
        self.first_ms = min(self.first_ms, other.first_ms)
        self.voices = or_hex(self.voices, other.voices)
        for minute, posts in other.by_minute.items():
            self.by_minute[minute] = self.by_minute.get(minute, 0) + posts


class SourceState(msgspec.Struct, omit_defaults=True):
    """How one source does, as far as this brand's entries tell."""

    last_ms: int = 0
    """Grid time of the newest part from it."""
    status: str = "ok"
    """As the source itself reported: ok, silent, lagging or capped."""
    status_since_ms: int = 0


class ClosedMinute(msgspec.Struct):
    """What detectors learn from, once: a minute that left the open ones, and the threads that began in it."""

    pulse: Pulse
    threads: list[Thread] = []
    rivals: dict[str, RivalCounts] = {}


class Window(msgspec.Struct, omit_defaults=True, dict=True):
    """The open minutes of one brand at a grid point, with the tables that go with them.

    Detectors read it and never change it. `bucket_ms` is a minute, or the interval of `tocsin detect`. It changes by
    `take`, `cut` and `close`: who replaces a minute by hand does so before anybody asked about it.

    >>> w = Window()
    >>> w.take(0, PulsePart(counts=Counts(mentions=3)))
    >>> w.take(60_000, PulsePart(counts=Counts(mentions=4)))
    >>> w.at_ms = 90_000
    >>> w.total("mentions", 60_000), w.total("mentions", 120_000)
    (4, 7)
    """

    bucket_ms: int = MINUTE_MS
    at_ms: int = 0
    """The grid point: everything known before it is in."""
    learnt_ms: int = -1
    """Minutes that start before this were handed out for learning (-1: none yet)."""
    started_ms: int = -1
    """Start of the first minute ever seen."""
    minutes: dict[int, OpenMinute] = {}
    threads: dict[str, Thread] = {}
    clusters: dict[str, Thread] = {}
    aliases: dict[str, tuple[int, str]] = {}
    engagement: dict[str, Engagement] = {}
    answered: dict[str, int] = {}
    asked: dict[str, int] = {}
    """Posts by others that ask something -> when they were written."""
    responded_ms: int = 0
    """When one of the brand's own accounts last posted."""
    sources: dict[str, SourceState] = {}
    blind: list[tuple[int, int]] = []
    """Stretches `[from, until)` in which a source was not heard; an open end is `OPEN_END`."""
    history: int = 0
    """Posts that came too late for any open minute."""
    fresh: list[str] = []
    """Thread keys that may have become joinable since the last cut."""
    observed: list[str] = []
    """Names of posts whose engagement was observed since the last cut."""
    tidied_ms: int = 0
    """The minute in which the tables were last brought to their size."""

    @cached_property
    def _running(self) -> dict[int, Running]:
        """By span: what was asked for in this bucket. Derived: no field, so never in a snapshot, and rebuilt at need.

        An incident asks for the merged hour every five seconds; merging sixty minutes each time was half the work of
        a replay. A minute only ever gains, so a part is added to what is merged as it is added to its minute.
        """
        return {}

    @cached_property
    def busy_threads(self) -> dict[str, Thread]:
        """Those of at least `BUSY_POSTS` posts, or as many likes as weigh as much. As `_running`."""
        return {
            key: thread
            for key, thread in self.threads.items()
            if thread.posts >= BUSY_POSTS or (thread.endorsed and thread.weight >= BUSY_POSTS)
        }

    @cached_property
    def busy_clusters(self) -> dict[str, Thread]:
        """Those of at least `BUSY_POSTS` posts. As `_running`."""
        return {key: cluster for key, cluster in self.clusters.items() if cluster.posts >= BUSY_POSTS}

    @cached_property
    def _new_threads(self) -> Crowd[ThreadPart]:
        """Those of a flood, between `take` and `cut`."""
        return Crowd()

    @cached_property
    def _new_clusters(self) -> Crowd[ClusterPart]:
        """Those of a flood, between `take` and `cut`."""
        return Crowd()

    @cached_property
    def _tallies(self) -> dict[int, Tally]:
        """By span. As `_running`."""
        return {}

    @cached_property
    def _voices(self) -> dict[int, Voices]:
        """By span. As `_running`."""
        return {}

    @cached_property
    def _unions(self) -> dict[tuple[int, str], ReadyUnion]:
        """By span and field. As `_running`."""
        return {}

    @cached_property
    def _rows(self) -> dict[str, dict[int, bytes]]:
        """By field and minute: registers that were merged as a row, while the minute does not change. As `_running`."""
        return {}

    @cached_property
    def _first_starts(self) -> dict[tuple[int, str], tuple[int, int]]:
        """By span and test: in which bucket somebody asked, and the first minute that stood out. As `_running`."""
        return {}

    @cached_property
    def packed(self) -> dict[int, tuple[bytes, bytes]]:
        """By minute: its registers and its voices as a snapshot keeps them, while it does not change. As `_running`."""
        return {}

    @property
    def horizon_ms(self) -> int:
        """Start of the oldest minute that is still open."""
        return floor(self.at_ms, self.bucket_ms) - OPEN_MINUTES * MINUTE_MS

    def take(self, minute_ms: int, part: PulsePart) -> None:
        """Add a part to the minute it belongs to; what is older than the open minutes only counts in `history`.

        Engagement belongs to the time at which it was observed, however old its post is.
        """
        self._take_engagement(part)
        if minute_ms < max(self.learnt_ms, self.horizon_ms):
            self.history += part.counts.mentions
            return
        if self.started_ms < 0 or minute_ms < self.started_ms:
            self.started_ms = minute_ms
        minute = self.minutes.get(minute_ms)
        if minute is None:
            minute = self.minutes[minute_ms] = OpenMinute()
        minute.add(part)
        self._take_ready(minute_ms, part)
        self._take_tables(minute_ms, part)

    def _take_ready(self, minute_ms: int, part: PulsePart) -> None:
        """Add a part to what is kept ready, where somebody asked in this bucket; else it is forgotten."""
        last_ms = self.last_ms
        for span_ms, running in self._running.items():
            if minute_ms in _buckets(running.last_ms, span_ms, self.bucket_ms):
                running.merged.add(part)
        for sums in (self._tallies, self._voices):
            for span_ms, held in sums.items():
                if minute_ms in _buckets(held.last_ms, span_ms, self.bucket_ms):
                    held.add(part)
        if minute_ms < last_ms:
            self._first_starts = {}
        self.packed.pop(minute_ms, None)
        for rows in self._rows.values():
            rows.pop(minute_ms, None)
        for (span_ms, field), union in list(self._unions.items()):
            if union.last_ms != last_ms:
                del self._unions[span_ms, field]
            elif minute_ms in _buckets(last_ms, span_ms, self.bucket_ms):
                union.add(getattr(part.counts, field))

    def _take_tables(self, minute_ms: int, part: PulsePart) -> None:
        threads, clusters = self.threads, self.clusters
        for key in self._new_threads.both(part.threads):
            self._admit_thread(key)
        for key, thread in _known(threads, self._new_threads, minute_ms, part.threads).items():
            held = threads.get(key)
            if held is None:
                held = threads[key] = _begun(key, minute_ms, thread)
            else:
                held.take(minute_ms, thread)
            if held.posts >= BUSY_POSTS:
                self.busy_threads[key] = held
            self.fresh.append(key)
        for key in self._new_clusters.both(part.clusters):
            self._admit_cluster(key)
        for key, cluster in _known(clusters, self._new_clusters, minute_ms, part.clusters).items():
            held = clusters.get(key)
            if held is None:
                held = clusters[key] = _begun(key, minute_ms, cluster)
            else:
                held.take(minute_ms, cluster)
            if held.posts >= BUSY_POSTS:
                self.busy_clusters[key] = held
        self._take_aliases(part.aliases)
        least_of_both(self.answered, part.answered)
        least_of_both(self.asked, part.asked)
        self.responded_ms = max(self.responded_ms, part.responded_ms)

    def _take_aliases(self, brought: dict[str, tuple[int, str]]) -> None:
        aliases = self.aliases
        known = {name: aliases[name] for name in aliases.keys() & brought.keys()}
        aliases.update(brought)
        aliases.update({name: min(alias, brought[name]) for name, alias in known.items()})
        # Those of `_new_threads` may be joinable anyway.
        changed = (name for name in self.threads.keys() & brought.keys() if aliases[name] != known.get(name))
        self.fresh += sorted(changed)

    def _admit_thread(self, key: str) -> None:
        self.threads[key] = thread = _begun(key, *self._new_threads.pop(key))
        if thread.posts >= BUSY_POSTS:
            self.busy_threads[key] = thread

    def _admit_cluster(self, key: str) -> None:
        self.clusters[key] = cluster = _begun(key, *self._new_clusters.pop(key))
        if cluster.posts >= BUSY_POSTS:
            self.busy_clusters[key] = cluster

    def _take_engagement(self, part: PulsePart) -> None:
        for name, seen in part.engagement.items():
            before = self.engagement.get(name)
            if before is None or before < seen:
                self.engagement[name] = seen
                self.observed.append(name)

    def cut(self) -> None:
        """Join chains of threads; once a minute, forget what left the open minutes and cut the tables to their size."""
        self._join_chains()
        self._endorse()
        minute_ms = floor(self.at_ms, MINUTE_MS)
        threads, clusters = len(self.threads) + len(self._new_threads), len(self.clusters) + len(self._new_clusters)
        overlong = threads > 2 * THREADS_KEPT or clusters > 2 * CLUSTERS_KEPT
        if minute_ms == self.tidied_ms and not overlong:
            self._admit_all()
            return
        if floor(minute_ms, HOUR_MS) != floor(self.tidied_ms, HOUR_MS):
            self._forget_aliases()
        self.tidied_ms = minute_ms
        self._admit_old()
        self._forget_busy()
        _tidy(self.threads, self._new_threads, THREADS_KEPT, self.horizon_ms)
        _tidy(self.clusters, self._new_clusters, CLUSTERS_KEPT, self.horizon_ms)
        self._forget_alone()
        if len(self.aliases) > ALIASES_KEPT:
            self.aliases = _newest(self.aliases, ALIASES_KEPT // 2, itemgetter(0))
        if len(self.engagement) > ENGAGEMENTS_KEPT:
            self.engagement = _newest(self.engagement, ENGAGEMENTS_KEPT // 2, attrgetter("observed_ms"))
        if len(self.answered) > ALIASES_KEPT:
            self.answered = _newest(self.answered, ALIASES_KEPT // 2, int)
        self.asked = {name: asked_ms for name, asked_ms in self.asked.items() if asked_ms >= self.horizon_ms}
        if len(self.asked) > ALIASES_KEPT:
            self.asked = _newest(self.asked, ALIASES_KEPT // 2, int)

    def _admit_all(self) -> None:
        for key in self._new_threads.waiting():
            self._admit_thread(key)
        for key in self._new_clusters.waiting():
            self._admit_cluster(key)

    def _admit_old(self) -> None:
        """Those of minutes that time has passed since are looked at like all that may be forgotten."""
        for key in self._new_threads.older(self.horizon_ms):
            self._admit_thread(key)
        for key in self._new_clusters.older(self.horizon_ms):
            self._admit_cluster(key)

    def _forget_alone(self) -> None:
        """Forget of posts that answer none, which most do not, that they begin a conversation of their own, once that
        left the table: a post of which nothing is known is held for one. They were most of what a large brand's state
        weighed.

        It would still say something where a reply claims later that such a post belongs elsewhere, against the post's
        own word. That cannot be where what a source says of its posts agrees.
        """
        threads = self.threads
        self.aliases = {name: alias for name, alias in self.aliases.items() if alias[1] != name or name in threads}

    def _forget_aliases(self) -> None:
        """Forget posts of yesterday, but for those whose conversation goes on and those that were answered.

        Once an hour: a brand of ten posts an hour had four thousand of them after a fortnight, and asked for none.
        """
        oldest_ms = self.at_ms - ALIAS_MS
        self.aliases = {
            name: alias
            for name, alias in self.aliases.items()
            if alias[0] >= oldest_ms or name in self.answered or self._goes_on(alias[1]) or self._goes_on(name)
        }
        self.answered = {name: at_ms for name, at_ms in self.answered.items() if at_ms >= self.at_ms - WEEK_MS}

    def _goes_on(self, key: str) -> bool:
        return key in self.threads or key in self._new_threads

    def close(self) -> list[ClosedMinute]:
        """Hand out, oldest first and once, the minutes that left the open ones; silent minutes too.

        A silence longer than a week is a gap in what we heard, not seven days of nothing to learn from: the week of it
        that is handed out is incomplete.
        """
        horizon = self.horizon_ms
        if self.started_ms < 0:
            return []
        start = self.started_ms if self.learnt_ms < 0 else self.learnt_ms
        gap_until = self._gap_until(start, horizon) if horizon - start > WEEK_MS else start
        start = max(start, horizon - WEEK_MS)
        closed = []
        for minute_ms in range(start, horizon, self.bucket_ms):
            held = self.minutes.pop(minute_ms, None)
            pulse = Pulse(
                start_ms=minute_ms,
                end_ms=minute_ms + self.bucket_ms,
                counts=held.counts if held else Counts(),
                complete=minute_ms >= gap_until and not self.is_blind(minute_ms, minute_ms + self.bucket_ms),
            )
            closed.append(ClosedMinute(pulse, rivals=held.rivals if held else {}))
        if closed:
            by_start = {c.pulse.start_ms: c for c in closed}
            for thread in [thread for thread in self.threads.values() if start <= thread.first_ms < horizon]:
                by_start[floor(thread.first_ms, self.bucket_ms)].threads.append(thread)
            for one in closed:
                one.threads.sort(key=lambda t: t.key)
            self.learnt_ms = horizon
            for minute_ms in [m for m in self.minutes if m < horizon]:
                del self.minutes[minute_ms]
            for minute_ms in [m for m in self.packed if m < horizon]:
                del self.packed[minute_ms]
            for rows in self._rows.values():
                for minute_ms in [m for m in rows if m < horizon]:
                    del rows[minute_ms]
            self.blind = [span for span in self.blind if span[1] > horizon or doubted_until_ms(span) > self.at_ms]
        return closed

    def _gap_until(self, start: int, horizon: int) -> int:
        """Where the last stretch of more than a week without a minute ends; `start` if there is none."""
        until = start
        held = sorted(m for m in self.minutes if start <= m < horizon)
        for before, after in pairwise((start, *held, horizon)):
            if after - before > WEEK_MS:
                until = after
        return until

    def is_blind(self, from_ms: int, until_ms: int) -> bool:
        """Whether any source was not heard somewhere in `[from, until)`."""
        return any(start < until_ms and end > from_ms for start, end in self.blind)

    @property
    def last_ms(self) -> int:
        """Start of the newest bucket: the one that is not over, or is just over."""
        at_ms = self.at_ms - 1
        return at_ms - at_ms % self.bucket_ms

    def starts(self, span_ms: int) -> range:
        """Starts of the buckets of the last `span_ms`, the open one included."""
        return _buckets(self.last_ms, span_ms, self.bucket_ms)

    def total(self, field: str, span_ms: int) -> int:
        """Sum of one field of `Counts` over the last `span_ms`."""
        minutes = self.minutes
        total = 0
        for start in self.starts(span_ms):
            minute = minutes.get(start)
            if minute is not None:
                total += getattr(minute.counts, field)
        return total

    def tally(self, span_ms: int) -> Tally:
        """Posts, negative ones and those that could be judged of the last `span_ms`: to be read at once."""
        tally = self._tallies.get(span_ms)
        if tally is not None and tally.asked_ms == self.at_ms:
            return tally
        last_ms = self.last_ms
        if tally is None or not (tally.last_ms == last_ms or self._slid(tally, span_ms, last_ms)):
            tally = self._tallies[span_ms] = self._summed(Tally(last_ms), span_ms)
        tally.asked_ms = self.at_ms
        return tally

    def _held(self, starts: range) -> list[int]:
        """Those of these times at which a held minute begins, in no certain order: a small brand holds few."""
        minutes = self.minutes
        few, many = (minutes, starts) if len(minutes) < len(starts) else (starts, minutes)
        return [start for start in few if start in many]

    def _summed(self, empty: S, span_ms: int) -> S:
        for start in self._held(self.starts(span_ms)):
            empty.add(self.minutes[start])
        return empty

    def _slid(self, tally: Sum, span_ms: int, last_ms: int) -> bool:
        """Let the minutes that left a span go and those that joined it come; False where that cannot be told.

        A minute that was closed since is gone, and what it held with it: then everything is added up again.
        """
        oldest = _oldest(tally.last_ms, span_ms, self.bucket_ms)
        until = _oldest(last_ms, span_ms, self.bucket_ms)
        if not tally.last_ms < last_ms < tally.last_ms + span_ms or oldest < self.learnt_ms:
            return False
        for start in self._held(range(oldest, until, self.bucket_ms)):
            tally.drop(self.minutes[start])
        for start in self._held(range(tally.last_ms + self.bucket_ms, last_ms + 1, self.bucket_ms)):
            tally.add(self.minutes[start])
        tally.last_ms = last_ms
        return True

    def counts(self, span_ms: int) -> Counts:
        """Everything that adds up over the last `span_ms`, merged: to be read, not to be changed. At most 90 minutes.

        Dearer than `total`: for when there is a finding.
        """
        return self._merged(span_ms).counts

    def distinct(self, span_ms: int, field: str) -> int:
        """How many different voices or texts a field of `counts` holds over the last `span_ms`; 0: none is known."""
        union = self._unions.get((span_ms, field))
        if union is not None and union.asked_ms == self.at_ms:
            return union.found
        last_ms = self.last_ms
        if union is None or union.last_ms != last_ms:
            union = self._unions[span_ms, field] = ReadyUnion(last_ms, self._united(span_ms, field))
        union.asked_ms, union.found = self.at_ms, union.held.distinct
        return union.found

    def _united(self, span_ms: int, field: str) -> Union:
        """The union of the buckets of a span: those with many registers as rows, and the others one by one."""
        rows = self._rows.setdefault(field, {})
        many, few = [], []
        for start in self._held(self.starts(span_ms)):
            registers: Registers = getattr(self.minutes[start].counts, field)
            if len(registers) <= DENSE:
                few.append(registers)
                continue
            row = rows.get(start)
            if row is None:
                row = rows[start] = dense(registers)
            many.append(row)
        union = Union(many)
        for registers in few:
            union.add(registers)
        return union

    def exemplars(self, span_ms: int) -> list[Exemplar]:
        """The posts most worth showing of the last `span_ms`."""
        return list(self._merged(span_ms).exemplars)

    def rivals(self, span_ms: int) -> dict[str, RivalCounts]:
        """The brand's competitors over the last `span_ms`: to be read, not to be changed."""
        return self._merged(span_ms).rivals

    def first_start(self, span_ms: int, name: str, stands_out: Callable[[Counts], bool]) -> int | None:
        """Start of the first minute of the last `span_ms` whose counts stand out; `None`: none does.

        What was found is kept by the test's name, which says all that the test depends on.
        """
        last_ms = self.last_ms
        held = self._first_starts.get((span_ms, name))
        if held is not None and held[0] == last_ms:
            return held[1]
        minutes = self.minutes
        for start in self.starts(span_ms):
            if start in minutes and stands_out(minutes[start].counts):
                if start < last_ms:  # the newest is not over: what stands out now may not do so for long
                    kept = {asked: found for asked, found in self._first_starts.items() if found[0] == last_ms}
                    self._first_starts = {**kept, (span_ms, name): (last_ms, start)}
                return start
        return None

    def loudest_voice(self, span_ms: int) -> int:
        """Posts in the fullest bucket of authors over the last `span_ms`: one account's share, at most."""
        last_ms = self.last_ms
        voices = self._voices.get(span_ms)
        if voices is None or not (voices.last_ms == last_ms or self._slid(voices, span_ms, last_ms)):
            voices = self._voices[span_ms] = self._summed(Voices(last_ms), span_ms)
        return voices.loudest

    def unanswered(self, span_ms: int) -> tuple[int, int]:
        """Of the questions that others asked in the last `span_ms`: those that no own account replied to, and all.

        In a flood the newest questions stand for all of them.
        """
        since_ms = self.at_ms - span_ms
        names = [name for name, asked_ms in self.asked.items() if asked_ms >= since_ms]
        return sum(name not in self.answered for name in names), len(names)

    def replied_ms(self, thread: str, since_ms: int) -> int:
        """When an own account first replied to a post of a conversation since an instant (0: not yet).

        Of each post the first reply counts.
        """
        home = self._home(thread)
        times = [at_ms for name, at_ms in self.answered.items() if at_ms >= since_ms and self._home(name) == home]
        return min(times, default=0)

    def _home(self, name: str) -> str:
        """The conversation that a post belongs to, as far as its chain is known."""
        for _ in range(8):
            alias = self.aliases.get(name)
            if alias is None or alias[1] == name:
                break
            name = alias[1]
        return name

    def _merged(self, span_ms: int) -> OpenMinute:
        last_ms = self.last_ms
        running = self._running.get(span_ms)
        if running is None or running.last_ms != last_ms:
            merged = OpenMinute()
            for start in self.starts(span_ms):
                minute = self.minutes.get(start)
                if minute is not None:
                    merged.add(minute)
            running = self._running[span_ms] = Running(last_ms, merged)
        return running.merged

    def _join_chains(self) -> None:
        # Most are the first post of a conversation of their own: they are left out before the rest is put in order.
        aliases, crowd = self.aliases, self._new_threads
        new = (*self.fresh, *crowd.waiting())
        replies = {key for key in new if (alias := aliases.get(key)) is not None and alias[1] != key}
        for key in sorted(replies):
            root = self._home(key)
            if root == key or not self._goes_on(key) or not self._goes_on(root):
                continue
            for one in (key, root):
                if one in crowd:
                    self._admit_thread(one)
            self.threads[root].join(self.threads.pop(key))
            self._forget_busy()
        self.fresh = []

    def _endorse(self) -> None:
        """Tie what was observed to the threads that began with those posts: at the grid point, so that no cut shows."""
        for name in sorted(set(self.observed)):
            if name in self._new_threads:
                self._admit_thread(name)
            thread, seen = self.threads.get(name), self.engagement.get(name)
            if thread is not None and seen is not None:
                thread.endorse(seen)
                if thread.weight >= BUSY_POSTS:
                    self.busy_threads[name] = thread
        self.observed = []

    def _forget_busy(self) -> None:
        """Find the busy ones anew when they are next asked for."""
        vars(self).pop("busy_threads", None)
        vars(self).pop("busy_clusters", None)


OPEN_END = 2**53
"""The end of a blindness that lasts."""


LONGEST_DOUBT_MS = 24 * 60 * MINUTE_MS


def doubted_until_ms(span: tuple[int, int]) -> int:
    """Until when what is usual now is not known after a blindness: as long as it lasted, a day at most.

    >>> doubted_until_ms((0, 1_000)), doubted_until_ms((0, OPEN_END)) == OPEN_END
    (2000, True)
    """
    start_ms, end_ms = span
    return OPEN_END if end_ms == OPEN_END else end_ms + min(end_ms - start_ms, LONGEST_DOUBT_MS)


def floor(at_ms: int, step_ms: int) -> int:
    """The grid point at or before a time."""
    return at_ms - at_ms % step_ms


def _buckets(last_ms: int, span_ms: int, bucket_ms: int) -> range:
    """Oldest first. A bucket that is longer than the span counts whole."""
    return range(last_ms, last_ms - span_ms, -bucket_ms)[::-1]


def _oldest(last_ms: int, span_ms: int, bucket_ms: int) -> int:
    """The first of `_buckets`.

    >>> _oldest(600, 300, 100) == _buckets(600, 300, 100)[0], _oldest(600, 250, 100) == _buckets(600, 250, 100)[0]
    (True, True)
    """
    return last_ms - (span_ms - 1) // bucket_ms * bucket_ms


def _begun(key: str, minute_ms: int, part: ThreadPart | ClusterPart) -> Thread:
    """A thread or a cluster that a batch is the first to bring. In a flood most bring one post and never another."""
    if isinstance(part, ClusterPart):
        thread = Thread(key, part.first_ms, part.posts, part.negative)
    else:
        thread = Thread(
            key, part.first_ms, part.posts, part.negative, part.scored, part.replies, part.reposts, part.quotes
        )  # fmt: skip
        thread.reach, thread.positive, thread.root_negative = part.reach, part.positive, part.root_negative
    thread.voices, thread.by_minute = part.voices, {minute_ms: part.posts}
    return thread


def _known(table: dict[str, Thread], crowd: Crowd[P], minute_ms: int, brought: dict[str, P]) -> dict[str, P]:
    """What a batch brought that is to be added at once: all of it, but in a flood those that are in the table."""
    if len(brought) <= CROWD:
        return brought
    known = {key: brought[key] for key in sorted(table.keys() & brought.keys())}
    crowd.take(minute_ms, brought, without=known)
    return known


def _tidy(table: dict[str, Thread], crowd: Crowd[P], kept: int, horizon_ms: int) -> None:
    # A thread that began in an open minute has a post in one: only the older ones are looked through.
    for key in [k for k, t in table.items() if t.first_ms < horizon_ms and _last_heard(t) < horizon_ms]:
        del table[key]
    if len(table) + len(crowd) > kept:
        ranks = [(-t.weight, t.first_ms, key) for key, t in table.items()]
        ranks += crowd.best(kept, [-rank[0] for rank in ranks])
        ranks.sort()  # few are cut: a heap of those that stay is slower
        for _, _, key in ranks[kept:]:
            table.pop(key, None)
        table.update(
            {key: _begun(key, *crowd.pop(key)) for key in sorted({key for _, _, key in ranks[:kept]} - table.keys())}
        )
    else:
        table.update({key: _begun(key, *crowd.pop(key)) for key in crowd.waiting()})
    crowd.clear()
    for thread in table.values():
        if len(thread.by_minute) > OPEN_MINUTES:
            thread.by_minute = {m: n for m, n in thread.by_minute.items() if m >= horizon_ms}
        if len(thread.endorsed) > OPEN_MINUTES:
            # The newest of what is too old stays: what was gained in the open minutes is counted from it.
            oldest = max((m for m in thread.endorsed if m < horizon_ms), default=horizon_ms)
            thread.endorsed = {m: n for m, n in thread.endorsed.items() if m >= oldest}


def _newest(table: dict[str, V], kept: int, at_ms: Callable[[V], int]) -> dict[str, V]:
    """The newest of a table, of the same time those whose names come first; in this order.

    >>> _newest({"a": 1, "c": 7, "b": 7, "d": 7}, 2, int)
    {'b': 7, 'c': 7}
    """
    times = np.fromiter(map(at_ms, table.values()), np.int64, len(table))
    late = times >= np.partition(times, -kept)[-kept]
    rest = list(zip((-times[late]).tolist(), compress(table, late.tolist()), strict=True))
    return {name: table[name] for _, name in sorted(rest)[:kept]}


def _last_heard(thread: Thread) -> int:
    """The last minute with a post in it, or with likes that were observed."""
    return max(max(thread.by_minute, default=0), max(thread.endorsed, default=0))
