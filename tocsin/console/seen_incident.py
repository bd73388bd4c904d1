"""What *Incident* shows: the card in full, the walked path, what comes next and when, who was told by which way. Pure.

What comes from outside in it is as it came, but for `why` and the words of `moments` and steps: whoever shows it makes
it inert.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from alerting.asks import Asks
from alerting.delivery.rows import OutboxRow, State
from alerting.flowchart.model import Ask, Chart, Page, Statement, Wait
from alerting.flowchart.walk import Walk
from alerting.inert import one_line
from alerting.timeline import Moment
from alerting.view import IncidentView, Paged
from alerting.words import kind_text, scenario_text, sentence
from stream.codec import HOUR_MS, MINUTE_MS
from tocsin.brand_now import BrandFigures
from tocsin.console.seen import Hands, hands_of
from tocsin.drawing import STEP_MS, Series, alt_text

Ahead = Literal["page", "answer", "approval", "wait", ""]
"""What the walk waits for: somebody to acknowledge, an answer, an approval, time; nothing any more."""


class SeriesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Observed against expected, as a chart draws it; gaps are `None`."""

    title: str
    alt: str
    """What it shows, in words (English)."""
    unit: str
    times_ms: tuple[int, ...]
    """When each step of five minutes began."""
    observed: tuple[int | None, ...]
    expected: tuple[float | None, ...]
    threshold: tuple[float | None, ...]
    decided_ms: int
    """When it was decided that people are told."""
    marks: tuple[tuple[int, str], ...] = ()
    """Other moments, each with its name."""


class StepSeen(msgspec.Struct, frozen=True):
    """One step of the walk, with its margin in words. Inert."""

    node: str
    at_ms: int
    words: str


class WalkSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands in the flowchart."""

    chart: str
    """Digest of the flowchart that it walks."""
    node: str
    """Where it stands."""
    says: str = ""
    """What the flowchart says is to be done there."""
    steps: tuple[StepSeen, ...] = ()
    nodes: tuple[str, ...] = ()
    """The nodes that were walked, in their order: those that a drawing lights."""
    done: bool = False
    ahead: Ahead = ""
    due_ms: int = 0
    """When it goes on by itself, at the latest (0: time alone changes nothing)."""
    until: str = ""
    """The condition at which it goes on sooner, as the flowchart has it."""
    next_node: str = ""
    """Where it goes on to then."""
    next_who: tuple[str, ...] = ()
    """Who is told then."""


class WalkedSeen(msgspec.Struct, frozen=True):
    """A walk that was begun anew since: it had grown worse, or came back."""

    until_ms: int
    """When the next was begun."""
    steps: tuple[str, ...]
    """Its last steps, with their margins in words. Inert."""


class WaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a page."""

    way: str
    state: State
    """planned, sending, sent, not_sent (tried again), unknown (it may have arrived), failed or cancelled."""
    at_ms: int
    """When it was last tried; when it is due, where it was not."""
    detail: str = ""


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was told."""

    who: str
    name: str
    """As people call them."""
    at_ms: int
    acked: bool = False
    failed: bool = False
    """No way to them worked."""
    ways: tuple[WaySeen, ...] = ()


class NoticeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was told without being paged."""

    who: str
    name: str
    """As people call them."""
    at_ms: int
    what: Literal["told", "asked", "statement"]
    """To know of it, to answer a question, or to approve a statement."""


class IncidentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One incident at one moment."""

    at_ms: int
    late_s: int
    view: IncidentView
    """Everything that its card shows, with posts, explanation and the words of its statements; people as they are
    called."""
    why: str
    """Why somebody is told, in one plain sentence (English). Inert."""
    hands: Hands
    is_open: bool
    heard_ms: int = HOUR_MS
    """How much we had listened of the hour that its counts are of: less is not to be compared with a whole one."""
    shadow: bool = False
    """Whether nobody is told of it."""
    series: SeriesSeen | None = None
    walk: WalkSeen | None = None
    earlier: tuple[WalkedSeen, ...] = ()
    """What was walked before, in its order; empty too where that is not known here."""
    people: tuple[PersonSeen, ...] = ()
    """Who was paged, in the order in which they were."""
    notified: tuple[NoticeSeen, ...] = ()
    """Who was told besides, in the order in which they were, as the journal says; none where it is not read here."""
    moments: tuple[Moment, ...] = ()
    """What happened, in its order, in words (English). Inert."""
    in_dutch: tuple[Moment, ...] = ()
    """The same in Dutch; empty where that is not known. Inert."""
    asks: Asks = Asks()
    """What the flowchart asks of people now: as in `view`, with people by their names in the flowchart."""
    figures: BrandFigures | None = None
    """How its brand stands at this moment, while `view` stands as when something was found last; `None` where it is
    over, or the core's numbers are not seen from here."""


class IncidentLine(msgspec.Struct, frozen=True, kw_only=True):
    """An incident, open or over, in a list of them."""

    incident: str
    brand: str
    scenario: str
    severity: str
    """The highest it reached."""
    status: str
    because: str
    """Why it ended, by the closed list of reasons; empty while it is open."""
    opened_ms: int
    ended_ms: int
    """0 while it is open."""
    hands: Hands
    acked_by: str = ""
    owner: str = ""
    drill: bool = False
    why: str = ""
    looked_back: str = ""
    """What somebody said of it afterwards: was_right or was_false_alarm; empty where nobody did."""
    timezone: str = "UTC"
    """The brand's clock."""
    what: str = ""
    """What it was, in a few words (English)."""
    is_friendly: bool = False
    """Whether `what` says that it is not negative."""
    shadow: bool = False
    """Whether nobody was told of it, because its brand was in the shadow."""


