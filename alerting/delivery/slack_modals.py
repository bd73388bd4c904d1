"""Modals that ask for more before an act counts: why it is a false alarm, what a note or a statement says. EDGE."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.decision import Asked
from alerting.delivery.clicks import OUTSIDER, Clicks
from alerting.delivery.slack import outcome_of
from alerting.delivery.ways import Click, ClickAnswer
from alerting.modals import false_alarm_modal, note_modal, statement_modal

OPENS_WITHIN_S = 0.7
"""So that the click itself can still be made durable, and be answered, within the time that Slack gives."""
NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What calling Slack may fail with."""
_BUILD = {"false_alarm": false_alarm_modal, "note": note_modal}
Offered = Callable[[Click, str], Awaitable[Asked | str]]
"""The statement that a responder wants to change, with its words; or why they cannot."""

_log = structlog.get_logger(__name__)


async def _nothing_offered(_click: Click, _who: str) -> str:
    return "This is not asked any more. Nothing was changed."


class Modals:
    """Opens a modal in place of a click that has more to say. Where Slack does not open it in time, a false alarm is
    one without a reason: the person pressed, and must not be kept from closing it because Slack is slow.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        clicks: Clicks,
        worth: Callable[[str, str], bool] = lambda _incident, _action: True,
        offered: Offered = _nothing_offered,
    ) -> None:
        """`worth(incident, action)`: whether there is anything left to ask; what is over is answered at once."""
        self._client = client
        self._clicks = clicks
        self._worth = worth
        self._offered = offered
        self.opened = 0
        self.failed = 0

    async def ask(self, click: Click, trigger_id: str) -> ClickAnswer | None:
        """Open the modal of a click; `None` where the click itself counts. An outsider is refused before."""
        asks = click.action in _BUILD or click.action == "draft"
        if not asks or click.note or not self._worth(click.incident, click.action):
            return None
        who = self._clicks.listed(click.user_id, click.team_id, click.action)
        if who is None:
            return ClickAnswer(OUTSIDER, accepted=False)
        view = await self._view(click, who)
        if isinstance(view, str):
            return ClickAnswer(view, accepted=False)
        if await self._open(self._client.views_open(trigger_id=trigger_id, view=view)):
            self.opened += 1
            return ClickAnswer()
        self.failed += 1
        if click.action != "false_alarm":
            nothing = "noted" if click.action == "note" else "changed"
            return ClickAnswer(f"Slack did not open the form. Press again; nothing was {nothing}.", accepted=False)
        return None

    async def _view(self, click: Click, who: str) -> dict[str, Any] | str:
        """The form, or why there is none for this person."""
        if click.action != "draft":
            return _BUILD[click.action](click.incident)
        offered = await self._offered(click, who)
        return offered if isinstance(offered, str) else statement_modal(click.incident, offered)

    async def _open(self, call: Awaitable[object]) -> bool:
        try:
            await asyncio.wait_for(call, OPENS_WITHIN_S)
        except NETWORK as error:
            _log.warning("modal_not_opened", why=outcome_of(error).detail)
            return False
        return True
