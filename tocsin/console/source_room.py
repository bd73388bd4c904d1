"""EDGE. What the page of the sources is made from: their file, the dead letters, and what listens in this process."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from stream.brands import Brand
from stream.codec import DAY_MS
from stream.sources.dead_letters import DeadLetters
from stream.sources.feeding import Feeding
from stream.sources.intake_log import IntakeLog
from stream.sources.places import Places
from tocsin.console.own_words import own_line
from tocsin.console.seen_sources import (
    COSTS_DAYS,
    DeadSeen,
    Known,
    SourceSeen,
    SourcesSeen,
    day_began_ms,
    dead_seen,
    door_seen,
    month_began_ms,
    needed_first,
    source_seen,
)
from tocsin.settings import Settings
from tocsin.source_base import SourceSection
from tocsin.sources import fed_by, listened_to

TAKEN = ("read", "matched", "unmatched", "repeated")
LOOKED_BACK = 20_000
"""Records of the log in which the last mention of a source that comes to us is looked for."""
READ_AT_ONCE = 2_000
ORPHANS_SHOWN = 20


class Stores(Protocol):
    """What a deployment keeps of what came in."""

    @property
    def places(self) -> Places: ...
    @property
    def dead(self) -> DeadLetters: ...
    @property
    def intake_log(self) -> IntakeLog: ...


class Hears(Protocol):
    """What listens, in one process with its stores."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Callable[[], int]: ...
    @property
    def brands(self) -> Sequence[Brand]: ...
    @property
    def home(self) -> Stores: ...


class SourceRoom:
    """Gives what the sources' page shows. May be asked from any thread.

    `feedings` are those of this process; `counts` says what became of all that intake read. `hears` is `None` where
    other processes listen, of which nothing is known here.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        hears: Hears | None = None,
        feedings: Sequence[Feeding] = (),
        counts: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._hears = hears
        self._feedings = {feeding.source.name: feeding for feeding in feedings}
        self._counts = counts
        self._tail = _Tail()

    def seen(self, visible: Callable[[str], bool]) -> SourcesSeen:
        """How all sources do, for somebody to whom these brands are `visible`."""
        at_ms, settings = self._clock(), self._settings
        if self._hears is None:
            found = tuple(SourceSeen(name=one.name, type=one.type, state="elsewhere") for one in settings.sources)
            return SourcesSeen(at_ms=at_ms, timezone=settings.timezone, sources=found)
        dead: dict[str, dict[str, int]] = defaultdict(dict)
        for (source, reason), count in self._hears.home.dead.counts().items():
            dead[source][reason] = count
        last = self._tail.look(self._hears.home.intake_log)
        sources = [
            self._seen(section, dead.pop(section.name, {}), last.get(section.name, 0), visible, at_ms)
            for section in settings.sources
            if _is_of(fed_by(section.name, self._hears.brands), visible)
        ]
        counts, sees_all = self._counts(), all(visible(brand.name) for brand in self._hears.brands)
        return SourcesSeen(
            at_ms=at_ms,
            timezone=settings.timezone,
            sources=needed_first(sources),
            taken=tuple((what, counts.get(what, 0)) for what in TAKEN),
            orphans=tuple(_orphans(dead))[:ORPHANS_SHOWN] if sees_all else (),
        )

    def _seen(
        self,
        section: SourceSection,
        dead: Mapping[str, int],
        last_ms: int,
        visible: Callable[[str], bool],
        at_ms: int,
    ) -> SourceSeen:
        assert self._hears is not None
        brands = [brand.name for brand in fed_by(section.name, self._hears.brands) if visible(brand.name)]
        if section not in listened_to(self._settings):
            return door_seen(section, last_ms, dead, brands)
        places, feeding = self._hears.home.places, self._feedings.get(section.name)
        known = Known(
            standing=places.standing(section.name),
            gaps=places.gaps(section.name),
            costs=places.costs(section.name, since_ms=at_ms - COSTS_DAYS * DAY_MS),
            month=places.costs(section.name, since_ms=month_began_ms(at_ms)),
            day=places.costs(section.name, since_ms=day_began_ms(at_ms)),
            completeness=feeding.source.completeness if feeding is not None else "",
            denied=feeding is not None and feeding.is_denied,
        )
        return source_seen(section, known, dead, brands, at_ms)


def _is_of(fed: Sequence[Brand], visible: Callable[[str], bool]) -> bool:
    """Whether a source feeds one of the visible brands, or none at all."""
    return not fed or any(visible(brand.name) for brand in fed)


def _orphans(dead: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, DeadSeen]]:
    for name in sorted(dead):
        yield from ((own_line(name, 40), one) for one in dead_seen(dead[name]))


class _Tail:
    """When a source last brought a mention, as far back as the log was looked through."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._from = 0
        self._last: dict[str, int] = {}

    def look(self, log: IntakeLog) -> dict[str, int]:
        """Look at what came since the last look."""
        with self._one:
            offset, end = max(self._from, log.last_offset + 1 - LOOKED_BACK), log.last_offset
            while offset <= end and (records := log.read(offset, READ_AT_ONCE)):
                for record in records:
                    if record.kind == "mention":
                        self._last[record.source] = record.observed_ms
                offset = records[-1].offset + 1
            self._from = offset
            return dict(self._last)
