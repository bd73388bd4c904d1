"""What the always-on detectors cost: time by grid step, and bytes of state: `python -m benchmarks.panel`.

Made-up brands of several sizes live through quiet days and a crisis. Microseconds of processor time swing with the
machine, so each is given as well in runs of a fixed loop, taken in between. Fails when a quiet brand's panel takes more
than `PANEL_TURNS` such runs a step, when a state is larger than it may be, or when an idle brand costs anything.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import msgspec

from alerting.assessment import Surroundings, facts_of
from benchmarks.running import Run, Score, contents_for, each_look
from benchmarks.streams import STEP_MS, Counted, made_posts
from detectors.coordination import coordination_of
from detectors.detector import Signal
from detectors.panel import Panel
from stream.codec import CHAIN_START, DAY_MS, HOUR_MS, MINUTE_MS, canonical, decode, link
from stream.window import Window
from tocsin.edition import edition
from tocsin.engine import Engine
from tocsin.entry import Entry, Part
from tocsin.planting import Plant, StepPart, parts_of

START_MS = 20_514 * DAY_MS
SIZES: tuple[tuple[int, int], ...] = ((2, 8), (30, 8), (400, 4), (3_000, 1))
"""Posts an hour, and for how many days the brand is listened to."""
CRISIS_MILLI = 20_000
QUIET_BYTES = 64 * 1024
INCIDENT_BYTES = 256 * 1024
REFERENCE_TURNS = 1_000
PANEL_TURNS = 2.0
"""Of the reference loop, a step of a quiet brand: twice what was measured, to catch a panel that became slow."""


class Row(NamedTuple):
    """One brand in one state. Times are medians, in microseconds."""

    per_hour: int
    state: str
    steps: int
    panel: float
    """Of one look of all detectors."""
    most: float
    """Nine looks of ten take no more."""
    turns: float
    """The same in turns of the reference loop."""
    decoding: float
    """Of one part of a step, from the journal's bytes."""
    chain: float
    """Of one entry: canonical bytes, and the link of the hash chain."""
    explanation: float
    """Of what a decision says about a moment: its facts, and whether the wave looks arranged."""
    bytes: int
    """Of the whole canonical state."""


def reference() -> int:
    """A fixed piece of work: what it takes is the unit."""
    total = 7
    for turn in range(REFERENCE_TURNS):
        total = (total * 31 + turn) % 1_000_003
    return total


def microseconds(work: Callable[[], object]) -> float:
    """Processor time that it takes."""
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1_000


class Watch:
    """Takes the time of looks of the panel, and of the reference loop now and then."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self.unit: list[float] = []
        self.explained: list[float] = []

    def look(self, score: Score, panel: Panel, window: Window) -> list[Signal]:
        """One look, for `each_look`."""
        found: list[list[Signal]] = []
        self.looks.append(microseconds(lambda: found.append(score(panel, window))))
        if len(self.looks) % 16 == 0:
            self.unit.append(microseconds(reference))
            self.explained.append(microseconds(lambda: explanation(window, found[0])))
        return found[0]


def explanation(window: Window, signals: Sequence[Signal]) -> object:
    """What is worked out when somebody is told, and only then."""
    around = Surroundings("Acme", 12, 1, 0, 0, blind=False)
    return facts_of(window, signals, around), coordination_of(window, HOUR_MS), window.exemplars(HOUR_MS)


def ordinary(per_hour: int, since_ms: int, until_ms: int) -> list[StepPart]:
    """Quiet hours, as parts: the same for the same minutes."""
    rng = Random(f"{per_hour}/{since_ms}")
    throws = max(20, per_hour // 2)
    spans = range(since_ms, until_ms, 5 * MINUTE_MS)
    counts = [Counted(at, sum(rng.random() * throws < per_hour / 12 for _ in range(throws))) for at in spans]
    return with_names(parts_of(made_posts(counts, rng), step_ms=STEP_MS, chunk=0))


def with_names(parts: list[StepPart]) -> list[StepPart]:
    """The same, and every conversation known by the name of its first post, as intake writes it."""
    for one in parts:
        for key, thread in one.part.threads.items():
            one.part.aliases.setdefault(key, (thread.first_ms, key))
    return parts


def by_hours(since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """The hours between two times."""
    for at_ms in range(since_ms, until_ms, HOUR_MS):
        yield at_ms, min(at_ms + HOUR_MS, until_ms)


def measure(per_hour: int, days: int) -> list[Row]:
    """A brand's last quiet hours and the hour of a crisis that follows."""
    contents, digest = contents_for("Acme")
    run = Run.begin("Acme", contents, digest, START_MS)
    # It ends at noon of some zone, wherever quiet hours are: they change who is told, not what is looked at.
    watched_ms = START_MS + days * DAY_MS
    quiet_ms = watched_ms + (3 if per_hour > 100 else 12) * HOUR_MS
    for since_ms, until_ms in by_hours(START_MS, watched_ms):
        run.live(ordinary(per_hour, since_ms, until_ms), until_ms)
    watch = Watch()
    fed: list[StepPart] = []
    with each_look(watch.look):
        for since_ms, until_ms in by_hours(watched_ms, quiet_ms):
            fed = ordinary(per_hour, since_ms, until_ms)
            run.live(fed, until_ms)
    rows = [row_of(per_hour, "quiet", watch, fed, run)]
    crisis = Plant("steady", CRISIS_MILLI, 600).posts(quiet_ms, per_hour * 1_000, "crisis")
    storm = with_names([*ordinary(per_hour, quiet_ms, quiet_ms + HOUR_MS), *parts_of(crisis, step_ms=STEP_MS)])
    watch = Watch()
    with each_look(watch.look):
        run.live(storm, quiet_ms + HOUR_MS)
    return [*rows, row_of(per_hour, "in a crisis", watch, storm, run)]


