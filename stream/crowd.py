"""Conversations and copies that began since the last cut: in a flood thousands of which a few hundred stay.

So they wait as a batch brought them. Only who stays, or is heard of again before the cut, is worth a `Thread`.
"""

from collections.abc import Collection
from typing import Generic, NamedTuple, TypeVar

from stream.pulse import ClusterPart, ThreadPart

P = TypeVar("P", ThreadPart, ClusterPart)


class Rank(NamedTuple):
    """The order in which they stay: least first."""

    minus_posts: int
    first_ms: int
    key: str


class Crowd(Generic[P]):
    """Those who wait, each under one key and in one minute.

    >>> crowd = Crowd[ClusterPart]()
    >>> crowd.take(60_000, {"a": ClusterPart(1, 0, 61_000), "b": ClusterPart(1, 0, 60_500)}, without=["b"])
    >>> len(crowd), crowd.pop("a"), len(crowd)
    (1, (60000, ClusterPart(posts=1, negative=0, first_ms=61000, voices='0')), 0)
    """

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: list[tuple[int, dict[str, P]]] = []

    def __len__(self) -> int:
        return sum(len(table) for _, table in self._tables)

    def __contains__(self, key: str) -> bool:
        return any(key in table for _, table in self._tables)

    def take(self, minute_ms: int, table: dict[str, P], *, without: Collection[str]) -> None:
        """Let all of a table wait but for some; none of them may wait already."""
        waiting = table.copy()
        for key in without:
            del waiting[key]
        self._tables.append((minute_ms, waiting))

    def both(self, names: dict[str, P]) -> list[str]:
        """Those who wait and are in this table too, in order."""
        return sorted(key for _, table in self._tables for key in table.keys() & names.keys())

    def waiting(self) -> list[str]:
        """All who wait."""
        return [key for _, table in self._tables for key in table]

    def older(self, horizon_ms: int) -> list[str]:
        """Those whose minute began before this."""
        return [key for minute_ms, table in self._tables if minute_ms < horizon_ms for key in table]

    def pop(self, key: str) -> tuple[int, P]:
        """Take one out, with its minute. Raises `KeyError` where it does not wait."""
        for minute_ms, table in self._tables:
            if key in table:
                return minute_ms, table.pop(key)
        raise KeyError(key)

    def best(self, kept: int, others: Collection[int]) -> list[Rank]:
        """All who may be among the first `kept`, beside others that weigh so much; and hardly anybody else.

        >>> crowd = Crowd[ClusterPart]()
        >>> crowd.take(0, {"a": ClusterPart(1, 0, 9), "b": ClusterPart(1, 0, 7), "c": ClusterPart(3)}, without=())
        >>> [rank.key for rank in crowd.best(2, [])], [rank.key for rank in crowd.best(2, [2, 2])]
        (['c', 'b'], ['c'])
        """
        posts: list[int] = [part.posts for _, table in self._tables for part in table.values()]
        weights = sorted([*others, *posts], reverse=True)
        least = weights[kept - 1] if len(weights) >= kept else weights[-1]
        found = [
            Rank(-part.posts, part.first_ms, key)
            for _, table in self._tables
            for key, part in table.items()
            if part.posts > least
        ]
        room = kept - len(found) - sum(weight > least for weight in others)
        # Most posts are alone in their conversation: they are not ranked, but for the earliest.
        even = [part.first_ms for _, table in self._tables for part in table.values() if part.posts == least]
        if room <= 0 or not even:
            return found
        latest_ms = sorted(even)[:room][-1]
        return found + [
            Rank(-least, part.first_ms, key)
            for _, table in self._tables
            for key, part in table.items()
            if part.posts == least and part.first_ms <= latest_ms
        ]

    def clear(self) -> None:
        """Let all go."""
        self._tables.clear()
