"""Quiet streams to plant crises in: recordings, and counts turned into posts, as parts per grid step.

Recordings are read once; what intake made of them is kept in a cache beside the user's other caches, never in the
repository. Counts without posts (the NAB files) become posts by seeded dice. Where a recording is absent its stream is
skipped, plainly.
"""

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.combine import Combiner
from stream.mention import ScoredMention
from stream.names import REPLAY_KEY, Names
from stream.own_words import speaks_for_itself
from stream.pulse import PulsePart
from stream.scoring import Scoring
from stream.sources.files import read_files
from tocsin.planting import Join, Post, StepPart, angry_mood, parts_of
from tocsin.synthetic import BY_HOUR

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
STEP_MS = 5_000
NAB = ("AAPL", "CVS", "FB", "GOOG", "UPS")
MADE_UP = "made-up"
"""A stream that needs no recording: for tests, and for a look where nothing is at hand."""
COUNTED = (*NAB, MADE_UP)
"""Streams that begin as counts."""
NEGATIVE_SHARE = 0.18
"""Of the posts that are made from counts ..."""
CLUMPING = 0.03
"""... and the correlation of their moods within an hour: each hour has a share of its own, drawn from a beta."""
PEOPLE = 50_000
"""They post unequally: the square of a uniform number picks who, so that the busiest writes one post in 220."""


