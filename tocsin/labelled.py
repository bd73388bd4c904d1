"""Labelled texts that scorers are measured on: found where they lie, none of them part of this repository."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.brands import Brand
from stream.sentiment import Masks

Row = dict[str, Any]

THREE = ("negative", "neutral", "positive")
TWO = ("negative", "positive")
COMPLAINT = ("negative", "other")
"""For sets that tell complaints from everything else."""

_UNMASKED = Masks(())


@dataclass(frozen=True)
class Text:
    """One text and what people say of it."""

    text: str
    truth: str
    """Their label; empty where they gave a number."""
    valence: float
    """Their number; 0 where they gave a label."""
    part: str
    """What it is about: a brand, a trade, a kind of text."""
    masks: Masks


@dataclass(frozen=True)
class Labelled:
    """A set of labelled texts in the order of their time."""

    name: str
    lang: str
    classes: tuple[str, ...]
    """The labels it knows; none where people gave numbers."""
    about: str
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class _Source:
    name: str
    lang: str
    classes: tuple[str, ...]
    about: str
    read: Callable[[Row], Text | None]


def _by_brand(names: dict[str, str]) -> Callable[[Row], Text | None]:
    """Sentiment by brand; `names` gives those that people know a brand by where the set has another."""
    masks: dict[str, Masks] = {}

    def read(row: Row) -> Text | None:
        truth = row["label"]["sentiment"]
        if truth not in THREE:
            return None
        name: str = names.get(row["brand"]) or row["brand"]
        if name not in masks:
            masks[name] = Masks.for_brand(Brand(name, None))
        return Text(row["text"], truth, 0.0, name, masks[name])

    return read


def _valence(row: Row) -> Text | None:
    return Text(row["text"], "", float(row["label"]["valence"]), row["id"].rpartition("-")[0], _UNMASKED)


def _complaint(row: Row) -> Text | None:
    truth = "negative" if row["label"]["complaint"] else "other"
    return Text(row["text"], truth, 0.0, row["label"]["domain"], _UNMASKED)


def _review(row: Row) -> Text | None:
    return Text(row["text"], row["label"]["sentiment"], 0.0, "reviews", _UNMASKED)


SOURCES = (
    _Source(
        "us_airlines_2015", "en", THREE, "posts to four airlines",
        _by_brand({"Delta": "JetBlue", "American": "American Airlines"}),
    ),
    _Source("sanders_2011", "en", THREE, "posts about four technology brands, `irrelevant` left out", _by_brand({})),
    _Source("complaints_2019", "en", COMPLAINT, "complaint or not, nine trades and random posts", _complaint),
    _Source("vader_groundtruth", "en", (), "mean valence by twenty raters", _valence),
    _Source("nl_bol_reviews", "nl", TWO, "book reviews in Dutch, two classes", _review),
)  # fmt: skip

MENTIONS = "nl_brand_mentions_unlabelled"
MENTIONS_LABELS = "nl_mentions_200.tsv"


def find(data: Path, labels: Path) -> tuple[list[Labelled], list[str]]:
    """The sets that are there, and a plain sentence for each that is not.

    `data` holds `<name>.jsonl.gz`; `labels` holds labels given here to texts that lie in `data`.
    """
    found: list[Labelled] = []
    missing: list[str] = []
    for source in SOURCES:
        path = data / f"{source.name}.jsonl.gz"
        if not path.exists():
            missing.append(f"{source.name}: skipped, the data is not here")
            continue
        texts = [text for row in rows(path) if (text := source.read(row)) is not None]
        found.append(Labelled(source.name, source.lang, source.classes, source.about, tuple(texts)))
    mentions, key = data / f"{MENTIONS}.jsonl.gz", labels / MENTIONS_LABELS
    if mentions.exists() and key.exists():
        found.append(_mentions(mentions, key))
    else:
        missing.append(f"{MENTIONS_LABELS}: skipped, {'the data' if key.exists() else 'the table'} is not here")
    return found, missing


def rows(path: Path) -> Iterator[Row]:
    """The rows of a packed file of JSON lines, by time where they have one."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from sorted(map(json.loads, file), key=lambda row: row.get("created_at", ""))


def _mentions(mentions: Path, key: Path) -> Labelled:
    """The Dutch mentions labelled by hand: `id<tab>label` beside the texts."""
    lines = [line.split("\t") for line in key.read_text(encoding="utf-8").splitlines()]
    truths = {line[0]: line[1] for line in lines if len(line) >= 2 and line[1] in THREE}
    masks: dict[str, Masks] = {}
    texts = []
    for row in rows(mentions):
        if str(row["id"]) in truths:
            brand = row.get("brand") or ""
            if brand not in masks:
                masks[brand] = Masks.for_brand(Brand(brand, None)) if brand else _UNMASKED
            texts.append(Text(row["text"], truths[str(row["id"])], 0.0, "mentions", masks[brand]))
    return Labelled("nl_mentions_200", "nl", THREE, "200 Dutch brand mentions labelled by one reader", tuple(texts))
