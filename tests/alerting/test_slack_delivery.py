"""Pages through Slack over real HTTP: once each, whatever Slack does, and hostile text stays text."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.ways import Address, Answered, Delivered, Message, Unreadable
from alerting.delivery.worker import Delivery
from alerting.view import ShownPost
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.mrkdwn import active_parts

TOKEN = "xoxb-fake"
PEOPLE = {
    "pr_oncall": [Address("pr_oncall", "slack", "C1"), Address("pr_oncall", "slack", "S1")],
    "head_of_pr": [Address("head_of_pr", "slack", "U2")],
    "by_name": [Address("by_name", "slack", "#ops")],
    "in_person": [Address("in_person", "slack", "U3")],
    "uninvited": [Address("uninvited", "slack", "C4")],
}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A Slack of our own."""
    async with FakeSlack(bot_token=TOKEN) as fake:
        yield fake


def message(number: int = 1, **changes: Any) -> Message:
    """A message with an id."""
    base: dict[str, Any] = {"page_id": f"p{number}", "incident": "acme-1", "kind": "card", "to": "C1", "text": "hello"}
    return Message(**(base | changes))


class Desk:
    """A delivery to the fake, on the real clock plus what a test adds."""

    def __init__(self, slack: FakeSlack, outbox: Outbox | None = None, timeout_ms: int = 1000) -> None:
        self.ahead_ms = 0
        self.reports: list[Delivered] = []
        self.quiet: set[str] = set()
        self.posts: dict[str, ShownPost] = {}
        self.number = 0
        self.outbox = outbox or Outbox(None)
        way = SlackWay(slack_client(TOKEN, slack.base_url, timeout_ms))
        self.delivery = Delivery(
            self.outbox,
            {"slack": way},
            lambda: time.time_ns() // 1_000_000 + self.ahead_ms,
            self._report,
            lambda names: self.posts,
            lambda who: PEOPLE.get(who, []),
            self.quiet.__contains__,
        )

    async def _report(self, report: Delivered) -> None:
        self.reports.append(report)

    def decide(self, kind: Any, *targets: str, **changes: Any) -> None:
        """A decision, taken in."""
        self.number += 1
        incident = changes.pop("incident", "acme-1")
        base: dict[str, Any] = {
            "key": f"{incident}/{self.number}/{kind}",
            "at_ms": 1_773_484_200_000,
            "brand": "acme",
            "kind": kind,
            "incident": incident,
            "scenario": "backlash",
            "severity": "high",
            "reason": "flowchart",
            "targets": targets,
        }
        self.delivery.take(Decision(**(base | changes)))

    async def wait(self, *seconds: int) -> None:
        """Look now, and again after each of these leaps."""
        for leap in (0, *seconds):
            self.ahead_ms += leap * 1000
            await self.delivery.step()


# ---- one call at a time


async def test_the_client_never_tries_again_by_itself(slack: FakeSlack) -> None:
    """slack_sdk's default posts twice when a reply is lost; ours leaves the doubt to the outbox."""
    careless = AsyncWebClient(token=TOKEN, base_url=slack.base_url)
    slack.faults.add("chat.postMessage", "lost_reply")
    await careless.chat_postMessage(channel="C2", text="x")
    assert len(slack.messages("C2")) == 2
    lost = slack.faults.add("chat.postMessage", "lost_reply")
    outcome = await SlackWay(slack_client(TOKEN, slack.base_url)).post(message())
    assert (outcome.kind, lost.fired, len(slack.messages("C1"))) == ("unknown", 1, 1)


