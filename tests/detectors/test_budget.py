"""The page budget: what a brand's own days make rare enough to speak of, and what they may not teach."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.budget import (
    CAP_MILLI,
    DAYS_KEPT,
    PAGE_RATE_MILLI,
    ROW_DAYS,
    Budget,
    Extremes,
    HeavyExtremes,
    Prior,
    Verdict,
)
from stream.codec import DAY_MS, MINUTE_MS, canonical, decode

PRIOR = Prior(4_000, 1_000)
scores = st.lists(st.integers(0, 12_000), max_size=40)
kinds = st.sampled_from([Extremes, HeavyExtremes])
of_each_kind = pytest.mark.parametrize("kind", [Extremes, HeavyExtremes])


def taught(days: list[int], kind: type[Extremes] = Extremes, prior: Prior = PRIOR) -> Extremes:
    """Ordinary days with these greatest scores, and the first minute of the next."""
    extremes = kind(prior)
    for day, score in enumerate(days):
        extremes.note(day * DAY_MS, score)
        extremes.close(day * DAY_MS, ordinary=True)
    extremes.close(len(days) * DAY_MS, ordinary=True)
    return extremes


@given(kinds, scores, st.integers(100, 8_000), st.integers(100, 8_000))
@settings(max_examples=60, deadline=None)
def test_who_allows_more_false_alarms_never_needs_more(
    kind: type[Extremes], days: list[int], one: int, other: int
) -> None:
    """A larger budget has a threshold that is no higher, whatever the brand's days were."""
    extremes = taught(days, kind)
    assert extremes.threshold(max(one, other)) <= extremes.threshold(min(one, other))


@given(kinds, scores, st.integers(200, 8_000))
@settings(max_examples=60, deadline=None)
def test_a_threshold_is_exceeded_as_often_as_it_was_asked_for(
    kind: type[Extremes], days: list[int], rate_milli: int
) -> None:
    """Just beyond it this brand is, by its own account, no more often than the budget; just below it, no less."""
    extremes = taught(days, kind)
    threshold = extremes.threshold(rate_milli)
    assert extremes.chance_milli(threshold + 1) <= rate_milli
    assert extremes.chance_milli(threshold - 2) >= rate_milli - 1


@given(kinds, scores, st.lists(st.integers(0, 20_000), min_size=2, max_size=2))
@settings(max_examples=60, deadline=None)
def test_the_further_out_the_rarer(kind: type[Extremes], days: list[int], two: list[int]) -> None:
    """The chance that a card shows never rises with the score."""
    extremes = taught(days, kind)
    assert extremes.chance_milli(max(two)) <= extremes.chance_milli(min(two))


@given(kinds, scores, st.integers(0, 9_000))
@settings(max_examples=40, deadline=None)
def test_a_snapshot_goes_on_the_same(kind: type[Extremes], days: list[int], last: int) -> None:
    """Written and read as JSON in the middle of a day and of an incident."""
    extremes = taught(days, kind)
    extremes.note(len(days) * DAY_MS + MINUTE_MS, last)
    extremes.close(len(days) * DAY_MS + MINUTE_MS, ordinary=False)
    other = kind.restore(decode(canonical(extremes.snapshot()), dict), PRIOR)
    for one in (extremes, other):
        one.judged("unclaimed")
        one.close((len(days) + 1) * DAY_MS, ordinary=True)
    assert extremes.snapshot() == other.snapshot()
    assert extremes.threshold(1_000) == other.threshold(1_000)


@of_each_kind
def test_a_wild_brand_needs_more_than_a_calm_one(kind: type[Extremes]) -> None:
    """Thirty days of nines against thirty of twos, under one budget and one prior."""
    calm, wild = taught([2_000, 2_500] * 15, kind), taught([9_000, 9_500] * 15, kind)
    assert calm.threshold(1_000) < taught([], kind).threshold(1_000) < wild.threshold(1_000)