def row_of(per_hour: int, state: str, watch: Watch, parts: Sequence[StepPart], run: Run) -> Row:
    """The figures of what was watched."""
    entries = [_entry(number, one) for number, one in enumerate(parts[:500], start=1)]
    bodies = [canonical(entry) for entry in entries]
    decode(bodies[0], Entry)  # the first one makes the decoder
    panel, unit = statistics.median(watch.looks), statistics.median(watch.unit)
    return Row(
        per_hour,
        state,
        len(watch.looks),
        panel,
        sorted(watch.looks)[len(watch.looks) * 9 // 10],
        panel / unit,
        statistics.median(microseconds(lambda body=body: decode(body, Entry)) for body in bodies),  # type: ignore[misc]
        statistics.median(
            microseconds(lambda entry=entry: link(CHAIN_START, canonical(entry)))  # type: ignore[misc]
            for entry in entries
        ),
        statistics.median(watch.explained),
        len(run.snapshot()),
    )


def _entry(number: int, one: StepPart) -> Entry:
    part = Part(
        partition=0,
        incarnation="b",
        step=one.step,
        brand="Acme",
        minute_ms=one.minute_ms,
        part=one.part,
        chunk=one.chunk,
    )
    return Entry(number, (one.step + 1) * STEP_MS, part)


def idle_steps() -> int:
    """Steps that the core takes for a brand of which nobody spoke for a day, while time passes for all."""
    contents, digest = contents_for("Acme")
    run = Run.begin("Acme", contents, digest, START_MS)
    run.live([], START_MS + HOUR_MS)
    taken: list[int] = []
    step = Engine._step  # noqa: SLF001 - counted, not used

    def counted(engine: Engine, brand: Any, grid: int) -> Any:
        taken.append(grid)
        return step(engine, brand, grid)

    Engine._step = counted  # type: ignore[assignment, method-assign] # noqa: SLF001
    try:
        for _, until_ms in by_hours(START_MS + HOUR_MS, START_MS + HOUR_MS + DAY_MS):
            run.live([], until_ms)
    finally:
        Engine._step = step  # type: ignore[method-assign] # noqa: SLF001
    return len(taken)


def within(rows: Sequence[Row], idle: int) -> bool:
    """Whether everything is within its bounds."""
    most = {"quiet": QUIET_BYTES, "in a crisis": INCIDENT_BYTES}
    quiet = [row for row in rows if row.state == "quiet"]
    return (
        not idle
        and all(row.bytes <= most[row.state] for row in rows)
        and all(row.turns <= PANEL_TURNS for row in quiet)
    )


def table(rows: Sequence[Row], idle: int) -> list[str]:
    """As Markdown."""
    lines = [
        "| posts an hour | | steps | panel (us) | 9 of 10 | x loop | decoding | chain | explanation | state (KiB) |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        look = f"{row.panel:.0f} | {row.most:.0f} | {row.turns:.2f}"
        times = f"{look} | {row.decoding:.0f} | {row.chain:.0f} | {row.explanation:.0f}"
        lines.append(f"| {row.per_hour:,} | {row.state} | {row.steps:,} | {times} | {row.bytes / 1024:.0f} |")
    return [
        *lines,
        "",
        f"Steps taken in a day for a brand of which nobody spoke: {idle}.",
        f"The detectors' inner parts run {'compiled' if edition() == 'compiled' else 'as source: see make compiled'}.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a figure is beyond what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=3_000, help="leave out brands with more posts an hour")
    parser.add_argument("--json", action="store_true", help="for a script")
    call = parser.parse_args(arguments)
    rows = [row for per_hour, days in SIZES if per_hour <= call.most for row in measure(per_hour, days)]
    idle = idle_steps()
    if call.json:
        told = {"edition": edition(), "rows": [row._asdict() for row in rows], "idle_steps": idle}
        print(msgspec.json.encode(told).decode())
    else:
        print("\n".join(table(rows, idle)))
    return 0 if within(rows, idle) else 1


if __name__ == "__main__":
    sys.exit(main())
