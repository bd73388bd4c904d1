"""Starting well: what was said before teaches the baselines, pages nobody, and can be learnt twice without harm."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from alerting.decision import Decision
from detectors.panel import Panel
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from stream.plans import Plan, PlannedTimes
from stream.pulse import Counts, PulsePart
from stream.sources.files import SourceError
from stream.sources.store import StoreError
from tocsin.checking import chart_text
from tocsin.cli import app
from tocsin.embedded import Service
from tocsin.journal import open_existing, verify
from tocsin.learning import learn
from tocsin.past import learn_past, learnable, pend_past
from tocsin.replay import ReplayResult, replay
from tocsin.settings import Settings, load_settings, shipped_chart_path
from tocsin.state import BrandState

START_MS = parse_rfc3339("2026-03-02T00:00:00Z")
LIVE_MS = START_MS + 14 * DAY_MS
CRISIS_MS = LIVE_MS + 3 * HOUR_MS
ACME = Brand("Acme", "acme")


def lines(path: Path, rows: list[tuple[int, str]]) -> Path:
    """A file of mentions."""
    with path.open("w", encoding="utf-8") as file:
        for at_ms, text in sorted(rows):
            row = {"id": f"x:{at_ms}-{len(text)}", "created_at": rfc3339(at_ms), "author": f"a{at_ms}", "text": text}
            file.write(json.dumps(row) + "\n")
    return path


def quiet(from_ms: int, until_ms: int) -> list[tuple[int, str]]:
    """Ten posts an hour that say nothing."""
    return [(at_ms, f"acme again today, number {at_ms}") for at_ms in range(from_ms, until_ms, 6 * MINUTE_MS)]


def crisis(at_ms: int) -> list[tuple[int, str]]:
    """Ninety minutes of anger."""
    return [(at_ms + n * 15_000, f"acme is awful, terrible, broken again, I hate it {n}") for n in range(360)]


def run(
    path: Path, *, learn: tuple[Path, ...] = (), journal: Path | None = None
) -> tuple[ReplayResult, list[Decision]]:
    """A replay that begins with what it learnt."""
    found: list[Decision] = []
    chart = chart_text(shipped_chart_path())
    result = replay(
        [path], brands=[ACME], chart_text=chart, learn=learn, journal_path=journal, on_decision=found.append
    )
    return result, found


def paged_ms(decisions: list[Decision]) -> int | None:
    """When somebody was first paged."""
    return next((d.at_ms for d in decisions if d.kind == "Page"), None)


def test_a_brand_that_learnt_a_fortnight_is_paged_in_the_first_hour_of_its_crisis(tmp_path: Path) -> None:
    """Three hours after it began to listen; without the fortnight it does not know yet what is usual."""
    past = lines(tmp_path / "past.jsonl", quiet(START_MS, LIVE_MS))
    live = lines(tmp_path / "live.jsonl", quiet(LIVE_MS, CRISIS_MS + 4 * HOUR_MS) + crisis(CRISIS_MS))
    _, warm = run(live, learn=(past,), journal=tmp_path / "journal.db")
    at_ms = paged_ms(warm)
    assert at_ms is not None
    assert 0 < at_ms - CRISIS_MS <= HOUR_MS
    assert not [d for d in warm if d.at_ms < CRISIS_MS]
    _, cold = run(live)
    cold_ms = paged_ms(cold)
    assert cold_ms is None or cold_ms >= at_ms
    verdict = verify(open_existing(tmp_path / "journal.db"))
    assert verdict.ok, verdict.difference


def test_a_crisis_in_what_is_learnt_pages_nobody(tmp_path: Path) -> None:
    """It is over; and the quiet day after it is quiet."""
    rows = quiet(START_MS, LIVE_MS - 2 * DAY_MS) + crisis(START_MS + 9 * DAY_MS)
    past = lines(tmp_path / "past.jsonl", rows)
    live = lines(tmp_path / "live.jsonl", quiet(LIVE_MS, LIVE_MS + DAY_MS))
    result, decided = run(live, learn=(past,))
    assert decided == []
    assert result.mentions["read"] == 240


def test_what_was_learnt_may_still_come_in_live(tmp_path: Path) -> None:
    """Learning is no sighting: a file that goes on where it was cut is read whole, each post counted once as live."""
    whole = lines(tmp_path / "whole.jsonl", quiet(START_MS, LIVE_MS))
    result, decided = run(whole, learn=(whole,))
    assert (result.mentions["repeated"], result.mentions["matched"]) == (0, 14 * 240)
    assert decided == run(whole)[1]


# ---- the fold itself


def part(posts: int, source: str = "x") -> PulsePart:
    """Some posts of a minute."""
    return PulsePart(counts=Counts(mentions=posts, neutral=posts, sources={source: posts}))


def taught(state: BrandState, panel: Panel, at_ms: int, plans: tuple[Plan, ...] = ()) -> bytes:
    """Learn what waits; returns what is known then."""
    learn_past(state, panel, 10**9, at_ms, PlannedTimes(plans))
    return json.dumps(panel.snapshot(), sort_keys=True).encode()


minutes = st.dictionaries(st.integers(0, 400), st.lists(st.integers(1, 9), min_size=1, max_size=3), max_size=25)


@settings(max_examples=60, deadline=None)
@given(posts=minutes, cut=st.integers(0, 2**25 - 1))
def test_the_past_is_learnt_alike_however_it_was_cut(posts: dict[int, list[int]], cut: int) -> None:
    """Merged or in pieces, in any order, in one grid step or two: the same baselines."""
    whole, pieces = BrandState("Acme"), BrandState("Acme")
    for minute, amounts in posts.items():
        pend_past(whole, 0, START_MS + minute * MINUTE_MS, part(sum(amounts)))
    for n, (minute, amounts) in enumerate(sorted(posts.items(), reverse=True)):
        for amount in amounts:
            pend_past(pieces, cut >> n & 1, START_MS + minute * MINUTE_MS, part(amount))
    at_ms = START_MS + DAY_MS
    assert taught(whole, Panel.shipped(), at_ms) == taught(pieces, Panel.shipped(), at_ms)
    assert whole.learnt == pieces.learnt == sum(map(sum, posts.values()))


def test_learning_the_same_again_changes_nothing() -> None:
    """And what lies before something that was learnt is counted and left: baselines learn forwards alone."""
    state, panel = BrandState("Acme"), Panel.shipped()
    for n in range(300):
        pend_past(state, 0, START_MS + n * MINUTE_MS, part(1 + n % 3))
    known = taught(state, panel, START_MS + DAY_MS)
    learnt = state.learnt
    for n in range(-50, 300):
        pend_past(state, 1, START_MS + n * MINUTE_MS, part(100))
    assert taught(state, panel, START_MS + DAY_MS) == known
    assert (state.learnt, state.backfilled) == (learnt, 350 * 100)


def test_open_minutes_and_what_came_after_the_first_live_minute_are_left_to_the_live_window() -> None:
    """A minute is learnt by one of the two."""
    state = BrandState("Acme")
    at_ms = START_MS + DAY_MS
    assert learnable(state, at_ms) == (-1, at_ms - 90 * MINUTE_MS)
    state.window.started_ms = at_ms - 3 * HOUR_MS
    assert learnable(state, at_ms) == (-1, at_ms - 3 * HOUR_MS)
    state.window.learnt_ms = at_ms - 2 * HOUR_MS
    assert learnable(state, at_ms) == (0, 0)


def test_a_planned_event_of_the_past_is_not_learnt() -> None:
    """Last year's launch is not what is usual."""
    pages = []
    for plans in ((), (Plan(START_MS + 20 * HOUR_MS, START_MS + 24 * HOUR_MS, "launch"),)):
        state, panel = BrandState("Acme"), Panel.shipped()
        for n in range(30 * 60):
            pend_past(state, 0, START_MS + n * MINUTE_MS, part(60 if 20 * 60 <= n < 24 * 60 else 1))
        taught(state, panel, START_MS + 3 * DAY_MS, plans)
        state.window.at_ms = START_MS + 3 * DAY_MS
        pages.append(panel.expected_per_hour(state.window))
    assert pages[1] <= 65 < pages[0]


