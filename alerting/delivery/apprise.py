"""Any service that apprise knows as a way to people. EDGE. The extra `pagers` brings the package.

Its addresses hold the keys of the service, so they are secrets. Whether a call that failed had been taken, apprise does
not tell: such a page is unknown, and is sent again after the grace.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from alerting.delivery.posting import Reveal
from alerting.delivery.ways import Message, Outcome, Settles
from alerting.inert import clip, one_line, unmarked
from alerting.letter import letter_text, subject, summary
from stream import crash

NUMBER = "{number}"
"""Stands in an address of a telephone service where the responder's number belongs."""
TEXT_LIMIT = 6000


class AppriseWay:
    """Notifies by addresses of apprise, by the names that the settings give them."""

    settles: Settles = "never"

    def __init__(self, urls: Mapping[str, Reveal], *, timeout_s: float = 10.0) -> None:
        """Raises `ImportError` where the package is missing."""
        import apprise

        # It and what it calls write addresses and answers of services to their logs, and with them keys.
        for name in ("apprise", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._apprise: Any = apprise
        self._urls = urls
        self._timeout_s = timeout_s

    async def post(self, message: Message) -> Outcome:
        """Notify once. A message to a telephone is short; others are the whole letter."""
        reveal = self._urls.get(message.to)
        if reveal is None:
            return Outcome("permanent", detail="this address is not set up")
        notifier = self._apprise.Apprise()
        if not notifier.add(reveal().replace(NUMBER, quote(dialled(message.phone), safe=""))):
            return Outcome("permanent", detail="this address is none that apprise knows")
        title, body = _words(message)
        crash.here("apprise.post.before")
        try:
            async with asyncio.timeout(self._timeout_s):
                taken = await notifier.async_notify(body=body, title=title, body_format="text")
        except Exception as error:  # noqa: BLE001 - a plug-in of another's may raise anything, with keys in its text
            return Outcome("unknown", detail=type(error).__name__)
        crash.here("apprise.post.after")
        if not taken:
            return Outcome("unknown", detail="apprise did not succeed")
        return Outcome("sent", message.to, message.page_id)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Nothing can be read."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """What was sent stays."""
        return Outcome("sent", channel, ts)


def dialled(number: str) -> str:
    """A number as machines dial it.

    >>> dialled("+31 (0)6-1234.5678"), dialled("")
    ('+310612345678', '')
    """
    digits = "".join(char for char in number if char.isascii() and char.isdecimal())
    return f"+{digits}" if number.strip().startswith("+") else digits


def _words(message: Message) -> tuple[str, str]:
    """Title and body. Which service it goes to is not known here, and many read markup and mentions in any text."""
    if message.view is None:
        return "Tocsin", unmarked(one_line(message.incident, 200)) or "?"
    title = unmarked(subject(message.view))
    if message.phone:
        return title, unmarked(summary(message.view, message.line))
    return title, clip(unmarked(letter_text(message.view, message.line)), TEXT_LIMIT)
