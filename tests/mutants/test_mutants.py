"""A mutant that fits no more is noticed at once, and what runs them cannot be fooled."""

import re
from pathlib import Path

import pytest

from tests.mutants.__main__ import Fate, run
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


def test_there_are_mutants_of_the_outbox_the_timers_the_repeats_and_the_ladder() -> None:
    folders = {mutant.name.partition("/")[0] for mutant in MUTANTS}
    assert folders == {"outbox", "timers", "dedupe", "escalation"}
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


def of(replace: str, test: str = TEST) -> Mutant:
    """A mutant of the table of repeats."""
    return Mutant("trial/one", REPEATS, "A trial.", LINE, replace, test)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "killed", "said"),
    [
        (of("        return False\n"), True, ""),
        (of("        return first != offset\n"), False, "survives"),
        (of("        return undefined_name\n"), False, "NameError"),
        (of("        return (\n"), False, "no test ran"),
    ],
    ids=["found", "harmless", "broken at run time", "broken as it is read"],
)
def test_only_an_assertion_of_the_predicted_test_kills(mutant: Mutant, killed: bool, said: str) -> None:
    (fate,) = run([mutant], 1)
    assert fate == Fate("trial/one", killed, fate.said)
    assert said in fate.said


@pytest.mark.slow
def test_a_predicted_test_that_fails_without_a_bug_is_told_of() -> None:
    with pytest.raises(MutantError, match="without any bug"):
        run([of("        return False\n", "tests/stream/test_repeats.py::no_such_test")], 1)


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
