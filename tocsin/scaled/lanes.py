"""The lanes of a deployment: the ways by which its probes go, each through one partition of `mentions` and one of
`entries`. Pure.

    mentions/0 -> entries/0     There are as many lanes as the topic with more partitions has of them, so that each
    mentions/1 -> entries/1     partition of both lies on one at least. Not every pair has a lane: whoever reads the one
    mentions/2 -> entries/0     writes to all the others, and whoever decides in one waits for marks from all.

A probe is sent to its lane's input partition by its id, as any mention is, and brings its part to the lane's partition
of `entries` by the name under which that is journaled, as any brand does. So nothing on the way knows lanes but intake,
which reads in the id which name it is.
"""

from functools import cache
from itertools import count
from typing import NamedTuple

from stream.kafka.topics import Layout
from tocsin.entry import PROBE
from tocsin.probe import probe_row


class Lane(NamedTuple):
    """One way through a deployment.

    >>> str(Lane(4, 4, 1, "~probe/4"))
    'mentions/4 to entries/1'
    """

    number: int
    mentions: int
    """The input partition in which its probes are read."""
    entries: int
    """The partition of `entries` in which they are decided on."""
    brand: str
    """The name under which they are journaled: one that lives in that partition."""

    def __str__(self) -> str:
        return f"mentions/{self.mentions} to entries/{self.entries}"


@cache
def lanes_of(layout: Layout) -> tuple[Lane, ...]:
    """Every lane, by its number: the same for all who know the layout.

    >>> lanes = lanes_of(Layout(mentions=3, entries=2))
    >>> [(lane.mentions, lane.entries) for lane in lanes], lanes[0].brand
    ([(0, 0), (1, 1), (2, 0)], '~probe/0/2')
    """
    every = range(max(layout.mentions, layout.entries))
    return tuple(Lane(n, n % layout.mentions, n % layout.entries, _brand(layout, n)) for n in every)


def _brand(layout: Layout, number: int) -> str:
    """The first name of this number that lives where the lane leads."""
    home, first = number % layout.entries, f"{PROBE}/{number}"
    names = (first if more == 0 else f"{first}/{more}" for more in count())
    return next(name for name in names if layout.brand_partition(name) == home)


def row_of(layout: Layout, lane: Lane, at_ms: int) -> bytes:
    """A probe for a lane. Its id says which lane that is and when it set out, and is the first such that goes there.

    >>> layout = Layout(mentions=3, entries=2)
    >>> row_of(layout, lanes_of(layout)[0], 1_500)[:75]
    b'{"created_at":"1970-01-01T00:00:01.500Z","id":"0-1500-2","text":"A probe of'
    """
    names = (f"{lane.number}-{at_ms}-{more}" for more in count())
    found = next(name for name in names if layout.mention_partition(f"{PROBE}:{name}") == lane.mentions)
    return probe_row(at_ms, found)


def lane_of(layout: Layout, mention_id: str, mentions: int) -> Lane | None:
    """The lane of a probe that was read in this input partition; `None` where there is no such lane.

    >>> layout = Layout(mentions=3, entries=2)
    >>> lane_of(layout, "~probe:2-1500-0", 2).brand
    '~probe/2/3'
    >>> lane_of(layout, "~probe:2-1500-0", 1), lane_of(layout, "~probe:9", 0)
    (None, None)
    """
    number = mention_id.removeprefix(f"{PROBE}:").partition("-")[0]
    known = {str(lane.number): lane for lane in lanes_of(layout) if lane.mentions == mentions}
    return known.get(number)
