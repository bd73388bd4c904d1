"""A mutant that fits no more is noticed at once, and what runs them cannot be fooled."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.mutant import ROOT, Mutant, MutantError, all_mutants, read_mutant

MUTANTS = all_mutants()
REPEATS = "stream/repeats.py"
TEST = "tests/stream/test_repeats.py::test_the_second_sighting_is_a_repeat_and_a_retry_is_not"
LINE = "        return offset != first\n"


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_each_mutant_still_fits_and_its_test_is_still_there(mutant: Mutant) -> None:
    compile(mutant.source(), mutant.file, "exec")
    path, _, name = mutant.test.partition("::")
    text = (ROOT / path).read_text("utf-8")
    assert not name or re.search(rf"def {re.escape(name.partition('[')[0])}\(", text), mutant.test
    assert mutant.why.endswith(".")


def test_there_are_mutants_of_the_outbox_the_timers_the_repeats_the_ladder_and_the_lead() -> None:
    folders = {mutant.name.partition("/")[0] for mutant in MUTANTS}
    assert folders == {"outbox", "timers", "dedupe", "escalation", "leading"}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


def tried(folder: Path, replace: str, test: str = TEST) -> subprocess.CompletedProcess[str]:
    """Try one mutant of the table of repeats, in a process in which nothing of ours is imported yet."""
    (folder / "trial").mkdir()
    lines = [
        f'file = "{REPEATS}"',
        'why = "A trial."',
        f"find = {json.dumps(LINE)}",
        f"replace = {json.dumps(replace)}",
    ]
    (folder / "trial" / "one.toml").write_text("\n".join([*lines, f'test = "{test}"']))
    call = [sys.executable, "-m", "tests.mutants", "--folder", str(folder), "--workers", "1"]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replace", "status", "said"),
    [
        ("        return False\n", 0, "1 of 1 killed"),
        ("        return first != offset\n", 1, "it survives"),
        ("        return undefined_name\n", 1, "asserted nothing: call: NameError"),
        ("        return (\n", 1, "no test ran"),
    ],
    ids=["found", "harmless", "broken at run time", "broken as it is read"],
)
def test_only_an_assertion_of_the_predicted_test_kills(tmp_path: Path, replace: str, status: int, said: str) -> None:
    ran = tried(tmp_path, replace)
    assert (ran.returncode, said in ran.stdout) == (status, True), ran.stdout + ran.stderr


@pytest.mark.slow
def test_a_predicted_test_that_fails_without_a_bug_is_told_of(tmp_path: Path) -> None:
    ran = tried(tmp_path, "        return False\n", "tests/stream/test_repeats.py::no_such_test")
    assert (ran.returncode, "without any bug" in ran.stderr) == (2, True), ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file = 3", "wanted are"),
        ("file =", "Invalid"),
        ('file="a"\nwhy="b"\nfind="c"\nreplace="c"\ntest="d"', "changes nothing"),
    ],
)
def test_a_mutants_file_that_is_no_good_is_told_of(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "one.toml"
    path.write_text(text)
    with pytest.raises(MutantError, match=said):
        read_mutant(path)