class Stream(msgspec.Struct):
    """A brand's posts day by day, and where crises may be planted in them."""

    name: str
    brand: str
    source: str
    days: list[int]
    """Days since 1970 that have posts, in order."""
    plantable: list[tuple[int, int]]
    """Stretches `[from, until)` that are quiet, gap-free and have enough past."""
    gapless: list[tuple[int, int]] = []
    """Stretches in which nothing is missing, with or without a past."""
    keep: float = 1.0
    """The share of its posts that is kept, where it is another stream thinned out."""
    base: str = ""
    """The stream it is thinned from."""

    def posts(self, day: int) -> list[Post]:
        """A day's posts, by time."""
        posts = _posts_of(self.base or self.name, day)
        if self.keep >= 1.0:
            return posts
        rng = Random(f"{self.name}/{day}/thin")
        return [post for post in posts if rng.random() < self.keep]

    def hour(self, at_ms: int) -> list[StepPart]:
        """The parts of the hour that holds a time."""
        return _hours_of(self.name, at_ms // DAY_MS)[at_ms // HOUR_MS % 24]

    @property
    def usual_milli(self) -> list[int]:
        """Posts in each hour of the day (UTC), on the mean of its days, in thousandths; at least one post."""
        return _usual_of(self.name)

    @property
    def by_hour(self) -> list[float]:
        """The same mean as it is."""
        return _hour_means(self.name)

    @property
    def per_hour(self) -> float:
        """Posts an hour, on the mean."""
        return _mean_of(self.name)


# --- where posts come from --------------------------------------------------------------------------------------------


class _Recorded(msgspec.Struct):
    """What the cache holds of one recording."""

    parts: list[tuple[int, int, int, PulsePart]]
    posts: list[Post]


def cache_folder() -> Path:
    """Where benchmarks keep what is dear to make, outside the repository."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tocsin-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@lru_cache(maxsize=1)
def _code() -> str:
    """A digest of all that turns a line into a part: the cache forgets what another version made."""
    files = [*sorted((ROOT / "stream").rglob("*.py")), Path(__file__), ROOT / "tocsin" / "planting.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


@lru_cache(maxsize=2)
def _recorded(file: str, brand: Brand, since_ms: int) -> _Recorded:
    path = DATA / f"{file}.jsonl.gz"
    kept = cache_folder() / f"{file}-{since_ms}-{path.stat().st_size}-{_code()}.msgpack"
    if kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=_Recorded)
    names = Names(REPLAY_KEY)
    scoring, combiner = Scoring([brand], names), Combiner(names, STEP_MS)
    found = _Recorded([], [])
    seen: set[str] = set()
    step = -1
    for mention in read_files([path], dead=lambda *_: None, since_ms=since_ms):
        if mention.id in seen:
            continue
        seen.add(mention.id)
        if mention.observed_ms // STEP_MS > step:
            found.parts += [(c.step, c.minute_ms, c.chunk, c.part) for c in combiner.seal(step)]
            step = mention.observed_ms // STEP_MS
        for scored in scoring.score(mention):
            combiner.add(scored)
            if not scored.own:
                found.posts.append(_post_of(scored, names))
    found.parts += [(c.step, c.minute_ms, c.chunk, c.part) for c in combiner.seal(step)]
    other = kept.with_suffix(f".{os.getpid()}")
    other.write_bytes(msgspec.msgpack.encode(found))
    other.replace(kept)
    return found


def _post_of(scored: ScoredMention, names: Names) -> Post:
    mention = scored.mention
    home = mention.root_id or mention.parent_id or mention.quoted_id
    join: Join = "quote" if mention.quoted_id is not None else ""
    if mention.parent_id is not None or mention.is_repost:
        join = "repost" if mention.is_repost else "reply"
    return Post(
        at_ms=mention.observed_ms,
        voice=names.author(mention.author or mention.id),
        text=scored.cluster or 0,
        mood={"negative": -1, "neutral": 0, "positive": 1}.get(scored.sentiment.label, 2),
        score=scored.sentiment.score,
        thread=names.mention(home) if home is not None else "",
        join=join,
        question="?" in mention.text,
        reach=mention.author_followers or 0,
        risks=tuple(scored.risks),
        issues=tuple(scored.issues),
        own_words=speaks_for_itself(mention.text or ""),
    )


class Counted(NamedTuple):
    """One row of a NAB file."""

    at_ms: int
    posts: int


@lru_cache(maxsize=2)
def _counted(name: str) -> tuple[dict[int, list[Counted]], list[int]]:
    """A NAB file's rows by day, and its days: those that touch a labelled window are left out and the rest closed up.

    Days move by whole days, so the hours of the day stay what they were.
    """
    if name == MADE_UP:
        return _made_up()
    path = DATA / "nab" / f"Twitter_volume_{name}.csv"
    labels = json.loads((DATA / "nab" / "combined_windows.json").read_text())[f"realTweets/{path.name}"]
    windows = [tuple(parse_rfc3339(end[:19]) for end in window) for window in labels]
    days: dict[int, list[Counted]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            at_ms = parse_rfc3339(row["timestamp"])
            days.setdefault(at_ms // DAY_MS, []).append(Counted(at_ms, int(row["value"])))
    whole = [d for d in sorted(days) if len(days[d]) == 288]
    quiet = [d for d in whole if not any(a < (d + 1) * DAY_MS and b >= d * DAY_MS for a, b in windows)]
    first = quiet[0]
    moved: dict[int, list[Counted]] = {}
    for place, day in enumerate(quiet):
        back_ms = (day - first - place) * DAY_MS
        # The files' buckets begin 42 to 53 seconds into a minute; here they begin with it.
        moved[first + place] = [
            Counted((r.at_ms - back_ms) // (5 * MINUTE_MS) * 5 * MINUTE_MS, r.posts) for r in days[day]
        ]
    return moved, sorted(moved)


MADE_UP_DAYS = range(20_514, 20_530)
MADE_UP_PER_HOUR = 30


def _made_up() -> tuple[dict[int, list[Counted]], list[int]]:
    """Sixteen days of a brand that sleeps at night, its level wandering: a gamma for each hour, so that hours clump."""
    days = {}
    for day in MADE_UP_DAYS:
        rng = Random(f"{MADE_UP}/{day}")
        rates = [MADE_UP_PER_HOUR * BY_HOUR[h] / 100 * rng.gammavariate(10, 0.1) / 12 for h in range(24)]
        spans = range(day * DAY_MS, (day + 1) * DAY_MS, 5 * MINUTE_MS)
        # A binomial of 100 throws is near enough to a Poisson count.
        throws = [sum(rng.random() * 100 < rates[at % DAY_MS // HOUR_MS] for _ in range(100)) for at in spans]
        days[day] = [Counted(at, posts) for at, posts in zip(spans, throws, strict=True)]
    return days, list(MADE_UP_DAYS)


def counted_day(name: str, day: int) -> list[Counted]:
    """A day of a stream that begins as counts, of five minutes each."""
    return _counted(name)[0].get(day, [])


def made_posts(counted: Iterable[Counted], rng: Random, negative_share: float = NEGATIVE_SHARE) -> list[Post]:
    """Posts for counts of five minutes: spread evenly, by few who write much and many who write little."""
    size = 1 / CLUMPING - 1
    posts = []
    hour, share_milli = -1, 0
    for row in counted:
        if row.at_ms // HOUR_MS != hour:
            hour = row.at_ms // HOUR_MS
            share_milli = round(1000 * rng.betavariate(negative_share * size, (1 - negative_share) * size))
        for _ in range(row.posts):
            mood, score = angry_mood(rng, share_milli)
            posts.append(
                Post(
                    at_ms=row.at_ms + int(rng.random() * 5 * MINUTE_MS),
                    voice=_voice(int(PEOPLE * rng.random() ** 2)),
                    text=rng.getrandbits(64),
                    mood=mood,
                    score=score,
                )
            )
    posts.sort(key=lambda post: post.at_ms)
    return posts


def _voice(number: int) -> int:
    return (number + 1) * 0x9E3779B97F4A7C15 % 2**64


TEXTS: dict[str, tuple[str, Brand, str]] = {
    "spotify": ("spotify_support_2017", Brand("Spotify", None), "2017-10-01T00:00:00Z"),
    "united": ("united_2017_after", Brand("United", None), "2017-05-16T00:00:00Z"),
}
"""Name -> file, brand, and from when on it is read."""
QUIET_TEXT: dict[str, tuple[tuple[str, str], ...]] = {
    "spotify": (("2017-10-14T00:00:00Z", "2017-10-31T00:00:00Z"),),
    "united": (("2017-05-21T18:00:00Z", "2017-05-25T18:00:00Z"), ("2017-05-27T06:00:00Z", "2017-05-29T22:00:00Z")),
}
"""Gap-free and with a past: ten days of it, or as much as there is."""
GAPLESS: dict[str, tuple[tuple[str, str], ...]] = {
    "spotify": (("2017-10-05T00:00:00Z", "2017-10-31T00:00:00Z"),),
    "united": (("2017-05-20T17:20:00Z", "2017-05-26T00:00:00Z"), ("2017-05-26T22:13:00Z", "2017-05-30T00:00:00Z")),
}
LEARNT_DAYS = 10
THINNED: dict[str, tuple[str, float]] = {"2-an-hour": ("spotify", 2.0), "20-an-hour": ("UPS", 20.0)}
"""Name -> the stream it is thinned from, and posts an hour."""


@lru_cache(maxsize=8)
def _text_days(name: str) -> dict[int, list[Post]]:
    file, brand, since = TEXTS[name]
    days: dict[int, list[Post]] = {}
    for post in _recorded(file, brand, parse_rfc3339(since)).posts:
        days.setdefault(post.at_ms // DAY_MS, []).append(post)
    return days


@lru_cache(maxsize=8)
def _posts_of(name: str, day: int) -> list[Post]:
    if name in TEXTS:
        return _text_days(name).get(day, [])
    return made_posts(_counted(name)[0].get(day, []), Random(f"{name}/{day}"))


@lru_cache(maxsize=4)
def _text_parts(name: str) -> dict[int, list[list[StepPart]]]:
    file, brand, since = TEXTS[name]
    days: dict[int, list[list[StepPart]]] = {}
    for step, minute_ms, chunk, part in _recorded(file, brand, parse_rfc3339(since)).parts:
        at_ms = step * STEP_MS
        day = days.setdefault(at_ms // DAY_MS, [[] for _ in range(24)])
        day[at_ms // HOUR_MS % 24].append(StepPart(step, minute_ms, chunk, part))
    return days


@lru_cache(maxsize=3)
def _hours_of(name: str, day: int) -> list[list[StepPart]]:
    if name in TEXTS:  # what intake itself wrote
        return _text_parts(name).get(day, [[] for _ in range(24)])
    stream = stream_of(name)
    hours: list[list[StepPart]] = [[] for _ in range(24)]
    for one in parts_of(stream.posts(day), step_ms=STEP_MS, source=stream.source, chunk=0):
        hours[one.step * STEP_MS // HOUR_MS % 24].append(one)
    return hours


@lru_cache(maxsize=16)
def _hour_means(name: str) -> list[float]:
    stream = stream_of(name)
    days = [d for d in stream.days if any(a < (d + 1) * DAY_MS and b > d * DAY_MS for a, b in stream.plantable)]
    counts = [0] * 24
    for day in days:
        if name in COUNTED:
            for row in _counted(name)[0][day]:
                counts[row.at_ms // HOUR_MS % 24] += row.posts
        else:
            for post in stream.posts(day):
                counts[post.at_ms // HOUR_MS % 24] += 1
    return [count / max(1, len(days)) for count in counts]


@lru_cache(maxsize=16)
def _usual_of(name: str) -> list[int]:
    return [max(1000, round(1000 * mean)) for mean in _hour_means(name)]


@lru_cache(maxsize=16)
def _mean_of(name: str) -> float:
    return sum(_hour_means(name)) / 24


@lru_cache(maxsize=16)
def stream_of(name: str) -> Stream:
    """A stream by its name. Raises `KeyError` for another name, `FileNotFoundError` where its recording is absent."""
    if name in TEXTS:
        days = sorted(_text_days(name))
        quiet, gapless = (
            [(parse_rfc3339(a), parse_rfc3339(b)) for a, b in spans[name]] for spans in (QUIET_TEXT, GAPLESS)
        )
        return Stream(name, TEXTS[name][1].name, "twitter", days, quiet, gapless)
    if name in COUNTED:
        days = _counted(name)[1]
        quiet = [((days[0] + LEARNT_DAYS) * DAY_MS, days[-1] * DAY_MS + 20 * HOUR_MS)]
        return Stream(name, name, "x", days, quiet, [(days[0] * DAY_MS, (days[-1] + 1) * DAY_MS)])
    base_name, per_hour = THINNED[name]
    base = stream_of(base_name)
    keep = min(1.0, per_hour / base.per_hour)
    return Stream(name, name, base.source, base.days, base.plantable, base.gapless, keep, base_name)


def streams(names: Sequence[str] = (*TEXTS, *NAB)) -> list[Stream]:
    """Those whose recordings are at hand."""
    found = []
    for name in names:
        try:
            found.append(stream_of(name))
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error.filename} is absent")
    return found
