"""More comes in than can be judged: senders wait, the lag is told, and an acknowledgement is still taken at once."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.acceptance.living import SOURCE, Living, body_of, burst, living, send, signed
from tests.faults.rows import fired, row
from tests.faults.slow_scorer import SlowScorer

SEED = 20_270
pytestmark = pytest.mark.slow


async def gauge(service: Living, name: str) -> float:
    """A metric, asked over HTTP."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        text = (await client.get(f"{service.service.base_url}/metrics")).text
    return float(next(line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")))


@row("F30", "F12")
async def test_a_core_that_cannot_keep_up_takes_an_acknowledgement_at_once(
    past: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each post costs 30 ms and they come ten times as quickly; Slack answers nothing. A click is durable and answered
    within a second, the lag is a metric, and nobody is woken after it.
    """
    extra = "scorers: [tests.faults.slow_scorer:SlowScorer]\n"
    async with living(past, tmp_path, within="20s", extra=extra) as service:
        card = await service.crisis(1)
        service.slack.faults.add("*", "timeout", None)
        monkeypatch.setattr(SlowScorer, "pause_s", 0.03)
        asked = SlowScorer.asked
        await send(service.service.base_url, burst(2, posts=300))
        await asyncio.sleep(4)
        took_s = []
        for who in ("ana", "bram", "ana", "chloe", "bram", "ana", "bram", "chloe"):
            began = time.monotonic()
            assert await service.press(card, "acknowledge", who, stale=True)
            took_s.append(time.monotonic() - began)
        assert max(took_s) <= 1.0, took_s
        assert SlowScorer.asked > asked + 50
        assert await gauge(service, "tocsin_core_behind_seconds") >= 2
        fired(SlowScorer.asked - asked)
        monkeypatch.setattr(SlowScorer, "pause_s", 0.0)
        service.slack.faults.clear()
        await service.slack.wait_for(lambda: service.answers() == ["acknowledge"], 20)
        await asyncio.sleep(2)
        assert len(service.decisions("Page", "Escalate")) == 1


@row("F30")
async def test_a_sender_that_is_too_quick_is_told_to_wait(past: Path, tmp_path: Path) -> None:
    """Ten times what it may send: 429 with the seconds to wait; what was taken is there, what was not is not."""
    async with living(past, tmp_path, rate="100") as service:
        rows = [one for one in burst(3, posts=600) if one["author"] != "tulpatel"] * 8
        accepted = refused = 0
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            for number in range(0, len(rows), 200):
                body = body_of(rows[number : number + 200])
                url = f"{service.service.base_url}/ingest/{SOURCE}"
                answer = await client.post(
                    url, content=body, headers=signed(body, at_s=int(time.time()) - number // 200)
                )
                assert answer.status_code in (202, 429), answer.text
                accepted += answer.status_code == 202
                refused += answer.status_code == 429
                assert answer.status_code == 202 or int(answer.headers["Retry-After"]) >= 1
        assert accepted >= 1
        assert refused >= 1
        assert service.service.works.refused["rate"] == refused
        fired(refused)
