"""What people said of incidents afterwards, in the console: the last word on each, from the audit trail. EDGE.

The same stands in the journal, as the choice of a note; the trail is short, and read on from where it was read last.
"""

from tocsin.console.act_forms import FEEDBACK
from tocsin.console.audit import Audit

WHAT = "feedback"
"""What the audit trail calls it; why is the verdict."""


class LookingBack:
    """Reads one trail.

    >>> from tocsin.console.audit import Act
    >>> trail = Audit(None)
    >>> said = LookingBack(trail)
    >>> said.verdicts()
    {}
    >>> trail.add(Act(at_ms=1, who="ana", how="oidc", what="feedback", outcome="done", why="was_right", incident="a-1"))
    >>> said.verdicts()
    {'a-1': 'was_right'}
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._upto = 0
        self._found: dict[str, str] = {}

    def verdicts(self) -> dict[str, str]:
        """By incident, one of `tocsin.console.act_forms.FEEDBACK`."""
        for kept in self._audit.since(self._upto):
            self._upto, act = kept.seq, kept.act
            if act.what == WHAT and act.outcome == "done" and act.why in FEEDBACK:
                self._found[act.incident] = act.why
        return self._found
