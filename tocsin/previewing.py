"""EDGE. What `tocsin sources preview` shows: a file as it would be taken in, for JSON and for people."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stream.sources.file_preview import preview, preview_payload
from stream.sources.mappings import VENDORS
from stream.sources.tables import BadFile
from stream.strict_yaml import unknown
from stream.zones import zone as known_zone
from tocsin.map_sections import read_map
from tocsin.mistakes import UsageError

_UNVERIFIED = "The map is a proposal, unverified: no export of a customer was to be had. Look at each line of it."


def previewed(path: Path, map_file: Path | None, vendor: str, *, zone: str, rows: int, now_ms: int) -> dict[str, Any]:
    """All that can be told of a file. Raises `UsageError` where nothing can be, and `YamlProblem` for a broken map."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    if vendor and vendor not in VENDORS:
        raise UsageError(unknown(vendor, sorted(VENDORS), "as a vendor"))
    if vendor and map_file is not None:
        raise UsageError("a payload of a vendor needs no --map; give one of the two")
    try:
        known_zone(zone)
    except ValueError:
        raise UsageError(f'--zone is "{zone[:60]}", which is no time zone; allowed: an IANA name') from None
    columns = read_map(map_file).columns(zone) if map_file is not None else None
    try:
        if vendor:
            return preview_payload(path, VENDORS[vendor], now_ms=now_ms, rows=rows)
        return preview(path, columns, zone=zone, now_ms=now_ms, rows=rows)
    except BadFile as bad:
        raise UsageError(f"{path}: {bad.detail} ({bad.reason})") from None


def preview_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield _first_line(found)
    yield from _column_lines(found)
    for words in found["absent"]:
        yield f"Not there: {words}."
    if found["proposed"]:
        looks = f"It looks like an export of {found['tool']}. " if found["tool"] else ""
        yield f"{looks}{_UNVERIFIED}"
        for field in found["missing"]:
            yield f"No column was found for {field}, which every mention needs: name it in a map."
    if found.get("map"):
        yield "The map, for --map and for `columns:` of a source:"
        shown = yaml.safe_dump(found["map"], allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
        yield from (f"    {line}" for line in shown.splitlines())
    if "rows" in found:
        yield from _row_lines(found)


def _first_line(found: Mapping[str, Any]) -> str:
    kinds = {"csv": "columns", "json_lines": "JSON lines", "json": "a list in JSON", "payload": "a payload in JSON"}
    written = f"{found['file']}: {kinds[found['kind']]}"
    if found["delimiter"]:
        sign = {"\t": "tab"}.get(found["delimiter"], found["delimiter"])
        written += f", {len(found['columns'])} of them, with {sign} between, in {found['encoding']}"
    return f"{written}."


def _column_lines(found: Mapping[str, Any]) -> Iterator[str]:
    for column in found["columns"]:
        goes = ", ".join(column["fields"]) or "not taken"
        example = f'   as "{column["example"]}"' if column["example"] else ""
        yield f"    {column['column']} -> {goes}{example}"


def _row_lines(found: Mapping[str, Any]) -> Iterator[str]:
    old = (
        f"; {found['back_fill']} of them older than 90 minutes: a back-fill, which pages nobody"
        if found["back_fill"]
        else ""
    )
    yield f"{found['good']} of {found['rows']} rows can be taken{old}."
    if found["first"]:
        yield "The first ones as they would be stored:"
    for one in found["first"]:
        yield f"    line {one['line']}: {json.dumps(one['row'], ensure_ascii=False)}"
    if found["bad"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found["reasons"].items()))
        yield f"{found['bad']} rows cannot be read ({reasons}):"
    for error in found["errors"]:
        yield f"    line {error['line']}: {error['detail']} ({error['reason']})"
    if found["bad"] > len(found["errors"]):
        yield f"    and {found['bad'] - len(found['errors'])} more"
