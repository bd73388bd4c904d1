"""Signs of life: doors that answer, sources that run, and parts that did not end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tocsin.signs import Signs, answers


@asynccontextmanager
async def door(said: bytes | None) -> AsyncIterator[str]:
    """Something that listens, and says this to whoever calls; `None`: it takes a call and says nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if said is None:
            await asyncio.sleep(10)
        writer.write(said or b"")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/healthz"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("said", "lives"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True),
        (b"HTTP/1.1 303 See Other\r\n\r\n", True),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", True),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False),
        (b"SSH-2.0-x\r\n", False),
        (b"", False),
        (None, False),
    ],
)
async def test_a_door_lives_as_long_as_it_answers_something_sensible(said: bytes | None, lives: bool) -> None:
    """One that takes calls and hangs does not, nor does one that can only break."""
    async with door(said) as url:
        assert await answers(url, 0.3) is lives


async def test_nothing_that_can_be_asked_raises() -> None:
    async with door(b"") as url:
        pass
    for gone in (url, "http://127.0.0.1", "http://nowhere.invalid:1/", "", "http://[::1]:1/x"):
        assert not await answers(gone, 0.3)


async def test_a_door_that_falls_silent_ages_and_one_that_answers_does_not() -> None:
    now_ms = 0
    signs = Signs(1_000, lambda: now_ms)
    async with door(b"HTTP/1.1 200 OK\r\n\r\n") as good, door(None) as bad:
        signs.doors |= {"good": good, "bad": bad}
        assert signs.ages([]) == (("good", 0), ("bad", 0))
        asking = asyncio.create_task(signs.run())
        await asyncio.sleep(0.5)
        now_ms = 700
        assert signs.ages([]) == (("good", 0), ("bad", 700))
        asking.cancel()


async def test_a_part_that_ended_is_named_however_it_ended() -> None:
    """By itself, or because something cancelled it: nobody else would hear of that."""

    async def short() -> None:
        """Nothing."""

    async def long() -> None:
        await asyncio.sleep(10)

    signs = Signs(60_000)
    signs.tasks = {"done": asyncio.create_task(short()), "lives": asyncio.create_task(long())}
    signs.tasks["cut"] = asyncio.create_task(long())
    signs.tasks["cut"].cancel()
    await asyncio.sleep(0.01)
    assert signs.ended() == ("done", "cut")
    signs.tasks["lives"].cancel()
