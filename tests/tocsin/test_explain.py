"""The page receipt: what it shows is what was decided, and the change that it names makes the page vanish."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from alerting.decision import Decision
from alerting.view import WAKES
from detectors.detector import Signal
from stream.pulse import Counts, PulsePart
from stream.zones import local
from tests.command import tocsin
from tests.tocsin.crises import BRAND, SCENARIOS, journal, posts
from tocsin.demo import run_demo
from tocsin.engine import Engine
from tocsin.entry import Answer, Entry
from tocsin.explaining import Receipt, explain, figures, finding_of, in_words, search_of, told
from tocsin.journal import Journal, open_existing
from tocsin.mistakes import UsageError
from tocsin.preventing import Change
from tocsin.replay import replay
from tocsin.rerun import Edit
from tocsin.thinning import evenly, thinned


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the journals of this file lie."""
    return tmp_path_factory.mktemp("crises")


@pytest.fixture(scope="module")
def receipt(home: Path) -> Receipt:
    """The receipt of a crisis' first page."""
    path = journal(home, "service_outage", 1)
    return explain(path, pages_of(path)[0].incident)


def pages_of(path: Path) -> list[Decision]:
    """All pages in a journal, in order."""
    book = open_existing(path)
    found = [one.decision for one in book.decisions() if one.decision.kind in WAKES]
    book.close()
    return found


def from_the_start(book: Journal, edit: Edit) -> Iterator[Decision]:
    """The whole journal folded from nothing with an edit in it: no snapshot, no short cut."""
    engine = Engine(step_ms=book.step_ms, contents=book.contents())
    seq = 0
    for entry in book.entries():
        for event in edit(entry):
            seq += 1
            yield from engine.apply(Entry(seq, entry.at_ms, event))


def woken_at(book: Journal, edit: Edit, page: Decision, before_ms: int) -> list[int]:
    """When people were woken after `before_ms`, up to the page."""
    return [
        one.at_ms
        for one in from_the_start(book, edit)
        if one.kind in WAKES and one.scenario != "blind" and before_ms < one.at_ms <= page.at_ms
    ]


def assert_the_change_prevents_it(path: Path, page: Decision, number: int) -> None:
    """The least change of posts, run from the very start, makes the page vanish; one post less does not."""
    book = open_existing(path)
    search = search_of(book, page.incident, number)
    changes = search.changes(whole_story=False)
    assert changes, page.key
    climbs = page.kind == "Escalate"
    before_ms = search.first.at_ms - 1 if climbs else search.before_ms
    for change in [change for change in changes if change.kind in ("fewer_angry", "fewer_posts")][:1]:
        assert woken_at(book, search.edit_for(change), page, before_ms) == [], change
        less = Change(kind=change.kind, amount=change.amount - 1, of=change.of, from_ms=change.from_ms)
        assert woken_at(book, search.edit_for(less), page, before_ms) != [], less
    book.close()


@pytest.mark.parametrize("scenario", SCENARIOS[:4])
def test_the_smallest_change_makes_the_page_vanish(home: Path, scenario: str) -> None:
    """One page of each of four planted crises."""
    path = journal(home, scenario, 1)
    assert_the_change_prevents_it(path, pages_of(path)[0], 1)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_the_smallest_change_makes_each_of_twenty_pages_vanish(home: Path) -> None:
    """Every scenario, first pages and later rungs."""
    seen: list[Decision] = []
    for scenario in SCENARIOS:
        for seed in (1, 2):
            path = journal(home, scenario, seed)
            for number, page in enumerate(pages_of(path)[:2], start=1):
                assert_the_change_prevents_it(path, page, number)
                seen.append(page)
    assert len(seen) >= 20
    assert len({page.scenario for page in seen}) == len(SCENARIOS)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_the_pages_of_the_demo_vanish_too(home: Path) -> None:
    """Every page of the made-up fortnight."""
    quiet = Console(file=io.StringIO())
    run_demo(1, home / "demo", quiet, quiet)
    path = home / "demo" / "journal.db"
    numbers: dict[str, int] = {}
    for page in pages_of(path):
        numbers[page.incident] = numbers.get(page.incident, 0) + 1
        assert_the_change_prevents_it(path, page, numbers[page.incident])
    assert numbers


