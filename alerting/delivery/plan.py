"""From a decision and addresses to the messages that carry it: one card per incident and way, the rest in its thread.

Reads nothing and sends nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from alerting.decision import Decision
from alerting.delivery.outbox import OutboxRow, page_id
from alerting.delivery.slack import is_channel, is_shared
from alerting.delivery.ways import THREADED, Address, RowKind
from alerting.flowchart.fields import WAYS
from alerting.view import TELLS, WAKES
from alerting.words import thread_line

_STORY_REASONS = (
    *("severity_rose", "severity_fell", "acknowledged", "owned", "asked_by_human", "flared_up"),
    *("acknowledged_in_part", "answered", "approved", "drafted", "noted"),
)
"""Updates worth a line of the thread; the others are seen on the card."""


def addresses_of(
    decision: Decision, resolve: Callable[[str], Sequence[Address]], ways: Mapping[str, object]
) -> tuple[list[Address], list[str]]:
    """Where the decision's targets are reached, in order, and the targets that have no way at all.

    A responder who has none of the ways that the flowchart names is reached by the first that there is: better another
    way than nobody.
    """
    found: list[Address] = []
    nowhere: list[str] = []
    for target in decision.targets:
        usable = [one for one in resolve(target) if one.way in ways]
        if decision.kind not in WAKES:  # an order of somebody's own, with its delays, is one of being woken
            usable = [msgspec.structs.replace(one, after_ms=None) for one in usable]
        for name in dict.fromkeys(one.responder for one in usable):
            wanted = _wanted(decision, [one for one in usable if one.responder == name])
            found += [one for one in wanted if one not in found]
        if not usable:
            nowhere.append(target)
    return found, nowhere


def _wanted(decision: Decision, usable: Sequence[Address]) -> list[Address]:
    """By which of their addresses somebody is told: when woken in the order that is their own, else as the flowchart
    says; the place where everybody reads along is as the flowchart says in any case. The terminal stands in for Slack.
    """
    slack = "slack" if any(one.way == "slack" for one in usable) else "terminal"
    asked = [one for way in decision.by for one in usable if one.way == (slack if way == "slack" else way)]
    if decision.kind in WAKES and any(one.after_ms is not None for one in usable):
        shared = [one for one in asked if one.after_ms is None and is_channel(one.to) and one.way in THREADED]
        return [*shared, *(one for one in usable if one.after_ms is not None)]
    order = dict.fromkeys((slack, *WAYS, *(one.way for one in usable)))
    first = next(way for way in order if any(one.way == way for one in usable))
    return asked or [one for one in usable if one.way == first]


def rows_of(
    decision: Decision,
    addresses: Sequence[Address],
    nowhere: Sequence[str],
    cards: Mapping[str, OutboxRow],
    now_ms: int = 0,
) -> list[OutboxRow]:
    """The messages that carry a decision taken in at `now_ms`. `cards` are the incident's cards by way, sent or still
    to be. What comes by a later way of somebody's is planned here already, for its time.
    """
    if decision.kind not in TELLS:
        rows = _story(decision, cards)
    else:
        at_once = [one for one in addresses if not one.after_ms]
        rows = _told(decision, at_once, nowhere, cards)
        for after_ms in sorted({one.after_ms for one in addresses if one.after_ms}):
            later = [one for one in addresses if one.after_ms == after_ms]
            for way in dict.fromkeys(one.way for one in later):
                here = [one for one in later if one.way == way]
                rows += [_after(row, after_ms) for row in _elsewhere(decision, way, here, here)]
    return [_due(row, now_ms) for row in rows]


def _due(row: OutboxRow, now_ms: int) -> OutboxRow:
    wanted_ms = now_ms + row.after_ms
    return msgspec.structs.replace(row, wanted_ms=wanted_ms, due_ms=wanted_ms if row.after_ms else 0)


def _after(row: OutboxRow, after_ms: int) -> OutboxRow:
    return msgspec.structs.replace(row, after_ms=after_ms)


def _told(
    decision: Decision, addresses: Sequence[Address], nowhere: Sequence[str], cards: Mapping[str, OutboxRow]
) -> list[OutboxRow]:
    rows: list[OutboxRow] = []
    for way in dict.fromkeys(one.way for one in addresses):
        here = [one for one in addresses if one.way == way]
        here = _softly(here) if decision.kind == "Notify" else here
        card = cards.get(way)
        if way not in THREADED:
            rows += _elsewhere(decision, way, here, here)
        else:
            rows += _first(decision, way, here) if card is None else _later(decision, way, here, card)
    for target in nowhere:
        way = decision.by[0] if decision.by else "none"
        failed = _row(decision, "page", way, f"nowhere:{target}", (target,))
        rows.append(_failed(failed, "no address"))
    return rows


def _first(decision: Decision, way: str, here: Sequence[Address]) -> list[OutboxRow]:
    """The card goes to the first channel, and names the people there; without a channel, to the first person."""
    home = next((one.to for one in here if is_channel(one.to)), here[0].to)
    rest = [one for one in here if one.to != home]
    people = [one for one in rest if not is_channel(one.to)] if is_shared(home) else []
    responders = _names([one for one in here if one.to == home] + people)
    card = _row(decision, "card", way, home, responders, mentions=_to(people))
    return [card, *_elsewhere(decision, way, [one for one in rest if one not in people], here)]


def _later(decision: Decision, way: str, here: Sequence[Address], card: OutboxRow) -> list[OutboxRow]:
    """A line in the card's thread names the people; who has another channel gets a message there."""
    people = [one for one in here if not is_channel(one.to)] if is_shared(card.to) else []
    away = [one for one in here if one not in people and one.to != card.to]
    responders = _names([one for one in here if one not in away]) or _names(here)
    line = _row(decision, "mention", way, f"{card.to}:thread", responders, mentions=_to(people), lane=card.lane)
    return [line, *_elsewhere(decision, way, away, here)]


