"""The laws of sources find what they are there for: each of these sources is wrong in one way, and is caught."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from stream.sources import hackernews
from stream.sources.contract import Batch, Sample, Trouble
from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.web import Web
from tests.fakes.sources.hackernews import NAME, HackerNewsStage
from tests.sources import test_laws as laws
from tests.sources.laws import Case

SECRET = "a-secret-that-nobody-may-see"


class Hasty(HackerNews):
    """Names the place before it brings what leads there."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        held: list[Batch] = []
        async for batch in super().batches(place):
            if batch.place is None:
                held.append(batch)
                continue
            yield Batch(place=f'{{"newest_s":{self._ahead()},"asked_ms":{self._around.clock()}}}')
            for one in held:
                yield one
            held = []
            yield batch

    def _ahead(self) -> int:
        return self._around.clock() // 1000 + hackernews.OVERLAP_S


class Renaming(HackerNews):
    """Gives what comes again another name."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        mark = str(self._around.clock() % 10_000).encode()
        async for batch in super().batches(place):
            yield batch._replace(rows=[row.replace(b'{"id":"', b'{"id":"' + mark) for row in batch.rows])


class Greedy(HackerNews):
    """Asks on while nobody takes what it has."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        waiting: asyncio.Queue[Batch] = asyncio.Queue()
        inner = super().batches(place)

        async def read() -> None:
            async for batch in inner:
                waiting.put_nowait(batch)

        reading = asyncio.create_task(read())
        try:
            while True:
                yield await waiting.get()
        finally:
            reading.cancel()


class Cheerful(HackerNews):
    """Says that all is well while it hears nothing."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        inner = super().batches(place)
        asked: asyncio.Task[Batch] | None = None
        while True:
            asked = asked or asyncio.create_task(anext(inner))  # type: ignore[arg-type]
            await asyncio.wait([asked], timeout=30)
            if asked.done():
                found, asked = asked, None
                yield found.result()
            else:
                yield Batch()


class Fragile(HackerNews):
    """Falls over what it cannot read."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        async for batch in super().batches(place):
            if batch.bad:
                raise Trouble("what is this")
            yield batch


class Talkative(HackerNews):
    """Tells its secret when it fails."""

    async def check(self) -> Sample:
        raise Trouble(f"refused with {SECRET}")


class Stubborn(HackerNews):
    """Does not end when it is told to."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        try:
            async for batch in super().batches(place):
                yield batch
        finally:
            await asyncio.shield(asyncio.sleep(60))


def case_of(kind: type[HackerNews]) -> Case:
    """The stage of Hacker News with another source."""

    class Stage(HackerNewsStage):
        def source(self) -> HackerNews:
            web = Web(transport=self.platform)
            return kind(NAME, HackerNewsOptions(("acme",)), web=web, around=self._world.around)

    return Case(NAME, "full", Stage, secrets=(SECRET,))


def hour(case: Case) -> None:
    """The first of the laws."""
    laws.test_after_an_hour_of_misbehaviour_the_log_holds_what_was_said(case, 1)


BITES: list[tuple[type[HackerNews], Callable[[Case], Any]]] = [
    (Hasty, laws.test_killed_again_and_again_a_new_process_goes_on_from_what_is_kept),
    (Renaming, hour),
    (Greedy, laws.test_while_the_log_takes_nothing_the_source_is_not_asked),
    (Cheerful, laws.test_a_stall_is_silence_within_the_declared_time_since_the_last_batch),
    (Fragile, laws.test_what_nobody_can_read_is_counted_and_buried_and_the_rest_goes_on),
    (Stubborn, hour),
]


@pytest.mark.parametrize(("kind", "law"), BITES, ids=lambda one: one.__name__)
def test_a_source_that_is_wrong_breaks_a_law(kind: type[HackerNews], law: Callable[[Case], None]) -> None:
    """Each by the law that is about it."""
    with pytest.raises(AssertionError):
        law(case_of(kind))


def test_a_source_that_looks_too_little_back_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found late is lost to it."""
    monkeypatch.setattr(hackernews, "OVERLAP_S", 0)
    with pytest.raises(AssertionError, match="lost: create hn:"):
        hour(case_of(HackerNews))


def test_a_secret_that_is_told_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """In the words of a trouble, for one."""
    with pytest.raises(AssertionError):
        laws.test_no_secret_is_seen_anywhere(case_of(Talkative), caplog)


def test_the_source_itself_breaks_none(caplog: pytest.LogCaptureFixture) -> None:
    """Else the others would show nothing."""
    hour(case_of(HackerNews))
    laws.test_no_secret_is_seen_anywhere(case_of(HackerNews), caplog)
