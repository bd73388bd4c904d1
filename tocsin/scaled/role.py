"""What a role of `tocsin worker` is to the process that runs it: it works, it stops, and it says how it is.

A process runs one role or several in one event loop. `/livez` and `/readyz` are made of what their `health()` say, and
`/metrics` of their registries; none of that waits for a broker, so a worker that cannot start yet says so.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute

STALLED = 70
"""Exit status of a worker that ended itself since a partition stood still: the supervisor starts it anew."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a role is, as it knows without asking anybody. Words are for people: plain, and without any secret.

    >>> Health().alive, Health().ready
    (True, True)
    >>> Health(waits=("no partition is assigned yet",)).ready
    False
    """

    stuck: tuple[str, ...] = ()
    """What a new start alone can cure, a line each: `/livez` fails. A broker or a Redis that is away is none of it."""
    waits: tuple[str, ...] = ()
    """Why it does not do its work yet, or not in full, a line each: `/readyz` fails."""
    shown: Mapping[str, object] = {}
    """Whatever else helps an operator, as JSON knows it: partitions, offsets, lag, who leads."""

    @property
    def alive(self) -> bool:
        """Whether it may go on as it is."""
        return not self.stuck

    @property
    def ready(self) -> bool:
        """Whether it does its work."""
        return not (self.stuck or self.waits)


class Ended(RuntimeError):  # noqa: N818 - read by whoever reads the log
    """A role cannot go on, and says why in one plain line; the process ends with `status`."""

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__(words)
        self.status = status


class Role(Protocol):
    """One role at work. Built without touching broker or Redis; everything happens in `run`."""

    name: str
    """`intake`, `core`, `delivery` or `console`."""
    registry: CollectorRegistry
    """Its metrics; in one process, roles share a name only where they count the same thing."""

    async def run(self) -> None:
        """Work until `stop`. A broker that is away is waited for, with pauses that grow, and `health` says so.

        Returns once stopped. Raises `Ended` for what an operator must put right (status 2), and for a partition that
        stands still (`STALLED`); any other exception ends the process too, loudly.
        """
        ...

    async def stop(self) -> None:
        """Finish what is under way, give the partitions back, then return. May be called twice, or before `run`."""
        ...

    def health(self) -> Health:
        """How it is now. Cheap: asked at every probe, never waits."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """What it answers to the world outside, at `ingest.listen`: mentions that are delivered, clicks in Slack.

        Asked once, before `run`; the process opens one door for all its roles, and none where none has a route. A
        route that is asked before its role can take anything says 503.
        """
        ...
