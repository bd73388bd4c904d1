"""What a partition is to the worker that reads it: an incarnation, and how far it is."""

from collections.abc import Callable
from typing import Protocol

from stream.kafka.cuts import Cut, Place
from stream.kafka.places import Resumed
from stream.kafka.records import InputRecord
from stream.kafka.tail import Tail


class Incarnation(Protocol):
    """One input partition for as long as one worker has it."""

    async def recall(self, tail: Tail, resumed: Resumed) -> None:
        """Know again what was read before the place at which it goes on."""

    def take(self, record: InputRecord) -> None:
        """Take in one record; they come in the order of their offsets."""

    def seal(self) -> Cut | None:
        """Seal every step that a record of a later one has ended; `None` where there is none."""

    async def committed(self, place: Place) -> None:
        """The steps that `seal` sealed last are written and committed."""


Begin = Callable[[int, str, Resumed], Incarnation]
"""From the number of an input partition, the name of the incarnation and where it goes on."""


class Running:
    """A partition that this worker reads."""

    def __init__(self, incarnation: Incarnation, name: str, at: Resumed) -> None:
        self.incarnation = incarnation
        self.name = name
        self.at = at
        self.position = at.offset
        self.place = at.place
        self.ours = True
        self.assignment = 0
        """Which giving-out of partitions it is of: what is of an older one commits nothing any more."""
        self.whole = True
        """Whether all that it sealed was written: else it cannot go on, for its next mark would follow a hole."""
