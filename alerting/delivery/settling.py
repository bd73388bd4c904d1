"""What nobody knows: a page that may or may not have arrived is looked for, posted again, or waited for. EDGE."""

import asyncio
from collections.abc import Callable, Mapping

from alerting.delivery.answering import Answering
from alerting.delivery.composing import Composer
from alerting.delivery.outbox import LONGEST_WAIT_MS, Outbox, OutboxRow, rank_of
from alerting.delivery.pacing import backoff_ms
from alerting.delivery.ways import Outcome, Unreadable, Way

LOOK_MS = 2_000
"""How often the history is asked about an unknown page; where it cannot be read, less and less often."""
UNREADABLE_MS = 240_000
"""A page is due within five minutes: so long is a history waited for that cannot be read."""
REPEAT_MS = 5_000
"""After so long a page is posted again where the receiver drops what it has already."""
BLIND_ATTEMPTS = 3
"""So often is a page sent by a way that can neither be read back nor drops a repeat."""
CLOCKS_APART_MS = 7_200_000
"""How far our clock may be ahead of Slack's: a message sent now may carry an earlier time there. One that was set wrong
by an hour must not make us look past our own message, and send it twice."""


class Settling:
    """Settles unknown pages. `can_wait` says whether nobody has to be reached by a page any more, or yet."""

    def __init__(
        self,
        outbox: Outbox,
        ways: Mapping[str, Way],
        clock: Callable[[], int],
        *,
        composer: Composer,
        grace_ms: int,
        can_wait: Callable[[OutboxRow], bool],
        answering: Answering,
        longest_s: float,
    ) -> None:
        self._outbox = outbox
        self._ways = ways
        self._clock = clock
        self._composer = composer
        self._grace_ms = grace_ms
        self._can_wait = can_wait
        self._answering = answering
        self._longest_s = longest_s
        self.blind_resends = 0
        """Unknown pages sent again although nobody could tell whether they had arrived."""

    def due(self) -> list[OutboxRow]:
        """What is to be looked at now: what has waited longest first, so that those before it hold up none for ever,
        and of those that have waited equally long the gravest.
        """
        now_ms = self._clock()
        due = [row for row in self._outbox.unknown() if not now_ms < row.due_ms <= now_ms + LONGEST_WAIT_MS]
        return sorted(due, key=lambda row: (row.due_ms, -rank_of(row.severity), row.seq))

    async def settle(self, row: OutboxRow) -> int:
        """Settle a page, or put it off."""
        way, now_ms = self._ways.get(row.way), self._clock()
        if way is None:
            self._become(row, Outcome("permanent", detail="this way is not set up"))
        elif now_ms < row.started_ms:  # the clock has gone back: what is waited for is counted from here
            self._outbox.begun(row.page_id, now_ms)
        elif way.settles == "history":
            await self._look(row, way)
        elif way.settles == "repeat":
            self._after(row, backoff_ms(row.page_id, row.attempt, REPEAT_MS), "not confirmed")
        elif row.attempt >= BLIND_ATTEMPTS and now_ms - row.started_ms >= self._grace_ms:
            self._become(row, Outcome("permanent", detail="nobody can tell whether it arrived"))
        elif self._after(row, self._grace_ms, "sent again unseen"):
            self.blind_resends += 1
        return 0

    def _after(self, row: OutboxRow, wait_ms: int, detail: str) -> bool:
        """Send it again after a while. Returns whether that is now."""
        left_ms = row.started_ms + wait_ms - self._clock()
        if left_ms > 0:
            self._outbox.postpone(row.page_id, self._clock() + left_ms)
            return False
        self._become(row, Outcome("not_sent", detail=detail))
        return True

    async def _look(self, row: OutboxRow, way: Way) -> None:
        """Look for the page; its absence counts only when the look began after the grace."""
        looked_ms = self._clock()
        first_ms = min(row.started_ms, row.wanted_ms or row.started_ms)
        try:
            async with asyncio.timeout(self._longest_s):
                found = await way.find(self._composer.sought(row), first_ms - CLOCKS_APART_MS)
        except Unreadable as unreadable:
            self._unreadable(row, unreadable)
            return
        except Exception as error:  # noqa: BLE001 - a way that breaks its promise must not stop the others
            self._unreadable(row, Unreadable(type(error).__name__, permanent=False))
            return
        self._answering.answered(row.way)
        if found is not None:
            self._become(row, found)
        elif looked_ms - row.started_ms >= self._grace_ms:
            self._become(row, Outcome("not_sent", detail="not in the history"))
        else:
            self._outbox.postpone(row.page_id, self._clock() + LOOK_MS)

    def _unreadable(self, row: OutboxRow, why: Unreadable) -> None:
        if not why.permanent:
            self._answering.failed(row.way, self._clock())
        waited_ms = self._clock() - row.started_ms
        enough_ms = self._grace_ms if why.permanent else max(self._grace_ms, UNREADABLE_MS)
        if waited_ms >= enough_ms and (why.permanent or not self._can_wait(row)):
            self.blind_resends += 1
            self._become(row, Outcome("not_sent", detail=f"history unreadable: {why}"))
        else:
            looks = 1 + waited_ms // (4 * LOOK_MS)
            wait_ms = backoff_ms(row.page_id, looks, LOOK_MS, 8 * LOOK_MS)
            left_ms = row.started_ms + enough_ms - self._clock()
            self._outbox.postpone(row.page_id, self._clock() + (min(wait_ms, left_ms) if left_ms > 0 else wait_ms))

    def _become(self, row: OutboxRow, outcome: Outcome) -> None:
        self._outbox.settle(row.page_id, outcome, self._clock())
