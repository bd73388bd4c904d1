"""Delivery: what the core decided reaches people once per way, in order, whatever is down. EDGE.

A page goes planned -> sending (on the disk) -> one POST -> sent, not sent, or unknown. What is unknown is looked for in
the channel's history every two seconds; found, it is sent; still absent at the end of the grace, the same page goes out
again. Right before each POST the incident's state is looked at once more: nobody is paged after an acknowledgement.

A page that has not certainly arrived half a minute after it was due, or that is refused for good, goes to the same
people by the next way that they have (`second_way`). Where they have none, the core is told and climbs.

The residual risk. "Once" is once per way, and holds as long as the grace (60 s unless set otherwise) is longer than the
longest a call may take (25 s) plus the longest that Slack takes to show a message in the history after it accepted it.
A message that arrives later than that is doubled, with the same page id in both. Where the history cannot be read, and
somebody is still to be reached, the page goes out again unseen after four minutes, or at the end of the grace where it
never can be (a missing scope): a page twice is better than a page lost. So does, twice at the most, what was sent by
a way that nobody can read back (e-mail). `blind_resends` counts both. Whoever reads two ways may read of one page on
both: that is what the second way is for. An acknowledgement that becomes durable while a POST is under way cannot call
that message back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec

from alerting.decision import Decision
from alerting.delivery.answering import Answering
from alerting.delivery.composing import Composer
from alerting.delivery.crew import Crew
from alerting.delivery.editing import Editing
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.pacing import LIMITS, Pacing, backoff_ms
from alerting.delivery.plan import addresses_of, rows_of
from alerting.delivery.reaching import Reaching
from alerting.delivery.second_way import SECOND_WAY_MS, Trouble
from alerting.delivery.settling import Settling
from alerting.delivery.summary import is_stale, summary_of, waits_with
from alerting.delivery.ways import HELD_BACK, Address, Answered, Delivered, Outcome, Way, attempted, prepared
from alerting.explain import Explanation
from alerting.naming import NameOf, named_decision
from alerting.view import TELLS, IncidentView, ShownPost, answered, grown, unreached
from alerting.words import say_line, thread_line

GRACE_MS = 60_000
LONGEST_MS = 25_000
"""More than any way needs that keeps its own limits, and less than the grace and the wait for the second way."""
AT_ONCE = 8
"""Pages under way at the same time on each way, and as many messages that wake nobody: so that one channel that hangs
holds up no other, a way that hangs no other way, and a notice no page."""

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
        note: Callable[[str], str | None] = lambda _digest: None,
        say: Callable[[Decision], str] = lambda _decision: "",
        name_of: NameOf = str,
        after_card: Callable[[OutboxRow], None] = lambda _row: None,
        operators: Callable[[Trouble], None] = lambda _trouble: None,
        second_way_ms: int = SECOND_WAY_MS,
        pace_ms: int = 0,
        drill: bool = False,
        terminal_width: int = 100,
        poll_ms: int = 250,
        longest_ms: int = LONGEST_MS,
    ) -> None:
        """`clock` gives milliseconds since 1970; `posts` the texts behind names, as far as they exist; `resolve`
        where a target of the flowchart is reached, by all ways it has, in their order; `is_quiet` whether an incident
        is acknowledged or closed. `timezone` and `late_s` say what the card of a brand shows, `explain` what the texts
        add to it, `note` what a person wrote, by its digest. `say` gives what the flowchart tells those to do whom a
        decision tells, `name_of` whom one of its ids means. `after_card` is told of each card that was sent or edited,
        `operators` of each way that failed somebody; neither may wait. `pace_ms` lies between two messages in a channel
        of Slack. After `longest_ms` a call of a way that does not come back is given up, and what it did is unknown.
        """
        self.outbox = outbox
        self._ways = ways
        self._clock = clock
        self._resolve = resolve
        self._is_quiet = is_quiet
        self._timezone, self._drill = timezone, drill
        self._say, self._name_of = say, name_of
        self._after_card = after_card
        self._poll_s = poll_ms / 1000
        self._longest_s = longest_ms / 1000
        self._pacing = Pacing(pace_ms)
        self._news = asyncio.Event()
        self._crew = Crew(AT_ONCE, self._news.set)
        self._closing = False
        self.composer = Composer(
            outbox,
            clock,
            posts=posts,
            explain=explain,
            late_s=late_s,
            terminal_width=terminal_width,
            note=note,
            name_of=name_of,
        )
        self._answering = Answering(clock, operators, second_way_ms)
        self.reaching = Reaching(
            outbox,
            ways,
            clock,
            resolve=resolve,
            is_quiet=self.is_moot,
            report=report,
            operators=operators,
            wait_ms=second_way_ms,
        )
        self._settling = Settling(
            outbox,
            ways,
            clock,
            composer=self.composer,
            grace_ms=grace_ms,
            can_wait=self._can_wait,
            answering=self._answering,
            longest_s=self._longest_s,
        )
        self._editing = Editing(
            outbox, ways, clock, self.composer, after_card, answering=self._answering, longest_s=self._longest_s
        )
        self.rounds = 0
        """How often everything that was due was gone through: the heartbeat stops where this stands still."""
        self.folded = 0
        """Lines told in a summary, because their way was down when they were due."""
        self.recovered = outbox.recover()
        """Pages that the last process left half sent."""

    @property
    def blind_resends(self) -> int:
        """Unknown pages sent again although nobody could tell whether they had arrived."""
        return self._settling.blind_resends

    @property
    def edits_refused(self) -> int:
        """Edits that were given up."""
        return self._editing.refused

    @property
    def without_posts(self) -> int:
        """Cards shown without their posts or words, because the text store could not be read."""
        return self.composer.without_posts

    def _is_over(self, incident: str) -> bool:
        view = self.outbox.view(incident)
        return view is not None and view.over

    def is_moot(self, row: OutboxRow) -> bool:
        """Whether the people of a page need not be reached any more: somebody has it, or it is over. Whoever was called
        in by the one who has it is reached all the same. That it is over outlives the process here, in its view.
        """
        if row.wakes and self._is_quiet(row.incident):
            return True
        return row.reaches and self._is_over(row.incident)

    def _can_wait(self, row: OutboxRow) -> bool:
        """Whether what nobody knows of a page may stay unknown for longer: it wakes nobody, or nobody needs it."""
        return not row.reaches or self.is_moot(row) or self.reaching.covered(row)

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
        say = self._say(decision) if decision.kind in TELLS and not decision.action else ""
        rows = self._worded(rows_of(decision, addresses, nowhere, cards, self._clock()), decision, say)
        view = grown(self.outbox.view(decision.incident), decision, say)
        if nowhere:
            view = unreached(view, tuple(nowhere))
        view = msgspec.structs.replace(view, timezone=self._timezone(decision.brand), drill=self._drill)
        self.outbox.plan(rows, key=decision.key, view=view)
        if decision.kind == "StandDown" or decision.reason in ("acknowledged", "owned"):
            self.outbox.cancel_incident(decision.incident, over=view.over)
        self._news.set()
        return True

    def _worded(self, rows: Sequence[OutboxRow], decision: Decision, say: str) -> list[OutboxRow]:
        """The rows with the decision in words for people: by their names; in a thread with what they are to do, which a
        card and a page of its own say themselves.
        """
        line = thread_line(named_decision(decision, self._name_of))
        more = " ".join(filter(None, (line, say_line(say))))
        return [msgspec.structs.replace(row, line=more if row.kind == "mention" else line) for row in rows]

    def answered(self, answer: Answered) -> None:
        """A human's act is durable: the card says so at once, and nobody else is woken."""
        view = self.outbox.view(answer.incident)
        if view is None:
            return
        view = answered(view, answer.answer, answer.who)
        if answer.answer in TAKES_IT:
            self.outbox.cancel_incident(answer.incident, over=view.over)
        self.outbox.save_view(view)
        self._news.set()

    # ---- working

    async def run(self) -> None:
        """Deliver until cancelled, or until `finish`. Raises what broke: a store that cannot be written, a report that
        could not be made.

        Cancelled in the middle of a POST it leaves the page `sending`, for the next start to find out.
        """
        try:
            while not self._closing:
                self._news.clear()
                self._look()
                await self._rest()
        except asyncio.CancelledError:
            await self._crew.finish(0)
            raise

    async def finish(self, grace_ms: int) -> None:
        """Begin nothing more, and let what is under way end for up to `grace_ms`; then `run` returns."""
        self._closing = True
        self._news.set()
        await self._crew.finish(grace_ms / 1000)

    async def step(self) -> int:
        """Everything that is due now, to its end. Returns how many times something was posted."""
        posted = 0
        while True:
            now = self._reach()
            self._begin_settling()
            now += await self._crew.done()
            while self._begin_posts():
                sent = await self._crew.done()
                posted += sent
                now += sent
            now += self._reach()
            await self.reaching.tell()
            self.rounds += 1
            if not now:
                break
        self._begin_edits()
        await self._crew.done()
        return posted

    async def _rest(self) -> None:
        """Until there is news, or it is time to look again: the one place where delivery waits by itself."""
        # Not `wait_for`: before Python 3.12 it forgets that it was cancelled where there is news at the same moment.
        try:
            async with asyncio.timeout(self._poll_s):
                await self._news.wait()
        except TimeoutError:
            return

    def _look(self) -> None:
        """One round: plan what is wanted, and begin whatever is due and not under way. Waits for nothing itself."""
        self._crew.check()
        self._reach()
        self._begin_settling()
        self._begin_posts()
        if not self._crew.is_doing("tell", "") and self.reaching.news():
            self._crew.start("tell", "", self.reaching.tell)
        self._begin_edits()
        self.rounds += not self._crew.is_doing("tell", "")

    def _reach(self) -> int:
        self._answering.look()
        return self.reaching.take_other_ways()

    def _begin_settling(self) -> None:
        for row in self._settling.due():
            self._crew.start(f"settle {row.way}", row.page_id, partial(self._settling.settle, row))

    def _begin_edits(self) -> None:
        for row in self._editing.due():
            self._crew.start(f"edit {row.way}", row.page_id, partial(self._editing.edit, row))

    # ---- sending

    def _begin_posts(self) -> int:
        """Begin with the first due message of every channel that may be written to now: the gravest goes first."""
        begun = 0
        now_ms = self._clock()
        seen: dict[tuple[str, str], None] = {}
        for row in self.outbox.due(now_ms):
            place = (row.way, row.lane)
            if place not in seen and self._pacing.wait_ms(row.way, row.lane, now_ms) == 0:
                kind = "page" if row.reaches else "tell"
                begun += self._crew.start(f"{kind} {row.way}", row.lane, partial(self._post, row))
            seen[place] = None
        return begun

    async def _post(self, row: OutboxRow) -> int:
        """One attempt at one message; 0 where there was nothing to send any more."""
        if not self._is_wanted(row.page_id):
            return 0
        held = await prepared(self._ways.get(row.way), row.to, self._longest_s)
        # Opening a conversation takes its time: whoever acknowledged meanwhile is heard.
        if not self._is_wanted(row.page_id):
            return 0
        row = self._folded(self.outbox.row(row.page_id))
        way, message, shown = self._ways.get(row.way), self.composer.message(row), self.outbox.revision(row.incident)
        if way is None or message is None:
            self._gone(row, "no_way" if way is None else "no_card")
            return 0
        now_ms = self._clock()
        attempt = self.outbox.begin(row.page_id, row.attempt + 1, now_ms).attempt
        self._pacing.began(row.way, row.lane, now_ms)
        outcome = held or await attempted(way.post(message), self._longest_s)
        self._pacing.ended(row.way, row.lane, outcome, self._clock())
        self._answering.took(row.way, outcome, now_ms)
        settled = self.outbox.settle(row.page_id, _put_off(outcome, row.page_id, attempt), self._clock())
        if settled.state == "sent":
            self.outbox.edited(row.page_id, shown=shown)
            if row.kind == "card":
                self._after_card(settled)
        return 1

    def _is_wanted(self, page_id: str) -> bool:
        """Whether a message is to be sent still: something may have become of it since it was due."""
        row = self.outbox.row(page_id)
        if row.state not in ("planned", "not_sent"):
            return False
        if self.is_moot(row):
            self.outbox.cancel_incident(row.incident, over=self._is_over(row.incident))
            return False
        return True

    def _folded(self, row: OutboxRow) -> OutboxRow:
        """Lines that were held up go out as one message."""
        if not is_stale(row, self._clock()):
            return row
        waiting = waits_with(row, self.outbox.unsettled(), self._clock())
        if len(waiting) < 2:
            return row
        summary = summary_of(waiting)
        self.outbox.fold(waiting, summary)
        self.folded += len(waiting)
        return self.outbox.row(summary.page_id)

    def _gone(self, row: OutboxRow, why: str) -> None:
        if row.kind == "story":
            self.outbox.cancel(row.page_id, why)
        else:
            self.outbox.settle(row.page_id, Outcome("permanent", detail=why), self._clock())


def _put_off(outcome: Outcome, name: str, attempt: int) -> Outcome:
    """How long a message waits that was certainly not sent: as long as was asked for, else longer each time."""
    if outcome.kind != "not_sent" or outcome.detail in LIMITS | HELD_BACK or (attempt == 1 and not outcome.retry_ms):
        return outcome
    return msgspec.structs.replace(outcome, retry_ms=max(outcome.retry_ms, backoff_ms(name, attempt)))
