"""The App Home: shown when somebody opens it, and kept fresh for those who opened it lately. EDGE."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.clicks import Clicks, Malformed
from alerting.delivery.slack import outcome_of
from alerting.delivery.slack_modals import NETWORK
from alerting.home import Overview, home_view, stranger_home

KEPT_FRESH_MS = 3_600_000
"""For how long after somebody opened it."""
KEPT_FRESH = 50
"""Homes that are kept fresh at most: those opened last."""
LOOK_EVERY_S = 5
APART_S = 0.7
"""Between two calls: Slack allows about a hundred a minute (docs.slack.dev/reference/methods/views.publish, tier 4)."""
REMEMBERED = 1_000

_log = structlog.get_logger(__name__)


class _Event(msgspec.Struct, frozen=True):
    type: str = ""
    user: str = ""
    tab: str = "home"


class _Envelope(msgspec.Struct, frozen=True):
    event: _Event = _Event()
    event_id: str = ""
    team_id: str = ""


class _Watcher(msgspec.Struct):
    """Somebody whose Home is kept fresh."""

    opened_ms: int
    shown: list[Any]
    """The blocks that they see, without the line that says when that was."""


class Homes:
    """Publishes App Homes. Whatever fails is tried again when the Home is opened anew, or something changes.

    `overview` is asked at most once in five seconds while anybody looks, and by nobody otherwise.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        clicks: Clicks,
        overview: Callable[[], Overview],
        clock: Callable[[], int],
        *,
        apart_s: float = APART_S,
    ) -> None:
        self._client = client
        self._clicks = clicks
        self._overview = overview
        self._clock = clock
        self._apart_s = apart_s
        self._watchers: dict[str, _Watcher] = {}
        """By Slack user id, whoever opened it last at the end."""
        self._events: dict[str, None] = {}
        self._strangers: dict[str, int] = {}
        self._one = asyncio.Lock()
        self._next_s = 0.0
        self._workspace_url = ""
        self.published = 0
        self.failed = 0

    def take(self, payload: Mapping[str, Any]) -> Callable[[], Awaitable[None]] | None:
        """What is to be done about an event: each once, however often Slack sends it. Raises `Malformed`."""
        try:
            read = msgspec.convert(payload, _Envelope)
        except msgspec.ValidationError:
            raise Malformed("unreadable event") from None
        event = read.event
        if event.type != "app_home_opened" or event.tab != "home" or not event.user:
            return None
        if read.event_id in self._events:
            return None
        self._events[read.event_id] = None
        while len(self._events) > REMEMBERED:
            del self._events[next(iter(self._events))]
        return partial(self.opened, event.user, read.team_id)

    async def opened(self, user: str, team: str) -> None:
        """Show somebody how things stand now. A stranger is shown that they are one, at most once in an hour."""
        now_ms = self._clock()
        if self._clicks.listed(user, team, "home") is None:
            if now_ms - self._strangers.get(user, -KEPT_FRESH_MS) >= KEPT_FRESH_MS:
                self._strangers[user] = now_ms
                while len(self._strangers) > REMEMBERED:
                    del self._strangers[next(iter(self._strangers))]
                await self._publish(user, stranger_home())
            return
        self._watchers.pop(user, None)
        self._watchers[user] = _Watcher(now_ms, [])
        while len(self._watchers) > KEPT_FRESH:
            del self._watchers[next(iter(self._watchers))]
        await self.refresh()

    async def run(self) -> None:
        """Keep the Homes fresh until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - a Home that cannot be shown is no reason to stop paging
                self.failed += 1
                _log.error("home_failed", error=type(error).__name__)

    async def refresh(self) -> None:
        """Publish anew to whoever opened it lately and sees something else than there is."""
        now_ms = self._clock()
        for user in [one for one, kept in self._watchers.items() if now_ms - kept.opened_ms > KEPT_FRESH_MS]:
            del self._watchers[user]
        if not self._watchers:
            return
        await self._know_workspace()
        view = home_view(self._overview(), self._workspace_url)
        for user, watcher in list(self._watchers.items()):
            if watcher.shown != view["blocks"][:-1] and await self._publish(user, view):
                watcher.shown = view["blocks"][:-1]

    async def _publish(self, user: str, view: Mapping[str, Any]) -> bool:
        async with self._one:
            await asyncio.sleep(max(0.0, self._next_s - time.monotonic()))
            try:
                await self._client.views_publish(user_id=user, view=dict(view))
            except NETWORK as error:
                self.failed += 1
                outcome = outcome_of(error)
                self._next_s = time.monotonic() + max(self._apart_s, outcome.retry_ms / 1000)
                _log.warning("home_not_published", why=outcome.detail)
                return False
            self._next_s = time.monotonic() + self._apart_s
            self.published += 1
        return True

    async def _know_workspace(self) -> None:
        """What links to cards begin with; without it there are no links."""
        if not self._workspace_url:
            try:
                self._workspace_url = str((await self._client.auth_test()).get("url") or "")
            except (SlackApiError, *NETWORK):
                self._workspace_url = ""
