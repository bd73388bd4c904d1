"""Planted crises: posts of a stated size, speed and mood, to be laid over a quiet stream. The same for the same seed.

What is planted is what intake would have written: parts, which merge with the stream's own by addition. No text is
made up, so thousands of plants take minutes; made-up publics that can be read are in `tocsin/synthetic.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log, log2
from random import Random
from typing import Literal, NamedTuple

import msgspec

from stream.codec import HOUR_MS, MINUTE_MS
from stream.pulse import ClusterPart, Engagement, PulsePart, ThreadPart, or_hex
from stream.sketches import add_to_registers, bit_of

Kind = Literal[
    "steady", "burst", "slow", "angry", "thread", "liked", "pair", "coordinated", "one_loud", "headline"
]  # fmt: skip
Join = Literal["", "reply", "repost", "quote"]

COPIED = 0.1
"""Posts whose text an earlier one had."""
QUESTIONS = 0.05
POSITIVE = 0.3
"""Of the posts that are not negative."""
ANGRY_VOICES = 15
DOUBLING_MS = 10 * MINUTE_MS
"""In which a complaint's thread, or a post's likes, grow by as much as they had before."""
STARTS_AT = 2
NEW_ACCOUNTS = 500
TEMPLATES = 20
LOUD_POSTS = 10_000
HEADLINE_COPIES = 249
PLANTED_CHUNK = 1_000
"""The number under which planted parts stand beside a stream's own of the same minute and step."""


class Post(msgspec.Struct, gc=False, array_like=True, kw_only=True):
    """What counts about a post once it was read."""

    at_ms: int
    voice: int
    """64 bits that stand for the author."""
    text: int
    """64 bits that stand for the text: copies share them. 0 where the text had no words."""
    mood: int = 0
    """-1, 0 or 1; 2 where no scorer could judge."""
    score: int = 0
    """Milli-units."""
    thread: str = ""
    """Key of the conversation; empty: one of its own."""
    join: Join = ""
    question: bool = False
    new_account: bool = False
    reach: int = 0
    risks: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    own_words: bool = True
    """False for a headline that is passed on."""


class Liked(NamedTuple):
    """A post's likes, as observed at a time."""

    at_ms: int
    name: str
    likes: int


class StepPart(NamedTuple):
    """A part with the grid step in which it became known."""

    step: int
    minute_ms: int
    chunk: int
    part: PulsePart


@dataclass(frozen=True)
class Plant:
    """A crisis to be planted.

    `size_milli` is its posts in thousandths of what the brand usually has in that hour; they come on top of the
    brand's own. It counts for the three profiles:

    - `steady`: evenly over `last_ms`;
    - `burst`: at once, with a half-life of `rise_ms`;
    - `slow`: the rate climbs from nothing for `rise_ms` and then stays until `last_ms` is over.

    The other kinds have sizes of their own: `angry` (15 angry voices), `thread` (a complaint whose replies, reposts and
    quotes are two in the first ten minutes and double every ten), `liked` (the same growth in likes of a positive
    post), `pair` (the thread's posts by two authors), `coordinated` (500 new accounts with 20 texts), `one_loud` (one
    account, 10,000 posts), `headline` (one text copied 249 times by as many accounts).

    >>> Plant("burst").rise_ms // MINUTE_MS, Plant("slow").rise_ms // MINUTE_MS, Plant("angry").last_ms // MINUTE_MS
    (10, 30, 30)
    """

    kind: Kind
    size_milli: int = 5_000
    negative_milli: int = 400
    """Of the posts that could be judged: all of them."""
    rise_ms: int = -1
    last_ms: int = -1

    def __post_init__(self) -> None:
        usual = (
            {"burst": 10 * MINUTE_MS, "slow": 30 * MINUTE_MS},
            {"angry": 30 * MINUTE_MS, "coordinated": 30 * MINUTE_MS},
        )
        if self.rise_ms < 0:
            object.__setattr__(self, "rise_ms", usual[0].get(self.kind, 0))
        if self.last_ms < 0:
            object.__setattr__(self, "last_ms", usual[1].get(self.kind, HOUR_MS))

    def posts(self, start_ms: int, usual_milli: int, seed: str) -> list[Post]:
        """Its posts, by time; `usual_milli` is what the brand usually has in that hour, in thousandths of a post.

        >>> crisis = Plant("steady", size_milli=5_000)
        >>> posts = crisis.posts(0, 20_000, "a")
        >>> len(posts), posts == crisis.posts(0, 20_000, "a"), posts == crisis.posts(0, 20_000, "b")
        (100, True, False)
        >>> 20 < sum(post.mood < 0 for post in posts) < 60
        True
        """
        rng = Random(f"{seed}/{self.kind}/{self.size_milli}/{self.negative_milli}")  # noqa: S311 - made up, no keys
        made = _MAKERS[self.kind](self, start_ms, usual_milli, rng)
        return sorted(made, key=lambda post: (post.at_ms, post.voice))

    def likes(self, start_ms: int, seed: str) -> list[Liked]:
        """How the likes of a `liked` plant's post were observed, minute by minute; nothing for other kinds."""
        if self.kind != "liked":
            return []
        minutes = range(0, self.last_ms + 1, MINUTE_MS)
        return [Liked(start_ms + m, _post_name(seed), round(STARTS_AT * 2 ** (m / DOUBLING_MS))) for m in minutes]

    def moments(self, count: int, rng: Random) -> list[int]:
        """Times after the start at which so many posts come, by the profile."""
        return [self._moment(rng) for _ in range(count)]

    def _moment(self, rng: Random) -> int:
        if self.kind == "burst":
            mean_ms = self.rise_ms / log(2)
            whole = 1 - 2 ** (-self.last_ms / self.rise_ms)
            return int(-mean_ms * log(1 - rng.random() * whole))
        if self.kind == "slow":
            # The area under the rise is half of what it would be at the height that follows.
            at = rng.random() * (self.last_ms - self.rise_ms / 2)
            rising = self.rise_ms / 2
            return int((2 * self.rise_ms * at) ** 0.5 if at < rising else at + rising)
        return int(rng.random() * self.last_ms)

    def rate_shares(self, step_ms: int = MINUTE_MS) -> list[float]:
        """The share of its posts that is expected in each step from the start: the profile, for who knows it.

        >>> round(sum(Plant("slow").rate_shares()), 6), round(sum(Plant("burst").rate_shares()[:10]), 2)
        (1.0, 0.51)
        """
        return [
            self._arrived(min(at + step_ms, self.last_ms)) - self._arrived(at) for at in range(0, self.last_ms, step_ms)
        ]

    def _arrived(self, age_ms: int) -> float:
        if self.kind == "burst":
            return (1 - 2 ** (-age_ms / self.rise_ms)) / (1 - 2 ** (-self.last_ms / self.rise_ms))
        if self.kind == "slow":
            risen = age_ms**2 / (2 * self.rise_ms) if age_ms < self.rise_ms else age_ms - self.rise_ms / 2
            return risen / (self.last_ms - self.rise_ms / 2)
        return age_ms / self.last_ms


