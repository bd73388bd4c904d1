"""What a mention costs on its way through a replay, stage by stage: `python -m benchmarks.replay [--days N]`.

On a made-up fortnight with a crisis in it, the same for the same seed. Rounds are interleaved and take processor time:
the machine may have other work. Microseconds swing with the machine, so each stage is also given in units of
vaderSentiment alone on the same texts in the same run. Fails when the whole replay, or a look of the detectors, takes
more such units than `WHOLE_ALLOWED` and `PANEL_ALLOWED`.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.running import Score, each_look
from detectors.detector import Signal
from detectors.panel import Panel
from stream.brands import Brand, Matcher
from stream.combine import Combined, Combiner
from stream.language import identify
from stream.mention import ScoredMention
from stream.names import REPLAY_KEY, Names
from stream.query import Document
from stream.reading import Reader
from stream.scoring import Scoring, judge, shipped_scorers
from stream.sentiment import Masks
from stream.window import Window
from tocsin.checking import chart_text
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Control, Entry, Event, Mark, Part
from tocsin.journal import Journal
from tocsin.replay import configure, replay
from tocsin.settings import shipped_chart_path
from tocsin.state import Contents
from tocsin.synthetic import BRAND, fortnight

STEP_MS = 5_000
BATCH = 1_000
WHOLE_ALLOWED = 20.0
"""Per mention. The fortnight is sparse: most posts come alone, so each pays for a grid point and for quiet minutes."""
PANEL_ALLOWED = 5.0
"""Per grid point. Both are twice what was measured: they catch a stage that became slow, not a slow machine."""

Round = dict[str, float]
"""Seconds by stage."""


class Stages:
    """The same posts through each stage by itself, each fed with what the one before made."""

    def __init__(self, lines: Sequence[bytes], brand: Brand) -> None:
        self.lines = lines
        self.brand = brand
        reader, names = Reader(), Names(REPLAY_KEY)
        self.mentions = [reader.read(line) for line in lines]
        matcher = Matcher([brand])
        self.matched = [m for m in self.mentions if matcher.match(m)]
        scoring = Scoring([brand], names)
        self.scored = [one for mention in self.matched for one in scoring.score(mention)]
        self.parts = combined(self.scored, names)
        self.contents = Contents({})
        ((_, self.digest),) = configure([brand], chart_text(shipped_chart_path()), self.contents.put)
        self.events = list(events_of(self.parts, ConfigChange(brand.name, self.digest, 0)))
        self.entries = [Entry(seq, at_ms, event) for seq, (at_ms, event) in enumerate(self.events, start=1)]
        self.looks = 0
        """Grid points at which the panel looked in the last engine round."""

    def round(self) -> Round:
        """Every stage once."""
        return {name: seconds(stage) for name, stage in self.stages()} | self.engine()

    def stages(self) -> list[tuple[str, Callable[[], object]]]:
        """Those that can be run by themselves, in the order of the data."""
        brand, names = self.brand, Names(REPLAY_KEY)
        vader, matcher, reader = SentimentIntensityAnalyzer(), Matcher([brand]), Reader()
        scorers, masks = shipped_scorers(), Masks.for_brand(brand)
        languages = [identify(m.text, hint=m.lang, languages=brand.languages) for m in self.matched]
        told = list(zip(self.matched, languages, strict=True))
        return [
            ("vaderSentiment", lambda: [vader.polarity_scores(m.text) for m in self.matched]),
            ("read", lambda: [reader.read(line) for line in self.lines]),
            ("match", lambda: [matcher.match_document(m, Document(m)) for m in self.mentions]),
            ("language", lambda: [identify(m.text, hint=m.lang, languages=brand.languages) for m in self.matched]),
            ("sentiment", lambda: [judge(scorers, m.text, brand.languages, one, masks) for m, one in told]),
            ("combine", lambda: combined(self.scored, names)),
            ("journal", self.journal),
        ]

    def journal(self) -> None:
        """Entries into a file, as a replay writes them."""
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal(Path(folder) / "journal.db", step_ms=STEP_MS, durable=False)
            for first in range(0, len(self.events), BATCH):
                journal.append(self.events[first : first + BATCH])
            journal.close()

    def engine(self) -> Round:
        """Entries through the core; of that, what the panel of detectors takes."""
        engine = Engine(step_ms=STEP_MS, contents=self.contents)
        clock = PanelClock()
        with each_look(clock.look):
            spent = seconds(lambda: [engine.apply(entry) for entry in self.entries])
        self.looks = clock.looks
        return {"engine": spent, "panel": clock.spent}


class PanelClock:
    """Takes the time of looks of the panel."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.looks = 0

    def look(self, score: Score, panel: Panel, window: Window) -> list[Signal]:
        """One look, for `each_look`."""
        began = time.process_time()
        found = score(panel, window)
        self.spent += time.process_time() - began
        self.looks += 1
        return found


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds that it takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def combined(scored: Sequence[ScoredMention], names: Names) -> list[Combined]:
    """Parts of scored mentions, sealed step by step."""
    combiner, step, parts = Combiner(names, STEP_MS), -1, []
    for one in scored:
        if one.mention.observed_ms // STEP_MS > step:
            parts += combiner.seal(step)
            step = one.mention.observed_ms // STEP_MS
        combiner.add(one)
    return parts + combiner.seal(step)


