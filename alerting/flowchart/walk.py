"""Walks an incident through a flowchart: which people are told, in what order, and when the next one is due.

Pure and on virtual time: every call takes a walk and gives a new one with the effects wanted, and the walk is plain
data between calls. Whoever calls resumes it when `due_ms` has passed. A walk cannot fail silently: where the chart has
no answer (a condition fails, a scenario has no entry) the chart's last resort is paged.
"""

from collections.abc import Iterator

import msgspec

from alerting.facts import Facts
from alerting.flowchart.conditions import ConditionFailed
from alerting.flowchart.model import Chart, End, Notify, Page, Question, Wait, duration_text
from stream.codec import MINUTE_MS, copy_of

MAX_PATH = 100
"""Steps that a walk remembers; the oldest go first."""

LOOK_AGAIN_MS = MINUTE_MS
"""How often a `wait ... until` is looked at again, when nobody asks sooner."""


class Step(msgspec.Struct, frozen=True):
    """One step of a walk, in words."""

    node: str
    at_ms: int
    words: str


class Walk(msgspec.Struct, omit_defaults=True):
    """Where an incident stands in the flowchart. Plain data: JSON and back is the same walk."""

    chart: str
    """Digest of the chart it walks; it ends on the chart it began with."""
    node: str
    """Where it stands; empty where it never got into the chart."""
    entered_ms: int
    due_ms: int = 0
    """When to resume it (0: time alone changes nothing)."""
    rung: int = 0
    """How many pages went unacknowledged: 0 for the first page."""
    path: list[Step] = []
    paged: list[str] = []
    """Targets paged so far, in order, each once."""
    page_node: str = ""
    """The node of the last page: an escalation goes on from there."""
    acknowledged: bool = False
    done: bool = False


class PagePeople(msgspec.Struct, frozen=True, tag="page"):
    """Wake these people."""

    node: str
    targets: tuple[str, ...]
    by: tuple[str, ...]
    ack_within_ms: int
    """0: this is the last rung, it waits as long as it takes."""
    rung: int
    next_targets: tuple[str, ...]
    """Who is next if nobody acknowledges, as far as that can be said before asking further questions."""
    words: str


class NotifyPeople(msgspec.Struct, frozen=True, tag="notify"):
    """Tell these people; nobody needs to answer."""

    node: str
    targets: tuple[str, ...]
    by: tuple[str, ...]
    words: str


class EndWalk(msgspec.Struct, frozen=True, tag="end"):
    """The chart asks for nothing more."""

    node: str
    words: str


Effect = PagePeople | NotifyPeople | EndWalk


def begin(chart: Chart, entry: str, facts: Facts, at_ms: int) -> tuple[Walk, list[Effect]]:
    """Start at the entry of a scenario. A scenario without an entry goes to the last resort."""
    walk = Walk(chart=chart.digest, node="", entered_ms=at_ms)
    if entry not in chart.entry:
        return walk, _last_resort(chart, walk, at_ms, f"the flowchart has no entry for the scenario {entry}")
    return walk, _go(chart, walk, chart.entry[entry], facts, at_ms)


def resume(chart: Chart, walk: Walk, facts: Facts, at_ms: int) -> tuple[Walk, list[Effect]]:
    """Go on if it is time: a page that nobody acknowledged, a wait that is over or whose condition now holds.

    Asked too early nothing happens, save that `until` is looked at. Raises `ValueError` for a walk of another chart.
    """
    walk = _own(chart, walk)
    if walk.done:
        return walk, []
    node = chart.nodes.get(walk.node)
    if isinstance(node, Page) and walk.due_ms and at_ms >= walk.due_ms and node.if_not_acknowledged is not None:
        within = duration_text(node.acknowledge_within or 0)
        _step(walk, at_ms, f"nobody acknowledged in {within}")
        return walk, _next_rung(chart, walk, node, facts, at_ms)
    if isinstance(node, Wait):
        return walk, _waited(chart, walk, node, facts, at_ms)
    return walk, []


def acknowledged(chart: Chart, walk: Walk, facts: Facts, at_ms: int) -> tuple[Walk, list[Effect]]:
    """Somebody has taken it: the page's `then`, and nobody is paged any more on this walk, only notified.

    Raises `ValueError` for a walk of another chart.
    """
    walk = _own(chart, walk)
    if walk.acknowledged:
        return walk, []
    walk.acknowledged = True
    _step(walk, at_ms, "acknowledged")
    node = chart.nodes.get(walk.node)
    if walk.done or not isinstance(node, Page):
        return walk, []
    return walk, _go(chart, walk, node.then, facts, at_ms)


