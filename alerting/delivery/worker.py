"""Delivery: what the core decided reaches people once per way, in order, whatever is down. EDGE.

A page goes planned -> sending (on the disk) -> one POST -> sent, not sent, or unknown. What is unknown is looked for in
the channel's history every two seconds; found, it is sent; still absent at the end of the grace, the same page goes out
again. Right before each POST the incident's state is looked at once more: nobody is paged after an acknowledgement.

The residual risk. "Once" holds as long as the grace (60 s unless set otherwise) is longer than the client's timeout
plus the longest that Slack takes to show a message in the history after it accepted it. A message that arrives later
than that is doubled, with the same page id in both. And where the history cannot be read for four minutes, or never (a
missing scope), the page goes out again unseen: a page twice is better than a page lost, and `blind_resends` counts
them. An acknowledgement that becomes durable while a POST is under way cannot call that message back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.plan import addresses_of, rows_of
from alerting.delivery.slack import mention_of
from alerting.delivery.ways import Address, Answered, Delivered, Message, Outcome, Unreadable, Way
from alerting.explain import Explanation
from alerting.message import Card, card, line_card, page_card, sentence, terminal_card
from alerting.view import IncidentView, ShownPost, answered, grown, unreached

GRACE_MS = 60_000
LOOK_MS = 2_000
"""How often the history is asked about an unknown page."""
UNREADABLE_MS = 240_000
"""A page is due within five minutes: so long is a history waited for that cannot be read."""
CLOCKS_APART_MS = 300_000
"""How far our clock may be ahead of Slack's: a message sent now may carry an earlier time there."""
EDIT_AGAIN_MS = 5_000
LANES = 8
"""Channels served at the same time, so that one that hangs holds up no other."""

_OUTCOMES: dict[str, Literal["sent", "failed", "unknown"]] = {"sent": "sent", "failed": "failed", "unknown": "unknown"}


TAKES_IT = ("acknowledge", "own", "false_alarm", "resolve")
"""Answers after which nobody else is woken."""