@of_each_kind
def test_one_wild_day_teaches_no_more_than_its_cap(kind: type[Extremes]) -> None:
    """A day a hundred times beyond anything is learnt as 1.3 times the threshold that it met."""
    extremes = taught([2_000, 2_500] * 10, kind)
    extremes.close(21 * DAY_MS, ordinary=True)
    met = extremes.threshold(PAGE_RATE_MILLI)
    extremes.note(21 * DAY_MS, 100 * met)
    extremes.close(21 * DAY_MS, ordinary=True)
    extremes.close(22 * DAY_MS, ordinary=True)
    assert max(extremes.snapshot()["past"]) == met * CAP_MILLI // 1000


def test_a_heavy_tail_reaches_beyond_every_day_that_was_seen() -> None:
    """Five days of forty near eight say that a ninth comes, and once in two months more than that."""
    days = ([1_000] * 7 + [7_500]) * 5
    heavy = taught(days, HeavyExtremes)
    assert heavy.threshold(500) > max(days)
    assert heavy.threshold(500) > 1.1 * heavy.threshold(1_000)


def test_one_wild_day_among_a_month_of_calm_ones_moves_a_heavy_tail_little() -> None:
    """However wild it was: at most by a fifth."""
    calm = [2_000, 2_500, 1_500] * 10
    shift = taught([*calm, 50_000], HeavyExtremes).threshold(1_000) / taught(calm, HeavyExtremes).threshold(1_000)
    assert 1.0 < shift < 1.2


@of_each_kind
@pytest.mark.parametrize("real", [True, False])
def test_an_incident_is_learnt_at_its_end_though_its_minutes_are_still_open(kind: type[Extremes], real: bool) -> None:
    """Most are over before the first of their minutes is; nothing of one is left to the next."""
    extremes = taught([2_000] * 10, kind)
    before = extremes.threshold(1_000)
    extremes.note(10 * DAY_MS + MINUTE_MS, 9_000)
    extremes.judged("taken" if real else "unclaimed")
    assert extremes.days == 10 + (not real)
    assert (extremes.threshold(1_000) > before) is not real
    extremes.close(10 * DAY_MS + MINUTE_MS, ordinary=False)
    extremes.judged("unclaimed")
    assert extremes.days == 10 + (not real)


@pytest.mark.parametrize(("real", "learnt"), [(True, 0), (False, 1)])
def test_what_somebody_took_is_not_learnt_and_what_nobody_took_is_one_false_alarm(real: bool, learnt: int) -> None:
    """An incident waits for its end; a crisis teaches nothing, whatever its score was."""
    extremes = taught([2_000] * 10)
    days = extremes.days
    extremes.note(10 * DAY_MS + MINUTE_MS, 9_000)
    extremes.close(10 * DAY_MS + MINUTE_MS, ordinary=False)
    assert extremes.days == days
    extremes.judged("taken" if real else "unclaimed")
    extremes.judged("unclaimed")
    assert extremes.days == days + learnt


def test_only_so_many_days_are_remembered() -> None:
    """A brand's wild past is forgotten: after two months of calm it is judged as a calm brand."""
    forgotten, calm = taught([9_000] * 30 + [2_000] * DAYS_KEPT), taught([2_000] * DAYS_KEPT)
    assert forgotten.days == calm.days == DAYS_KEPT
    assert forgotten.threshold(1_000) == calm.threshold(1_000)


@given(st.integers(0, 1_000))
def test_shares_of_a_budget_never_exceed_it(share_milli: int) -> None:
    """Two detectors that divide a budget spend it and no more (but for the least that each must have)."""
    budget = Budget(1_000, 3_000)
    one, other = budget.share(share_milli), budget.share(1_000 - share_milli)
    assert one.pages_milli + other.pages_milli <= budget.pages_milli + 1
    assert one.notices_milli + other.notices_milli <= budget.notices_milli + 1
    assert min(one.pages_milli, other.pages_milli) >= 1


def test_of_a_row_of_floods_that_nobody_took_one_counts() -> None:
    """Sixteen in two days must not teach that nothing is worth a page."""
    extremes = Extremes(Prior(4000, 1000))
    for day in range(20):
        extremes.note(day * DAY_MS, 3_000)
        extremes.close(day * DAY_MS, ordinary=True)
    before = extremes.threshold(1_000)
    for flood in range(16):
        extremes.note(20 * DAY_MS + flood, 50_000)
        extremes.close(20 * DAY_MS + flood, ordinary=False)
        extremes.judged("unclaimed")
    assert extremes.days == 20  # nineteen days are over, and one flood counts as one more
    assert before < extremes.threshold(1_000) < before * 2


