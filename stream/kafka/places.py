"""EDGE. Where an input partition goes on: at what was committed, if the partition is still the one that it was said of.

A log that was wiped, trimmed or restored from an older copy is noticed by the record at the committed place: it is
gone, or bears another stamp. Then everything that the partition holds is read from its beginning, and never nothing.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from aiokafka import TopicPartition

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Place, PlaceError
from stream.kafka.starting import started
from stream.kafka.tail import Tail


class Resumed(NamedTuple):
    """Where a partition goes on."""

    offset: int
    from_step: int
    """The last step that its first mark may claim to follow."""
    sealed_step: int
    """No record counts in this step or an earlier one."""
    place: Place | None
    """What was committed; `None` where nothing was, or it is of another log."""
    alarm: Literal["", "wiped", "trimmed"] = ""
    lost_records: int = 0
    """At least so many records went unread."""


async def committed_places(
    brokers: Brokers, group: str, homes: Sequence[TopicPartition]
) -> dict[TopicPartition, Place]:
    """What a group committed. Raises `PlaceError` where somebody else wrote it, `KafkaError` where nobody answers."""
    admin = await started(brokers.admin)
    try:
        found = await admin.list_consumer_group_offsets(brokers.layout.name(group), partitions=list(homes))
    finally:
        await admin.close()
    return {home: Place.read(at.offset, at.metadata) for home, at in found.items() if at.offset >= 0}


def hold_step(place: Place, step_ms: int) -> None:
    """Raises `PlaceError` where steps of another length were sealed up to this place.

    >>> hold_step(Place(7, 340_000, 1_700_000_000_123, 5_000), 5_000)
    """
    if place.step_ms != step_ms:
        raise PlaceError(
            f"steps of {step_ms} ms after steps of {place.step_ms} ms: a step is fixed for the life of the topics."
            " Set `step` back, or begin with new topics (another `prefix`)"
        )


def hold_names(place: Place, named_by: str) -> None:
    """Raises `PlaceError` where names were made with another key up to this place; one that says nothing is taken.

    >>> hold_names(Place(7, 340_000, 1_700_000_000_123, 5_000, "c0ffee00"), "c0ffee00")
    """
    if place.named_by and named_by and place.named_by != named_by:
        raise PlaceError(
            f"the key of the names is not the one that was used before (fingerprint {named_by} after {place.named_by}):"
            " with two keys every voice counts twice, and no post is found under its name."
            " Give all workers the key of before, or begin with new topics (another `prefix`)"
        )


async def resumed(tail: Tail, place: Place | None, *, vanished: bool, step_ms: int, named_by: str = "") -> Resumed:
    """Where to go on. `vanished`: the place is known from memory alone, the brokers forgot it.

    Raises `PlaceError` where the steps of the grid, or the key of the names, are not those of before.
    """
    held = await tail.held()
    if place is None:
        return Resumed(held.first, -1, -1, None)
    hold_step(place, step_ms)
    hold_names(place, named_by)
    if vanished or not held.first <= place.offset < held.end:
        trimmed = not vanished and place.offset < held.first
        lost = held.first - place.offset if trimmed else 0
        return _from_the_first(held.first, place, "trimmed" if trimmed else "wiped", lost)
    record = await tail.one(place.offset)
    if record is None or record.timestamp != place.stamp_ms:
        return _from_the_first(held.first, place, "wiped", 0)
    return Resumed(place.offset, place.sealed_step, place.sealed_step, place)


def _from_the_first(first: int, place: Place, alarm: Literal["wiped", "trimmed"], lost: int) -> Resumed:
    # The first mark follows nothing: whatever the core knows of this partition, no gap keeps it waiting.
    return Resumed(first, -1, place.sealed_step, None, alarm, lost)
