"""Every detector earns its place, and so does every guard: without it a crisis is missed, or a quiet stream is told.

A made-up brand lives for days through the whole core. Then one moment is lived twice, as shipped and with a part taken
out; nothing else differs.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest

import detectors.budget
import detectors.crowd
import detectors.feed
import detectors.panel
import detectors.sentiment
import detectors.surge
import detectors.virality
import detectors.volume
import tocsin.engine
from alerting.decision import Decision
from alerting.facts import BLIND
from benchmarks.poison import thresholds_of
from benchmarks.running import Run, contents_for, tells, wakes
from benchmarks.streams import STEP_MS
from detectors.baseline import Rhythm
from detectors.sentiment import NegativeShare
from detectors.virality import Finding
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.window import Window
from tests.faults.rows import fired, row
from tocsin.planting import Liked, Plant, Post, angry_mood, parts_of

START_MS = 20_514 * DAY_MS
FLAT = (1.0,) * 24
TIDE = tuple(1.0 + 0.9 * math.cos(math.tau * hour / 24) for hour in range(24))
"""Twenty times as much at midnight as at noon: whoever posts lives on the other side of the world."""
USUAL_MILLI = 180
"""Of the posts, negative ones."""

Make = Callable[[int], Sequence[Post]]
"""Posts from a moment on."""
Lives = Callable[[], "Life"]


class Brand(NamedTuple):
    """A made-up brand and how long it was listened to."""

    per_hour: float = 30
    day: tuple[float, ...] = FLAT
    days: int = 10
    hour: int = 13
    seed: int = 2

    @property
    def now_ms(self) -> int:
        """The moment at which its lives part."""
        return START_MS + self.days * DAY_MS + self.hour * HOUR_MS

    def quiet(self, since_ms: int, until_ms: int) -> list[Post]:
        """What is said on ordinary days, each by somebody else: the same for the same minute."""
        posts = []
        for minute_ms in range(since_ms, until_ms, MINUTE_MS):
            rng = Random(f"{self.seed}/{minute_ms}")
            rate = self.per_hour * self.day[minute_ms // HOUR_MS % 24] / 60
            for _ in range(sum(rng.random() * 60 < rate for _ in range(60))):
                mood, score = angry_mood(rng, USUAL_MILLI)
                at_ms = minute_ms + rng.randrange(MINUTE_MS)
                voice, text = rng.getrandbits(64), rng.getrandbits(64)
                posts.append(Post(at_ms=at_ms, voice=voice, text=text, mood=mood, score=score))
        return posts


@functools.lru_cache(maxsize=12)
def past(brand: Brand) -> tuple[Run, bytes]:
    """The brand's ordinary days, and what is known at their end."""
    contents, digest = contents_for("Acme")
    run = Run.begin("Acme", contents, digest, START_MS)
    run.live(parts_of(brand.quiet(START_MS, brand.now_ms), step_ms=STEP_MS), brand.now_ms)
    return run, run.snapshot()


class Life(NamedTuple):
    """What was decided from a moment on; times are minutes after it."""

    at_ms: int
    decisions: list[Decision]

    def minutes(self, of: Callable[[Decision], bool]) -> list[float]:
        """When such decisions fell."""
        return [(d.at_ms - self.at_ms) / MINUTE_MS for d in self.decisions if of(d)]

    @property
    def told(self) -> float:
        """When somebody first heard of the brand's trouble (a day: never)."""
        return min(self.minutes(tells), default=1440.0)

    @property
    def paged(self) -> float:
        """When somebody was first woken for it (a day: never)."""
        return min(self.minutes(wakes), default=1440.0)

    @property
    def blind(self) -> float:
        """When it was first said that we do not hear (a day: never)."""
        return min(self.minutes(lambda d: d.kind == "OpenIncident" and d.scenario == BLIND), default=1440.0)

    @property
    def worst(self) -> set[str]:
        """The severities that were told."""
        return {d.severity for d in self.decisions if tells(d)}


