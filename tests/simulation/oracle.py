"""Whether a run kept its promises: judged by the ledgers outside, by what was sent in, and by what people were told.

It knows the flowchart (who is woken after whom, and when) and the input, and asks the service's own files only for the
two things that are theirs: how many mentions the journal counts (I1), and whether it replays to itself (I5).
"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from alerting.words import reason_words
from stream.codec import canonical
from tests.acceptance.living import PEOPLE
from tests.simulation.outside import CHANNEL
from tests.simulation.past import RUNG_MS, STEP_MS, Past
from tests.simulation.world import World
from tocsin.engine import Engine
from tocsin.entry import Part
from tocsin.journal import Journal
from tocsin.state import snapshot_bytes, state_from

DUE_MS = 5 * 60_000
NOTICED_MS = 2 * STEP_MS
"""So long after the last of its posts was accepted a crisis has been noticed: it seals with the next step."""
GRACE_MS = 60_000
LOOK_MS = 1_000
"""Between the look that found nothing and the POST."""
SILENT_MS = 180_000
"""The watcher of the heartbeat raises the alarm: a period of a minute, and two of grace."""
SAYS_SO = ("Acknowledged by ", "Owned by ", "Stood down, because it was called ")
"""How a line of the channel begins that says the same."""
ENDS = ("acknowledge", "own", "false_alarm", "resolve")
CLOSES = ("false_alarm", "resolve")
CAME_BACK = reason_words["flared_up"]
"""What is said of a page for an incident that somebody had closed, and that opened again."""
ORDER = tuple(PEOPLE)


class Oracle:
    """Asks a world, after the run, whether each promise held. `doubles` counts messages that came once more, `residual`
    those among them that the documented risk explains.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []
        self.doubles = 0
        self.residual = 0

    def judge(self, *, residual: bool = False) -> list[str]:
        """The promises that were broken, in words. With `residual`, doubles are counted and not complained of."""
        self._once(residual)
        self._in_time()
        self._quiet()
        return self.broken

    # ---- I2

    def _once(self, residual: bool) -> None:
        pages = Counter(m.page_id for m in self._world.slack.ledger.posts if m.page_id)
        self.doubles = sum(count - 1 for count in pages.values())
        self.residual = sum(self._explained(page) for page, count in pages.items() if count > 1)
        if residual and self.residual != self.doubles:
            self.broken.append(f"I2: {self.doubles} came once more, and the grace explains {self.residual}")
        if not residual:
            self.broken += [f"I2: page {page} came {count} times" for page, count in pages.items() if count > 1]
        rings = Counter(
            (m.incident, m.channel, m.thread_ts, m.text.partition("·")[0], m.page_id if residual else "")
            for m in self._world.slack.ledger.posts
            if any(f"<@{user}>" in m.text for user in PEOPLE.values())
        )
        if not residual:
            self.broken += [f"I2: {where} rang {count} times" for where, count in rings.items() if count > 1]

    def _explained(self, page: str) -> int:
        """How many copies left only after the grace, and while Slack did not show any copy before."""
        slack = self._world.slack
        lag_ms = slack.lag.delay_s * 1000 if slack.lag is not None else 0
        copies = sorted(
            (slack.began[m.ts], m.accepted_at * 1000 + lag_ms) for m in slack.ledger.posts if m.page_id == page
        )
        return sum(
            began_ms - before >= GRACE_MS and all(shown_ms > began_ms - LOOK_MS for _, shown_ms in copies[:number])
            for number, ((before, _), (began_ms, _)) in enumerate(pairwise(copies), start=1)
        )

    # ---- I3

    def _in_time(self) -> None:
        for brand in self._world.past.brands:
            self._in_time_for(brand)

    def _in_time_for(self, brand: str) -> None:
        accepted = [batch.accepted_ms for batch in self._world.batches if batch.brand == brand]
        due_ms = max(accepted) + NOTICED_MS
        for who in ORDER:
            if self._answered_before(brand, due_ms + DUE_MS) or self._alarmed(due_ms):
                return
            rung = [at_ms for at_ms, name, _ in self._rings(brand) if name == who]
            if not rung:
                if self._world.timeline.now_ms >= due_ms + DUE_MS:
                    self.broken.append(f"I3: nobody reached {who} about {brand}")
                return
            if min(rung) > due_ms + DUE_MS:
                late_s = (min(rung) - due_ms) / 1000
                self.broken.append(f"I3: {who} was reached {late_s:.0f} s after it was due, about {brand}")
                return
            due_ms = max(due_ms, min(rung)) + RUNG_MS + STEP_MS

    def _rings(self, brand: str) -> list[tuple[float, str, str]]:
        return [ring for ring in self._world.facts.rings if is_about(ring[2], brand)]

    def _ended(self, brand: str) -> list[float]:
        """When people were told that they have it: as they pressed, or, where that answer was lost, in the channel."""
        clicks, posts = self._world.facts.clicks, self._world.slack.ledger.posts
        told = [click.at_ms for click in clicks if click.action in ENDS and is_about(click.incident, brand)]
        read = [m.accepted_at * 1000 for m in posts if m.text.startswith(SAYS_SO) and is_about(m.incident, brand)]
        return told + read

    def _answered_before(self, brand: str, at_ms: float) -> bool:
        return any(ended_ms <= at_ms for ended_ms in self._ended(brand))

    def _alarmed(self, due_ms: float) -> bool:
        """Whether the watcher raised the alarm while the page was due."""
        touches = [self._world.timeline.began_ms, *self._world.facts.touches, self._world.timeline.now_ms]
        return any(
            later - before > SILENT_MS and before + SILENT_MS <= due_ms + DUE_MS and later > due_ms
            for before, later in pairwise(touches)
        )

    def is_settled(self) -> bool:
        """Whether nobody is to be woken any more: somebody has it, or everybody was woken."""
        return all(
            self._ended(brand) or len({who for _, who, _ in self._rings(brand)}) == len(ORDER)
            for brand in self._world.past.brands
        )

    # ---- I4

    def _quiet(self) -> None:
        ends, closed = self._first_clicks(ENDS), self._first_clicks(CLOSES)
        for began_ms, incident, what, says in self._wakes():
            again = CAME_BACK in says and began_ms > closed.get(incident, float("inf"))
            if began_ms > ends.get(incident, float("inf")) and not again:
                late_s = (began_ms - ends[incident]) / 1000
                self.broken.append(f"I4: {what} began {late_s:.1f} s after somebody was told that they have it")

    def _first_clicks(self, actions: tuple[str, ...]) -> dict[str, float]:
        """By incident, when the first of these was pressed."""
        first: dict[str, float] = {}
        for click in self._world.facts.clicks:
            if click.action in actions:
                first[click.incident] = min(first.get(click.incident, click.at_ms), click.at_ms)
        return first

    def _wakes(self) -> Iterable[tuple[float, str, str, str]]:
        slack = self._world.slack
        for message in slack.ledger.posts:
            if message.channel != CHANNEL or any(f"<@{user}>" in message.text for user in PEOPLE.values()):
                yield slack.began[message.ts], message.incident, f"message {message.page_id}", message.text
        for alert in self._world.pager.alerts.values():
            yield alert.began_ms, alert.incident, f"alert {alert.key}", alert.says

    # ---- I1 and I5: of what the process left

    def audit(self, journal: Journal, past: Past, snapshot: bytes) -> list[str]:
        """Whether the journal counts each accepted mention once, and leads to the state that was kept."""
        broken: list[str] = []
        state = state_from(snapshot)
        engine = Engine.restore(state, journal.contents())
        counted, held = 0, journal.decisions()
        for entry in journal.entries(state.seq):
            event = entry.event
            counted += event.part.counts.mentions if isinstance(event, Part) else 0
            for decision in engine.apply(entry):
                recorded = next(held, None)
                if recorded is None or recorded.body != canonical(decision):
                    broken.append(f"I5: entry {entry.seq} leads to {decision.key}, which the journal does not hold so")
        if next(held, None) is not None:
            broken.append("I5: the journal holds a decision that no entry leads to")
        kept = journal.snapshots()
        if kept and kept[0][0] == engine.seq and kept[0][1] != snapshot_bytes(engine.snapshot()):
            broken.append("I5: the snapshot is not the state that the entries lead to")
        accepted = sum(len(batch.lines) for batch in self._world.batches if batch.accepted_ms)
        sent = sum(len(batch.lines) for batch in self._world.batches)
        if accepted != sent:
            broken.append(f"I1: {sent - accepted} mentions were never accepted")
        if counted != sent:
            broken.append(f"I1: {sent} mentions came in and {counted} are counted")
        return broken


def is_about(incident: str, brand: str) -> bool:
    """Whether an incident is this brand's: its name begins with it."""
    return incident.startswith(f"{brand.lower()}-")
