"""Which mentions were seen before in their partition (DESIGN T6), and which brands each of them hit.

A repeat is an id seen at a lower offset in the 48 hours before. It is defined by offsets, not by calls, so a batch that
is tried again after a crash gets the same answers, also when the table survived the crash.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import NamedTuple

WINDOW_MS = 48 * 3_600_000
MINUTES = 48 * 60
"""The window's parts in which ids are forgotten together."""
CODE = 0xFFFF
"""The lowest bits of what is held of an id: which brands it hit, by a number of the table's own; 0: none."""
FIRST_AT = 16
OFFSET = 2**64 - 1
"""Above them the offset of its first sighting ..."""
SEEN_AT = FIRST_AT + 64
"""... and above that the time of its last, in ms since 1970."""


class Sighting(NamedTuple):
    """One thing that was remembered, so that another table can remember the same."""

    key: bytes
    offset: int
    observed_ms: int
    brands: tuple[str, ...] | None = None
    """What the post was about from here on; `None`: its id was seen."""


class Repeats:
    """Remembers ids for `window_ms` of observed time. Only creates are asked about: an edit bears its post's id.

    Memory: some 150 bytes an id with its brands (measured), whatever its length, because the key is a 128-bit digest:
    two of a billion ids share one with a probability of 10^-21. What is known of an id is one number, for a flood of
    posts leaves each of its ids here for two days. Forgotten to the millisecond; memory is had back a minute later.

    >>> repeats = Repeats()
    >>> repeats.is_repeat("x:1", 10, 0), repeats.is_repeat("x:1", 10, 0), repeats.is_repeat("x:1", 11, 0)
    (False, False, True)
    >>> repeats.is_repeat("x:1", 12, 49 * 3_600_000)
    False
    """

    __slots__ = (
        "_codes", "_horizon_ms", "_last", "_minute_ms", "_minutes", "_newest_ms", "_noted", "_seen", "_sets", "news",
        "window_ms",
    )  # fmt: skip

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self.window_ms = window_ms
        self._newest_ms, self._horizon_ms = 0, -window_ms
        # Digest -> when last seen, the lowest offset of an unbroken run of sightings, none further than the window from
        # the one before, and a code for the brands that were noted at that time; packed into one number.
        self._seen: dict[int, int] = {}
        # The highest offset of such a run, where it is not the lowest too. Any offset after the first is a repeat, so
        # the ones between need no memory.
        self._last: dict[int, int] = {}
        # Digests by the minute of their sightings: one that was seen again later stands there again.
        self._minutes: deque[tuple[int, list[int]]] = deque()
        self._minute_ms = max(1, window_ms // MINUTES)
        # Brands whose time is another than their id's last sighting: those of an edit, and of a post that came again.
        self._noted: OrderedDict[int, tuple[int, tuple[str, ...]]] = OrderedDict()
        self._sets: list[tuple[str, ...]] = [()]
        self._codes: dict[tuple[str, ...], int] = {(): 0}
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
        return self._see(int.from_bytes(key), offset, observed_ms)

    def remember(self, mention_id: str, brands: tuple[str, ...], offset: int = -1) -> None:
        """Note which brands a post hit: its delete, its edit and its counts carry no text to match."""
        key = key_of(mention_id)
        if self.news is not None:
            self.news.append(Sighting(key, offset, self._newest_ms, brands))
        self._note(int.from_bytes(key), brands)

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
            key = int.from_bytes(one.key)
            if one.brands is None:
                self._see(key, one.offset, one.observed_ms)
            else:
                self._note(key, one.brands)

    def brands_of(self, mention_id: str) -> tuple[str, ...]:
        """The brands last remembered for an id; none when it hit none, or is older than the window."""
        key = int.from_bytes(key_of(mention_id))
        noted = self._noted.get(key)
        if noted is not None:
            return noted[1] if noted[0] >= self._horizon_ms else ()
        held = self._seen.get(key)
        return () if held is None or held >> SEEN_AT < self._horizon_ms else self._sets[held & CODE]

    def known(self) -> dict[int, tuple[int, int, int, tuple[str, ...]]]:
        """All that is held, by digest: the first and last offset, when last seen, and the brands noted then.

        >>> repeats = Repeats()
        >>> _ = repeats.is_repeat("x:1", 10, 5), repeats.remember("x:1", ("Acme",))
        >>> list(repeats.known().values())
        [(10, 10, 5, ('Acme',))]
        """
        found = {}
        for key, held in self._seen.items():
            first = held >> FIRST_AT & OFFSET
            found[key] = (first, self._last.get(key, first), held >> SEEN_AT, self._sets[held & CODE])
        return found

    def pass_time(self, observed_ms: int) -> None:
        """Forget what was last seen before the window that ends now; time that goes back changes nothing."""
        if observed_ms <= self._newest_ms:
            return
        self._newest_ms = observed_ms
        self._horizon_ms = horizon = observed_ms - self.window_ms
        while self._minutes and (self._minutes[0][0] + 1) * self._minute_ms <= horizon:
            for key in self._minutes.popleft()[1]:
                held = self._seen.get(key)
                if held is not None and held >> SEEN_AT < horizon:
                    del self._seen[key]
                    self._last.pop(key, None)
        noted = self._noted
        while noted and next(iter(noted.values()))[0] < horizon:
            noted.popitem(last=False)

    def _see(self, key: int, offset: int, observed_ms: int) -> bool:
        held = self._seen.get(key)
        if held is None or held >> SEEN_AT < self._horizon_ms:
            self._last.pop(key, None)
            self._hold(key, observed_ms, offset)
            return False
        first = held >> FIRST_AT & OFFSET
        last = self._last.get(key, first)
        if offset <= last:
            if offset < first:
                self._last[key] = last
                self._seen[key] = held - (first - offset << FIRST_AT)
            return offset > first
        self._last[key] = offset
        if observed_ms > held >> SEEN_AT:
            if held & CODE:  # what was noted keeps the time at which it was
                self._noted[key] = (held >> SEEN_AT, self._sets[held & CODE])
            self._hold(key, observed_ms, first)
        return offset != first

    def _hold(self, key: int, seen_ms: int, first: int) -> None:
        self._seen[key] = seen_ms << SEEN_AT | first << FIRST_AT
        minute = seen_ms // self._minute_ms
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, []))
        self._minutes[-1][1].append(key)

    def _note(self, key: int, brands: tuple[str, ...]) -> None:
        held = self._seen.get(key)
        self._noted.pop(key, None)
        if held is not None:
            code = self._code(brands) if held >> SEEN_AT == self._newest_ms else 0
            self._seen[key] = held & ~CODE | code
            if code:
                return
        if brands:
            self._noted[key] = (self._newest_ms, brands)

    def _code(self, brands: tuple[str, ...]) -> int:
        """What stands for some brands in a number; 0 where there is no room for more of them."""
        code = self._codes.get(brands, 0)
        if not code and brands and len(self._sets) <= CODE:
            code = self._codes[brands] = len(self._sets)
            self._sets.append(brands)
        return code


def key_of(mention_id: str) -> bytes:
    """What stands for an id in the table: a digest."""
    return hashlib.blake2b(mention_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