@pytest.mark.parametrize(
    ("kind", "outcome", "detail"),
    [
        ("ratelimited", "not_sent", "ratelimited"),
        ("http_500", "unknown", "http_500"),
        ("http_503", "unknown", "http_503"),
        ("timeout", "unknown", "TimeoutError"),
        ("reset", "unknown", "ClientOSError"),
        ("lost_reply", "unknown", "ServerDisconnectedError"),
        ("ok_false:fatal_error", "unknown", "fatal_error"),
        ("ok_false:internal_error", "unknown", "internal_error"),
        ("ok_false:request_timeout", "unknown", "request_timeout"),
        ("ok_false:service_unavailable", "not_sent", "service_unavailable"),
        ("ok_false:invalid_auth", "permanent", "invalid_auth"),
        ("ok_false:channel_not_found", "permanent", "channel_not_found"),
        ("ok_false:restricted_action_read_only_channel", "permanent", "restricted_action_read_only_channel"),
        ("ok_false:a_word_of_next_year", "permanent", "a_word_of_next_year"),
    ],
)
async def test_each_failure_is_certain_final_or_unknown(slack: FakeSlack, kind: str, outcome: str, detail: str) -> None:
    """What may have worked is never called failed; what cannot work is never tried again."""
    fault = slack.faults.add("chat.postMessage", kind, retry_after_s=7)
    found = await SlackWay(slack_client(TOKEN, slack.base_url, 1000)).post(message())
    assert (found.kind, fault.fired) == (outcome, 1)
    assert found.detail == detail or detail.endswith("Error")
    assert found.retry_ms == (7000 if kind == "ratelimited" else 5000 if outcome == "not_sent" else 0)


async def test_a_slack_that_is_not_there_was_not_sent_to() -> None:
    """A connection refused is certain."""
    found = await SlackWay(slack_client(TOKEN, "http://127.0.0.1:1/api/")).post(message())
    assert found.kind == "not_sent"


async def test_a_wrong_token_is_final_and_never_shown(slack: FakeSlack) -> None:
    """The word is kept, the secret is not."""
    canary = "xoxb-canary-0123456789"
    found = await SlackWay(slack_client(canary, slack.base_url)).post(message())
    assert (found.kind, found.detail) == ("permanent", "invalid_auth")
    assert "canary" not in repr(found)


async def test_a_message_is_found_by_its_id_in_channel_thread_and_conversation(slack: FakeSlack) -> None:
    """Whatever place it was posted to, by id, by name or in person, past many others."""
    way = SlackWay(slack_client(TOKEN, slack.base_url))
    since = time.time_ns() // 1_000_000 - 1000
    card = await way.post(message(1))
    for n in range(450):
        slack.say("C1", f"chatter {n}")
    for number, changes in enumerate(({"thread": card.ts}, {"to": "U1"}, {"to": "#ops"}), 2):
        await way.post(message(number, **changes))
    reader = SlackWay(slack_client(TOKEN, slack.base_url))
    assert await reader.find(message(1), since) == type(card)("sent", "C1", card.ts, detail="found in the history")
    for number, changes in enumerate(({"thread": card.ts}, {"to": "U1"}, {"to": "#ops"}), 2):
        found = await reader.find(message(number, **changes), since)
        assert found is not None
        assert [m.ts for m in slack.posts_with_metadata(f"p{number}")] == [found.ts]
        assert await reader.find(message(99, **changes), since) is None


@pytest.mark.parametrize(
    ("kind", "permanent"),
    [("ok_false:missing_scope", True), ("ratelimited", False), ("http_500", False), ("reset", False)],
)
async def test_a_history_that_cannot_be_read_is_no_absence(slack: FakeSlack, kind: str, permanent: bool) -> None:
    """ "Not found" is said only after reading all of it."""
    slack.faults.add("conversations.history", kind, times=None)  # reading twice is allowed, and aiohttp may
    with pytest.raises(Unreadable) as caught:
        await SlackWay(slack_client(TOKEN, slack.base_url)).find(message(), 0)
    assert caught.value.permanent is permanent


# ---- the whole way


