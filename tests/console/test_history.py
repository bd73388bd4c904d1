"""The console's memory of brands: minutes and hours, gaps that are no zeros, and what survives a restart."""

from pathlib import Path

import pytest

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.pulse import Counts, PulsePart
from stream.sources.store import StoreError
from tocsin.brand_now import brand_now
from tocsin.console.history import History, Minute
from tocsin.console.sampling import Sampler
from tocsin.console.seen_brand import SPANS_MS, Span
from tocsin.state import Brand, BrandState

AT_MS = 1_795_399_200_000
"""On the hour."""


def minutes(count: int, posts: int = 1, *, end_ms: int = AT_MS, **more: int) -> list[Minute]:
    return [Minute("Acme", end_ms - (n + 1) * MINUTE_MS, posts=posts, **more) for n in range(count)]


@pytest.mark.parametrize("span", ["90min", "24h", "35d", "400d"])
def test_every_span_has_columns_of_one_length_that_reach_back_as_far_as_it_says(span: Span) -> None:
    seen = History(None).seen("Acme", span, AT_MS)
    lasts_ms, step_ms = SPANS_MS[span]
    columns = (seen.posts, seen.negative, seen.expected, seen.lower, seen.upper, seen.severity, seen.blind)
    assert {len(column) for column in columns} == {len(seen.times_ms)} == {lasts_ms // step_ms}
    assert 0 <= AT_MS - (seen.times_ms[-1] + step_ms) < step_ms
    assert set(seen.posts) == {None}


def test_what_nobody_heard_is_a_gap_and_what_was_silent_is_zero() -> None:
    history = History(None)
    history.keep(minutes(5, 0) + minutes(5, 3, end_ms=AT_MS - 10 * MINUTE_MS))
    assert History.seen(history, "Acme", "90min", AT_MS).posts[-4:] == (None, 15, None, 0)


def test_a_step_of_which_less_than_half_is_known_is_a_gap() -> None:
    history = History(None)
    history.keep(minutes(2, 9, end_ms=AT_MS - 5 * MINUTE_MS) + minutes(3, 9))
    assert history.seen("Acme", "90min", AT_MS).posts[-2:] == (None, 27)


@pytest.mark.parametrize("into_ms", [1_000, 30_000, 59_000, 150_000, 299_000])
def test_what_is_under_way_is_never_drawn_as_a_fall(into_ms: int) -> None:
    """Ten posts a minute are 50 in five of them at every second, and what is usual does not dip either."""
    history, now_ms = History(None), AT_MS + into_ms
    over_ms = now_ms // MINUTE_MS * MINUTE_MS
    history.keep(minutes(90, 10, end_ms=over_ms, usual=1, expected_milli=1_000))
    seen = history.seen("Acme", "90min", now_ms)
    assert (set(seen.posts), set(seen.expected)) == ({50}, {5.0})
    assert seen.times_ms[-1] + 5 * MINUTE_MS == over_ms


def test_a_minute_that_is_over_and_not_written_down_yet_is_no_fall() -> None:
    history = History(None)
    history.keep(minutes(90, 10, end_ms=AT_MS - MINUTE_MS))
    assert history.seen("Acme", "90min", AT_MS + 500).posts[-1] == 50


@pytest.mark.parametrize("span", ["35d", "400d"])
def test_long_steps_are_shown_when_they_are_over(span: Span) -> None:
    step_ms = SPANS_MS[span][1]
    now_ms = AT_MS // DAY_MS * DAY_MS + step_ms * 3 // 4
    assert History(None).seen("Acme", span, now_ms).times_ms[-1] + step_ms == now_ms - step_ms * 3 // 4


def test_a_quiet_minute_in_which_we_were_blind_says_nothing() -> None:
    history = History(None)
    history.keep(minutes(5, 0, blind=1) + minutes(5, 2, end_ms=AT_MS - 5 * MINUTE_MS, blind=1))
    seen = history.seen("Acme", "90min", AT_MS)
    assert (seen.posts[-2:], seen.blind[-2:]) == ((10, None), (True, False))


def test_the_gravest_of_a_step_and_what_was_usual_in_it_are_kept() -> None:
    history = History(None)
    usual = {"usual": 1, "expected_milli": 2_400, "lower_milli": 200, "upper_milli": 5_100}
    history.keep([*minutes(4, **usual), Minute("Acme", AT_MS - 5 * MINUTE_MS, severity=3, **usual)])
    seen = history.seen("Acme", "90min", AT_MS)
    assert (seen.severity[-1], seen.expected[-1], seen.lower[-1], seen.upper[-1]) == ("high", 12.0, 1, 26)


def test_minutes_become_hours_when_they_are_settled_and_go_when_they_are_old(tmp_path: Path) -> None:
    history = History(tmp_path / "console.db")
    history.keep(minutes(60, 2, end_ms=AT_MS - 3 * HOUR_MS) + minutes(60, 7))
    history.tidy(AT_MS)
    later_ms = AT_MS + 36 * DAY_MS
    history.tidy(later_ms)
    assert set(history.seen("Acme", "35d", AT_MS).posts) == {None}
    assert [one for one in history.seen("Acme", "400d", later_ms).posts if one is not None] == []
    history.close()

    again = History(tmp_path / "console.db")
    kept = again._db.execute("SELECT start_ms, minutes, posts FROM hours ORDER BY start_ms").fetchall()
    assert kept == [(AT_MS - 4 * HOUR_MS, 60, 120), (AT_MS - HOUR_MS, 60, 420)]
    again.tidy(AT_MS + 402 * DAY_MS)
    assert again._db.execute("SELECT count(*) FROM hours").fetchone() == (0,)
    again.close()


def test_a_day_of_the_long_span_is_the_sum_of_its_hours() -> None:
    history = History(None)
    day_ms = AT_MS // DAY_MS * DAY_MS
    history.keep(minutes(24 * 60, 1, end_ms=day_ms))
    history.tidy(AT_MS + DAY_MS)
    assert history.seen("Acme", "400d", day_ms + DAY_MS).posts[-2] == 24 * 60


def test_two_brands_do_not_mix() -> None:
    history = History(None)
    history.keep([*minutes(5, 1), *(one._replace(brand="Zeta", posts=8) for one in minutes(5))])
    assert history.seen("Acme", "90min", AT_MS).posts[-1] == 5
    assert history.seen("Zeta", "90min", AT_MS).posts[-1] == 40


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "console.db").write_bytes(b"no database at all, and long enough to be read as one" * 40)
    with pytest.raises(StoreError, match=r"console\.db"):
        History(tmp_path / "console.db")


