"""Clicks reach an app as Slack's do: signed over HTTP, or through Socket Mode."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_helpers import (
    Verifying,
    app_at,
    card,
    client,
    post_card,
)


async def test_a_click_is_signed_as_slack_signs_and_shaped_as_slack_shapes_it(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "acknowledge")
        result = await slack.click(ts, "acknowledge", user="U2")
    assert (result.via, result.status, result.acked, result.error) == ("http", 200, True, None)
    sent = app.payload()
    assert (sent["type"], sent["user"]["id"], sent["channel"]["id"]) == ("block_actions", "U2", "C1")
    assert sent["container"] == {"type": "message", "message_ts": ts, "channel_id": "C1", "is_ephemeral": False}
    action = sent["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("acknowledge", "answers", "v-acknowledge")
    assert sent["message"]["blocks"][1]["elements"][0]["action_id"] == "acknowledge"


@pytest.mark.parametrize("how", ["secret", "body", "missing", "timestamp"])
async def test_a_forged_click_does_not_verify(slack: FakeSlack, how: str) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "a")
        result = await slack.forge_click(ts, "a", how=how)
    assert (result.status, result.acked, app.bodies) == (401, False, [])


async def test_an_old_signature_is_stale_and_a_replay_is_byte_for_byte_the_same(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "a")
        assert (await slack.click(ts, "a", age_s=301)).status == 401
        await slack.click(ts, "a")
        assert (await slack.replay_last_click()).status == 200
    assert len(app.bodies) == 2
    assert app.bodies[0] == app.bodies[1]


async def test_an_app_that_does_not_answer_in_time_or_at_all_is_seen_to_have_failed(slack: FakeSlack) -> None:
    ts = await post_card(slack, "a")
    slack.interactivity_url = "http://127.0.0.1:9/"
    assert (await slack.click(ts, "a")).error == "refused"

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    slack.interactivity.http_timeout_s = 0.1
    async with app_at(hang) as url:
        slack.interactivity_url = url
        result = await slack.click(ts, "a")
    assert (result.status, result.error, result.acked) == (None, "timeout", False)


async def test_nobody_can_press_a_button_that_is_not_there_except_in_a_stale_view(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "acknowledge")
        await client(slack).chat_update(channel="C1", ts=ts, text="done", blocks=card("resolve"))
        with pytest.raises(LookupError, match="resolve"):
            await slack.click(ts, "acknowledge")
        assert (await slack.click(ts, "acknowledge", stale=True)).status == 200
    assert app.payload()["actions"][0]["action_id"] == "acknowledge"


async def test_a_response_url_replaces_the_card_and_serves_five_times(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "a")
        await slack.click(ts, "a")
    address = app.payload()["response_url"]
    async with aiohttp.ClientSession() as session:
        answers = []
        for n in range(6):
            async with session.post(address, json={"text": f"r{n}", "replace_original": True}) as answer:
                answers.append((await answer.json())["ok"])
    assert answers == [True] * 5 + [False]
    assert [m.text for m in slack.messages("C1")] == ["r4"]


# -- Socket Mode -------------------------------------------------------------------------------------------------------


class SocketApp:
    """An app on the SDK's Socket Mode client; acknowledges unless told to be silent."""

    def __init__(self, slack: FakeSlack, *, silent: int = 0) -> None:
        self.slack = slack
        self.silent = silent
        self.seen: list[SocketModeRequest] = []
        self.client = SocketModeClient("xapp-fake", web_client=client(slack, "xoxb-fake"), ping_interval=0.2)
        self.client.socket_mode_request_listeners.append(self.on_request)

    async def on_request(self, to: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.seen.append(request)
        if self.silent > 0:
            self.silent -= 1
            return
        await to.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "got it"}))

    async def __aenter__(self) -> SocketApp:
        before = self.slack.sockets.opened
        await self.client.connect()  # type: ignore[no-untyped-call]
        await self.slack.wait_for(lambda: self.slack.sockets.opened > before)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()  # type: ignore[no-untyped-call]


async def test_a_click_reaches_the_app_through_socket_mode_and_its_ack_comes_back(slack: FakeSlack) -> None:
    ts = await post_card(slack, "acknowledge")
    async with SocketApp(slack) as app:
        result = await slack.click(ts, "acknowledge", via="socket")
    assert (result.acked, result.deliveries, result.body) == (True, 1, {"text": "got it"})
    assert (app.seen[0].type, app.seen[0].payload["actions"][0]["value"]) == ("interactive", "v-acknowledge")


async def test_the_hello_frame_and_the_one_time_address_are_slacks(slack: FakeSlack) -> None:
    address = (await client(slack).apps_connections_open(app_token="xapp-fake"))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
        hello = await ws.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert hello["connection_info"]["app_id"].startswith("A")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address)
    assert slack.sockets.refused == 1


async def test_an_unacknowledged_envelope_comes_again_under_its_id(slack: FakeSlack) -> None:
    ts = await post_card(slack, "a")
    async with SocketApp(slack, silent=1) as app:
        result = await slack.click(ts, "a", via="socket")
    assert (result.acked, result.deliveries) == (True, 2)
    assert app.seen[0].envelope_id == app.seen[1].envelope_id
    assert (app.seen[1].retry_attempt, app.seen[1].retry_reason) == (1, "timeout")


async def test_a_click_with_no_socket_waits_for_one_and_gives_up_in_the_end(slack: FakeSlack) -> None:
    ts = await post_card(slack, "a")
    assert (await slack.click(ts, "a", via="socket", timeout_s=0.1)).error == "timeout"
    clicking = asyncio.create_task(slack.click(ts, "a", via="socket"))
    await asyncio.sleep(0.05)
    assert not clicking.done()
    async with SocketApp(slack):
        assert (await clicking).acked


async def test_each_payload_goes_to_one_socket_and_moves_on_when_that_one_drops(slack: FakeSlack) -> None:
    slack.sockets.redeliver_s = 30
    ts = await post_card(slack, "a")
    async with SocketApp(slack, silent=99) as one, SocketApp(slack, silent=99) as two:
        clicking = asyncio.create_task(slack.click(ts, "a", via="socket"))
        await slack.wait_for(lambda: one.seen or two.seen)
        assert len(one.seen) + len(two.seen) == 1
        first, second = (one, two) if one.seen else (two, one)
        second.silent = 0
        envelope = next(iter(slack.sockets.envelopes.values()))
        slack.sockets.drop(only=envelope.sent[0])
        assert (await clicking).acked
        assert (len(first.seen), second.seen[0].retry_reason) == (1, "socket_closed")


async def test_sockets_told_to_refresh_come_back_and_keep_working(slack: FakeSlack) -> None:
    ts = await post_card(slack, "a")
    async with SocketApp(slack):
        assert await slack.disconnect_sockets("refresh_requested") == 1
        await slack.wait_for(lambda: slack.sockets.opened >= 2)
        assert (await slack.click(ts, "a", via="socket")).acked
        with pytest.raises(ValueError, match="no such reason"):
            await slack.disconnect_sockets("boredom")


async def test_a_warning_leaves_the_socket_open(slack: FakeSlack) -> None:
    address = (await client(slack).apps_connections_open(app_token="xapp-fake"))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
        await ws.receive_json()
        await slack.disconnect_sockets("warning")
        assert (await ws.receive_json())["reason"] == "warning"
        await ws.ping(b"still there")
        await slack.disconnect_sockets("link_disabled")
        assert (await ws.receive_json())["reason"] == "link_disabled"
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
