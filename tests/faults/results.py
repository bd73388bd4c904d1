"""What a run of the tests showed, kept for `docs/reliability.md`: hooks for pytest, used by `tests/conftest.py`.

With `TOCSIN_RESULTS` set to a directory, `rows.json` there gets the rows of the fault matrix that the run's tests
showed, and `NAME.json` whatever a test noted under a name. Tests that did not run keep what an earlier run said of
them; one that failed is written down as failed.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import rows

Kept = dict[str, Any]
_NOTED = "noted"


def note(request: pytest.FixtureRequest, name: str, **figures: object) -> None:
    """Keep figures of this test in `NAME.json`."""
    request.node.user_properties.append((_NOTED, [name, figures]))


def shown(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add to a report which rows its test shows; a test that shows a row and fired nothing fails."""
    times = rows.taken()
    if report.when != "call":
        return
    numbers = [number for mark in item.iter_markers("row") for number in mark.args]
    if numbers and report.passed and not times:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: shows {', '.join(numbers)}, and its fault never fired; call fired()"
    if numbers:
        report.user_properties.append(("rows", [numbers, times]))


class Results:
    """Collects reports and writes them at the end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, dict[str, dict[str, Kept]]] = {}
        self._noted: dict[str, list[Kept]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test is over."""
        if report.when != "call":
            return
        test, _, case = report.nodeid.partition("[")
        for kind, value in report.user_properties:
            if kind == _NOTED:
                name, figures = value
                self._noted.setdefault(name, []).append({"passed": report.passed, **figures})
            elif kind == "rows":
                numbers, times = value
                for number in numbers:
                    cases = self._rows.setdefault(number, {}).setdefault(test, {})
                    cases[case.removesuffix("]")] = {"fired": times, "passed": report.passed}

    def pytest_sessionfinish(self) -> None:
        """The run is over: write what it showed."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._rows:
            path = self._directory / "rows.json"
            known: dict[str, dict[str, Kept]] = json.loads(path.read_text("utf-8")) if path.exists() else {}
            for number, tests in self._rows.items():
                known.setdefault(number, {}).update({test: _summed(cases) for test, cases in tests.items()})
            _write(path, known)
        for name, figures in self._noted.items():
            _write(self._directory / f"{name}.json", sorted(figures, key=lambda f: json.dumps(f, sort_keys=True)))


def _summed(cases: dict[str, Kept]) -> Kept:
    return {
        "cases": len(cases),
        "fired": sum(case["fired"] for case in cases.values()),
        "passed": all(case["passed"] for case in cases.values()),
    }


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
