"""`tocsin detect` and `tocsin sentiment`: one line in, one line out, at once."""

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, TextIO

from detectors.counts import LARGEST_COUNT, CountsDetector
from stream.brands import Brand
from stream.codec import parse_rfc3339
from stream.language import identify
from stream.reading import LATEST_MS, MAX_LINE
from stream.risk import classes
from stream.scoring import RISK_MILLI, RISK_RULE, judge, shipped_scorers, with_risks
from stream.sentiment import Masks, Reason, Scorers
from stream.text import MAX_TEXT, clean, clip, normalise
from tocsin.mistakes import UsageError

_INTERVAL = re.compile(r"(\d{1,4})(s|m|h)\Z")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
_SECONDS = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")
_MILLISECONDS = re.compile(r"[0-9]{12,15}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
LANGUAGES = ("en", "nl")
NOT_JUDGED: dict[str, Any] = {"label": "unscored", "score": 0, "lang": "und"}
SHOWN = 64
"""Characters of a stamp that are repeated, whatever it is."""


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


def detect_lines(interval: str, lines: BinaryIO, out: TextIO, err: TextIO) -> None:
    """Score `timestamp,value` rows as they come. A row that cannot be used gets score 0 and a word on `err`."""
    detector = CountsDetector(interval_ms(interval))
    for number, line in enumerate(_bounded(lines), start=1):
        stamp, value = _row(line)
        if number == 1 and _is_header(stamp, value):
            out.write("timestamp,anomaly_score,page\n")
            out.flush()
            continue
        score, page = 0, False
        try:
            before_ms = detector.at_ms
            score, page = detector.row(_time_ms(stamp), _count(value))
            if detector.at_ms == before_ms:
                raise ValueError(f"{stamp!r} is not in a later interval than the row before; see --interval")
        except ValueError as error:
            err.write(f"line {number}: {error}; scored 0 (expected: timestamp,value)\n")
            err.flush()
        out.write(f"{stamp},{score / 1000:.3f},{int(page)}\n")
        out.flush()


def sentiment_lines(lines: BinaryIO, out: TextIO, err: TextIO, *, explain: bool = False) -> None:
    """Judge JSON lines as they come. A line that cannot be read is `unscored`, with a word on `err`.

    With `explain` each answer has a list `why`: the text as it was read where something was masked, and every word
    and rule with what it adds, in thousandths of a lexicon's unit.
    """
    scorers = shipped_scorers()
    for number, line in enumerate(_bounded(lines), start=1):
        try:
            judged = _judge(scorers, line, explain=explain)
        except ValueError as error:
            err.write(f"line {number}: {error}; unscored\n")
            err.flush()
            judged = NOT_JUDGED | ({"why": []} if explain else {})
        out.write(json.dumps(judged) + "\n")
        out.flush()


def _bounded(lines: BinaryIO) -> Iterator[bytes]:
    """The lines without their ends, each at once; of one that is too long no more than just beyond `MAX_LINE`."""
    while line := lines.readline(MAX_LINE + 2):
        ended = line.endswith(b"\n")
        while not ended and (rest := lines.readline(MAX_LINE)):
            ended = rest.endswith(b"\n")
        yield line.rstrip(b"\r\n")


def _row(line: bytes) -> tuple[str, str]:
    """Stamp and value of a line of CSV, harmless to repeat; further columns are left out."""
    stamp, _, rest = line[: SHOWN * 64].decode("utf-8-sig", "replace").partition(",")
    stamp, value = stamp.strip().strip('"'), rest.partition(",")[0].strip().strip('"')
    return _UNPRINTABLE.sub("?", stamp[:SHOWN]), _UNPRINTABLE.sub("?", value[:SHOWN])


def _is_header(stamp: str, value: str) -> bool:
    """Words where a time and a number would stand."""
    try:
        _time_ms(stamp)
    except ValueError:
        return any(c.isalpha() for c in stamp) and any(c.isalpha() for c in value) and not _is_number(value)
    return False


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _time_ms(stamp: str) -> int:
    """RFC 3339, or seconds or milliseconds since 1970. Raises `ValueError`."""
    if _MILLISECONDS.fullmatch(stamp):
        at_ms = int(stamp)
    elif _SECONDS.fullmatch(stamp):
        whole, _, part = stamp.partition(".")
        at_ms = int(whole) * 1000 + int(part[:3].ljust(3, "0"))
    else:
        at_ms = parse_rfc3339(stamp)
    if not 0 <= at_ms < LATEST_MS:
        raise ValueError(f"{stamp!r} is not between 1970 and 2100")
    return at_ms


def _count(value: str) -> float:
    if not _is_number(value):
        raise ValueError(f"{value!r} is no number")
    count = float(value)
    if not math.isfinite(count) or not 0 <= count <= LARGEST_COUNT:
        raise ValueError(f"{value!r} is no count: at least 0, and finite")
    return count


def _judge(scorers: Scorers, line: bytes, *, explain: bool) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} bytes")
    try:
        row = json.loads(line, parse_int=float)  # no number counts here, and a long one is slow to read as an integer
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    text, lang, brand = _fields(row)
    text = clean(text)
    identified = identify(text, hint=lang, languages=LANGUAGES)
    found = judge(scorers, text, LANGUAGES, identified, _masks(brand))
    normalised = normalise(clip(text, MAX_TEXT))
    found = with_risks(found, classes(normalised, found.lang)[0], normalised)
    judged: dict[str, Any] = {"label": found.label, "score": found.score, "lang": found.lang}
    if explain:
        judged["why"] = [reason._asdict() for reason in scorers.explain(text, found.lang, _masks(brand))]
        if found.scorer.endswith(RISK_RULE):
            judged["why"].append(Reason("risk", " ".join(classes(normalised, found.lang)[0]), RISK_MILLI)._asdict())
    return judged


def _fields(row: Any) -> tuple[str, str | None, str | None]:
    if isinstance(row, dict):
        text, lang, brand = row.get("text"), row.get("lang"), row.get("brand")
        if isinstance(text, str) and isinstance(lang, str | None) and isinstance(brand, str | None):
            return text, lang, brand
    raise ValueError('expected {"text": "...", "lang"?: "..", "brand"?: "..."}')


@lru_cache(maxsize=256)
def _masks(brand: str | None) -> Masks:
    name = clean(brand or "").strip()
    return Masks.for_brand(Brand(name=name, query=None)) if name else Masks(())
