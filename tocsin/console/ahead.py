"""What the next hour may bring, and how often chance brings as much: figures for a page to put in words. Pure."""

import msgspec

from alerting.view import IncidentView


class Forecast(msgspec.Struct, frozen=True):
    """How much more of what spreads the next hour may bring."""

    count: int
    low: int
    high: int
    copies: bool
    """Copies of one text, rather than posts in one conversation."""


def forecast(view: IncidentView) -> Forecast | None:
    """The next hour; nothing where nothing spreads, or it is over.

    >>> from detectors.detector import Signal
    >>> ahead = {"next_hour": 40, "next_hour_low": 18, "next_hour_high": 95}
    >>> thread = Signal("virality", 900, True, 30, 8, since_ms=0, window_ms=3_600_000, evidence=ahead)
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> forecast(IncidentView(signals=(thread,), **shown))
    Forecast(count=40, low=18, high=95, copies=False)
    """
    spreading = next((s for s in view.signals if "next_hour" in s.evidence), None)
    if spreading is None or view.over:
        return None
    count, low, high = (int(spreading.evidence.get(f"next_hour{end}", 0)) for end in ("", "_low", "_high"))
    return Forecast(count, low, high, "cluster" in spreading.evidence)


def chance(chance_milli: int) -> tuple[str, int] | None:
    """How often a score like this comes without a crisis, from days a month in thousandths: which words, and the
    number in them; nothing where it is not known.

    >>> [chance(milli) for milli in (2_500, 333, 40, 1, 1_000, 0)]
    [('often', 3), ('months', 3), ('years', 2), ('never', 0), ('month', 1), None]
    """
    if chance_milli <= 0:
        return None
    if chance_milli >= 1_500:
        return "often", (chance_milli + 500) // 1_000
    months = (1_000 + chance_milli // 2) // chance_milli
    if months > 120:
        return "never", 0
    if months >= 24:
        return "years", (months + 6) // 12
    return ("month", 1) if months == 1 else ("months", months)
