"""A picture in the card's thread and a channel of its own, beside the pages and never in their way."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerting.decision import Asked, Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_side import ATTEMPTS, Picture, SlackSide, channel_name
from alerting.delivery.ways import Address, Delivered
from alerting.delivery.worker import Delivery
from alerting.view import IncidentView
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.mrkdwn import active_parts

TOKEN = "xoxb-fake"
PEOPLE = {
    "pr_oncall": [Address("pr_oncall", "slack", "C1"), Address("pr_oncall", "slack", "S1")],
    "head_of_pr": [Address("head_of_pr", "slack", "U3"), Address("head_of_pr", "email", "pr@example.com")],
    "left_us": [Address("left_us", "slack", "U404")],
}
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 99


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A Slack of our own."""
    async with FakeSlack(bot_token=TOKEN) as fake:
        yield fake


class Desk:
    """A delivery to the fake with its side jobs."""

    def __init__(self, slack: FakeSlack, outbox: Outbox | None = None, **plugs: Any) -> None:
        self.number = 0
        self.drawn: list[str] = []
        self.outbox = outbox or Outbox(None)
        client = slack_client(TOKEN, slack.base_url, 1000)
        self.side = SlackSide(client, self.outbox, self._resolve, self._picture, **({"wait_ms": 10} | plugs))
        self.delivery = Delivery(
            self.outbox,
            {"slack": SlackWay(client)},
            lambda: time.time_ns() // 1_000_000,
            self._report,
            lambda _names: {},
            self._resolve,
            lambda _incident: False,
            after_card=self.side.after_card,
        )

    def _resolve(self, who: str) -> list[Address]:
        return PEOPLE.get(who, [])

    def _picture(self, view: IncidentView) -> Picture | None:
        self.drawn.append(view.severity)
        return Picture(PNG, f"alt {view.severity}", "title")

    async def _report(self, _: Delivered) -> None:
        return

    def decide(self, kind: Any, *targets: str, **changes: Any) -> None:
        """A decision, taken in."""
        self.number += 1
        base: dict[str, Any] = {
            "key": f"acme-1/{self.number}/{kind}",
            "at_ms": 1_773_484_200_000,
            "brand": "acme",
            "kind": kind,
            "incident": "acme-1",
            "scenario": "backlash",
            "severity": "medium",
            "reason": "flowchart",
            "targets": targets,
        }
        self.delivery.take(Decision(**(base | changes)))

    def open_room(self, *targets: str, name: str = "#crisis-acme-1") -> None:
        """The flowchart asks for a channel."""
        self.decide("Notify", *targets, action="open_channel", asked=Asked(node="room", words=name))

    async def settle(self, rounds: int = 8) -> None:
        """Pages and what is beside them, until both have nothing to do."""
        for _ in range(rounds):
            await self.delivery.step()
            await self.side.step()

    def view(self) -> IncidentView:
        """What the card shows."""
        found = self.outbox.view("acme-1")
        assert found is not None
        return found


def pictures(slack: FakeSlack, thread: str) -> list[dict[str, Any]]:
    """The files in a thread."""
    return [file for one in slack.messages("C1", thread=thread) for file in one.files]


# ---- the picture


async def test_the_card_gets_one_picture_and_another_when_it_becomes_graver(slack: FakeSlack) -> None:
    """In its thread, with words for those who cannot see it; an update that is no graver brings none."""
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.settle()
    card = slack.messages("C1")[0]
    (first,) = pictures(slack, card.ts)
    assert (first["name"], first["alt_txt"], first["title"]) == ("acme-1.png", "alt medium", "title")
    assert [file.data for file in slack.api.files.by_id.values()] == [PNG]
    desk.decide("Update", reason="owned")
    await desk.settle()
    desk.decide("Escalate", "head_of_pr", severity="critical", reason="severity_rose")
    desk.decide("Update", severity="high", reason="severity_fell")
    desk.decide("Update", severity="critical", reason="severity_rose")
    await desk.settle()
    assert desk.drawn == ["medium", "critical"]
    assert [one["alt_txt"] for one in pictures(slack, card.ts)] == ["alt medium", "alt critical"]
    assert desk.side.counts["pictures"] == 2


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.upload", "files.completeUploadExternal"])
@pytest.mark.parametrize("kind", ["http_503", "ratelimited", "timeout", "lost_reply"])
async def test_an_upload_that_fails_comes_again_and_the_page_was_not_late(
    slack: FakeSlack, method: str, kind: str
) -> None:
    """The page is there before the picture is tried; a reply lost may double a picture, never a page."""
    fault = slack.faults.add(method, kind)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    assert [m.page_id is not None for m in slack.messages("C1")] == [True]
    assert [one for one in slack.requests() if one.method.startswith("files.")] == []
    await desk.settle()
    assert fault.fired == 1
    assert len(pictures(slack, slack.messages("C1")[0].ts)) in ((1, 2) if kind == "lost_reply" else (1,))
    assert len([m for m in slack.messages("C1") if m.page_id]) == 1


