"""What the tests of faults share."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.living import SIGNING_SECRET, counted, staffed
from tests.fakes.slack import FakeSlackThread


@pytest.fixture(scope="module")
def before(past: Path) -> Counter[str]:
    """What the journal of the quiet past counts."""
    return counted(past / "data")


@pytest.fixture
def slack() -> Iterator[FakeSlackThread]:
    """A Slack that lives on when the program dies."""
    with FakeSlackThread(signing_secret=SIGNING_SECRET) as fake:
        staffed(fake)
        yield fake
