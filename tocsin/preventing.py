"""The smallest change under which a page would not have gone out, found and verified by running the journal again.

What is tried: fewer posts, fewer angry posts, another limit in a condition of the chart, and for a later rung somebody
who acknowledges in time. Each is applied to the recorded entries and folded by the very engine that paged. The
smallest is found by halving; that it suffices, and that one less does not, has both been run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.flowchart.model import Ask
from alerting.view import WAKES
from stream.codec import HOUR_MS, MINUTE_MS
from stream.pulse import Counts, PulsePart
from tocsin.entry import Answer, Control, DeliveryReport, Entry, Event, Part, SourceReport
from tocsin.rerun import Edit, Moment, adding, moved_config, moved_state, wakes, with_charts
from tocsin.thinning import evenly, thinned
from tocsin.thresholds import Limit, chart_of, limits_of, with_limit

ChangeKind = Literal["fewer_angry", "fewer_posts", "smaller", "threshold", "answer", "reply", "delivery", "heard"]
REACHES_BACK_MS = HOUR_MS
"""The facts of a page are those of the hour before it."""
TWENTIETHS = 20
"""How finely the size of a whole story is looked at: each look folds hours."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change under which the page does not go out, as it was run."""

    kind: ChangeKind
    amount: int = 0
    """So many posts fewer."""
    of: int = 0
    """... of so many."""
    from_ms: int = 0
    until_ms: int = 0
    what: str = ""
    """What else a reader has to know: the condition, who would have acknowledged, the source."""
    later_ms: int = 0
    """When somebody would have been woken nevertheless, nothing else changed (0: not in the hours looked at)."""
    runs: int = 0
    """How often the journal was run again to find it."""

    @property
    def size_milli(self) -> int:
        """How much of what there was it changes, in thousandths; a click is small."""
        return self.amount * 1000 // self.of if self.of else 0


