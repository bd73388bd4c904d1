"""A message that was held back before its way was asked says nothing about the way: another process may send it."""

import pytest

from alerting.delivery.answering import Answering
from alerting.delivery.pacing import Pacing
from alerting.delivery.second_way import Trouble
from alerting.delivery.ways import HELD_BACK, Outcome


@pytest.mark.parametrize("why", sorted(HELD_BACK))
def test_nobody_is_told_that_the_way_is_silent_and_its_channel_does_not_rest(why: str) -> None:
    told: list[Trouble] = []
    now = [0]
    answering, pacing = Answering(lambda: now[0], told.append, 30_000), Pacing(1_000)
    held = Outcome("not_sent", retry_ms=1_000, detail=why)
    for at_ms in range(0, 120_000, 1_000):
        now[0] = at_ms
        answering.took("slack", held, at_ms)
        pacing.ended("slack", "C1", held, at_ms)
        answering.look()
    assert told == []
    assert pacing.wait_ms("slack", "C1", now[0]) == 0


def test_a_way_that_does_not_answer_is_told_of_as_before() -> None:
    """Any other word of a failed call is the way's."""
    told: list[Trouble] = []
    answering = Answering(lambda: 40_000, told.append, 30_000)
    answering.took("slack", Outcome("not_sent", detail="ConnectionError"), 0)
    answering.look()
    assert [trouble.became for trouble in told] == ["silent"]
