"""What a worker writes when it seals steps, and the place from which the next one goes on. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class PlaceError(ValueError):
    """A committed place from which nobody can go on, in words for an operator."""


class Outgoing(NamedTuple):
    """A record that is to be written. `value` is `None` for a tombstone."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    stamp_ms: int | None = None
    """In a replay, the stamp that it was recorded with; else the broker gives one."""


class Place(NamedTuple):
    """Where an input partition goes on: at the first record of the first step that is not sealed.

    >>> Place.read(7, Place(7, 340_000, 1_700_000_000_123, 5_000).metadata())
    Place(offset=7, sealed_step=340000, stamp_ms=1700000000123, step_ms=5000)
    """

    offset: int
    sealed_step: int
    stamp_ms: int
    """The stamp that the record at `offset` bears: where it bears another, the log is another."""
    step_ms: int

    def metadata(self) -> str:
        """What is committed beside the offset."""
        return msgspec.json.encode([self.sealed_step, self.stamp_ms, self.step_ms]).decode()

    @classmethod
    def read(cls, offset: int, metadata: str) -> "Place":
        """The inverse. Raises `PlaceError` for what we did not write."""
        try:
            sealed_step, stamp_ms, step_ms = msgspec.json.decode(metadata, type=tuple[int, int, int])
        except msgspec.MsgspecError:
            raise PlaceError(
                "an offset is committed that is not ours: does another program use this group? Choose another `prefix`"
            ) from None
        return cls(offset, sealed_step, stamp_ms, step_ms)


class Cut(NamedTuple):
    """What seals some steps: first what they hold, then the marks, and when all is acknowledged the place."""

    contents: list[Outgoing]
    marks: list[Outgoing]
    place: Place