async def test_a_page_becomes_a_card_that_follows_the_incident(slack: FakeSlack) -> None:
    """Card, thread, edit in place; the page id is in the metadata, and nothing unfurls."""
    desk = Desk(slack)
    desk.decide("OpenIncident", reason="signals")
    desk.decide("Page", "pr_oncall", next_targets=("head_of_pr",), ack_by_ms=1_773_484_800_000)
    await desk.wait()
    desk.decide("Escalate", "head_of_pr", reason="not_acknowledged")
    await desk.wait()
    card, line = slack.messages("C1")
    assert card.page_id == desk.outbox.pages("acme-1")[0].page_id
    assert "<!subteam^S1>" in card.edits[0].text
    assert set(active_parts(card)) == {"<!subteam^S1>"}
    assert (line.thread_ts, line.reply_broadcast) == (card.ts, True)
    assert "<@U2>" in active_parts(line)
    asked = slack.requests("chat.postMessage")[0].body
    assert [asked[k] in (False, "0", "none") for k in ("unfurl_links", "unfurl_media", "link_names", "parse")] == [
        True
    ] * 4
    desk.delivery.answered(Answered("acme-1", "own", "ana"))
    await desk.wait()
    assert "Owned by ana" in str(card.blocks)
    assert active_parts(card) == []
    assert card.edits
    assert card.page_id == desk.outbox.pages("acme-1")[0].page_id
    assert [r.outcome for r in desk.reports] == ["sent", "sent"]


@pytest.mark.parametrize("kind", ["lost_reply", "timeout", "http_500", "reset", "ok_false:fatal_error"])
@pytest.mark.parametrize("accept", [True, False])
async def test_whether_or_not_slack_accepted_there_is_one_message(slack: FakeSlack, kind: str, accept: bool) -> None:
    """The doubt is settled by the channel: found, or sent again after the grace."""
    if kind == "lost_reply" and not accept:
        kind = "http_503"
    fault = slack.faults.add("chat.postMessage", kind, accept=accept)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.wait(3, 30, 27, 3)
    assert fault.fired == 1
    assert len(slack.messages("C1")) == 1
    assert len(slack.requests("chat.postMessage")) == (1 if accept else 2)
    said = [r.outcome for r in desk.reports]
    # Nobody has another way here: while the page is nowhere to be seen, the core goes on to the next.
    assert said == (["unknown", "sent"] if accept else ["unknown", "failed", "sent"])


async def test_a_history_that_lags_within_the_grace_doubles_nothing(slack: FakeSlack) -> None:
    """Slack shows the message two seconds late."""
    slack.faults.add("chat.postMessage", "lost_reply")
    lag = slack.faults.add("conversations.history", "history_lag", delay_s=0.4)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.wait(3)
    await asyncio.sleep(0.5)
    await desk.wait(3)
    assert lag.fired >= 1
    assert len(slack.messages("C1")) == 1
    assert desk.outbox.pages("acme-1")[0].state == "sent"


async def test_a_burst_against_limits_is_sent_gravest_first_each_once(slack: FakeSlack) -> None:
    """Thirty incidents, Retry-After now and then: none lost, none doubled, critical before the rest."""
    limits = slack.faults.add("chat.postMessage", "ratelimited", times=4, chance=0.3, seed=5, retry_after_s=2)
    desk = Desk(slack)
    for n in range(30):
        desk.decide("Page", "pr_oncall", incident=f"acme-{n}", severity="critical" if n in (11, 23) else "low")
    await desk.wait(2, 2, 2, 2, 2)
    assert limits.fired == 4
    order = [(m.metadata or {})["event_payload"]["incident"] for m in slack.messages("C1")]
    assert order[:2] == ["acme-11", "acme-23"]
    assert sorted(order) == sorted(f"acme-{n}" for n in range(30))


async def test_a_channel_that_refuses_is_told_and_not_stormed(slack: FakeSlack) -> None:
    """The bot was never invited: one call, one report, and the next people get the card."""
    desk = Desk(slack)
    desk.decide("Page", "uninvited")
    await desk.wait(10, 10)
    assert len(slack.requests("chat.postMessage")) == 1
    assert [(r.outcome, r.responders) for r in desk.reports] == [("failed", ("uninvited",))]
    desk.decide("Escalate", "in_person", reason="delivery_failed")
    await desk.wait()
    assert len(slack.messages("D3")) == 1


