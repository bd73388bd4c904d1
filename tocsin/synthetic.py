"""Made-up publics: ordinary days, a welcome spike and a crisis, the same for the same seed.

For the demo and for tests. Rows are lines of the interchange format. A `Story` is what happens; `quiet` is the
background it happens against. No clock is read: time begins where the caller says.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from tocsin.synthetic_words import Tongue, Topic, sentence

Row = dict[str, Any]

BRAND = "Tulpatel"
"""A telephone company that does not exist."""
START_MS = 1_772_409_600_000
"""2026-03-02T00:00:00Z, a Monday: where a made-up fortnight begins."""

ZONE_OFFSET_MS = HOUR_MS
"""Its public lives an hour ahead of UTC, all year: a made-up country has no summer time."""
BY_HOUR = (20, 11, 7, 5, 6, 14, 38, 78, 110, 122, 118, 116, 122, 118, 114, 116, 124, 138, 146, 158, 162, 148, 104, 52)
"""Posts by hour of the day in per cent of the mean: quiet nights, a busy evening."""
BY_WEEKDAY = (104, 106, 104, 102, 108, 90, 86)
ORDINARY: tuple[tuple[Topic, int], ...] = (("talk", 34), ("question", 26), ("complaint", 24), ("praise", 16))
PEOPLE = 6_000
NAMED_SHARE = 0.75
"""Replies that keep the handle in front, as most networks put it there; the others name nobody and match no query."""


@dataclass(frozen=True)
class Story:
    """Something that happens and makes people post.

    Posts come faster and faster for `rise_minutes`, doubling every `doubling_minutes`, then ebb away with a mean of
    `fall_minutes`. Shares are of all posts, between 0 and 1.
    """

    start_ms: int
    posts: int
    rise_minutes: float = 45
    doubling_minutes: float = 9
    fall_minutes: float = 90
    topics: tuple[tuple[Topic, int], ...] = (("outage", 60), ("upset", 30), ("talk", 10))
    """What the posts are about, with weights."""
    thread_share: float = 0.35
    """Replies in the conversation under the first post."""
    repost_share: float = 0.2
    copy_share: float = 0.06
    """Posts with one and the same text."""
    dutch_share: float = 0.35
    newcomer_share: float = 0.05
    """By accounts younger than a month."""
    first_followers: int = 40_000
    """Reach of whoever begins."""
    first_topic: Topic = "outage"


@dataclass
class Public:
    """The people who post about one brand, and the posts that they have written so far."""

    seed: int
    brand: str
    label: str
    """Begins every id: two publics with different labels never share one."""
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.seed}/{self.label}")  # noqa: S311 - made-up posts, not keys
        self.handle = "".join(c for c in self.brand.casefold() if c.isalnum()) or "brand"
        self._crowd = Random(f"{self.seed}/people")  # noqa: S311
        self._people = [self._person(n) for n in range(PEOPLE)]

    def _person(self, number: int) -> tuple[str, int, int]:
        followers = min(2_000_000, int(30 * self._crowd.paretovariate(0.9)))
        return f"p{self.seed}_{number:05d}", followers, int(self._crowd.uniform(90, 4000))

    def post(self, at_ms: int, topic: Topic, *, dutch: float = 0.4, newcomer: float = 0.0, **given: Any) -> Row:
        """Write one post; what is `given` replaces what would be made up."""
        rng = self.rng
        tongue: Tongue = "nl" if rng.random() < dutch else "en"
        # A few people post often: the square of a uniform number crowds at the front of the list.
        author, followers, age_days = self._people[int(PEOPLE * rng.random() ** 2)]
        if rng.random() < newcomer:
            author, followers, age_days = (
                f"n{self.seed}_{rng.randrange(10**6):06d}",
                rng.randrange(40),
                rng.randrange(1, 25),
            )
        number = f"{self.label}-{len(self.rows):06d}"
        source = "forum" if rng.random() < 0.12 else "social"
        row: Row = {
            "id": f"{source}:{number}",
            "source": source,
            "created_at": at_ms,
            "author": author,
            "author_followers": followers,
            "author_created_at": rfc3339((at_ms // DAY_MS - age_days) * DAY_MS),
            "text": sentence(rng, topic, tongue, brand=self.brand, handle=self.handle),
            "lang": tongue,
            "url": f"https://{source}.example/{author}/{number}",
        } | given
        self.rows.append(row)
        return row

    def reply(self, at_ms: int, to: Row, topic: Topic, **given: Any) -> Row:
        """Answer a post, in its language and its thread."""
        root = to.get("root_id", to["id"])
        dutch = 1.0 if to["lang"] == "nl" else 0.0
        row = self.post(at_ms, topic, **{"dutch": dutch, "parent_id": to["id"], "root_id": root} | given)
        if self.rng.random() < NAMED_SHARE and self.handle not in row["text"]:
            row["text"] = f"@{self.handle} {row['text']}"
        return row

    def repost(self, at_ms: int, of: Row, **given: Any) -> Row:
        """Pass a post on, unchanged."""
        text = f"RT @{of['author']}: {of['text']}"
        root = of.get("root_id", of["id"])
        return self.post(
            at_ms, "talk", text=text, lang=of["lang"], parent_id=of["id"], root_id=root, is_repost=True, **given
        )

    def respond(self, at_ms: int, to: Row) -> Row:
        """The brand's own answer."""
        return self.reply(at_ms, to, "service", author=self.handle, author_followers=85_000)

    def tell(self, story: Story) -> Row:
        """Let a story happen. Returns its first post."""
        rng = self.rng
        first = self.post(
            story.start_ms,
            story.first_topic,
            dutch=0.0,
            author_followers=story.first_followers,
            url=self._page("first"),
        )
        copied = sentence(rng, story.first_topic, "en", brand=self.brand, handle=self.handle)
        seen = [first]
        for at_ms in sorted(_moment(rng, story) for _ in range(story.posts - 1)):
            kind = rng.random()
            common: dict[str, Any] = {"newcomer": story.newcomer_share}
            topic = _one_of(rng, story.topics)
            if kind < story.thread_share:
                parent = first if rng.random() < 0.7 else rng.choice(seen[-40:])
                self.reply(at_ms, parent, topic, dutch=story.dutch_share, **common)
            elif kind < story.thread_share + story.repost_share:
                self.repost(at_ms, first if rng.random() < 0.5 else rng.choice(seen[-60:]), **common)
            elif kind < story.thread_share + story.repost_share + story.copy_share:
                self.post(at_ms, topic, text=copied, lang="en", **common)
            else:
                seen.append(self.post(at_ms, topic, dutch=story.dutch_share, **common))
        return first

    def live(self, start_ms: int, hours: float, per_hour: float, *, rhythm: bool = True) -> None:
        """Ordinary life: posts, answers, a few reposts; with `rhythm`, by day and night and by weekday."""
        rng = self.rng
        peak = 1.9 if rhythm else 1.0
        at = float(start_ms)
        end_ms = start_ms + int(hours * HOUR_MS)
        while (at := at + rng.expovariate(per_hour * peak / HOUR_MS)) < end_ms:
            at_ms = int(at)
            if rng.random() * peak < (_rhythm(at_ms) if rhythm else 1.0):
                self._ordinary(at_ms, end_ms)

    def _ordinary(self, at_ms: int, end_ms: int) -> None:
        rng = self.rng
        topic = _one_of(rng, ORDINARY)
        row = self.post(at_ms, topic, newcomer=0.01)
        for _ in range(_few(rng, 0.35)):
            later_ms = at_ms + int(rng.expovariate(1 / (25 * MINUTE_MS)))
            if later_ms < end_ms:
                self.reply(later_ms, row, "upset" if topic == "complaint" and rng.random() < 0.4 else "reply")
        for _ in range(_few(rng, 0.12)):
            later_ms = at_ms + int(rng.expovariate(1 / (50 * MINUTE_MS)))
            if later_ms < end_ms:
                self.repost(later_ms, row)
        office = 8 <= _local_hour(at_ms) < 20
        if topic in {"complaint", "question"} and office and rng.random() < 0.6:
            later_ms = at_ms + int(rng.uniform(4, 45) * MINUTE_MS)
            if later_ms < end_ms:
                self.respond(later_ms, row)

    def _page(self, what: str) -> str:
        return f"https://social.example/{self.label}/{what}"