def line_of(view: IncidentView, *, worst: str = "", ended_ms: int = 0, looked_back: str = "") -> IncidentLine:
    """An incident in a list."""
    return IncidentLine(
        incident=view.incident,
        brand=view.brand,
        scenario=view.scenario,
        severity=worst or view.severity,
        status=view.status,
        because=view.reason if view.over else "",
        opened_ms=view.opened_ms,
        ended_ms=(ended_ms or max(view.updated_ms, view.opened_ms)) if view.over else 0,
        hands=hands_of(view),
        acked_by=view.acked_by,
        owner=view.owner,
        drill=view.drill,
        why=sentence(view),
        looked_back=looked_back,
        what=kind_text(view),
        is_friendly=kind_text(view) != scenario_text(view.scenario),
    )


def series_seen(series: Series) -> SeriesSeen:
    """A picture's numbers for a chart that is drawn by the page."""
    return SeriesSeen(
        title=series.title,
        alt=alt_text(series),
        unit=series.labels.unit,
        times_ms=series.times_ms,
        observed=series.observed,
        expected=_known(series.expected),
        threshold=_known(series.threshold),
        decided_ms=series.decided_ms,
        marks=tuple((mark.at_ms, mark.label) for mark in series.marks),
    )


def with_threshold(series: SeriesSeen, notice: int) -> SeriesSeen:
    """A picture with the number from which on five minutes are worth a notice, where no finding said so itself."""
    if not notice or any(one is not None for one in series.threshold):
        return series
    return msgspec.structs.replace(series, threshold=(float(notice),) * len(series.times_ms))


def with_gaps(series: SeriesSeen, heard: Collection[int]) -> SeriesSeen:
    """A picture in which a step without posts is a gap, unless one of its minutes (start, ms) was `heard`."""
    observed = tuple(
        count or (0 if any(minute in heard for minute in range(at_ms, at_ms + STEP_MS, MINUTE_MS)) else None)
        for at_ms, count in zip(series.times_ms, series.observed, strict=True)
    )
    return msgspec.structs.replace(series, observed=observed)


def walk_seen(walk: Walk, chart: Chart | None) -> WalkSeen:
    """Where a walk stands; `chart` is the one it walks, where that is known here."""
    ahead, next_node = _ahead(walk, chart)
    return WalkSeen(
        chart=walk.chart,
        node=walk.node,
        says=chart.says(walk.node) if chart is not None else "",
        steps=tuple(StepSeen(step.node, step.at_ms, one_line(step.words, 400)) for step in walk.path),
        nodes=tuple(dict.fromkeys([*(step.node for step in walk.path if step.node), *filter(None, [walk.node])])),
        done=walk.done,
        ahead=ahead,
        due_ms=_due_ms(walk, chart),
        until=_until(walk, chart),
        next_node=next_node,
        next_who=_who(chart, next_node),
    )


def people_seen(paged: Sequence[Paged], rows: Iterable[OutboxRow], names: Mapping[str, str]) -> tuple[PersonSeen, ...]:
    """Who was told, by which ways, and what became of each. `rows` are the pages of the incident, in order."""
    ways: dict[str, list[WaySeen]] = {}
    for row in rows:
        if row.kind == "story":
            continue
        at_ms = row.started_ms or row.due_ms or row.wanted_ms
        way = WaySeen(way=row.way, state=row.state, at_ms=at_ms, detail=row.detail)
        for who in row.responders:
            ways.setdefault(who, []).append(way)
    return tuple(
        PersonSeen(
            who=one.who,
            name=names.get(one.who, one.who),
            at_ms=one.at_ms,
            acked=one.acked,
            failed=one.failed,
            ways=tuple(ways.get(one.who, ())),
        )
        for one in paged
    )


def _known(values: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in values)


def _ahead(walk: Walk, chart: Chart | None) -> tuple[Ahead, str]:
    """What the walk waits for, and the node to which time leads it."""
    node = chart.nodes.get(walk.node) if chart is not None else None
    if walk.done or not walk.due_ms:
        return "", ""
    match node:
        case Page():
            return "page", node.if_not_acknowledged or ""
        case Ask():
            return "answer", node.if_no_answer
        case Statement():
            return "approval", node.if_not_approved
        case Wait():
            return "wait", node.then
        case _:
            return "wait", ""


def _due_ms(walk: Walk, chart: Chart | None) -> int:
    """When time takes it on. What it waits for is looked at again and again meanwhile: that is no such moment."""
    node = chart.nodes.get(walk.node) if chart is not None else None
    if walk.done:
        return 0
    if isinstance(node, Wait) and node.until is not None:
        return walk.entered_ms + node.wait if node.wait else 0
    return walk.due_ms


def _until(walk: Walk, chart: Chart | None) -> str:
    node = chart.nodes.get(walk.node) if chart is not None and not walk.done else None
    return node.until or "" if isinstance(node, Wait) else ""


def _who(chart: Chart | None, name: str) -> tuple[str, ...]:
    node = chart.nodes.get(name) if chart is not None and name else None
    return tuple(node.page) if isinstance(node, Page) else ()
