"""The fake Slack keeps Slack's promises, checked with Slack's own client library; and every fault it offers happens."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack, FakeSlackThread, active_parts
from tests.fakes.slack.sample import SAMPLE_BLOCKS, put_sample

SECRET = "a-signing-secret"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SECRET, socket_redeliver_s=0.2) as running:
        yield running


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


# -- Web API -----------------------------------------------------------------------------------------------------------


async def test_a_post_is_accepted_with_slacks_answer_and_kept_in_the_ledger(slack: FakeSlack) -> None:
    answer = await client(slack).chat_postMessage(
        channel="#crisis", text="hello", metadata={"event_type": "page", "event_payload": {"page_id": "p1"}}
    )
    assert (answer["ok"], answer["channel"], answer["message"]["type"]) == (True, "C1", "message")
    assert [m.text for m in slack.messages("crisis")] == ["hello"]
    assert [m.ts for m in slack.posts_with_metadata("p1")] == [answer["ts"]]
    record = slack.requests("chat.postMessage")[0]
    assert (record.outcome, record.accepted_ts, record.token_ok) == ("ok", answer["ts"], True)


async def test_ts_never_repeats_nor_goes_back_even_when_the_clock_does() -> None:
    times = iter([50.0, 50.0, 20.0] + [10.0] * 100)
    async with FakeSlack(clock=lambda: next(times)) as slack:
        stamps = [slack.ledger.next_ts() for _ in range(20)]
    assert stamps == sorted(set(stamps))
    assert stamps[0] == "50.000000"


async def test_tokens_are_checked_and_never_kept(slack: FakeSlack) -> None:
    assert await refusal(client(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
    assert await refusal(client(slack, "xapp-fake").auth_test()) == "not_allowed_token_type"
    assert await refusal(client(slack).apps_connections_open(app_token="xoxb-fake")) == "not_allowed_token_type"
    async with aiohttp.ClientSession() as session, session.post(slack.base_url + "auth.test") as bare:
        assert (await bare.json()) == {"ok": False, "error": "not_authed"}
    async with aiohttp.ClientSession() as session:
        await session.post(slack.base_url + "auth.test", data={"token": "xoxb-fake"})
    assert "xoxb-" not in repr(slack.requests())
    assert [r.token_ok for r in slack.requests()] == [False, False, False, False, True]
    assert (await client(slack).auth_test())["team_id"] == "T1"


async def test_a_json_body_is_read_like_a_form(slack: FakeSlack) -> None:
    headers = {"Authorization": "Bearer xoxb-fake"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(slack.base_url + "chat.postMessage", json={"channel": "C1", "text": "j"}) as answer,
    ):
        assert (await answer.json())["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"channel": "C999", "text": "x"}, "channel_not_found"),
        ({"channel": "C4", "text": "x"}, "not_in_channel"),
        ({"channel": "C5", "text": "x"}, "is_archived"),
        ({"channel": "C1", "text": ""}, "no_text"),
        ({"channel": "C1", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C1", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": "C1", "text": "x", "blocks": "[{"}, "invalid_blocks_format"),
        ({"channel": "C1", "text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_schema"),
        (
            {"channel": "C1", "text": "x", "metadata": {"event_type": "a", "event_payload": 3}},
            "invalid_metadata_schema",
        ),
    ],
)
async def test_a_post_slack_would_refuse_is_refused_in_slacks_words(
    slack: FakeSlack, arguments: dict[str, Any], word: str
) -> None:
    assert await refusal(client(slack).api_call("chat.postMessage", json=arguments)) == word
    assert slack.messages() == []
    assert slack.requests()[-1].outcome == f"error:{word}"


def _button(**change: Any) -> list[dict[str, Any]]:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "ok"}} | change
    return [{"type": "actions", "elements": [button]}]


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([{"type": "divider"}] * 51, "/blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}], "/blocks/0/text/text"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "h"}}], "/blocks/0/text/type"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "s" * 3001}}], "/blocks/0/text/text"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "/blocks/0/text/text"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "f"}] * 11}], "/blocks/0/fields"),
        ([{"type": "context", "elements": []}], "/blocks/0/elements"),
        (_button(text={"type": "plain_text", "text": "b" * 76}), "/blocks/0/elements/0/text/text"),
        (_button(text={"type": "mrkdwn", "text": "b"}), "/blocks/0/elements/0/text/type"),
        (_button(value="v" * 2001), "/blocks/0/elements/0/value"),
        (_button(action_id="a" * 256), "/blocks/0/elements/0/action_id"),
        (_button(style="green"), "/blocks/0/elements/0/style"),
        (card("same", "same"), "/blocks/1/elements/1/action_id"),
        ([{"type": "divider", "block_id": "x"}] * 2, "/blocks/1/block_id"),
        ([{"type": "marquee"}], "/blocks/0/type"),
    ],
)
async def test_blocks_beyond_slacks_limits_are_refused_with_a_pointer(
    slack: FakeSlack, blocks: list[dict[str, Any]], pointer: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client(slack).chat_postMessage(channel="C1", text="x", blocks=blocks)
    assert caught.value.response["error"] == "invalid_blocks"
    assert any(f"[json-pointer:{pointer}]" in e for e in caught.value.response["errors"])


async def test_blocks_at_the_limits_are_accepted(slack: FakeSlack) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": "h" * 150}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "s" * 3000}},
        *_button(text={"type": "plain_text", "text": "b" * 75}, value="v" * 2000, action_id="a" * 255),
        *[{"type": "divider"}] * 47,
    ]
    assert (await client(slack).chat_postMessage(channel="C1", text="x", blocks=blocks))["ok"] is True


async def test_an_update_edits_in_place_and_text_alone_takes_the_blocks_away(slack: FakeSlack) -> None:
    ts = await post_card(slack, "acknowledge")
    await client(slack).chat_update(channel="C1", ts=ts, text="new", blocks=card("resolve"))
    message = slack.messages("C1")[0]
    assert (message.text, message.edits[0].text) == ("new", "card")
    assert message.blocks[1]["elements"][0]["action_id"] == "resolve"
    await client(slack).chat_update(channel="C1", ts=ts, text="only text")
    assert (message.blocks, len(message.edits), len(slack.messages("C1"))) == ([], 2, 1)


async def test_an_update_keeps_metadata_unless_given(slack: FakeSlack) -> None:
    metadata = {"event_type": "page", "event_payload": {"page_id": "p1"}}
    posted = await client(slack).chat_postMessage(channel="C1", text="x", metadata=metadata)
    await client(slack).chat_update(channel="C1", ts=posted["ts"], text="y")
    assert slack.messages("C1")[0].metadata == metadata


async def test_only_ones_own_messages_can_be_updated_or_deleted(slack: FakeSlack) -> None:
    theirs = slack.say("C1", "I am a person").ts
    api = client(slack)
    assert await refusal(api.chat_update(channel="C1", ts=theirs, text="x")) == "cant_update_message"
    assert await refusal(api.chat_delete(channel="C1", ts=theirs)) == "cant_delete_message"
    assert await refusal(api.chat_update(channel="C1", ts="1.000001", text="x")) == "message_not_found"
    mine = await post_card(slack, "a")
    assert await refusal(api.chat_update(channel="C1", ts=mine, text="x" * 4_001)) == "msg_too_long"
    await api.chat_delete(channel="C1", ts=mine)
    assert [m.ts for m in slack.messages("C1")] == [theirs]


async def test_history_shows_metadata_only_when_asked_newest_first_in_pages(slack: FakeSlack) -> None:
    api = client(slack)
    for n in range(5):
        await api.chat_postMessage(
            channel="C1", text=str(n), metadata={"event_type": "page", "event_payload": {"page_id": f"p{n}"}}
        )
    seen: list[str] = []
    async for page in await api.conversations_history(channel="C1", limit=2, include_all_metadata=True):
        seen += [m["metadata"]["event_payload"]["page_id"] for m in page["messages"]]
    assert seen == ["p4", "p3", "p2", "p1", "p0"]
    bare = await api.conversations_history(channel="C1")
    assert not any("metadata" in m for m in bare["messages"])


async def test_history_ranges_leave_their_ends_out_unless_inclusive(slack: FakeSlack) -> None:
    api = client(slack)
    stamps = [(await api.chat_postMessage(channel="C1", text=str(n)))["ts"] for n in range(4)]

    async def texts(**options: Any) -> list[str]:
        return [m["text"] for m in (await api.conversations_history(channel="C1", **options))["messages"]]

    assert await texts(oldest=stamps[1]) == ["3", "2"]
    assert await texts(oldest=stamps[1], latest=stamps[2], inclusive=True) == ["2", "1"]
    assert await refusal(api.conversations_history(channel="C4")) == "not_in_channel"


async def test_replies_belong_to_their_thread_and_not_to_the_channels_history(slack: FakeSlack) -> None:
    api = client(slack)
    ts = await post_card(slack, "a")
    await api.chat_postMessage(channel="C1", text="one", thread_ts=ts)
    await api.chat_postMessage(channel="C1", text="two", thread_ts=ts)
    history = (await api.conversations_history(channel="C1"))["messages"]
    assert [(m["ts"], m["reply_count"]) for m in history] == [(ts, 2)]
    thread = (await api.conversations_replies(channel="C1", ts=ts))["messages"]
    assert [m["text"] for m in thread] == ["card", "one", "two"]
    assert [m.text for m in slack.messages("C1", thread=ts)] == ["one", "two"]


async def test_people_groups_and_channels_can_be_looked_up(slack: FakeSlack) -> None:
    api = client(slack)
    assert (await api.users_lookupByEmail(email="ana@example.com"))["user"]["id"] == "U1"
    assert await refusal(api.users_lookupByEmail(email="nobody@example.com")) == "users_not_found"
    assert (await api.users_info(user="U2"))["user"]["real_name"] == "Bram de Vries"
    assert await refusal(api.users_info(user="U999")) == "user_not_found"
    assert {"U1", "U2", "U3"} <= {u["id"] for u in (await api.users_list())["members"]}
    group = (await api.usergroups_list(include_users=True))["usergroups"][0]
    assert (group["handle"], group["users"]) == ("pr-oncall", ["U1", "U2"])
    names = [c["name"] for c in (await api.conversations_list(exclude_archived=True))["channels"]]
    assert names == ["crisis", "ops", "drills", "not-invited"]
    assert (await api.conversations_info(channel="C5"))["channel"]["is_archived"] is True
    assert await refusal(api.api_call("no.such")) == "unknown_method"


async def test_a_direct_message_opens_by_user_id(slack: FakeSlack) -> None:
    api = client(slack)
    opened = (await api.conversations_open(users="U2"))["channel"]["id"]
    posted = await api.chat_postMessage(channel="U2", text="wake up")
    assert posted["channel"] == opened
    assert [m.text for m in slack.messages(opened)] == ["wake up"]


async def test_an_ephemeral_message_is_seen_by_one_person_and_by_no_history(slack: FakeSlack) -> None:
    api = client(slack)
    await api.chat_postEphemeral(channel="C1", user="U2", text="Ana has it")
    assert slack.ledger.posts[0].ephemeral_to == "U2"
    assert (await api.conversations_history(channel="C1"))["messages"] == []


async def test_a_file_goes_up_in_three_steps_and_shows_in_the_channel(slack: FakeSlack) -> None:
    answer = await client(slack).files_upload_v2(
        channel="C1", content="minute,count\n1,2\n", filename="chart.csv", title="Chart", initial_comment="see"
    )
    assert answer["file"]["title"] == "Chart"
    message = slack.messages("C1")[0]
    assert (message.text, message.files[0]["name"]) == ("see", "chart.csv")
    assert slack.api.files.by_id[message.files[0]["id"]].data == b"minute,count\n1,2\n"
    unsent = await client(slack).files_getUploadURLExternal(filename="x", length=3)
    completion = client(slack).files_completeUploadExternal(files=[{"id": unsent["file_id"]}], channel_id="C1")
    assert await refusal(completion) == "file_not_found"


async def test_a_view_opens_once_per_trigger(slack: FakeSlack) -> None:
    api, view = client(slack), {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    trigger = slack.api.views.new_trigger()
    assert (await api.views_open(trigger_id=trigger, view=view))["view"]["type"] == "modal"
    assert await refusal(api.views_open(trigger_id=trigger, view=view)) == "exchanged_trigger_id"
    await api.views_publish(user_id="U1", view={"type": "home", "blocks": []})
    assert list(slack.api.views.home) == ["U1"]


async def test_the_channels_own_limit_can_be_switched_on() -> None:
    async with FakeSlack(posts_per_second=1.0) as slack:
        api = client(slack)
        await api.chat_postMessage(channel="C1", text="1")
        with pytest.raises(SlackApiError) as caught:
            await api.chat_postMessage(channel="C1", text="2")
        assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
        await api.chat_postMessage(channel="C2", text="another channel")


# -- Faults ------------------------------------------------------------------------------------------------------------


async def test_a_429_carries_retry_after_and_accepts_nothing(slack: FakeSlack) -> None:
    fault = slack.faults.add("chat.postMessage", "ratelimited", retry_after_s=30)
    with pytest.raises(SlackApiError) as caught:
        await client(slack).chat_postMessage(channel="C1", text="x")
    response = caught.value.response
    assert (response.status_code, response.headers["Retry-After"], response["error"]) == (429, "30", "ratelimited")
    assert (fault.fired, slack.messages("C1")) == (1, [])
    await client(slack).chat_postMessage(channel="C1", text="x")
    assert fault.fired == 1


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [("http_500", 500, None), ("http_503", 503, None), ("ok_false:fatal_error", 200, "fatal_error")],
)
async def test_an_error_answer_may_hide_an_accepted_post(
    slack: FakeSlack, kind: str, status: int, word: str | None, accept: bool
) -> None:
    fault = slack.faults.add("chat.postMessage", kind, accept=accept)
    with pytest.raises(SlackApiError) as caught:
        await client(slack).chat_postMessage(channel="C1", text="x")
    assert (caught.value.response.status_code, caught.value.response.get("error")) == (status, word)
    assert (fault.fired, len(slack.messages("C1"))) == (1, int(accept))
    assert slack.requests()[-1].outcome == (f"fault:{kind}+accepted:ok" if accept else f"fault:{kind}")


@pytest.mark.parametrize("accept", [False, True])
async def test_a_timeout_never_answers(slack: FakeSlack, accept: bool) -> None:
    fault = slack.faults.add("chat.postMessage", "timeout", accept=accept)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as session:
        with pytest.raises(asyncio.TimeoutError):
            await client(slack, session=session).chat_postMessage(channel="C1", text="x")
    assert (fault.fired, len(slack.messages("C1"))) == (1, int(accept))


async def test_a_reset_comes_before_acceptance(slack: FakeSlack) -> None:
    fault = slack.faults.add("chat.postMessage", "reset")
    with pytest.raises(aiohttp.ClientOSError):
        await client(slack).chat_postMessage(channel="C1", text="x")
    assert (fault.fired, slack.messages("C1")) == (1, [])


@pytest.mark.parametrize("reset", [False, True])
async def test_the_sdks_own_retry_posts_twice_when_a_reply_is_lost_and_without_it_there_is_one(
    slack: FakeSlack, reset: bool
) -> None:
    fault = slack.faults.add("chat.postMessage", "lost_reply", reset=reset)
    answer = await AsyncWebClient("xoxb-fake", base_url=slack.base_url).chat_postMessage(channel="C1", text="trap")
    assert answer["ok"] is True
    assert (fault.fired, [m.text for m in slack.messages("C1")]) == (1, ["trap", "trap"])

    fault = slack.faults.add("chat.postMessage", "lost_reply", reset=reset)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client(slack).chat_postMessage(channel="C2", text="once")
    assert (fault.fired, [m.text for m in slack.messages("C2")]) == (1, ["once"])
    assert slack.requests()[-1].outcome == "fault:lost_reply+accepted:ok"


async def test_a_late_post_arrives_after_its_sender_gave_up(slack: FakeSlack) -> None:
    fault = slack.faults.add("chat.postMessage", "late", delay_s=0.3, hang_up=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client(slack).chat_postMessage(channel="C1", text="late")
    assert slack.messages("C1") == []
    await slack.wait_for(lambda: slack.messages("C1"), 2)
    assert (fault.fired, slack.requests()[-1].outcome) == (1, "fault:late+accepted:ok")


async def test_a_slow_call_is_accepted_at_once_and_answered_later(slack: FakeSlack) -> None:
    slack.faults.add("chat.postMessage", "slow", delay_s=0.3)
    began = time.monotonic()
    sending = asyncio.create_task(client(slack).chat_postMessage(channel="C1", text="x"))
    await slack.wait_for(lambda: slack.messages("C1"), 1)
    assert not sending.done()
    assert (await sending)["ok"] is True
    assert time.monotonic() - began >= 0.3


async def test_a_lagging_history_hides_the_young_and_counts_it() -> None:
    now = [1_000.0]
    async with FakeSlack(clock=lambda: now[0]) as slack:
        api = client(slack)
        fault = slack.faults.add("conversations.*", "history_lag", delay_s=70)
        assert (await api.conversations_history(channel="C1"))["messages"] == []
        assert fault.fired == 0  # nothing was hidden, so it did not happen
        await api.chat_postMessage(channel="C1", text="x")
        assert (await api.conversations_history(channel="C1"))["messages"] == []
        now[0] += 71
        assert [m["text"] for m in (await api.conversations_history(channel="C1"))["messages"]] == ["x"]
        assert fault.fired == 1


async def test_faults_choose_their_calls_by_method_skip_match_and_seed(slack: FakeSlack) -> None:
    async def words(seed: int) -> list[bool]:
        slack.faults.clear()
        slack.faults.add("chat.*", "ok_false:internal_error", None, chance=0.5, seed=seed)
        api = client(slack)
        return [await _ok(api.chat_postMessage(channel="C3", text="x")) for _ in range(12)]

    first = await words(7)
    assert first == await words(7)
    assert len(set(first)) == 2
    slack.faults.clear()
    only = slack.faults.add("chat.postMessage", "http_500", match=lambda p: p["channel"] == "C2")
    second = slack.faults.add("users.info", "http_500", skip=1)
    api = client(slack)
    assert await _ok(api.chat_postMessage(channel="C1", text="x"))
    assert not await _ok(api.chat_postMessage(channel="C2", text="x"))
    assert [await _ok(api.users_info(user="U1")) for _ in range(3)] == [True, False, True]
    assert (only.fired, second.fired) == (1, 1)
    with pytest.raises(ValueError, match="no such fault"):
        slack.faults.add("chat.postMessage", "gremlin")


async def _ok(call: Awaitable[Any]) -> bool:
    try:
        await call
    except SlackApiError:
        return False
    return True


# -- Clicks over HTTP --------------------------------------------------------------------------------------------------

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


# -- Inert text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "active"),
    [
        ({"text": "<!channel> <!here> <!everyone>"}, ["<!channel>", "<!here>", "<!everyone>"]),
        ({"text": "<@U1> <#C1|crisis> <!subteam^S1>"}, ["<@U1>", "<#C1|crisis>", "<!subteam^S1>"]),
        ({"text": "see https://x.example/a?b"}, ["https://x.example/a?b"]),
        ({"text": "see https://x.example", "parse": "none"}, []),
        ({"text": "@channel #crisis"}, []),
        ({"text": "@channel #crisis", "parse": "full"}, ["@channel", "#crisis"]),
        ({"text": "&lt;!channel&gt; &amp;lt;"}, []),
        ({"text": "<script>"}, ["<script>"]),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "<!here> http://x.example"}}]}, []),
        (
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "http://x.example <!here>"}}]},
            ["http://x.example", "<!here>"],
        ),
        (
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "http://x.example", "verbatim": True}}]},
            [],
        ),
        ({"blocks": _button(url="https://x.example", value="<!here>")}, ["<https://x.example>"]),
        (
            {"blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "<http://x.example|y>"}]}]},
            ["<http://x.example|y>"],
        ),
        (
            {"blocks": [{"type": "rich_text", "elements": [{"type": "broadcast", "range": "channel"}]}]},
            ["<!channel>"],
        ),
        ({"attachments": [{"text": "<!here>", "title_link": "http://x.example"}]}, ["<!here>", "<http://x.example>"]),
    ],
)
def test_what_slack_would_make_active_is_found_and_nothing_else(message: dict[str, Any], active: list[str]) -> None:
    assert active_parts(message) == active


# -- The page ----------------------------------------------------------------------------------------------------------


async def fetch(address: str, **options: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(**({"method": "GET", "url": address} | options)) as got,
    ):
        return got.status, await got.text()


async def test_the_page_shows_the_card_and_hostile_words_stay_words(slack: FakeSlack) -> None:
    put_sample(slack)
    slack.say("C1", "<img src=x onerror=alert(1)> </script> \x00\x1b[31m \u202e &lt;b&gt;")
    slack.say("C1", '<javascript:alert(1)|free> <https://x.example/"onmouseover="a|gift>')
    status, html = await fetch(slack.page_url)
    assert status == 200
    assert html.count('data-action="acknowledge"') == 1
    assert "3 replies" in html
    assert "(edited)" in html
    assert "<img src=x" not in html
    assert "javascript:alert" not in html
    assert '"onmouseover="' not in html
    assert "&lt;b&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html


async def test_a_click_on_the_page_really_clicks_and_only_the_page_may(slack: FakeSlack) -> None:
    app = Verifying()
    async with app_at(app.take) as url:
        slack.interactivity_url = url
        ts = await post_card(slack, "acknowledge")
        asked = {"ts": ts, "action_id": "acknowledge", "user": "U3"}
        address = slack.page_url + "ui/click"
        assert (await fetch(address, method="POST", json=asked))[0] == 403
        assert app.bodies == []
        status, said = await fetch(address, method="POST", json=asked, headers={"X-Fake-Slack": "1"})
    assert (status, json.loads(said)["ok"]) == (200, True)
    assert app.payload()["user"]["id"] == "U3"
    assert (await fetch(slack.page_url, headers={"Host": "evil.example"}))[0] == 403


async def test_the_page_arms_and_clears_faults_and_redraws_only_when_something_changed(slack: FakeSlack) -> None:
    ours = {"method": "POST", "headers": {"X-Fake-Slack": "1"}}
    view = json.loads((await fetch(slack.page_url + "ui/view?channel=C2"))[1])
    assert (await fetch(slack.page_url + f"ui/view?channel=C2&rev={view['rev']}"))[0] == 204
    await fetch(slack.page_url + "ui/fault", json={"method": "chat.postMessage", "kind": "http_500"}, **ours)
    assert not await _ok(client(slack).chat_postMessage(channel="C2", text="x"))
    view = json.loads((await fetch(slack.page_url + f"ui/view?channel=C2&rev={view['rev']}"))[1])
    assert "1/1 fired" in view["panel"]
    await fetch(slack.page_url + "ui/fault", json={"clear": True}, **ours)
    assert slack.faults.all == []
    await fetch(slack.page_url + "ui/say", json={"channel": "C2", "text": "<!channel>", "user": "U1"}, **ours)
    assert active_parts(slack.messages("C2")[0]) == []


async def test_the_sample_card_is_one_that_slack_would_accept(slack: FakeSlack) -> None:
    posted = await client(slack).chat_postMessage(channel="C1", text="sample", blocks=SAMPLE_BLOCKS)
    assert posted["ok"] is True


# -- In a thread -------------------------------------------------------------------------------------------------------


def test_a_program_that_blocks_can_be_driven_from_another_thread() -> None:
    with FakeSlackThread(SECRET) as slack:
        api = WebClient("xoxb-fake", base_url=slack.base_url, retry_handlers=[])
        fault = slack.faults.add("chat.postMessage", "lost_reply")
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            api.chat_postMessage(channel="C1", text="x", blocks=card("a"))
        message = slack.wait_for(lambda: slack.messages("C1"))[0]
        assert (fault.fired, message.text) == (1, "x")
        slack.interactivity_url = "http://127.0.0.1:9/"
        assert slack.click(message, "a").error == "refused"
        with pytest.raises(TimeoutError, match=r"chat.postMessage=fault:lost_reply"):
            slack.wait_for(lambda: slack.messages("C2"), 0.05)
        page = slack.page_url
        with urllib.request.urlopen(page) as answer:
            assert answer.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page)


def test_the_synchronous_client_falls_into_the_same_trap() -> None:
    with FakeSlackThread() as slack:
        slack.faults.add("chat.postMessage", "lost_reply")
        WebClient("xoxb-fake", base_url=slack.base_url).chat_postMessage(channel="C1", text="trap")
        assert [m.text for m in slack.messages("C1")] == ["trap", "trap"]
