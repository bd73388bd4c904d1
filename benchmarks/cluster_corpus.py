"""A made-up stream for the benchmarks of a cluster: brands that are listened to, and many that are not."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, Protocol

from stream.brands import Brand
from stream.codec import MINUTE_MS, rfc3339
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.writer import Writer
from stream.mention import Mention
from stream.names import Names
from tocsin.synthetic import Row, quiet

STEP_MS = 5_000
NAMES = Names(b"benchmarks of a cluster")
BORN_MS = 1_773_428_400_000
"""2026-03-13T19:00:00Z: when the stream begins."""
LISTENED = 20
UNHEARD = 46
"""Brands that nobody listens to: with them, somewhat under a third of all posts match."""
REPEATED = 0.02
"""Posts that are sent twice."""
SILENT = b'{"id": "", "source": "", "text": ""}'
"""The body of what ends the stream: intake looks at a beat's header alone, and a Faust agent dies of an empty one."""
WRITE = 5_000
"""Records that are written together."""


class Post(NamedTuple):
    """A line as a sender sends it, and the stamp that the log gives it."""

    id: str
    stamp_ms: int
    line: bytes


class Said(Protocol):
    """What of a post a query asks for."""

    id: str
    source: str
    text: str
    author: str


def as_mention(post: Said) -> Mention:
    """A post as the matcher wants it: times say nothing to it."""
    return Mention(
        id=post.id,
        source=post.source,
        created_ms=0,
        claimed_ms=0,
        observed_ms=0,
        text=post.text,
        author=post.author,
    )


def brand_name(number: int, first: str = "Tulpa") -> str:
    """A made-up name that no query of another brand finds."""
    return first + "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")


def listened(count: int = LISTENED) -> list[Brand]:
    """The brands of the stream that are listened to."""
    names = [brand_name(number) for number in range(count)]
    return [Brand(name, f'{name.lower()} OR "@{name.lower()}"', languages=("en", "nl")) for name in names]


def stream(mentions: int, rate: int, seed: int = 1) -> Iterator[Post]:
    """So many posts, `rate` a second, evenly: about twenty brands, and more of them that nobody listens to."""
    names = [brand_name(n) for n in range(LISTENED)] + [brand_name(n, "Zeewi") for n in range(UNHEARD)]
    per_brand = mentions // len(names) + 1
    rows = [
        row | {"id": f"{name}-{row['id'].removeprefix(row['source'] + ':')}"}
        for n, name in enumerate(names)
        for row in _some(seed + n, name, per_brand)
    ]
    rng = Random(f"{seed}/order")
    rng.shuffle(rows)
    sent: list[Row] = []
    for number in range(mentions):
        again = sent and rng.random() < REPEATED
        row = rng.choice(sent[-2_000:]) if again else rows[number]
        sent.append(row)
        stamp_ms = BORN_MS + number * 1000 // rate
        written = {name: value for name, value in row.items() if value is not None}
        written |= {"created_at": rfc3339(stamp_ms)}
        yield Post(f"{row['source']}:{row['id']}", stamp_ms, json.dumps(written, ensure_ascii=False).encode())


def _some(seed: int, name: str, count: int) -> list[Row]:
    """So many rows of a brand's ordinary life; hours are added until they are enough."""
    hours = count / 20
    while len(rows := list(quiet(seed, brand=name, hours=hours, per_hour=20, rhythm=False))) < count:
        hours *= 1.5
    return rows[:count]


def records(brokers: Brokers, posts: Sequence[Post], *, source: str = "") -> list[Outgoing]:
    """The posts as the door writes them, with the stamps that they bear."""
    layout, topic = brokers.layout, brokers.layout.name("mentions")
    headers = headers_of("mention", source)
    return [
        Outgoing(topic, layout.mention_partition(post.id), post.id.encode(), post.line, headers, post.stamp_ms)
        for post in posts
    ]


def ends(brokers: Brokers, stamp_ms: int) -> list[Outgoing]:
    """A beat for every input partition: it seals the steps before it."""
    homes = [brokers.layout.home_of(number) for number in range(brokers.layout.inputs)]
    return [Outgoing(topic, number, None, SILENT, headers_of("beat", ""), stamp_ms) for topic, number in homes]


async def fill(brokers: Brokers, posts: Sequence[Post]) -> int:
    """Write the posts into `mentions`, and what seals them; returns the last step that is sealed then."""
    writer = Writer(brokers)
    await writer.start()
    try:
        for first in range(0, len(posts), WRITE):
            await writer.write(records(brokers, posts[first : first + WRITE]))
        last_ms = posts[-1].stamp_ms
        await writer.write(ends(brokers, last_ms + MINUTE_MS))
    finally:
        await writer.stop()
    return last_ms // STEP_MS
