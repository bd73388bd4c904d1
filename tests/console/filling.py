"""Fills read models with what is hostile: every field that holds text gets another string, lists get many.

Fields are found by reflection, so that a new one is driven on its first day. Left alone are the few that are none of
theirs: words of closed lists, zones, ids that we make.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from itertools import count
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

T = TypeVar("T")
ZONE = "Europe/Amsterdam"
OURS: dict[str, str] = {
    "timezone": ZONE,
    "zone": ZONE,
    "severity": "high",
    "severity_at_most": "high",
    "status": "open",
    "incident": "tulpatel-1773178800000",
    "span": "24h",
    "monday": "2026-03-09",
    "day": "2026-03-10",
    "looked_back": "was_right",
    "GapSeen.reason": "outage",
    "SourceSeen.completeness": "full",
}
"""Words that only we write, by the name of their field, or of their struct and field."""
MANY = 3


class Filling:
    """Makes values whose texts are the next of `texts`, from the `first` on and round; times lie around `at_ms`."""

    def __init__(self, texts: Sequence[str], at_ms: int, first: int = 0, *, many: int = MANY) -> None:
        self._texts = texts
        self._next = count(first)
        self.at_ms = at_ms
        self._many = many
        self.used: set[str] = set()

    def text(self) -> str:
        """The next text."""
        found = self._texts[next(self._next) % len(self._texts)]
        self.used.add(found)
        return found

    def of(self, kind: type[T], **changes: Any) -> T:
        """One of these structs (or tuples of names), with what `changes` says in its place."""
        given = {name: changes.get(name, _LEFT) for name in hints_of(kind)}
        left = {name for name, value in given.items() if value is _LEFT}
        return kind(**given | {name: self._field(kind, name) for name in given if name in left})

    def _field(self, kind: type[Any], name: str) -> Any:
        hint = hints_of(kind)[name]
        ours = OURS.get(f"{kind.__name__}.{name}", OURS.get(name))
        if hint is str and name == "brand":  # it is part of an address, where a slash would begin another
            return self.text().replace("/", "\u2215")
        return ours if hint is str and ours is not None else self.value(hint, name)

    def value(self, hint: Any, name: str = "") -> Any:
        """A value of a type; `name` says what a number counts."""
        origin, inside = get_origin(hint), get_args(hint)
        if hint is str or hint is object or hint is Any:
            return self.text()
        if hint is bool:
            return not name.startswith(("is_over", "shadow", "done"))
        if hint in (int, float):
            return self._number(name)
        if origin is Literal:
            return inside[0]
        if origin in (types.UnionType, Union):
            return self.value(next(one for one in inside if one is not type(None)), name)
        if origin is tuple or origin in (list, frozenset, set, Sequence, typing.Sequence):
            return self._many_of(origin, inside, name)
        if origin in (dict, Mapping, typing.Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
            return {self.value(inside[0]): self.value(inside[1], name) for _ in range(self._many)}
        return self._struct(hint, name)

    def _struct(self, hint: Any, name: str) -> Any:
        if isinstance(hint, type) and (issubclass(hint, msgspec.Struct) or hasattr(hint, "_fields")):
            return self.of(hint)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return next(iter(hint))
        raise TypeError(f"{name}: what to put into {hint}?")

    def _many_of(self, origin: Any, inside: tuple[Any, ...], name: str) -> Any:
        if origin is tuple and inside[-1] is not Ellipsis:
            return tuple(self.value(one, name) for one in inside)
        found = [self.value(inside[0], name) for _ in range(self._many)]
        return (origin if origin in (tuple, list, frozenset, set) else tuple)(found)

    def _number(self, name: str) -> int:
        if name.endswith("_ms"):
            return self.at_ms + 600_000 * (1 if name.startswith(("until", "due", "by", "ends", "change")) else -1)
        return 420


_LEFT = object()


@cache
def hints_of(kind: type[Any]) -> dict[str, Any]:
    """The fields of a struct and their types."""
    return typing.get_type_hints(kind)
