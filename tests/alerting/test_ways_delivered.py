"""Pages by PagerDuty, webhook and mail through the outbox: each reaches its person once and hears what became of it."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from alerting.decision import Decision
from alerting.delivery.email import EmailWay, Server
from alerting.delivery.outbox import Outbox
from alerting.delivery.pagerduty import PagerDutyWay
from alerting.delivery.phone import PhoneWay
from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Address, Answered, Delivered, Way
from alerting.delivery.webhook import WebhookWay
from alerting.delivery.worker import Delivery
from stream.sources.guard import GuardedClient, Rules
from tests.fakes.hooks import FakeHooks
from tests.fakes.smtp import FakeSmtp


class Desk:
    """Delivery over real ways on fakes, and a clock of its own."""

    def __init__(self, ways: Mapping[str, Way], addresses: Mapping[str, list[Address]]) -> None:
        self.now_ms = 1_000_000
        self.reports: list[Delivered] = []
        self.outbox = Outbox(None)
        self.delivery = Delivery(
            self.outbox,
            ways,
            lambda: self.now_ms,
            self._report,
            lambda _: {},
            lambda who: addresses[who],
            lambda _: False,
        )

    async def _report(self, report: Delivered) -> None:
        self.reports.append(report)

    def page(self, *targets: str, number: int = 1, kind: Any = "Page", by: Any = ("slack",)) -> None:
        """A decision, taken in."""
        shown = {"brand": "acme", "incident": "acme-1", "scenario": "backlash", "severity": "critical"}
        key = f"acme-1/{number}/{kind}"
        said = Decision(key=key, at_ms=self.now_ms, kind=kind, reason="flowchart", targets=targets, by=by, **shown)
        self.delivery.take(said)

    async def wait(self, seconds: int) -> None:
        """Time passes; delivery looks once a second."""
        for _ in range(seconds):
            self.now_ms += 1000
            await self.delivery.step()


def _ways(hooks: FakeHooks) -> dict[str, Way]:
    client = GuardedClient(Rules(plain=("127.0.0.1",)), total_s=0.3)
    pagerduty = PagerDutyWay(client, {"pr": lambda: "key"}, hooks.base_url)
    hook = WebhookWay(client, {f"{hooks.base_url}own": [lambda: "secret"]}, lambda: 1_000_000)
    return {"pagerduty": pagerduty, "webhook": hook, "phone": PhoneWay(pagerduty, "pr")}


def _places(hooks: FakeHooks) -> dict[str, str]:
    return {"pagerduty": "pr", "webhook": f"{hooks.base_url}own", "phone": "+31 6 1234"}


@pytest.mark.parametrize("way", ["pagerduty", "webhook", "phone"])
@pytest.mark.parametrize("fault", ["lost_reply", "http_500", "limited", "reset"])
async def test_a_page_reaches_its_place_once_whatever_befalls_the_first_attempt(way: str, fault: str) -> None:
    """Sent again under the same id, which its receiver folds; and the core hears that it was sent."""
    async with FakeHooks() as hooks:
        desk = Desk({way: _ways(hooks)[way]}, {"anna": [Address("anna", way, _places(hooks)[way])]})
        hooks.faults = [fault]
        desk.page("anna", by=(way,))
        await desk.wait(100)
        assert hooks.fired == [fault]
        assert len(hooks.keys) == 1
        assert desk.reports[-1].outcome == "sent"
        assert desk.reports[-1].responders == ("anna",)
        assert desk.outbox.unsettled() == []


async def test_a_letter_whose_answer_was_lost_is_sent_again_as_the_same_letter() -> None:
    async with FakeSmtp() as mail:
        way = EmailWay(Server("127.0.0.1", mail.port, "tocsin@corp.example", "none", timeout_s=0.3), lambda: 0)
        desk = Desk({"email": way}, {"anna": [Address("anna", "email", "anna@corp.example")]})
        mail.faults = ["lost_reply"]
        desk.page("anna", by=("email",))
        await desk.wait(100)
        assert (len(mail.taken), len(mail.keys)) == (2, 1)
        assert desk.delivery.blind_resends == 1, "nobody can tell: it is counted"


async def test_each_person_gets_a_page_of_their_own_and_hears_what_became_of_it() -> None:
    """No thread, no card: two people are two letters and two alerts; acknowledged, both alerts are told once."""
    async with FakeHooks() as hooks:
        way = PagerDutyWay(
            GuardedClient(Rules(plain=("127.0.0.1",)), total_s=0.3),
            {"pr": lambda: "key", "ALERTS": lambda: "other"},
            hooks.base_url,
        )
        people = {"anna": [Address("anna", "pagerduty", "pr")], "bob": [Address("bob", "pagerduty", "ALERTS")]}
        desk = Desk({"pagerduty": way}, people)
        desk.page("anna", by=("pagerduty",))
        await desk.wait(1)
        desk.page("bob", number=2, kind="Escalate", by=("pagerduty",))
        await desk.wait(1)
        assert [one.json["routing_key"] for one in hooks.taken] == ["key", "other"]
        assert [one.responders for one in desk.reports] == [("anna",), ("bob",)]
        desk.delivery.answered(Answered("acme-1", "acknowledge", "anna"))
        await desk.wait(20)
        told = [(one.json["event_action"], one.json["routing_key"]) for one in hooks.taken[2:]]
        assert sorted(told) == [("acknowledge", "key"), ("acknowledge", "other")]


async def test_without_slack_the_terminal_shows_what_rings_elsewhere() -> None:
    """A flowchart that says `by: [slack, phone]` loses no card because there is no Slack yet."""
    async with FakeHooks() as hooks:
        terminal = io.StringIO()
        ways = {"terminal": TerminalWay(terminal), "phone": _ways(hooks)["phone"]}
        places = [Address("anna", "terminal", "terminal"), Address("anna", "phone", "+31 6 1234")]
        desk = Desk(ways, {"anna": places})
        desk.page("anna", by=("slack", "phone"))
        await desk.wait(2)
        assert len(hooks.keys) == 1
        assert "CRITICAL" in terminal.getvalue()