@dataclass
class Search:
    """Looks for what would have prevented one page."""

    page: Decision
    moment: Moment
    step_ms: int
    earlier: Sequence[Decision]
    """The incident's own decisions before this one."""
    runs: int = field(default=0, init=False)

    def changes(self, *, whole_story: bool = True) -> list[Change]:
        """Every kind of change that prevents the page, least first. Empty: nothing that was tried does.

        Without `whole_story`, which folds hours, only what was known at the page is changed.
        """
        tries: list[Callable[[], Change | None]] = [self._undelivered, self._unanswered, self._other_reply]
        if self.page.scenario == BLIND:
            tries.append(self._unheard)
        else:
            tries += [lambda: self._fewer(angry=True), lambda: self._fewer(angry=False)]
            tries += [self._smaller] if whole_story else []
        tries.append(self._other_limit)
        found = [change for attempt in tries if (change := attempt()) is not None]
        return sorted(found, key=lambda change: (change.kind == "smaller", change.size_milli))

    def edit_for(self, change: Change) -> Edit:
        """The edit of the entries that a change of posts stands for. Raises `ValueError` for any other change."""
        if change.kind not in ("fewer_angry", "fewer_posts", "smaller"):
            raise ValueError(f"{change.kind} takes no posts away")
        last_seq = self.moment.entries[-1].seq if change.kind == "smaller" else self.moment.until_seq
        angry = change.kind == "fewer_angry"
        posts = self._posts(change.from_ms, last_seq, angry=angry)
        return _without(posts, evenly(len(posts)), change.amount, angry=angry)

    @property
    def first(self) -> Decision:
        """The page that what was found led to: of a later rung the one at the foot of its ladder, else the page."""
        if self.page.kind != "Escalate":
            return self.page
        return next((one for one in self.earlier if one.kind in WAKES), self.page)

    @property
    def before_ms(self) -> int:
        """When somebody was last woken before this page (0: nobody was)."""
        times = [one.at_ms for one in self.earlier if one.kind in WAKES and one.at_ms < self.page.at_ms]
        return max(times, default=0)

    # --- running it again ---------------------------------------------------------------------------------------------

    def vanishes(self, edit: Edit | None = None, limit: Limit | None = None, *, ladder: bool = False) -> bool:
        """Whether nobody is woken at the page's instant, nor between the page before it and then.

        With `ladder` nobody may be woken on any rung up to this one: fewer posts would else only put the first one off,
        and this one with it.
        """
        self.runs += 1
        since_ms = self.first.at_ms - 1 if ladder and self.first is not self.page else self.before_ms
        return self._woken(edit, limit, since_ms, self.page.at_ms) is None

    def _woken(self, edit: Edit | None, limit: Limit | None, since_ms: int, until_ms: int | None = None) -> int | None:
        """When somebody is first woken after `since_ms` and up to `until_ms` (`None`: to the end of what is known)."""
        beyond = until_ms is None
        if limit is None:
            decisions = self.moment.rerun(edit, beyond=beyond)
        else:
            contents, moved = with_charts(self.moment.contents, {limit.chart: with_limit(self.moment.contents, limit)})
            decisions = self.moment.rerun(
                moved_config(moved), contents=contents, state=moved_state(moved), beyond=beyond
            )
        about_us = self.page.scenario == BLIND
        beside = [one.key for one in self.earlier if one.at_ms == self.page.at_ms]
        for one in wakes(decisions, self.page.brand):
            in_time = since_ms < one.at_ms and (until_ms is None or one.at_ms <= until_ms)
            if in_time and (one.scenario == BLIND) == about_us and one.key not in beside:
                return one.at_ms
        return None

    def _made(self, change: Change, edit: Edit | None = None, limit: Limit | None = None) -> Change:
        later_ms = self._woken(edit, limit, self.page.at_ms) or 0
        runs, self.runs = self.runs, 0
        return msgspec.structs.replace(change, later_ms=later_ms, runs=runs)

    # --- fewer posts --------------------------------------------------------------------------------------------------

    def _fewer(self, *, angry: bool) -> Change | None:
        since_ms = min((s.since_ms for s in self.first.signals if s.kind != "feed"), default=self.first.at_ms)
        far_ms = self.first.at_ms - REACHES_BACK_MS
        for from_ms in dict.fromkeys((max(since_ms, far_ms), far_ms)):
            found = self._fewest(from_ms - from_ms % MINUTE_MS, angry=angry)
            if found is not None:
                return found
        return None

    def _fewest(self, from_ms: int, *, angry: bool) -> Change | None:
        """By halving: `too_few` does not prevent the page, `enough` does."""
        posts = self._posts(from_ms, self.moment.until_seq, angry=angry)
        whole = len(posts)
        order = evenly(whole)
        too_few, enough = 0, whole
        if not whole or not self.vanishes(_without(posts, order, whole, angry=angry), ladder=True):
            self.runs = 0
            return None
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self.vanishes(_without(posts, order, middle, angry=angry), ladder=True):
                enough = middle
            else:
                too_few = middle
        change = Change(
            kind="fewer_angry" if angry else "fewer_posts",
            amount=enough,
            of=whole,
            from_ms=from_ms,
            until_ms=self.page.at_ms,
        )
        return self._made(change, _without(posts, order, enough, angry=angry))

    def _smaller(self) -> Change | None:
        """The whole story smaller, also after the page, so that nobody is woken in all the time that is looked at."""
        from_ms = self.first.at_ms - REACHES_BACK_MS
        posts = self._posts(from_ms, self.moment.entries[-1].seq, angry=False)
        order = evenly(len(posts))
        too_few, enough = 0, TWENTIETHS
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            edit = _without(posts, order, len(posts) * middle // TWENTIETHS, angry=False)
            if self.vanishes(edit, ladder=True) and self._woken(edit, None, self.page.at_ms) is None:
                enough = middle
            else:
                too_few = middle
        runs, self.runs = self.runs, 0
        if enough == TWENTIETHS:
            return None
        amount = len(posts) * enough // TWENTIETHS
        until_ms = self.moment.entries[-1].at_ms
        return Change(kind="smaller", amount=amount, of=len(posts), from_ms=from_ms, until_ms=until_ms, runs=runs)

    def _posts(self, from_ms: int, last_seq: int, *, angry: bool) -> list[int]:
        """One number per post that may go: the entry it came with."""
        posts: list[int] = []
        for entry in self.moment.entries:
            event = entry.event
            if entry.seq > last_seq:
                break
            if isinstance(event, Part) and event.live and event.brand == self.page.brand and event.minute_ms >= from_ms:
                counts = event.part.counts
                posts += [entry.seq] * (counts.negative if angry else counts.mentions)
        return posts

    # --- other limits -------------------------------------------------------------------------------------------------

    def _other_limit(self) -> Change | None:
        for limit in limits_of(self.moment, self.page):
            if self.vanishes(limit=limit, ladder=True):
                change = Change(kind="threshold", amount=limit.moved_milli, of=limit.of_milli, what=str(limit))
                return self._made(change, limit=limit)
        self.runs = 0
        return None

    # --- what people and machines did ---------------------------------------------------------------------------------

    def _unanswered(self) -> Change | None:
        """A later rung: somebody of those woken before acknowledges just in time, or does not ask for more people."""
        if self.page.reason == "asked_by_human":
            return self._without_asking()
        before = next((one for one in reversed(self.earlier) if one.kind in WAKES), None)
        if self.page.reason != "not_acknowledged" or before is None:
            return None
        at_ms = self.page.at_ms - self.step_ms
        who = before.targets[0] if before.targets else ""
        answer = Answer(
            id=f"{before.key}/rerun", brand=self.page.brand, incident=self.page.incident, answer="acknowledge",
            who=who, at_ms=at_ms,
        )  # fmt: skip
        edit = adding(self.moment.entries, self.step_ms, at_ms, self.page.brand, answer)
        if edit is None or not self.vanishes(edit):
            return None
        return self._made(Change(kind="answer", from_ms=before.at_ms, until_ms=at_ms, what=who), edit)

    def _other_reply(self) -> Change | None:
        """A question on the card was answered: it is answered otherwise."""
        for entry in self.moment.entries:
            event = entry.event
            if entry.seq > self.moment.until_seq:
                break
            if isinstance(event, Control) and isinstance(event.event, Answer) and self._is_reply(event.event):
                given = event.event
                for choice in self._choices(given.node):
                    other = msgspec.structs.replace(event, event=msgspec.structs.replace(given, choice=choice))
                    edit = _in_place_of(entry.seq, other)
                    if choice != given.choice and self.vanishes(edit):
                        what = f"{given.who} answered {choice} instead of {given.choice} at {given.node}"
                        return self._made(Change(kind="reply", until_ms=given.at_ms, what=what), edit)
        self.runs = 0
        return None

    def _is_reply(self, answer: Answer) -> bool:
        return answer.answer == "reply" and answer.incident == self.page.incident

    def _choices(self, node: str) -> tuple[str, ...]:
        digest = chart_of(self.moment, self.page.brand)
        asking = self.moment.contents.chart(digest).nodes.get(node) if digest else None
        return tuple(asking.answers) if isinstance(asking, Ask) else ()

    def _without_asking(self) -> Change | None:
        def edit(entry: Entry) -> tuple[Event, ...]:
            event = entry.event
            if isinstance(event, Control) and isinstance(event.event, Answer) and event.event.answer == "escalate":
                # It stays as an answer that changes nothing: a mark counts it.
                other = msgspec.structs.replace(event.event, incident="")
                return (msgspec.structs.replace(event, event=other),)
            return (event,)

        if not self.vanishes(edit):
            return None
        return self._made(Change(kind="answer", until_ms=self.page.at_ms, what="escalate"), edit)

    def _undelivered(self) -> Change | None:
        """The rung before could not be delivered: it is delivered."""
        if self.page.reason != "delivery_failed":
            return None

        def edit(entry: Entry) -> tuple[Event, ...]:
            event = entry.event
            if isinstance(event, Control) and isinstance(event.event, DeliveryReport):
                other = msgspec.structs.replace(event.event, outcome="sent")
                return (msgspec.structs.replace(event, event=other),)
            return (event,)

        if not self.vanishes(edit):
            return None
        return self._made(Change(kind="delivery", until_ms=self.page.at_ms), edit)

    def _unheard(self) -> Change | None:
        """We were deaf: the source says one thing just in time, or does not report that it is cut short."""
        feed = next((s for s in self.page.signals if s.kind == "feed"), None)
        source = str(feed.evidence.get("source", "")) if feed is not None else ""
        at_ms = self.page.at_ms - self.step_ms

        def well(entry: Entry) -> tuple[Event, ...]:
            event = entry.event
            if isinstance(event, Control) and isinstance(event.event, SourceReport):
                other = msgspec.structs.replace(event.event, status="ok")
                return (msgspec.structs.replace(event, event=other),)
            return (event,)

        heard = Part(
            partition=0, incarnation="", step=0, brand=self.page.brand, minute_ms=at_ms - at_ms % MINUTE_MS,
            part=PulsePart(counts=Counts(sources={source: 1})), chunk=-1,
        )  # fmt: skip
        for edit in (adding(self.moment.entries, self.step_ms, at_ms, self.page.brand, heard), well):
            if edit is not None and self.vanishes(edit):
                return self._made(Change(kind="heard", until_ms=at_ms, what=source), edit)
        self.runs = 0
        return None


def _in_place_of(seq: int, event: Event) -> Edit:
    """The edit under which one entry holds another event."""
    return lambda entry: (event,) if entry.seq == seq else (entry.event,)


def _without(posts: Sequence[int], order: Sequence[int], amount: int, *, angry: bool) -> Edit:
    """The edit that takes so many posts away, evenly over all; a greater amount takes the same ones and more."""
    gone: dict[int, int] = {}
    for place in order[:amount]:
        gone[posts[place]] = gone.get(posts[place], 0) + 1

    def edit(entry: Entry) -> tuple[Event, ...]:
        event = entry.event
        if entry.seq in gone and isinstance(event, Part):
            return (msgspec.structs.replace(event, part=thinned(event.part, gone[entry.seq], angry=angry)),)
        return (event,)

    return edit
