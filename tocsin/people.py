"""EDGE. Who is told and who answers: the flowchart's people, their presses, and what they are shown.

The embedded service has one of these over its engine; a delivery worker has one over what it sees of the core.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from alerting.decision import Decision
from alerting.delivery.clicks import Clicks
from alerting.delivery.second_way import Trouble
from alerting.delivery.ways import Address, Answered, Click, Delivered
from alerting.view import ShownPost
from stream.brands import Brand
from stream.codec import canonical
from stream.sources.text_store import TextStore
from tocsin.answers import Answers
from tocsin.chart_keeper import ChartKeeper
from tocsin.core_seen import CoreSeen, incidents_of
from tocsin.drill_time import DrillTime, is_for_drills
from tocsin.entry import DeliveryReport
from tocsin.handing import to_drill
from tocsin.live_chart import LiveChart, held_rosters
from tocsin.metrics import PeopleMetrics
from tocsin.settings import Settings
from tocsin.state import Contents
from tocsin.troubles import Troubles

log = structlog.get_logger("tocsin")

Append = Callable[[bytes], Awaitable[None]]
"""Makes what people say, and what is reported of pages, durable in the log; returns when it is."""


class Notes(Protocol):
    """Where the words are kept that people write: erasable, and known to the log by their digests."""

    def put_note(self, text: str) -> str:
        """Keep words, and give their digest. May wait: it is called in a thread of its own."""

    def note(self, digest: str) -> str | None:
        """The words, as long as they exist."""


class People:
    """The flowchart in force, whom it reaches, and what people do about incidents.

    `keep` puts a content where the core finds it and gives its digest; `told` hears of each answer that counts, once;
    `behind_s` says how late the core is; `brand_of` knows incidents of before this process. Raises what the flowchart
    of the start can be refused for (`tocsin.live_chart.BAD`).
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        core: CoreSeen,
        contents: Contents,
        metrics: PeopleMetrics,
        keep: Callable[[bytes], str],
        append: Append,
        configure: Append,
        told: Callable[[Answered], None],
        texts: TextStore,
        notes: Notes,
        behind_s: Callable[[], int],
        brand_of: Callable[[str], str | None] = lambda _incident: None,
        drill: DrillTime | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.brands: Sequence[Brand] = settings.brand_list()
        self.core = core
        self.contents = contents
        self.metrics = metrics
        self.texts = texts
        self.notes = notes
        self.behind_s = behind_s
        self.drill = drill
        self._append = append
        self._known_brand = brand_of
        self._incidents: dict[str, str] = {}
        self.troubles = Troubles(clock)
        self.live = LiveChart(settings, self.brands, keep, clock, held=held_rosters(core, contents), warn=_warn)
        self.answers = Answers(append, told, self.brand_of, notes.put_note, notes.note)
        self.charts = ChartKeeper(self.live, core, contents, clock, configure, metrics)
        self.clicks = Clicks(self.charts.clickers, self._clicked)

    # ---- hearing the core

    def know(self, decision: Decision) -> None:
        """Know the incident of a decision, though nothing else is made of it."""
        self._incidents[decision.incident] = decision.brand

    def hear(self, decision: Decision) -> None:
        """Take in what the core decided: who may answer now, and whose acknowledgement holds no longer."""
        self.know(decision)
        self.metrics.heard(decision)
        if decision.kind == "OpenIncident" and decision.reason == "flared_up":
            self.answers.reopened(decision.incident)
        if decision.kind == "StandDown":
            self.answers.closed(decision.incident)
        self.answers.decided(decision)
        if decision.reason in ("ack_expired", "escalated"):
            self.answers.expired(decision.incident, decision.at_ms)

    def brand_of(self, incident: str) -> str | None:
        """Whose incident this is; `None` where it is not known here."""
        return self._incidents.get(incident) or self._known_brand(incident)

    def is_shadow(self, content: str) -> bool:
        """Whether a brand that is judged by this configuration is decided about and nobody told."""
        return bool(content) and self.contents.content(content).mode == "shadow"

    # ---- telling people

    def say(self, decision: Decision) -> str:
        """What those are to do whom a decision tells, by the flowchart that its incident walks."""
        walk = next((one.walk for one in incidents_of(self.core) if one.id == decision.incident), None)
        chart = self.live.chart
        if walk is not None:
            with contextlib.suppress(KeyError):  # another worker's, and not read here yet
                chart = self.contents.chart(walk.chart)
        return chart.says(decision.node)

    def resolve(self, target: str) -> list[Address]:
        """Where a target of the flowchart is reached, by all ways it has; in a drill, in that one's places alone."""
        channel = self.settings.slack.channel if self.settings.slack else None
        found = self.live.addresses(target, channel)
        return found if self.drill is None else [one for one in found if is_for_drills(one, channel)]

    def posts(self, names: tuple[str, ...]) -> dict[str, ShownPost]:
        """The texts behind names, as far as they exist."""
        found = self.texts.get(names)
        return {
            name: ShownPost(
                text=post.text,
                author=post.author or "",
                url=post.url or "",
                source=post.source,
                followers=post.followers,
                created_ms=post.created_ms,
            )
            for name, post in found.items()
        }

    async def report(self, delivered: Delivered) -> None:
        """Tell the core, through the log, what became of a page."""
        report = DeliveryReport(
            brand=delivered.brand,
            incident=delivered.incident,
            key=delivered.key,
            way=delivered.way,
            outcome=delivered.outcome,
            at_ms=delivered.at_ms if self.drill is None else self.drill.core_time(delivered.at_ms),
            detail=delivered.detail,
        )
        self.metrics.delivered(report)
        await self._append(canonical(report))

    def failed_somebody(self, trouble: Trouble) -> None:
        """A way failed somebody, answers nothing, or answers again: for operators."""
        self.troubles.take(trouble)
        self.metrics.troubled(trouble.way, trouble.became)

    # ---- what people do

    async def act(self, click: Click, who: str, severity: str = "") -> str:
        """What a responder does elsewhere than in Slack; returns what they are told. All that a press there is, it is
        too: durable when this returns, first come first served, and handed to the drill that it belongs to.
        """
        return await self._clicked(click, who, severity)

    async def _clicked(self, click: Click, who: str, severity: str = "") -> str:
        """What was pressed is this deployment's, or that of the drill beside it, or of the service beside the drill."""
        if self.brand_of(click.incident) is None:
            told = await asyncio.to_thread(self._hand_over, click, who)
            if told is not None:
                return told
        if self.drill is not None:
            click = msgspec.structs.replace(click, at_ms=self.drill.core_time(click.at_ms))
        return await self.answers.click(click, who, severity)

    def _hand_over(self, click: Click, who: str) -> str | None:
        if self.drill is None:
            return to_drill(self.settings.data_path, click, who, click.at_ms)
        return self.drill.to_service(click, who)


def _warn(line: str) -> None:
    log.warning("calendar", problem=line)