def lived(
    brand: Brand,
    planted: Make,
    hours: int = 1,
    *,
    likes: Callable[[int], Sequence[Liked]] = lambda _: (),
    heard: Callable[[int], bool] = lambda _: True,
    change: Callable[[Any], None] = lambda _: None,
) -> Life:
    """Live on for some hours with something planted.

    `heard` says which minutes we hear, `change` alters the panel.
    """
    run, snapshot = past(brand)
    at_ms = brand.now_ms
    branch = run.split(snapshot, run.sealed)
    change(branch.engine._brands["Acme"].panel)
    posts = [*brand.quiet(at_ms, at_ms + hours * HOUR_MS), *planted(at_ms)]
    posts = sorted((p for p in posts if heard((p.at_ms - at_ms) // MINUTE_MS)), key=lambda p: (p.at_ms, p.voice))
    parts = parts_of(posts, step_ms=STEP_MS, likes=likes(at_ms))
    return Life(at_ms, list(branch.feed(parts, at_ms + hours * HOUR_MS)))


def without(kind: str) -> Callable[[Any], None]:
    """Silence a detector: it goes on learning, and others may read what it learnt."""

    def silence(panel: Any) -> None:
        detector = next(d for d in panel._detectors if d.kind == kind)
        asked = detector.score_one

        def score_one(window: Window) -> None:
            asked(window)

        detector.score_one = score_one

    return silence


@contextmanager
def taken_out(owner: Any, name: str, instead: Any) -> Iterator[None]:
    """Put something harmless in a guard's place for a while."""
    kept = getattr(owner, name)
    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, kept)


# -- what is planted ---------------------------------------------------------------------------------------------------


def plant(kind: Any, size_milli: int = 5_000, negative_milli: int = 400, **shape: int) -> Make:
    """A crisis of `tocsin.planting` against thirty posts an hour."""
    return lambda at_ms: Plant(kind, size_milli, negative_milli, **shape).posts(at_ms, 30_000, "a")


def crowd(
    count: int, minutes: float, angry: int = 0, *, voices: int = 0, texts: int = 0, mood: int = 0, **given: Any
) -> Make:
    """So many posts, evenly, of which so many are angry, evenly too; by so many voices and in so many texts (0: each
    its own); `mood` is that of the others."""

    def posts(at_ms: int) -> list[Post]:
        made = []
        for n in range(count):
            rng = Random(f"crowd/{n}")
            negative = (n + 1) * angry // count > n * angry // count
            made.append(
                Post(
                    at_ms=at_ms + int(n * minutes * MINUTE_MS / count),
                    voice=Random(f"voice/{n % voices}").getrandbits(64) if voices else rng.getrandbits(64),
                    text=Random(f"text/{n % texts}").getrandbits(64) if texts else rng.getrandbits(64),
                    mood=-1 if negative else mood,
                    score=-500 if negative else 0,
                    **given,
                )
            )
        return made

    return posts


def conversation(count: int, minutes: float, *, root: int = -1, joined: int = 2, voices: int = 0) -> Make:
    """A first post of one mood, and replies of another (2: in words that nobody here can judge)."""

    def posts(at_ms: int) -> list[Post]:
        first, *rest = crowd(count, minutes, voices=voices, mood=joined, thread="00c0ffee")(at_ms)
        replies = [msgspec.structs.replace(post, join="reply") for post in rest]
        return [msgspec.structs.replace(first, mood=root, score=600 * root), *replies]

    return posts


def nothing(_at_ms: int) -> list[Post]:
    """An ordinary hour."""
    return []


def test_ordinary_hours_alone_tell_nobody() -> None:
    """Else little would follow from the rest."""
    for brand in (Brand(), Brand(0.5), Brand(2), Brand(4)):
        assert lived(brand, nothing, 7).decisions == []


# -- each detector -----------------------------------------------------------------------------------------------------


def test_without_volume_a_flood_that_nobody_can_judge_is_not_told_at_once() -> None:
    """Eight times the posts, in a language that no scorer here reads: their number is all there is to see."""

    def flood(at_ms: int) -> list[Post]:
        return [msgspec.structs.replace(post, mood=2, score=0) for post in plant("burst", 8_000)(at_ms)]

    assert lived(Brand(), flood).told <= 2
    assert lived(Brand(), flood, change=without("volume")).told >= 20


def test_without_volume_a_crisis_is_never_critical() -> None:
    """Five times the usual at 90 % negative is critical; seen by its anger alone, it is one among many."""
    assert "critical" in lived(Brand(), plant("burst", 8_000, 900)).worst
    assert "critical" not in lived(Brand(), plant("burst", 8_000, 900), change=without("volume")).worst


def unburning(panel: Any) -> None:
    """Take the slow burn out."""
    panel.volume.surge.six_hours = lambda window: 0


def test_without_the_slow_burn_six_hours_of_half_as_much_again_are_not_told() -> None:
    """No hour of it stands out: only all of them together do."""
    burn = plant("steady", 3_600, 180, last_ms=6 * HOUR_MS)
    assert lived(Brand(), burn, 6).told <= 350
    assert lived(Brand(), burn, 6, change=unburning).told == 1440


def test_without_its_six_hours_slow_anger_wakes_nobody() -> None:
    """Twenty-seven more posts in each hour of a hundred, three of five angry: no hour has a crowd, six of them do."""

    def burn(at_ms: int) -> list[Post]:
        return Plant("steady", 1_600, 600, last_ms=6 * HOUR_MS).posts(at_ms, 100_000, "a")

    brand = Brand(100, days=16)
    assert lived(brand, burn, 6).paged <= 360
    with taken_out(NegativeShare, "_six_hours", lambda detector, window: (0, 0, 0)):
        assert lived(brand, burn, 6).paged == 1440


def test_without_negativity_a_crisis_wakes_nobody() -> None:
    """Five times the hour's posts, two of five angry: paged in minutes, and else told as many posts among others."""
    assert lived(Brand(), plant("burst")).paged <= 10
    assert lived(Brand(), plant("burst"), change=without("negativity")).paged == 1440


def test_without_negativity_fifteen_angry_people_are_not_heard() -> None:
    """A brand of two mentions an hour; volume alone would tell them as any fifteen posts."""
    shipped, plain = (lived(Brand(2), plant("angry"), change=c) for c in (lambda _: None, without("negativity")))
    assert shipped.paged <= 30
    assert plain.paged == 1440


def test_without_conversations_a_complaint_that_few_words_spread_is_late() -> None:
    """Forty-five people join one complaint in words that nobody here can judge."""
    shipped, plain = (lived(Brand(), conversation(45, 45), change=c) for c in (lambda _: None, without("virality")))
    assert shipped.told <= 15
    assert shipped.paged <= 30
    assert plain.told >= shipped.told + 15
    assert plain.paged >= shipped.paged + 15


def test_without_conversations_likes_under_a_complaint_are_not_heard() -> None:
    """One post, no reply, and its likes double every eight minutes."""
    name = "00c0ffee"

    def likes(at_ms: int) -> list[Liked]:
        return [Liked(at_ms + m * MINUTE_MS, name, int(4 * 2 ** (m / 8))) for m in range(0, 60, 5)]

    shipped, plain = (
        lived(Brand(), conversation(1, 1), likes=likes, change=c) for c in (lambda _: None, without("virality"))
    )
    assert shipped.told <= 45
    assert shipped.paged < 60
    assert plain.decisions == []


def test_without_copies_a_text_that_goes_round_is_not_heard() -> None:
    """Sixteen people pass on one text in twenty minutes: no crowd, and worth a word."""

    def blind_to_copies(panel: Any) -> None:
        asked = panel.virality.score_one

        def score_one(window: Window) -> Any:
            window.__dict__["busy_clusters"] = {}
            found = asked(window)
            del window.__dict__["busy_clusters"]
            return found

        panel.virality.score_one = score_one

    copies = crowd(16, 20, texts=1, own_words=False)
    assert lived(Brand(), copies).told <= 30
    assert lived(Brand(), copies, change=blind_to_copies).told == 1440


def test_without_the_feed_silence_is_taken_for_calm() -> None:
    """The source is lost at the height of a crisis: told as blind, the crisis stays open; else it is declared over."""

    def heard(minute: int) -> bool:
        return minute < 15

    def over(life: Life) -> list[float]:
        return life.minutes(lambda d: d.kind == "StandDown" and d.scenario != BLIND)

    storm = plant("steady", 12_000, 700)
    shipped, plain = (lived(Brand(), storm, 12, heard=heard, change=c) for c in (lambda _: None, without("feed")))
    assert shipped.paged == plain.paged <= 10
    assert 20 <= shipped.blind <= 60
    assert over(shipped) == []
    assert plain.blind == 1440
    assert over(plain)


# -- each guard --------------------------------------------------------------------------------------------------------


class Guard(NamedTuple):
    """A guard, what stands for it when it is taken out, and the stream that it keeps quiet."""

    owner: Any
    name: str
    instead: Any
    stream: Make
    pages: bool = True
    """Whether the stream would page without it; else it would be told."""
    brand: Brand = Brand()


def as_posted(_detector: Any, _window: Window, anger: Any) -> tuple[int, int, int]:
    """Posts, whoever wrote them."""
    return anger.angry, anger.scored, anger.posts


def by_number(_detector: Any, _angry: int, _scored: int, crowds: Sequence[float]) -> float:
    """How many posts there are says all."""
    return max(crowds) - math.log(len(crowds))


GUARDS = {
    "seven voices": Guard(NegativeShare, "_once", as_posted, crowd(42, 30, 42, voices=7), brand=Brand(100)),
    "seven texts": Guard(NegativeShare, "_once", as_posted, crowd(42, 30, 42, texts=7), brand=Brand(100)),
    "eight at once, then nobody": Guard(detectors.sentiment, "HOUR_CROWD_MILLI", 0, crowd(8, 4, 8), False),
    "good news has critics": Guard(NegativeShare, "_likelier", by_number, crowd(600, 20, 110), brand=Brand(4, days=30)),
    "twenty of 120 by chance": Guard(
        NegativeShare, "_likelier", by_number, crowd(120, 20, 20), brand=Brand(4, days=30)
    ),
    "the end of a flood": Guard(detectors.sentiment, "LEAST_MOOD", -99.0, crowd(80, 20, 16), brand=Brand(4, days=30)),
    "four angry people": Guard(detectors.sentiment, "FEWEST_ANGRY", 1, crowd(4, 5, 4), False, Brand(4)),
    "seven angry people": Guard(detectors.sentiment, "FEWEST_PAGE_PEOPLE", 0, crowd(7, 5, 7), brand=Brand(4)),
    "two loud accounts": Guard(detectors.volume, "FEWEST_VOICES", 0, crowd(90, 20, voices=2), False, Brand(0.5)),
    "praise is no complaint": Guard(Finding, "negative", True, conversation(45, 45, root=1, joined=1)),
    "two who quarrel": Guard(detectors.virality, "distinct_bits", lambda bits: 60, conversation(45, 45, voices=2)),
    "nineteen people": Guard(detectors.virality, "FEWEST_PAGE_VOICES", 0, conversation(19, 20)),
    "a first day's conversation": Guard(
        detectors.virality, "COLD_FEWEST_VOICES", 0, conversation(11, 10), False, Brand(days=1)
    ),
    "a dozen copies among hundreds": Guard(
        detectors.virality, "COPIES_SHARE_MILLI", 0, crowd(14, 4, texts=1, own_words=False), False, Brand(400, days=3)
    ),
}


@pytest.mark.parametrize("case", GUARDS)
def test_a_guard_keeps_its_stream_quiet(case: str) -> None:
    """As shipped nobody is woken (or told); with this guard alone taken out, somebody is."""
    guard = GUARDS[case]

    def reached() -> float:
        life = lived(guard.brand, guard.stream)
        return life.paged if guard.pages else life.told

    assert reached() == 1440
    with taken_out(guard.owner, guard.name, guard.instead):
        assert reached() < 60


def test_seven_posts_are_no_crowd() -> None:
    """At a brand that has one post in two hours they are rare, and still only seven."""

    def any_number(panel: Any) -> None:
        panel.volume.surge.fewest = 0

    assert lived(Brand(0.5), crowd(7, 4)).told == 1440
    assert lived(Brand(0.5), crowd(7, 4), change=any_number).told < 60


def test_news_that_is_passed_on_is_no_anger() -> None:
    """Sixty grim headlines in half an hour, each worded anew: told as many posts; in people's own words they page."""
    assert lived(Brand(), crowd(60, 30, 60, own_words=False)).paged == 1440
    assert lived(Brand(), crowd(60, 30, 60, own_words=True)).paged < 10


def test_what_comes_back_after_a_silence_wakes_nobody() -> None:
    """Three hours are missed and come at once with fresh times, by chance a little angrier than usual."""
    backlog = crowd(180, 5, 48)

    def late(at_ms: int) -> list[Post]:
        return [msgspec.structs.replace(post, at_ms=post.at_ms + 3 * HOUR_MS) for post in backlog(at_ms)]

    def deaf(minute: int) -> bool:
        return minute >= 180

    shipped = lived(Brand(60), late, 5, heard=deaf)
    assert shipped.blind < 60
    assert shipped.paged == 1440
    with taken_out(detectors.panel, "in_doubt", lambda signals, window: signals):
        assert lived(Brand(60), late, 5, heard=deaf).paged < 200


def test_a_small_brands_ebb_is_no_blindness() -> None:
    """A source must miss enough before it counts as lost: else each quiet quarter of an hour would be told."""
    brand = Brand(20, TIDE, days=4, hour=8)
    assert lived(brand, nothing, 8).blind == 1440
    with taken_out(detectors.feed.SourceRhythm, "needed", lambda rhythm: 4):
        assert lived(brand, nothing, 8).blind < 480


# -- the rhythm of the day ---------------------------------------------------------------------------------------------

UNUSED = property(lambda rhythm: False)


def test_a_crowd_at_the_ebb_is_told_because_the_ebb_is_known() -> None:
    """As many in an hour as at the flood of any day: with the rhythm put aside, nothing."""
    brand = Brand(60, TIDE, hour=12)
    assert rhythm_of(brand).used
    assert lived(brand, crowd(80, 20)).told <= 20
    with taken_out(Rhythm, "used", UNUSED):
        assert lived(brand, crowd(80, 20)).told == 1440


def rhythm_of(brand: Brand) -> Rhythm:
    """What is known of its day."""
    rhythm: Rhythm = past(brand)[0].engine._brands["Acme"].panel.volume.surge.rhythm
    return rhythm


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.proof) for seed in (3, 4))])
def test_a_brand_without_a_rhythm_is_left_as_it_is(seed: int) -> None:
    """Ten days of chance make no rhythm; what is found, and when, is what a core without any rhythm finds."""
    brand = Brand(60, hour=9, seed=seed)
    assert not rhythm_of(brand).used
    shipped = [lived(brand, crowd(size, 20, size // 3), 2).decisions for size in (40, 60, 90)]
    with taken_out(Rhythm, "used", UNUSED):
        assert [lived(brand, crowd(size, 20, size // 3), 2).decisions for size in (40, 60, 90)] == shipped
    assert any(shipped)


def test_a_rhythm_of_chance_would_hurt_where_there_is_none() -> None:
    """Why it must prove itself first: believed at once, the hours of ten days of chance alone move what is usual."""
    brand = Brand(4)
    expected = past(brand)[0].engine._brands["Acme"].panel.volume.surge.expected
    hours = range(brand.now_ms, brand.now_ms + DAY_MS, HOUR_MS)
    assert max(expected(HOUR_MS, at_ms) for at_ms in hours) == min(expected(HOUR_MS, at_ms) for at_ms in hours)
    with taken_out(Rhythm, "used", Rhythm.known):
        believed = [expected(HOUR_MS, at_ms) for at_ms in hours]
    assert max(believed) > 1.3 * min(believed)


# -- what is learnt ----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def flooded_days() -> list[Post]:
    """Two days with an angry flood each, and a day of rest."""
    brand = Brand()
    posts = brand.quiet(brand.now_ms, brand.now_ms + 3 * DAY_MS)
    for hour in (0, 24):
        at_ms = brand.now_ms + hour * HOUR_MS
        posts += Plant("burst", 6_000, 500, last_ms=HOUR_MS).posts(at_ms, 30_000, f"flood{hour}")
    return posts


@row("F27")
def test_two_floods_do_not_teach_that_floods_are_ordinary() -> None:
    """Nobody takes what is told. On the day after the rest a crisis is paged; had each taught all it was, it is not."""

    def crisis_after() -> float:
        run, snapshot = past(Brand())
        branch = run.split(snapshot, run.sealed)
        until_ms = Brand().now_ms + 3 * DAY_MS
        branch.live(parts_of(flooded_days(), step_ms=STEP_MS), until_ms)
        posts = [*Brand().quiet(until_ms, until_ms + HOUR_MS), *plant("burst", 3_000, 400)(until_ms)]
        posts.sort(key=lambda post: (post.at_ms, post.voice))
        return Life(until_ms, list(branch.feed(parts_of(posts, step_ms=STEP_MS), until_ms + HOUR_MS))).paged

    shipped = crisis_after()
    assert shipped <= 15
    fired(2)
    with taken_out(detectors.budget, "ROW_CAP_MILLI", 1_000_000):
        assert crisis_after() == 1440


def test_a_siege_does_not_teach_that_sieges_are_ordinary() -> None:
    """An angry flood of two days, at five times the usual, that nobody took, and a day of rest: the threshold of a page
    is what it was, within a twentieth. Were the siege learnt as a false alarm, it is a tenth higher at least."""
    brand = Brand()
    until_ms = brand.now_ms + 3 * DAY_MS
    siege = Plant("steady", 4_000 * 48, 400, last_ms=2 * DAY_MS).posts(brand.now_ms, 30_000, "siege")
    posts = sorted([*brand.quiet(brand.now_ms, until_ms), *siege], key=lambda post: (post.at_ms, post.voice))

    def moved() -> float:
        run, snapshot = past(brand)
        branch = run.split(snapshot, run.sealed)
        before = thresholds_of(branch)[0]
        decisions = list(branch.feed(parts_of(posts, step_ms=STEP_MS), until_ms))
        assert any(map(wakes, decisions))
        return thresholds_of(branch)[0] / before

    assert 0.9 < moved() < 1.05
    with taken_out(tocsin.engine, "CHANCE_LASTS_MS", 10 * DAY_MS):
        assert moved() > 1.1


def test_floods_of_ordinary_mood_cost_few_pages_however_large() -> None:
    """A flood a day, five to twenty-five times the usual, of the moods that any hour may have. Were there no limit to
    what the number of posts says, a brand like this would be paged for each that is a little angrier than the last.
    """

    def pages() -> int:
        brand = Brand()
        run, snapshot = past(brand)
        branch = run.split(snapshot, run.sealed)
        until_ms = brand.now_ms + 8 * DAY_MS
        posts = brand.quiet(brand.now_ms, until_ms)
        for day in range(8):
            rng = Random(f"2/{day}")
            at_ms = brand.now_ms + day * DAY_MS + rng.randrange(20) * HOUR_MS
            size, share = int(rng.uniform(5_000, 25_000)), int(1000 * rng.betavariate(5.4, 24.6))
            posts += Plant("burst", size, share, last_ms=HOUR_MS).posts(at_ms, 30_000, f"f{day}")
        posts.sort(key=lambda post: (post.at_ms, post.voice))
        return sum(wakes(decision) for decision in branch.feed(parts_of(posts, step_ms=STEP_MS), until_ms))

    shipped = pages()
    with taken_out(detectors.crowd, "MOST", 1e9):
        assert pages() > shipped
    assert shipped <= 2
