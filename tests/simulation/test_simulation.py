"""Whatever single thing breaks: nothing is lost, no page comes twice, one comes in time, and none after an
acknowledgement. Each run is a seed; a failure names it, and `python -m tests.simulation --seed S/N --verbose` tells it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.delivery.worker import Delivery
from tests.simulation.campaign import Pasts, Total, campaign, prepared, run_one
from tests.simulation.naive import RecordThenSend, SendThenRecord

SEED = 6
SHORT = 240


@pytest.fixture(scope="module")
def pasts() -> Iterator[Pasts]:
    """What every story begins with."""
    with prepared() as found:
        yield found


def kept(total: Total) -> None:
    """Every promise of every run."""
    assert not total.broken, "\n".join(f"--seed {seed} --verbose: {what}" for seed, what in total.broken[:10])


def test_the_same_seed_tells_the_same_story(pasts: Pasts) -> None:
    one, again = run_one(pasts, f"{SEED}/3"), run_one(pasts, f"{SEED}/3")
    assert one.story == again.story
    assert len(one.story) > 4


@pytest.mark.slow
def test_whatever_breaks_the_promises_hold(pasts: Pasts) -> None:
    total = campaign(pasts, SHORT, SEED)
    kept(total)
    assert not total.rare("main"), "a fault that never fired says nothing"
    assert total.pages > SHORT


def naive_runs(pasts: Pasts, delivery: type[Delivery]) -> list[str]:
    """What the simulator says about an order that is not ours."""
    return [what for number in range(60) for what in run_one(pasts, f"{SEED}/{number}", delivery=delivery).broken]


@pytest.mark.slow
def test_sending_before_recording_is_found_to_double(pasts: Pasts) -> None:
    assert [what for what in naive_runs(pasts, SendThenRecord) if what.startswith("I2")]


@pytest.mark.slow
def test_recording_before_sending_is_found_to_lose(pasts: Pasts) -> None:
    assert [what for what in naive_runs(pasts, RecordThenSend) if what.startswith("I3")]


@pytest.mark.slow
def test_over_real_files_the_promises_hold_too(pasts: Pasts) -> None:
    kept(campaign(pasts, 12, SEED + 1, files=True))


@pytest.mark.proof
def test_three_hundred_runs_over_real_files(pasts: Pasts) -> None:
    kept(campaign(pasts, 300, SEED + 2, files=True))


@pytest.mark.proof
def test_a_hundred_thousand_runs(pasts: Pasts, tmp_path: Path) -> None:
    total = campaign(pasts, 100_000, SEED, processes=2)
    kept(total)
    assert not total.rare("main")
