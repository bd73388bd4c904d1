"""What a detector is: it scores a window, then learns from minutes that closed."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, Self

import msgspec

from stream.window import ClosedMinute, Window

SignalKind = Literal["volume", "negativity", "virality", "feed"]

NOTICE = 500
"""Score (milli-units) from which a signal is worth a notice."""


class Signal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A detector's finding at a grid point. All numbers are integers; shares and scores are milli-units."""

    kind: SignalKind
    score: int
    """0..1000; a notice from 500 on. Comparable between detectors: how far beyond this brand's own past."""
    page: bool
    """True where this finding alone is strong enough to wake somebody, if negativity or risk agree."""
    observed: int
    expected: int
    """What was to be expected, in the unit of `observed`."""
    since_ms: int
    """When it began, as far as the window shows."""
    window_ms: int
    """Over how long it was measured."""
    evidence: dict[str, int | str] = {}
    """Facts for the card: thread key, voices, share before and now, the source that is silent, ..."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How far a detector is from saying something, finding or not: for people and for metrics, never for a decision."""

    kind: SignalKind
    score: int = 0
    """As a signal's: 0..1000, a notice from 500 on, a page from 750."""
    value: int = 0
    """The measure that is held against the thresholds, in thousandths of its own unit."""
    notice: int = 0
    page: int = 0
    span_ms: int = 0
    """Over how long it was measured (0: nothing stood out)."""
    warm: bool = True
    """Whether enough was learnt to say anything."""


class Detector(Protocol):
    """Score first, learn after; and learn only what `allowed` says is ordinary (DESIGN rule 8).

    `detectors/laws.py` holds what every detector must obey: snapshot and restore, independent clones, no aliasing
    of its input, bounded memory, silence while warming up, determinism, prefix invariance.
    """

    kind: ClassVar[SignalKind]

    def score_one(self, window: Window) -> Signal | None:
        """The finding at this grid point, or `None`. Never changes the window. May update the detector's own
        short memory (an episode under way), never its baseline.
        """

    def learn_one(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Learn from a minute that left the open ones. `allowed` is False in an incident, a drill or a planned event;
        an incomplete minute (`closed.pulse.complete` False) is never learnt either.
        """

    def due_ms(self, window: Window) -> int | None:
        """When time alone would change the finding: the engine looks again then. `None`: never."""

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON-able values; doubles as `float.hex`."""

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`: behaves the same from here on."""
