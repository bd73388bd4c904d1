"""`kill -9` while a source is listened to, on both sides of the writes that it leads to: a real socket, a real disk."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.living import Process, counted
from tests.fakes.sources.hackernews import FakeHackerNews
from tests.fakes.sources.served import served
from tests.faults.rows import fired, row
from tests.tocsin.test_listening import CONFIG
from tocsin.embedded import wall_clock_ms

POSTS = 230
"""Three pages of the search."""


async def until(done: Callable[[], bool], within_s: float) -> None:
    """Wait for something that happens soon."""
    end_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end_s, "it did not happen"
        await asyncio.sleep(0.05)


@row("F1", "F2")
@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["places.keep.before:1", "places.keep.before:3", "places.keep.after:3", "places.report.before:1"]
)
async def test_killed_between_the_rows_of_a_source_and_its_place_each_post_counts_once(
    tmp_path: Path, point: str
) -> None:
    """Whatever was brought and not noted is brought again; the second start is killed too, the third goes on."""
    platform = FakeHackerNews(wall_clock_ms, random.Random(1))
    for number in range(POSTS):
        platform.post(f"Acme is down, says number {number}")
    async with served(platform) as address:
        config = tmp_path / "tocsin.yaml"
        text = CONFIG.format(address=address).replace("OTHER", "SOCIAL_SECRET")
        config.write_text(text, encoding="utf-8")
        for _ in range(2):
            dying = Process(config, crash_at=point)
            try:
                await until(lambda dying=dying: dying.status is not None, 40)  # type: ignore[misc]
                assert dying.status == -signal.SIGKILL, dying.said[-2_000:]
            finally:
                dying.kill()
        living = Process(config)
        try:
            await until(lambda: bool(living.base_url), 40)
            asked = platform.asked
            await until(lambda: platform.asked >= asked + 1 and _all(tmp_path), 40)
        finally:
            assert living.terminate() == 0, living.said[-2_000:]
    assert counted(tmp_path / "data")["mentions"] == POSTS
    fired(2)


def _all(home: Path) -> bool:
    try:
        return counted(home / "data")["mentions"] >= POSTS
    except Exception:
        return False  # it is being written
