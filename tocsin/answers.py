"""EDGE. What humans do about an incident: durable in the intake log first, answered at once, decided later.

The core learns of an answer at its next grid point; delivery asks `Answers.is_quiet` right before it sends, so that
nobody is paged after an acknowledgement that is on the disk (DESIGN T4, rule 12).
"""

from collections.abc import Awaitable, Callable
from typing import get_args

from alerting.delivery.ways import Answered, Click
from stream.codec import canonical
from tocsin.engine import Engine
from tocsin.entry import Answer, AnswerKind

SAID = {
    "acknowledge": "acknowledged",
    "own": "owned",
    "escalate": "escalated",
    "false_alarm": "closed as a false alarm",
    "resolve": "resolved",
}
CLOSES = ("false_alarm", "resolve")


class Standing:
    """Where an incident stands in human hands, by the log."""

    __slots__ = ("by", "closed", "quiet", "said")

    def __init__(self) -> None:
        self.quiet = False
        self.closed = False
        self.by = ""
        self.said = ""


class Answers:
    """Takes human acts to the log and knows, from the log alone, which incidents are in somebody's hands."""

    def __init__(
        self,
        append: Callable[[bytes], Awaitable[None]],
        told: Callable[[Answered], None],
        brand_of: Callable[[str], str | None],
    ) -> None:
        self._append = append
        self._told = told
        self._brand_of = brand_of
        self._standing: dict[str, Standing] = {}
        self._seen: dict[str, None] = {}

    def restore(self, engine: Engine) -> None:
        """What the core knew when it stopped; what the log holds beyond comes by `note`."""
        for state in engine.brands.values():
            for incident in (state.book.incident, state.book.blind) if state.book else ():
                if incident is None:
                    continue
                standing = self._standing.setdefault(incident.id, Standing())
                standing.quiet = not incident.is_open or incident.is_answered
                standing.closed = not incident.is_open
                standing.by = incident.acknowledged_by
                self._seen.update(dict.fromkeys(incident.answers))

    def note(self, answer: Answer) -> bool:
        """Take in an answer that is in the log. Whether it is the first time it is seen."""
        if answer.id in self._seen:
            return False
        self._seen[answer.id] = None
        while len(self._seen) > 10_000:
            del self._seen[next(iter(self._seen))]
        standing = self._standing.setdefault(answer.incident, Standing())
        if standing.closed:
            return False
        standing.quiet = answer.answer != "escalate"
        standing.closed = answer.answer in CLOSES
        if not standing.by or standing.closed:
            standing.by, standing.said = answer.who, SAID[answer.answer]
        return True

    def reopened(self, incident: str) -> None:
        """It flared up: it is in nobody's hands any more."""
        self._standing.pop(incident, None)

    def closed(self, incident: str) -> None:
        """The core closed it: nobody is paged for it."""
        standing = self._standing.setdefault(incident, Standing())
        standing.quiet = standing.closed = True

    def is_quiet(self, incident: str) -> bool:
        """Whether nobody may be woken for this incident now."""
        standing = self._standing.get(incident)
        return standing is not None and standing.quiet

    async def click(self, click: Click, who: str) -> str:
        """A listed responder pressed a button: durable when this returns. The first wins, the others are told who."""
        brand = self._brand_of(click.incident)
        if brand is None or click.action not in get_args(AnswerKind):
            return "This incident is not known here."
        if click.id in self._seen:
            return ""
        standing = self._standing.get(click.incident)
        if standing is not None and standing.closed:
            return f"Already {standing.said or 'closed'}{_by(standing.by)}."
        if click.action == "acknowledge" and standing is not None and standing.quiet and standing.by:
            return f"Already {standing.said or 'acknowledged'}{_by(standing.by)}."
        answer = Answer(
            id=click.id,
            brand=brand,
            incident=click.incident,
            answer=click.action,  # type: ignore[arg-type]  # checked above against AnswerKind
            who=who,
            at_ms=click.at_ms,
        )
        await self._append(canonical(answer))
        if self.note(answer):
            self._told(Answered(click.incident, click.action, who))
        return f"{SAID[click.action].capitalize()} by {who}."


def _by(who: str) -> str:
    return f" by {who}" if who else ""
