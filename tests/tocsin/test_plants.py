"""The bench that plants crises: its branches are the stream, its months are what they claim, its counts count once."""

import statistics
from random import Random

import numpy as np
import pytest

from alerting.decision import Decision
from benchmarks.budget import Month, benign_burst, month_posts, run_month, scaled, upper_limits
from benchmarks.knowing import knowing, wildness_of
from benchmarks.oracle import Minutes, Quiet, oracle
from benchmarks.planted import WATCHED_MS, moments_of, run_stream
from benchmarks.poison import POISONS, PROBES, Found, Result, days_of, holds, table
from benchmarks.running import Episodes, Run, contents_for
from benchmarks.streams import CLUMPING, MADE_UP, NEGATIVE_SHARE, Counted, Stream, made_posts, stream_of
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tocsin.planting import Plant, StepPart, parts_of
from tocsin.state import Content


@pytest.fixture
def stream() -> Stream:
    """The stream that needs no recording."""
    return stream_of(MADE_UP)


def begun(stream: Stream) -> Run:
    """A run at its very start."""
    contents, digest = contents_for(stream.brand)
    return Run.begin(stream.brand, contents, digest, stream.days[0] * DAY_MS)


def hours(stream: Stream, first: int, last: int) -> list[tuple[int, list[StepPart]]]:
    """Parts by hour, with the end of each hour."""
    start_ms = stream.days[0] * DAY_MS
    return [(start_ms + (h + 1) * HOUR_MS, stream.hour(start_ms + h * HOUR_MS)) for h in range(first, last)]


def chain(run: Run) -> str:
    """The head of the decision chain."""
    return run.engine.brands[run.brand].chain


def flood(stream: Stream, hour: int) -> list[StepPart]:
    """Something to decide about."""
    return parts_of(
        Plant("burst", 30_000, 900).posts(stream.days[0] * DAY_MS + hour * HOUR_MS, 30_000, "flood"), step_ms=5_000
    )


def test_a_branch_is_the_stream_it_was_split_from(stream: Stream) -> None:
    """Split in the middle of a crisis, a branch decides to the last byte what the stream decides, and so do two."""
    run = begun(stream)
    planted = flood(stream, 40)
    split_ms = stream.days[0] * DAY_MS + 40 * HOUR_MS + 7 * MINUTE_MS
    for until_ms, parts in hours(stream, 0, 40):
        list(run.feed(parts, until_ms))
    late = [*hours(stream, 40, 41)[0][1], *planted]
    decided = list(run.feed([p for p in late if p.step * 5_000 < split_ms], split_ms))
    snapshot, sealed = run.snapshot(), run.sealed
    rest = [p for p in late if p.step * 5_000 >= split_ms]
    branches = [run.split(snapshot, sealed) for _ in range(2)]
    decided += run.feed(rest, split_ms + HOUR_MS)
    assert decided
    for branch in branches:
        list(branch.feed(rest, split_ms + HOUR_MS))
        assert chain(branch) == chain(run)


def test_how_much_is_fed_at_once_changes_nothing(stream: Stream) -> None:
    """Hour by hour or all at once: one chain."""
    by_hour, at_once = begun(stream), begun(stream)
    planted = flood(stream, 30)
    held: list[StepPart] = []
    for until_ms, parts in hours(stream, 0, 33):
        near = [p for p in planted if until_ms - HOUR_MS <= p.step * 5_000 < until_ms]
        held += [*parts, *near]
        list(by_hour.feed([*near, *parts], until_ms))
    list(at_once.feed(held, stream.days[0] * DAY_MS + 33 * HOUR_MS))
    assert chain(by_hour) == chain(at_once) != "0" * 64


def test_an_enormous_crisis_is_found_and_nothing_is_found_where_nothing_is(stream: Stream) -> None:
    """Forty times the usual, mostly angry, wakes somebody at every moment; a thousandth of the usual wakes nobody."""
    huge, tiny = Plant("burst", 40_000, 800), Plant("steady", 1, 0)
    outcomes, alone = run_stream(MADE_UP, [huge, tiny], 5, 1, lambda: None)
    assert len(outcomes) == 2 * (5 - alone.skipped) >= 6
    for outcome in outcomes:
        if outcome.size_milli == 1:
            assert outcome.page_ms == -1
        else:
            assert 0 < outcome.page_ms < 10 * MINUTE_MS
            assert 0 < outcome.notice_ms <= outcome.page_ms
    assert alone.months == pytest.approx((len(stream.days) - 11 + 20 / 24) / 30)


