"""A Slack that lives on the loopback: Web API, Socket Mode, signed clicks, faults, a ledger and a page.

In an asyncio test:

    async with FakeSlack(signing_secret="s") as slack:
        client = AsyncWebClient("xoxb-fake", base_url=slack.base_url, retry_handlers=[])
        await client.chat_postMessage(channel="C1", text="hello")
        assert [m.text for m in slack.messages("C1")] == ["hello"]

`FakeSlackThread` is the same server in a thread of its own, for tests that block or that kill the program under test.
By hand: `python -m tests.fakes.slack --port 8899`.
"""

from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.interactivity import ClickResult
from tests.fakes.slack.ledger import Ledger, Message, RequestRecord
from tests.fakes.slack.mrkdwn import active_parts
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.thread import FakeSlackThread
from tests.fakes.slack.workspace import Channel, User, UserGroup, Workspace

__all__ = [
    "Channel",
    "ClickResult",
    "FakeSlack",
    "FakeSlackThread",
    "Fault",
    "Faults",
    "Ledger",
    "Message",
    "RequestRecord",
    "User",
    "UserGroup",
    "Workspace",
    "active_parts",
]