def events_of(parts: Sequence[Combined], change: ConfigChange) -> Iterator[tuple[int, Event]]:
    """Parts with a mark behind each step, the brand's configuration first."""
    yield 0, Control(partition=0, incarnation="bench", step=0, brand=change.brand, number=0, event=change)
    counts, sealed = {0: 1}, -1
    for place, one in enumerate(parts):
        at_ms = (one.step + 1) * STEP_MS
        yield at_ms, Part(
            partition=0, incarnation="bench", step=one.step, brand=one.brand, minute_ms=one.minute_ms, part=one.part,
            live=one.live, chunk=one.chunk,
        )  # fmt: skip
        counts[one.step] = counts.get(one.step, 0) + 1
        if place + 1 == len(parts) or parts[place + 1].step > one.step:
            yield at_ms, Mark(partition=0, incarnation="bench", from_step=sealed, upto_step=one.step, counts=counts)
            counts, sealed = {}, one.step


def seconds_of_replay(path: Path, brand: Brand) -> float:
    """A replay from the file to the last decision, journal included: processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        chart = chart_text(shipped_chart_path())
        return seconds(lambda: replay([path], brands=[brand], chart_text=chart, journal_path=Path(folder) / "j.db"))


class Figure(NamedTuple):
    """What one stage takes, in microseconds of whatever it is counted by."""

    name: str
    middle: float
    least: float
    most: float
    of: str


def figures(stages: Stages, rounds: Sequence[Round]) -> dict[str, Figure]:
    """The rounds' figures by stage, in the order of the data."""
    by = {"read": "line", "match": "line", "panel": "grid point", "whole replay": "line"}
    count = {"line": len(stages.lines), "grid point": stages.looks, "matched post": len(stages.matched)}
    found = {}
    for name in rounds[0]:
        of = by.get(name, "matched post")
        us = [one[name] / count[of] * 1e6 for one in rounds]
        found[name] = Figure(name, statistics.median(us), min(us), max(us), of)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a figure is beyond what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=14, help="of the made-up fortnight (the crisis is on the 12th)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    call = parser.parse_args(arguments)
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in fortnight(call.seed, days=call.days)]
    brand = Brand(BRAND, BRAND.lower(), languages=("en", "nl"))
    stages = Stages(lines, brand)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fortnight.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        seconds_of_replay(path, brand)  # lexicons and language models are read once, not by the first round
        rounds = [stages.round() | {"whole replay": seconds_of_replay(path, brand)} for _ in range(call.rounds)]
    found = figures(stages, rounds)
    unit = found["vaderSentiment"].middle
    print(f"{'stage':<16}{'us':>8}  {'min':>8}{'max':>8}  {'x VADER':>8}  of a")
    for one in found.values():
        print(
            f"{one.name:<16}{one.middle:>8.1f}  {one.least:>8.1f}{one.most:>8.1f}  {one.middle / unit:>8.2f}  {one.of}"
        )
    whole_us, panel_us = found["whole replay"].middle, found["panel"].middle
    print(f"{1e6 / whole_us:,.0f} lines a second of processor time ({len(lines)} lines, {len(stages.matched)} matched)")
    return 0 if whole_us <= WHOLE_ALLOWED * unit and panel_us <= PANEL_ALLOWED * unit else 1


if __name__ == "__main__":
    sys.exit(main())
