"""What a source brings by itself, without a log behind it: for the tests of one source."""

import asyncio
from typing import Any

import msgspec

from stream.sources.contract import BadPayload, Batch, Denied, Gap, Source, Surroundings, Trouble
from tests.sources.laws import Tracked
from tests.sources.virtual import now_ms


class Purse:
    """What was spent and is in no batch."""

    def __init__(self) -> None:
        self.noted: dict[str, int] = {}

    def spent(self, unit: str, *, since_ms: int) -> int:
        """All of it."""
        return self.noted.get(unit, 0)

    def spend(self, unit: str, amount: int) -> None:
        """Note it."""
        self.noted[unit] = self.noted.get(unit, 0) + amount


class Heard:
    """What was heard, and the place after it. `listen` goes on where it ended."""

    def __init__(self, source: Source, place: str | None = None) -> None:
        self.source = source
        self.place = place
        self.rows: list[dict[str, Any]] = []
        self.gaps: list[Gap] = []
        self.bad: list[BadPayload] = []
        self.troubles: list[Trouble | Denied] = []
        self.batches = 0
        self.known_until_ms: int | None = None
        self.costs = 0
        """Requests."""

    async def listen(self, seconds: float) -> list[dict[str, Any]]:
        """Listen for so long; the rows that came meanwhile. After a trouble it is called anew, as it asks for."""
        before = len(self.rows)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._until_trouble()
        except TimeoutError:
            return self.rows[before:]

    async def _until_trouble(self) -> None:
        batches = self.source.batches(self.place)
        try:
            async for batch in batches:
                self.batches += 1
                self.rows += [msgspec.json.decode(row) for row in batch.rows]
                self.gaps += batch.gaps
                self.bad += batch.bad
                self.place = batch.place or self.place
                self.known_until_ms = batch.known_until_ms
                self.costs += batch.costs.get("requests", 0)
        except (Trouble, Denied) as trouble:
            self.troubles.append(trouble)
            retry_s = getattr(trouble, "retry_s", None)
            await asyncio.sleep(600 if isinstance(trouble, Denied) else 1 if retry_s is None else retry_s)
        finally:
            await batches.aclose()  # type: ignore[attr-defined]

    def ids(self, kind: str = "create") -> list[str]:
        """The ids of one kind, in their order."""
        return [row["id"] for row in self.rows if row.get("kind", "create") == kind]


def surroundings() -> Surroundings:
    """A world in virtual time."""
    return Surroundings(now_ms, Purse(), Tracked())


class Bench:
    """A source over a platform, made anew each time that it is heard: as a new process would."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.place: str | None = None

    def source(self) -> Source:
        """The source of a new process."""
        raise NotImplementedError

    async def hear(self, seconds: float, source: Source | None = None) -> Trouble | Denied | None:
        """Take batches for so long; what it ended by, if it did."""
        batches = (source or self.source()).batches(self.place)
        try:
            async with asyncio.timeout(seconds):
                async for batch in batches:
                    self.batches.append(batch)
                    self.place = batch.place or self.place
                    self.took(batch)
        except TimeoutError:
            return None
        except (Trouble, Denied) as why:
            return why
        finally:
            await batches.aclose()  # type: ignore[attr-defined]
        return None

    def took(self, batch: Batch) -> None:
        """Whoever counts what it cost."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows that came."""
        return [msgspec.json.decode(row) for batch in self.batches for row in batch.rows]

    @property
    def gaps(self) -> list[Gap]:
        """All gaps that it told of."""
        return [gap for batch in self.batches for gap in batch.gaps]
