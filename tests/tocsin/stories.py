"""Stories as they are lived: posts, late posts, repeats, edits and deletes, and people who answer, fail and forget.

A story is made from a seed, which is printed. `lived` runs it once with people in it and keeps the input log: from
there on the same log can be cut, batched, split and replayed in any way, and must give the same decisions.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from alerting.decision import Decision
from alerting.flowchart.load import load_chart
from alerting.roster import pack
from stream.brands import Brand
from stream.codec import HOUR_MS, MINUTE_MS
from stream.mention import Mention, ScoredMention
from stream.names import Names
from stream.reading import Reader
from stream.scoring import Scoring
from stream.sources.text_store import TextStore
from tocsin.engine import Engine
from tocsin.entry import Answer, AnswerKind, ConfigChange, ControlEvent, DeliveryReport, Entry, Event, SourceReport
from tocsin.intake import Intake
from tocsin.journal import Unkept
from tocsin.replay import configure, rosters_then
from tocsin.sequencer import Sequencer
from tocsin.state import Contents, snapshot_bytes
from tocsin.synthetic import START_MS, Public, Row, Story, merged

STEP_MS = 5_000
NAMES = Names(b"stories")
NAMES_OF_BRANDS = ("Tulpatel", "Noordbank", "Fietsa")
ZONES = ("Europe/Amsterdam", "America/New_York", "UTC")
CHART = (Path(__file__).parents[1] / "flowchart" / "plain.yaml").read_text(encoding="utf-8")
"""A chart of fixed people, without asks, promises or quiet hours: whoever is woken can be named."""
OTHER_CHART = CHART.replace("acknowledge_within: 10m", "acknowledge_within: 7m").replace(
    "acknowledge_within: 5m", "acknowledge_within: 3m"
)
"""The same with shorter patience."""
ANSWERS: tuple[AnswerKind, ...] = ("acknowledge", "acknowledge", "own", "escalate", "false_alarm", "resolve")


def brands(count: int = 1) -> list[Brand]:
    """Made-up brands in different time zones."""
    return [
        Brand(name, f'{name.lower()} OR "@{name.lower()}"', languages=("en", "nl"), timezone=zone)
        for name, zone in zip(NAMES_OF_BRANDS[:count], ZONES, strict=False)
    ]


@dataclass(frozen=True)
class Said:
    """One record of an input log: a mention, a control event, or a beat (`what` is None)."""

    observed_ms: int
    what: Mention | ControlEvent | None


@dataclass(frozen=True)
class Lived:
    """A story, its input log and what was decided on it."""

    seed: int
    brands: list[Brand]
    bodies: dict[str, bytes]
    """Contents by digest."""
    log: list[Said]
    entries: list[Entry]
    decisions: list[Decision]
    chains: dict[str, str]
    final: bytes
    """The last snapshot."""


@dataclass
class Ran:
    """What a run over a log gave."""

    engine: Engine
    entries: list[Entry]
    decisions: list[Decision] = field(default_factory=list)

    @property
    def chains(self) -> dict[str, str]:
        """Each brand's decision chain."""
        return chains_of(self.engine)

    @property
    def final(self) -> bytes:
        """The last snapshot."""
        return snapshot_bytes(self.engine.snapshot())


def chains_of(engine: Engine) -> dict[str, str]:
    """Each brand's decision chain."""
    return {name: state.chain for name, state in sorted(engine.brands.items())}


class Tape(Unkept):
    """A journal in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        """Keep the entries."""
        entries = super().append(events)
        self.entries += entries
        return entries


class _Memory(Scoring):
    """The real scoring, asked once for each text of a story: twenty layouts need not judge it twenty times."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        super().__init__(brands, NAMES)
        self._known: dict[tuple[str, str], list[ScoredMention]] = {}

    def score(self, mention: Mention) -> list[ScoredMention]:
        """What is known about a mention, from memory where it was asked before."""
        key = (mention.id, mention.text)
        if key not in self._known:
            self._known[key] = super().score(mention)
        return [msgspec.structs.replace(one, mention=mention) for one in self._known[key]]


@functools.lru_cache(maxsize=8)
def _scoring(of: tuple[Brand, ...]) -> Scoring:
    return _Memory(of)


def intake_of(of: Sequence[Brand]) -> Intake:
    """An intake that keeps no texts."""
    intake = Intake(of, NAMES, step_ms=STEP_MS, keep_posts=False)
    intake._scoring = _scoring(tuple(of))
    return intake


