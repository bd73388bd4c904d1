"""Makes `docs/reliability.md` of what runs of the tests showed, in `docs/results`.

`python -m tests.faults.table` writes the page; `tests/test_docs.py` holds the committed one against it. Where the
figures come from: `TOCSIN_RESULTS=docs/results` before `make test`, `make slow` or `make proof`;
`python -m tests.simulation --write docs/results/simulation.json`; `python -m tests.mutants --json
docs/results/mutants.json`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.rows import FAULTS

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "reliability.md"
HEAD = """\
# What was broken on purpose, and what came of it

One promise: a page once due reaches a human once, within five minutes, whatever single thing breaks; and nobody is
paged after an acknowledgement. This page is made by `python -m tests.faults.table` from what the tests wrote down in
`docs/results` while they ran; what each of them claims stands in the test. A fault that was injected and did not happen
fails its test, so each row says how often it did. The risk that is left stands in [invariants.md](invariants.md).
"""
HEARTBEAT = """
## When everything fails

The last alarm is silence. `heartbeat:` in `tocsin.yaml` names an address of a watcher outside (healthchecks, or another
machine). Once a minute a mention of our own, a probe, goes the whole way: from a source through intake, journal and
core to delivery, which tells nobody. Each that comes through touches the address, as long as no part of the process has
ended, every source and every door gives signs of life, and no page has been due for a minute and a half without
reaching anybody. Give the watcher that period and a grace of a minute and a half: then somebody hears within three
minutes of a part that stopped, and within five of a page that reached nobody. `/healthz` and the metric `tocsin_well`
say the same. A start that does not live for a whole period touches nothing.

Each of six parts (source, intake, core, clock, sender, console) and the whole process were stopped in a running service
(`tests/faults/test_silence.py`): at full size the watcher raised the alarm after 149 to 150 seconds.

In a scaled deployment the delivery worker that leads sends a probe by every partition, and touches the address when all
of them came through ([deploy.md](deploy.md)). Intake, core and delivery were each stopped as a machine is that hangs
(`tests/cluster/test_silence.py`): with intervals of a tenth the alarm came within three periods each time.
"""


def page(results: Path = RESULTS) -> str:
    """The whole page."""
    pieces = [HEAD, *_rows(_read(results / "rows.json")), *_kills(_read(results / "kill.json"))]
    pieces += _scaled_out([one for path in sorted(results.glob("cluster-*.json")) for one in _read(path)])
    pieces += _simulated(_read(results / "simulation.json"))
    pieces += _mutants(_read(results / "mutants.json"))
    return "".join([*pieces, HEARTBEAT])


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _rows(rows: dict[str, dict[str, dict[str, Any]]]) -> Iterator[str]:
    yield "\n## Rows of the fault matrix\n\n"
    yield "| row | injected | must come of it | fired | outcome | shown by |\n|---|---|---|---|---|---|\n"
    for number, fault in FAULTS.items():
        tests = rows.get(number, {})
        fired = sum(test["fired"] for test in tests.values())
        cases = sum(test["cases"] for test in tests.values())
        outcome = "held" if tests and all(test["passed"] for test in tests.values()) else "**not held**"
        files = sorted({name.partition("::")[0] for name in tests})
        shown = (
            f"{cases} test{'s' * (cases > 1)} in {' '.join(f'`{name}`' for name in files)}" if tests else "nothing yet"
        )
        yield f"| {number} | {fault.injected} | {fault.outcome} | {fired:,} | {outcome if tests else '-'} | {shown} |\n"


def _kills(kills: list[dict[str, Any]]) -> Iterator[str]:
    if not kills:
        return
    yield "\n## Killed, and started again\n\n"
    points = sorted({one["point"] for one in kills})
    held = sum(one["passed"] for one in kills)
    slowest = max(one["back_ms"] for one in kills) / 1000
    yield (
        f"A real process in a growing crisis, over real sockets, killed with SIGKILL: {len(kills)} times, at\n"
        f"{len(points)} named points on both sides of every durable write, at random moments. In {held} of these\n"
        f"nothing was lost, nothing doubled, nobody paged after the acknowledgement, and the journal replayed to\n"
        f"itself. The slowest start listened again after {slowest:.1f} s.\n\n"
    )
    yield "| point | kills | held | back after, at most |\n|---|---|---|---|\n"
    for point in points:
        mine = [one for one in kills if one["point"] == point]
        back = max(one["back_ms"] for one in mine) / 1000
        yield f"| `{point}` | {len(mine)} | {sum(one['passed'] for one in mine)} | {back:.1f} s |\n"


SCALED_OUT = """
## Scaled out, and broken on purpose

