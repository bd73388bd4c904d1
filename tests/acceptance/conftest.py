"""What the tests of the whole service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.journal import open_existing, verify


@pytest.fixture
def verified(tmp_path: Path) -> Iterator[Path]:
    """The test's directory; whatever happened in it, its journal replays to itself."""
    yield tmp_path
    verdict = verify(open_existing(tmp_path / "data" / "journal.db"))
    assert verdict.ok, verdict.difference