@pytest.mark.parametrize("step", [0, 7])
def test_nothing_of_the_past_is_in_the_live_window(step: int) -> None:
    """No thread, no source, no minute: what is live begins with itself."""
    state, panel = BrandState("Acme"), Panel.shipped()
    pend_past(state, step, START_MS, part(3))
    taught(state, panel, START_MS + DAY_MS)
    assert (state.window.minutes, state.window.sources, state.window.threads) == ({}, {}, {})
    assert state.past == {}


# ---- a data directory


def deployed(tmp_path: Path) -> Settings:
    """A configuration beside a data directory that is not there yet."""
    config = tmp_path / "tocsin.yaml"
    config.write_text('brands: [{name: Acme, query: acme}]\ningest: {listen: "127.0.0.1:0"}\n', encoding="utf-8")
    return load_settings(config, {})


def test_a_service_starts_with_what_was_learnt(tmp_path: Path) -> None:
    """Learnt once, kept, applied by the next start, verified; the second time there is nothing left to learn."""
    settings = deployed(tmp_path)
    past = lines(tmp_path / "past.jsonl", quiet(START_MS, LIVE_MS) + crisis(START_MS + 9 * DAY_MS))
    learnt = learn(settings, [past], clock=lambda: LIVE_MS + DAY_MS)
    posts = 14 * 240 + 360
    assert [(b.brand, b.learnt, b.left) for b in learnt.brands] == [("Acme", posts, 0)]
    assert learnt.brands[0].first == rfc3339(START_MS)
    service = Service(settings, clock=lambda: LIVE_MS + DAY_MS)
    state = service.engine.brands["Acme"]
    assert (state.learnt, state.backfilled, state.decisions) == (posts, 0, 0)
    assert service.delivery.outbox.unsettled() == []
    entries = service.home.journal.seq
    service.home.close()
    again = learn(settings, [past], clock=lambda: LIVE_MS + 2 * DAY_MS)
    assert [(b.learnt, b.left) for b in again.brands] == [(0, posts)]
    assert "up to where it had learnt" in again.brands[0].why
    journal = open_existing(settings.data_path / "journal.db")
    assert journal.seq == entries
    assert verify(journal).ok
    journal.close()


