"""`tocsin detect` and `tocsin sentiment`: one line in, one line out, at once."""

import json
import re
from collections.abc import Iterable
from typing import Any, TextIO

from detectors.counts import CountsDetector
from stream.brands import Brand
from stream.codec import parse_rfc3339
from stream.language import identify
from stream.reading import MAX_LINE
from stream.sentiment import Masks, Scorers, VaderScorer
from stream.text import clean
from tocsin.mistakes import UsageError

_INTERVAL = re.compile(r"(\d{1,4})(s|m|h)\Z")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
LANGUAGES = ("en", "nl")


def interval_ms(text: str) -> int:
    """`5m` in milliseconds. Raises `UsageError`.

    >>> interval_ms("5m")
    300000
    """
    match = _INTERVAL.match(text)
    length = int(match[1]) * _UNIT_MS[match[2]] if match else 0
    if not 60_000 <= length <= 3_600_000:
        raise UsageError(f"--interval {text}: give a length from 1m to 1h, as 5m")
    return length


def detect_lines(interval: str, lines: Iterable[str], out: TextIO, err: TextIO) -> None:
    """Score `timestamp,value` rows as they come. A row that cannot be read gets score 0 and a word on `err`."""
    detector = CountsDetector(interval_ms(interval))
    for number, line in enumerate(lines, start=1):
        stamp, _, value = line.strip().partition(",")
        if number == 1 and not any(c.isdigit() for c in line):
            out.write("timestamp,anomaly_score,page\n")
            out.flush()
            continue
        score, page = 0, False
        try:
            score, page = detector.row(_time_ms(stamp), float(value.split(",")[0]))
        except ValueError as error:
            err.write(f"line {number}: {error}; expected timestamp,value\n")
        out.write(f"{stamp},{score / 1000:.3f},{int(page)}\n")
        out.flush()


def _time_ms(stamp: str) -> int:
    if stamp.isdigit():
        return int(stamp) * (1 if len(stamp) > 11 else 1000)
    return parse_rfc3339(stamp)


def sentiment_lines(lines: Iterable[bytes], out: TextIO, err: TextIO) -> None:
    """Judge JSON lines as they come. A line that cannot be read is `unscored`, with a word on `err`."""
    scorers = Scorers([VaderScorer()])
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            judged = _judge(scorers, line)
        except ValueError as error:
            err.write(f"line {number}: {error}\n")
            judged = {"label": "unscored", "score": 0, "lang": "und"}
        out.write(json.dumps(judged) + "\n")
        out.flush()


def _judge(scorers: Scorers, line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} bytes")
    row = json.loads(line)
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise ValueError('expected {"text": "...", "lang"?: "..", "brand"?: "..."}')
    text = clean(row["text"])
    hint = row.get("lang") if isinstance(row.get("lang"), str) else None
    lang, _ = identify(text, hint=hint, languages=LANGUAGES)
    brand = row.get("brand")
    masks = Masks.for_brand(Brand(name=brand, query=None)) if isinstance(brand, str) and brand.strip() else Masks(())
    found = scorers.judge(text, lang, masks)
    return {"label": found.label, "score": found.score, "lang": found.lang}
