"""Which mentions were seen before in their partition (DESIGN T6), and which brands each of them hit.

A repeat is an id seen at a lower offset in the 48 hours before. It is defined by offsets, not by calls, so a batch that
is tried again after a crash gets the same answers, also when the table survived the crash.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

WINDOW_MS = 48 * 3_600_000


class Sighting(NamedTuple):
    """One thing that was remembered, so that another table can remember the same."""

    key: bytes
    offset: int
    observed_ms: int
    brands: tuple[str, ...] | None = None
    """What the post was about from here on; `None`: its id was seen."""


class Repeats:
    """Remembers ids for `window_ms` of observed time. Only creates are asked about: an edit bears its post's id.

    Memory: some 250 bytes an id (measured), whatever its length, because the key is a 128-bit digest: two of a
    billion ids share one with a probability of 10^-21. Evicted as observed time passes, oldest sighting first.

    >>> repeats = Repeats()
    >>> repeats.is_repeat("x:1", 10, 0), repeats.is_repeat("x:1", 10, 0), repeats.is_repeat("x:1", 11, 0)
    (False, False, True)
    >>> repeats.is_repeat("x:1", 12, 49 * 3_600_000)
    False
    """

    __slots__ = ("_brands", "_newest_ms", "_seen", "news", "window_ms")

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self.window_ms = window_ms
        self._newest_ms = 0
        # Digest -> (first, last, when last): the offsets of an unbroken run of sightings, none further than the window
        # from the one before. Any offset after the first is a repeat, so the ones between need no memory.
        self._seen: OrderedDict[bytes, tuple[int, int, int]] = OrderedDict()
        self._brands: OrderedDict[bytes, tuple[int, tuple[str, ...]]] = OrderedDict()
        self.news: list[Sighting] | None = None
        """All that was remembered since it was last set to an empty list; `None`: nobody wants to know."""

    def __len__(self) -> int:
        """Ids in memory."""
        return len(self._seen)

    def is_repeat(self, mention_id: str, offset: int, observed_ms: int) -> bool:
        """Whether the id was seen at a lower offset within the window; remembers this sighting.

        `observed_ms` is the partition's running maximum (DESIGN T2): it never falls as offsets rise.
        """
        self.pass_time(observed_ms)
        key = key_of(mention_id)
        if self.news is not None:
            self.news.append(Sighting(key, offset, observed_ms))
        return self._see(key, offset, observed_ms)

    def remember(self, mention_id: str, brands: tuple[str, ...], offset: int = -1) -> None:
        """Note which brands a post hit: its delete, its edit and its counts carry no text to match."""
        key = key_of(mention_id)
        if self.news is not None:
            self.news.append(Sighting(key, offset, self._newest_ms, brands))
        self._note(key, brands)

    def absorb(self, sightings: Iterable[Sighting]) -> None:
        """Remember what another table remembered, in the order in which it did; nothing of it is news.

        >>> first, second = Repeats(), Repeats()
        >>> first.news = []
        >>> _ = first.is_repeat("x:1", 10, 0), first.remember("x:1", ("Acme",))
        >>> second.absorb(first.news)
        >>> second.is_repeat("x:1", 11, 0), second.brands_of("x:1")
        (True, ('Acme',))
        """
        for one in sightings:
            self.pass_time(one.observed_ms)
            if one.brands is None:
                self._see(one.key, one.offset, one.observed_ms)
            else:
                self._note(one.key, one.brands)

    def brands_of(self, mention_id: str) -> tuple[str, ...]:
        """The brands last remembered for an id; none when it hit none, or is older than the window."""
        held = self._brands.get(key_of(mention_id))
        return held[1] if held else ()

    def pass_time(self, observed_ms: int) -> None:
        """Forget what was last seen before the window that ends now; time that goes back changes nothing."""
        if observed_ms <= self._newest_ms:
            return
        self._newest_ms = observed_ms
        horizon = observed_ms - self.window_ms
        seen, brands = self._seen, self._brands
        while seen and next(iter(seen.values()))[2] < horizon:
            seen.popitem(last=False)
        while brands and next(iter(brands.values()))[0] < horizon:
            brands.popitem(last=False)

    def _see(self, key: bytes, offset: int, observed_ms: int) -> bool:
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = (offset, offset, observed_ms)
            return False
        first, last, last_ms = seen
        if offset <= last:
            if offset < first:
                self._seen[key] = (offset, last, last_ms)
            return offset > first
        if observed_ms - last_ms > self.window_ms:
            first = offset
        self._seen[key] = (first, offset, max(observed_ms, last_ms))
        self._seen.move_to_end(key)
        return offset != first

    def _note(self, key: bytes, brands: tuple[str, ...]) -> None:
        if brands:
            self._brands[key] = (self._newest_ms, brands)
            self._brands.move_to_end(key)
        else:
            self._brands.pop(key, None)


def key_of(mention_id: str) -> bytes:
    """What stands for an id in the table: a digest."""
    return hashlib.blake2b(mention_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
