"""EDGE. What `tocsin sources` shows: how each source stands by its file, and whether one that is asked now answers."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from alerting.flowchart.fields import duration_text
from stream.codec import DAY_MS, rfc3339
from stream.reading import BadMention, Reader
from stream.sources.contract import Denied, Sample, Surroundings, Trouble
from stream.sources.places import Places, SourcePurse, Standing
from tocsin.mistakes import UsageError
from tocsin.settings import Settings
from tocsin.source_base import SourceSection
from tocsin.sources import listened_to, made
from tocsin.vendor_sections import VendorSettings

CHECK_S = 60.0
COSTS_DAYS = 30
GAPS_SHOWN = 5
SLACK_MS = 60_000
"""A service that runs has told of a silence by then; one that does not run tells nothing."""


class _NoThreads:
    """Where nothing runs, no conversation matters."""

    def tracked(self, mention_id: str) -> bool:
        return False

    def open(self, source: str) -> Sequence[str]:
        return []


def listed(settings: Settings, now_ms: int) -> list[dict[str, Any]]:
    """Each source of the configuration, and how it stood when something of it was last kept."""
    path = settings.data_path / "sources.db"
    places = Places(path) if path.exists() else None
    try:
        return [_listed(section, section in listened_to(settings), places, now_ms) for section in settings.sources]
    finally:
        if places is not None:
            places.close()


def _listed(section: SourceSection, listened: bool, places: Places | None, now_ms: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": section.name, "type": section.type, "listened_to": listened}
    if not listened or places is None:
        return row
    known = places.standing(section.name)
    status, blind_ms = _how(known, now_ms)
    return row | {
        "status": status,
        "last_batch": rfc3339(known.heard_ms) if known.heard_ms else None,
        "lag_s": max(0, now_ms - known.known_until_ms) // 1000 if known.known_until_ms else None,
        "blind_since": rfc3339(blind_ms) if blind_ms else None,
        "trouble": known.trouble or None,
        "mentions": known.rows,
        "bad": known.bad,
        "gaps": [
            {"since": rfc3339(g.since_ms), "until": rfc3339(g.until_ms), "reason": g.reason, "filled": g.filled}
            for g in places.gaps(section.name)[-GAPS_SHOWN:]
        ],
        "costs_30_days": places.costs(section.name, since_ms=now_ms - COSTS_DAYS * DAY_MS),
    }


def _how(known: Standing, now_ms: int) -> tuple[str, int]:
    """How a source does, and since when it is blind (0: it is not): as told last, unless nobody listens any more."""
    if not known.heard_ms:
        if not known.since_ms:
            return "new", 0
        return ("trying" if known.status in ("", "ok") else known.status), known.since_ms
    if known.status in ("", "ok"):
        return ("silent", known.heard_ms) if now_ms > known.due_ms + SLACK_MS else ("ok", 0)
    return known.status, known.since_ms


def list_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same for people."""
    for row in rows:
        if not row["listened_to"]:
            yield f"{row['name']} ({row['type']}): is not asked; it comes to us"
        elif "status" not in row or row["status"] == "new":
            yield f"{row['name']} ({row['type']}): was never listened to; `tocsin run` does"
        else:
            yield _standing_line(row)
            yield from _more(row)


def _standing_line(row: Mapping[str, Any]) -> str:
    heard = f"last batch {row['last_batch']}" if row["last_batch"] else "nothing came yet"
    if row["status"] == "trying":
        state = f"being tried since {row['blind_since']}"
    else:
        state = row["status"] if row["blind_since"] is None else f"{row['status']}, blind since {row['blind_since']}"
    lag = "" if row["lag_s"] is None else f", complete up to {duration_text(row['lag_s'] * 1000)} ago"
    return f"{row['name']} ({row['type']}): {state}; {heard}{lag}; {row['mentions']} mentions"


def _more(row: Mapping[str, Any]) -> Iterator[str]:
    if row["trouble"]:
        yield f"    trouble: {row['trouble']}"
    if row["bad"]:
        yield f"    {row['bad']} things that nobody could read are in the dead letters"
    for gap in row["gaps"]:
        filled = "; what could be had came later" if gap["filled"] else ""
        yield f"    gap from {gap['since']} to {gap['until']}: {gap['reason']}{filled}"
    if row["costs_30_days"]:
        costs = ", ".join(f"{amount} {unit}" for unit, amount in row["costs_30_days"].items())
        yield f"    cost in {COSTS_DAYS} days: {costs}"


def checked(settings: Settings, name: str, now_ms: int) -> dict[str, Any]:
    """Whether a source answers, with one mention as it would be stored. Raises `UsageError` for a name that is none."""
    section = _section(settings, name)
    if section not in listened_to(settings):
        said = f"{name} is a {section.type}: it comes to us, so there is nothing to ask"
        if isinstance(section, VendorSettings):
            said += "; `tocsin sources preview FILE --vendor` shows what a payload becomes"
        else:
            said += "; send it a signed post to try it"
        return {"name": name, "ok": True, "words": [said + " (docs/sources.md)."]}
    places = Places(None)
    try:
        purse = SourcePurse(places, name, lambda: now_ms)
        source = made(settings, section, Surroundings(lambda: now_ms, purse, _NoThreads()))
        return {"name": name, **_asked(source.check, name, now_ms), "completeness": source.completeness}
    finally:
        places.close()


def _section(settings: Settings, name: str) -> SourceSection:
    for section in settings.sources:
        if section.name == name:
            return section
    known = ", ".join(section.name for section in settings.sources) or "none is declared"
    raise UsageError(f"there is no source `{name}` in the configuration; there are: {known}")


def _asked(check: Any, name: str, now_ms: int) -> dict[str, Any]:
    async def ask() -> Sample:
        async with asyncio.timeout(CHECK_S):
            found: Sample = await check()
            return found

    try:
        sample = asyncio.run(ask())
    except Denied as why:
        return {"ok": False, "words": [f"It is refused: {why}. Somebody must act before it can be heard."]}
    except Trouble as why:
        return {"ok": False, "words": [f"It does not work now: {why}. It may later; `tocsin run` goes on trying."]}
    except TimeoutError:
        return {"ok": False, "words": [f"It gave no answer within {CHECK_S:g} s."]}
    found: dict[str, Any] = {"ok": sample.complete, "words": list(sample.words)}
    if sample.row is not None:
        found["mention"] = _as_stored(sample.row, name, now_ms)
    return found


def _as_stored(row: bytes, name: str, now_ms: int) -> dict[str, Any]:
    try:
        mention = Reader(name).read(row, now_ms)
    except BadMention as bad:
        return {"refused": str(bad)}
    shown = {field: value for field, value in msgspec.to_builtins(mention).items() if value not in (None, "")}
    for field in [field for field in shown if field.endswith("_ms")]:
        shown[field.removesuffix("_ms") + "_at"] = rfc3339(shown.pop(field))
    return shown


def check_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield from found["words"]
    if "mention" in found:
        yield "One mention as it would be stored:"
        for field, value in found["mention"].items():
            yield f"    {field}: {json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value}"