def _softly(here: Sequence[Address]) -> list[Address]:
    """A notice names nobody who reads it in a channel: a name makes the phone ring."""
    read = {one.responder for one in here if is_channel(one.to)}
    return [one for one in here if is_channel(one.to) or one.responder not in read]


def _elsewhere(decision: Decision, way: str, away: Sequence[Address], here: Sequence[Address]) -> list[OutboxRow]:
    rows = []
    for to in _to(away):
        names = _names([one for one in away if one.to == to])
        people = [one for one in here if one.responder in names and not is_channel(one.to)] if is_shared(to) else []
        rows.append(_row(decision, "page", way, to, names, mentions=_to(people)))
    return rows


def _story(decision: Decision, cards: Mapping[str, OutboxRow]) -> list[OutboxRow]:
    if decision.kind != "StandDown" and not (decision.kind == "Update" and decision.reason in _STORY_REASONS):
        return []
    return [_row(decision, "story", way, f"{cards[way].to}:thread", (), lane=cards[way].lane) for way in sorted(cards)]


def _names(addresses: Sequence[Address]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.responder for one in addresses))


def _to(addresses: Sequence[Address]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.to for one in addresses))


def _row(
    decision: Decision,
    kind: RowKind,
    way: str,
    to: str,
    responders: tuple[str, ...],
    *,
    mentions: tuple[str, ...] = (),
    lane: str = "",
) -> OutboxRow:
    called = decision.kind in WAKES and decision.action == "mobilise"
    return OutboxRow(
        page_id=page_id(decision.key, way, to),
        brand=decision.brand,
        incident=decision.incident,
        key=decision.key,
        way=way,
        to=to,
        lane=lane or to,
        kind=kind,
        severity=decision.severity,
        # who is called in besides is wanted by whoever acknowledged: that holds nobody back
        wakes=decision.kind in WAKES and not called,
        called=called,
        aloud=kind == "mention",
        responders=responders,
        mentions=mentions,
        line=thread_line(decision),
        said=decision.said,
        due_ms=0,
    )


def _failed(row: OutboxRow, detail: str) -> OutboxRow:
    return msgspec.structs.replace(row, state="failed", detail=detail)
