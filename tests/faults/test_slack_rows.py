"""What becomes of pages when Slack limits, fails, hangs, forgets to answer, or refuses for good (rows F8 to F10)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import generate_latest

from alerting.delivery.rows import OutboxRow
from alerting.facts import SEVERITIES
from tests.acceptance.living import CHANNEL, burst, living, send
from tests.fakes.hooks import FakeHooks
from tests.faults.nights import SECOND_WAY_MS, Night, decision, night, ringing
from tests.faults.rows import fired, row

SEED = 20_271
TICK_MS = 1_000


@pytest.fixture
async def on_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Night]:
    """Everybody has Slack and, after it, a webhook that rings."""
    async with night(tmp_path, monkeypatch) as found:
        yield found


# ---- F8: limits


@row("F8")
async def test_fifty_pages_at_once_against_limits_reach_everybody_gravest_first(on_call: Night) -> None:
    """Slack asks for half a minute, twice. Whatever is critical goes first, each incident keeps its order, each page is
    sent once; and who would wait longer than half a minute is told by another way.
    """
    limits = [on_call.slack.faults.add("chat.postMessage", "ratelimited", skip=n, retry_after_s=30) for n in (3, 9)]
    began_ms = on_call.now_ms
    grave = {f"acme-{n}": ("critical", "high", "medium", "low")[n % 4] for n in range(50)}
    people = ("ana", "bram", "chloe")
    for number, (incident, severity) in enumerate(grave.items()):
        on_call.told(people[number % 3], incident=incident, severity=severity)
        if number % 5 == 0:
            on_call.told(people[(number + 1) % 3], incident=incident, severity=severity, kind="Escalate")
    planned = [one for incident in grave for one in on_call.rows(incident)]
    while on_call.works.home.outbox.unsettled() and on_call.now_ms < began_ms + 600_000:
        await on_call.wait(1, beats=False)
    fired(sum(limit.fired for limit in limits))
    assert [limit.fired for limit in limits] == [1, 1]
    _nothing_was_asked_while_slack_wanted_peace(on_call)
    _each_went_once(on_call, planned)
    _gravest_first_and_in_order(on_call, grave)
    for one in planned:
        assert _reached_ms(on_call, one) - began_ms <= SECOND_WAY_MS + TICK_MS, one


def _nothing_was_asked_while_slack_wanted_peace(on_call: Night) -> None:
    asked = on_call.slack.requests("chat.postMessage")
    for at, one in enumerate(asked[:-1]):
        if one.outcome == "fault:ratelimited":
            assert asked[at + 1].at - one.at >= 30


def _each_went_once(on_call: Night, planned: list[OutboxRow]) -> None:
    assert Counter(m.page_id for m in on_call.posts()) == Counter(one.page_id for one in planned)
    assert max(Counter(request.json["id"] for _, _, request in on_call.rang).values()) == 1
    assert {one.state for incident in {p.incident for p in planned} for one in on_call.rows(incident)} == {"sent"}


def _gravest_first_and_in_order(on_call: Night, grave: dict[str, str]) -> None:
    incidents = [m.metadata["event_payload"]["incident"] for m in on_call.posts() if m.metadata and not m.is_reply]
    ranks = [("critical", "high", "medium", "low").index(grave[one]) for one in incidents]
    assert ranks == sorted(ranks)
    for incident in grave:
        first = [
            m.is_reply for m in on_call.posts() if m.metadata and m.metadata["event_payload"]["incident"] == incident
        ]
        assert first == sorted(first), "its card comes before what is said in its thread"


def _reached_ms(on_call: Night, page: OutboxRow) -> int:
    """When the people of a page were reached first, by whatever way."""
    by_slack = [int(m.accepted_at * 1000) for m in on_call.posts() if m.page_id == page.page_id]
    instead = {one.page_id for one in on_call.rows(page.incident) if one.instead_of == page.page_id}
    by_hook = [at_ms for at_ms, _, request in on_call.rang if request.json["page_id"] in instead]
    return min(by_slack + by_hook)


@row("F8")
@pytest.mark.slow
async def test_fifty_pages_at_once_on_the_real_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, past: Path
) -> None:
    """Slack asks for two seconds, again and again: each page is there once, gravest first, or rang in time as well."""
    async with FakeHooks() as hooks:
        wait = "2s, pace: 0s, second_way: 5s"
        async with living(past, tmp_path, grace=wait, extra=ringing(monkeypatch, hooks)) as service:
            limits = [
                service.slack.faults.add("chat.postMessage", "ratelimited", skip=skip, retry_after_s=2)
                for skip in (4, 13, 22, 31)
            ]
            outbox = service.service.home.outbox
            grave = {f"acme-{n}": ("critical", "high", "medium", "low")[n % 4] for n in range(50)}
            for number, (incident, severity) in enumerate(grave.items()):
                service.service.delivery.take(
                    decision(("ana", "bram", "chloe")[number % 3], number, incident, severity)
                )
            await service.slack.wait_for(lambda: not outbox.unsettled(), 40)
            fired(sum(limit.fired for limit in limits))
            assert [limit.fired for limit in limits] == [1] * 4
            cards = [message for message in service.slack.ledger.posts if message.page_id]
            assert len(cards) == len({card.page_id for card in cards}) == 50
            posted = [str((card.metadata or {})["event_payload"]["incident"]) for card in cards]
            ranks = [SEVERITIES.index(grave[incident]) for incident in posted]
            assert ranks == sorted(ranks, reverse=True)
            rung = [request.json["id"] for request in hooks.taken if request.json["event"] == "page"]
            assert len(rung) == len(set(rung))
            for card, incident in zip(cards, posted, strict=True):
                page, *instead = outbox.pages(incident)
                in_time = card.accepted_at * 1000 - page.wanted_ms <= 5_000
                assert in_time or [one.wanted_ms - page.wanted_ms <= 7_000 for one in instead] == [True]


# ---- F9: nobody knows whether it arrived

FAILURES = {
    "http_500": {"kind": "http_500"},
    "http_503, and taken": {"kind": "http_503", "accept": True},
    "timeout": {"kind": "timeout"},
    "timeout, and taken": {"kind": "timeout", "accept": True},
    "reset": {"kind": "reset"},
    "reset, and taken": {"kind": "reset", "accept": True},
    "reply lost": {"kind": "lost_reply"},
    "fatal_error": {"kind": "ok_false:fatal_error"},
    "fatal_error, and taken": {"kind": "ok_false:fatal_error", "accept": True},
    "shown 40 s late": {"kind": "lost_reply"},
}
LAG_S = 40


@row("F9")
@pytest.mark.slow
@pytest.mark.parametrize("position", ["card", "mention", "person"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_page_that_nobody_knows_of_arrives_once_and_its_people_hear_in_time(
    on_call: Night, position: str, failure: str
) -> None:
    """Whatever became of the first attempt: one message in Slack in the end. Who is not known to be told half a minute
    after is told by the next way, and who was told is not told again.
    """
    page = await _up_to(on_call, position)
    if "late" in failure:
        on_call.slack.faults.add("conversations.*", "history_lag", delay_s=LAG_S)
    where = {"card": CHANNEL, "mention": CHANNEL}.get(position)
    fault = on_call.slack.faults.add(
        "chat.postMessage",
        match=lambda call: where in (None, call["channel"]),
        **FAILURES[failure],  # type: ignore[arg-type]
    )
    await on_call.wait(0.001, beats=False)
    assert fault.fired == 1
    fired(fault.fired)
    first = _row_of(on_call, position)
    assert first.state == "unknown" or first.detail == "found in the history", "it took the way of what nobody knows"
    since_ms = first.started_ms
    settled_ms = 0
    for _ in range(50):
        await on_call.wait(2, beats=False)
        if not settled_ms and _row_of(on_call, position).state == "sent":
            settled_ms = on_call.now_ms - since_ms
    assert settled_ms
    assert len(on_call.slack.posts_with_metadata(first.page_id)) == 1
    rang = [(at_ms - since_ms, who) for at_ms, who, _ in on_call.pages_rung()]
    if settled_ms < SECOND_WAY_MS:
        assert rang == [], "it was found at once: nobody is told twice"
    else:
        assert [who for _, who in rang] == [page]
        assert rang[0][0] <= SECOND_WAY_MS + 2_000
    assert (failure.endswith("taken") or failure == "reply lost") == (settled_ms < SECOND_WAY_MS)


@row("F9")
@pytest.mark.slow
async def test_a_message_that_arrives_late_on_the_real_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, past: Path
) -> None:
    """Slack hangs up, and takes the card three seconds later: one card, and one ring before it."""
    async with FakeHooks() as hooks:
        wait = "8s, second_way: 1s"
        async with living(past, tmp_path, within="1m", grace=wait, extra=ringing(monkeypatch, hooks)) as service:
            fault = service.slack.faults.add("chat.postMessage", "late", delay_s=3, hang_up=True)
            await send(service.service.base_url, burst(1))
            await service.slack.wait_for(lambda: hooks.taken, 20)
            assert service.slack.messages(CHANNEL) == [], "it rang before the card was there"
            fired(fault.fired)
            await service.slack.wait_for(lambda: service.slack.messages(CHANNEL), 10)
            await asyncio.sleep(6)
            assert len([message for message in service.slack.ledger.posts if not message.is_reply]) == 1
            assert [request.path for request in hooks.taken] == ["/ana"]


async def _up_to(on_call: Night, position: str) -> str:
    """All is well up to the message in question, which is wanted now; for whom."""
    if position == "mention":
        on_call.told("ana")
        await on_call.wait(1, beats=False)
        on_call.told("bram", kind="Escalate")
        return "bram"
    if position == "person":  # the channel is closed, so they are written to in person
        on_call.slack.workspace.channels[CHANNEL].is_archived = True
    on_call.told("ana")
    if position == "person":
        on_call.slack.faults.add("chat.postMessage", "ok_false:is_archived")
    return "ana"


def _row_of(on_call: Night, position: str) -> OutboxRow:
    kind = {"card": "card", "mention": "mention", "person": "page"}[position]
    return next(one for one in on_call.rows() if one.kind == kind and one.way == "slack")


@row("F9")
@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
async def test_an_edit_that_nobody_knows_of_is_done_again_and_posts_nothing(on_call: Night, failure: str) -> None:
    on_call.told("ana")
    await on_call.wait(1, beats=False)
    (card,) = on_call.posts()
    fault = on_call.slack.faults.add("chat.update", **FAILURES[failure])  # type: ignore[arg-type]
    on_call.acknowledged()
    await on_call.wait(30, beats=False)
    assert fault.fired == 1
    fired(fault.fired)
    assert "Acknowledged by Ana Diaz" in str(card.blocks)
    assert len(on_call.slack.ledger.posts) == 1
    assert on_call.pages_rung() == []
    assert on_call.asked("chat.update") == 2, "tried again once, and then left alone"


# ---- F10: refused for good


def _archived(on_call: Night) -> None:
    on_call.slack.workspace.channels[CHANNEL].is_archived = True


def _never_joined(on_call: Night) -> None:
    on_call.slack.workspace.channels[CHANNEL].is_member = False


def _not_there(on_call: Night) -> None:
    del on_call.slack.workspace.channels[CHANNEL]


def _may_not_write(on_call: Night) -> None:
    on_call.slack.api.granted.discard("chat:write")


def _token_revoked(on_call: Night) -> None:
    on_call.slack.api.bot_token = "xoxb-another"


REFUSALS = {
    "is_archived": _archived,
    "not_in_channel": _never_joined,
    "channel_not_found": _not_there,
    "missing_scope": _may_not_write,
    "invalid_auth": _token_revoked,
}
IN_PERSON = ("is_archived", "not_in_channel", "channel_not_found")
"""What is wrong with one channel: the same person is written to."""


@row("F10")
@pytest.mark.parametrize("word", REFUSALS)
async def test_what_slack_refuses_for_good_is_not_tried_again_and_goes_another_way(on_call: Night, word: str) -> None:
    """Within a minute, to the same person; whoever runs it is told by which word of Slack's."""
    REFUSALS[word](on_call)
    on_call.told("ana")
    with structlog.testing.capture_logs() as logs:
        await on_call.wait(60)
    refused = [one for one in on_call.slack.requests("chat.postMessage") if one.outcome == f"error:{word}"]
    fired(len(refused))
    if word in IN_PERSON:
        assert [message.channel for message in on_call.posts()] == ["D0ANA"]
        assert on_call.rang == []
    else:
        assert [who for _, who, _ in on_call.pages_rung()] == ["ana"]
        assert on_call.posts() == []
    asked = on_call.asked()
    assert asked == len(refused) + len(on_call.posts())
    assert len(refused) == 1, "no storm of attempts"
    await on_call.wait(540, every_s=30)
    assert on_call.asked() == asked, "nor later"
    _operators_were_told(on_call, logs, word)


