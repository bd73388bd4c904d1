"""Likes and reposts of the posts that matter, counted from a stream that says of an undone like only that it is gone.

Counts are absolute (DESIGN M5). Where the platform can be asked, a post is shown only once it said how many there are,
for a count that began at nought in the middle of its life would jump later and look like growth; between two answers
what comes by is added. Where it cannot be asked, all counts begin at nought and stay so.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from stream.codec import rfc3339
from stream.sources.jetstream_counts import Counts
from stream.sources.jetstream_events import LIKE
from stream.sources.rows import Row, row_bytes

POSTS_KEPT = 2_000
ACTS_KEPT = 50_000
"""Likes and reposts that can be undone, with the post that each is of; the oldest are forgotten first."""
REFRESH_MS = 5 * 60_000


class _Tally:
    __slots__ = ("asked_ms", "changed", "likes", "replies", "reposts")

    def __init__(self) -> None:
        self.likes = 0
        self.reposts = 0
        self.replies: int | None = None
        self.asked_ms: int | None = None
        self.changed = False


class Tallies:
    """Counts of tracked posts. `asks`: whether the platform can be asked for what was before.

    >>> tallies = Tallies(lambda uri: uri == "at://a", asks=False)
    >>> tallies.acted("did:x", LIKE, "1", "at://a"), tallies.acted("did:x", LIKE, "2", "at://b")
    (None, None)
    >>> tallies.rows(0)
    [b'{"id":"at://a","created_at":"1970-01-01T00:00:00Z","kind":"engagement","reposts":0,"likes":1}']
    """

    def __init__(self, tracked: Callable[[str], bool], *, asks: bool) -> None:
        self._tracked = tracked
        self._asks = asks
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._acts: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def acted(self, did: str, collection: str, rkey: str, uri: str) -> None:
        """Somebody liked or reposted a post. The same one again, as after a reconnect, changes nothing."""
        act = (did, collection, rkey)
        if act in self._acts or not self._tracked(uri):
            return
        self._acts[act] = uri
        if len(self._acts) > ACTS_KEPT:
            self._acts.popitem(last=False)
        self._change(uri, collection, 1)

    def undid(self, did: str, collection: str, rkey: str) -> None:
        """A like or repost was taken back; of which post is known only where it was counted."""
        uri = self._acts.pop((did, collection, rkey), None)
        if uri is not None and uri in self._tallies:
            self._change(uri, collection, -1)

    def watch(self, uris: Sequence[str]) -> None:
        """Posts to ask for even if nobody likes them now."""
        for uri in uris:
            self._of(uri)

    def due(self, now_ms: int, most: int) -> list[str]:
        """Posts whose counts should be asked for now: those never asked for first, then the oldest answers."""
        if not self._asks:
            return []
        waiting = [
            (tally.asked_ms or 0, uri)
            for uri, tally in self._tallies.items()
            if tally.asked_ms is None or now_ms - tally.asked_ms >= REFRESH_MS
        ]
        return [uri for _, uri in sorted(waiting)[:most]]

    def answered(self, uri: str, counts: Counts | None, now_ms: int) -> None:
        """What the platform said of one post; `None`: it is not there."""
        tally = self._tallies.get(uri)
        if tally is None:
            return
        if counts is None:
            del self._tallies[uri]
            return
        before = (tally.likes, tally.reposts, tally.replies)
        tally.likes = counts.likes if counts.likes is not None else tally.likes
        tally.reposts = counts.reposts if counts.reposts is not None else tally.reposts
        tally.replies = counts.replies
        tally.changed |= tally.asked_ms is None or before != (tally.likes, tally.reposts, tally.replies)
        tally.asked_ms = now_ms

    def rows(self, now_ms: int) -> list[bytes]:
        """An `engagement` row for each post whose counts changed since the last time."""
        found = []
        for uri, tally in self._tallies.items():
            if not tally.changed or (self._asks and tally.asked_ms is None):
                continue
            tally.changed = False
            found.append(
                row_bytes(
                    Row(
                        id=uri,
                        created_at=rfc3339(now_ms),
                        kind="engagement",
                        likes=tally.likes,
                        reposts=tally.reposts,
                        replies=tally.replies,
                    )
                )
            )
        return found

    def _change(self, uri: str, collection: str, by: int) -> None:
        tally = self._of(uri)
        if collection == LIKE:
            tally.likes = max(0, tally.likes + by)
        else:
            tally.reposts = max(0, tally.reposts + by)
        tally.changed = True

    def _of(self, uri: str) -> _Tally:
        tally = self._tallies.get(uri)
        if tally is None:
            tally = self._tallies[uri] = _Tally()
            if len(self._tallies) > POSTS_KEPT:
                self._tallies.popitem(last=False)
        self._tallies.move_to_end(uri)
        return tally
