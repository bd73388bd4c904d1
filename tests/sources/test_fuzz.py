"""Malformed payloads over every parser of every source; and that what is held against them would be noticed."""

import random
from pathlib import Path

import pytest

from stream.sources.contract import BadPayload
from tests.sources.cases import CASES
from tests.sources.fuzz import GROWTH_BYTES, all_fuzzed, figures, fuzzed, main
from tests.sources.fuzz_parsers import Outcome, Parser, parsers
from tests.sources.fuzz_payloads import MARK, SAID
from tests.sources.mutations import Mutator

GOOD = (b'{"id": 7, "text": "hi"}',)
RESULTS = Path(__file__).parent.parent.parent / "docs" / "results" / "fuzz-sources.json"


@pytest.mark.slow
def test_malformed_payloads_are_counted_and_nothing_else_happens() -> None:
    """The short edition: every parser, 20,000 payloads in all."""
    results = all_fuzzed(20_000, seed=3)
    assert [problem for result in results for problem in result.problems] == []
    told = figures(results, 3)
    assert told["payloads"] >= 20_000
    print(f"{told['payloads']} payloads, {told['failures']} failures, {told['cpu_s']} s")


@pytest.mark.proof
def test_a_million_malformed_payloads() -> None:
    """The full figure; what was found is written down where every promise holds."""
    assert main(["--payloads", "1000000", "--seed", "1", "--write", str(RESULTS)]) == 0


def test_every_source_has_a_parser_here_and_each_reads_its_true_shapes() -> None:
    """A source that is added must be fuzzed too; and a payload that nobody spoilt gives rows."""
    known = parsers()
    named = {"hn": "hackernews", "fedi": "mastodon", "bw": "brandwatch", "tw": "talkwalker"} | {
        "drop": "files",
        "press": "feeds",
        "world": "gdelt",
        "apps": "apple",
        "tube": "youtube",
    }
    for case in CASES:
        kind = named.get(case.name, case.name)
        assert any(parser.name.startswith(kind) for parser in known), case.name
    for parser in known:
        assert fuzzed(parser, 2, seed=1).failures == []
        rows = [row for payload in parser.payloads for row in parser.judge(payload).rows]
        assert rows or parser.name in {"bluesky public", "youtube refusals"}, parser.name


def _problems(judge: object, quotes: bool = False) -> str:
    parser = Parser("made-up", GOOD, judge, 1, quotes)  # type: ignore[arg-type]
    return " ".join(fuzzed(parser, 60, seed=1).problems)


def test_what_breaks_a_promise_is_found() -> None:
    """A parser that raises, that loses, whose words hold a post or have no end, that keeps what it saw."""
    kept: list[bytes] = []

    def raising(payload: bytes) -> Outcome:
        if payload in GOOD:
            return Outcome(others=1)
        raise TypeError("unhashable")

    def keeping(payload: bytes) -> Outcome:
        kept.append(b"x" * (GROWTH_BYTES // 10))
        return Outcome(others=1)

    def told(detail: str) -> object:
        return lambda payload: Outcome(bad=[BadPayload("bad", detail, b"")] * (payload not in GOOD), others=1)

    assert "TypeError: unhashable" in _problems(raising)
    assert "Lost" in _problems(lambda payload: Outcome(others=int(payload in GOOD)))
    assert "holds a post's text" in _problems(told(SAID))
    assert MARK in SAID[40:]
    assert MARK not in SAID[:41]
    assert _problems(told(SAID), quotes=True) == ""
    assert "a line for a human of 5000" in _problems(told("x" * 5_000))
    assert "MiB more than before" in _problems(keeping)


def test_the_same_seed_gives_the_same_payloads_and_most_of_them_are_malformed() -> None:
    """What was found can be found again."""
    one, same, other = (Mutator(GOOD, random.Random(seed)) for seed in (1, 1, 2))
    told = [one() for _ in range(200)]
    assert told == [same() for _ in range(200)]
    assert told != [other() for _ in range(200)]
    assert len(set(told)) > 100
    assert sum(payload in GOOD for payload in told) < 20