# ---- sampling


class Core:
    """One brand of a core, as far as it is looked at."""

    def __init__(self, *, began_ms: int = AT_MS - 80 * MINUTE_MS) -> None:
        self.at_ms = AT_MS
        self.brand = Brand(BrandState(brand="Acme"))
        self.window = self.brand.state.window
        self.post(began_ms, 1)

    def post(self, minute_ms: int, posts: int, negative: int = 0) -> None:
        self.window.take(minute_ms, PulsePart(counts=Counts(mentions=posts, negative=negative, neutral=posts)))
        self.window.at_ms = self.at_ms

    def sampler(self, history: History) -> Sampler:
        return Sampler(history, ["Acme", "Zeta"], {"Acme": self.brand}.get, lambda: self.at_ms)


async def test_each_minute_that_ended_is_written_down_and_again_when_posts_come_late() -> None:
    history, core = History(None), Core()
    sampler = core.sampler(history)
    core.post(AT_MS - 2 * MINUTE_MS, 4, 1)
    await sampler.sample()
    assert history.seen("Acme", "90min", AT_MS).posts[-1] == 4
    core.post(AT_MS - 2 * MINUTE_MS, 3)
    core.at_ms += MINUTE_MS
    await sampler.sample()
    seen = history.seen("Acme", "90min", AT_MS)
    assert (seen.posts[-1], seen.negative[-1], seen.expected[-1]) == (7, 1, None)


async def test_only_what_changed_is_written() -> None:
    history, core = History(None), Core()
    sampler = core.sampler(history)
    core.post(AT_MS - MINUTE_MS, 4)
    await sampler.sample()
    written = history._db.total_changes
    await sampler.sample()
    assert history._db.total_changes - written == 1  # up to when it was sampled


