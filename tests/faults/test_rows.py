"""The matrix itself: a fault that did not fire proves nothing, and what a run showed is what the page says."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.table import page

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest
from tests.faults.rows import fired, row

@row("F14")
def test_vain(): pass

@row("F14", "F30")
@pytest.mark.parametrize("times", [1, 2])
def test_true(times): fired(times)

@row("F30")
def test_broken():
    fired()
    assert False

def test_other(): fired()
"""


def test_a_test_whose_fault_never_fired_fails_and_what_fired_is_kept(tmp_path: Path) -> None:
    """A run of its own, with the hooks of ours: counts by row and test, and the page that they make."""
    (tmp_path / "test_some.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"), encoding="utf-8")
    call = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tmp_path)]
    env = os.environ | {"TOCSIN_RESULTS": str(tmp_path / "results"), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(call, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 failed, 3 passed" in ran.stdout, ran.stdout
    assert "shows F14, and its fault never fired" in ran.stdout
    kept = json.loads((tmp_path / "results" / "rows.json").read_text("utf-8"))
    found = {(row, name.partition("::")[2]): test for row, tests in kept.items() for name, test in tests.items()}
    assert found["F14", "test_true"] == {"cases": 2, "fired": 3, "passed": True}
    assert found["F14", "test_vain"] == {"cases": 1, "fired": 0, "passed": False}
    assert found["F30", "test_broken"] == {"cases": 1, "fired": 1, "passed": False}
    assert len(found) == 4
    told = page(tmp_path / "results")
    assert next(line for line in told.splitlines() if line.startswith("| F14 ")).count("**not held**") == 1
    assert "| - | nothing yet |" in told
