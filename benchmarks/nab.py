"""NAB's realTweets, row by row through the counts detector: as shipped, and leaving each brand out in turn.

`python -m benchmarks.nab` needs the five files and the scorer beside the checkout; without them it says so and ends.
Leave-one-out: what the detector knows before it saw a brand (the prior of a day's greatest deviation) is chosen on four
brands and scored on the fifth. The budgets are the user's and are not fitted.
"""

import argparse
import csv
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track

from detectors import volume
from detectors.budget import Budget, Prior
from detectors.counts import CountsDetector
from stream.codec import MINUTE_MS

SHARED = Path(__file__).parents[2] / "shared"
INTERVAL_MS = 5 * MINUTE_MS
MEDIANS = (4_000.0, 4_500.0, 5_000.0, 5_500.0)
SCALES = (800.0, 1_200.0, 1_600.0)
DAYS = (7, 14, 28)
PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")


class Detected(NamedTuple):
    """One brand's rows: time as it stands in the file, score in thousandths, whether it pages."""

    name: str
    rows: list[tuple[str, int, bool]]


class Figures(NamedTuple):
    """What `nab_score.py` says of some brands."""

    standard: float
    low_fp: float
    hit: int
    onset: int
    false_per_week: float
    """False alarms a brand and week, three hours of them counted once."""
    f1: float
    windows: int
    false_rows_per_week: float
    """The same, each row counted."""


class LeftOut(NamedTuple):
    """Every brand as the prior that suits the other four best finds it, and all by the prior that suits all best."""

    chosen: dict[str, Prior]
    found: list[Detected]
    best: Prior
    in_sample: list[Detected]


def present() -> bool:
    """Whether the recordings and the scorer are at hand."""
    return (SHARED / "data" / "nab").is_dir() and (SHARED / "tools" / "nab_score.py").is_file()


def brands() -> list[str]:
    """File names of the brands at hand."""
    return sorted(path.name for path in (SHARED / "data" / "nab").glob("*.csv"))


@contextmanager
def prior(held: Prior | None) -> Iterator[None]:
    """Detectors made within believe this of a brand they have not seen."""
    before = volume.SPIKE_PRIOR
    if held is not None:
        volume.SPIKE_PRIOR = held
    try:
        yield
    finally:
        volume.SPIKE_PRIOR = before


def rows(name: str) -> list[tuple[int, float]]:
    """The series of one file: time in ms since 1970, and the count."""
    return [(ms_of(at), value) for at, value in _lines(name)]


def answers(series: Sequence[tuple[int, float]], budget: Budget | None = None) -> list[tuple[int, bool]]:
    """Score in thousandths and page of each row, by a detector that has seen nothing before them."""
    detector = CountsDetector(INTERVAL_MS, budget or Budget())
    return [detector.row(at_ms, value) for at_ms, value in series]


def detect(name: str, held: Prior | None = None, budget: Budget | None = None) -> Detected:
    """One file, row by row, as `tocsin detect --interval 5m` takes it."""
    with prior(held):
        told = answers(rows(name), budget)
    return Detected(name, [(at, *answer) for (at, _), answer in zip(_lines(name), told, strict=True)])


def ms_of(at: str) -> int:
    """A time as it stands in the files."""
    return round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)


def _lines(name: str) -> list[tuple[str, float]]:
    with (SHARED / "data" / "nab" / name).open(newline="") as file:
        return [(row["timestamp"], float(row["value"])) for row in csv.DictReader(file)]


def figures(found: Sequence[Detected], *, pages: bool = False) -> Figures:
    """Scores of notices, or of the `page` column alone."""
    scorer = _scorer()
    data = SHARED / "data" / "nab"
    with TemporaryDirectory() as folder:
        for one in found:
            with (Path(folder) / f"t_{one.name}").open("w", newline="") as file:
                out = csv.writer(file)
                out.writerow(("timestamp", "anomaly_score"))
                out.writerows((at, int(page) if pages else score / 1000) for at, score, page in one.rows)
        names = [one.name for one in found]
        files = scorer.load(data, data / "combined_windows.json", folder, names, data / "combined_labels.json")
    raw = {p: scorer.normalise(files, scorer.raw_score(files, 0.5, p), p) for p in PROFILES}
    told = scorer.pager(files, 0.5)
    return Figures(
        round(raw["standard"], 1),
        round(raw["reward_low_FP_rate"], 1),
        told["hit"],
        told["onset_hit"],
        round(told["fp_per_brand_week"], 2),
        round(told["f1"], 3),
        told["windows"],
        round(told["fp_rows"] / sum(file["weeks"] for file in files), 2),
    )


def jobs() -> list[tuple[str, Prior]]:
    """All that fitting has to run: each brand under each prior."""
    return [(name, Prior(*knobs)) for knobs in product(MEDIANS, SCALES, DAYS) for name in brands()]


def job(one: tuple[str, Prior]) -> Detected:
    """One of them."""
    return detect(*one)


def chosen(done: Sequence[tuple[tuple[str, Prior], Detected]]) -> LeftOut:
    """Choose each brand's prior by the standard scores of the other four, by their number of windows."""
    found = dict(done)
    grid = list(dict.fromkeys(held for _, held in found))
    names = list(dict.fromkeys(name for name, _ in found))
    worth = {key: figures([one]).standard for key, one in found.items()}
    counts = {name: len(windows(name)) for name in names}

    def best(among: Sequence[str]) -> Prior:
        return max(grid, key=lambda held: sum(worth[name, held] * counts[name] for name in among))

    priors = {name: best([other for other in names if other != name]) for name in names}
    all_in = best(names)
    return LeftOut(
        priors, [found[name, priors[name]] for name in names], all_in, [found[name, all_in] for name in names]
    )


def leave_one_out(workers: int) -> dict[str, Any]:
    """Each brand scored with the prior that suits the other four best; beside it the best prior for all five."""
    todo = jobs()
    with ProcessPoolExecutor(workers) as pool:
        done = list(track(pool.map(job, todo), description="fitting", total=len(todo), console=Console(stderr=True)))
    left = chosen(list(zip(todo, done, strict=True)))
    return {
        "chosen": {name: list(held) for name, held in left.chosen.items()},
        "left_out": figures(left.found)._asdict(),
        "left_out_pages": figures(left.found, pages=True)._asdict(),
        "in_sample": figures(left.in_sample)._asdict(),
        "in_sample_prior": list(left.best),
    }


def shipped() -> dict[str, Any]:
    """As `tocsin detect` does it."""
    found = [detect(name) for name in brands()]
    return {"notices": figures(found)._asdict(), "pages": figures(found, pages=True)._asdict()}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shipped", action="store_true", help="only the shipped configuration, no fitting")
    call = parser.parse_args()
    if not present():
        print("the NAB files are not beside this checkout: nothing to measure", file=sys.stderr)
        return
    result = {"shipped": shipped()} if call.shipped else {"shipped": shipped(), **leave_one_out(call.workers)}
    print(json.dumps(result, indent=1))


def windows(name: str) -> list[tuple[str, str]]:
    """The labelled windows of a brand, as they stand in the file."""
    known = json.loads((SHARED / "data" / "nab" / "combined_windows.json").read_text())
    return next([(since, until) for since, until in spans] for key, spans in known.items() if key.endswith(name))


def _scorer() -> Any:
    spec = importlib.util.spec_from_file_location("nab_score", SHARED / "tools" / "nab_score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
