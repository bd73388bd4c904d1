"""The back-test that anyone can rerun: `make backtest` writes docs/backtests/<date>.md and its pictures.

Reads the recordings beside the checkout (`../shared/data`) and skips, plainly, what is absent. Nothing but the date and
the speed differs from run to run. Ends with 1 where a bar is missed, 2 where there is nothing to run.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress

from benchmarks import backtest_page, nab, recorded
from benchmarks.curves import Curves, probe
from benchmarks.plots import picture
from detectors.budget import Budget

ROOT = Path(__file__).parent.parent
OUT = ROOT / "docs" / "backtests"
LOOK_SECONDS = 0.3
_done: "SynchronizedArray[float] | None" = None
"""How far each replay is, 0 to 1: shared with the processes that run them."""


class Counted(NamedTuple):
    """NAB's brands as shipped, with what the detector read, and with each of them left out."""

    shipped: list[nab.Detected]
    curves: list[Curves]
    left: nab.LeftOut


class Outcome(NamedTuple):
    """All that was run; `None` and absent keys: the recordings were not at hand."""

    counted: Counted | None
    seen: dict[str, recorded.Seen]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what can be run and write the page; 1 where a bar is missed, 2 where nothing is at hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes; default 2")
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="default today")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder of the page; default docs/backtests")
    parser.add_argument("--only", nargs="*", choices=["nab", *(one.key for one in recorded.RECORDINGS)])
    call = parser.parse_args(arguments)
    outcome = run(call.workers, call.only)
    if outcome.counted is None and not outcome.seen:
        print("skipped, nothing written: none of the recordings lies beside this checkout", file=sys.stderr)
        return 2
    verdicts = backtest_page.verdicts(outcome)
    write(outcome, verdicts, call.out, call.date.isoformat())
    for one in verdicts:
        print(f"{'met' if one.met else 'MISSED':<7} {one.words}: {one.because}")
    print(f"{call.out / call.date.isoformat()}.md: written, {outcome.seconds:.0f} s")
    return 0 if all(one.met for one in verdicts) else 1


def run(workers: int = 2, only: Sequence[str] | None = None) -> Outcome:
    """Everything that is at hand, or those of the names in `only`."""
    began = time.monotonic()
    texts = [one for one in recorded.present() if only is None or one.key in only]
    texts.sort(key=lambda one: -one.path.stat().st_size)  # the longest first: none is left to run alone at the end
    with_nab = nab.present() and (only is None or "nab" in only)
    fits = nab.jobs() if with_nab else []
    shared = multiprocessing.Array("d", len(texts))
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("fork"), initializer=_join_in, initargs=(shared,)
    )
    with pool, Progress(console=Console(stderr=True)) as bars:
        replays = [pool.submit(_replay, place, one.key) for place, one in enumerate(texts)]
        shipped = [pool.submit(_shipped, name) for name in nab.brands()] if with_nab else []
        fitted = [pool.submit(nab.job, one) for one in fits]
        _watch(bars, [one.key for one in texts], shared, [*shipped, *fitted], replays)
        seen = {one.key: future.result() for one, future in zip(texts, replays, strict=True)}
        counted = None
        if with_nab:
            found = [future.result() for future in shipped]
            left = nab.chosen(list(zip(fits, [future.result() for future in fitted], strict=True)))
            counted = Counted([one for one, _ in found], [curves for _, curves in found], left)
    order = [one.key for one in recorded.RECORDINGS if one.key in seen]
    return Outcome(counted, {key: seen[key] for key in order}, time.monotonic() - began)


def write(outcome: Outcome, verdicts: Sequence[recorded.Verdict], folder: Path, day: str) -> None:
    """The page, and its pictures in a folder of the same name."""
    pictures = folder / day
    pictures.mkdir(parents=True, exist_ok=True)
    for name, (title, strips) in backtest_page.pictures(outcome).items():
        (pictures / f"{name}.svg").write_text(picture(title, strips), encoding="utf-8")
    (folder / f"{day}.md").write_text(backtest_page.page(outcome, verdicts, day), encoding="utf-8")


def _watch(
    bars: Progress,
    keys: Sequence[str],
    shared: "SynchronizedArray[float]",
    counts: Sequence[Future[Any]],
    replays: Sequence[Future[recorded.Seen]],
) -> None:
    """Show how far everything is until it is done; what failed raises here."""
    tasks = [bars.add_task(f"replaying {key}", total=1.0) for key in keys]
    counting = bars.add_task("counts", total=len(counts)) if counts else None
    waiting: list[Future[Any]] = [*replays, *counts]
    while True:
        for place, task in enumerate(tasks):
            bars.update(task, completed=1.0 if replays[place].done() else shared[place])
        if counting is not None:
            bars.update(counting, completed=sum(future.done() for future in counts))
        for future in waiting:
            if future.done():
                future.result()
        waiting = [future for future in waiting if not future.done()]
        if not waiting:
            return
        time.sleep(LOOK_SECONDS)


def _join_in(shared: "SynchronizedArray[float]") -> None:
    global _done  # noqa: PLW0603 - a process of the pool is told once where to write
    _done = shared


def _replay(place: int, key: str) -> recorded.Seen:
    def progress(done: int, total: int) -> None:
        if _done is not None:
            _done[place] = done / max(1, total)

    return recorded.run(recorded.recorded(key), progress)


def _shipped(name: str) -> tuple[nab.Detected, Curves]:
    with probe(Budget()) as curves:
        return nab.detect(name), curves


if __name__ == "__main__":
    sys.exit(main())