def test_a_receipt_shows_path_figures_margins_and_evidence(home: Path, receipt: Receipt) -> None:
    """What a person who was woken asks the next morning."""
    page = pages_of(journal(home, "service_outage", 1))[0]
    assert (receipt.page, receipt.path, receipt.evidence) == (page.key, page.path, page.exemplars)
    assert receipt.evidence
    assert [finding.kind for finding in receipt.findings] == [signal.kind for signal in page.signals]
    lines = "\n".join(told(receipt))
    for promised in ("What was found", "The path through the flowchart", "Evidence: ", "nobody would have been woken"):
        assert promised in lines


def test_a_finding_shows_how_far_beyond_its_threshold_it_was() -> None:
    """Observed, expected, z, threshold and the margin between the last two."""
    evidence: dict[str, int | str] = {"z_milli": 6030, "threshold_milli": 6000}
    signal = Signal("volume", 510, False, 57, 10, 0, 900_000, evidence)
    finding = finding_of(signal)
    assert (finding.observed, finding.expected, finding.margin_milli) == (57, 10, 30)
    assert "57 in 15 min where 10 is usual; z 6.03, threshold 6.00 (+0.03)" in figures(finding)


def test_a_later_rung_would_not_have_been_asked_had_somebody_acknowledged(home: Path) -> None:
    """The second page went out because nobody answered the first: that is the least that had to be otherwise."""
    path = journal(home, "service_outage", 1)
    first, second = pages_of(path)[:2]
    assert second.reason == "not_acknowledged"
    book = open_existing(path)
    changes = search_of(book, second.incident, 2).changes(whole_story=False)
    book.close()
    change = next(change for change in changes if change.kind == "answer")
    assert first.at_ms < change.until_ms < second.at_ms
    assert change.what == first.targets[0]
    assert changes[0] == change


def test_a_threshold_of_the_chart_is_among_the_changes(home: Path) -> None:
    """A chart that asks for figures: the page vanishes where it asks for one more."""
    from tests.tocsin.crises import shipped_chart

    chart = shipped_chart().replace('when: severity == "high"', "when: mentions > 40 && voices > 20", 99)
    directory = home / "threshold"
    directory.mkdir()
    path = journal(directory, "campaign_blunder", 1, chart=chart)
    book = open_existing(path)
    changes = search_of(book, pages_of(path)[0].incident).changes(whole_story=False)
    book.close()
    change = next(change for change in changes if change.kind == "threshold")
    assert "instead of" in change.what


ASKS = """
version: 1
owner: Somebody
last_resort: [dora]
responders:
  anna: {name: Anna, slack: U0000ANNA}
  dora: {name: Dora, slack: U0000DORA}
entry: {viral_complaint: bad, backlash: bad, campaign_blunder: bad, data_security: bad, service_outage: bad,
        blind: calm}
nodes:
  bad: {question: Is it bad?, when: 'severity in ["high", "critical"]', yes: is_it_true, no: calm}
  is_it_true: {ask: Is it true?, of: anna, answers: {yes: wake, no: calm}, within: 30m, if_no_answer: calm}
  wake: {page: dora, then: calm}
  calm: {end: It is quiet.}
"""


class SaysYes:
    """Somebody who answers every question on a card with yes, a minute later."""

    def __init__(self) -> None:
        self.acts: list[Answer] = []

    def hear(self, decision: Decision) -> None:
        """Plan an answer to a question."""
        if decision.action == "ask":
            act = Answer(
                id=decision.key, brand=decision.brand, incident=decision.incident, answer="reply", who="anna",
                at_ms=decision.at_ms + 60_000, node=decision.node, choice="yes",
            )  # fmt: skip
            self.acts.append(act)

    def due(self, until_ms: int) -> Answer | None:
        """The next answer that is due."""
        return self.acts.pop(0) if self.acts and self.acts[0].at_ms < until_ms else None


