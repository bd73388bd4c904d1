"""Modals that ask for more before an act counts: why it is a false alarm, what the note says. EDGE."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.clicks import OUTSIDER, Clicks
from alerting.delivery.slack import outcome_of
from alerting.delivery.ways import Click, ClickAnswer
from alerting.modals import false_alarm_modal, note_modal

OPENS_WITHIN_S = 0.7
"""So that the click itself can still be made durable, and be answered, within the time that Slack gives."""
NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What calling Slack may fail with."""
_BUILD = {"false_alarm": false_alarm_modal, "note": note_modal}

_log = structlog.get_logger(__name__)


class Modals:
    """Opens a modal in place of a click that has more to say. Where Slack does not open it in time, a false alarm is
    one without a reason: the person pressed, and must not be kept from closing it because Slack is slow.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        clicks: Clicks,
        worth: Callable[[str, str], bool] = lambda _incident, _action: True,
    ) -> None:
        """`worth(incident, action)`: whether there is anything left to ask; what is over is answered at once."""
        self._client = client
        self._clicks = clicks
        self._worth = worth
        self.opened = 0
        self.failed = 0

    async def ask(self, click: Click, trigger_id: str) -> ClickAnswer | None:
        """Open the modal of a click; `None` where the click itself counts. An outsider is refused before."""
        build = _BUILD.get(click.action)
        if build is None or click.note or not self._worth(click.incident, click.action):
            return None
        if self._clicks.listed(click.user_id, click.team_id, click.action) is None:
            return ClickAnswer(OUTSIDER, accepted=False)
        if await self._open(self._client.views_open(trigger_id=trigger_id, view=build(click.incident))):
            self.opened += 1
            return ClickAnswer()
        self.failed += 1
        if click.action == "note":
            return ClickAnswer("Slack did not open the form. Press again; nothing was noted.", accepted=False)
        return None

    async def _open(self, call: Awaitable[object]) -> bool:
        try:
            await asyncio.wait_for(call, OPENS_WITHIN_S)
        except NETWORK as error:
            _log.warning("modal_not_opened", why=outcome_of(error).detail)
            return False
        return True