def test_what_is_learnt_later_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    """A week, then the next one: both count, in their order."""
    settings = deployed(tmp_path)
    halfway = START_MS + 7 * DAY_MS
    for n, span in enumerate(((START_MS, halfway), (halfway, LIVE_MS))):
        learnt = learn(settings, [lines(tmp_path / f"{n}.jsonl", quiet(*span))], clock=lambda: LIVE_MS + DAY_MS)
        assert [(b.learnt, b.left) for b in learnt.brands] == [(7 * 240, 0)]


def test_while_the_service_holds_the_directory_nothing_is_learnt(tmp_path: Path) -> None:
    """Two writers would be one too many; and a missing file is told before anything is opened."""
    settings = deployed(tmp_path)
    with pytest.raises(SourceError):
        learn(settings, [tmp_path / "gone.jsonl"], clock=lambda: LIVE_MS)
    assert not settings.data_path.exists()
    service = Service(settings, clock=lambda: LIVE_MS)
    with pytest.raises(StoreError):
        learn(settings, [lines(tmp_path / "past.jsonl", quiet(START_MS, LIVE_MS))], clock=lambda: LIVE_MS)
    service.home.close()


def test_the_command_says_what_was_learnt_and_what_was_left(tmp_path: Path) -> None:
    """Counts by brand, for people and for scripts; bad lines are counted and kept."""
    deployed(tmp_path)
    past = lines(tmp_path / "past.jsonl", quiet(START_MS, START_MS + DAY_MS))
    with past.open("a", encoding="utf-8") as file:
        file.write("no mention\n")
    config = ["--config", str(tmp_path / "tocsin.yaml")]
    first = CliRunner().invoke(app, ["learn", str(past), *config])
    assert first.exit_code == 0, first.output
    assert "Acme: learnt 240 posts from 2026-03-02T00:00:00Z to 2026-03-02T23:54:00Z." in first.output
    assert "1 lines could not be read" in first.output
    second = CliRunner().invoke(app, ["learn", str(past), *config, "--json"])
    assert json.loads(second.stdout.splitlines()[-1])["brands"][0]["left"] == 240
