"""What the tests of the fake Slack share: a client of the SDK, a card, a small app that verifies signatures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack

SECRET = "a-signing-secret"


def client(slack: FakeSlack, token: str = "xoxb-fake", **options: Any) -> AsyncWebClient:
    how: dict[str, Any] = {"retry_handlers": [], "timeout": 2} | options
    return AsyncWebClient(token, base_url=slack.base_url, **how)


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def card(*action_ids: str) -> list[dict[str, Any]]:
    buttons = [
        {"type": "button", "action_id": a, "value": f"v-{a}", "text": {"type": "plain_text", "text": a}}
        for a in action_ids
    ]
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Acme*"}},
        {"type": "actions", "block_id": "answers", "elements": buttons},
    ]


async def post_card(slack: FakeSlack, *action_ids: str) -> str:
    answer = await client(slack).chat_postMessage(channel="C1", text="card", blocks=card(*action_ids))
    return str(answer["ts"])


def one_button(**change: Any) -> list[dict[str, Any]]:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "ok"}} | change
    return [{"type": "actions", "elements": [button]}]


async def succeeds(call: Awaitable[Any]) -> bool:
    try:
        await call
    except SlackApiError:
        return False
    return True


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def app_at(answer: Answering) -> AsyncIterator[str]:
    """A small app that takes interactivity."""
    app = web.Application()
    app.router.add_post("/slack/interactive", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/interactive"
    finally:
        await runner.cleanup()


class Verifying:
    """Checks signatures with the SDK's verifier, as an app does, and keeps what it accepted."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            valid = SignatureVerifier(SECRET).is_valid_request(body, dict(request.headers))
        except ValueError:  # the verifier raises on a timestamp that is no number
            valid = False
        if not valid:
            return web.Response(status=401)
        self.bodies.append(body)
        return web.Response(text="")

    def payload(self, index: int = -1) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(parse_qs(self.bodies[index].decode())["payload"][0])
        return loaded


async def fetch(address: str, **options: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(**({"method": "GET", "url": address} | options)) as got,
    ):
        return got.status, await got.text()
