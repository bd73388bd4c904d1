"""Which ways answer at all: one that is down is told to operators once, and once when it is back. EDGE.

Whoever is paged meanwhile is reached by another way, so that nothing else says so before a page is refused for good.
"""

from collections.abc import Callable
from typing import Literal

import structlog

from alerting.delivery.pacing import LIMITS
from alerting.delivery.second_way import NAMES, SECOND_WAY_MS, Trouble
from alerting.delivery.ways import HELD_BACK, Outcome
from alerting.words import clock_text

_log = structlog.get_logger(__name__)


class Answering:
    """Notes what became of every call of a way."""

    def __init__(
        self, clock: Callable[[], int], operators: Callable[[Trouble], None], wait_ms: int = SECOND_WAY_MS
    ) -> None:
        """`operators` hears of a way that has answered nothing for `wait_ms`, and of its first answer after that."""
        self._clock = clock
        self._operators = operators
        self._wait_ms = wait_ms
        self._since_ms: dict[str, int] = {}
        """Since when a way has answered nothing, of those that were called."""
        self._told: dict[str, None] = {}

    def took(self, way: str, outcome: Outcome, began_ms: int) -> None:
        """What became of a call that began then. A refusal, and a limit, is an answer."""
        if outcome.kind in ("sent", "permanent") or outcome.detail in LIMITS:
            self.answered(way)
        elif outcome.detail not in HELD_BACK:
            self.failed(way, began_ms)

    def failed(self, way: str, began_ms: int) -> None:
        """A call that began then was not answered."""
        since_ms = self._since_ms.setdefault(way, began_ms)
        if since_ms > self._clock():  # the clock has gone back
            self._since_ms[way] = self._clock()

    def answered(self, way: str) -> None:
        """It answers."""
        self._since_ms.pop(way, None)
        if way in self._told:
            del self._told[way]
            self._tell("back", way, self._clock())

    def look(self) -> None:
        """Tell of what has answered nothing for too long."""
        now_ms = self._clock()
        for way, since_ms in list(self._since_ms.items()):
            if way not in self._told and now_ms - since_ms >= self._wait_ms:
                self._told[way] = None
                self._tell("silent", way, since_ms)

    def _tell(self, became: Literal["silent", "back"], way: str, at_ms: int) -> None:
        when = clock_text(at_ms, "UTC", at_ms)
        said = f"does not answer since {when}" if became == "silent" else "answers again"
        _log.warning(f"{NAMES.get(way, way)} {said}", way=way)
        self._operators(Trouble(became, "", way, (), when if became == "silent" else ""))
