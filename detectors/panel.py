"""All detectors of one brand, as one."""

from collections.abc import Mapping
from typing import Any, Self

from detectors.budget import Budget, Verdict
from detectors.detector import Detector, Signal, Standing
from detectors.feed import FeedSilence, in_doubt
from detectors.sector import SectorLift
from detectors.sentiment import NegativeShare
from detectors.virality import ViralThread
from detectors.volume import VolumeSurge
from stream.codec import MINUTE_MS
from stream.window import ClosedMinute, Window

NEGATIVITY_MILLI = 500
"""Of the notices: an angry crowd is a crowd, and most of its notices are volume's too."""


class Panel:
    """The detectors that are shipped, asked together and in the order of their kinds.

    >>> panel = Panel.shipped()
    >>> panel.score(Window()), panel.due_ms(Window())
    ([], None)
    >>> Panel.restore(panel.snapshot()).snapshot() == panel.snapshot()
    True
    """

    def __init__(
        self, feed: FeedSilence, negativity: NegativeShare, virality: ViralThread, volume: VolumeSurge
    ) -> None:
        self.feed = feed
        self.negativity = negativity
        self.virality = virality
        self.volume = volume
        self._detectors: tuple[Detector, ...] = (feed, negativity, virality, volume)
        self.budget = Budget()
        self.sector = SectorLift()

    @classmethod
    def shipped(cls, bucket_ms: int = MINUTE_MS) -> Self:
        """A panel that has learnt nothing yet."""
        volume = VolumeSurge(bucket_ms)
        return cls(FeedSilence(), NegativeShare(volume.surge), ViralThread(), volume)

    @property
    def budget(self) -> Budget:
        """What this brand may cost in false alarms: part of its configuration, not of what was learnt."""
        return self._budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._budget = budget
        # Volume wakes nobody by itself: its page threshold only makes a crisis critical, and may cost the whole budget.
        self.volume.budget = budget
        # Whoever allows so many false pages allows as many notices.
        notices = Budget(budget.pages_milli, max(budget.notices_milli, budget.pages_milli)).share(NEGATIVITY_MILLI)
        self.negativity.budget = Budget(budget.pages_milli, notices.notices_milli)

    def allow(self, pages_milli: int, notices_milli: int) -> None:
        """Set the budget where it is another than before: asked at every grid point, and seldom new."""
        if (pages_milli, notices_milli) != (self._budget.pages_milli, self._budget.notices_milli):
            self.budget = Budget(pages_milli, notices_milli)

    def score(self, window: Window) -> list[Signal]:
        """The findings at this grid point, sorted by kind. Never changes the window."""
        found = [detector.score_one(window) for detector in self._detectors]
        return in_doubt([signal for signal in found if signal is not None], window)

    def standings(self, window: Window) -> tuple[Standing, ...]:
        """How far each detector of the brand's own trouble is from a notice, by kind. Changes nothing."""
        return tuple(one.standing(window) for one in (self.negativity, self.virality, self.volume))

    def learn(self, closed: ClosedMinute, *, allowed: bool) -> None:
        """Let every detector learn a minute that left the open ones."""
        for detector in self._detectors:
            detector.learn_one(closed, allowed=allowed)
        self.sector.learn_one(closed, allowed=allowed)

    def judged(self, verdict: Verdict) -> None:
        """The incident under way ended; see `detectors.budget.Extremes`."""
        self.volume.judged(verdict)
        self.negativity.judged(verdict)
        self.virality.judged(verdict)

    def due_ms(self, window: Window) -> int | None:
        """When time alone would change a finding; `None`: never. Later than `window.at_ms`."""
        due = [at_ms for detector in self._detectors if (at_ms := detector.due_ms(window)) is not None]
        return min(due, default=None)

    @property
    def usual_negative_share_milli(self) -> int:
        """The share of negatives among judged posts, as it usually is at this brand."""
        return self.negativity.usual_share_milli

    def expected_per_hour(self, window: Window) -> int:
        """Posts to be expected in the hour that ends now; 0 while nothing is known."""
        return self.volume.expected_per_hour(window.at_ms)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON."""
        return {detector.kind: detector.snapshot() for detector in self._detectors} | {"sector": self.sector.snapshot()}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `snapshot`."""
        volume = VolumeSurge.restore(state["volume"])
        panel = cls(
            FeedSilence.restore(state["feed"]),
            NegativeShare.restore(state["negativity"], volume.surge),
            ViralThread.restore(state["virality"]),
            volume,
        )
        panel.sector = SectorLift.restore(state.get("sector", {}))
        return panel
