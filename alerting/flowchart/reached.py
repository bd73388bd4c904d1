"""By which ways a page gets through to somebody, and after how long: as `by` says, or in the order of their own. Pure.

What delivery does with `reach` (see `alerting.delivery.second_way`), so that the proof and a walk can count on it.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from alerting.flowchart.fields import WAYS
from alerting.flowchart.model import Responder

NEXT_WAY_MS = 30_000
"""So long after a way that gets nothing through the next one is tried."""


class Arrival(NamedTuple):
    """A page that gets through to somebody."""

    way: str
    after_ms: int
    """How long after the page."""


def arrivals(responder: Responder, by: tuple[str, ...], broken: Collection[str] = ()) -> Iterator[Arrival]:
    """By which ways somebody is woken by a page, in order, where some ways get nothing through.

    Without `reach` all that the page names are taken at once. With it each is taken at its time; while none has got
    through, the next is taken as soon as it is known of the one before; what `reach` leaves out only after all of it,
    and is counted on only where the page names it.

    >>> anna = Responder(name="Anna", slack="U0ANNA", phone="+31 20 555 0101",
    ...                  reach=[{"by": "slack"}, {"by": "phone", "after": "2m"}])
    >>> [tuple(one) for one in arrivals(anna, ("slack",))]
    [('slack', 0), ('phone', 120000)]
    >>> [tuple(one) for one in arrivals(anna, ("slack",), broken=("slack",))]
    [('phone', 30000)]
    """
    if not responder.reach:
        yield from (Arrival(way, 0) for way in by if way in responder.ways and way not in broken)
        return
    known_ms: int | None = None
    through = False
    for one in sorted(responder.reach, key=lambda one: one.after_ms):
        if one.by not in responder.ways:
            continue
        at_ms = one.after_ms if known_ms is None or through else min(one.after_ms, known_ms)
        if one.by in broken:
            known_ms = at_ms + NEXT_WAY_MS
        else:
            through = True
            yield Arrival(one.by, at_ms)
    left_out = [way for way in WAYS if way in responder.ways and way in by and responder.delay_ms(way) is None]
    usable = [way for way in left_out if way not in broken]
    if known_ms is not None and not through and usable:
        yield Arrival(usable[0], known_ms)
