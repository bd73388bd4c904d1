"""Who was reached: tells the core what became of pages, and sends whoever was not by their next way. EDGE."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

import structlog
from msgspec.structs import replace

from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.second_way import SECOND_WAY_MS, Trouble, Verdict, is_overdue, verdict
from alerting.delivery.ways import Address, Delivered, Way
from alerting.view import unreached

_log = structlog.get_logger(__name__)
Became = Literal["sent", "failed", "missed", "unknown"]


class Reaching:
    """Looks after the people of each decision that wakes somebody or calls them in. `is_quiet` says whether they need
    not be reached any more; `operators` hears of every way that failed somebody.
    """

    def __init__(
        self,
        outbox: Outbox,
        ways: Mapping[str, Way],
        clock: Callable[[], int],
        *,
        resolve: Callable[[str], Sequence[Address]],
        is_quiet: Callable[[OutboxRow], bool],
        report: Callable[[Delivered], Awaitable[None]],
        operators: Callable[[Trouble], None],
        wait_ms: int = SECOND_WAY_MS,
    ) -> None:
        self._outbox = outbox
        self._ways = ways
        self._clock = clock
        self._resolve = resolve
        self._is_quiet = is_quiet
        self._report = report
        self._operators = operators
        self._wait_ms = wait_ms
        self.second_ways = 0
        """Pages sent by another way because the one before did not get through."""
        self.lost = 0
        """Pages of which no way reached anybody."""

    # ---- another way

    def take_other_ways(self) -> int:
        """Plan pages by another way for whoever needs one. Returns how many are new; they are durable."""
        planned = 0
        now_ms = self._clock()
        troubled = [row for row in self._in_trouble(now_ms) if not self._is_quiet(row)]
        for incident, key in dict.fromkeys((row.incident, row.key) for row in troubled):
            found = self._verdict(incident, key, now_ms)
            if found.rows or found.forward:
                new = self._outbox.plan_instead(found.rows, found.forward, now_ms)
                if not new and not found.forward:  # known already: nothing is new to anybody
                    continue
                planned += new + len(found.forward)
                self.second_ways += new + len(found.forward)
                sooner = (replace(self._outbox.row(name), detail="sooner than it was due") for name in found.forward)
                for row in (*found.rows, *sooner):
                    self._tell_operators(Trouble("second_way", row.incident, row.way, row.responders, row.detail))
        return planned

    def covered(self, row: OutboxRow) -> bool:
        """Whether everybody of a page was reached by another message of the same decision."""
        rows = [one for one in self._outbox.of_decision(row.incident, row.key) if one.state == "sent"]
        reached = [name for one in rows for name in one.responders]
        return bool(row.responders) and all(name in reached for name in row.responders)

    def _in_trouble(self, now_ms: int) -> list[OutboxRow]:
        waiting = [row for row in self._outbox.unsettled() if is_overdue(row, now_ms, self._wait_ms)]
        rows = [*waiting, *self._outbox.untold_failures()]
        return [row for row in rows if row.reaches and row.kind != "story" and not row.folded]

    def _verdict(self, incident: str, key: str, now_ms: int) -> Verdict:
        rows = self._outbox.of_decision(incident, key)
        return verdict(rows, self._addresses, now_ms, self._wait_ms)

    def _addresses(self, name: str) -> list[Address]:
        return [one for one in self._resolve(name) if one.way in self._ways]

    # ---- telling

    def news(self) -> bool:
        """Whether the core is to be told of anything."""
        return bool(self._outbox.unreported()) or bool(self._given_up())

    async def tell(self) -> int:
        """Report what was not reported. Noted once the core has it: a crash reports twice, never not."""
        for row in self._outbox.unreported():
            became = self._became(row)
            await self._say(row, became, row.detail)
            self._outbox.reported(row)
        for row in self._given_up():
            await self._say(row, "failed", f"{row.state}: {row.detail}" if row.detail else row.state)
            self._outbox.give_up(row.page_id)
        return 0

    def _given_up(self) -> list[OutboxRow]:
        """Pages that wait, while nobody of their decision has another way: the core must not wait with them."""
        now_ms = self._clock()
        waiting = [
            row
            for row in self._outbox.unsettled()
            if row.reaches and row.kind != "story" and not row.given_up and is_overdue(row, now_ms, self._wait_ms)
        ]
        return [
            row for row in waiting if not self._is_quiet(row) and not self._verdict(row.incident, row.key, now_ms).hope
        ]

    def _became(self, row: OutboxRow) -> Became:
        """What the core is told: a page has failed only where nobody of its decision was or may yet be reached."""
        if row.state == "sent":
            return "sent"
        if row.state == "unknown":
            return "unknown"
        if not row.reaches:
            return "failed"
        found = self._verdict(row.incident, row.key, self._clock())
        self._show_unreached(row, found)
        self._tell_operators(Trouble("refused", row.incident, row.way, row.responders, row.detail))
        return "missed" if found.hope or self._is_quiet(row) else "failed"

    def _show_unreached(self, row: OutboxRow, found: Verdict) -> None:
        view = self._outbox.view(row.incident)
        lost = tuple(name for name in row.responders if name in found.lost)
        if view is not None and lost:
            self._outbox.save_view(unreached(view, lost))

    async def _say(self, row: OutboxRow, became: Became, detail: str) -> None:
        if became == "failed" and row.reaches:
            self.lost += 1
            self._tell_operators(Trouble("lost", row.incident, row.way, row.responders, detail))
        await self._report(
            Delivered(
                brand=row.brand,
                incident=row.incident,
                key=row.key,
                way=row.way,
                outcome=became,
                at_ms=self._clock(),
                detail=detail,
                page_id=row.page_id,
                responders=row.responders,
            )
        )

    def _tell_operators(self, trouble: Trouble) -> None:
        _log.warning(
            "page", became=trouble.became, incident=trouble.incident, way=trouble.way, people=list(trouble.responders),
            detail=trouble.detail,
        )  # fmt: skip
        self._operators(trouble)

    def unreached_ms(self) -> int:
        """For how long the decision that waits longest has been due without reaching anybody (0: none waits)."""
        now_ms = self._clock()
        longest_ms = 0
        for row in self._outbox.unsettled():
            if row.wakes and row.kind != "story" and row.wanted_ms and not row.is_later(now_ms):
                rows = self._outbox.of_decision(row.incident, row.key)
                if not any(one.state == "sent" for one in rows) and not self._is_quiet(row):
                    longest_ms = max(longest_ms, now_ms - row.wanted_ms)
        return longest_ms
