"""What an incident was, at its end: what the brand's thresholds learn from it follows from that."""

import pytest

from alerting.incident import Incident
from stream.codec import HOUR_MS
from tocsin.engine import CHANCE_LASTS_MS, _verdict


@pytest.mark.parametrize(
    ("acknowledged_by", "owner", "closed_because", "hours", "verdict"),
    [
        ("", "", "calm", 2, "unclaimed"),
        ("", "", "calm", 7, "siege"),
        ("ann", "", "calm", 2, "taken"),
        ("ann", "", "calm", 7, "taken"),
        ("", "bob", "calm", 7, "taken"),
        ("", "", "resolved", 7, "taken"),
        ("ann", "bob", "false_alarm", 2, "false_alarm"),
        ("", "", "false_alarm", 7, "false_alarm"),
    ],
)
def test_what_somebody_took_or_said_counts_before_how_long_it_went_on(
    acknowledged_by: str, owner: str, closed_because: str, hours: int, verdict: str
) -> None:
    """Only what nobody took is a false alarm, and only while it is no longer than chance is."""
    incident = Incident(id="a-1", brand="a", scenario="backlash", severity="high", opened_ms=HOUR_MS)
    incident.acknowledged_by, incident.owner, incident.closed_because = acknowledged_by, owner, closed_because
    assert _verdict(incident, (1 + hours) * HOUR_MS) == verdict
    assert 2 * HOUR_MS < CHANCE_LASTS_MS < 7 * HOUR_MS


def test_what_a_change_of_mode_cut_off_is_nobodys_false_alarm() -> None:
    """It leaves the brand at once."""
    assert _verdict(None, HOUR_MS) == "taken"
