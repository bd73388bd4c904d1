"""Every fault the fake offers happens, is counted, and leaves accepted what it says it leaves accepted."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack, FakeSlackThread
from tests.fakes.slack_helpers import (
    SECRET,
    card,
    client,
    succeeds,
)


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
        return [await succeeds(api.chat_postMessage(channel="C3", text="x")) for _ in range(12)]

    first = await words(7)
    assert first == await words(7)
    assert len(set(first)) == 2
    slack.faults.clear()
    only = slack.faults.add("chat.postMessage", "http_500", match=lambda p: p["channel"] == "C2")
    second = slack.faults.add("users.info", "http_500", skip=1)
    api = client(slack)
    assert await succeeds(api.chat_postMessage(channel="C1", text="x"))
    assert not await succeeds(api.chat_postMessage(channel="C2", text="x"))
    assert [await succeeds(api.users_info(user="U1")) for _ in range(3)] == [True, False, True]
    assert (only.fired, second.fired) == (1, 1)
    with pytest.raises(ValueError, match="no such fault"):
        slack.faults.add("chat.postMessage", "gremlin")


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