async def test_without_the_scope_it_is_counted_and_not_tried_again(slack: FakeSlack) -> None:
    """One call; the pages go on."""
    slack.api.granted.discard("files:write")
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.settle()
    desk.decide("Escalate", "head_of_pr", severity="critical", reason="severity_rose")
    await desk.settle()
    assert len(slack.requests("files.getUploadURLExternal")) == 1
    assert (desk.side.counts["pictures_refused"], desk.side.refusals) == (1, {"pictures": "missing_scope"})
    assert len([m for m in slack.messages("C1") if m.page_id]) == 2


async def test_while_a_page_waits_nothing_takes_its_place(slack: FakeSlack) -> None:
    """Slack limits the channel: the picture of the first incident comes after the page of the second."""
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    limit = slack.faults.add("chat.postMessage", "ratelimited", retry_after_s=1)
    desk.decide("Escalate", "head_of_pr", reason="not_acknowledged")
    await desk.delivery.step()
    await desk.side.step()
    assert limit.fired == 1
    assert desk.drawn == []
    await asyncio.sleep(1.1)
    await desk.settle()
    assert desk.drawn == ["medium"]
    assert len([m for m in slack.messages("C1") if m.page_id]) == 2


async def test_a_slack_that_never_takes_it_is_given_up(slack: FakeSlack) -> None:
    """A few tries, each later, and no more."""
    fault = slack.faults.add("files.getUploadURLExternal", "http_500", times=None)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.settle(12)
    assert fault.fired == ATTEMPTS
    assert desk.side.counts["pictures_refused"] == 1


async def test_a_picture_that_cannot_be_drawn_stops_nothing(slack: FakeSlack) -> None:
    """The channel is opened all the same."""
    desk = Desk(slack)

    def broken(_: IncidentView) -> Picture:
        raise ZeroDivisionError

    desk.side = SlackSide(slack_client(TOKEN, slack.base_url), desk.outbox, desk._resolve, broken)
    desk.decide("Page", "pr_oncall")
    desk.open_room("head_of_pr")
    await desk.delivery.step()
    desk.side.after_card(desk.outbox.cards("slack")[0])
    await desk.side.step()
    assert desk.side.refusals == {"pictures": "ZeroDivisionError"}
    assert desk.view().asks.room


# ---- the channel


async def test_the_flowchart_s_channel_is_opened_with_the_people_in_it(slack: FakeSlack) -> None:
    """Named after the incident, its topic says which; the card leads there and the channel leads to the card."""
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    desk.open_room("pr_oncall", "head_of_pr", "left_us")
    await desk.settle()
    (room,) = [one for one in slack.workspace.channels.values() if one.name == "crisis-acme-1"]
    assert room.topic == "acme-1 · acme · backlash"
    assert room.members == ["U0TOCSIN", "U3", "U1", "U2"]
    (welcome,) = slack.messages(room.id)
    card = slack.messages("C1")[0]
    assert f"/archives/C1/p{card.ts.replace('.', '')}" in welcome.text
    assert "<!subteam^S1>" in active_parts(welcome)
    assert desk.view().asks.room == room.id
    assert f"<#{room.id}>" in str(card.blocks)
    assert f"<#{room.id}> is open for this crisis." in [m.text for m in slack.messages("C1", thread=card.ts)]
    assert slack.requests("conversations.archive") == []


STEPS = ["conversations.create", "conversations.setTopic", "conversations.invite", "chat.getPermalink"]


@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize("kind", ["lost_reply", "http_503", "ratelimited"])
async def test_whatever_fails_on_the_way_there_is_one_channel(slack: FakeSlack, method: str, kind: str) -> None:
    """Created and the reply lost: the name is taken, by ourselves."""
    fault = slack.faults.add(method, kind)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    desk.open_room("head_of_pr")
    await desk.settle()
    assert fault.fired == 1
    names = [one.name for one in slack.workspace.channels.values() if one.name.startswith("crisis-")]
    assert names == ["crisis-acme-1"]
    room = desk.view().asks.room
    assert slack.workspace.channels[room].members == ["U0TOCSIN", "U3"]
    assert len(slack.messages(room)) == 1


async def test_a_process_that_ended_in_between_goes_on_where_it_was(slack: FakeSlack) -> None:
    """Everything was done but noted: the next one finds the channel, and says nothing twice."""
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    desk.open_room("head_of_pr")
    await desk.settle()
    room = desk.view().asks.room
    before = len(slack.messages())
    forgotten = msgspec.structs.replace(desk.view().asks, room="")
    desk.outbox.save_view(msgspec.structs.replace(desk.view(), asks=forgotten))
    later = Desk(slack, desk.outbox)
    for row in later.outbox.cards("slack"):
        later.side.after_card(row)
    await later.settle()
    assert later.view().asks.room == room
    assert len(slack.messages()) == before


async def test_a_name_that_others_have_gets_a_number(slack: FakeSlack) -> None:
    """Neither their channel nor an archived one is taken over."""
    slack.workspace.add_channel("C77", "crisis-acme-1")
    slack.workspace.add_channel("C78", "crisis-acme-1-2", is_archived=True)
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    desk.open_room("head_of_pr")
    await desk.settle()
    assert slack.workspace.channels[desk.view().asks.room].name == "crisis-acme-1-3"
    assert slack.messages("C77") == []


