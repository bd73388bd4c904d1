"""What others may see of the core: how each brand is judged, and its incidents. Read only; it may be a little old."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from alerting.escalation import Casebook
from alerting.incident import Incident


class BrandSeen(Protocol):
    """One brand, as the core last left it."""

    @property
    def content(self) -> str:
        """Digest of the configuration in force; empty before there was one."""

    @property
    def book(self) -> Casebook | None:
        """Its incidents; `None` before the first grid point."""


class CoreSeen(Protocol):
    """All brands. The engine itself is one; a worker beside it sees what it keeps of its state."""

    @property
    def brands(self) -> Mapping[str, BrandSeen]:
        """By name."""


def incidents_of(core: CoreSeen) -> Iterator[Incident]:
    """The last incident of every brand, and the last stretch of each in which it was blind; open or over."""
    for state in core.brands.values():
        if state.book is not None:
            yield from (one for one in (state.book.incident, state.book.blind) if one is not None)
