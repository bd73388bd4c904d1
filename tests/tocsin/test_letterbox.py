"""What commands and presses leave for a service is taken in the order in which it was left."""

import os
from pathlib import Path

import pytest

from tocsin.entry import Answer
from tocsin.letterbox import BOX, collect, post, waiting

FIRST = Answer("slack-zzz", "Acme", "acme-1", "acknowledge", "chloe", 1_000)
SECOND = Answer("slack-aaa", "Acme", "acme-1", "acknowledge", "david", 1_001)


@pytest.mark.asyncio
async def test_who_pressed_first_is_taken_first_whatever_the_ids_are(tmp_path: Path) -> None:
    """The core gives an incident to whoever it hears of first."""
    for number, wish in enumerate((FIRST, SECOND)):
        os.utime(post(tmp_path, wish), ns=(number, number))
    post(tmp_path, FIRST)  # Slack sends a press again where it saw no answer
    assert waiting(tmp_path) == [FIRST, SECOND]
    taken: list[bytes] = []

    async def append(body: bytes) -> None:
        taken.append(body)

    assert await collect(tmp_path, append, lambda *_: pytest.fail("both are good"), lambda _: True) == 2
    assert [b"chloe" in body for body in taken] == [True, False]
    assert not list((tmp_path / BOX).iterdir())
