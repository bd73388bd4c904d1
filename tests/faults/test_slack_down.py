"""Slack is down for half an hour in the middle of a critical incident (row F11)."""

import asyncio
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from alerting.decision import Decision
from alerting.delivery import summary
from alerting.delivery.rows import OutboxRow
from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, burst, living, send
from tests.fakes.hooks import FakeHooks
from tests.faults.nights import SECOND_WAY_MS, Night, names, night, ringing
from tests.faults.rows import fired, row
from tocsin.entry import Answer
from tocsin.letterbox import post

SEED = 20_272
OUTAGE_S = 1_800
STEP_S = 5
BACK_S = 180
"""After so long all that was held up is told."""


def acknowledge(on_call: Night, incident: str, who: str) -> None:
    """What `tocsin ack` leaves for the service, now."""
    answer = Answer(f"ack-{on_call.now_ms}", lively.BRAND, incident, "acknowledge", who, on_call.now_ms)
    post(on_call.works.settings.data_path, answer)


def heard_after_ms(on_call: Night, decision: Decision) -> int:
    """How long after a decision one of its people was reached by a webhook."""
    ids = [one.page_id for one in on_call.rows(decision.incident) if one.key == decision.key]
    heard = [(at_ms, who) for at_ms, who, request in on_call.pages_rung() if request.json["page_id"] in ids]
    assert [who for _, who in heard] == list(decision.targets), decision.key
    return heard[0][0] - decision.at_ms


def told_once(on_call: Night, rows: list[OutboxRow]) -> None:
    """No page stands twice in Slack, nor rang twice."""
    there = [message.page_id for message in on_call.posts()]
    rang = [request.json["id"] for _, _, request in on_call.rang]
    assert len(there) == len(set(there))
    assert len(rang) == len(set(rang))
    assert {one.state for one in rows} <= {"sent", "cancelled"}, "nothing is left open"


@row("F11")
@pytest.mark.parametrize(
    ("outage", "acknowledged"),
    [
        pytest.param("http_503", True, marks=pytest.mark.proof),
        pytest.param("ok_false:service_unavailable", True, marks=pytest.mark.slow),
        pytest.param("http_503", False, marks=pytest.mark.slow),
        pytest.param("reset", False, marks=pytest.mark.proof),
        pytest.param("ok_false:service_unavailable", False, marks=pytest.mark.proof),
    ],
)
async def test_half_an_hour_without_slack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, past: Path, outage: str, acknowledged: bool
) -> None:
    """The ladder is climbed by the second way, within half a minute each time, and once somebody has it nobody else is
    woken. When Slack is back, the thread gets one message, the card is true again, and nothing else comes.
    """
    async with night(tmp_path, monkeypatch, prepared=past, within="5m") as on_call:
        page = await on_call.crisis(1)
        await on_call.wait(30)
        card = on_call.posts()[0]
        assert names(card) == ["ana"]
        fault = on_call.slack.faults.add("*", outage, None)
        down_ms = on_call.now_ms
        wrong = []
        while on_call.now_ms < down_ms + OUTAGE_S * 1000:
            await on_call.wait(STEP_S, every_s=STEP_S)
            wrong += on_call.wrong()
            if acknowledged and on_call.now_ms - down_ms == 720_000:
                acknowledge(on_call, page.incident, "bram")
        fired(fault.fired)
        rungs = on_call.decided("Escalate")
        assert [one.targets for one in rungs][:2] == [("bram",), ("chloe",)]
        for rung in rungs:
            assert heard_after_ms(on_call, rung) <= SECOND_WAY_MS + 2 * STEP_S * 1000
        assert wrong == [], "people are reached: the heartbeat goes on"
        assert on_call.asked() <= OUTAGE_S // 30 + 4, "a Slack that is down is not beaten on"
        assert [m.page_id for m in on_call.posts()] == [card.page_id]
        on_call.slack.faults.clear()
        await on_call.wait(BACK_S, every_s=2)
        _slack_is_told_once(on_call, page, acknowledged=acknowledged)
        if acknowledged:
            assert len(rungs) == 2, "nobody is woken after the acknowledgement"
            told = {who for _, who, request in on_call.rang if request.json["status"] == "acknowledged"}
            assert told == {"bram", "chloe"}, "by the way that they heard it"