def escalated(chart: Chart, walk: Walk, facts: Facts, at_ms: int, words: str) -> tuple[Walk, list[Effect]]:
    """The next rung at once, whatever the timer or an acknowledgement says: a person asked for it, or a page cannot be
    delivered. Where the last page has no next rung, the last resort is paged.

    Raises `ValueError` for a walk of another chart.
    """
    walk = _own(chart, walk)
    walk.acknowledged = False
    walk.done = False
    node = chart.nodes.get(walk.page_node)
    if isinstance(node, Page) and node.if_not_acknowledged is not None:
        _step(walk, at_ms, words)
        return walk, _next_rung(chart, walk, node, facts, at_ms)
    return walk, _last_resort(chart, walk, at_ms, words)


def next_page(chart: Chart, walk: Walk) -> tuple[tuple[str, ...], int] | None:
    """Who is paged next if nobody acknowledges, and at the earliest when; `None` if nobody is.

    Questions on the way are not asked: whoever could be next on either branch is named.
    """
    node = chart.nodes.get(walk.node)
    if walk.done or walk.acknowledged:
        return None
    if isinstance(node, Page):
        return _pages_ahead(chart, node.if_not_acknowledged, walk.due_ms)
    if isinstance(node, Wait):
        if node.until is not None:  # it can come at the next look
            return _pages_ahead(chart, node.then, walk.due_ms)
        return _pages_ahead(chart, node.then, walk.entered_ms + (node.wait or 0))
    return None


# --- going on ---------------------------------------------------------------------------------------------------------


def _own(chart: Chart, walk: Walk) -> Walk:
    if walk.chart != chart.digest:
        raise ValueError(f"this walk began on chart {walk.chart[:12]}, not on {chart.digest[:12]}")
    return copy_of(walk)


def _go(chart: Chart, walk: Walk, name: str, facts: Facts, at_ms: int) -> list[Effect]:
    """From node to node until one of them takes time or ends. Changes `walk`, which is our own copy."""
    effects: list[Effect] = []
    if walk.acknowledged and not facts.acknowledged:
        facts = msgspec.structs.replace(facts, acknowledged=True)
    # `check` refuses circles without time in them, so no node comes twice; were it wrong, this bound still holds
    for _ in range(len(chart.nodes) + 1):
        walk.node, walk.entered_ms, walk.due_ms = name, at_ms, 0
        try:
            target = _enter(chart, walk, facts, at_ms, effects)
        except ConditionFailed as failed:
            return effects + _last_resort(chart, walk, at_ms, str(failed))
        if target is None:
            return effects
        name = target
    return effects + _last_resort(chart, walk, at_ms, "the flowchart goes in circles")


def _enter(chart: Chart, walk: Walk, facts: Facts, at_ms: int, effects: list[Effect]) -> str | None:
    """Do what the node says at which the walk stands. Gives the node that follows at once, if one does."""
    match node := chart.nodes[walk.node]:
        case Question():
            condition = chart.conditions[walk.node, "when"]
            holds = condition.holds(facts)
            _step(walk, at_ms, f"{node.question} {'yes' if holds else 'no'}: {condition.figures(facts)}")
            return node.yes if holds else node.no
        case Page():
            return _page(chart, walk, node, at_ms, effects)
        case Notify():
            _step(walk, at_ms, f"told {', '.join(node.notify)}")
            effects.append(NotifyPeople(walk.node, node.notify, node.by, node.say or ""))
            return node.then
        case Wait():
            return _begin_wait(chart, walk, node, facts, at_ms)
        case End():
            walk.done = True
            _step(walk, at_ms, node.end)
            effects.append(EndWalk(walk.node, node.end))
            return None


def _page(chart: Chart, walk: Walk, node: Page, at_ms: int, effects: list[Effect]) -> str | None:
    if walk.acknowledged:
        _step(walk, at_ms, f"told {', '.join(node.page)}: already acknowledged, so nobody is woken")
        effects.append(NotifyPeople(walk.node, node.page, node.by, node.say or ""))
        return node.then
    within = node.acknowledge_within or 0
    walk.due_ms = at_ms + within if within else 0
    walk.page_node = walk.node
    walk.paged += [target for target in node.page if target not in walk.paged]
    _step(walk, at_ms, f"paged {', '.join(node.page)}")
    ahead = _pages_ahead(chart, node.if_not_acknowledged, walk.due_ms)
    following = ahead[0] if ahead else ()
    effects.append(PagePeople(walk.node, node.page, node.by, within, walk.rung, following, node.say or ""))
    return None


