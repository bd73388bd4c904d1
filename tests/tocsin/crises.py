"""Journals with a crisis in them, one for each scenario, made from a seed: an ordinary day, and then the crisis."""

import json
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from stream.brands import Brand
from tocsin.replay import Humans, replay
from tocsin.settings import shipped_chart_path
from tocsin.synthetic import START_MS, Row, cascade, crisis, merged, quiet

BRAND = Brand("Zonnevlam", "zonnevlam", languages=("en",), own_accounts=("zonnevlam",), timezone="Europe/Amsterdam")
HOUR_MS = 3_600_000
CRISIS_MS = START_MS + 18 * HOUR_MS
_WORDS = ("really", "again", "today", "everybody", "honestly", "still", "somehow", "everywhere", "forever", "tonight")
_SAID = {
    "data_security": "My personal data was stolen in the data breach at Zonnevlam, awful and terrible",
    "campaign_blunder": "This ad campaign of Zonnevlam is disgusting and awful, I hate this ad",
    "backlash": "Shame on Zonnevlam, disgusting and awful people, I hate them, worst company",
}
SCENARIOS = ("service_outage", "viral_complaint", *_SAID)


def _angry(rows: list[Row], scenario: str, seed: int) -> list[Row]:
    """The same posts, about something else; no two of them alike."""
    rng = Random(f"{seed}/{scenario}")
    return [row | {"text": f"{_SAID[scenario]} {' '.join(rng.sample(_WORDS, 5))}", "lang": "en"} for row in rows]


def rows(scenario: str, seed: int) -> list[Row]:
    """Most of an ordinary day, and the crisis."""
    calm = quiet(seed, brand=BRAND.name, hours=19, per_hour=40, rhythm=False)
    shape: dict[str, Any] = {"dutch_share": 0.0, "start_ms": CRISIS_MS, "brand": BRAND.name}
    if scenario == "viral_complaint":
        topics = (("complaint", 90), ("talk", 10))
        storm = list(cascade(seed, posts=160, topics=topics, first_topic="complaint", **shape))
    else:
        shape |= {"thread_share": 0.02, "repost_share": 0.05, "copy_share": 0.0}
        storm = list(crisis(seed, posts=500, rise_minutes=30, fall_minutes=40, **shape))
    if scenario in _SAID:
        storm = _angry(storm, scenario, seed)
    return list(merged(calm, storm))


def journal(
    directory: Path, scenario: str, seed: int, *, chart: str | None = None, humans: Humans | None = None
) -> Path:
    """The journal of that day, in a directory of its own; a second call with the same directory finds it there."""
    path = directory / f"{scenario}-{seed}.db"
    if not path.exists():
        replay(
            [posts(directory, scenario, seed)],
            brands=[BRAND],
            chart_text=chart or shipped_chart(),
            journal_path=path,
            humans=humans,
        )
    return path


def posts(directory: Path, scenario: str, seed: int) -> Path:
    """The posts of that day as a file."""
    path = directory / f"{scenario}-{seed}.jsonl"
    if not path.exists():
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(scenario, seed)), encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def shipped_chart() -> str:
    """The text of the shipped flowchart."""
    return shipped_chart_path().read_text(encoding="utf-8")
