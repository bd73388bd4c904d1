"""Every shipped detector obeys every law of `detectors/laws.py`, and the laws catch those that do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.feed import FeedSilence
from detectors.laws import LAWS, clones_are_independent, crisis_is_not_learnt, findings_do_not_foresee, trace
from detectors.sentiment import NegativeShare
from detectors.virality import ViralThread
from detectors.volume import VolumeSurge

SHIPPED = (FeedSilence, NegativeShare, ViralThread, VolumeSurge)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("detector", SHIPPED, ids=lambda d: d.__name__)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_shipped_detector_obeys(law, detector):
    """Each law, for each detector."""
    law(detector)


@pytest.mark.parametrize("detector", [NegativeShare, ViralThread, VolumeSurge], ids=lambda d: d.__name__)
def test_laws_are_run_over_findings(detector):
    """The laws' own stream makes these detectors find something: silence would obey anything."""
    assert any(line != b"null" for line in trace(detector, 3))


class Unguarded(VolumeSurge):
    """Learns the crisis."""

    def learn_one(self, closed, *, allowed):
        closed.pulse.complete = True
        super().learn_one(closed, allowed=True)


class Aliased(VolumeSurge):
    """Hands out its own lists."""

    def snapshot(self):
        state = super().snapshot()
        return {**state, "surge": {**state["surge"], "steps": self.surge._steps}}


class Foreseeing(VolumeSurge):
    """Its first minutes depend on what other instances saw later."""

    seen = 0

    def score_one(self, window):
        type(self).seen += window.total("mentions", 60_000)
        return super().score_one(window) if self.seen < 1000 else trace


@pytest.mark.parametrize(
    ("law", "culprit"),
    [
        (crisis_is_not_learnt, Unguarded),
        (clones_are_independent, Aliased),
        (findings_do_not_foresee, Foreseeing),
    ],
)
def test_law_catches_its_culprit(law, culprit):
    """A detector broken on purpose does not get past the law it breaks."""
    with pytest.raises((AssertionError, TypeError)):
        law(culprit)


def test_findings_do_not_depend_on_the_hash_seed():
    """Another PYTHONHASHSEED gives the same findings to the byte."""
    program = (
        "from stream.codec import digest\n"
        "from detectors.laws import trace\n"
        "from detectors.panel import Panel\n"
        "from tests.detectors.test_laws import SHIPPED\n"
        "print([digest(b''.join(trace(d, 21))) for d in SHIPPED])\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(seen) == 1
