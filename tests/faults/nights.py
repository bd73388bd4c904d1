"""A night on call: the works of a service with a Slack over HTTP, webhooks as the way after it, and a chosen clock."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from alerting.decision import Decision
from alerting.delivery.rows import OutboxRow
from alerting.delivery.ways import Answered
from tests.acceptance import living as lively
from tests.acceptance.living import BRAND, PEOPLE, STEP_MS, configure, copied, settings_of
from tests.fakes.hooks import FakeHooks, Request
from tests.fakes.slack import FakeSlack, Message
from tests.faults.virtual import Place, Virtual
from tocsin.embedded import wall_clock_ms
from tocsin.heartbeat import Ages, well
from tocsin.works import Works

SECOND_WAY_MS = 30_000


def ringing(patch: pytest.MonkeyPatch, hooks: FakeHooks, who: Sequence[str] = tuple(PEOPLE)) -> str:
    """Give these responders a webhook of their own besides Slack; what the settings need for it."""
    chart, settings = lively.CHART, "webhooks:\n"
    for name in who:
        url = f"{hooks.base_url}{name}"
        chart = chart.replace(f"slack: {PEOPLE[name]}", f'slack: {PEOPLE[name]}, webhook: "{url}"')
        settings += f'  to_{name}: {{url: "{url}", secret_env: SOCIAL_SECRET, inside: true}}\n'
    patch.setattr(lively, "CHART", chart)
    return settings if who else ""


def decision(
    who: str, number: int, incident: str = "acme-1", severity: Any = "critical", kind: Any = "Page", at_ms: int = 0
) -> Decision:
    """Somebody is to be told."""
    return Decision(
        key=f"{incident}/{number}/{kind}",
        brand=BRAND,
        incident=incident,
        scenario="backlash",
        severity=severity,
        at_ms=at_ms,
        kind=kind,
        reason="flowchart",
        targets=(who,),
        by=("slack",),
    )


class Night(Virtual):
    """Works on a clock of the test's own, their Slack and their webhooks, and what reached whom when."""

    def __init__(self, works: Works, slack: FakeSlack, hooks: FakeHooks, clock: list[int]) -> None:
        super().__init__(works, Place(), clock)
        self.slack = slack
        self.hooks = hooks
        self.rang: list[tuple[int, str, Request]] = []
        """When a webhook took a page, whose it is, and the page."""
        self._ages = Ages(lambda: clock[0])
        self._decisions = itertools.count(1)

    async def deliver(self) -> None:
        """Deliver what is due, and write down what rang."""
        await super().deliver()
        for request in self.hooks.taken[len(self.rang) :]:
            self.rang.append((self.now_ms, request.path.strip("/"), request))

    async def wait(self, seconds: float, *, every_s: float = 1, beats: bool = True) -> None:
        """Let so much time pass, and deliver again and again meanwhile; with `beats` the core goes on too."""
        until_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < until_ms:
            self._clock[0] = min(until_ms, self.now_ms + int(every_s * 1000))
            await (self.beat() if beats else self.deliver())

    def told(self, who: str, *, incident: str = "acme-1", kind: Any = "Page", severity: str = "critical") -> Decision:
        """The core decides that somebody is told, now."""
        made = decision(who, next(self._decisions), incident, severity, kind, self.now_ms)
        assert self.works.delivery.take(made)
        return made

    def acknowledged(self, incident: str = "acme-1") -> None:
        """Somebody has it."""
        self.works.delivery.answered(Answered(incident, "acknowledge", "ana"))

    def rows(self, incident: str = "acme-1") -> list[OutboxRow]:
        """Everything ever planned for an incident."""
        return self.works.home.outbox.pages(incident)

    def pages_rung(self) -> list[tuple[int, str, Request]]:
        """What rang for somebody to come: without the news of what became of it."""
        return [one for one in self.rang if one[2].json["event"] == "page"]

    def posts(self) -> list[Message]:
        """Every message with a page id that Slack took, in order."""
        return [message for message in self.slack.ledger.posts if message.page_id]

    def asked(self, method: str = "chat.postMessage") -> int:
        """How often a method of Slack was called."""
        return len(self.slack.requests(method))

    def wrong(self) -> list[str]:
        """What the heartbeat finds wrong now."""
        return well(self.works.facts(self._ages))


@asynccontextmanager
async def night(
    home: Path,
    patch: pytest.MonkeyPatch,
    *,
    prepared: Path | None = None,
    ringers: Sequence[str] = tuple(PEOPLE),
    grace: str = "60s",
    **how: str,
) -> AsyncIterator[Night]:
    """Works on a copy of a prepared directory, or on none at all, with a Slack in which the responders work."""
    if prepared is not None:
        copied(prepared, home)
    clock = [(wall_clock_ms() // STEP_MS + 2) * STEP_MS]
    async with FakeHooks() as hooks, FakeSlack(clock=lambda: clock[0] / 1000) as slack:
        lively.staffed(slack)
        extra = ringing(patch, hooks, ringers)
        works = Works(settings_of(configure(home, slack, extra=extra, grace=grace, **how)), lambda: clock[0])
        await works.begin()
        try:
            yield Night(works, slack, hooks, clock)
        finally:
            await works.end()


def names(message: Message) -> list[str]:
    """Whom a message named when it was posted."""
    text = message.edits[0].text if message.edits else message.text
    return [name for name, user in PEOPLE.items() if f"<@{user}>" in text]
