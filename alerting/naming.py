"""People by their names: what is decided and kept speaks of them by the ids of the flowchart, what is shown does not.

Pure.
"""

from collections.abc import Callable

import msgspec

from alerting.asks import Approval, Asks
from alerting.decision import Asked, Decision
from alerting.home import Overview
from alerting.view import IncidentView

NameOf = Callable[[str], str]
"""The name to show of a responder, of a role, or of somebody whom the flowchart does not know."""

_WHO_FIRST = ("answered", "false_alarm", "resolved")
"""Reasons whose note is who it was, then perhaps ": " and what they said."""
_WHO = ("acknowledged", "owned", "acknowledged_in_part", "drafted", "approved", "noted", "set_by_human", *_WHO_FIRST)


def named_decision(decision: Decision, name_of: NameOf) -> Decision:
    """A decision to be told in words: never to be kept, for its ids are gone.

    >>> told = Decision(key="a-0/3/Page", at_ms=0, brand="a", kind="Page", incident="a-0", scenario="backlash",
    ...                 severity="high", reason="flowchart", targets=("joris",))
    >>> named_decision(told, {"joris": "Joris Peters"}.__getitem__).targets
    ('Joris Peters',)
    """
    note = decision.note
    if note and decision.reason in _WHO:
        who, apart, rest = note.partition(": ") if decision.reason in _WHO_FIRST else (note, "", "")
        note = f"{name_of(who)}{apart}{rest}"
    return msgspec.structs.replace(
        decision,
        targets=_named(decision.targets, name_of),
        awaits=_named(decision.awaits, name_of),
        asked=_asked(decision.asked, name_of),
        note=note,
    )


def named_view(view: IncidentView, name_of: NameOf) -> IncidentView:
    """An incident as it is shown: whoever was told, is next, or has it stands there by name."""
    change = msgspec.structs.replace
    return change(
        view,
        paged=tuple(change(one, who=name_of(one.who)) for one in view.paged),
        next=change(view.next, who=_named(view.next.who, name_of)) if view.next is not None else None,
        acked_by=name_of(view.acked_by) if view.acked_by else "",
        owner=name_of(view.owner) if view.owner else "",
        asks=_asks(view.asks, name_of),
    )


def named_overview(overview: Overview, name_of: NameOf) -> Overview:
    """How everything stands, with people by their names: who has which incident, who is on call, who asked for quiet.

    >>> from alerting.home import Duty
    >>> now = Overview(at_ms=0, duties=(Duty("legal", ("ana",), 5, ("bram",)),))
    >>> named_overview(now, {"ana": "Ana Diaz", "bram": "Bram de Vries"}.__getitem__).duties[0].after
    ('Bram de Vries',)
    """
    change = msgspec.structs.replace
    brands = tuple(
        change(
            brand,
            open=tuple(change(one, view=named_view(one.view, name_of)) for one in brand.open),
            silences=tuple(change(one, who=name_of(one.who)) for one in brand.silences),
        )
        for brand in overview.brands
    )
    duties = tuple(
        change(one, now=_named(one.now, name_of), after=_named(one.after, name_of)) for one in overview.duties
    )
    return change(overview, brands=brands, duties=duties)


def _asks(asks: Asks, name_of: NameOf) -> Asks:
    return msgspec.structs.replace(
        asks,
        question=_asked(asks.question, name_of),
        statement=_asked(asks.statement, name_of),
        approved=tuple(Approval(one.statement, name_of(one.who)) for one in asks.approved),
        awaits=_named(asks.awaits, name_of),
    )


def _asked(asked: Asked | None, name_of: NameOf) -> Asked | None:
    if asked is None:
        return None
    return msgspec.structs.replace(asked, may=_named(asked.may, name_of), authors=_named(asked.authors, name_of))


def _named(ids: tuple[str, ...], name_of: NameOf) -> tuple[str, ...]:
    return tuple(map(name_of, ids))
