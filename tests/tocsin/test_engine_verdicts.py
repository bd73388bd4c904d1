"""What an incident was, at its end: what the brand's thresholds learn from it follows from that."""

import pytest

from alerting.incident import Incident
from stream.codec import HOUR_MS, MINUTE_MS
from tocsin.engine import CHANCE_LASTS_MS, _verdict


@pytest.mark.parametrize(
    ("acknowledged_by", "owner", "closed_because", "hours", "verdict"),
    [
        ("", "", "calm", 2, "unclaimed"),
        ("", "", "calm", 7, "siege"),
        ("ann", "", "calm", 2, "taken"),
        ("", "bob", "calm", 2, "taken"),
        ("", "", "resolved", 2, "taken"),
        ("ann", "", "calm", 7, "siege"),
        ("", "", "resolved", 7, "siege"),
        ("ann", "bob", "false_alarm", 2, "false_alarm"),
        ("", "", "false_alarm", 7, "false_alarm"),
    ],
)
def test_who_calls_it_a_false_alarm_is_believed_and_what_lasts_is_no_chance_whoever_took_it(
    acknowledged_by: str, owner: str, closed_because: str, hours: int, verdict: str
) -> None:
    """Only what nobody took is a false alarm unsaid, and only while it is no longer than chance is. Its signals say how
    long it was, not the hours of calm or of blindness that it stayed open after them."""
    incident = Incident(id="a-1", brand="a", scenario="backlash", severity="high", opened_ms=HOUR_MS)
    incident.acknowledged_by, incident.owner, incident.closed_because = acknowledged_by, owner, closed_because
    incident.level_ms = (1 + hours) * HOUR_MS
    incident.signal_ms = incident.closed_ms = 20 * HOUR_MS
    assert _verdict(incident) == verdict


def test_chance_lasts_five_hours_at_most() -> None:
    """A minute more is a siege."""
    incident = Incident(id="a-1", brand="a", scenario="backlash", severity="high", opened_ms=HOUR_MS)
    incident.level_ms = HOUR_MS + CHANCE_LASTS_MS
    assert _verdict(incident) == "unclaimed"
    incident.level_ms += MINUTE_MS
    assert _verdict(incident) == "siege"
    assert CHANCE_LASTS_MS == 5 * HOUR_MS


def test_what_a_change_of_mode_cut_off_is_nobodys_false_alarm() -> None:
    """It leaves the brand at once."""
    assert _verdict(None) == "taken"