class Bench:
    """Intake, sequencer and engine over a journal in memory."""

    def __init__(self, of: Sequence[Brand], contents: Contents, *, batch: int = 1) -> None:
        self.tape = Tape()
        self.engine = Engine(step_ms=STEP_MS, contents=contents)
        self.decided: list[Decision] = []
        self.sequencer = Sequencer(
            journal=self.tape,
            engine=self.engine,
            intake=intake_of(of),
            texts=TextStore(None),
            step_ms=STEP_MS,
            incarnation="a",
            sink=self.decided.extend,
            batch=batch,
        )
        self._offset = 0

    def feed(self, said: Said) -> None:
        """Take in one record."""
        self._offset += 1
        if isinstance(said.what, Mention):
            self.sequencer.mention(said.what, offset=self._offset)
        elif said.what is not None:
            self.sequencer.control(said.what, observed_ms=said.observed_ms, offset=self._offset)
        else:
            self.sequencer.reach(said.observed_ms, offset=self._offset)

    def end(self) -> Ran:
        """Seal what is open and say what became of it all."""
        self.sequencer.close(offset=self._offset + 1)
        return Ran(self.engine, self.tape.entries, self.decided)


def run(log: Iterable[Said], of: Sequence[Brand], bodies: dict[str, bytes], *, batch: int = 1) -> Ran:
    """Feed a log to a fresh core."""
    bench = Bench(of, Contents(bodies), batch=batch)
    for said in log:
        bench.feed(said)
    return bench.end()


def apply_all(entries: Iterable[Entry], bodies: dict[str, bytes], partitions: Sequence[int] = (0,)) -> Ran:
    """Replay entries in a fresh engine."""
    engine = Engine(step_ms=STEP_MS, partitions=partitions, contents=Contents(bodies))
    kept = list(entries)
    return Ran(engine, kept, [decision for entry in kept for decision in engine.apply(entry)])


# --- what the public says ---------------------------------------------------------------------------------------------