def _next_rung(chart: Chart, walk: Walk, node: Page, facts: Facts, at_ms: int) -> list[Effect]:
    walk.rung += 1
    assert node.if_not_acknowledged is not None
    return _go(chart, walk, node.if_not_acknowledged, facts, at_ms)


def _begin_wait(chart: Chart, walk: Walk, node: Wait, facts: Facts, at_ms: int) -> str | None:
    until = chart.conditions.get((walk.node, "until"))
    limit = f"up to {duration_text(node.wait)}" if node.wait else "without a limit"
    if until is None:
        _step(walk, at_ms, f"waits {duration_text(node.wait or 0)}")
    elif until.holds(facts):
        _step(walk, at_ms, f"no need to wait: {until.figures(facts)}")
        return node.then
    else:
        _step(walk, at_ms, f"waits {limit} until {until.text}")
    walk.due_ms = _look_again_ms(walk, node, at_ms)
    return None


def _look_again_ms(walk: Walk, node: Wait, at_ms: int) -> int:
    over_ms = walk.entered_ms + node.wait if node.wait else 0
    if node.until is None:
        return over_ms
    return min(over_ms, at_ms + LOOK_AGAIN_MS) if over_ms else at_ms + LOOK_AGAIN_MS


def _waited(chart: Chart, walk: Walk, node: Wait, facts: Facts, at_ms: int) -> list[Effect]:
    until = chart.conditions.get((walk.node, "until"))
    try:
        held = until is not None and until.holds(facts)
        words = until.figures(facts) if until is not None and held else ""
    except ConditionFailed as failed:
        return _last_resort(chart, walk, at_ms, str(failed))
    over = node.wait is not None and at_ms >= walk.entered_ms + node.wait
    if held or over:
        _step(walk, at_ms, f"waited until {words}" if held else f"waited {duration_text(node.wait or 0)}")
        return _go(chart, walk, node.then, facts, at_ms)
    if walk.due_ms and at_ms >= walk.due_ms:
        walk.due_ms = _look_again_ms(walk, node, at_ms)
    return []


def _last_resort(chart: Chart, walk: Walk, at_ms: int, words: str) -> list[Effect]:
    """The chart has no answer: page whoever answers for that, and end."""
    _step(walk, at_ms, f"{words}: the last resort is told")
    walk.done, walk.due_ms = True, 0
    targets = chart.last_resort
    if walk.acknowledged:
        return [NotifyPeople(walk.node, targets, ("slack",), words), EndWalk(walk.node, words)]
    walk.paged += [target for target in targets if target not in walk.paged]
    return [PagePeople(walk.node, targets, ("slack",), 0, walk.rung, (), words), EndWalk(walk.node, words)]


def _step(walk: Walk, at_ms: int, words: str) -> None:
    walk.path = [*walk.path, Step(walk.node, at_ms, words)][-MAX_PATH:]


# --- looking ahead ----------------------------------------------------------------------------------------------------


def _pages_ahead(chart: Chart, name: str | None, at_ms: int) -> tuple[tuple[str, ...], int] | None:
    """Whom the pages that can be reached first from a node wake, and at the earliest when."""
    if name is None or not at_ms:
        return None
    found = list(_first_pages(chart, name, at_ms, []))
    if not found:
        return None
    targets = dict.fromkeys(target for page, _ in found for target in page.page)
    return tuple(targets), min(when for _, when in found)


def _first_pages(chart: Chart, name: str, at_ms: int, seen: list[str]) -> Iterator[tuple[Page, int]]:
    if name in seen:
        return
    seen.append(name)
    match node := chart.nodes[name]:
        case Page():
            yield node, at_ms
        case Question():
            yield from _first_pages(chart, node.yes, at_ms, seen)
            yield from _first_pages(chart, node.no, at_ms, seen)
        case Notify():
            yield from _first_pages(chart, node.then, at_ms, seen)
        case Wait():
            soonest_ms = at_ms if node.until is not None else at_ms + (node.wait or 0)
            yield from _first_pages(chart, node.then, soonest_ms, seen)
        case End():
            return
