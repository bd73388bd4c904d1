"""EDGE. Keeps the console's memory: once a minute, what the core knows of each brand's open minutes is written down."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from alerting.facts import rank
from stream.codec import MINUTE_MS
from stream.sources.store import StoreError
from stream.window import OPEN_MINUTES, floor
from tocsin.brand_now import RECENT_MS, heard
from tocsin.console.history import History, Minute
from tocsin.state import Brand

log = structlog.get_logger("tocsin")

SAMPLED = "sampled"
TIDY_EVERY = 30
"""Minutes between two looks at what is too old."""


class Sampler:
    """Writes down what is known of brands. `brand` gives the core's, by name; `core_time_ms` is up to when it decided;
    `clock` is the time by which minutes end.
    """

    def __init__(
        self,
        history: History,
        names: Sequence[str],
        brand: Callable[[str], Brand | None],
        core_time_ms: Callable[[], int],
    ) -> None:
        self._history = history
        self._names = names
        self._brand = brand
        self._core_time_ms = core_time_ms
        self._kept: dict[str, dict[int, Minute]] = {}
        """By brand: what was last written of its open minutes."""
        self.heard_from_ms = 0
        """Silent minutes before this were not listened to: nobody was there."""
        self._samples = 0
        self._is_well = True

    async def run(self) -> None:
        """Write down, at each minute, until cancelled. What the disk refuses is missing, and nothing else suffers."""
        self.begin(await asyncio.to_thread(self._history.place, SAMPLED))
        while True:
            await self.sample()
            at_ms = self._core_time_ms()
            await asyncio.sleep((MINUTE_MS - at_ms % MINUTE_MS) / 1000 + 1)

    def begin(self, known_ms: int) -> None:
        """What was sampled before ends at `known_ms`: what was silent since then, nobody may have listened to, unless
        that was a moment ago: then it goes on since it last began. Where nothing ever was (0), the core itself had ears
        before there was a memory, unless it has heard nothing either.
        """
        from_ms = floor(self._core_time_ms(), MINUTE_MS)
        brands = [found for name in self._names if (found := self._brand(name)) is not None]
        had_ears = any(one.state.window.started_ms >= 0 for one in brands)
        goes_on = from_ms - known_ms < 2 * MINUTE_MS if known_ms else had_ears
        unbroken_ms = self._history.unbroken_ms(known_ms) if known_ms else 0
        self.heard_from_ms = unbroken_ms if goes_on else from_ms

    async def sample(self) -> None:
        """Write down what is known now."""
        at_ms = self._core_time_ms()
        rows = [row for name in self._names for row in self._changed(name, at_ms)]
        self._samples += 1
        try:
            await asyncio.to_thread(self._write, rows, at_ms)
            self._is_well = True
        except StoreError as error:
            self._kept.clear()
            if self._is_well:
                log.error("console history not written", problem=str(error))
            self._is_well = False

    def _write(self, rows: Sequence[Minute], at_ms: int) -> None:
        self._history.keep(rows)
        self._history.put_place(SAMPLED, floor(at_ms, MINUTE_MS))
        if self._samples % TIDY_EVERY == 1:
            self._history.tidy(at_ms)

    def _changed(self, name: str, at_ms: int) -> list[Minute]:
        """The minutes of a brand that are other than what was written of them."""
        brand = self._brand(name)
        if brand is None:
            return []
        before, now = self._kept.get(name, {}), {}
        end_ms = floor(at_ms, MINUTE_MS)
        for start_ms in range(end_ms - OPEN_MINUTES * MINUTE_MS, end_ms, MINUTE_MS):
            minute = self._minute(brand, name, start_ms, before.get(start_ms))
            if minute is not None:
                now[start_ms] = minute
        self._kept[name] = now
        return [minute for start_ms, minute in now.items() if minute != before.get(start_ms)]

    def _minute(self, brand: Brand, name: str, start_ms: int, before: Minute | None) -> Minute | None:
        window = brand.state.window
        said = heard(window, start_ms, start_ms + MINUTE_MS)
        is_listened = 0 <= window.started_ms <= start_ms and start_ms >= self.heard_from_ms
        if not said.posts and not is_listened:
            return before
        blind = int(window.is_blind(start_ms, start_ms + MINUTE_MS))
        if before is not None:  # what was usual, and what was open, was so when it ended
            return before._replace(posts=said.posts, judged=said.judged, negative=said.negative, blind=blind)
        found = Minute(name, start_ms, posts=said.posts, judged=said.judged, negative=said.negative, blind=blind)
        incident = brand.book.incident
        if (
            incident is not None
            and incident.opened_ms < start_ms + MINUTE_MS
            and (incident.is_open or incident.closed_ms > start_ms)
        ):
            found = found._replace(severity=rank(incident.severity) + 1)
        surge = brand.panel.volume.surge
        if not surge.warm:
            return found
        band, minutes = surge.band(RECENT_MS, start_ms + MINUTE_MS), RECENT_MS // MINUTE_MS
        return found._replace(
            usual=1,
            expected_milli=round(band.mean * 1000) // minutes,
            lower_milli=band.lower * 1000 // minutes,
            upper_milli=band.upper * 1000 // minutes,
        )
