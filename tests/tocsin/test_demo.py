"""The demo does what the README says it does: the crisis wakes people, the giveaway does not, and it can be checked."""

import gzip
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from alerting.decision import Decision
from alerting.inert import cells
from alerting.words import kind_text
from tocsin.checking import read_chart
from tocsin.demo import ACKNOWLEDGES_AFTER_MS, MARKER, OnCall, prepared, run_demo, write_posts
from tocsin.demo_story import Story
from tocsin.journal import open_existing, verify
from tocsin.mistakes import UsageError
from tocsin.settings import shipped_chart_path

SEED = 1
SHORT = 12
"""Days: the crisis is on the twelfth."""
PAST_MS = 1_772_000_000_000


class Ran(NamedTuple):
    """A demo that ran: where, how it ended and what it said."""

    directory: Path
    status: int
    said: str
    progress: str


def run(directory: Path, *, seed: int = SEED, days: int = SHORT, width: int = 80, colour: bool = False) -> Ran:
    """Run the demo with both consoles captured, as if piped into files (or, with `colour`, on a terminal)."""
    out, err = io.StringIO(), io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour or None, color_system="standard" if colour else None)
    status = run_demo(seed, directory, console, Console(file=err, width=width), days=days)
    return Ran(directory, status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One demo for all tests of this file that only look."""
    return run(tmp_path_factory.mktemp("demo"))


def decisions(ran: Ran) -> list[dict[str, Any]]:
    """The decision file, line by line."""
    return [json.loads(line) for line in (ran.directory / "decisions.jsonl").read_text("utf-8").splitlines()]


def by_incident(ran: Ran) -> list[list[dict[str, Any]]]:
    """The decisions of each incident, in the order in which the incidents began."""
    found: dict[str, list[dict[str, Any]]] = {}
    for decision in decisions(ran):
        found.setdefault(decision["incident"], []).append(decision)
    return list(found.values())


def test_a_week_with_a_giveaway_in_it_wakes_nobody_and_verifies(tmp_path: Path) -> None:
    """The fast edition: six days, all the way from the posts to the verified journal."""
    ran = run(tmp_path, seed=5, days=6)
    assert ran.status == 0
    assert "Verified: " in ran.said
    assert {d["kind"] for d in decisions(ran)} & {"Page", "Escalate"} == set()
    assert "Why nobody was woken" in ran.said


@pytest.mark.slow
def test_the_crisis_wakes_people_and_the_giveaway_does_not(ran: Ran) -> None:
    """Two incidents: what everybody likes is told and wakes nobody; the outage wakes until somebody acknowledges."""
    giveaway, crisis = by_incident(ran)
    assert {d["kind"] for d in giveaway} & {"Page", "Escalate"} == set()
    assert any(d["kind"] == "Notify" for d in giveaway)
    assert {d["scenario"] for d in crisis} == {"service_outage"}
    kinds = [d["kind"] for d in crisis]
    answered = next(n for n, d in enumerate(crisis) if d["reason"] == "acknowledged")
    assert kinds.index("Page") < answered
    later = [d for d in crisis[answered:] if d["kind"] in ("Page", "Escalate")]
    assert all(d["targets"] == ["reserve_team"] for d in later), "the chart calls them in when a crisis lasts"
    assert [d["reason"] for d in crisis if d["reason"] in ("acknowledged", "owned")] == ["acknowledged", "owned"]


@pytest.mark.slow
def test_the_journal_of_the_demo_verifies_and_the_demo_says_so(ran: Ran) -> None:
    assert (ran.status, verify(open_existing(ran.directory / "journal.db")).ok) == (0, True)
    assert "Verified: " in ran.said


@pytest.mark.proof
def test_a_second_run_in_the_same_directory_takes_the_same_decisions_to_the_byte(ran: Ran) -> None:
    """What an earlier demo left is replaced, and the same seed is the same fortnight."""
    before = {name: (ran.directory / name).read_bytes() for name in ("decisions.jsonl", "mentions.jsonl.gz")}
    again = run(ran.directory)
    assert {name: (ran.directory / name).read_bytes() for name in before} == before
    assert again.said == ran.said


@pytest.mark.slow
def test_the_story_tells_what_a_pr_person_asks(ran: Ran) -> None:
    """Who was woken, why, who has it, why nobody was woken for the giveaway, and where things lie."""
    words = " ".join(ran.said.split())
    for promised in (
        "and it is not negative",
        "Why nobody was woken",
        "WOKEN: ",
        "Chloe Martin (PR officer) presses Acknowledge. Nobody else is woken.",
        "Why people were woken",
        "acknowledged 4 min later",
    ):
        assert promised in words
    lines = ran.said.splitlines()
    for name in ("journal.db", "decisions.jsonl", "mentions.jsonl.gz"):
        assert f"{name.partition('.')[0]}: {ran.directory / name}" in lines
    assert "grid step" not in ran.said


@pytest.mark.slow
def test_a_file_gets_plain_words_at_80_columns(ran: Ran) -> None:
    """Nothing but printable characters, nothing behind the last word, and nothing wider than the page but paths."""
    assert all(c.isprintable() or c == "\n" for c in ran.said + ran.progress)
    prose = [line for line in ran.said.splitlines() if str(ran.directory) not in line]
    assert [line for line in prose if cells(line) > 80] == []
    assert [line for line in prose if line != line.rstrip()] == []


def test_a_directory_with_something_else_in_it_is_refused_untouched(tmp_path: Path) -> None:
    """Neither somebody's notes nor the journal of a real service is taken for an earlier demo."""
    for name in ("notes.txt", "journal.db"):
        directory = tmp_path / name.partition(".")[0]
        directory.mkdir()
        (directory / name).write_text("mine")
        with pytest.raises(UsageError, match=f"holds {name}, which no demo made; nothing was touched"):
            prepared(directory)
        assert [p.name for p in directory.iterdir()] == [name]
        assert (directory / name).read_text() == "mine"
    with pytest.raises(UsageError, match="is a file"):
        prepared(tmp_path / "notes" / "notes.txt")


def test_what_was_put_beside_an_earlier_demo_is_not_lost(tmp_path: Path) -> None:
    prepared(tmp_path)
    (tmp_path / "journal.db").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.txt"):
        prepared(tmp_path)
    assert (tmp_path / "journal.db").read_text() == "old"
    (tmp_path / "mine.txt").unlink()
    prepared(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [MARKER]


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    """No clock and no name of a file enters it; another seed is another fortnight."""
    names = ("a.gz", "b.gz", "c.gz")
    beginnings = [write_posts(tmp_path / name, seed, 6) for name, seed in zip(names, (3, 3, 4), strict=True)]
    one, two, other = ((tmp_path / name).read_bytes() for name in names)
    assert one == two != other
    assert beginnings[0] == beginnings[1] != beginnings[2]
    rows = [json.loads(line) for line in gzip.decompress(one).splitlines()]
    assert [b.text for b in beginnings[0]] == [r["text"] for r in rows if r["url"].endswith("/first")]


def page(number: int, at_ms: int, **given: Any) -> Decision:
    """A decision of one incident."""
    told: dict[str, Any] = {
        "kind": "Page",
        "reason": "flowchart",
        "scenario": "service_outage",
        "severity": "high",
        "targets": ("operations", "pr_on_call"),
    }
    return Decision(key=f"a-0/{number}/Page", at_ms=at_ms, brand="a", incident="a-0", **told | given)


def test_the_made_up_person_answers_once_and_in_time() -> None:
    """The first page is acknowledged after its minutes and not before; a second page plans nothing more."""
    person = OnCall(read_chart(shipped_chart_path()))
    assert person.due(10**15) is None
    person.hear(page(1, PAST_MS))
    person.hear(page(2, PAST_MS + 1, targets=("head_of_communications",)))
    due_ms = PAST_MS + ACKNOWLEDGES_AFTER_MS
    assert person.due(due_ms) is None
    act = person.due(due_ms + 1)
    assert act is not None
    assert (act.answer, act.who, act.at_ms, act.incident) == ("acknowledge", "chloe", due_ms, "a-0")
    rest = []
    while (act := person.due(10**15)) is not None:
        rest.append(act.answer)
    assert rest == ["own"]
    person.hear(page(3, PAST_MS, kind="Update", reason="severity_fell"))
    assert person.due(10**15) is None
    for number in (4, 5):
        person.hear(page(number, PAST_MS, kind="Update", reason="severity_fell", severity="medium"))
    later = person.due(10**15)
    assert later is not None
    assert later.answer == "resolve"
    assert person.due(10**15) is None


def test_an_incident_without_a_made_up_beginning_has_no_time_to_detect() -> None:
    """What nobody began in the story is not measured against an older one's first post by mistake."""
    story = Story(chart=read_chart(shipped_chart_path()), timezone="UTC", beginnings=[])
    story.hear(page(1, PAST_MS, kind="OpenIncident", reason="signals", targets=()))
    (moments,) = story.incidents.values()
    assert story.began_ms(PAST_MS) is None
    assert kind_text(moments[-1].view) == "service outage"