Workers as processes of their own over Apache Kafka and Valkey, under a steady load, in a crisis that pages and is not
answered at once. Afterwards each accepted mention counts once, each page stands in Slack once, nobody was woken after
the acknowledgement, and a reader who took no part decides the same, byte for byte. Recovered: from the end of the last
fault until every worker was ready and time had passed that moment in every partition. Whoever says nothing for 3 s has
lost its partitions here; in the ten minutes of the full editions, for the 10 s that a deployment has.

| done to it | rows | mentions | pages | page after | recovered after | seen | outcome |
|---|---|---|---|---|---|---|---|
"""


def _scaled_out(nights: Sequence[dict[str, Any]]) -> Iterator[str]:
    if nights:
        yield SCALED_OUT
    for one in nights:
        page = f"{one['page_s']} s" if one["page_s"] else "-"
        seen = ", ".join(f"{what} {times:,}" for what, times in one["seen"].items() if times)
        yield (
            f"| {one['fault']} ({one['edition']}) | {' '.join(one['rows'])} | {one['mentions']:,} | {one['pages']} "
            f"| {page} | {one['recovered_s']} s | {seen} | {'held' if one['passed'] else '**not held**'} |\n"
        )


ORDERS = {
    "main": "our order, faults within the grace",
    "main_files": "the same, over real SQLite files",
    "residual": "our order, replies and histories later than the grace",
    "send-then-record": "send, then record",
    "record-then-send": "record, then send",
}
FIRED_SAYS = """
What broke in the first of them, and how often:

"""


def _simulated(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    yield "\n## Simulated\n\n"
    yield (
        "The parts that `tocsin run` is made of, on a clock and a disk of the simulation's own, against a Slack and a\n"
        "pager that fail by seed; judged from the ledgers of those two and from what was put in. A seed tells its run\n"
        "again: `python -m tests.simulation --seed 6/42 --verbose`. The last two rows are orders of sending that\n"
        "others use, put in the place of ours to see whether the simulation would notice.\n\n"
    )
    yield "| what | runs | hours simulated | messages | lost or late | doubled | of these as documented | otherwise |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    for name, words in ORDERS.items():
        if name in found:
            one, broken = found[name], found[name]["broken"]
            lost, other = broken["I1"] + broken["I3"], broken["I4"] + broken["I5"]
            yield (
                f"| {words} | {one['runs']:,} | {one['simulated_hours']:,} | {one['messages']:,} | {lost:,} "
                f"| {one['doubles']:,} | {one['doubles_explained']:,} | {other:,} |\n"
            )
    fired = found.get("main", {}).get("fired", {})
    if fired:
        yield FIRED_SAYS
        yield ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in fired.items()) + ".\n"


def _mutants(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    yield "\n## Bugs put in on purpose\n\n"
    killed = sum(one["killed"] for one in found)
    yield (
        f"Each of these bugs was put in, and the test that was to find it failed by an assertion: {killed} of "
        f"{len(found)}.\n`make mutants` does it again, and fails where one survives.\n\n"
    )
    yield "| bug | what would go wrong | found by |\n|---|---|---|\n"
    for one in found:
        test = one["test"].partition("::")
        by = f"`{test[2] or test[0]}`"
        yield f"| `{one['name']}` | {one['why']} | {by if one['killed'] else '**survives**'} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
