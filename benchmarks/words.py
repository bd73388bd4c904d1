"""What the new words on a card find, how often chance makes one, and what they cost.

    python -m benchmarks.words [--seeds 20] [--json]

Ordinary posts of a made-up public are the past and the story. Into the story go people who use a word that the past
does not know, each in a post of their own. Counted: how often the word is on the card, by how many people use it; how
often a word is on the card where nothing was put in; and the time for a card of 4,700 posts read from a text store.
Exit code 1 when fewer than nine in ten of the words that six of 60 people use are found, when more than one ordinary
story in ten has a new word, or when a card takes longer than 50 ms of processor time.
"""

import argparse
import json
import sys
import time
from random import Random
from typing import Any

from alerting.explain import Texts, Vocabulary, explain
from alerting.view import IncidentView
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.names import REPLAY_KEY, Names
from stream.sources.text_store import StoredPost, TextStore
from tocsin.fresh_words import PAST_BY_HOUR, PAST_MS, PAST_POSTS, STORY_POSTS, Explainer
from tocsin.synthetic import START_MS, Row, quiet

BRAND = Brand("Tulpatel", "tulpatel", languages=("en", "nl"))
NEW = "kwispelbox"
SAYINGS = ("the {new} again, {text}", "{text} and that {new}", "what about my {new}? {text}")
SIZES = ((20, 4), (20, 8), (60, 4), (60, 6), (60, 12), (200, 6), (200, 20))
"""People in the story, and how many of them use the new word."""
NOW_MS = START_MS + 7 * DAY_MS
BEST_OF = 5


def stored(rows: list[Row]) -> list[StoredPost]:
    """Rows of the interchange format as a text store holds them."""
    names = Names(REPLAY_KEY)
    return [
        StoredPost(
            name=names.mention(row["id"]),
            id=row["id"],
            source=row["source"],
            text=row["text"],
            created_ms=parse_rfc3339(row["created_at"]),
            author=row["author"],
            followers=row.get("author_followers"),
            url=row.get("url"),
            lang=row.get("lang"),
            brands=(BRAND.name,),
        )
        for row in rows
    ]


def ordinary(seed: int, *, per_hour: int = 20) -> list[StoredPost]:
    """A week of ordinary days and the evening after it."""
    return stored(list(quiet(seed, brand=BRAND.name, hours=8 * 24, per_hour=per_hour, rhythm=False)))


def trial(posts: list[StoredPost], seed: int, people: int, using: int) -> tuple[bool, int]:
    """Whether the new word is found among so many people of whom some use it, and how many other words are."""
    rng = Random(f"{seed}/{people}/{using}")
    past = [post for post in posts if post.created_ms < NOW_MS]
    later = [post for post in posts if post.created_ms >= NOW_MS][:people]
    chosen = sorted(rng.sample(range(len(later)), using))
    for number in chosen:
        text = rng.choice(SAYINGS).format(new=NEW, text=later[number].text)
        later[number] = _with(later[number], text)
    about = Vocabulary(BRAND)
    found = explain(Texts(later), Texts(rng.sample(past, min(len(past), PAST_POSTS))), about)
    words = [one.word for one in found.words]
    return any(NEW in word.split() for word in words), sum(NEW not in word.split() for word in words)


def _with(post: StoredPost, text: str) -> StoredPost:
    return StoredPost(**{name: getattr(post, name) for name in StoredPost.__struct_fields__} | {"text": text})


def card_ms(seed: int = 1) -> dict[str, float]:
    """Processor time, in ms, of the first card of a story of 4,700 posts with a fortnight behind it, and of an edit."""
    rows = list(quiet(seed, brand=BRAND.name, hours=14 * 24, per_hour=60, rhythm=False))
    until_ms = START_MS + PAST_MS + 90 * MINUTE_MS
    storm = list(
        quiet(seed + 1, brand=BRAND.name, hours=1.5, per_hour=2_000, rhythm=False, start_ms=START_MS + PAST_MS)
    )
    texts = TextStore(None)
    texts.put(stored(rows + storm))
    view = IncidentView(
        brand=BRAND.name,
        incident="tulpatel-0",
        scenario="backlash",
        severity="high",
        opened_ms=until_ms - HOUR_MS,
        since_ms=START_MS + PAST_MS,
        found_ms=until_ms,
    )
    later = IncidentView(
        **{name: getattr(view, name) for name in view.__struct_fields__} | {"found_ms": until_ms + MINUTE_MS}
    )
    first, edit = 1e9, 1e9
    for _ in range(BEST_OF):
        explainer = Explainer(texts, [BRAND])
        first = min(first, _took_ms(explainer, view))
        edit = min(edit, _took_ms(explainer, later))
    return {"posts": len(storm), "first_card_ms": round(first, 1), "edit_ms": round(edit, 1)}


def _took_ms(explainer: Explainer, view: IncidentView) -> float:
    start = time.process_time()
    assert explainer.explain(view).sampled
    return (time.process_time() - start) * 1000


def measure(seeds: range) -> dict[str, Any]:
    """All three."""
    found: dict[tuple[int, int], int] = dict.fromkeys(SIZES, 0)
    false = {people: 0 for people, _ in SIZES}
    for seed in seeds:
        posts = ordinary(seed)
        for people, using in SIZES:
            found[people, using] += trial(posts, seed, people, using)[0]
        for people in false:
            false[people] += trial(posts, seed, people, 0)[1] > 0
    return {
        "stories": len(seeds),
        "found": {f"{using} of {people}": round(n / len(seeds), 3) for (people, using), n in found.items()},
        "ordinary_with_a_word": {str(people): round(n / len(seeds), 3) for people, n in false.items()},
        "cost": card_ms(),
        "caps": {"story": STORY_POSTS, "past": PAST_POSTS, "past_by_hour": PAST_BY_HOUR},
    }


def holds(figures: dict[str, Any]) -> bool:
    """Whether the bounds that the head of this file names are kept."""
    quiet_enough = max(figures["ordinary_with_a_word"].values()) <= 0.1
    return figures["found"]["6 of 60"] >= 0.9 and quiet_enough and figures["cost"]["first_card_ms"] <= 50


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the new words on a card.")
    parser.add_argument("--seeds", type=int, default=20, help="stories of each size (default: 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = measure(range(options.seeds))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, values in figures.items():
            said = ", ".join(f"{key}: {value}" for key, value in values.items()) if isinstance(values, dict) else values
            print(f"{name}: {said}")
    return 0 if holds(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