def test_another_answer_is_among_the_changes(home: Path) -> None:
    """Nobody is woken where the question on the card is answered with no."""
    person, path = SaysYes(), home / "asks.db"
    replay(
        [posts(home, "service_outage", 1)], brands=[BRAND], chart_text=ASKS, journal_path=path, humans=person,
        on_decision=person.hear,
    )  # fmt: skip
    book = open_existing(path)
    search = search_of(book, pages_of(path)[0].incident)
    change = next(change for change in search.changes(whole_story=False) if change.kind == "reply")
    book.close()
    assert change.what == "anna answered no instead of yes at is_it_true"
    assert (change.later_ms, change.size_milli) == (0, 0)


def test_a_change_is_told_with_its_hours_in_the_brands_zone() -> None:
    """In words, for whoever was woken."""
    page = Decision(
        key="a-0/1/Page", at_ms=1_773_429_645_000, brand="a", kind="Page", incident="a-0", scenario="backlash",
        severity="high", reason="signals",
    )  # fmt: skip
    change = Change(
        kind="fewer_angry", amount=7, of=79, from_ms=page.at_ms - 1_785_000, until_ms=page.at_ms, later_ms=page.at_ms
        + 240_000,
    )  # fmt: skip
    assert local(page.at_ms, BRAND.timezone).hour == 20
    assert in_words(change, page, BRAND.timezone) == (
        "Had there been 7 fewer angry posts (of 79) between 19:51 and 20:20:45, nobody would have been woken then; "
        "with all that followed, somebody would have been at 20:24:45, 4 min later."
    )


def test_an_incident_that_is_not_there_is_told_with_those_that_are(home: Path) -> None:
    """And so is a page that it never had."""
    path = journal(home, "service_outage", 1)
    incident = pages_of(path)[0].incident
    with pytest.raises(UsageError, match=f"there is no incident `zonnevlam-1`; it woke people for: .*{incident}"):
        explain(path, "zonnevlam-1")
    with pytest.raises(UsageError, match="has 3 pages; --page 9 is none of them"):
        explain(path, incident, page=9)


def test_the_command_says_where_a_journal_is_wanted(home: Path) -> None:
    """One of two flags, and JSON for scripts."""
    path = journal(home, "service_outage", 1)
    incident = pages_of(path)[0].incident
    assert "--data DIR" in tocsin("flowchart", "explain", incident).err
    ran = tocsin("flowchart", "explain", incident, "--journal", path, "--json")
    assert (ran.status, incident in ran.out, '"changes": [{"kind"' in ran.out) == (0, True, True)


# ---- taking posts off a part


def test_a_thinned_part_never_has_less_than_nothing() -> None:
    """However many go, every count stays at least zero and no greater than before."""
    counts = Counts(
        mentions=7, negative=4, neutral=2, positive=1, negative_sum=2400, score_sum=-1800, reach_sum=70,
        authors={1: 1, 2: 1, 3: 2}, negative_authors={1: 1, 2: 1}, sources={"x": 5, "y": 2}, risks={"safety": 1},
    )  # fmt: skip
    counts.angry = 3
    part = PulsePart(counts=counts, voices={3: 4, 5: 3})
    for gone in range(8):
        less = thinned(part, gone, angry=False)
        left = less.counts
        assert left.mentions == 7 - gone == sum(less.voices.values())
        assert min(left.negative, left.neutral, left.positive) >= 0
        assert left.scored == left.mentions
        assert left.angry <= left.negative
        assert left.authors.items() <= counts.authors.items()
    assert part == PulsePart(counts=counts, voices={3: 4, 5: 3})
    assert thinned(part, 7, angry=False).counts == Counts()
    with pytest.raises(ValueError, match="cannot lose 5"):
        thinned(part, 5, angry=True)


def test_posts_go_evenly_and_a_greater_change_takes_the_same_ones_and_more() -> None:
    """Halving would mean nothing otherwise."""
    order = evenly(100)
    assert sorted(order) == list(range(100))
    first = sorted(order[:10])
    assert all(4 <= later - earlier <= 20 for earlier, later in pairwise(first))
