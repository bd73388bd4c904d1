"""Whether two editions of the code decide the same: `python -m benchmarks.same`, in each of them.

Brands of several sizes live through quiet days and three crises, and two recordings are replayed where they are at
hand. Printed is a hash of all that came of it so far: of every signal of every look, of what stands below a notice now
and then, and of the whole state at the end. A change that is to change nothing, such as one for speed, leaves them as
they are; so does `make compiled ARGS=benchmarks.same`.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence

import msgspec

from benchmarks.panel import START_MS, by_hours, ordinary, with_names
from benchmarks.running import Run, Score, contents_for, each_look
from benchmarks.streams import STEP_MS, streams
from detectors.detector import Signal
from detectors.panel import Panel
from stream.codec import DAY_MS, HOUR_MS
from stream.window import Window
from tocsin.edition import edition
from tocsin.planting import Plant, parts_of

SIZES = ((2, 6), (30, 5), (400, 3), (3_000, 1))
"""Posts an hour, and for how many days the brand is listened to."""
CRISES = (Plant("steady", 20_000, 600), Plant("burst", 5_000, 400), Plant("slow", 60_000, 300))
APART_MS = 4 * HOUR_MS
RECORDED = ("united", "spotify")
STANDING_EVERY = 50


class Hashed:
    """Hashes what every panel says."""

    def __init__(self) -> None:
        self.looks = self.findings = 0
        self._hash = hashlib.sha256()
        self._encode = msgspec.json.Encoder().encode

    def look(self, score: Score, panel: Panel, window: Window) -> list[Signal]:
        """One look, for `each_look`."""
        found = score(panel, window)
        self.looks += 1
        self.findings += bool(found)
        self._hash.update(self._encode(found))
        if self.looks % STANDING_EVERY == 0:
            self._hash.update(self._encode(panel.standings(window)))
        return found

    def end(self, name: str, run: Run) -> str:
        """Hash the state as well, and say what came of all so far."""
        self._hash.update(run.snapshot())
        return f"{name:>14} {self.looks:>8,} looks {self.findings:>7,} with a finding  {self._hash.hexdigest()[:16]}"


def made_up(per_hour: int, days: int) -> Run:
    """A brand's quiet days, and three crises four hours apart."""
    contents, digest = contents_for("Acme")
    run = Run.begin("Acme", contents, digest, START_MS)
    begins_ms = START_MS + days * DAY_MS + 3 * HOUR_MS
    for since_ms, until_ms in by_hours(START_MS, begins_ms):
        run.live(ordinary(per_hour, since_ms, until_ms), until_ms)
    for number, plant in enumerate(CRISES):
        at_ms = begins_ms + number * APART_MS
        crisis = plant.posts(at_ms, per_hour * 1_000, f"c{number}")
        storm = with_names([*ordinary(per_hour, at_ms, at_ms + HOUR_MS), *parts_of(crisis, step_ms=STEP_MS)])
        run.live(storm, at_ms + HOUR_MS)
        for since_ms, until_ms in by_hours(at_ms + HOUR_MS, at_ms + APART_MS):
            run.live(ordinary(per_hour, since_ms, until_ms), until_ms)
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=3_000, help="leave out brands with more posts an hour")
    call = parser.parse_args(arguments)
    print(f"detectors: {edition()}")
    hashed = Hashed()
    with each_look(hashed.look):
        for per_hour, days in SIZES:
            if per_hour <= call.most:
                print(hashed.end(f"{per_hour} an hour", made_up(per_hour, days)), flush=True)
        for stream in streams(list(RECORDED)):
            contents, digest = contents_for(stream.brand)
            run = Run.begin(stream.brand, contents, digest, stream.days[0] * DAY_MS)
            for since_ms, until_ms in by_hours(stream.days[0] * DAY_MS, (stream.days[-1] + 1) * DAY_MS):
                run.live(stream.hour(since_ms), until_ms)
            print(hashed.end(stream.name, run), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
