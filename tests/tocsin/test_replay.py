"""`replay`: files through the real path on virtual time, the same bytes whenever, wherever and however often."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from alerting.decision import Decision, decision_line
from alerting.facts import BLIND, SCENARIOS, SEVERITIES
from alerting.flowchart.load import load_chart
from stream.brands import Brand
from stream.codec import HOUR_MS, MINUTE_MS, canonical, parse_rfc3339
from tests.tocsin.stories import CHART, START_MS, Crowd, brands, lived, public_of
from tocsin.entry import Answer
from tocsin.journal import open_existing, verify
from tocsin.replay import ReplayResult, replay
from tocsin.synthetic import Row, merged

OPS = {"operations", "operations_lead", *load_chart(CHART, "crisis_flowchart.yaml").people(["operations"])}
"""Whoever has operations in turn, and who answers for them."""
KINDS = {"OpenIncident", "Page", "Notify", "Escalate", "Update", "StandDown", "NoPage"}
FIELDS = {"at", "brand", "kind", "incident", "scenario", "severity", "reason", "targets", "signals"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z\Z")
SEEDS = [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 9))]


def crisis_rows(seed: int, label: str = "r") -> list[Row]:
    """A brand's three quiet days, a crisis, five hours in which nothing was recorded, and a second wave."""
    print(f"seed: {seed}")
    rows = public_of(seed, brands()[0].name, label, hours=86, crisis_hour=73, posts=150, per_hour=8)
    return list(merged(rows))


