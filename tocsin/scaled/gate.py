"""EDGE. What a worker waits for before its roles begin: a broker that answers, and the topics as they must be.

A broker that is away, and topics that nobody made yet, come in time: the worker waits, says so at `/readyz`, and tries
again with pauses that grow. Topics cut another way never come right by waiting, so that ends it (fault row F4).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from stream.kafka.making import MISSING, BrokersError, Difference
from tocsin.scaled.role import Ended

log = structlog.get_logger("tocsin")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
FATAL = ("partitions", "cleanup.policy", "message.timestamp.type")
"""What decides which record means what. Other differences (copies, retention) are told, and worked with."""


class Gate:
    """Opens once `look` finds the topics in order. `waits` says in words why it has not opened yet."""

    def __init__(self, look: Callable[[], Awaitable[Sequence[Difference]]]) -> None:
        self._look = look
        self.waits: tuple[str, ...] = ("the brokers have not been asked yet",)

    async def opened(self) -> None:
        """Return when the roles may begin. Raises `Ended` (status 2) where waiting would be in vain."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                found: Sequence[Difference] = await self._look()
                waits = missing(found)
            except BrokersError as error:
                found, waits = (), (str(error),)
            if wrong := fatal(found):
                raise Ended(wrong, 2)
            if waits and waits != self.waits:
                log.warning("waiting", why="; ".join(waits))
            self.waits = waits
            if not waits:
                break
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        for one in found:
            log.warning("topic differs", topic=one.topic, setting=one.setting, found=one.found, wanted=one.wanted)


def missing(found: Sequence[Difference]) -> tuple[str, ...]:
    """The topics that are not there, in one line.

    >>> missing([Difference("tocsin.texts", MISSING, "", "")])
    ('there is no topic tocsin.texts; make it with: tocsin topics create',)
    >>> missing([])
    ()
    """
    names = [one.topic for one in found if one.setting == MISSING]
    if not names:
        return ()
    what, them = ("topic", "it") if len(names) == 1 else ("topics", "them")
    return (f"there is no {what} {', '.join(names)}; make {them} with: tocsin topics create",)


def fatal(found: Sequence[Difference]) -> str:
    """What no waiting cures, in one line; empty where there is none of it.

    >>> print(fatal([Difference("tocsin.entries", "partitions", "4", "12")]))
    topic tocsin.entries has partitions 4, the configuration says 12; `tocsin topics check` says what follows
    """
    wrong = [one for one in found if one.setting in FATAL]
    if not wrong:
        return ""
    told = [f"topic {one.topic} has {one.setting} {one.found}, the configuration says {one.wanted}" for one in wrong]
    return "; ".join(told) + "; `tocsin topics check` says what follows"