async def test_without_the_scope_a_person_is_asked_as_before(slack: FakeSlack) -> None:
    """The line in the thread asks for the channel by its name; nothing is tried again."""
    slack.api.granted.discard("channels:manage")
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    desk.open_room("head_of_pr")
    await desk.settle()
    desk.decide("Update", reason="owned")
    await desk.settle()
    assert len(slack.requests("conversations.create")) == 1
    assert desk.side.counts["channels_refused"] == 1
    assert "#crisis-acme-1" in str(slack.messages("C1")[0].blocks)
    assert any("Open the channel" in m.text for m in slack.messages("C1"))


async def test_the_task_works_when_it_is_told_and_begins_with_what_was_left(slack: FakeSlack) -> None:
    """`run` needs no polling: the hook of the card wakes it."""
    desk = Desk(slack)
    desk.decide("Page", "pr_oncall")
    await desk.delivery.step()
    task = asyncio.create_task(Desk(slack, desk.outbox).side.run())
    await slack.wait_for(lambda: pictures(slack, slack.messages("C1")[0].ts))
    task.cancel()
    task = asyncio.create_task(desk.side.run())
    desk.decide("Escalate", "head_of_pr", severity="critical", reason="severity_rose")
    await desk.delivery.step()
    await slack.wait_for(lambda: len(pictures(slack, slack.messages("C1")[0].ts)) == 2)
    task.cancel()


@pytest.mark.parametrize(
    ("wanted", "given"), [("#", "crisis"), ("É!", "crisis"), ("a" * 200, "a" * 80), ("A b", "a-b")]
)
def test_any_wanted_name_becomes_one_that_slack_takes(wanted: str, given: str) -> None:
    """Bounded, lower-case, never empty; the number fits in too."""
    assert channel_name(wanted) == given
    names = [channel_name(wanted, number) for number in range(1, 6)]
    assert all(0 < len(name) <= 80 and name == name.lower() for name in names)
    assert len(set(names)) == 5


# ---- killed

SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from alerting.decision import Asked, Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_side import Picture, SlackSide
from alerting.delivery.ways import Address
from alerting.delivery.worker import Delivery

async def report(_): pass

def decision(number, kind, **changes):
    return Decision(key=f"acme-1/{number}/{kind}", at_ms=0, brand="acme", kind=kind, incident="acme-1",
        scenario="backlash", severity="high", reason="flowchart", targets=("pr",), **changes)

async def main():
    client = slack_client("xoxb-fake", sys.argv[2], 2000)
    outbox = Outbox(Path(sys.argv[1]))
    resolve = lambda who: [Address(who, "slack", "C1"), Address(who, "slack", "U1")]
    side = SlackSide(client, outbox, resolve, lambda view: Picture(b"png", "alt", "title"), wait_ms=10)
    delivery = Delivery(outbox, {"slack": SlackWay(client)}, lambda: time.time_ns() // 1_000_000, report,
        lambda names: {}, resolve, lambda incident: False, 1500, after_card=side.after_card)
    delivery.take(decision(1, "Page"))
    delivery.take(decision(2, "Notify", action="open_channel", asked=Asked(node="room", words="#crisis-acme-1")))
    task = asyncio.create_task(side.run())
    until = time.monotonic() + 8
    while time.monotonic() < until:
        await delivery.step()
        await asyncio.sleep(0.02)
        view = outbox.view("acme-1")
        if view.pictured and view.asks.room:
            break
    print(view.pictured, view.asks.room)
    task.cancel()

asyncio.run(main())
"""
POINTS = {"slack.room.created": 1, "slack.room.before": 1, "slack.picture.before": 1, "slack.picture.after": 2}
"""Where the process is killed, and how many pictures there may be then."""


async def _process(path: Path, base_url: str, crash_at: str = "") -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TOCSIN_CRASH_AT": crash_at}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, str(path), base_url),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("point", sorted(POINTS))
async def test_a_process_killed_at_any_seam_leaves_one_channel(slack: FakeSlack, tmp_path: Path, point: str) -> None:
    """SIGKILL and start again: one page, one channel with its lines once, and no picture more than twice."""
    path = tmp_path / "outbox.db"
    assert (await _process(path, slack.base_url, point))[0] == -signal.SIGKILL
    code, said = await _process(path, slack.base_url)
    room = next(one for one in slack.workspace.channels.values() if one.name == "crisis-acme-1")
    assert (code, said.split()) == (0, ["high", room.id])
    assert sum(one.name.startswith("crisis-acme") for one in slack.workspace.channels.values()) == 1
    assert len(slack.messages(room.id)) == 1
    pages = [one.page_id for one in slack.messages("C1") if one.page_id]
    assert len(pages) == len(set(pages))
    assert 1 <= len(pictures(slack, slack.messages("C1")[0].ts)) <= POINTS[point]