def fortnight(seed: int, *, brand: str = BRAND, start_ms: int = START_MS, days: int = 14) -> Iterator[Row]:
    """Two weeks around one brand: ordinary days, a giveaway that everybody likes (day 6), a crisis (day 12, evening).

    With fewer days, what would come later is left out. Some 12,000 rows, in order of time.

    >>> rows = list(fortnight(1, days=1))
    >>> rows == list(fortnight(1, days=1)), rows[0]["created_at"] < rows[-1]["created_at"]
    (True, True)
    """
    public = Public(seed, brand, f"f{seed}")
    rng = public.rng
    public.live(start_ms, days * 24, per_hour=18)
    if days >= 6:
        at_ms = start_ms + 5 * DAY_MS + 11 * HOUR_MS - ZONE_OFFSET_MS + rng.randrange(40 * MINUTE_MS)
        public.tell(giveaway(at_ms, 900))
    if days >= 12:
        at_ms = start_ms + 11 * DAY_MS + 19 * HOUR_MS - ZONE_OFFSET_MS + rng.randrange(40 * MINUTE_MS)
        first = public.tell(
            Story(start_ms=at_ms, posts=2200, rise_minutes=70, doubling_minutes=11, first_followers=160_000)
        )
        # The brand's own words make it worse: the second wave is about them.
        blunder_ms = at_ms + 95 * MINUTE_MS
        wrong = public.respond(blunder_ms - MINUTE_MS, first)
        wrong["text"] = f"While {brand} is at work on the network: why not go for a walk and enjoy the silence?"
        topics: tuple[tuple[Topic, int], ...] = (("blunder", 70), ("upset", 25), ("talk", 5))
        public.tell(Story(start_ms=blunder_ms, posts=800, topics=topics, first_topic="blunder", first_followers=60_000))
        for minutes in (180, 240, 320):
            public.respond(at_ms + minutes * MINUTE_MS, first)
    end_ms = start_ms + days * DAY_MS
    return merged(row for row in public.rows if row["created_at"] < end_ms)


