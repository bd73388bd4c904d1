"""What an incarnation of intake writes for the steps that it seals: parts, controls and then a mark. Pure.

The other side of `tocsin.sealing`, and the same for one process and for many workers.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stream.combine import Combined
from tocsin.entry import Control, ControlEvent, Mark, Part


class Sealed(NamedTuple):
    """The steps `(from_step, upto_step]` of one input partition, by one incarnation."""

    partition: int
    incarnation: str
    from_step: int
    upto_step: int
    offset: int
    """First offset of the input partition that the next step needs."""
    items: list[Part | Control]

    def mark(self, items: Sequence[Part | Control] | None = None) -> Mark:
        """The mark over these items; without `items` over all. Each entries partition is told of its own alone.

        >>> Sealed(0, "a", 3, 5, 17, []).mark().counts
        {}
        """
        counts: dict[int, int] = {}
        for item in self.items if items is None else items:
            counts[item.step] = counts.get(item.step, 0) + 1
        return Mark(
            partition=self.partition,
            incarnation=self.incarnation,
            from_step=self.from_step,
            upto_step=self.upto_step,
            counts=counts,
            offset=self.offset,
        )


class Sealer:
    """One incarnation's sealing of one input partition; `sealed_step` is the last step that it sealed.

    >>> sealer = Sealer(0, "a", sealed_step=3)
    >>> sealer.seal([], [], upto_step=5, offset=17)[2:5]
    (3, 5, 17)
    >>> sealer.sealed_step
    5
    """

    def __init__(self, partition: int, incarnation: str, *, sealed_step: int) -> None:
        self.partition = partition
        self.incarnation = incarnation
        self.sealed_step = sealed_step

    def seal(
        self, parts: Iterable[Combined], controls: Iterable[tuple[int, ControlEvent]], *, upto_step: int, offset: int
    ) -> Sealed:
        """Seal the steps after the last one up to `upto_step`. `controls` are events with their step, in order."""
        items: list[Part | Control] = [self._part(part) for part in parts]
        items += [self._control(number, step, event) for number, (step, event) in enumerate(controls)]
        sealed = Sealed(self.partition, self.incarnation, self.sealed_step, upto_step, offset, items)
        self.sealed_step = upto_step
        return sealed

    def _part(self, combined: Combined) -> Part:
        return Part(
            partition=self.partition,
            incarnation=self.incarnation,
            step=combined.step,
            brand=combined.brand,
            minute_ms=combined.minute_ms,
            part=combined.part,
            live=combined.live,
            chunk=combined.chunk,
        )

    def _control(self, number: int, step: int, event: ControlEvent) -> Control:
        return Control(
            partition=self.partition,
            incarnation=self.incarnation,
            step=step,
            brand=event.brand,
            number=number,
            event=event,
        )