def incident(extremes: Extremes, day: int, score: int, verdict: Verdict) -> None:
    """One that began on a day, and ended within it."""
    extremes.close(day * DAY_MS, ordinary=True)
    extremes.note(day * DAY_MS + MINUTE_MS, score)
    extremes.close(day * DAY_MS + MINUTE_MS, ordinary=False)
    extremes.judged(verdict)


@of_each_kind
@pytest.mark.parametrize("before", [True, False])
def test_a_siege_and_what_came_with_it_teach_nothing(kind: type[Extremes], before: bool) -> None:
    """Two days of floods, one of which went on for longer than chance does: neither the others count, whichever came
    first, nor the wild hours that follow it. Calm days do."""
    extremes, calm = taught([2_000, 2_500] * 10, kind), taught([2_000, 2_500] * 10, kind)
    verdicts: list[Verdict] = ["unclaimed", "siege"] if before else ["siege", "unclaimed"]
    for day, verdict in enumerate(verdicts, start=20):
        incident(extremes, day, 9_000, verdict)
        if "siege" in verdicts[: day - 19]:
            extremes.note(day * DAY_MS + 2 * MINUTE_MS, 4_500)
            extremes.close(day * DAY_MS + 2 * MINUTE_MS, ordinary=True)
    extremes.close(22 * DAY_MS, ordinary=True)
    assert set(extremes.snapshot()["past"]) <= {0, 2_000, 2_500}
    assert extremes.threshold(1_000) <= calm.threshold(1_000)
    days = extremes.days
    extremes.close(23 * DAY_MS, ordinary=True)
    assert extremes.days == days + 1


@of_each_kind
def test_a_siege_late_in_a_row_of_false_alarms_is_protected_for_as_long(kind: type[Extremes]) -> None:
    """Its three days are its own: what follows it two days later still teaches nothing."""
    extremes = taught([2_000, 2_500] * 10, kind)
    incident(extremes, 20, 9_000, "unclaimed")
    incident(extremes, 20 + ROW_DAYS - 1, 9_000, "siege")
    incident(extremes, 20 + 2 * ROW_DAYS - 2, 9_000, "unclaimed")
    assert max(extremes.snapshot()["past"]) == 2_500


@of_each_kind
def test_a_siege_takes_back_nothing_that_a_person_said(kind: type[Extremes]) -> None:
    """What was called a false alarm the day before stays one; what was only unclaimed does not."""
    said, unclaimed = taught([2_000, 2_500] * 10, kind), taught([2_000, 2_500] * 10, kind)
    incident(said, 20, 9_000, "false_alarm")
    incident(unclaimed, 20, 9_000, "unclaimed")
    taken = max(said.snapshot()["past"])
    for one in (said, unclaimed):
        incident(one, 21, 9_000, "siege")
    assert max(said.snapshot()["past"]) == taken > 2_500
    assert max(unclaimed.snapshot()["past"]) == 2_500


@of_each_kind
def test_after_a_siege_false_alarms_count_again(kind: type[Extremes]) -> None:
    """Three days later what nobody took is one, as ever."""
    extremes = taught([2_000, 2_500] * 10, kind)
    incident(extremes, 20, 9_000, "siege")
    incident(extremes, 20 + ROW_DAYS - 1, 9_000, "unclaimed")
    assert max(extremes.snapshot()["past"]) == 2_500
    incident(extremes, 20 + ROW_DAYS, 9_000, "unclaimed")
    assert max(extremes.snapshot()["past"]) > 2_500


@of_each_kind
def test_who_says_that_it_was_a_false_alarm_is_believed_after_a_siege_too(kind: type[Extremes]) -> None:
    """On the same day."""
    extremes = taught([2_000, 2_500] * 10, kind)
    incident(extremes, 20, 9_000, "siege")
    before = extremes.threshold(1_000)
    incident(extremes, 20, 9_000, "unclaimed")
    assert extremes.threshold(1_000) == before
    incident(extremes, 20, 9_000, "false_alarm")
    assert extremes.threshold(1_000) > before