def public_of(
    seed: int, brand: str, label: str, *, hours: int, crisis_hour: float, posts: int, per_hour: float
) -> list[Row]:
    """One brand's posts: ordinary hours, a crisis, five hours in which nothing comes in, and a second wave."""
    public = Public(seed, brand, f"{label}{seed}")
    rng = Random(f"{seed}/{label}/plan")
    public.live(START_MS, hours, per_hour, rhythm=False)
    for hour, size in ((crisis_hour, posts), (crisis_hour + 10, posts // 2)):
        at_ms = START_MS + int((hour + rng.random() / 2) * HOUR_MS)
        shape = Story(start_ms=at_ms, posts=size, rise_minutes=30, doubling_minutes=6, fall_minutes=25)
        public.tell(shape)
    deaf = (START_MS + int((crisis_hour + 4) * HOUR_MS), START_MS + int((crisis_hour + 9) * HOUR_MS))
    return [row for row in public.rows if not deaf[0] <= row["created_at"] < deaf[1]]


def mentions_of(rows: Iterable[Row], rng: Random) -> list[Mention]:
    """Rows as they are observed: some late, some twice, some edited, counted or taken back later."""
    reader = Reader()
    found: list[Mention] = []
    for row in merged(rows):
        first = reader.read(json.dumps(row).encode())
        lag_ms = rng.choice((0, 0, 300, 2_000, 9_000, 40_000)) if rng.random() < 0.97 else rng.randrange(2 * HOUR_MS)
        first = msgspec.structs.replace(first, observed_ms=first.created_ms + lag_ms)
        found.append(first)
        dice = rng.random()
        later_ms = first.observed_ms + rng.randrange(30 * MINUTE_MS)
        again = {"observed_ms": later_ms}
        if dice < 0.04:
            found.append(msgspec.structs.replace(first, **again))
        elif dice < 0.06:
            found.append(msgspec.structs.replace(first, **again, kind="update", text=first.text + " (edited)"))
        elif dice < 0.08:
            found.append(msgspec.structs.replace(first, **again, kind="delete", text=""))
        elif dice < 0.12:
            found.append(msgspec.structs.replace(first, **again, kind="engagement", text="", likes=rng.randrange(500)))
    return sorted(found, key=lambda m: m.observed_ms)


def write(
    seed: int, of: Sequence[Brand], *, hours: int = 86, crisis_hour: float = 73, posts: int = 150
) -> list[Mention]:
    """The mentions about some brands, in the order in which they are observed."""
    rows: list[Row] = []
    for n, brand in enumerate(of):
        hour = crisis_hour + n * 1.5
        rows += public_of(seed, brand.name, f"b{n}", hours=hours, crisis_hour=hour, posts=posts, per_hour=8)
    if len(of) > 1:
        both = Public(seed, f"{of[0].name} and {of[1].name}", f"both{seed}")
        both.live(START_MS, hours, 0.5, rhythm=False)
        rows += both.rows
    return mentions_of(rows, Random(f"{seed}/observed"))


# --- the people -------------------------------------------------------------------------------------------------------


class Crowd:
    """People who are told, and answer as people do: late, twice, or not at all.

    Of the pages, the first and some others do not arrive.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._paged = 0
        self.acts: list[Said] = []

    def plan(self, said: Said) -> None:
        """Let something happen at its time."""
        self.acts = sorted([*self.acts, said], key=lambda s: s.observed_ms)

    def told(self, decision: Decision) -> None:
        """Somebody was told something: what will they do?"""
        rng = self.rng
        if decision.kind in ("Page", "Escalate"):
            failed = rng.random() < 0.2 or not self._paged
            self._paged += 1
            at_ms = decision.at_ms + rng.randrange(60_000)
            outcome = "failed" if failed else "sent"
            report = DeliveryReport(decision.brand, decision.incident, decision.key, "slack", outcome, at_ms)
            for _ in range(rng.choice((1, 1, 2))):
                self.plan(Said(at_ms, report))
        if decision.kind in ("Page", "Escalate", "Notify") and rng.random() < 0.4:
            at_ms = decision.at_ms + 1 + int(rng.expovariate(1 / (9 * MINUTE_MS)))
            kind = rng.choice(ANSWERS)
            act = Answer(f"click-{decision.key}", decision.brand, decision.incident, kind, rng.choice("abc"), at_ms)
            for late_ms in rng.choice(((0,), (0,), (0, 700), (0, 90_000))):
                self.plan(Said(at_ms + late_ms, act))


def _reports(rng: Random, brand: str, at_ms: int) -> list[Said]:
    """A source that says of itself that it does not deliver, and that it is back."""
    back_ms = at_ms + rng.randrange(10, 50) * MINUTE_MS
    status = rng.choice(("capped", "lagging", "silent"))
    return [
        Said(at_ms, SourceReport(brand, "forum", status, at_ms)),
        Said(back_ms, SourceReport(brand, "forum", "ok", back_ms)),
    ]


@functools.lru_cache(maxsize=12)
def lived(seed: int, count: int = 1, posts: int = 150) -> Lived:
    """Live a story: time passes minute by minute while something is open, and people act on what they are told."""
    print(f"seed: {seed}")
    of = brands(count)
    mentions = write(seed, of, posts=posts)
    bodies, configured = contents_of(of)
    other = dict(contents_of(of, OTHER_CHART)[1])
    bodies |= contents_of(of, OTHER_CHART)[0]
    crowd = Crowd(Random(f"{seed}/crowd"))
    for n, brand in enumerate(of):
        crisis_ms = START_MS + int((73 + n * 1.5) * HOUR_MS)
        change_ms = crisis_ms + crowd.rng.randrange(2 * HOUR_MS)
        crowd.plan(Said(change_ms, ConfigChange(brand.name, other[brand.name], change_ms)))
        for said in _reports(crowd.rng, brand.name, crisis_ms + crowd.rng.randrange(3 * HOUR_MS)):
            crowd.plan(said)
    log = [Said(mentions[0].observed_ms, ConfigChange(b, d, mentions[0].observed_ms)) for b, d in configured]
    bench = Bench(of, Contents(bodies))
    for said in log:
        bench.feed(said)
    _live(bench, mentions, crowd, log)
    ran = bench.end()
    assert log == sorted(log, key=lambda s: s.observed_ms)
    return Lived(seed, of, bodies, log, ran.entries, ran.decisions, ran.chains, ran.final)


def contents_of(of: Sequence[Brand], chart: str = CHART) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """The contents that configure some brands, and their digests by brand."""
    contents = Contents({})
    rosters = rosters_then(load_chart(chart, "crisis_flowchart.yaml"), {}, START_MS)
    configured = configure(of, chart, contents.put, rosters=contents.put(pack(rosters)))
    return contents.bodies(), configured


def _live(bench: Bench, mentions: Sequence[Mention], crowd: Crowd, log: list[Said]) -> None:
    seen = 0
    now_ms = mentions[0].observed_ms
    end_ms = mentions[-1].observed_ms + 3 * HOUR_MS
    coming = [Said(m.observed_ms, m) for m in mentions]
    coming.append(Said(end_ms, None))
    for said in coming:
        while now_ms < said.observed_ms:
            alive = any(
                incident is not None and incident.is_open
                for state in bench.engine.brands.values()
                if state.book is not None
                for incident in (state.book.incident, state.book.blind)
            )
            minute_ms = now_ms - now_ms % MINUTE_MS + MINUTE_MS
            due = crowd.acts[0] if crowd.acts else None
            if due is not None and due.observed_ms <= min(said.observed_ms, minute_ms if alive else said.observed_ms):
                following = crowd.acts.pop(0)
                following = Said(max(now_ms, following.observed_ms), following.what)
            elif alive and minute_ms < said.observed_ms:
                following = Said(minute_ms, None)
            else:
                break
            bench.feed(following)
            log.append(following)
            now_ms = following.observed_ms
            seen = _tell(bench, crowd, seen)
        bench.feed(said)
        log.append(said)
        now_ms = max(now_ms, said.observed_ms)
        seen = _tell(bench, crowd, seen)


def _tell(bench: Bench, crowd: Crowd, seen: int) -> int:
    for decision in bench.decided[seen:]:
        crowd.told(decision)
    return len(bench.decided)
