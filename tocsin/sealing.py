"""Which grid steps are complete: parts take effect through a mark of their own incarnation (DESIGN T3, T3a).

Pure. One `Sealing` per entries partition; embedded it has one input partition. The first mark for a step wins;
a mark waits until all that it names is there, and a gap between marks waits too, loudly (`waiting`).
"""

import msgspec

from tocsin.entry import Control, Mark, Part, Tick

Item = Part | Control


class Held(msgspec.Struct):
    """What one incarnation wrote for one step and no mark has sealed yet."""

    partition: int
    incarnation: str
    step: int
    parts: dict[str, Part] = {}
    controls: dict[str, Control] = {}

    def __len__(self) -> int:
        return len(self.parts) + len(self.controls)


class Sealing(msgspec.Struct):
    """The state of the protocol in one entries partition.

    >>> s = Sealing(marks={0: -1})
    >>> s.take(Mark(partition=0, incarnation="a", from_step=-1, upto_step=4, counts={}))
    []
    >>> s.complete_step
    4
    """

    marks: dict[int, int]
    """Input partition -> last sealed step."""
    held: dict[str, Held] = {}
    waiting: list[Mark] = []
    tick: int = -1
    done: int = -1
    """The last step up to which time has passed for the brands."""
    dropped: int = 0
    """Parts that came for a step already sealed: a zombie's or a repeat's."""
    straddled: int = 0
    """Marks that reached back over steps sealed by another."""
    forced: int = 0
    """Ticks that let time pass although marks were missing."""

    @property
    def complete_step(self) -> int:
        """Time has passed up to and including this step."""
        return max(min(self.marks.values()), self.tick)

    def take(self, event: Part | Control | Mark | Tick) -> list[tuple[int, Item]]:
        """Feed one event; returns what became effective as `(step, item)`, in a fixed order.

        The step is never one that time has already passed: what comes later joins the next grid point.
        """
        if isinstance(event, Tick):
            if event.step > self.complete_step:
                self.forced += 1
            self.tick = max(self.tick, event.step)
            return []
        if isinstance(event, Mark):
            self.waiting.append(event)
        elif not self._hold(event):
            return []
        return self._settle() if self.waiting else []

    def pass_time(self) -> int:
        """Note that time passed for the brands up to `complete_step`, and return it."""
        self.done = max(self.done, self.complete_step)
        return self.done

    def _hold(self, item: Item) -> bool:
        if item.step <= self.marks[item.partition]:
            self.dropped += 1
            return False
        key = f"{item.partition}/{item.incarnation}/{item.step}"
        held = self.held.get(key)
        if held is None:
            held = self.held[key] = Held(item.partition, item.incarnation, item.step)
        if isinstance(item, Part):
            held.parts[f"{item.brand}/{item.minute_ms}/{item.live:d}/{item.chunk}"] = item
        else:
            held.controls[f"{item.brand}/{item.number:09d}"] = item
        return True

    def _settle(self) -> list[tuple[int, Item]]:
        effective: list[tuple[int, Item]] = []
        again = True
        while again:
            again = False
            for mark in list(self.waiting):
                sealed = self.marks[mark.partition]
                if mark.upto_step <= sealed:
                    self.waiting.remove(mark)
                elif mark.from_step <= sealed and self._all_here(mark, sealed):
                    self.straddled += mark.from_step < sealed
                    effective += self._apply(mark, sealed)
                    self.waiting.remove(mark)
                    again = True
        return effective

    def _all_here(self, mark: Mark, sealed: int) -> bool:
        return all(
            len(self.held.get(f"{mark.partition}/{mark.incarnation}/{step}", ())) >= count
            for step, count in mark.counts.items()
            if step > sealed
        )

    def _apply(self, mark: Mark, sealed: int) -> list[tuple[int, Item]]:
        effective: list[tuple[int, Item]] = []
        for step in sorted(mark.counts):
            held = self.held.get(f"{mark.partition}/{mark.incarnation}/{step}")
            if step > sealed and held is not None:
                when = max(step, self.done + 1)
                effective += [(when, held.controls[key]) for key in sorted(held.controls)]
                effective += [(when, held.parts[key]) for key in sorted(held.parts)]
        self.marks[mark.partition] = mark.upto_step
        self.held = {
            key: held
            for key, held in self.held.items()
            if held.partition != mark.partition or held.step > mark.upto_step
        }
        return effective
