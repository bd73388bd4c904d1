"""The fake opens channels, checks scopes and takes uploads as Slack does."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack


def client_of(slack: FakeSlack) -> AsyncWebClient:
    """A client that tries once."""
    return AsyncWebClient("xoxb-fake", base_url=slack.base_url, retry_handlers=[])


async def word(call: object) -> str:
    """Slack's refusal of a call."""
    with pytest.raises(SlackApiError) as caught:
        await call  # type: ignore[misc]
    return str(caught.value.response["error"])


async def test_a_channel_is_created_once_and_people_come_in() -> None:
    """The name is taken afterwards, by an archived channel too; one stranger keeps the others out without `force`."""
    async with FakeSlack() as slack:
        client = client_of(slack)
        made = (await client.conversations_create(name="crisis-acme-1"))["channel"]
        assert await word(client.conversations_create(name="crisis-acme-1")) == "name_taken"
        assert await word(client.conversations_create(name="old-campaign")) == "name_taken"
        assert await word(client.conversations_create(name="Crisis!")) == "invalid_name_specials"
        assert await word(client.conversations_invite(channel=made["id"], users="U1,U404")) == "user_not_found"
        assert slack.workspace.channels[made["id"]].members == ["U0TOCSIN"]
        await client.conversations_invite(channel=made["id"], users="U1,U404", force=True)
        assert slack.workspace.channels[made["id"]].members == ["U0TOCSIN", "U1"]
        assert await word(client.conversations_invite(channel=made["id"], users="U1")) == "already_in_channel"
        topic = await client.conversations_setTopic(channel=made["id"], topic="acme-1")
        assert topic["channel"]["topic"]["value"] == "acme-1"
        sent = await client.chat_postMessage(channel=made["id"], text="hello")
        link = await client.chat_getPermalink(channel=made["id"], message_ts=sent["ts"])
        assert link["permalink"].endswith(f"/archives/{made['id']}/p{sent['ts'].replace('.', '')}")


async def test_each_answer_names_the_scopes_and_what_is_missing_is_refused() -> None:
    """The header is on every answer; a refusal says what is needed."""
    async with FakeSlack() as slack:
        client = client_of(slack)
        answer = await client.auth_test()
        assert "files:write" in answer.headers["x-oauth-scopes"].split(",")
        slack.api.granted.discard("channels:manage")
        with pytest.raises(SlackApiError) as caught:
            await client.conversations_create(name="crisis")
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "channels:manage"
        slack.api.granted.discard("im:history")
        direct = slack.workspace.direct("U1").id
        assert await word(client.conversations_history(channel=direct)) == "missing_scope"
        await client.conversations_history(channel="C1")


async def test_an_upload_can_be_struck_at_each_of_its_three_steps() -> None:
    """Address, bytes, completion: each fault fires."""
    async with FakeSlack() as slack:
        client = client_of(slack)
        for method in ("files.getUploadURLExternal", "files.upload", "files.completeUploadExternal"):
            fault = slack.faults.add(method, "http_503")
            with pytest.raises(Exception, match=r"503|upload|Failed|valid JSON|response"):
                await client.files_upload_v2(channel="C1", filename="a.png", content=b"123")
            assert fault.fired == 1
        assert slack.messages("C1") == []
        await client.files_upload_v2(channel="C1", filename="a.png", content=b"123")
        assert [m.files[0]["name"] for m in slack.messages("C1")] == ["a.png"]
