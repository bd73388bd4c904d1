"""The works of a service on a clock of the test's own: every millisecond is chosen, and nothing waits."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from alerting.decision import Decision
from alerting.delivery.ways import Click, Message, Outcome, Settles
from tests.acceptance import living as lively
from tests.acceptance.living import SOURCE, STEP_MS, burst, configure, copied, line_of, settings_of
from tocsin.synthetic import Row
from tocsin.works import Works

NOWHERE: Any = SimpleNamespace(base_url="http://127.0.0.1:9/api/")


class Place:
    """A Slack that keeps what it is told, or, where `down`, leaves everybody guessing."""

    settles: Settles = "history"

    def __init__(self) -> None:
        self.there: list[Message] = []
        self.down = False

    async def post(self, message: Message) -> Outcome:
        """Take a message."""
        if self.down:
            return Outcome("not_sent", retry_ms=1_000, detail="ConnectError")
        self.there.append(message)
        return Outcome("sent", message.to, f"1700000000.{len(self.there):06}")

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Nothing is ever unknown here."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Take an edit."""
        return Outcome("not_sent", retry_ms=1_000) if self.down else Outcome("sent", channel, ts)

    def woke(self) -> list[str]:
        """Who was named, in order."""
        found = [(m.text.find(f"<@{user}>"), m, name) for m in self.there for name, user in lively.PEOPLE.items()]
        return [name for at, _, name in found if at >= 0]


class Virtual:
    """Works, their clock and their Slack."""

    def __init__(self, works: Works, place: Place, clock: list[int]) -> None:
        self.works = works
        self.place = place
        self._clock = clock
        self._numbers = itertools.count()

    @property
    def now_ms(self) -> int:
        """Now."""
        return self._clock[0]

    async def at(self, ms: int, *, beats: bool = True) -> None:
        """Let time pass until then, a beat at each step."""
        while self.now_ms < ms:
            self._clock[0] = min(ms, (self.now_ms // STEP_MS + 1) * STEP_MS)
            if beats and self.now_ms % STEP_MS == 0:
                await self.beat()

    async def beat(self) -> None:
        """Take in what came, and deliver what is due."""
        await self.works.beat()
        await self.deliver()

    async def deliver(self) -> None:
        """Deliver what is due."""
        await self.works.delivery.step()

    async def tell(self, rows: Sequence[Row]) -> None:
        """Posts come in, now."""
        await self.works.appender.append([("mention", SOURCE, line_of(row)) for row in rows])

    async def press(self, incident: str, action: str, who: str) -> str:
        """Somebody presses a button, now."""
        number = next(self._numbers)
        click = Click(f"click-{number}", incident, action, lively.PEOPLE[who], "T1", self.now_ms)
        return (await self.works.clicks(click)).text

    def decided(self, *kinds: str) -> list[Decision]:
        """What was decided so far."""
        found = [recorded.decision for recorded in self.works.home.journal.decisions()]
        return [decision for decision in found if decision.kind in kinds]

    async def crisis(self, seed: int) -> Decision:
        """A crisis breaks out; the page that it led to."""
        await self.tell(burst(seed, now_ms=self.now_ms))
        for _ in range(30):
            await self.at(self.now_ms + STEP_MS)
            if found := self.decided("Page"):
                return found[0]
        raise AssertionError("no page within half a minute")


@asynccontextmanager
async def virtual(
    prepared: Path, home: Path, *, place: Place | None = None, clock: list[int] | None = None, **how: str
) -> AsyncIterator[Virtual]:
    """Works on a copy of a prepared directory, and a clock that begins at a whole step after its past, or goes on where
    `clock` stands.
    """
    if not (home / "data").exists():
        copied(prepared, home)
    clock = [] if clock is None else clock
    if not clock:
        clock.append((lively.wall_clock_ms() // STEP_MS + 2) * STEP_MS)
    place = place or Place()
    works = Works(settings_of(configure(home, NOWHERE, **how)), lambda: clock[0], ways={"slack": place})
    try:
        await works.begin()
        yield Virtual(works, place, clock)
    finally:
        await works.end()