def giveaway(start_ms: int, posts: int) -> Story:
    """A wave of joy: as many posts as a crisis, and nothing wrong."""
    topics: tuple[tuple[Topic, int], ...] = (("giveaway", 70), ("praise", 15), ("question", 15))
    return Story(
        start_ms=start_ms,
        posts=posts,
        rise_minutes=120,
        doubling_minutes=35,
        fall_minutes=150,
        topics=topics,
        thread_share=0.2,
        repost_share=0.35,
        first_topic="giveaway",
        first_followers=85_000,
    )


def quiet(
    seed: int,
    *,
    brand: str = BRAND,
    start_ms: int = START_MS,
    hours: float = 24,
    per_hour: float = 20,
    rhythm: bool = True,
) -> Iterator[Row]:
    """Ordinary life and nothing else.

    >>> 60 < sum(1 for _ in quiet(3, hours=10, per_hour=10, rhythm=False)) < 250
    True
    """
    public = Public(seed, brand, f"q{seed}")
    public.live(start_ms, hours, per_hour, rhythm=rhythm)
    return merged(public.rows)


def crisis(
    seed: int, *, brand: str = BRAND, start_ms: int, posts: int = 2000, negative_share: float = 0.8, **shape: Any
) -> Iterator[Row]:
    """A crisis of any size, speed and mood: `negative_share` of what is not a repost; `shape` are fields of `Story`."""
    angry = round(100 * negative_share)
    topics: tuple[tuple[Topic, int], ...] = (("outage", angry * 2), ("upset", angry), ("talk", 300 - 3 * angry))
    public = Public(seed, brand, f"c{seed}")
    told: dict[str, Any] = {"start_ms": start_ms, "posts": posts, "topics": topics} | shape
    public.tell(Story(**told))
    return merged(public.rows)


def cascade(
    seed: int, *, brand: str = BRAND, start_ms: int, posts: int = 200, doubling_minutes: float = 8, **shape: Any
) -> Iterator[Row]:
    """One conversation that doubles again and again: every post but the first is a reply or a repost in it."""
    public = Public(seed, brand, f"t{seed}")
    told: dict[str, Any] = {
        "start_ms": start_ms,
        "posts": posts,
        "doubling_minutes": doubling_minutes,
        "rise_minutes": doubling_minutes * math.log2(max(posts, 2)),
        "fall_minutes": doubling_minutes,
        "thread_share": 0.7,
        "repost_share": 0.3,
        "copy_share": 0.0,
    }
    public.tell(Story(**told | shape))
    return merged(public.rows)


def merged(*streams: Iterable[Row]) -> Iterator[Row]:
    """Rows of several streams in order of time, each stamped as the interchange format writes it."""
    rows = [row for stream in streams for row in stream]
    for row in sorted(rows, key=lambda r: (_at_ms(r), r["id"])):
        at = row["created_at"]
        yield row | {"created_at": rfc3339(at)} if isinstance(at, int) else row


def _at_ms(row: Row) -> int:
    at = row["created_at"]
    return at if isinstance(at, int) else parse_rfc3339(at)


def _moment(rng: Random, story: Story) -> int:
    """When one post of a story is written: `2**(t / doubling)` until the peak, then an exponential ebb."""
    growth = story.rise_minutes / story.doubling_minutes * math.log(2)
    # Both sides meet at the peak: each has a share of the posts as large as the area under its curve.
    rising = story.doubling_minutes / math.log(2) * (1 - math.exp(-growth))
    if rng.random() < rising / (rising + story.fall_minutes):
        minutes = story.rise_minutes * math.log1p(rng.random() * math.expm1(growth)) / growth
    else:
        minutes = story.rise_minutes + rng.expovariate(1 / story.fall_minutes)
    return story.start_ms + 1 + int(minutes * MINUTE_MS)


def _rhythm(at_ms: int) -> float:
    weekday = (at_ms + ZONE_OFFSET_MS) // DAY_MS + 3  # 1970 began on a Thursday
    return BY_HOUR[_local_hour(at_ms)] * BY_WEEKDAY[weekday % 7] / 10_000


def _local_hour(at_ms: int) -> int:
    return (at_ms + ZONE_OFFSET_MS) // HOUR_MS % 24


def _one_of(rng: Random, weighted: tuple[tuple[Topic, int], ...]) -> Topic:
    return rng.choices([topic for topic, _ in weighted], [weight for _, weight in weighted])[0]


def _few(rng: Random, chance: float) -> int:
    """0, 1, 2, ...: each further one as likely as the first."""
    count = 0
    while rng.random() < chance:
        count += 1
    return count
