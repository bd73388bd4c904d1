"""An incident lives one life: every legal move works, every other is refused by name."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.facts import SEVERITIES
from alerting.incident import MOVES, IllegalMove, Incident, Status, rank
from stream.codec import canonical, decode

STATUSES: tuple[Status, ...] = get_args(Status)
LEGAL = {(here, there) for here in STATUSES for there in MOVES[here]}


def incident(status: Status = "open") -> Incident:
    return Incident(id="acme-1", brand="acme", scenario="backlash", severity="high", opened_ms=1, status=status)


@pytest.mark.parametrize(("here", "there"), list(product(STATUSES, STATUSES)))
def test_a_move_is_legal_or_raises_and_changes_nothing(here: Status, there: Status) -> None:
    it = incident(here)
    if (here, there) in LEGAL:
        it.move(there)
        assert it.status == there
        return
    with pytest.raises(IllegalMove, match=f"acme-1 is {here}: it can become .*, not {there}"):
        it.move(there)
    assert it.status == here


def test_what_is_reviewed_is_over() -> None:
    assert not MOVES["reviewed"]


def test_only_a_closed_incident_is_reviewed_or_reopened() -> None:
    assert [here for here, there in sorted(LEGAL) if there == "reviewed"] == ["closed"]
    assert [here for here, there in sorted(LEGAL) if there == "open"] == ["closed"]


def test_it_can_be_closed_from_wherever_it_is_open() -> None:
    for status in STATUSES:
        assert incident(status).is_open == (("closed" in MOVES[status]) or status == "open")


def test_it_is_in_somebodys_hands_until_somebody_asks_for_more() -> None:
    assert [s for s in STATUSES if incident(s).is_answered] == ["acknowledged", "contained"]
    it = incident("acknowledged")
    it.called = True
    assert not it.is_answered


@settings(max_examples=50, deadline=None)
@given(moves=st.lists(st.sampled_from(STATUSES), max_size=12))
def test_no_sequence_of_moves_leaves_the_life_cycle_and_a_copy_stands_where_it_stands(moves: list[Status]) -> None:
    it = incident()
    for there in moves:
        before = it.status
        try:
            it.move(there)
        except IllegalMove:
            assert it.status == before
        else:
            assert (before, it.status) in LEGAL
        assert decode(canonical(it), Incident) == it


def test_severities_are_in_order() -> None:
    assert [rank(severity) for severity in SEVERITIES] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="not in tuple"):
        rank("enormous")