def write(path: Path, rows: Iterable[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(files: Sequence[Path], of: Sequence[Brand] | None = None, **more: Any) -> tuple[ReplayResult, list[Decision]]:
    decided: list[Decision] = []
    chosen = of if of is not None else [Brand(brands()[0].name, None, languages=("en", "nl"))]
    result = replay(files, brands=chosen, chart_text=CHART, on_decision=decided.append, **more)
    return result, decided


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("replay") / "m.jsonl", crisis_rows(1))


@pytest.fixture(scope="module")
def once(recorded: Path) -> tuple[ReplayResult, list[Decision]]:
    return run([recorded])


# --- the same bytes ---------------------------------------------------------------------------------------------------


def test_two_runs_under_different_hash_seeds_write_the_same_bytes(recorded: Path, tmp_path: Path) -> None:
    """Strings hash differently in each process: whoever iterated over a set, or called `hash`, would be found out."""
    bodies = []
    for number, seed in enumerate(("0", "12345", "12345")):
        out = tmp_path / f"{number}.jsonl"
        command = [sys.executable, "-c", "from tocsin.cli import main; main()", "replay", str(recorded)]
        command += ["--brand", brands()[0].name, "--decisions", str(out), "--json"]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        ran = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["chains"]
        bodies.append(out.read_bytes())
    assert bodies[0] == bodies[1] == bodies[2]
    assert any(json.loads(line)["kind"] == "Page" for line in bodies[0].splitlines())


def test_the_decisions_are_the_same_with_a_journal_and_the_journal_verifies(
    recorded: Path, once: tuple[ReplayResult, list[Decision]], tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    result, decided = run([recorded], journal_path=path)
    assert decided == once[1]
    assert result.chains == once[0].chains
    journal = open_existing(path)
    verdict = verify(journal)
    journal.close()
    assert verdict.ok, verdict.difference
    assert (verdict.chains, verdict.decisions) == (result.chains, len(decided))


@pytest.mark.parametrize("pieces", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_a_recording_in_several_files_is_one_recording(
    pieces: int, recorded: Path, once: tuple[ReplayResult, list[Decision]], tmp_path: Path
) -> None:
    """Cut at random, shuffled, with every tenth row in two files: merged by time, and a repeated id counts once."""
    rng = Random(pieces)
    rows = [json.loads(line) for line in recorded.read_text("utf-8").splitlines()]
    parts: list[list[Row]] = [[] for _ in range(pieces)]
    for row in rows:
        for part in rng.sample(parts, 2 if rng.random() < 0.1 else 1):
            part.append(row)
    rng.shuffle(parts[0])
    files = [write(tmp_path / f"{n}.jsonl", part) for n, part in enumerate(parts)]
    rng.shuffle(files)
    result, decided = run(files)
    assert result.mentions["repeated"] > 50
    assert result.mentions["read"] - result.mentions["repeated"] == len(rows)
    assert decided == once[1]


def test_a_longer_recording_begins_like_a_shorter_one(
    recorded: Path, once: tuple[ReplayResult, list[Decision]]
) -> None:
    """What comes later changes nothing that was decided: the core is causal."""
    until_ms = START_MS + 74 * HOUR_MS
    _, decided = run([recorded], until_ms=until_ms)
    assert decided
    expected = [d for d in once[1] if d.at_ms < until_ms - MINUTE_MS]
    assert decided[: len(expected)] == expected


def test_since_and_until_choose_by_time(recorded: Path) -> None:
    since_ms, until_ms = START_MS + 10 * HOUR_MS, START_MS + 20 * HOUR_MS
    result, _ = run([recorded], since_ms=since_ms, until_ms=until_ms)
    rows = [json.loads(line) for line in recorded.read_text("utf-8").splitlines()]
    assert result.mentions["read"] == sum(since_ms <= parse_rfc3339(r["created_at"]) < until_ms for r in rows)


# --- what a decision says ---------------------------------------------------------------------------------------------


def _lines(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    return [json.loads(canonical(decision_line(decision))) for decision in decisions]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_line_has_the_fields_that_other_tools_rely_on(seed: int) -> None:
    story = lived(seed)
    lines = _lines(story.decisions)
    assert lines
    for line in lines:
        assert set(line) >= FIELDS
        assert RFC3339.match(line["at"])
        assert line["kind"] in KINDS
        assert line["scenario"] in {*SCENARIOS, BLIND}
        assert line["severity"] in SEVERITIES
        assert line["incident"].startswith("tulpatel-")
        assert line["brand"] == story.brands[0].name
        assert isinstance(line["targets"], list)
        assert {"kind", "score", "observed", "expected", "since"} <= {
            k for s in line["signals"] for k in s
        } or not line["signals"]
        if line["kind"] in ("Page", "Notify", "Escalate"):
            assert line["targets"]
            assert line["reason"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_person_is_told_first_after_half_an_hour_is_a_notice_or_a_page(seed: int) -> None:
    """Told of an incident, by whatever kind of decision; a silent edit of the card would be overlooked."""
    last: dict[str, int] = {}
    for decision in lived(seed).decisions:
        if not decision.targets:
            continue
        if decision.kind == "Update":
            quiet_ms = decision.at_ms - last[decision.incident]
            assert quiet_ms < 30 * MINUTE_MS, f"seed {seed}: {decision.key} {decision.reason}"
        last[decision.incident] = decision.at_ms


@pytest.mark.parametrize("seed", SEEDS)
def test_our_own_blindness_goes_to_operations_and_never_into_the_brands_story(seed: int) -> None:
    decisions = lived(seed).decisions
    ours = {d.incident for d in decisions if d.scenario == BLIND}
    theirs = {d.incident for d in decisions if d.scenario != BLIND}
    assert ours
    assert theirs
    assert not ours & theirs
    for decision in decisions:
        if decision.scenario == BLIND:
            assert set(decision.targets) <= OPS | set(_last_resort())
            assert all(signal.kind == "feed" for signal in decision.signals)
            assert decision.exemplars == ()
        else:
            assert all(signal.kind != "feed" for signal in decision.signals)


def _last_resort() -> list[str]:
    """Whom somebody who presses Escalate on the last rung reaches, whatever the story is about."""
    found = re.search(r"^last_resort: \[(.*)\]", CHART, re.MULTILINE)
    assert found is not None
    return found[1].split(", ")


def test_without_anybody_pressing_anything_blindness_reaches_operations_alone(
    once: tuple[ReplayResult, list[Decision]],
) -> None:
    """Five hours in which nothing was recorded are blindness, not silence."""
    result, decided = once
    about_us = [d for d in decided if d.scenario == BLIND]
    paged = {target for d in about_us for target in d.targets}
    assert paged <= OPS
    assert "operations_lead" in paged
    assert len(paged) > 1, "whoever has the turn comes first"
    gap_ms = START_MS + 77 * HOUR_MS, START_MS + 82 * HOUR_MS
    assert any(gap_ms[0] < d.at_ms < gap_ms[1] and d.kind == "Page" for d in about_us)
    assert result.blind == sum(d.kind == "OpenIncident" for d in about_us)


def test_the_table_says_what_the_decisions_say(once: tuple[ReplayResult, list[Decision]]) -> None:
    result, decided = once
    assert sum(result.decisions.values()) == len(decided)
    own = [d for d in decided if d.scenario != BLIND]
    assert [row.incident for row in result.incidents] == list(dict.fromkeys(d.incident for d in own))
    for row in result.incidents:
        mine = [d for d in own if d.incident == row.incident]
        assert row.pages == sum(d.kind == "Page" for d in mine)
        assert row.escalations == sum(d.kind == "Escalate" for d in mine)
        assert set(row.people) == {t for d in mine if d.kind in ("Page", "Escalate") for t in d.targets}


# --- input as it comes ------------------------------------------------------------------------------------------------


def test_lines_that_cannot_be_read_are_counted_and_the_rest_goes_on(
    recorded: Path, once: tuple[ReplayResult, list[Decision]], tmp_path: Path
) -> None:
    lines = recorded.read_bytes().splitlines(keepends=True)
    bad = [b"{", b'{"id": "x:1"}\n', b'{"id":"a","created_at":"tomorrow","text":"x"}\n', b"\xff\xfe\n", b"[1]\n"]
    for n, line in enumerate(bad):
        lines.insert(200 * n + 3, line.rstrip(b"\n") + b"\n")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(b"".join(lines))
    result, decided = run([damaged])
    assert result.mentions["dead_lettered"] == len(bad) == sum(result.dead_letters.values())
    assert decided == once[1]


def test_a_file_without_mentions_gives_an_empty_result(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    result, decided = run([empty])
    assert (result.mentions["read"], result.incidents, decided, result.chains) == (0, [], [], {})


def test_quiet_days_page_nobody(tmp_path: Path) -> None:
    rows = [row for row in crisis_rows(4) if parse_rfc3339(row["created_at"]) < START_MS + 70 * HOUR_MS]
    result, decided = run([write(tmp_path / "quiet.jsonl", rows)])
    assert result.mentions["matched"] == len(rows)
    assert not [d for d in decided if d.kind in ("Page", "Escalate")]


def test_people_who_answer_within_a_replay_are_heard(recorded: Path) -> None:
    """With humans each step is applied before the next is read: who acknowledges keeps the next rung asleep."""

    class Prompt:
        """Somebody who acknowledges each page after two minutes."""

        def __init__(self) -> None:
            self.crowd = Crowd(Random(0))
            self.waiting: list[Answer] = []

        def due(self, until_ms: int) -> Answer | None:
            ready = [act for act in self.waiting if act.at_ms <= until_ms]
            if not ready:
                return None
            self.waiting.remove(ready[0])
            return ready[0]

    prompt = Prompt()

    def told(decision: Decision) -> None:
        decided.append(decision)
        if decision.kind in ("Page", "Escalate"):
            at_ms = decision.at_ms + 2 * MINUTE_MS
            prompt.waiting.append(
                Answer(decision.key, decision.brand, decision.incident, "acknowledge", "chloe", at_ms)
            )

    decided: list[Decision] = []
    one = [Brand(brands()[0].name, None, languages=("en", "nl"))]
    replay([recorded], brands=one, chart_text=CHART, on_decision=told, humans=prompt)
    own = [d for d in decided if d.scenario != BLIND]
    assert any(d.kind == "Page" for d in own)
    assert not [d for d in own if d.reason == "not_acknowledged"]
    answers = [d.at_ms for d in own if d.reason == "acknowledged"]
    first = next(d.at_ms for d in own if d.kind == "Page")
    assert first + 2 * MINUTE_MS <= answers[0] <= first + 3 * MINUTE_MS


def test_a_decision_survives_being_written_and_read(once: tuple[ReplayResult, list[Decision]]) -> None:
    for decision in once[1]:
        assert msgspec.json.decode(canonical(decision), type=Decision) == decision
    for before, after in pairwise(once[1]):
        assert before.at_ms <= after.at_ms
