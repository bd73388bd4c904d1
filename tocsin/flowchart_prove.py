"""`tocsin flowchart prove`: whether somebody is reached in every situation, and where not, the walk that shows it."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

from rich.progress import Progress

from alerting.flowchart.fields import duration_ms
from alerting.flowchart.model import Chart
from alerting.flowchart.prove import NEEDS_MS, Hole, Plan, Proof, prove
from alerting.flowchart.prove_people import Duties
from alerting.flowchart.prove_story import after
from stream.codec import DAY_MS, MINUTE_MS, parse_rfc3339
from stream.zones import local, zone
from tocsin.checking import read_chart
from tocsin.mistakes import UsageError
from tocsin.terminal import err
from tocsin.walks import rosters_of

MOST_DAYS = 400


class Proved(NamedTuple):
    """A proof of a chart, over which days."""

    path: Path
    plan: Plan
    proof: Proof


def run_prove(path: Path, *, days: int = 90, start: str = "", zone_name: str = "", bound: str = "") -> Proved:
    """Prove a chart file, with a progress bar where somebody looks.

    Raises `ChartError`, `OSError`, or `UsageError` for an argument or a calendar that cannot be used.
    """
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"--days {days}: allowed are 1 to {MOST_DAYS}")
    chart = read_chart(path)
    in_zone = _zone(chart, zone_name)
    from_ms = _instant(start, in_zone)
    plan = Plan(from_ms, from_ms + days * DAY_MS, in_zone, _bound(bound), path.name)
    needed = days + NEEDS_MS // DAY_MS + 3
    rosters = cast("Mapping[str, Duties]", rosters_of(chart, path.parent, from_ms, needed))
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(f"proving {path.name}", total=None)
        proof = prove(chart, plan, rosters, lambda done, of: bar.update(task, completed=done, total=of))
    return Proved(path, plan, proof)


def _instant(start: str, zone_name: str) -> int:
    """Now, an instant, or the midnight with which a day begins in the brand's zone."""
    if not start:
        return time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    try:
        if "T" in start:
            return parse_rfc3339(start)
        return int(datetime.fromisoformat(start).replace(tzinfo=zone(zone_name)).timestamp()) * 1000
    except ValueError:
        said = "is no instant; allowed: 2027-03-28T00:00:00+01:00, or a day as 2027-03-28"
        raise UsageError(f"--from {start[:60]}: {said}") from None


def _zone(chart: Chart, name: str) -> str:
    """The brand's zone: as given, else that of the chart's first roster, else UTC."""
    chosen = name or next((spec.timezone for spec in chart.written.rosters.values()), "UTC")
    try:
        zone(chosen)
    except ValueError as error:
        raise UsageError(f"--timezone: {error}; allowed: a zone as Europe/Amsterdam") from None
    return chosen


def _bound(text: str) -> int:
    try:
        return duration_ms(text) if text else 0
    except ValueError as error:
        raise UsageError(f"--bound: {error}") from None


# --- telling it -------------------------------------------------------------------------------------------------------


def proof_lines(proved: Proved, written: list[Path]) -> Iterator[str]:
    """The proof as people read it. `written` are the walk files, in the order of the holes; empty: they are shown."""
    plan, proof = proved.plan, proved.proof
    days = f"{_day(plan.from_ms, plan.zone)} to {_day(plan.until_ms, plan.zone)} ({plan.zone})"
    size = f"{proof.situations} situations, {proof.spans} spans of walks, {days}"
    if proof.holds:
        yield f"{proved.path}: holds: {size}"
    else:
        many = f"{len(proof.holes)} holes" if len(proof.holes) > 1 else "1 hole"
        yield f"{proved.path}: {many}: {size}"
    if proof.worst_ms >= 0:
        yield f"  worst: a human within {after(proof.worst_ms)} ({proof.worst})"
    if proof.worst_broken_ms >= 0:
        yield f"  worst with something broken: a human within {after(proof.worst_broken_ms)} ({proof.worst_broken})"
    for number, hole in enumerate(proof.holes):
        yield ""
        yield from _hole_lines(hole, number, plan, written[number] if written else None, proved.path)
    if proof.said:
        yield ""
    for line in proof.said:
        yield f"  not promised: {line}"
    yield ""
    for line in proof.assumes:
        yield f"  assumed: {line}"


def _hole_lines(hole: Hole, number: int, plan: Plan, file: Path | None, chart: Path) -> Iterator[str]:
    at = local(hole.start_ms, plan.zone)
    yield f"{hole.place}: hole {number + 1} at `{hole.node}`: {hole.says}"
    yield f"  when: {hole.situation.words}; begun {at:%a %d %b %Y %H:%M:%S %Z}"
    yield f"  path: {' > '.join(hole.path[:40])}"
    yield f"  consequence: {hole.consequence}"
    yield f"  cure: {hole.cure}"
    if hole.alike:
        yield f"  alike: {len(hole.alike)} more, as {hole.alike[0].words}"
    if not hole.walk:
        yield "  no facts were found that show it: whether it can come to this is not known"
    elif file is not None:
        yield f"  walk it: tocsin flowchart walk {file} --chart {chart}"
    else:
        yield "  walk it (save this, or let --walks DIR write it):"
        yield from (f"    {line}" for line in hole.walk.splitlines())
    if hole.walk and not hole.shown:
        yield "  walked so, it does not fall through: the conditions on the way ask for more than was found"


def write_walks(proof: Proof, directory: Path) -> list[Path]:
    """One walk file a hole, named by its number, kind and node. Raises `OSError` where that is not possible."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for number, hole in enumerate(proof.holes):
        path = directory / f"hole-{number + 1:02}-{hole.kind}-{hole.node.replace('/', '.')}.yaml"
        if hole.walk:
            path.write_text(hole.walk, encoding="utf-8")
        written.append(path)
    return written


def as_json(proved: Proved) -> dict[str, object]:
    """The proof for a script."""
    proof = proved.proof
    keys = ("situations", "spans", "worst_ms", "worst", "worst_broken_ms", "worst_broken", "said", "assumes")
    return {
        "holds": proof.holds,
        "from": _iso(proved.plan.from_ms),
        "until": _iso(proved.plan.until_ms),
        "timezone": proved.plan.zone,
        **{key: getattr(proof, key) for key in keys},
        "holes": [_hole_json(hole) for hole in proof.holes],
    }


def _hole_json(hole: Hole) -> dict[str, object]:
    given = hole.situation
    behaviour = {"kind": given.behaviour.kind, "who": given.behaviour.who}
    situation = {"scenario": given.scenario, "severity": given.severity, "risks": given.risks, "behaviour": behaviour}
    keys = ("kind", "node", "place", "path", "says", "consequence", "cure", "walk", "shown")
    alike = [other.words for other in hole.alike]
    told = {key: getattr(hole, key) for key in keys}
    return {"situation": situation, "start": _iso(hole.start_ms), **told, "alike": alike}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).isoformat()


def _day(at_ms: int, zone_name: str) -> str:
    return f"{local(at_ms, zone_name):%d %b %Y}"
