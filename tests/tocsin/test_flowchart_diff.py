"""What another chart would have changed: told from the past, and equal to replaying it under either chart."""

from pathlib import Path

import pytest

from alerting.decision import Decision
from alerting.flowchart.load import load_chart
from stream.codec import parse_rfc3339
from tests.command import tocsin
from tests.tocsin.crises import BRAND, journal, posts, shipped_chart
from tocsin.flowchart_diff import PageTo, difference, structure
from tocsin.replay import replay

OLD = shipped_chart()
RAISED = OLD.replace('when: severity == "high"', 'when: severity == "high" && mentions > 150', 99)
"""One threshold is higher: a severity of high wakes people from 150 posts on."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the past of this file lies."""
    return tmp_path_factory.mktemp("past")


def recomputed(path: Path, chart: str) -> set[tuple[int, str, str]]:
    """Who is paged when, by the plain replay."""
    decisions: list[Decision] = []
    replay([path], brands=[BRAND], chart_text=chart, on_decision=decisions.append)
    return {(d.at_ms, d.brand, who) for d in decisions if d.kind in {"Page", "Escalate"} for who in d.targets}


def test_a_raised_threshold_changes_what_an_independent_replay_says_it_changes(home: Path) -> None:
    """Over a journal and over the posts it was made of: the same pages vanish, and the same appear."""
    past, book = posts(home, "campaign_blunder", 1), journal(home, "campaign_blunder", 1)
    before, after = recomputed(past, OLD), recomputed(past, RAISED)
    assert before != after
    by_journal = difference(OLD, RAISED, journal=book)
    vanish, appear = (
        {(page.at_ms, page.brand, page.who) for page in pages} for pages in (by_journal.vanish, by_journal.appear)
    )
    assert (vanish, appear) == (before - after, after - before)
    assert (by_journal.pages_before, by_journal.pages_after) == (len(before), len(after))
    assert difference(OLD, RAISED, mentions=[past], brand=BRAND) == by_journal


def test_the_same_chart_changes_nothing(home: Path) -> None:
    """Not even with other words in its comments."""
    book = journal(home, "campaign_blunder", 1)
    found = difference(OLD, f"{OLD}\n# a remark\n", journal=book)
    assert found.is_none
    assert found.pages_before == found.pages_after > 0


def test_what_is_written_differently_is_named() -> None:
    """Nodes, ways, people, and what else a chart says."""
    new = OLD.replace("acknowledge_within: 10m", "acknowledge_within: 7m").replace("name: Anna Jansen", "name: Anna Bo")
    changed = {one.what: one for one in structure(load_chart(OLD, "old"), load_chart(new, "new"))}
    assert changed["responders"].other == ("anna",)
    assert "wake_pr" in changed["nodes"].other
    assert set(changed) == {"responders", "nodes"}


def test_the_command_tells_and_fails_where_something_differs(home: Path) -> None:
    """Status 1 for a difference, 0 for none, 2 for a past that is named twice."""
    old, new = home / "old.yaml", home / "new.yaml"
    old.write_text(OLD, encoding="utf-8")
    new.write_text(RAISED, encoding="utf-8")
    book = journal(home, "campaign_blunder", 1)
    ran = tocsin("flowchart", "diff", old, new, "--journal", book)
    assert (ran.status, ran.err) == (1, "")
    assert "vanishes: " in ran.out
    assert tocsin("flowchart", "diff", old, old).status == 0
    assert tocsin("flowchart", "diff", old, new, "--journal", book, "--data", home).status == 2
    assert "--brand" in tocsin("flowchart", "diff", old, new, posts(home, "campaign_blunder", 1)).err


def test_a_page_is_told_by_time_brand_and_role() -> None:
    """In the order in which they go out."""
    page = PageTo(parse_rfc3339("2026-03-02T20:00:00Z"), "Acme", "pr_on_call")
    assert str(page) == "2026-03-02T20:00:00Z Acme: pr_on_call"