HOSTILE = [
    "<!channel> <!here> <!everyone> <@U1> <#C1> <!subteam^S1> <!date^1^{date}^http://evil.example|now>",
    "<http://evil.example|bank.nl> http://evil.example www.evil.example mailto:a@evil.example",
    "*bold* _it_ ~no~ `code` ```pre``` > quote\n> more :fire: @here @channel #crisis",
    "\u202eesrever\u2066 zero\u200bwidth \x1b[31mred \x00 \ud800 " + "\u0301" * 500,
    "&lt;!channel&gt; &amp;lt;@U1&amp;gt; " + "x" * 50_000,
    '{"type":"mrkdwn","text":"<!channel>"}',
]


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_hostile_text_in_every_field_stays_text(slack: FakeSlack, hostile: str) -> None:
    """A reader of Slack's markup finds nothing active but the names that we put there and the link of a button."""
    desk = Desk(slack)
    desk.posts = {
        "n1": ShownPost(hostile, hostile, hostile, hostile),
        "n2": ShownPost("x", "y", "https://ok.example/1"),
    }
    hostile = hostile.replace("\ud800", "")  # canonical JSON has no room for it: a decision cannot hold it
    everywhere: dict[str, Any] = {"brand": hostile, "scenario": hostile, "severity": hostile, "note": hostile}
    desk.decide("OpenIncident", reason="signals", exemplars=("n1", "n2"), path=(hostile, hostile), **everywhere)
    desk.decide("Page", "pr_oncall", next_targets=(hostile,), ack_by_ms=1, **everywhere)
    await desk.wait()
    desk.decide("Escalate", "in_person", "head_of_pr", hostile, **everywhere)
    desk.decide("Update", reason="owned", **everywhere)
    desk.delivery.answered(Answered("acme-1", "acknowledge", hostile))
    desk.decide("StandDown", reason="resolved", **everywhere)
    await desk.wait()
    there = slack.messages()
    assert len(there) >= 3
    allowed = {"<!subteam^S1>", "<@U2>", "<@U3>", "<https://ok.example/1>"}
    for one in there:
        assert set(active_parts(one)) <= allowed
        for before in one.edits:
            assert set(active_parts({"text": before.text, "blocks": before.blocks, "parse": "none"})) <= allowed


# ---- killed

SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.ways import Address
from alerting.delivery.worker import Delivery

async def report(_): pass

async def main():
    way = SlackWay(slack_client("xoxb-fake", sys.argv[2], 2000))
    delivery = Delivery(Outbox(Path(sys.argv[1])), {"slack": way}, lambda: time.time_ns() // 1_000_000, report,
        lambda names: {}, lambda who: [Address(who, "slack", "C1")], lambda incident: False, 1500)
    delivery.take(Decision(key="acme-1/1/Page", at_ms=0, brand="acme", kind="Page", incident="acme-1",
        scenario="backlash", severity="high", reason="flowchart", targets=("pr",)))
    until = time.monotonic() + 8
    while delivery.outbox.unsettled() and time.monotonic() < until:
        await delivery.step()
        await asyncio.sleep(0.05)
    print([row.state for row in delivery.outbox.pages("acme-1")])

asyncio.run(main())
"""
POINTS = [
    f"{name}.{side}"
    for name in ("outbox.plan", "outbox.sending", "slack.post", "outbox.sent")
    for side in ("before", "after")
]


async def _process(path: Path, base_url: str, crash_at: str = "") -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TOCSIN_CRASH_AT": crash_at}
    run: Callable[..., Any] = subprocess.run
    done = await asyncio.to_thread(
        run,
        [sys.executable, "-c", SCRIPT, str(path), base_url],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_a_process_killed_at_any_seam_sends_the_page_once(slack: FakeSlack, tmp_path: Path, point: str) -> None:
    """SIGKILL, start again with the decision repeated: one message, and the outbox knows it."""
    path = tmp_path / "outbox.db"
    assert (await _process(path, slack.base_url, point))[0] == -signal.SIGKILL
    code, said = await _process(path, slack.base_url)
    assert (code, said.strip()) == (0, "['sent']")
    assert len(slack.messages("C1")) == 1
