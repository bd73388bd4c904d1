"""How good the forecast of a conversation's next hour is, on made-up cascades of several kinds.

    python -m benchmarks.forecast [--seeds 200] [--json]

Each cascade is replayed: every ten minutes, from its 15th minute until two hours after its peak, the hour ahead is
forecast from what was known, and compared with what came. Beside it stands the naive forecast: as many as in the last
hour. Exit code 1 when the interval of 80 % holds fewer than 70 % or more than 90 % of the hours, or the naive forecast
has the smaller median error.
"""

import argparse
import json
import math
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from detectors.growth import Forecast, forecast
from stream.codec import MINUTE_MS, parse_rfc3339
from tocsin.synthetic import START_MS, cascade

EVERY_MINUTES = 10
FIRST_MINUTES = 15
AFTER_PEAK_MINUTES = 120

KINDS: dict[str, dict[str, Any]] = {
    "quick": {"posts": 150, "doubling_minutes": 6, "fall_minutes": 25},
    "usual": {"posts": 200, "doubling_minutes": 8},
    "every ten minutes": {"posts": 250, "doubling_minutes": 10, "fall_minutes": 60},
    "large": {"posts": 2_000, "doubling_minutes": 12, "fall_minutes": 90},
    "slow": {"posts": 300, "doubling_minutes": 25, "fall_minutes": 120},
    "long tail": {"posts": 400, "doubling_minutes": 9, "fall_minutes": 240},
    "steady": {"posts": 240, "doubling_minutes": 240, "rise_minutes": 240.0, "fall_minutes": 60},
    "small": {"posts": 40, "doubling_minutes": 15, "fall_minutes": 40},
}


@dataclass
class Score:
    """What was forecast against what came."""

    inside: int = 0
    errors: list[float] = field(default_factory=list)
    naive: list[float] = field(default_factory=list)

    def take(self, said: Forecast, came: int) -> None:
        """Compare one hour. An error is how far the logarithms are apart: half and double are equally wrong."""
        self.inside += said.low <= came <= said.high
        self.errors.append(_apart(said.next_hour, came))
        self.naive.append(_apart(said.last_hour, came))

    @property
    def coverage(self) -> float:
        """Share of the hours within the interval."""
        return self.inside / max(1, len(self.errors))

    def as_dict(self) -> dict[str, Any]:
        """Figures for a reader."""
        return {
            "hours": len(self.errors),
            "coverage": round(self.coverage, 3),
            "median_error": round(statistics.median(self.errors), 3),
            "naive_median_error": round(statistics.median(self.naive), 3),
        }


def hours(kind: str, seed: int) -> Iterator[tuple[Forecast, int]]:
    """Each forecast of one cascade, and what came in the hour after it."""
    shape = KINDS[kind]
    rows = list(cascade(seed, start_ms=START_MS, **shape))
    times = sorted(parse_rfc3339(row["created_at"]) for row in rows)
    rise = shape.get("rise_minutes", shape["doubling_minutes"] * math.log2(max(shape["posts"], 2)))
    for minutes in range(FIRST_MINUTES, int(rise) + AFTER_PEAK_MINUTES, EVERY_MINUTES):
        at_ms = START_MS + minutes * MINUTE_MS
        known = Counter(t - t % MINUTE_MS for t in times if t < at_ms)
        said = forecast(known, START_MS, at_ms)
        if said is not None:
            yield said, sum(at_ms <= t < at_ms + 60 * MINUTE_MS for t in times)


def score(seeds: range) -> dict[str, Score]:
    """Every kind, and all of them under `all`."""
    scores: dict[str, Score] = {kind: Score() for kind in (*KINDS, "all")}
    for kind in KINDS:
        for seed in seeds:
            for said, came in hours(kind, seed):
                scores[kind].take(said, came)
                scores["all"].take(said, came)
    return scores


def holds(total: Score) -> bool:
    """Whether the interval is honest and the forecast better than none."""
    return 0.70 <= total.coverage <= 0.90 and statistics.median(total.errors) < statistics.median(total.naive)


def _apart(said: int, came: int) -> float:
    return abs(math.log((said + 1) / (came + 1)))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Score the forecast of a conversation's next hour.")
    parser.add_argument("--seeds", type=int, default=100, help="cascades of each kind (default: 100)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    scores = score(range(1_000, 1_000 + options.seeds))
    table = {kind: one.as_dict() for kind, one in scores.items()}
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        print(f"{'kind':<20}{'hours':>8}{'coverage':>10}{'error':>8}{'naive':>8}")
        for kind, row in table.items():
            figures = f"{row['coverage']:>10.2f}{row['median_error']:>8.2f}{row['naive_median_error']:>8.2f}"
            print(f"{kind:<20}{row['hours']:>8}{figures}")
    return 0 if holds(scores["all"]) else 1


if __name__ == "__main__":
    sys.exit(main())
