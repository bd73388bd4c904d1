"""A brand in figures: what pages and metrics say of it is what its detectors go by, and asking changes nothing."""

from detectors.detector import NOTICE
from detectors.panel import Panel
from stream.codec import HOUR_MS, MINUTE_MS, canonical
from stream.pulse import Counts, Pulse, PulsePart
from stream.window import OPEN_END, ClosedMinute, SourceState
from tocsin.brand_now import Heard, brand_now, notice_at
from tocsin.state import Brand, BrandState

DAY_MS = 24 * HOUR_MS
AT_MS = 1_795_399_200_000
PER_MINUTE = 2


def learnt(days: int = 4) -> Brand:
    """A brand of two posts a minute, one in eight of them negative, that was listened to for so long."""
    brand = Brand(BrandState(brand="Acme"))
    for start_ms in range(AT_MS - days * DAY_MS, AT_MS - 90 * MINUTE_MS, MINUTE_MS):
        negative = int(start_ms // MINUTE_MS % 4 == 0)
        counts = Counts(mentions=PER_MINUTE, negative=negative, angry=negative, neutral=PER_MINUTE - negative)
        pulse = Pulse(start_ms=start_ms, end_ms=start_ms + MINUTE_MS, counts=counts, complete=True)
        brand.panel.learn(ClosedMinute(pulse), allowed=True)
    for start_ms in range(AT_MS - 90 * MINUTE_MS, AT_MS, MINUTE_MS):
        take(brand, start_ms, PER_MINUTE)
    brand.state.window.at_ms = AT_MS
    return brand


def take(brand: Brand, start_ms: int, posts: int, angry: int = 0) -> None:
    part = PulsePart(counts=Counts(mentions=posts, negative=angry, angry=angry, neutral=posts - angry))
    brand.state.window.take(start_ms, part)


def flood(brand: Brand, posts: int = 300) -> None:
    """So many posts in each of the last five minutes, nearly all of them angry."""
    for start_ms in range(AT_MS - 5 * MINUTE_MS, AT_MS, MINUTE_MS):
        take(brand, start_ms, posts, posts * 9 // 10)


def test_what_is_heard_is_what_the_open_minutes_hold() -> None:
    brand = learnt()
    flood(brand, 10)
    figures = brand_now(brand, AT_MS)
    assert figures.recent == Heard(posts=60, judged=60, negative=45)
    assert figures.recent.share_milli == 750
    assert figures.history == (*[10] * 17, 60)
    assert figures.negatives == (*[0] * 17, 45)
    assert figures.hour.posts == 55 * PER_MINUTE + 60


def test_what_is_usual_is_what_the_volume_detector_expects() -> None:
    brand = learnt()
    usual = brand_now(brand, AT_MS).usual
    assert usual.hour == brand.panel.expected_per_hour(brand.state.window)
    assert abs(usual.posts_milli - 10_000) < 500
    assert usual.lower <= 10 <= usual.upper < usual.notice
    assert usual.share_milli == brand.panel.usual_negative_share_milli


def test_from_as_many_posts_as_are_worth_a_notice_the_detector_says_so() -> None:
    notice = brand_now(learnt(), AT_MS).usual.notice
    for posts, found in ((notice // 2, False), (notice * 2, True)):
        brand = learnt()
        take(brand, AT_MS - MINUTE_MS, posts - 10)
        signal = brand.panel.volume.score_one(brand.state.window)
        assert (signal is not None) == found, (posts, notice)


def test_a_standing_has_the_score_of_the_signal_and_is_below_a_notice_without_one() -> None:
    calm, angry = learnt(), learnt()
    flood(angry)
    for brand in (calm, angry):
        figures = brand_now(brand, AT_MS)
        signals = {signal.kind: signal.score for signal in brand.panel.score(brand.state.window)}
        assert [one.kind for one in figures.standings] == ["negativity", "virality", "volume"]
        for one in figures.standings:
            assert one.warm
            assert one.score == signals.get(one.kind, one.score)
            assert (one.score >= NOTICE) == (one.kind in signals), one
    assert {one.kind for one in figures.standings if one.score >= NOTICE} == {"negativity", "volume"}


def test_asking_changes_nothing_that_is_kept_and_no_finding() -> None:
    asked, unasked = learnt(), learnt()
    flood(asked)
    flood(unasked)
    before = canonical(asked.panel.snapshot())
    for later_ms in (0, 1_000, MINUTE_MS):
        brand_now(asked, AT_MS + later_ms)
    assert canonical(asked.panel.snapshot()) == before
    assert asked.panel.score(asked.state.window) == unasked.panel.score(unasked.state.window)
    assert canonical(asked.panel.snapshot()) == canonical(unasked.panel.snapshot())


def test_what_has_slid_out_of_a_detectors_view_stands_out_no_more() -> None:
    brand = learnt()
    flood(brand)
    volume = brand_now(brand, AT_MS).standings[2]
    later = brand_now(brand, AT_MS + volume.span_ms).standings[2]
    assert volume.score >= NOTICE
    assert (later.score, later.value, later.notice) == (0, 0, volume.notice)


def test_a_brand_that_was_not_learnt_says_so_and_is_measured_by_nothing() -> None:
    brand = Brand(BrandState(brand="Acme"))
    take(brand, AT_MS - MINUTE_MS, 500)
    brand.state.window.at_ms = AT_MS
    figures = brand_now(brand, AT_MS)
    assert figures.is_learning
    assert figures.recent.posts == 500
    assert (figures.usual.posts_milli, figures.usual.notice) == (0, 0)
    assert not any(one.warm or one.score for one in figures.standings)


def test_minutes_in_which_nobody_listened_are_gaps_and_no_zeros() -> None:
    brand = Brand(BrandState(brand="Acme"))
    assert set(brand_now(brand, AT_MS).history) == {None}, "nothing was ever heard"
    take(brand, AT_MS - 22 * MINUTE_MS, 3, 1)
    take(brand, AT_MS - MINUTE_MS, 7)
    brand.state.window.at_ms = AT_MS
    figures = brand_now(brand, AT_MS)
    assert figures.history == (*[None] * 13, 3, 0, 0, 0, 7)
    assert figures.negatives == (*[None] * 13, 1, 0, 0, 0, 0)
    assert figures.listened_ms == AT_MS - 22 * MINUTE_MS
    again = brand_now(brand, AT_MS, heard_from_ms=AT_MS - 10 * MINUTE_MS)
    assert again.history == (*[None] * 13, 3, None, None, 0, 7), "what came all the same is counted"


def test_what_was_not_listened_to_long_enough_says_how_long_it_was() -> None:
    """Twenty posts of twelve minutes are no measure against an hour."""
    brand = Brand(BrandState(brand="Acme"))
    heard = brand_now(brand, AT_MS)
    assert (heard.recent_heard_ms, heard.hour_heard_ms) == (0, 0), "nothing was ever heard"
    take(brand, AT_MS - 12 * MINUTE_MS, 3)
    for since_ms, recent_ms, hour_ms in (
        (0, 5 * MINUTE_MS, 12 * MINUTE_MS),
        (AT_MS - 2 * MINUTE_MS, 2 * MINUTE_MS, 2 * MINUTE_MS),
        (AT_MS + 9 * MINUTE_MS, 0, 0),
    ):
        heard = brand_now(brand, AT_MS, heard_from_ms=since_ms)
        assert (heard.recent_heard_ms, heard.hour_heard_ms) == (recent_ms, hour_ms)
    late = brand_now(brand, AT_MS + HOUR_MS)
    assert (late.recent_heard_ms, late.hour_heard_ms) == (5 * MINUTE_MS, HOUR_MS)


def test_what_is_worth_a_notice_is_known_of_any_minute() -> None:
    brand = learnt()
    assert notice_at(brand, AT_MS) == brand_now(brand, AT_MS).usual.notice > 0
    assert notice_at(Brand(BrandState(brand="Acme")), AT_MS) == 0


def test_a_blind_brand_and_its_sources_say_since_when() -> None:
    brand = learnt(1)
    window = brand.state.window
    window.blind.append((AT_MS - 7 * MINUTE_MS, OPEN_END))
    window.sources["news"] = SourceState(last_ms=AT_MS - HOUR_MS, status="silent", status_since_ms=AT_MS - 9)
    window.sources["forum"] = SourceState(last_ms=AT_MS - 60)
    figures = brand_now(brand, AT_MS)
    assert figures.blind_since_ms == AT_MS - 7 * MINUTE_MS
    assert [(one.source, one.status) for one in figures.sources] == [("forum", "ok"), ("news", "silent")]
    assert figures.newest_ms == AT_MS - 60
    window.blind[-1] = (AT_MS - 7 * MINUTE_MS, AT_MS)
    assert brand_now(brand, AT_MS).blind_since_ms == 0


def test_a_restored_brand_says_the_same() -> None:
    brand = learnt(1)
    flood(brand)
    restored = Panel.restore(brand.panel.snapshot())
    again = Brand(BrandState(brand="Acme", window=brand.state.window))
    again.panel = restored
    assert brand_now(again, AT_MS).standings == brand_now(brand, AT_MS).standings