def _operators_were_told(on_call: Night, logs: list[Any], word: str) -> None:
    assert [one["detail"] for one in logs if one.get("became") == "refused"] == [word]
    assert f"Slack: pages were refused: 1 time, last 599 s ago ({word})" in on_call.works.troubles.words()
    shown = generate_latest(on_call.works.metrics.registry).decode()
    assert 'tocsin_way_troubles_total{became="refused",way="slack"} 1.0' in shown
    assert 'tocsin_delivery_reports_total{outcome="missed",way="slack"} 1.0' in shown


@row("F10")
@pytest.mark.slow
async def test_where_nothing_else_is_set_up_the_heartbeat_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, past: Path
) -> None:
    """The token is revoked and nobody has another way: the ladder is climbed at once; the last alarm is the silence."""
    async with night(tmp_path, monkeypatch, prepared=past, ringers=(), within="1m") as on_call:
        _token_revoked(on_call)
        page = await on_call.crisis(1)
        await on_call.wait(10)
        fired(on_call.asked())
        assert [d.targets for d in on_call.decided("Page", "Escalate")][:2] == [("ana",), ("bram",)]
        assert on_call.decided("Escalate")[0].at_ms - page.at_ms <= 10_000, "no rung is waited out for nobody"
        while on_call.now_ms < page.at_ms + 120_000 and not on_call.wrong():
            await on_call.wait(1)
        assert ["reached nobody" in one for one in on_call.wrong()] == [True]
        assert on_call.now_ms - page.at_ms <= 120_000
        assert on_call.asked() <= 8, "no storm of attempts"
        assert any("reached nobody" in one for one in on_call.works.troubles.words())
