"""How often somebody may try: a delay that grows with each failure, and buckets for what is asked. Pure.

Nobody is locked out for good: whoever guesses for another's name delays that name by a minute at most.
"""

import ipaddress
from collections import OrderedDict

from stream.sources.taking import Bucket

FREE_FAILURES = 3
"""So many times anybody may mistype."""
LONGEST_OF_ADDRESS_MS = 15 * 60_000
LONGEST_OF_NAME_MS = 60_000
FORGIVEN_AFTER_MS = 60 * 60_000
REMEMBERED = 10_000


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, and the /64 that one household has in IPv6.

    >>> place_of("192.0.2.7"), place_of("2001:db8:1:2::77"), place_of("::ffff:192.0.2.7"), place_of("?")
    ('192.0.2.7', '2001:db8:1:2::/64', '192.0.2.7', '?')
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    if number.ipv4_mapped is not None:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((number, 64), strict=False))


class Delays:
    """Failures by whom they are counted for, and how long each must wait.

    >>> delays = Delays(longest_ms=60_000)
    >>> waits = []
    >>> for _ in range(7):
    ...     delays.failed("ana", at_ms=0)
    ...     waits.append(delays.wait_ms("ana", at_ms=0))
    >>> waits, delays.wait_ms("bram", at_ms=0)
    ([0, 0, 1000, 2000, 4000, 8000, 16000], 0)
    """

    def __init__(self, *, longest_ms: int) -> None:
        self._longest_ms = longest_ms
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, who: str, *, at_ms: int) -> int:
        """How long until they may try again."""
        count, last_ms = self._failures.get(who, (0, 0))
        if count < FREE_FAILURES or abs(at_ms - last_ms) > FORGIVEN_AFTER_MS:
            return 0
        wait_ms = min(self._longest_ms, 1000 << min(count - FREE_FAILURES, 30))
        return max(0, last_ms + wait_ms - at_ms)

    def failed(self, who: str, *, at_ms: int) -> None:
        """Note a failure."""
        count, last_ms = self._failures.pop(who, (0, at_ms))
        self._failures[who] = (1 if abs(at_ms - last_ms) > FORGIVEN_AFTER_MS else count + 1, at_ms)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, who: str) -> None:
        """Forgive."""
        self._failures.pop(who, None)


class Buckets:
    """A bucket for each who asks: `burst` at once, `per_s` in the long run."""

    def __init__(self, *, per_s: int, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._held: OrderedDict[str, Bucket] = OrderedDict()

    def wait_ms(self, who: str, *, at_ms: int) -> int:
        """0 if they may ask once more now, and it is taken; else how long until they may."""
        bucket = self._held.pop(who, None) or Bucket(per_s=self._per_s, burst=self._burst, now_ms=at_ms)
        self._held[who] = bucket
        while len(self._held) > REMEMBERED:
            self._held.popitem(last=False)
        return bucket.take(1, now_ms=at_ms)
