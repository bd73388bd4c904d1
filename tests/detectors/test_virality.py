"""One conversation, one copied text, or one post that many like: told when it outgrows this brand's own."""

import pytest

from detectors.laws import START_MS, Dice, Walk, minute_part
from detectors.virality import ViralThread
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.pulse import ClusterPart, Counts, Engagement, Pulse, PulsePart, ThreadPart
from stream.sketches import bit_of
from stream.window import ClosedMinute, Thread, Window

ROOT = "ffff"


class Brand:
    """A brand of twenty mentions an hour that was listened to for four days; then minute by minute."""

    def __init__(self, seed=1, hours=96):
        self.walk = Walk(ViralThread())
        self.dice = Dice(seed)
        self.at_ms = START_MS
        for _ in range(hours * 60):
            pulse = Pulse(start_ms=self.at_ms, end_ms=self.at_ms + MINUTE_MS)
            self.walk.detector.learn_one(ClosedMinute(pulse), allowed=True)
            self.at_ms += MINUTE_MS
        self.walk.window.learnt_ms = self.walk.window.started_ms = self.at_ms

    def minute(self, **tables):
        """One ordinary minute with this besides."""
        part = minute_part(self.dice, self.dice.count(333), 150, self.at_ms)
        for name, table in tables.items():
            getattr(part, name).update(table)
        self.at_ms += MINUTE_MS
        return self.walk.step(self.at_ms - MINUTE_MS, part)

    def doubling(self, minutes, *, root_negative=1, voices=None, **each):
        """A thread of 2 that doubles every ten minutes; `each` is what every post but the first counts for."""
        found, posts, first_ms = [], 0, self.at_ms
        for minute in range(minutes):
            want = int(2 * 2 ** (minute / 10))
            joined = ThreadPart(first_ms=first_ms)
            for n in range(posts, want):
                voice = self.dice.next() if voices is None else n % voices
                who = f"{bit_of(voice):x}"
                if n == 0:
                    joined.add(
                        ThreadPart(1, root_negative, 1, first_ms=first_ms, voices=who, root_negative=root_negative)
                    )
                else:
                    joined.add(ThreadPart(posts=1, first_ms=self.at_ms, voices=who, **each))
            found.append(self.minute(threads={ROOT: joined} if joined.posts else {}))
            posts = want
        return found

    def liked(self, counts, *, negative=True, every=5):
        """A post whose likes are looked at every few minutes."""
        first_ms = self.at_ms
        root = ThreadPart(1, int(negative), 1, first_ms=first_ms, voices="1", root_negative=int(negative))
        found = [self.minute(threads={ROOT: root})]
        for count in counts:
            found.append(self.minute(engagement={ROOT: Engagement(self.at_ms + 1_000, likes=count)}))
            found += [self.minute() for _ in range(every - 1)]
        return found


def told(found):
    """The minutes in which there was a finding."""
    return [minute for minute, signal in enumerate(found) if signal is not None]


