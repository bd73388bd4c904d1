"""What each detector promises, one sentence a test. Streams are made from a seed; time is a number."""

import msgspec
import pytest

from detectors.baseline import DailyMaxima, Rhythm, score_of, tail_z
from detectors.feed import FeedSilence
from detectors.laws import START_MS, Dice, Walk, minute_part
from detectors.panel import Panel
from detectors.sentiment import NegativeShare
from detectors.virality import ViralThread
from detectors.volume import VolumeSurge
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, canonical
from stream.pulse import ClusterPart, Counts, Pulse, PulsePart, ThreadPart
from stream.sketches import add_to_registers, bit_of
from stream.window import ClosedMinute, SourceState, Window


class Brand:
    """A brand with a past: a detector taught ordinary days, then stepped minute by minute."""

    def __init__(self, detector, hours=96, rate_milli=1000, negative_milli=150, seed=1, day=lambda hour: 1000):
        self.walk = Walk(detector)
        self.dice = Dice(seed)
        self.rate_milli, self.negative_milli, self.day = rate_milli, negative_milli, day
        self.at_ms = START_MS
        for _ in range(hours * 60):
            self.ordinary(learn_only=True)

    def ordinary(self, learn_only=False):
        """One ordinary minute."""
        rate = self.rate_milli * self.day(self.at_ms // HOUR_MS % 24) // 1000
        part = minute_part(self.dice, self.dice.count(rate), self.negative_milli, self.at_ms)
        return self.minute(part, learn_only)

    def minute(self, part, learn_only=False):
        """One minute with this in it."""
        self.at_ms += MINUTE_MS
        signal = self.walk.step(self.at_ms - MINUTE_MS, part)
        return None if learn_only else signal

    def posts(self, count, negative_milli=None, thread=""):
        """One minute with this many posts, by as many people."""
        share = self.negative_milli if negative_milli is None else negative_milli
        return self.minute(minute_part(self.dice, count, share, self.at_ms, thread))


# -- volume --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_milli", [3, 100, 1_000, 60_000])
def test_a_surge_is_found_at_any_size_of_brand(rate_milli):
    """From four posts a day to a thousand a quarter of an hour: twelve times the usual (and a crowd) is found."""
    brand = Brand(VolumeSurge(), rate_milli=rate_milli, hours=80 if rate_milli < 60_000 else 73)
    assert all(brand.ordinary() is None for _ in range(60))
    per_minute = max(2, rate_milli * 12 // 1000)
    found = [brand.posts(per_minute) for _ in range(20)]
    assert any(s is not None and s.score >= 500 for s in found)


@pytest.mark.parametrize("rate_milli", [20, 300, 5_000])
def test_an_ordinary_fortnight_is_silent(rate_milli):
    """Chance alone, with a night and a day in it, is no finding."""
    brand = Brand(VolumeSurge(), rate_milli=rate_milli, hours=24, day=lambda hour: 300 if hour < 7 else 1300)
    found = [brand.ordinary() for _ in range((3 if rate_milli == 5_000 else 10) * 24 * 60)]
    assert [s for s in found if s is not None] == []


def test_a_page_may_come_inside_the_open_minute():
    """What an unfinished minute holds counts: nobody waits for its end."""
    brand = Brand(VolumeSurge(), rate_milli=1_000)
    window = brand.walk.window
    for _ in range(60):
        brand.ordinary()
    window.take(brand.at_ms, minute_part(brand.dice, 200, 100, brand.at_ms))
    window.at_ms = brand.at_ms + 20_000
    signal = brand.walk.detector.score_one(window)
    assert signal is not None
    assert (signal.page, signal.since_ms) == (True, brand.at_ms)
    assert signal.evidence["voices"] > 150


def test_a_cold_start_hears_a_huge_burst():
    """Seven hours after the first post ever, a hundredfold burst is found; a morning after a night is not."""
    brand = Brand(VolumeSurge(), hours=7, rate_milli=200)
    morning = [brand.posts(brand.dice.count(600)) for _ in range(60)]
    assert [s for s in morning if s is not None] == []
    assert any(s is not None for s in [brand.posts(20) for _ in range(10)])


def posts_of(brand, count, voices, texts):
    """One minute of posts by so many voices with so many texts."""
    part = PulsePart(counts=Counts(mentions=count))
    for i in range(count):
        voice, text = Dice(i % voices).next(), Dice(10_000 + i % texts).next()
        add_to_registers(part.counts.authors, voice)
        add_to_registers(part.counts.texts, text)
        part.voices[voice % 1024] = part.voices.get(voice % 1024, 0) + 1
    return part


@pytest.mark.parametrize(
    ("voices", "texts", "page", "notice"),
    [(1000, 1000, True, True), (1000, 1, False, True), (5, 1000, False, True), (1, 1000, False, False)],
    ids=["crowd", "headline", "five accounts", "one account"],
)
def test_repeats_are_visible_and_do_not_page(voices, texts, page, notice):
    """A thousand posts page when a thousand people wrote them; a copied headline or one account does not."""
    brand = Brand(VolumeSurge(), rate_milli=0)
    signal = brand.minute(posts_of(brand, 1000, voices, texts))
    assert signal is not None
    assert (signal.page, signal.score >= 500) == (page, notice)
    assert signal.evidence["loudest_posts"] >= 1000 // voices
    assert abs(signal.evidence["voices"] - voices) <= voices // 10


def test_wild_days_raise_the_threshold():
    """A brand with a burst every day needs more than a brand without."""
    tame, wild = Brand(VolumeSurge(), hours=24 * 8), Brand(VolumeSurge(), hours=0)
    for minute in range(24 * 8 * 60):
        posts = 15 if minute % 1440 < 15 else wild.dice.count(1000)
        wild.minute(minute_part(wild.dice, posts, 100, wild.at_ms), learn_only=True)
    burst = [(tame.posts(12), wild.posts(12)) for _ in range(10)]
    assert any(s is not None for s, _ in burst)
    assert all(s is None for _, s in burst)


def test_the_day_is_used_where_there_is_one_and_not_where_there_is_none():
    """A night five times quieter than the day is learnt and used; a brand without a night is left alone."""
    nightly, flat = Rhythm(), Rhythm()
    dice = Dice(4)
    for hour in range(24 * 10):
        nightly.learn(hour * HOUR_MS, 4.0 if hour % 24 < 8 else 9.0, 7.3)
        flat.learn(hour * HOUR_MS, 7.0 + dice.below(1000) / 1000, 7.5)
    assert nightly.used
    assert not flat.used
    assert nightly.factor(4 * HOUR_MS) < 0.7 < 1.1 < nightly.factor(15 * HOUR_MS)


def test_a_flood_of_two_days_does_not_put_the_day_out():
    """What is known of the hours is kept while it still helps."""

    def root(hour: int) -> float:
        return (6.2 if hour % 24 < 8 else 7.9) + (1.0 if hour // 24 % 2 else -1.0)

    rhythm = Rhythm()
    for hour in range(24 * 10):
        rhythm.learn(hour * HOUR_MS, root(hour), 7.3)
    assert rhythm.used
    for hour in range(24 * 10, 24 * 12):
        rhythm.learn(hour * HOUR_MS, root(hour) + 3.5, 7.3)
    assert rhythm.used


def test_what_hardly_helps_is_kept_and_not_taken_up():
    """At thirty-nine fortieths of the error a rhythm in use stays in use, and one that is not stays out."""
    known = Rhythm()
    for hour in range(24 * 6):
        known.learn(hour * HOUR_MS, 9.0 if hour % 24 > 7 else 3.0, 7.0)
    state = {**known.snapshot(), "errors": [(28_000.0).hex(), (27_300.0).hex()]}
    for helps in (True, False):
        rhythm = Rhythm.restore({**state, "helps": helps})
        rhythm.learn(24 * 6 * HOUR_MS, 7.0 * rhythm.factor(24 * 6 * HOUR_MS + HOUR_MS // 2), 7.0)
        assert rhythm.used is helps


def test_growth_is_the_levels_and_no_rhythm():
    """A brand that is listened to late, or grows, is above its level at every hour: its hours keep their proportions,
    and what is usual on a day is no more than the level says."""
    steady, growing = Rhythm(), Rhythm()
    for hour in range(24 * 10):
        root = 4.0 if hour % 24 < 8 else 9.0
        steady.learn(hour * HOUR_MS, root, 7.3)
        growing.learn(hour * HOUR_MS, root, 7.3 * 0.8)
    assert growing.used
    for rhythm in (steady, growing, Rhythm.restore(growing.snapshot())):
        hours = [rhythm.factor(hour * HOUR_MS + HOUR_MS // 2) for hour in range(24)]
        assert abs(sum(hours) / 24 - 1.0) < 1e-9
        assert 0.4 < min(hours) / max(hours) < 0.6


def test_a_night_burst_is_found_because_the_night_is_known():
    """Twice the noon at two in the night is found; with the rhythm put aside it would not be."""
    brand = Brand(VolumeSurge(), hours=24 * 9, rate_milli=2_000, day=lambda hour: 50 if hour < 8 else 1500)
    detector = brand.walk.detector
    assert detector.surge.rhythm.used
    assert [s for s in [brand.ordinary() for _ in range(120)] if s is not None] == []
    ignorant = VolumeSurge.restore(detector.snapshot())
    ignorant.surge._rhythm = Rhythm()
    found = [(brand.posts(6), ignorant.score_one(brand.walk.window)) for _ in range(60)]
    assert any(s is not None for s, _ in found)
    assert all(s is None for _, s in found)


# -- negativity ----------------------------------------------------------------------------------------------------


def test_a_turn_of_mood_is_found_and_pages_when_it_is_many():
    """The same number of posts, five times as many of them negative: found; a crowd of it pages."""
    brand = Brand(NegativeShare(), rate_milli=2_000)
    assert all(brand.ordinary() is None for _ in range(90))
    found = [brand.posts(2, 850) for _ in range(40)]
    first = next(i for i, s in enumerate(found) if s is not None)
    assert first <= 20
    assert found[-1] is not None
    assert (found[-1].page, found[-1].score >= 750) == (True, True)
    assert found[-1].observed > 600 > 250 > found[-1].expected


def test_a_few_angry_people_are_no_finding():
    """Four negative posts of four are a share of one, and nothing to say."""
    brand = Brand(NegativeShare(), rate_milli=500)
    for _ in range(100):
        brand.posts(0)
    assert [brand.posts(1, 1000) for _ in range(4)] == [None] * 4


def test_one_angry_account_is_no_crowd():
    """Fifty negative posts by one person are not a mood."""
    brand = Brand(NegativeShare(), rate_milli=500)
    part = PulsePart(counts=Counts(mentions=50, negative=50))
    add_to_registers(part.counts.negative_authors, 99)
    assert brand.minute(part) is None


def test_one_accounts_idle_talk_does_not_drown_the_anger_of_many():
    """Forty angry people are told, though one account puts ten neutral posts beside every two of them."""
    brand = Brand(NegativeShare(), rate_milli=1_000)
    found = []
    for _ in range(20):
        part = minute_part(brand.dice, 2, 1000, brand.at_ms)
        part.counts.mentions += 10
        part.counts.neutral += 10
        add_to_registers(part.counts.authors, 77)
        found.append(brand.minute(part))
    assert any(signal is not None and signal.page for signal in found)


def test_good_news_is_not_negative():
    """Twenty times the posts, of which half the usual share is angry, is no finding of this detector."""
    brand = Brand(NegativeShare(), rate_milli=1_000)
    assert [s for s in [brand.posts(20, 75) for _ in range(30)] if s is not None] == []


# -- virality ------------------------------------------------------------------------------------------------------


def doubling(brand, minutes, negative_milli=1000, voices=None):
    """A thread of 2 that doubles every ten minutes; the finding of each minute."""
    found, posts = [], 0
    start = brand.at_ms
    for minute in range(minutes):
        want = int(2 * 2 ** (minute / 10))
        part = minute_part(brand.dice, brand.dice.count(330), 150, brand.at_ms)
        joined = ThreadPart(first_ms=start)
        for i in range(posts, want):
            voice = brand.dice.next() if voices is None else i % voices
            negative = int(brand.dice.below(1000) < negative_milli)
            joined.add(ThreadPart(posts=1, negative=negative, scored=1, first_ms=start, voices=f"{bit_of(voice):x}"))
        if joined.posts:
            part.threads["ffff"] = joined
        posts = want
        found.append(brand.minute(part))
    return found


def test_a_doubling_complaint_is_told_within_half_an_hour_and_pages_within_fifty_minutes():
    """At a brand of twenty posts an hour, long before the volume shows it."""
    found = doubling(Brand(ViralThread(), rate_milli=330), 50)
    assert any(s is not None for s in found[:30])
    assert found[-1] is not None
    assert (found[-1].page, found[-1].evidence["thread"]) == (True, "ffff")


def test_a_doubling_joy_does_not_page():
    """The same growth without anger is a notice."""
    found = doubling(Brand(ViralThread(), rate_milli=330), 50, negative_milli=0)
    assert any(s is not None for s in found)
    assert not any(s.page for s in found if s is not None)


def test_two_quarrelling_people_are_no_crowd():
    """Sixty posts by two authors are a quarrel."""
    found = doubling(Brand(ViralThread(), rate_milli=330), 50, voices=2)
    assert [s for s in found if s is not None] == []


def test_a_brand_used_to_long_threads_is_not_told_of_each():
    """What this brand's threads do every day is not viral here."""
    brand = Brand(ViralThread(), hours=0)
    for day in range(6):
        for minute in range(1440):
            start = START_MS + day * DAY_MS + minute * MINUTE_MS
            threads = []
            if minute % 480 == 0:
                window = Window()
                for m in range(60):
                    voices = f"{(1 << (m + 1)) - 1:x}"
                    window.take(
                        start + m * MINUTE_MS, PulsePart(threads={"a": ThreadPart(2, 2, 2, 2, 0, 0, start, 0, voices)})
                    )
                threads = list(window.threads.values())
            pulse = Pulse(start_ms=start, end_ms=start + MINUTE_MS)
            brand.walk.detector.learn_one(ClosedMinute(pulse, threads), allowed=True)
    brand.at_ms = START_MS + 6 * DAY_MS
    found = doubling(brand, 45)
    assert [s for s in found[:35] if s is not None] == []


def test_a_copied_text_is_a_cluster():
    """Forty people posting one angry text in ten minutes."""
    brand = Brand(ViralThread())
    found = []
    for minute in range(10):
        part = PulsePart(counts=Counts(mentions=4))
        bits = sum(1 << (minute * 4 + i) for i in range(4))
        part.clusters["c0de"] = ClusterPart(4, 4, brand.at_ms, f"{bits:x}")
        found.append(brand.minute(part))
    assert found[-1] is not None
    assert found[-1].evidence["cluster"] == "c0de"
    assert found[-1].evidence["negative_share_milli"] == 1000


# -- feed ----------------------------------------------------------------------------------------------------------


def heard(brand, since=None):
    """The window of a brand whose one source was last heard when its last minute ended."""
    window = Window(at_ms=brand.at_ms)
    window.sources["x"] = SourceState(last_ms=brand.at_ms if since is None else since)
    return window


@pytest.mark.parametrize("rate_milli", [700, 7_000])
def test_a_source_is_due_to_the_millisecond(rate_milli):
    """At `due_ms` the silence is found; one millisecond before it is not."""
    brand = Brand(FeedSilence(), hours=100, rate_milli=rate_milli)
    window = heard(brand)
    due_ms = brand.walk.detector.due_ms(window)
    assert due_ms is not None
    window.at_ms = due_ms - 1
    assert brand.walk.detector.score_one(window) is None
    window.at_ms = due_ms
    signal = brand.walk.detector.score_one(window)
    assert signal is not None
    assert signal.score >= 500
    assert signal.evidence["state"] == "silent"
    assert signal.since_ms == brand.at_ms
    assert due_ms - brand.at_ms <= HOUR_MS


def test_a_night_is_not_blindness():
    """Nobody posts from midnight to seven: after a few nights that is known, and by day the same gap is not."""
    brand = Brand(FeedSilence(), hours=24 * 8, rate_milli=400, day=lambda hour: 0 if hour < 7 else 1000)
    window = heard(brand)
    window.at_ms = brand.at_ms + 7 * HOUR_MS
    assert brand.walk.detector.score_one(window) is None
    day_window = heard(brand, brand.at_ms + 9 * HOUR_MS)
    day_window.at_ms = brand.at_ms + 23 * HOUR_MS
    assert brand.walk.detector.score_one(day_window) is not None


def test_the_first_night_of_a_small_brand_is_not_blindness():
    """Twelve hours are known, none of them a night: six silent hours at twenty posts an hour prove nothing yet."""
    brand = Brand(FeedSilence(), hours=12, rate_milli=330)
    window = heard(brand)
    window.at_ms = brand.at_ms + 6 * HOUR_MS
    assert brand.walk.detector.score_one(window) is None


@pytest.mark.parametrize("state", ["silent", "lagging", "capped"])
def test_what_a_source_says_of_itself_counts_at_once(state):
    """Without any past, and for as long as it says so."""
    window = Window(at_ms=1_000_000)
    window.sources["x"] = SourceState(last_ms=990_000, status=state, status_since_ms=995_000)
    signal = FeedSilence().score_one(window)
    assert signal is not None
    assert (signal.evidence["state"], signal.since_ms, signal.page) == (state, 995_000, False)
    window.sources["x"].status = "ok"
    assert FeedSilence().score_one(window) is None


def test_the_cache_of_due_times_is_never_stale():
    """A detector that was asked all the time and one restored from its snapshot name the same time."""
    brand = Brand(FeedSilence(), hours=80, rate_milli=700)
    detector = brand.walk.detector
    window = heard(brand)
    for _ in range(200):
        detector.due_ms(window)
        brand.ordinary(learn_only=True)
        assert detector.due_ms(window) == FeedSilence.restore(detector.snapshot()).due_ms(window)


# -- together ------------------------------------------------------------------------------------------------------


def test_the_panel_asks_all_and_sorts_by_kind():
    """A storm is seen from three sides, in the order of the kinds; the panel survives a restart."""
    brand = Brand(Panel.shipped(), hours=0)
    panel = Panel.shipped()
    dice = Dice(5)
    for minute in range(96 * 60):
        start = START_MS + minute * MINUTE_MS
        part = minute_part(dice, dice.count(1000), 150, start)
        panel.learn(ClosedMinute(Pulse(start_ms=start, end_ms=start + MINUTE_MS, counts=part.counts)), allowed=True)
    window = Window()
    at_ms = START_MS + 96 * HOUR_MS
    for minute in range(30):
        window.take(at_ms + minute * MINUTE_MS, minute_part(dice, 30, 900, at_ms, "storm"))
    window.at_ms = at_ms + 30 * MINUTE_MS
    window.sources["x"] = SourceState(last_ms=window.at_ms)
    again = Panel.restore(msgspec.json.decode(canonical(panel.snapshot())))
    signals = panel.score(window)
    assert [s.kind for s in signals] == ["negativity", "virality", "volume"]
    assert canonical(again.score(window)) == canonical(signals)
    assert 50 <= panel.expected_per_hour(window) <= 70
    assert 130 <= panel.usual_negative_share_milli <= 170
    assert panel.due_ms(window) == window.at_ms + 1
    assert brand.at_ms == START_MS


def test_scores_climb_with_what_is_seen_and_never_fall():
    """500 at the threshold, 750 where a page begins, below 1000 for ever."""
    scores = [score_of(value, 6000, 1200) for value in range(0, 40_000, 7)]
    assert scores == sorted(scores)
    assert score_of(6000, 6000, 1200) == 500
    assert score_of(7200, 6000, 1200) == 750
    assert scores[-1] < 1000


def test_a_tail_grows_with_the_count_and_shrinks_with_clumping():
    """More posts are less likely; where posts come in clumps, less so."""
    plain = [tail_z(count, 0.5, 0.5) for count in range(40)]
    clumped = [tail_z(count, 0.5, 3.0) for count in range(40)]
    assert plain == sorted(plain)
    assert all(c <= p for p, c in zip(plain, clumped, strict=True))


def test_maxima_forget_after_their_days():
    """A wild day two months ago no longer raises the threshold."""
    days = DailyMaxima(keep=10)
    days.see(0, 9_000)
    for day in range(1, 13):
        days.see(day * DAY_MS, 100)
    assert days.greatest == 100
    assert DailyMaxima.restore(days.snapshot(), 10).quantile_milli(900) == 100
