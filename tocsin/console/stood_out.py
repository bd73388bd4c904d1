"""What stood out most: the finding for which somebody was told, as figures for a page to put in words. Pure."""

from typing import Literal, NamedTuple

from alerting.view import IncidentView
from detectors.detector import Signal
from stream.codec import MINUTE_MS

What = Literal["angry", "posts", "conversation", "copies"]


class StoodOut(NamedTuple):
    """The strongest finding about a crowd."""

    what: What
    """Angry people, posts, people in one conversation, or people who post one text."""
    number: int
    usual: int
    """As many as are usual; of a conversation or a text: as would be many."""
    minutes: int
    """Over how long it was counted."""
    by_posts: bool
    """Whether the number of posts stood out at all: where it did not, a chart of posts stays below its threshold."""


def stood_out(view: IncidentView) -> StoodOut | None:
    """What stood out most, as it was when something was found last; nothing where no crowd did, as with a blind source.

    >>> volume = Signal("volume", 610, False, 57, 10, since_ms=0, window_ms=1_800_000)
    >>> anger = Signal("negativity", 900, True, 650, 240, since_ms=0, window_ms=900_000,
    ...                evidence={"people": 13, "usual_angry": 2})
    >>> shown = dict(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> stood_out(IncidentView(signals=(volume, anger), **shown))
    StoodOut(what='angry', number=13, usual=2, minutes=15, by_posts=True)
    >>> stood_out(IncidentView(**shown)) is None
    True
    """
    crowds = [signal for signal in view.signals if signal.kind in ("negativity", "virality", "volume")]
    if not crowds:
        return None
    most = max(crowds, key=lambda signal: signal.score)
    what, number, usual = _counted(most)
    return StoodOut(what, number, usual, max(1, most.window_ms // MINUTE_MS), any(s.kind == "volume" for s in crowds))


def _counted(signal: Signal) -> tuple[What, int, int]:
    if signal.kind == "negativity":
        return "angry", int(signal.evidence.get("people", 0)), int(signal.evidence.get("usual_angry", 0))
    if signal.kind == "virality":
        return "copies" if "cluster" in signal.evidence else "conversation", signal.observed, signal.expected
    return "posts", signal.observed, signal.expected