class Delivery:
    """Takes decisions in, sends what is due, keeps the cards true and tells the core what became of each page."""

    def __init__(  # noqa: PLR0917 - the plugs of the application, in the order of the flow
        self,
        outbox: Outbox,
        ways: Mapping[str, Way],
        clock: Callable[[], int],
        report: Callable[[Delivered], Awaitable[None]],
        posts: Callable[[tuple[str, ...]], Mapping[str, ShownPost]],
        resolve: Callable[[str], Sequence[Address]],
        is_quiet: Callable[[str], bool],
        grace_ms: int = GRACE_MS,
        *,
        timezone: Callable[[str], str] = lambda _brand: "UTC",
        late_s: Callable[[str], int] = lambda _brand: 0,
        explain: Callable[[IncidentView], Explanation] = lambda _view: Explanation(),
        after_card: Callable[[OutboxRow], None] = lambda _row: None,
        drill: bool = False,
        terminal_width: int = 100,
        poll_ms: int = 250,
    ) -> None:
        """`clock` gives milliseconds since 1970; `posts` the texts behind names, as far as they exist; `resolve`
        where a target of the flowchart is reached; `is_quiet` whether an incident is acknowledged or closed.
        `timezone` and `late_s` say what the card of a brand shows, `explain` what the texts add to it. `after_card` is
        told of each card that was sent or edited; it must not wait.
        """
        self.outbox = outbox
        self._ways = ways
        self._clock = clock
        self._report = report
        self._posts = posts
        self._resolve = resolve
        self._is_quiet = is_quiet
        self._grace_ms = grace_ms
        self._timezone, self._late_s, self._explain, self._drill = timezone, late_s, explain, drill
        self._after_card = after_card
        self._terminal_width = terminal_width
        self._poll_s = poll_ms / 1000
        self._paused: dict[tuple[str, str], int] = {}
        """Way and channel, and until when it asked to be left alone."""
        self._news = (asyncio.Event(), asyncio.Event())
        self.blind_resends = 0
        """Unknown pages sent again although the history could not be read."""
        self.rounds = 0
        """How often everything that was due was gone through: the heartbeat stops where this stands still."""
        self.edits_refused = 0
        self.without_posts = 0
        """Cards shown without their posts or words, because the text store could not be read."""
        self.recovered = outbox.recover()
        """Pages that the last process left half sent."""

    # ---- taking in

    def take(self, decision: Decision) -> bool:
        """Turn a decision into messages and a newer card, durably. False where it was taken before, or tells nobody.

        What was decided in the shadow reaches nobody, whatever the settings say by now.
        """
        if decision.kind == "NoPage" or decision.shadow:
            return False
        if self.outbox.taken(decision.key):
            self.outbox.repeats += 1
            return False
        addresses, nowhere = addresses_of(decision, self._resolve, self._ways)
        cards = {way: found for way in self._ways if (found := self.outbox.card(decision.incident, way)) is not None}
        rows = rows_of(decision, addresses, nowhere, cards)
        view = grown(self.outbox.view(decision.incident), decision)
        if nowhere:
            view = unreached(view, tuple(nowhere))
        view = msgspec.structs.replace(view, timezone=self._timezone(decision.brand), drill=self._drill)
        self.outbox.plan(rows, key=decision.key, view=view)
        if decision.kind == "StandDown" or decision.reason in ("acknowledged", "owned"):
            self.outbox.cancel_incident(decision.incident)
        self._wake()
        return True

    def answered(self, answer: Answered) -> None:
        """A human's act is durable: the card says so at once, and nobody else is woken."""
        view = self.outbox.view(answer.incident)
        if view is None:
            return
        if answer.answer in TAKES_IT:
            self.outbox.cancel_incident(answer.incident)
        self.outbox.save_view(answered(view, answer.answer, answer.who))
        self._wake()

    # ---- working

    async def run(self) -> None:
        """Deliver until cancelled. Cards are edited beside the pages, so that neither waits for the other."""
        await asyncio.gather(self._forever(self._news[0], self._pages), self._forever(self._news[1], self._edits))

    async def step(self) -> int:
        """Everything that is due now. Returns how many times something was posted."""
        posted = 0
        while sent := await self._pages():
            posted += sent
        await self._edits()
        return posted

    def _wake(self) -> None:
        for event in self._news:
            event.set()

    async def _forever(self, news: asyncio.Event, work: Callable[[], Awaitable[int]]) -> None:
        while True:
            news.clear()
            if await work() == 0:
                try:
                    await asyncio.wait_for(news.wait(), self._poll_s)
                except TimeoutError:
                    continue

    async def _pages(self) -> int:
        await self._settle_unknown()
        lanes: dict[tuple[str, str], list[OutboxRow]] = {}
        now_ms = self._clock()
        for row in self.outbox.due(now_ms):
            lanes.setdefault((row.way, row.lane), []).append(row)
        free = [rows for lane, rows in lanes.items() if self._paused.get(lane, 0) <= now_ms]
        posted = sum(await _side_by_side(self._lane(rows) for rows in free))
        await self._tell_core()
        self.rounds += 1
        return posted

    async def _lane(self, rows: Sequence[OutboxRow]) -> int:
        """Send to one channel, in order, until one does not go through."""
        posted = 0
        for row in rows:
            outcome = await self._send(row)
            if outcome is None:
                continue
            posted += 1
            if outcome.kind == "not_sent":
                self._paused[row.way, row.lane] = self._clock() + outcome.retry_ms
            if outcome.kind in ("not_sent", "unknown"):
                break
        return posted

    async def _send(self, row: OutboxRow) -> Outcome | None:
        """One attempt; `None` where there was nothing to send any more."""
        way, message, shown = self._ways.get(row.way), self._message(row), self.outbox.revision(row.incident)
        if row.wakes and self._is_quiet(row.incident):
            self.outbox.cancel(row.page_id, "answered before it was sent")
            return None
        if way is None or message is None:
            self._gone(row, "this way is not set up" if way is None else "its card is not there")
            return None
        self.outbox.begin(row.page_id, row.attempt + 1, self._clock())
        outcome = await _attempt(way.post(message))
        settled = self.outbox.settle(row.page_id, outcome, self._clock())
        if settled.state == "sent":
            self.outbox.edited(row.page_id, shown=shown)
            self._card_stands(settled)
        elif settled.state == "failed":
            self._unreached(settled)
        return outcome

    def _card_stands(self, row: OutboxRow) -> None:
        if row.kind == "card":
            self._after_card(row)

    def _gone(self, row: OutboxRow, why: str) -> None:
        if row.kind == "story":
            self.outbox.cancel(row.page_id, why)
        else:
            self._unreached(self.outbox.settle(row.page_id, Outcome("permanent", detail=why), self._clock()))

    def _unreached(self, row: OutboxRow) -> None:
        view = self.outbox.view(row.incident)
        if view is not None and row.wakes:
            self.outbox.save_view(unreached(view, row.responders))

    # ---- what nobody knows

    async def _settle_unknown(self) -> None:
        now_ms = self._clock()
        await _side_by_side(self._settle_one(row) for row in self.outbox.unknown() if row.due_ms <= now_ms)

    async def _settle_one(self, row: OutboxRow) -> int:
        """Look for the page; its absence counts only when the look began after the grace."""
        way, looked_ms = self._ways.get(row.way), self._clock()
        if way is None:
            self._gone(row, "this way is not set up")
            return 0
        try:
            found = await way.find(self._sought(row), row.started_ms - CLOCKS_APART_MS)
        except Unreadable as unreadable:
            waited_ms = self._clock() - row.started_ms
            if waited_ms >= (self._grace_ms if unreadable.permanent else max(self._grace_ms, UNREADABLE_MS)):
                self.blind_resends += 1
                self._settle(row, Outcome("not_sent", detail=f"history unreadable: {unreadable}"))
            else:
                self.outbox.postpone(row.page_id, self._clock() + LOOK_MS)
            return 0
        if found is not None:
            self._settle(row, found)
        elif looked_ms - row.started_ms >= self._grace_ms:
            self._settle(row, Outcome("not_sent", detail="not in the history"))
        else:
            self.outbox.postpone(row.page_id, self._clock() + LOOK_MS)
        return 0

    def _settle(self, row: OutboxRow, outcome: Outcome) -> None:
        self.outbox.settle(row.page_id, outcome, self._clock())

    def _sought(self, row: OutboxRow) -> Message:
        to, thread = self._place(row) or (row.to, "")
        return Message(page_id=row.page_id, incident=row.incident, kind=row.kind, to=to, thread=thread, text="")

    # ---- what the messages say

    def _place(self, row: OutboxRow) -> tuple[str, str] | None:
        """Channel and thread; `None` for a line whose card is not there."""
        if row.kind in ("card", "page"):
            return row.channel or row.to, ""
        return self.outbox.card_of(row.incident, row.way)

    def _message(self, row: OutboxRow) -> Message | None:
        place, view = self._place(row), self.outbox.view(row.incident)
        if place is None or view is None:
            return None
        view = self._shown(view)
        made = self._card(row, view)
        bare = row.detail == "invalid_blocks"  # better words alone than a card that Slack refuses
        return Message(
            page_id=row.page_id,
            incident=row.incident,
            kind=row.kind,
            to=place[0],
            thread=place[1],
            text=made.text,
            blocks=() if bare else tuple(made.blocks),
            words=self._words(row, view),
            aloud=row.aloud,
            view=view,
            line=row.line,
        )

    def _card(self, row: OutboxRow, view: IncidentView) -> Card:
        mentions = " ".join(filter(None, map(mention_of, row.mentions)))
        if row.kind == "card":
            return card(view, mentions if row.state != "sent" else "")
        if row.kind == "page":
            home = self.outbox.card_of(row.incident, row.way)
            link = f"The whole story is in <#{home[0]}>" if home is not None and home[0].startswith("C") else ""
            return page_card(view, row.line, " ".join(filter(None, (mentions if row.state != "sent" else "", link))))
        return line_card(row.line, mentions)

    def _words(self, row: OutboxRow, view: IncidentView) -> str:
        if row.kind == "card":
            return terminal_card(view, self._terminal_width)
        return row.line if row.kind == "story" else f"{row.line} {sentence(view)}"

    def _shown(self, view: IncidentView) -> IncidentView:
        """The view with its posts and words, as far as they still exist, and how late the data is."""
        found: Mapping[str, ShownPost] = {}
        explanation = Explanation()
        try:
            found = self._posts(view.exemplars) if view.exemplars else {}
            explanation = self._explain(view)
        except Exception:  # noqa: BLE001 - a page without its posts is better than no page
            self.without_posts += 1
        posts = tuple(found[name] for name in view.exemplars if name in found)
        late_s = self._late_s(view.brand)
        return msgspec.structs.replace(view, posts=posts, explanation=explanation, data_late_s=late_s)

    # ---- keeping cards true, and telling the core

    async def _edits(self) -> int:
        await _side_by_side(self._edit(row) for row in self.outbox.edits(self._clock()))
        return 0

    async def _edit(self, row: OutboxRow) -> int:
        """Edit a message in place. Again does no harm, so what is unknown is simply done again."""
        way, message, shown = self._ways.get(row.way), self._message(row), self.outbox.revision(row.incident)
        if way is None or message is None:
            self.outbox.edited(row.page_id, shown=shown)
            return 0
        outcome = await _attempt(way.edit(row.channel, row.ts, message))
        if outcome.kind in ("sent", "permanent"):
            self.edits_refused += outcome.kind == "permanent"
            self.outbox.edited(row.page_id, shown=shown)
            self._card_stands(row)
        else:
            self.outbox.edited(row.page_id, due_ms=self._clock() + max(outcome.retry_ms, EDIT_AGAIN_MS))
        return 0

    async def _tell_core(self) -> None:
        """Report outcomes that were not reported. Noted once the core has them: a crash reports twice, never not."""
        for row in self.outbox.unreported():
            await self._report(
                Delivered(
                    brand=row.brand,
                    incident=row.incident,
                    key=row.key,
                    way=row.way,
                    outcome=_OUTCOMES[row.state],
                    at_ms=self._clock(),
                    detail=row.detail,
                    page_id=row.page_id,
                    responders=row.responders,
                )
            )
            self.outbox.reported(row)


async def _attempt(call: Awaitable[Outcome]) -> Outcome:
    """A way that breaks its promise never to raise must not stop the others; what it did is unknown."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - whatever it is, the page may have left
        return Outcome("unknown", detail=type(error).__name__)


async def _side_by_side(work: Iterable[Awaitable[int]]) -> list[int]:
    """All of them, a few at a time, begun in their order."""
    slots = asyncio.Semaphore(LANES)

    async def one(awaitable: Awaitable[int]) -> int:
        async with slots:
            return await awaitable

    return list(await asyncio.gather(*(one(awaitable) for awaitable in work)))