def _slack_is_told_once(on_call: Night, page: Decision, *, acknowledged: bool) -> None:
    card, *after = on_call.posts()
    print([message.text for message in after])
    told_once(on_call, on_call.rows(page.incident))
    assert len(after) == 1
    assert after[0].thread_ts == card.ts
    assert after[0].text.count("While Slack could not be reached") == 1
    assert "Bram de Vries" in after[0].text
    assert ("Acknowledged by Bram de Vries" in str(card.blocks)) == acknowledged
    if acknowledged:
        assert names(after[0]) == []


async def ack(home: Path, incident: str, who: str) -> tuple[int, str]:
    """`tocsin ack`, as somebody types it: its exit code and what it says."""
    call = [sys.executable, "-c", "from tocsin.cli import main; main()", "ack", incident, "--who", who]
    pipe = asyncio.subprocess.PIPE
    ran = await asyncio.create_subprocess_exec(*call, cwd=home, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    said, _ = await ran.communicate()
    return ran.returncode or 0, said.decode()


def _at_least(hooks: FakeHooks, count: int) -> bool:
    return len(hooks.taken) >= count


@row("F11")
@pytest.mark.parametrize(
    ("down_s", "second_way_s", "rung_s"),
    [pytest.param(16, 2, 4, marks=pytest.mark.slow), pytest.param(90, 30, 40, marks=pytest.mark.proof)],
)
async def test_slack_is_down_on_the_real_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, past: Path, down_s: int, second_way_s: int, rung_s: int
) -> None:
    """Slack answers nothing from before the first page on. Two people are reached by the second way, one of them types
    that he has it; back again, Slack gets the card and one message, which name nobody.
    """
    monkeypatch.setattr(summary, "STALE_MS", second_way_s * 1000)  # as the outage, a part of what it is at night
    wait = f"2s, second_way: {second_way_s}s"
    async with FakeHooks() as hooks:
        extra = ringing(monkeypatch, hooks)
        async with living(past, tmp_path, within=f"{rung_s}s", grace=wait, extra=extra) as service:
            fault = service.slack.faults.add("*", "timeout", None)
            began = time.monotonic()
            await send(service.service.base_url, burst(1))
            for count, (kind, who) in enumerate((("Page", "ana"), ("Escalate", "bram")), 1):
                await service.slack.wait_for(partial(_at_least, hooks, count), second_way_s + rung_s + 20)
                heard_ms = service.service.works.clock() - service.decisions(kind)[0].at_ms
                assert hooks.taken[-1].path == f"/{who}"
                assert heard_ms <= second_way_s * 1000 + 4_000
            assert time.monotonic() - began <= 300, "a person is reached within five minutes"
            incident = service.decisions("Page")[0].incident
            status, said = await ack(tmp_path, incident, "nobody")
            assert (status, "as a responder of the flowchart" in said) == (2, True), said
            status, said = await ack(tmp_path, incident, "bram")
            assert (status, said.strip()) == (0, f"bram has {incident}; nobody else is woken.")
            rungs = len(service.decisions("Escalate"))
            await asyncio.sleep(max(0.0, began + down_s - time.monotonic()))
            fired(fault.fired)
            assert service.slack.messages() == []
            service.slack.faults.clear()
            await service.slack.wait_for(lambda: len(service.slack.messages(CHANNEL)) >= 2, 45)
            await asyncio.sleep(3)
            card, *after = [message for message in service.slack.ledger.posts if message.page_id]
            assert "Acknowledged by Bram de Vries" in str(card.blocks)
            assert ["While Slack could not be reached" in message.text for message in after] == [True]
            assert names(card) == names(after[0]) == []
            assert len(service.decisions("Escalate")) == rungs, "nobody is woken after the acknowledgement"
            assert (await ack(tmp_path, incident, "ana"))[1].strip() == f"bram has {incident} already."
