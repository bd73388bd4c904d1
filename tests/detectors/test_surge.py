"""How far the number of posts stands out: over several spans at once, and against what this brand's days do."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.budget import Budget, Prior
from detectors.surge import SPANS_MINUTES, STILL_BURNING, Surge
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, canonical, copy_of, decode
from stream.pulse import Counts, Pulse, PulsePart
from stream.sketches import add_to_registers
from stream.window import ClosedMinute, Window

START_MS = 20_000 * DAY_MS
PRIOR = Prior(5_000.0, 1_200.0), Prior(3_000.0, 700.0)


class Heard:
    """A surge and a window, taken through minutes as the core takes them."""

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.surge = Surge(*PRIOR, 8, bucket_ms)
        self.window = Window(bucket_ms=bucket_ms)
        self.at_ms = START_MS

    def minutes(self, counts: list[int], *, allowed: bool = True) -> None:
        """So many posts in each of these minutes."""
        for count in counts:
            if count:
                self.window.take(self.at_ms, PulsePart(counts=Counts(mentions=count)))
            self.at_ms += self.window.bucket_ms
            self.window.at_ms = self.at_ms
            if self.surge.warm:
                self.surge.note(self.surge.look(self.window), self.window)
            for closed in self.window.close():
                self.surge.learn(closed, allowed=allowed)

    def ordinary(self, hours: int, per_minute: float = 1.0, seed: int = 1) -> None:
        """Chance around a mean."""
        rng = Random(seed)
        self.minutes([sum(rng.random() < per_minute / 20 for _ in range(20)) for _ in range(hours * 60)])


@pytest.fixture(scope="module")
def settled() -> Heard:
    """Five ordinary days of a post a minute: to be looked at, not to be changed."""
    heard = Heard()
    heard.ordinary(120)
    return heard


def test_nothing_is_said_before_six_hours_are_learnt() -> None:
    """The first ninety minutes are still open, so it is seven and a half hours of listening."""
    heard = Heard()
    heard.ordinary(7)
    assert not heard.surge.warm
    heard.ordinary(1)
    assert heard.surge.warm


def test_of_six_hours_nothing_is_said_before_three_days(settled: Heard) -> None:
    """The tide of a day that was never seen fills six hours too."""
    young = Heard()
    young.ordinary(48)
    assert young.surge.six_hours(young.window) == 0
    assert settled.surge.six_hours(settled.window) == pytest.approx(360, abs=80)


@pytest.mark.parametrize("minutes", [1, 5, 15, 60])
def test_the_span_that_stands_out_is_the_one_in_which_it_happened(settled: Heard, minutes: int) -> None:
    """A lift of the same strength, over each span: the reading names that span, or one next to it."""
    window = copy_of(settled.window)
    extra = round(6 * max(1.0, minutes) ** 0.5) + 6
    for n in range(extra):
        window.take(window.last_ms - n * minutes // extra * MINUTE_MS, PulsePart(counts=Counts(mentions=1)))
    reading = settled.surge.look(window)
    spans = sorted({MINUTE_MS, *(m * MINUTE_MS for m in SPANS_MINUTES)})
    assert abs(spans.index(reading.span_ms) - spans.index(minutes * MINUTE_MS)) <= 1
    assert reading.z > settled.surge.look(settled.window).z


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_more_posts_never_stand_out_less(settled: Heard, added: list[int]) -> None:
    """Within the open minute, each further post raises the reading or leaves it."""
    window = copy_of(settled.window)
    last = settled.surge.look(window).z
    for count in added:
        window.take(window.last_ms, PulsePart(counts=Counts(mentions=count)))
        reading = settled.surge.look(window)
        assert reading.z >= last
        last = reading.z


def test_a_fire_that_burnt_out_is_no_slow_burn() -> None:
    """Two hours of five times the usual fill six hours for long: while they last they count, and later they do not."""
    heard = Heard()
    heard.ordinary(100)
    heard.minutes([5] * 120)
    assert heard.surge.six_hours(heard.window) > 700
    heard.minutes([0, 1] * 60)
    far = heard.surge.six_hours(heard.window)
    near = heard.window.tally(90 * MINUTE_MS).mentions
    assert far == 0
    assert near * STILL_BURNING < 700


def test_a_gap_in_what_was_heard_ends_the_six_hours(settled: Heard) -> None:
    """They are said of six whole hours or not at all."""
    surge = Surge(*PRIOR, 8)
    surge.resume(settled.surge.snapshot())
    window = settled.window
    assert surge.six_hours(window) > 0
    start_ms = window.learnt_ms
    surge.learn(ClosedMinute(Pulse(start_ms=start_ms, end_ms=start_ms + MINUTE_MS, complete=False)), allowed=True)
    assert surge.six_hours(window) == 0


def test_what_is_not_to_be_learnt_moves_nothing_that_is_usual(settled: Heard) -> None:
    """A flood in an incident: what is expected afterwards is what was expected before."""
    surge = Surge(*PRIOR, 8)
    surge.resume(settled.surge.snapshot())
    at_ms = settled.window.learnt_ms
    before = [surge.expected(span_ms, at_ms + DAY_MS) for span_ms in surge.spans_ms]
    for minute in range(180):
        start_ms = at_ms + minute * MINUTE_MS
        pulse = Pulse(start_ms=start_ms, end_ms=start_ms + MINUTE_MS, counts=Counts(mentions=500))
        surge.learn(ClosedMinute(pulse), allowed=False)
    assert [surge.expected(span_ms, at_ms + DAY_MS) for span_ms in surge.spans_ms] == before


def test_spikes_and_slow_burns_share_one_budget(settled: Heard) -> None:
    """A larger budget lowers both thresholds; none of the two is free."""
    thrifty, lavish = (Surge(*PRIOR, 8) for _ in range(2))
    for surge, pages in ((thrifty, 250), (lavish, 4_000)):
        surge.resume(settled.surge.snapshot())
        surge.budget = Budget(pages, 3 * pages)
    low, high = (surge.look(settled.window) for surge in (lavish, thrifty))
    assert low.page < high.page
    assert low.notice < low.page


@given(st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_more_is_rarer(settled: Heard, one: int, other: int) -> None:
    """How often a month a span holds so many never rises with the number."""
    few, many = sorted((one, other))
    for span_ms in settled.surge.spans_ms:
        rates = [settled.surge.rate_milli(span_ms, count, settled.window) for count in (few, many)]
        assert rates[1] <= rates[0]


def test_series_of_hours_work_in_steps_of_an_hour() -> None:
    """Where the bucket is longer than the short spans, they are the bucket."""
    heard = Heard(HOUR_MS)
    assert heard.surge.spans_ms == (HOUR_MS, 6 * HOUR_MS)
    rng = Random(3)
    heard.minutes([50 + rng.randrange(20) for _ in range(24 * 8)])
    assert heard.surge.expected(HOUR_MS, heard.at_ms) == pytest.approx(60, abs=5)


def test_what_is_usual_is_found_anew_after_every_minute_and_after_a_restore() -> None:
    """What is kept between looks of one minute is never stale: one that keeps nothing says the same."""
    heard = Heard()
    heard.ordinary(30)
    for step in range(40):
        heard.minutes([step % 7])
        fresh = Surge(*PRIOR, 8)
        fresh.resume(decode(canonical(heard.surge.snapshot()), dict))
        assert fresh.look(copy_of(heard.window)) == heard.surge.look(heard.window)


MOVES = st.lists(
    st.tuples(st.sampled_from([0, 1, 3, 12, 24, 240, 1_200]), st.integers(-95, 2), st.integers(1, 5), st.booleans()),
    max_size=40,
)


@given(MOVES)
@example([(0, -85, 3, True), (240, 0, 1, False), (0, 0, 1, True)])
@settings(max_examples=80, deadline=None)
def test_a_sum_that_slides_is_the_sum_of_its_minutes(moves: list[tuple[int, int, int, bool]]) -> None:
    """On time, late or early, asked at every step or after hours: a window that forgot its sums says the same."""
    window = Window(at_ms=START_MS)
    for steps, minute, posts, asks in moves:
        window.at_ms += steps * 5_000
        minute_ms = window.at_ms - window.at_ms % MINUTE_MS + minute * MINUTE_MS
        counts = Counts(mentions=posts, negative=posts // 2, angry=posts // 3, sources={f"s{posts}": posts})
        add_to_registers(counts.authors, posts * 0x9E3779B97F4A7C15 % 2**64)
        window.take(minute_ms, PulsePart(counts=counts))
        if asks:
            fresh = copy_of(window)
            for span_ms in (m * MINUTE_MS for m in (1, 5, 15, 60, 90)):
                kept, anew = window.tally(span_ms), fresh.tally(span_ms)
                assert [getattr(kept, name) for name in kept.__slots__] == [
                    getattr(anew, name) for name in anew.__slots__
                ]
                assert window.distinct(span_ms, "authors") == fresh.distinct(span_ms, "authors")
        window.close()
