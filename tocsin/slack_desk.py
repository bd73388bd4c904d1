"""EDGE. What a deployment does with what people do in Slack: commands, modals and the App Home over its works."""

from collections.abc import Callable
from typing import Protocol

from alerting.delivery.clicks import Clicks, Replies, origins_of
from alerting.delivery.seen import Seen
from alerting.delivery.slack import slack_client
from alerting.delivery.slack_commands import Commands, Does
from alerting.delivery.slack_home import Homes
from alerting.delivery.slack_modals import Modals
from alerting.delivery.slack_reception import Reception
from alerting.home import Overview
from alerting.naming import named_overview
from alerting.quiet import Silence
from stream.codec import canonical
from tocsin.answers import Answers
from tocsin.overview import Overviews, Shows
from tocsin.setting_sections import Secrets, SlackSettings

CALL_WITHIN_MS = 5_000
"""How long one call about a Home may take."""


class Works(Shows, Protocol):
    """What a desk stands on: whatever takes answers, in one process or in a worker."""

    @property
    def secrets(self) -> Secrets: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def clicks(self) -> Clicks: ...
    @property
    def slack_seen(self) -> Seen: ...
    async def append_control(self, body: bytes) -> None: ...


class SlackDesk:
    """Built from a deployment's works; `reception` takes what comes in, `homes.run()` keeps the App Homes fresh.

    `start_drill` starts a drill in a responder's name and says what was started; `None`: not in this service.
    """

    def __init__(self, works: Works, slack: SlackSettings, *, start_drill: Callable[[str], str] | None = None) -> None:
        self._works = works
        token = works.secrets.slack_bot.reveal() if works.secrets.slack_bot is not None else ""
        client = slack_client(token, slack.base_url, CALL_WITHIN_MS)
        self.overviews = Overviews(works)
        self.homes = Homes(client, works.clicks, self._now, works.clock)
        does = Does(self._now, [brand.name for brand in works.brands], self._silence, start_drill)
        self.reception = Reception(
            works.clicks,
            works.clock,
            replies=Replies(origins_of(slack.base_url)),
            commands=Commands(works.clicks, does, works.clock, works.slack_seen),
            modals=Modals(client, works.clicks, works.answers.is_worth_asking, works.answers.to_change),
            events=self.homes,
        )

    def _now(self) -> Overview:
        """How everything stands, with people by their names."""
        return named_overview(self.overviews.now(), self._works.live.name_of)

    async def _silence(self, asked: Silence) -> None:
        await self._works.append_control(canonical(asked))