@pytest.mark.parametrize(
    "each",
    [
        {"negative": 1, "scored": 1, "replies": 1},
        {"reposts": 1},
        {"quotes": 1, "scored": 1},
        {"replies": 1},
    ],
    ids=["angry replies", "reposts without words", "neutral quotes", "replies in a language nobody judges"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_complaint_that_doubles_is_told_in_half_an_hour_and_pages_in_fifty_minutes(each, seed):
    """Whatever those who spread it say of their own: the first post is the complaint."""
    found = Brand(seed).doubling(50, **each)
    assert told(found)[0] < 30
    pages = [minute for minute, signal in enumerate(found) if signal is not None and signal.page]
    assert pages
    assert pages[0] < 50


def test_praise_that_doubles_is_told_and_does_not_page():
    """The same growth under a first post that nobody minds."""
    found = Brand().doubling(50, root_negative=0, positive=1, scored=1, replies=1)
    assert told(found)
    assert not any(signal.page for signal in found if signal is not None)


def test_a_complaint_that_everybody_contradicts_does_not_page():
    """A negative first post under which most defend the brand is not a crowd of complaints."""
    found = Brand().doubling(50, positive=1, scored=1, replies=1)
    assert told(found)
    assert not any(signal.page for signal in found if signal is not None)


def test_a_quarrel_of_two_is_no_crowd():
    """As many posts by two authors are not told at all."""
    assert told(Brand().doubling(60, voices=2, negative=1, scored=1)) == []


def test_likes_that_explode_under_a_complaint_page_and_under_praise_do_not():
    """One post and no reply: the platform's own count of likes shows how it spreads."""
    counts = [4, 15, 40, 90, 180, 320, 600]
    angry, glad = Brand().liked(counts), Brand().liked(counts, negative=False)
    assert told(angry)[0] <= 25
    assert angry[-1].page
    assert (angry[-1].observed, angry[-1].evidence["likes"]) == (600, 600)
    assert told(glad)
    assert not any(signal.page for signal in glad if signal is not None)


def test_likes_that_stand_still_are_old_news():
    """A thousand likes that a post already had when it was first looked at, and no more since: not told for long."""
    found = Brand().liked([1_000] * 12)
    assert all(signal is None for signal in found[45:])


def test_a_brand_used_to_likes_is_not_told_of_them():
    """What this brand's posts get every day is its own measure."""
    brand = Brand()
    for day in range(5):
        at_ms = brand.at_ms - (5 - day) * DAY_MS
        popular = Thread(
            "p", at_ms, 1, by_minute={at_ms: 1}, endorsed={at_ms + m * MINUTE_MS: 20 * m for m in range(90)}
        )
        pulse = Pulse(start_ms=at_ms, end_ms=at_ms + MINUTE_MS)
        brand.walk.detector.learn_one(ClosedMinute(pulse, [popular]), allowed=True)
    assert told(brand.liked([5, 20, 60, 120, 250, 400])) == []


def test_an_old_post_is_judged_by_what_it_gained():
    """Posted hours ago with 5,000 likes and nothing new: silence; 400 more within half an hour: told."""
    window = Window()
    detector = Brand().walk.detector
    at_ms = START_MS + 5 * DAY_MS
    old = Thread(ROOT, at_ms - 6 * HOUR_MS, 1, 1, 1, voices="1", by_minute={at_ms - HOUR_MS: 1}, root_negative=1)
    old.endorsed = {at_ms - 100 * MINUTE_MS: 5_000, at_ms - MINUTE_MS: 5_000}
    window.at_ms, window.threads = at_ms, {ROOT: old}
    assert detector.score_one(window) is None
    old.endorsed[at_ms - MINUTE_MS] = 5_400
    signal = detector.score_one(window)
    assert (signal.observed, signal.page) == (400, True)


def test_the_forecast_rides_with_the_finding():
    """How many posts the next hour brings, from where to where, and how fast it doubles."""
    signal = Brand().doubling(45, reposts=1)[-1]
    low, said, high = (signal.evidence[name] for name in ("next_hour_low", "next_hour", "next_hour_high"))
    assert 0 < low < said < high
    assert 6 <= signal.evidence["doubling_minutes"] <= 25


def test_a_copied_text_alone_never_pages():
    """A headline that 249 people pass on in ten minutes is told, however bad its news."""
    brand, found = Brand(), []
    for minute in range(10):
        voices = (2**25 - 1) << (25 * minute)
        found.append(brand.minute(clusters={"c0de": ClusterPart(25, 25, START_MS + 4 * DAY_MS, f"{voices:x}")}))
    assert told(found)
    assert not any(signal.page for signal in found if signal is not None)


def test_engagement_of_a_post_that_is_no_longer_open_is_not_lost():
    """Its part belongs to an old minute, its likes to the time at which they were seen."""
    window = Window()
    first_ms = START_MS
    window.take(first_ms, PulsePart(counts=Counts(mentions=1), threads={ROOT: ThreadPart(1, first_ms=first_ms)}))
    for minute in range(0, 200, 10):
        at_ms = first_ms + minute * MINUTE_MS
        window.take(first_ms, PulsePart(engagement={ROOT: Engagement(at_ms, likes=minute, reposts=1)}))
        window.at_ms = at_ms + MINUTE_MS
        window.cut()
        window.close()
    assert window.threads[ROOT].endorsements == 191
    assert window.history == 0


def test_what_is_observed_in_any_order_ties_to_its_thread_alike():
    """Likes and their post in one grid point: whichever part is taken first, the same thread."""
    post = PulsePart(threads={ROOT: ThreadPart(1, 1, 1, first_ms=START_MS, root_negative=1)})
    likes = [PulsePart(engagement={ROOT: Engagement(START_MS + n, likes=n)}) for n in (30, 70)]
    windows = []
    for order in ((post, *likes), (likes[1], post, likes[0]), (*likes, post)):
        window = Window(at_ms=START_MS + MINUTE_MS)
        for part in order:
            window.take(START_MS, part)
        window.cut()
        windows.append(window.threads)
    assert windows[0] == windows[1] == windows[2]
    assert windows[0][ROOT].endorsements == 70


def test_a_dozen_copies_are_nothing_at_a_large_brand():
    """Fourteen copies of one text: told where nothing else is said, and lost among hundreds."""
    for per_minute, is_told in ((0, True), (30, False)):
        brand, found = Brand(), []
        first_ms = brand.at_ms
        for minute in range(14):
            crowd = minute_part(brand.dice, per_minute, 150, brand.at_ms)
            crowd.clusters["c0de"] = ClusterPart(1, 0, first_ms, f"{1 << minute:x}")
            brand.at_ms += MINUTE_MS
            found.append(brand.walk.step(brand.at_ms - MINUTE_MS, crowd))
        assert bool(told(found)) == is_told


def thread_of(people, at_ms):
    """A conversation of so many within its first ten minutes."""
    return Thread("t", at_ms, people, voices=f"{(1 << people) - 1:x}", by_minute={at_ms: people})


@pytest.mark.parametrize("real", [True, False])
def test_what_nobody_took_is_learnt_and_what_somebody_took_is_not(real):
    """Eleven times a conversation of thirty opened an incident: told for ever only if each was a crisis."""
    brand = Brand()
    detector = brand.walk.detector
    for _ in range(11):
        for minute in range(24 * 60):
            pulse = Pulse(start_ms=brand.at_ms, end_ms=brand.at_ms + MINUTE_MS)
            crowd = [thread_of(30, brand.at_ms)] if minute == 700 else []
            detector.learn_one(ClosedMinute(pulse, crowd), allowed=minute != 700)
            brand.at_ms += MINUTE_MS
        detector.judged("taken" if real else "unclaimed")
    brand.walk.window.learnt_ms = brand.walk.window.started_ms = brand.at_ms
    assert bool(told(brand.doubling(38, reposts=1))) == real


def test_two_wild_days_move_no_bar():
    """A fortnight, then two days of conversations of three hundred that were learnt: a complaint is told as before."""
    calm, wild = Brand(hours=0), Brand(hours=0)
    for day in range(18):
        for brand in (calm, wild):
            people = 250 if brand is wild and day in (14, 15) else 6
            at_ms = brand.at_ms
            for minute in range(24 * 60):
                pulse = Pulse(start_ms=at_ms, end_ms=at_ms + MINUTE_MS)
                crowd = [thread_of(people, at_ms)] if minute == 700 else []
                brand.walk.detector.learn_one(ClosedMinute(pulse, crowd), allowed=True)
                at_ms += MINUTE_MS
            brand.at_ms = at_ms
            brand.walk.window.learnt_ms = brand.walk.window.started_ms = at_ms
    assert told(calm.doubling(50, reposts=1))[0] == told(wild.doubling(50, reposts=1))[0]
