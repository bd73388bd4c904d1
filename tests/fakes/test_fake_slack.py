"""The fake's Web API answers as Slack does, checked with Slack's own client library."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.fakes.slack import FakeSlack
from tests.fakes.slack.__main__ import SHIPPED, staff
from tests.fakes.slack_helpers import (
    card,
    client,
    one_button,
    post_card,
    refusal,
)


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
        (one_button(text={"type": "plain_text", "text": "b" * 76}), "/blocks/0/elements/0/text/text"),
        (one_button(text={"type": "mrkdwn", "text": "b"}), "/blocks/0/elements/0/text/type"),
        (one_button(value="v" * 2001), "/blocks/0/elements/0/value"),
        (one_button(action_id="a" * 256), "/blocks/0/elements/0/action_id"),
        (one_button(style="green"), "/blocks/0/elements/0/style"),
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
        *one_button(text={"type": "plain_text", "text": "b" * 75}, value="v" * 2000, action_id="a" * 255),
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


async def test_by_hand_the_people_of_the_flowchart_work_here() -> None:
    """Whoever tries it with `make slack` can press the buttons as a responder of the shipped flowchart."""
    async with FakeSlack() as slack:
        staff(slack, SHIPPED)
        assert slack.workspace.users["U000CHLOE"].real_name == "Chloe Martin"
        assert slack.workspace.channel("#crisis-room") is not None
