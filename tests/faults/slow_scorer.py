"""A scorer that takes its time: a model that is too large for the machine."""

import time

from stream.sentiment import VaderScorer


class SlowScorer(VaderScorer):
    """Scores as the shipped one does, and holds up whoever asks for as long as a test says."""

    id = "slow@1"
    pause_s = 0.0
    asked = 0

    def score(self, text: str) -> int:
        """The score, late."""
        time.sleep(SlowScorer.pause_s)
        SlowScorer.asked += 1
        return super().score(text)
