"""Whatever single thing breaks: nothing is lost, no page comes twice, one comes in time, and none after an
acknowledgement. Each run is a seed; a failure names it, and `python -m tests.simulation --seed S/N --verbose` tells it.
"""

from collections.abc import Iterator

import pytest

from alerting.delivery.worker import Delivery
from tests.simulation.campaign import Pasts, Total, campaign, prepared, run_one
from tests.simulation.naive import RecordThenSend, SendThenRecord

pytestmark = pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")  # of processes that were killed
SEED = 6
SHORT = 200


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


def found_with(pasts: Pasts, delivery: type[Delivery], promise: str) -> bool:
    """Whether the simulator finds this promise broken by an order of sending that is not ours."""
    return any(
        what.startswith(promise)
        for number in range(100)
        for what in run_one(pasts, f"{SEED}/{number}", delivery=delivery).broken
    )


@pytest.mark.slow
def test_sending_before_recording_is_found_to_double(pasts: Pasts) -> None:
    assert found_with(pasts, SendThenRecord, "I2")


@pytest.mark.slow
def test_recording_before_sending_is_found_to_lose(pasts: Pasts) -> None:
    assert found_with(pasts, RecordThenSend, "I3")


@pytest.mark.slow
def test_what_comes_later_than_the_grace_doubles_as_the_documents_say(pasts: Pasts) -> None:
    total = campaign(pasts, 25, SEED, "residual")
    kept(total)  # among them: every double left after the grace, unseen by Slack's history until then
    assert total.doubles == total.explained > 0


@pytest.mark.slow
def test_over_real_files_the_promises_hold_too(pasts: Pasts) -> None:
    kept(campaign(pasts, 8, SEED + 1, files=True))


@pytest.mark.proof
def test_three_hundred_runs_over_real_files(pasts: Pasts) -> None:
    kept(campaign(pasts, 300, SEED + 2, files=True))


@pytest.mark.proof
def test_a_hundred_thousand_runs(pasts: Pasts) -> None:
    total = campaign(pasts, 100_000, SEED, processes=2, say=print)
    kept(total)
    assert not total.rare("main")


@pytest.mark.proof
def test_five_thousand_runs_above_the_grace(pasts: Pasts) -> None:
    total = campaign(pasts, 5_000, SEED, "residual", processes=2)
    kept(total)
    assert not total.rare("residual")
    assert total.doubles == total.explained > 1_000
