"""Work under way is done once at a time, is not forgotten, and says what broke."""

import asyncio

import pytest

from alerting.delivery.crew import Crew


async def test_a_piece_that_is_under_way_is_not_begun_again_and_no_kind_crowds_out_another() -> None:
    """Two of a kind at a time; the same name of another kind is another piece."""
    crew, gate, begun = Crew(2, lambda: None), asyncio.Event(), []

    async def piece() -> int:
        begun.append(1)
        await gate.wait()
        return 1

    assert [crew.start("page", name, piece) for name in ("C1", "C1", "C2", "C3")] == [True, False, True, False]
    assert crew.start("tell", "C1", piece)
    await asyncio.sleep(0)
    assert (len(begun), crew.busy) == (3, True)
    gate.set()
    assert await crew.done() == 3
    assert not crew.busy
    assert crew.start("page", "C1", piece)
    assert await crew.done() == 1


async def test_what_a_piece_raised_is_raised_once_and_the_others_end() -> None:
    """Whoever asks next hears of it."""
    heard: list[int] = []
    crew = Crew(8, lambda: heard.append(1))

    async def breaks() -> int:
        raise OSError("the disk")

    async def works() -> int:
        await asyncio.sleep(0)
        return 1

    crew.start("page", "C1", breaks)
    crew.start("page", "C2", works)
    with pytest.raises(OSError, match="the disk"):
        await crew.done()
    crew.check()
    assert len(heard) == 2


async def test_the_end_waits_for_what_is_under_way_and_then_cancels_it() -> None:
    """Whatever it was doing."""
    crew, ends = Crew(8, lambda: None), []

    async def short() -> int:
        await asyncio.sleep(0.01)
        ends.append("short")
        return 1

    async def long() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            ends.append("cancelled")
        return 1

    crew.start("page", "C1", short)
    crew.start("page", "C2", long)
    await crew.finish(0.1)
    assert ends == ["short", "cancelled"]
    assert not crew.busy
