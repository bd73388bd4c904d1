"""EDGE. The test page of `tocsin slack check --send-test`: posted, and pressed by whoever reads it."""

import asyncio
import time
from typing import Any, Literal, NamedTuple

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.outbox import page_id
from alerting.delivery.slack import SlackWay, mention_of
from alerting.delivery.ways import Message
from alerting.flowchart.model import Chart
from alerting.inert import one_line

Level = Literal["fine", "problem", "note"]
PRESS_ACTION = "tocsin.test"
TEST_WORDS = "TEST of Tocsin: nothing has happened and nobody needs to act. If you can read this, pages reach you here."


_NOT_SENT = {
    "permanent": "Slack refuses it",
    "not_sent": "Slack did not take it, and may later",
    "unknown": "Slack's answer was lost, and nobody knows whether it arrived",
}


class Finding(NamedTuple):
    """One thing that was looked at: what is so, and what to do about it."""

    level: Level
    what: str
    advice: str = ""


class Trial(NamedTuple):
    """What `--send-test` is to do: the responders named, and for how long a press is waited for (0: not at all)."""

    to: tuple[str, ...] = ()
    wait_s: int = 0


async def send_test(
    client: AsyncWebClient, channel: str, chart: Chart, trial: Trial, app: AsyncWebClient | None
) -> list[Finding]:
    """Post to the channel of the cards, and to each responder named; then wait for a press, if asked to."""
    found: list[Finding] = []
    way, at_ms = SlackWay(client), time.time_ns() // 1_000_000
    async with _Presses(app if trial.wait_s else None) as presses:
        for who in ("", *trial.to):
            responder = chart.responders.get(who)
            to = channel if not who else (responder.slack or "") if responder is not None else ""
            what = who or "the channel of the cards"
            if not to:
                said = "is no responder of the flowchart" if responder is None else "has no Slack address"
                advice = f"allowed: {', '.join(one for one, known in chart.responders.items() if known.slack)}"
                found.append(Finding("problem", f"no test page: {one_line(who, 60)} {said}", advice))
                continue
            group = mention_of(to) if mention_of(to).startswith("<!subteam") else ""
            outcome = await way.post(_test_message(channel if group else to, f"{at_ms}/{to}", group))
            if outcome.kind == "sent":
                found.append(Finding("fine", f"a test page went to {what}"))
            else:
                found.append(
                    Finding("problem", f"no test page to {what}: {_NOT_SENT[outcome.kind]} ({outcome.detail})")
                )
        if trial.wait_s and app is not None and any(one.level == "fine" for one in found):
            found.append(await _pressed(presses, trial.wait_s))
    return found


def _test_message(to: str, key: str, mention: str) -> Message:
    text = f"{mention} {TEST_WORDS}".strip()
    button = {
        "type": "button",
        "action_id": PRESS_ACTION,
        "text": {"type": "plain_text", "text": "I can read this", "emoji": False},
        "value": "test",
    }
    said: dict[str, Any] = {"type": "mrkdwn", "text": text, "verbatim": True}
    header = {"type": "plain_text", "text": "TEST · Tocsin", "emoji": False}
    blocks = (
        {"type": "header", "text": header},
        {"type": "section", "text": said},
        {"type": "actions", "elements": [button]},
    )
    return Message(
        page_id=page_id(f"test/{key}", "slack", to), incident="test", kind="page", to=to, text=text, blocks=blocks
    )


async def _pressed(presses: "_Presses", wait_s: int) -> Finding:
    try:
        who = await asyncio.wait_for(presses.first, wait_s)
    except TimeoutError:
        advice = "press it again while `tocsin run` is stopped: a running service may have taken the press"
        return Finding("problem", f"nobody pressed the button within {wait_s} s, or the press did not arrive", advice)
    return Finding("fine", f"the button was pressed by {one_line(who, 40)}: clicks come back")


class _Presses:
    """A socket that waits for one press on a test page; without an app token, nothing."""

    def __init__(self, app: AsyncWebClient | None) -> None:
        self._app = app
        self._client: SocketModeClient | None = None

    async def __aenter__(self) -> "_Presses":
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._app is not None:
            self._client = SocketModeClient(str(self._app.token), web_client=self._app)
            if self._app.proxy is None:
                self._client.proxy = None
            self._client.socket_mode_request_listeners.append(self._take)
            await self._client.connect()  # type: ignore[no-untyped-call]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def _take(self, client: Any, request: Any) -> None:
        await client.send_socket_mode_response({"envelope_id": request.envelope_id})
        payload = request.payload if isinstance(request.payload, dict) else {}
        ours = any(one.get("action_id") == PRESS_ACTION for one in payload.get("actions") or [])
        if ours and not self.first.done():
            user = payload.get("user") or {}
            self.first.set_result(str(user.get("name") or user.get("id") or "somebody"))
