"""What people did, as a story of an incident tells it. Pure."""

from alerting.timeline import Act
from tocsin.entry import Answer

ERASED_NOTE = "(a note that was erased)"
"""In place of words that somebody wrote and that are there no longer."""


def act_of(answer: Answer, note: str) -> Act:
    """An answer as an act. `note` is what was written with it, or the digest of that where the words come later."""
    return Act(
        at_ms=answer.at_ms,
        who=answer.who,
        answer=answer.answer,
        choice=answer.choice,
        severity=answer.severity,
        note=note,
    )
