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

    >>> Place.read(7, Place(7, 340_000, 1_700_000_000_123, 5_000, "c0ffee00").metadata())
    Place(offset=7, sealed_step=340000, stamp_ms=1700000000123, step_ms=5000, named_by='c0ffee00')
    """

    offset: int
    sealed_step: int
    stamp_ms: int
    """The stamp that the record at `offset` bears: where it bears another, the log is another."""
    step_ms: int
    named_by: str = ""
    """The fingerprint of the key that names were made with up to here; empty where it was not written down."""

    def metadata(self) -> str:
        """What is committed beside the offset."""
        return msgspec.json.encode(self[1:] if self.named_by else self[1:4]).decode()

    @classmethod
    def read(cls, offset: int, metadata: str) -> "Place":
        """The inverse. Raises `PlaceError` for what we did not write."""
        try:
            sealed_step, stamp_ms, step_ms, named_by = _read(metadata)
        except msgspec.MsgspecError:
            raise PlaceError(
                "an offset is committed that is not ours: does another program use this group? Choose another `prefix`"
            ) from None
        return cls(offset, sealed_step, stamp_ms, step_ms, named_by)


def _read(metadata: str) -> tuple[int, int, int, str]:
    try:
        return msgspec.json.decode(metadata, type=tuple[int, int, int, str])
    except msgspec.ValidationError:
        return (*msgspec.json.decode(metadata, type=tuple[int, int, int]), "")


class Cut(NamedTuple):
    """What seals some steps: first what they hold, then the marks, and when all is acknowledged the place."""

    contents: list[Outgoing]
    marks: list[Outgoing]
    place: Place
