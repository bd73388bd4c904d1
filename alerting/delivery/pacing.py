"""How fast messages go out, and how long a way is left alone after it refused one. EDGE; takes every instant from
whoever calls, and draws no lots: the same page and attempt wait equally long, and no two pages wait alike.

Slack takes about a message a second in a channel, with short bursts, and some hundreds a minute in a workspace
(docs.slack.dev/apis/web-api/rate-limits). Its 429 names neither. So the first one rests its channel; where another
channel of the same workspace is refused while that lasts, the limit is the workspace's, and everything rests.
"""

import hashlib

from alerting.delivery.ways import HELD_BACK, Outcome

BURST = 5
"""Messages that may go to a channel at once after it was quiet."""
SOONEST_MS = 1_000
LONGEST_MS = 30_000
"""So long at the most until something is tried again: a way that is back must not wait for us."""
LANE_LONGEST_MS = 15_000
BELIEVED_MS = 120_000
"""A rest that lies further ahead than this was set by a clock that has gone back since."""

LIMITS = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
EVERYWHERE = frozenset({"message_limit_exceeded"})
"""Slack's word for a limit on the workspace."""


def backoff_ms(name: str, attempt: int, least_ms: int = SOONEST_MS, most_ms: int = LONGEST_MS) -> int:
    """How long to wait after so many attempts: twice as long each time, up to `most_ms`, and a quarter more or less by
    the name, so that what failed together does not come back together.

    >>> [backoff_ms("p1", attempt) for attempt in (1, 2, 3, 9)]
    [767, 2353, 3064, 29655]
    """
    step_ms = min(most_ms, max(least_ms, SOONEST_MS) << min(attempt - 1, 16))
    lot = int.from_bytes(hashlib.sha256(f"{name}/{attempt}".encode()).digest()[:2], "big") % 1000
    return step_ms - step_ms // 4 + step_ms * lot // 2000


class Pacing:
    """Says when the next message may go to a channel of a way.

    >>> pacing = Pacing(1000, burst=2)
    >>> for _ in range(3):
    ...     if pacing.wait_ms("slack", "C1", 5_000) == 0:
    ...         pacing.began("slack", "C1", 5_000)
    >>> pacing.wait_ms("slack", "C1", 5_000), pacing.wait_ms("slack", "C2", 5_000), pacing.wait_ms("slack", "C1", 6_000)
    (1000, 0, 0)
    """

    def __init__(self, pace_ms: int, *, burst: int = BURST, paced: tuple[str, ...] = ("slack",)) -> None:
        """`pace_ms` between two messages in a channel, of the ways in `paced`; 0: no pace."""
        self._pace_ms = pace_ms
        self._burst_ms = (burst - 1) * pace_ms
        self._paced = paced
        self._full_ms: dict[tuple[str, str], int] = {}
        """When a channel would be quiet if its messages had gone out evenly."""
        self._rests: dict[tuple[str, str], int] = {}
        """Until when a channel (or with "" a whole way) is left alone."""
        self._limited: dict[tuple[str, str], int] = {}
        """Until when a limit that the way told of holds."""
        self._failures: dict[tuple[str, str], int] = {}

    def wait_ms(self, way: str, lane: str, now_ms: int) -> int:
        """How long until the next message may go there; 0: now."""
        rests = max(self._rest_ms((way, lane), now_ms), self._rest_ms((way, ""), now_ms))
        ahead_ms = self._full_ms.get((way, lane), 0) - now_ms
        if ahead_ms > self._burst_ms + self._pace_ms:  # the clock has gone back
            ahead_ms = 0
        return max(rests, ahead_ms - self._burst_ms, 0)

    def began(self, way: str, lane: str, now_ms: int) -> None:
        """A message goes there now."""
        if self._pace_ms and way in self._paced:
            full_ms = min(self._full_ms.get((way, lane), 0), now_ms + self._burst_ms + self._pace_ms)
            self._full_ms[way, lane] = max(full_ms, now_ms) + self._pace_ms

    def ended(self, way: str, lane: str, outcome: Outcome, now_ms: int) -> None:
        """What became of it. Refusals that nobody can help rest the channel; the longer, the more of them in a row."""
        here = (way, lane)
        if outcome.detail in HELD_BACK:
            return
        if outcome.kind in ("sent", "permanent"):
            self._failures.pop(here, None)
            return
        if outcome.detail in LIMITS:
            self._limit(way, lane, outcome, now_ms)
        elif outcome.kind == "unknown" or outcome.retry_ms > 0:
            failures = self._failures[here] = self._failures.get(here, 0) + 1
            self._rests[here] = now_ms + backoff_ms(lane, failures, most_ms=LANE_LONGEST_MS)

    def _limit(self, way: str, lane: str, outcome: Outcome, now_ms: int) -> None:
        until_ms = now_ms + max(outcome.retry_ms, SOONEST_MS)
        others = [
            one for one, ends_ms in self._limited.items() if one[0] == way and one[1] != lane and ends_ms > now_ms
        ]
        self._limited = {one: ends_ms for one, ends_ms in self._limited.items() if ends_ms > now_ms}
        self._limited[way, lane] = until_ms
        self._rests[way, lane] = until_ms
        if others or outcome.detail in EVERYWHERE:
            self._rests[way, ""] = max(until_ms, self._rest_ms((way, ""), now_ms) + now_ms)

    def _rest_ms(self, where: tuple[str, str], now_ms: int) -> int:
        left_ms = self._rests.get(where, 0) - now_ms
        if not 0 < left_ms <= BELIEVED_MS:
            self._rests.pop(where, None)
            return 0
        return left_ms
