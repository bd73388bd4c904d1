"""Recorded brands through `tocsin replay`, held against what is known to have happened, with what the detectors saw.

The recordings lie beside the checkout (their text belongs to others); where one is absent it is skipped. What was due
is written here by hand, from what the recordings themselves and the news of those days say.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.view import WAKES
from benchmarks.curves import Curves, probe
from stream.codec import parse_rfc3339, rfc3339
from tocsin.checking import chart_text
from tocsin.replay import ReplayResult, replay
from tocsin.replaying import brand_of
from tocsin.settings import shipped_chart_path

DATA = Path(__file__).parents[2] / "shared" / "data"
LOUD = ("high", "critical")
LATEST = "9999-12-31T23:59:00Z"


class Known(NamedTuple):
    """Something that happened, and what a person who was there would have wanted of a service."""

    at: str
    until: str
    what: str
    due: str
    """`page`, `notice`, or `` for neither."""


class Recorded(NamedTuple):
    """A recording and how it is replayed."""

    key: str
    file: str
    brand: str
    what: str
    known: tuple[Known, ...] = ()
    since: str = ""

    @property
    def path(self) -> Path:
        """Where it lies, if it does."""
        return DATA / f"{self.file}.jsonl.gz"

    @property
    def call(self) -> str:
        """The command that does the same."""
        since = f" --since {self.since}" if self.since else ""
        return f"tocsin replay {self.path.name} --brand '{self.brand}'{since}"


class Event(NamedTuple):
    """A decision, as far as it is judged here."""

    at: str
    kind: str
    scenario: str
    severity: str
    incident: str

    @property
    def words(self) -> str:
        """As a table says it."""
        return f"{self.kind} {self.at[:16].replace('T', ' ')} ({self.scenario}, {self.severity})"


class Seen(NamedTuple):
    """What a replay decided, and what its detectors read."""

    result: ReplayResult
    events: list[Event]
    curves: Curves


RABBIT = Known(
    "2017-04-26T09:30", "2017-04-27T15:00", "the death of a giant rabbit on a flight becomes news (after a gap)", "page"
)
SETTLEMENT = Known("2017-04-27T19:10", "2017-04-28T19:10", "a settlement is announced", "notice")
STROLLER = Known(
    "2017-04-22T10:00", "2017-04-23T02:00", "another airline's quarrel with a passenger is laid beside it", "notice"
)
ENGINE = Known("2017-05-24T01:30", "2017-05-24T20:00", "an engine on fire closes an airport for an hour", "notice")

RECORDINGS: tuple[Recorded, ...] = (
    Recorded("spotify", "spotify_support_2017", "Spotify", "A month of support traffic without a gap or a crisis."),
    Recorded(
        "united",
        "united_2017_after",
        "United",
        "An airline in the six weeks after a passenger was dragged off a plane; it begins in the ebb of that crisis, "
        "and has gaps of up to 17.9 days.",
        (STROLLER, RABBIT, SETTLEMENT, ENGINE),
    ),
    Recorded(
        "united-may",
        "united_2017_after",
        "United",
        "The same airline's ordinary days alone, as a service would see them that was started then.",
        (ENGINE,),
        since="2017-05-16",
    ),
    Recorded(
        "tesla",
        "tesla_2018",
        "Tesla",
        "A car maker in the days around the launch of a car into space. Nothing was recorded from 5 February 23:59 to "
        "6 February 22:19; it resumes at ten to fifteen times the level, and positive.",
        (Known("2018-02-06T20:45", "2018-02-08T20:45", "the launch, in the gap: good news", ""),),
    ),
    Recorded(
        "jetblue",
        "us_airlines_2015",
        "JetBlue=jetblue",
        "Eight days of posts to airlines, of which one is looked for by its name.",
        (Known("2015-02-23T18:15", "2015-02-24T00:00", "its own “fleet on fleek” is passed on as a joke", "notice"),),
    ),
)


def present() -> list[Recorded]:
    """Those that are at hand."""
    return [one for one in RECORDINGS if one.path.is_file()]


def recorded(key: str) -> Recorded:
    """The one of this name."""
    return next(one for one in RECORDINGS if one.key == key)


def run(one: Recorded, progress: Callable[[int, int], None] | None = None, path: Path | None = None) -> Seen:
    """Replay a recording (or what of it lies at `path`) as the command line does, and note what the detectors read."""
    events: list[Event] = []

    def note(decision: Decision) -> None:
        at = rfc3339(decision.at_ms)
        events.append(Event(at, decision.kind, decision.scenario, decision.severity, decision.incident))

    since_ms = parse_rfc3339(f"{one.since}T00:00:00Z") if one.since else None
    with probe() as curves:
        result = replay(
            [path or one.path],
            brands=[brand_of(one.brand, ("en",))],
            chart_text=chart_text(shipped_chart_path()),
            since_ms=since_ms,
            on_decision=note,
            progress=progress,
        )
    return Seen(result, events, curves)


class Verdict(NamedTuple):
    """A bar, whether it is met, and the decisions that say so."""

    words: str
    met: bool
    because: str


def within(
    events: Sequence[Event], kinds: Sequence[str], since: str = "", until: str = LATEST, *, blind: bool = False
) -> list[Event]:
    """The decisions of these kinds with `since <= at < until`, about the brand (or about our own blindness)."""
    return [e for e in events if e.kind in kinds and since <= e.at < until and (e.scenario == BLIND) == blind]


def verdicts(seen: Mapping[str, Seen]) -> list[Verdict]:
    """Every bar whose recordings were replayed."""
    return [verdict for key, bars in BARS.items() if key in seen for verdict in bars(seen[key].events)]


def _spotify(events: Sequence[Event]) -> list[Verdict]:
    pages = within(events, ("Page",))
    return [_at_most("Spotify, October: at most one page in the month", pages, 1)]


def _united(events: Sequence[Event]) -> list[Verdict]:
    told = within(events, ("Notify", *WAKES), "2017-04-27T19:10", "2017-04-27T19:30:05")
    woken = within(events, WAKES, "2017-04-27T19:10", "2017-04-28T19:10")
    said = "; ".join(e.words for e in told[:2]) or "nobody was told"
    return [
        Verdict("United, 27 April: the announcement is told between 19:10 and 19:30", bool(told), said),
        _at_most("United, 27 April: nobody is woken by it", woken, 0),
        _at_most("United, May in the whole file: no page of high or critical", _loud(events, "2017-05-01"), 0),
    ]


def _united_may(events: Sequence[Event]) -> list[Verdict]:
    return [_at_most("United, May alone: no page of high or critical", _loud(events), 0)]


def _tesla(events: Sequence[Event]) -> list[Verdict]:
    resumed = "2018-02-06T22:19"
    blind = within(events, ("OpenIncident",), "2018-02-05T23:59", resumed, blind=True)
    ended = within(events, ("StandDown",), "2018-02-05T23:59", resumed, blind=True)
    told = [e for e in ended if not blind or e.at > blind[0].at]
    said = "; ".join(e.words for e in [*blind[:1], *told[:1]]) or "the gap was not told"
    return [
        Verdict("Tesla: blind from the gap's first hours until it ends", bool(blind) and not told, said),
        _at_most("Tesla, after the gap: no page of high or critical", _loud(events, resumed), 0),
    ]


def _jetblue(events: Sequence[Event]) -> list[Verdict]:
    since, until = "2015-02-23T18:15", "2015-02-23T19:15:05"
    seen = within(events, ("OpenIncident", "Update", "Notify", *WAKES), since, until)
    viral = [e for e in seen if e.scenario == "viral_complaint"]
    later = within(events, ("OpenIncident", "Notify"), since)
    said = "; ".join(e.words for e in viral[:2]) or f"first heard of: {later[0].words if later else 'never'}"
    return [Verdict("JetBlue, 23 February: the joke is noticed as viral between 18:15 and 19:15", bool(viral), said)]


BARS: dict[str, Callable[[Sequence[Event]], list[Verdict]]] = {
    "spotify": _spotify,
    "united": _united,
    "united-may": _united_may,
    "tesla": _tesla,
    "jetblue": _jetblue,
}
"""What each recording is held to."""


def _loud(events: Sequence[Event], since: str = "") -> list[Event]:
    return [e for e in within(events, WAKES, since) if e.severity in LOUD]


def _at_most(words: str, found: Sequence[Event], allowed: int) -> Verdict:
    said = "; ".join(e.words for e in found[: allowed + 2]) or "none"
    return Verdict(words, len(found) <= allowed, said)
