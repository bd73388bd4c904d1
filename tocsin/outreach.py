"""EDGE. What reaches people from one outbox: ways, delivery over them, and what an incident gets in Slack besides."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import msgspec

from alerting.delivery.drill import DrillWay
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_side import Picture, SlackSide
from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Way
from alerting.delivery.worker import Delivery
from alerting.explain import Explanation
from alerting.view import IncidentView
from tocsin.fresh_words import Explainer
from tocsin.incident_series import card_picture
from tocsin.journal import began_ms
from tocsin.people import People
from tocsin.setting_sections import Secrets
from tocsin.ways import OutwardWays, build_ways


class Outreach:
    """Built over an outbox by whoever owns it. `ways` stand in for those that the settings name; `through` puts
    something between delivery and each way; `journal` says since when somebody listens. Close it at the end.
    """

    def __init__(
        self,
        people: People,
        secrets: Secrets,
        outbox: Outbox,
        *,
        terminal: TextIO,
        ways: Mapping[str, Way] | None = None,
        through: Callable[[Way], Way] = lambda way: way,
        journal: Path | None = None,
    ) -> None:
        self._people = people
        self._journal = journal
        self._began_ms = 0
        self._secrets = secrets
        self._outbox = outbox
        self._outward = OutwardWays({})
        self._explainer = Explainer(people.texts, people.brands)
        self.slack_side: SlackSide | None = None
        """Pictures and channels, beside the pages; only where Slack is a way."""
        found = self._build_ways(terminal) if ways is None else ways
        if people.drill is not None:
            found = {name: DrillWay(way) for name, way in found.items()}
        self.names = tuple(found)
        """The ways that there are."""
        self.delivery = self._build_delivery({name: through(way) for name, way in found.items()})

    async def close(self) -> None:
        """Close the connections that are still open."""
        await self._outward.close()

    def _build_ways(self, terminal: TextIO) -> dict[str, Way]:
        settings, people = self._people.settings, self._people
        slack, bot = settings.slack, self._secrets.slack_bot
        self._outward = build_ways(settings, self._secrets, people.clock)
        if slack is None or bot is None:
            return {"terminal": TerminalWay(terminal), **self._outward.ways}
        timeout_ms = settings.delivery.timeout
        client = slack_client(bot.reveal(), slack.base_url, timeout_ms)
        beside = slack_client(bot.reveal(), slack.base_url, timeout_ms)
        self.slack_side = SlackSide(
            beside, self._outbox, people.resolve, self._picture, opens_channels=people.drill is None
        )
        return {"slack": SlackWay(client), **self._outward.ways}

    def _build_delivery(self, ways: Mapping[str, Way]) -> Delivery:
        people = self._people
        settings, drill = people.settings, people.drill
        zones = {b.name: b.timezone for b in people.brands}
        return Delivery(
            self._outbox,
            ways,
            people.clock if drill is None else drill.wall,
            people.report,
            people.posts,
            people.resolve,
            people.answers.is_quiet,
            settings.delivery.grace,
            timezone=lambda brand: zones.get(brand, settings.timezone),
            late_s=lambda _brand: people.behind_s() if drill is None else 0,
            explain=self._explain,
            note=people.notes.note,
            say=people.say,
            name_of=people.live.name_of,
            after_card=self._after_card,
            operators=people.failed_somebody,
            second_way_ms=settings.delivery.second_way,
            pace_ms=settings.delivery.pace,
            # A conversation may be opened before a message is posted, and a mail server is told good-bye after it.
            longest_ms=2 * settings.delivery.timeout + 5_000,
            drill=drill is not None,
        )

    def _explain(self, view: IncidentView) -> Explanation:
        """What the texts say, and where the console shows the rest; a drill's incidents are in no console."""
        console = self._people.settings.console
        at = console.public_url if console.enabled and self._people.drill is None else None
        found = self._explainer.explain(view)
        return msgspec.structs.replace(found, console_url=incident_url(at, view.incident)) if at else found

    def _picture(self, view: IncidentView) -> Picture | None:
        """An incident's picture, in a thread; nothing is drawn of the time before anybody listened."""
        self._began_ms = self._began_ms or began_ms(self._journal)
        return card_picture(view, self._began_ms)

    def _after_card(self, row: OutboxRow) -> None:
        if self.slack_side is not None:
            self.slack_side.after_card(row)


def incident_url(public_url: str, incident: str) -> str:
    """Where a console that people open at this address shows an incident.

    >>> incident_url("https://tocsin.example.com", "acme-1767614700000")
    'https://tocsin.example.com/incidents/acme-1767614700000'
    """
    return f"{public_url}/incidents/{quote(incident, safe='')}"
