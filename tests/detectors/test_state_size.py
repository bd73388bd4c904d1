"""What a brand's state weighs in a snapshot: quiet, and in the midst of a crisis."""

import pytest

from benchmarks.panel import INCIDENT_BYTES, QUIET_BYTES, by_hours, ordinary, with_names
from benchmarks.running import Run, contents_for
from benchmarks.streams import STEP_MS
from stream.codec import DAY_MS, HOUR_MS
from tocsin.planting import Plant, parts_of

START_MS = 20_514 * DAY_MS
CRISIS_MILLI = 20_000


def lived(per_hour: int, hours: int) -> tuple[int, int]:
    """Bytes after quiet hours, and after a crisis of one hour at twenty times the rate that follows them."""
    contents, digest = contents_for("Acme")
    run = Run.begin("Acme", contents, digest, START_MS)
    quiet_ms = START_MS + hours * HOUR_MS
    for since_ms, until_ms in by_hours(START_MS, quiet_ms):
        list(run.feed(ordinary(per_hour, since_ms, until_ms), until_ms))
    quiet = len(run.snapshot())
    crisis = parts_of(Plant("steady", CRISIS_MILLI, 600).posts(quiet_ms, per_hour * 1_000, "crisis"), step_ms=STEP_MS)
    storm = [*ordinary(per_hour, quiet_ms, quiet_ms + HOUR_MS), *crisis]
    list(run.feed(with_names(storm), quiet_ms + HOUR_MS))
    return quiet, len(run.snapshot())


@pytest.mark.parametrize(("per_hour", "hours"), [(2, 30), (30, 30), (60, 30)])
def test_a_state_is_small_when_quiet_and_bearable_in_a_crisis(per_hour: int, hours: int) -> None:
    quiet, incident = lived(per_hour, hours)
    assert quiet <= QUIET_BYTES, f"{quiet} bytes when quiet"
    assert incident <= INCIDENT_BYTES, f"{incident} bytes in a crisis"


@pytest.mark.parametrize(("per_hour", "hours"), [(400, 8), pytest.param(3_000, 2, marks=pytest.mark.slow)])
def test_a_crisis_of_a_large_brand_stays_within_bounds(per_hour: int, hours: int) -> None:
    """Up to sixty thousand posts in the hour."""
    quiet, incident = lived(per_hour, hours)
    assert quiet <= QUIET_BYTES, f"{quiet} bytes when quiet"
    assert incident <= INCIDENT_BYTES, f"{incident} bytes in a crisis"