def angry_mood(rng: Random, negative_milli: int) -> tuple[int, int]:
    """A mood and its score in milli-units: negative with this chance, else neutral, or now and then positive."""
    if rng.random() * 1000 < negative_milli:
        return -1, -300 - rng.randrange(500)
    return (1, 500) if rng.random() < POSITIVE else (0, 0)


def _crowd(plant: Plant, at: Sequence[int], rng: Random) -> list[Post]:
    """Posts at these times, each by a voice of its own, most with texts of their own."""
    texts: list[int] = []
    posts = []
    for at_ms in at:
        text = rng.choice(texts) if texts and rng.random() < COPIED else rng.getrandbits(64)
        texts.append(text)
        mood, score = angry_mood(rng, plant.negative_milli)
        asks = rng.random() < QUESTIONS
        posts.append(Post(at_ms=at_ms, voice=rng.getrandbits(64), text=text, mood=mood, score=score, question=asks))
    return posts


def _profile(plant: Plant, start_ms: int, usual_milli: int, rng: Random) -> list[Post]:
    count = max(1, (plant.size_milli * usual_milli + 500_000) // 1_000_000)
    return _crowd(plant, [start_ms + moment for moment in plant.moments(count, rng)], rng)


def _angry(plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    posts = _crowd(plant, [start_ms + int(rng.random() * plant.last_ms) for _ in range(ANGRY_VOICES)], rng)
    return [msgspec.structs.replace(post, mood=-1, score=-500) for post in posts]


def _thread(plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    key = f"{rng.getrandbits(64):016x}"
    count = int(STARTS_AT * (2 ** (plant.last_ms / DOUBLING_MS) - 1))
    joined = [start_ms + int(DOUBLING_MS * log2(1 + n / STARTS_AT)) for n in range(1, count + 1)]
    first, *rest = _crowd(plant, [start_ms, *joined], rng)
    first.mood, first.score, first.thread = -1, -600, key
    for post in rest:
        post.thread = key
        kind = rng.random()
        post.join = "reply" if kind < 0.5 else "quote" if kind < 0.75 else "repost"
        if post.join == "repost":
            post.mood, post.score, post.text = -1, -600, first.text
    return [first, *rest]


def _pair(plant: Plant, start_ms: int, usual: int, rng: Random) -> list[Post]:
    posts = _thread(plant, start_ms, usual, rng)
    two = (rng.getrandbits(64), rng.getrandbits(64))
    for number, post in enumerate(posts):
        post.voice = two[number % 2]
        post.join = "reply" if number else ""
    return posts


def _liked(_plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    return [Post(at_ms=start_ms, voice=rng.getrandbits(64), text=rng.getrandbits(64), mood=1, score=700)]


def _coordinated(plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    at = [start_ms + int(rng.random() * plant.last_ms) for _ in range(NEW_ACCOUNTS)]
    templates = [(rng.getrandbits(64), *angry_mood(rng, plant.negative_milli)) for _ in range(TEMPLATES)]
    posts = _crowd(plant, at, rng)
    for post in posts:
        post.new_account = True
        post.text, post.mood, post.score = rng.choice(templates)
    return posts


def _one_loud(plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    posts = _crowd(plant, [start_ms + int(rng.random() * plant.last_ms) for _ in range(LOUD_POSTS)], rng)
    voice = rng.getrandbits(64)
    for post in posts:
        post.voice = voice
    return posts


def _headline(plant: Plant, start_ms: int, _usual: int, rng: Random) -> list[Post]:
    at = [start_ms + int(rng.random() * plant.last_ms) for _ in range(HEADLINE_COPIES + 1)]
    posts = _crowd(plant, at, rng)
    grim = plant.negative_milli >= 500
    text = rng.getrandbits(64)
    for post in posts:
        post.text, post.mood, post.score = text, (-1 if grim else 0), (-500 if grim else 0)
    return posts


_Maker = Callable[[Plant, int, int, Random], list[Post]]
_MAKERS: dict[Kind, _Maker] = {
    "steady": _profile,
    "burst": _profile,
    "slow": _profile,
    "angry": _angry,
    "thread": _thread,
    "liked": _liked,
    "pair": _pair,
    "coordinated": _coordinated,
    "one_loud": _one_loud,
    "headline": _headline,
}


def _post_name(seed: str) -> str:
    return f"{Random(f'{seed}/name').getrandbits(64):016x}"  # noqa: S311 - a made-up name


def parts_of(
    posts: Iterable[Post], *, step_ms: int, source: str = "x", likes: Sequence[Liked] = (), chunk: int = PLANTED_CHUNK
) -> list[StepPart]:
    """What intake would write for these posts, each known in the step in which it was made.

    >>> posts = Plant("thread").posts(0, 0, "a")
    >>> parts = parts_of(posts, step_ms=5_000)
    >>> sum(one.part.counts.mentions for one in parts) == len(posts)
    True
    """
    made: dict[tuple[int, int], PulsePart] = {}

    def part_at(at_ms: int) -> PulsePart:
        key = (at_ms // step_ms, at_ms - at_ms % MINUTE_MS)
        part = made.get(key)
        if part is None:
            part = made[key] = PulsePart()
        return part

    for post in posts:
        _count(part_at(post.at_ms), post, source)
    for seen in likes:
        part_at(seen.at_ms).engagement[seen.name] = Engagement(seen.at_ms, likes=seen.likes)
    return [StepPart(step, minute_ms, chunk, made[step, minute_ms]) for step, minute_ms in sorted(made)]


def _count(part: PulsePart, post: Post, source: str) -> None:
    counts = part.counts
    counts.mentions += 1
    counts.sources[source] = counts.sources.get(source, 0) + 1
    counts.questions += post.question
    counts.new_accounts += post.new_account
    counts.reposts += post.join == "repost"
    counts.reach_sum += post.reach
    counts.reach_max = max(counts.reach_max, post.reach)
    voice, text = post.voice, post.text
    bucket = voice % 1024
    part.voices[bucket] = part.voices.get(bucket, 0) + 1
    add_to_registers(counts.authors, voice)
    if text:
        add_to_registers(counts.texts, text)
    for risk in post.risks:
        counts.risks[risk] = counts.risks.get(risk, 0) + 1
    for issue in post.issues:
        counts.issues[issue] = counts.issues.get(issue, 0) + 1
    negative = post.mood == -1
    if post.mood == 2:
        counts.unscored += 1
    else:
        counts.score_sum += post.score
        counts.negative += negative
        counts.neutral += post.mood == 0
        counts.positive += post.mood == 1
    if negative:
        counts.negative_sum += post.score
        if post.own_words:
            counts.angry += 1
            add_to_registers(counts.negative_authors, voice)
            add_to_registers(counts.negative_texts, text or voice)
        counts.negative_sources[source] = counts.negative_sources.get(source, 0) + 1
    _join(part, post, f"{bit_of(voice):x}", negative=negative)


def _join(part: PulsePart, post: Post, bit: str, *, negative: bool) -> None:
    """The post's conversation and its copies."""
    key = post.thread or f"{(post.voice ^ post.at_ms * 0x9E3779B97F4A7C15) % 2**64:016x}"
    thread = part.threads.get(key)
    if thread is None:
        thread = part.threads[key] = ThreadPart(first_ms=post.at_ms)
    thread.posts += 1
    thread.negative += negative
    thread.scored += post.mood != 2
    thread.replies += post.join == "reply"
    thread.reposts += post.join == "repost"
    thread.quotes += post.join == "quote"
    thread.first_ms = min(thread.first_ms, post.at_ms)
    thread.reach += post.reach
    thread.voices = or_hex(thread.voices, bit)
    if post.text:
        name = f"{post.text:016x}"
        cluster = part.clusters.get(name)
        if cluster is None:
            cluster = part.clusters[name] = ClusterPart(first_ms=post.at_ms)
        cluster.posts += 1
        cluster.negative += negative
        cluster.first_ms = min(cluster.first_ms, post.at_ms)
        cluster.voices = or_hex(cluster.voices, bit)
