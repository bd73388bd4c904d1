"""Keeping cards true: a message with buttons is edited in place when the incident changes. EDGE."""

from collections.abc import Callable, Mapping

import structlog

from alerting.delivery.answering import Answering
from alerting.delivery.composing import Composer
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.pacing import BELIEVED_MS, backoff_ms
from alerting.delivery.ways import HELD_BACK, Way, attempted

_log = structlog.get_logger(__name__)

EDIT_AGAIN_MS = 5_000


class Editing:
    """Edits messages. Doing it twice does no harm, so what is unknown is simply done again; each way rests a while
    after an edit that did not go through, so that fifty cards do not beat on a Slack that is down.
    """

    def __init__(
        self,
        outbox: Outbox,
        ways: Mapping[str, Way],
        clock: Callable[[], int],
        composer: Composer,
        after_card: Callable[[OutboxRow], None],
        *,
        answering: Answering,
        longest_s: float,
    ) -> None:
        self._outbox = outbox
        self._ways = ways
        self._clock = clock
        self._composer = composer
        self._after_card = after_card
        self._answering = answering
        self._longest_s = longest_s
        self._rests: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self.refused = 0
        """Edits that were given up."""

    def due(self) -> list[OutboxRow]:
        """What shows an older incident than there is, and may be edited now."""
        now_ms = self._clock()
        resting = [way for way, until_ms in self._rests.items() if now_ms < until_ms <= now_ms + BELIEVED_MS]
        return [row for row in self._outbox.edits(now_ms) if row.way not in resting]

    async def edit(self, row: OutboxRow) -> int:
        """Edit a message in place."""
        way, shown = self._ways.get(row.way), self._outbox.revision(row.incident)
        message, began_ms = self._composer.message(row), self._clock()
        if way is None or message is None:
            self._outbox.edited(row.page_id, shown=shown)
            return 0
        outcome = await attempted(way.edit(row.channel, row.ts, message), self._longest_s)
        self._answering.took(row.way, outcome, began_ms)
        if outcome.kind in ("sent", "permanent"):
            self._failures.pop(row.way, None)
            if outcome.kind == "permanent":
                self._give_up(row, outcome.detail)
            self._outbox.edited(row.page_id, shown=shown)
            if row.kind == "card":
                self._after_card(row)
        elif outcome.detail in HELD_BACK:
            self._outbox.edited(row.page_id, due_ms=self._clock() + outcome.retry_ms)
        else:
            failures = self._failures[row.way] = self._failures.get(row.way, 0) + 1
            again_ms = self._clock() + max(outcome.retry_ms, backoff_ms(row.way, failures, EDIT_AGAIN_MS))
            self._rests[row.way] = max(self._rests.get(row.way, 0), again_ms)
            self._outbox.edited(row.page_id, due_ms=again_ms)
        return 0

    def _give_up(self, row: OutboxRow, why: str) -> None:
        """It goes on showing what it showed, be it words that were erased since: somebody may have to take it down."""
        self.refused += 1
        _log.warning("a message cannot be edited any more", way=row.way, incident=row.incident, ts=row.ts, problem=why)