def test_moments_leave_room_for_the_hour_that_is_watched(stream: Stream) -> None:
    """On grid points, in order, the same for the same seed, never where a crisis would run out of its stretch."""
    moments = moments_of(stream, 300, 1)
    assert moments == moments_of(stream, 300, 1) != moments_of(stream, 300, 2)
    assert moments == sorted(moments)
    ((since, until),) = stream.plantable
    assert all(since <= at <= until - WATCHED_MS and at % 5_000 == 0 for at in moments)


def test_counts_become_as_many_posts_whose_mood_clumps_by_the_hour() -> None:
    """As many posts as counted; the share of negatives is as stated, and swings from hour to hour more than chance."""
    counted = [Counted(at, 20) for at in range(0, 40 * DAY_MS, 5 * MINUTE_MS)]
    posts = made_posts(counted, Random(1))
    assert len(posts) == 20 * len(counted)
    by_hour: dict[int, list[int]] = {}
    for post in posts:
        by_hour.setdefault(post.at_ms // HOUR_MS, []).append(post.mood == -1)
    shares = [statistics.fmean(moods) for moods in by_hour.values()]
    assert statistics.fmean(shares) == pytest.approx(NEGATIVE_SHARE, abs=0.01)
    chance = NEGATIVE_SHARE * (1 - NEGATIVE_SHARE)
    assert statistics.variance(shares) == pytest.approx(chance * (CLUMPING + 1 / 240), rel=0.25)
    busiest = statistics.multimode(post.voice for post in posts)[0]
    assert 0.003 < sum(post.voice == busiest for post in posts) / len(posts) < 0.007


def test_a_month_is_made_the_same_again_and_another_differs(stream: Stream) -> None:
    """Forty days, each from midnight to midnight, in order."""
    days = list(month_posts(stream, 0, 1))
    assert len(days) == 40
    assert days == list(month_posts(stream, 0, 1)) != list(month_posts(stream, 1, 1))
    for posts in days:
        assert [p.at_ms for p in posts] == sorted(p.at_ms for p in posts)
    assert len({p.at_ms // DAY_MS for p in days[7]}) == 1


def test_scaled_posts_are_so_many_times_as_many(stream: Stream) -> None:
    """More voices where there are more posts, the same ones where there are fewer."""
    posts = stream.posts(stream.days[3])
    for level in (0.6, 1.0, 1.7):
        made = list(scaled(posts, level, Random(1)))
        assert len(made) == pytest.approx(level * len(posts), rel=0.1)
    fewer = list(scaled(posts, 0.5, Random(1)))
    assert {id(p) for p in fewer} <= {id(p) for p in posts}


def test_a_benign_burst_is_no_angrier_than_usual(stream: Stream) -> None:
    """Two to six times an hour's posts; over many, the usual share of negatives."""
    rng = Random(1)
    bursts = [benign_burst(stream, stream.days[0], 1.0, NEGATIVE_SHARE, rng) for _ in range(150)]
    assert max(len(burst) for burst in bursts) <= 6 * max(stream.usual_milli) / 1000 + 1
    moods = [post.mood == -1 for burst in bursts for post in burst]
    assert statistics.fmean(moods) == pytest.approx(NEGATIVE_SHARE, abs=0.03)


@pytest.mark.slow
def test_a_month_runs_at_every_budget() -> None:
    """One row for each budget, of the same posts; more may be told where more may be wrong."""
    rows = run_month(Month(MADE_UP, 0, (0.5, 4.0), 1))
    assert [row.budget for row in rows] == [0.5, 4.0]
    assert rows[0].posts == rows[1].posts > 10_000
    assert rows[0].pages <= rows[1].pages


def told(kind: str, incident: str, at_ms: int, severity: str = "high") -> Decision:
    """A decision of some kind."""
    return Decision(
        key=f"{incident}/{at_ms}/{kind}",
        at_ms=at_ms,
        brand="b",
        kind=kind,  # type: ignore[arg-type]
        incident=incident,
        scenario="backlash",
        severity=severity,
        reason="flowchart",
    )


def test_an_episode_counts_once_and_again_when_it_reopens() -> None:
    """The first page of an opening counts; its further pages and rungs do not, and medium pages nobody."""
    episodes = Episodes()
    for decision in (
        told("OpenIncident", "b-1", 1, "medium"),
        told("Notify", "b-1", 1, "medium"),
        told("Page", "b-1", 2),
        told("Page", "b-1", 3, "critical"),
        told("Escalate", "b-1", 4, "critical"),
        told("StandDown", "b-1", 5),
        told("OpenIncident", "b-1", 6),
        told("Page", "b-1", 7),
    ):
        episodes.see(decision)
    assert (episodes.pages, episodes.notices) == ([2, 7], [1, 7])


def test_the_budget_reaches_the_configuration() -> None:
    """What is asked for on the command line is what the engine is told."""
    contents, name = contents_for("b", 4_000)
    assert contents.content(name).pages_milli == 4_000
    assert contents_for("b")[0].content(contents_for("b")[1]).pages_milli == Content("b", "UTC", "").pages_milli


def test_upper_limits_are_above_the_mean_and_close_in() -> None:
    """Both agree on many months, and one month says nothing."""
    few, many = upper_limits([0, 1, 2, 1] * 5), upper_limits([0, 1, 2, 1] * 100)
    assert 1.0 < many[0] < few[0]
    assert many[0] == pytest.approx(many[1], abs=0.02)
    assert upper_limits([1])[0] == float("inf")


def test_nobody_finds_what_is_not_there_and_the_oracle_finds_what_is_huge() -> None:
    """The best possible test: near certainty for a large crisis, near nothing for a speck; more time finds more."""
    quiet = Quiet((20.0,) * 24, 0.18, (20_000,) * 24)
    minutes = quiet.poisson(1)
    large, middle, speck = (oracle(quiet, Plant("steady", size), minutes) for size in (20_000, 2_500, 50))
    assert large.within_10 > 0.99
    assert middle.within_10 < middle.within_60
    assert speck.within_60 < 0.05


def test_who_knows_how_wild_a_brand_is_finds_what_chance_alone_would_hide() -> None:
    """On a brand whose hours swing by themselves, the test that believes in chance finds little of what the other one
    does; what that one knows of it is what the brand was made of.
    """
    rng = np.random.default_rng(5)
    hours = 40 * 24
    rates = np.repeat(rng.gamma(0.5, 2.0, hours), 60)
    shares = np.repeat(rng.beta(0.2 * 19, 0.8 * 19, hours), 60)
    negative, other = (rng.poisson(rates * part).astype(np.float32) for part in (shares, 1 - shares))
    wild = Minutes(negative, other)
    quiet = Quiet((60.0,) * 24, 0.2, (60_000,) * 24)
    known = wildness_of(quiet, wild)
    assert known.clumping == pytest.approx(0.05, abs=0.015)
    assert known.dispersion[10] == pytest.approx(2.0, abs=0.5)
    crisis = Plant("burst", 5_000, 400)
    assert knowing(quiet, crisis, wild).within_10 > oracle(quiet, crisis, wild).within_10 + 0.1


def test_a_poison_adds_its_crowd_to_the_same_past(stream: Stream) -> None:
    """A ramp to +50 % adds a quarter over its fortnight, and nothing before or after."""
    ramp = POISONS[0]
    clean, given = (dict(days_of(stream, ramp, 1, given=g)) for g in (False, True))
    counts = [(len(clean[day]), len(given[day])) for day in sorted(clean)]
    assert counts[:14] == [(a, a) for a, _ in counts[:14]]
    assert counts[-1][0] == counts[-1][1]
    added = sum(b for _, b in counts[14:28]) / sum(a for a, _ in counts[14:28])
    assert added == pytest.approx(1.25, abs=0.03)


def test_a_poison_holds_only_while_thresholds_and_delay_stay() -> None:
    """A fifth more is allowed for a threshold, a quarter more for a delay, and no crisis may be lost."""
    clean = [Found([400, 600, 300], [40, 60, 20, 30], 300_000, busy=False)] * 3

    def result(thresholds: list[int], *delays_ms: int) -> Result:
        poisoned = [Found(thresholds, [80, 60, 20, 30], delay_ms, busy=False) for delay_ms in delays_ms]
        return Result("s", "p", [*clean], poisoned, 0)

    assert holds(result([480, 720, 360], *[370_000] * 3))
    assert not holds(result([490, 600, 300], *[300_000] * 3))
    assert not holds(result([400, 600, 300], *[380_000] * 3))
    assert not holds(result([400, 600, 300], *[-1] * 3))
    assert not holds(result([400, 600, 300], 300_000, 300_000, -1))
    several = result([480, 600, 300], *[300_000] * 3)
    assert "+20%, +0%, +0% | 3 → 3 of 3, 5.0 → 5.0 | yes | 40 → 80, +100%" in table([several], PROBES)[-1]
    several.add(result([480, 600, 300], 300_000, -1, -1))
    assert "6 → 4 of 6, 5.0 → 5.0 | no | 0 |" in table([several], ())[-1]