async def test_minutes_in_which_nobody_was_there_stay_unknown_unless_their_posts_came() -> None:
    history, core = History(None), Core()
    history.keep(minutes(5, 6, end_ms=AT_MS - 30 * MINUTE_MS))
    history.put_place("sampled", AT_MS - 30 * MINUTE_MS)
    core.post(AT_MS - 12 * MINUTE_MS, 5)
    sampler = core.sampler(history)
    sampler.begin(AT_MS - 30 * MINUTE_MS)
    await sampler.sample()
    core.at_ms += 5 * MINUTE_MS
    await sampler.sample()
    seen = history.seen("Acme", "90min", core.at_ms)
    assert seen.posts[-8:] == (30, None, None, None, None, None, None, 0)
    assert history._db.execute(
        "SELECT posts FROM minutes WHERE start_ms = ?", (AT_MS - 12 * MINUTE_MS,)
    ).fetchone() == (5,)


async def test_a_restart_within_two_minutes_leaves_no_gap() -> None:
    history, core = History(None), Core()
    history.keep(minutes(5, 0, end_ms=AT_MS - MINUTE_MS))
    sampler = core.sampler(history)
    sampler.begin(AT_MS - MINUTE_MS)
    core.post(AT_MS - 20 * MINUTE_MS, 1)
    await sampler.sample()
    assert history.seen("Acme", "90min", AT_MS).posts[-1] == 0
    assert len(history._db.execute("SELECT 1 FROM minutes").fetchall()) == 8


async def test_a_restart_within_two_minutes_is_no_new_beginning() -> None:
    """What was listened to before it counts on: else nothing would be compared with what is usual for an hour."""
    history, core = History(None), Core()
    history.keep(minutes(25, 6, end_ms=AT_MS - 40 * MINUTE_MS))
    history.keep(minutes(30, 6, end_ms=AT_MS - MINUTE_MS))
    sampler = core.sampler(history)
    sampler.begin(AT_MS - MINUTE_MS)
    assert sampler.heard_from_ms == AT_MS - 31 * MINUTE_MS, "and a gap before that stays one"
    sampler.begin(AT_MS - 10 * MINUTE_MS)
    assert sampler.heard_from_ms == AT_MS


async def test_a_memory_that_begins_trusts_what_the_core_heard_before_and_nothing_before_that() -> None:
    history, core = History(None), Core(began_ms=AT_MS - 20 * MINUTE_MS)
    sampler = core.sampler(history)
    sampler.begin(0)
    await sampler.sample()
    assert history.seen("Acme", "90min", AT_MS).posts[-6:] == (None, None, 1, 0, 0, 0)


async def test_a_service_that_was_never_there_before_heard_nothing_before_it_was() -> None:
    """Not even where its first posts are older than it is: a source hands over what it has."""
    history, core = History(None), Core()
    core.brand = Brand(BrandState(brand="Acme"))
    core.window = core.brand.state.window
    sampler = core.sampler(history)
    sampler.begin(0)
    await sampler.sample()
    assert set(history.seen("Acme", "90min", AT_MS).posts) == {None}, "and no zero"
    assert history.heard("Acme", 0, AT_MS) == set()
    core.at_ms += 10 * MINUTE_MS
    core.post(AT_MS - 40 * MINUTE_MS, 1)
    core.post(AT_MS + 7 * MINUTE_MS, 3)
    await sampler.sample()
    assert history.seen("Acme", "90min", core.at_ms).posts[-4:] == (None, None, 0, 3)
    figures = brand_now(core.brand, core.at_ms, heard_from_ms=sampler.heard_from_ms)
    assert figures.history[-4:] == (None, None, 0, 3)
    assert figures.listened_ms == AT_MS


async def test_a_disk_that_refuses_costs_nothing_else_and_is_written_to_again() -> None:
    history, core = History(None), Core()
    sampler = core.sampler(history)
    core.post(AT_MS - MINUTE_MS, 4)
    history._db.execute("PRAGMA query_only=ON")
    await sampler.sample()
    history._db.execute("PRAGMA query_only=OFF")
    await sampler.sample()
    assert history.seen("Acme", "90min", AT_MS).posts[-1] == 4
