"""What an incident gets in Slack besides its pages: a picture in the card's thread, a channel of its own. EDGE.

Best effort, in a task beside the pages: nothing here delays one or is waited for. What is still to be done follows
from the incident's view in the outbox, so a crash forgets nothing: a picture may then come twice, and a channel that
was opened already is recognised by its name, its creator and its topic.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import aiohttp
import msgspec
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.asks import room_link
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.slack import EVENT_TYPE, mention_of, outcome_of
from alerting.delivery.ways import Address, Outcome
from alerting.facts import SEVERITIES
from alerting.inert import clip, mrkdwn
from alerting.view import IncidentView
from alerting.words import kind_text
from stream import crash

ATTEMPTS = 5
"""After so many failures in a row a picture or a channel is given up: by then the story has gone on without it."""
LONGEST_WAIT_MS = 60_000
NAME_LIMIT = 80
"""Of a channel (docs.slack.dev/reference/methods/conversations.create)."""
TOPIC_LIMIT = 250
NAMES_TRIED = 5
INVITED_AT_ONCE = 100
_NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)
_APART = " · "
_OCTETS = {"Content-Type": "application/octet-stream"}
_PERSON = re.compile(r"[UW][A-Z0-9]+")


_BEFORE = ("planned", "sending", "not_sent")


class NameTaken(Exception):  # noqa: N818 - what happened, not a mistake
    """Others have a channel under each of the names that were tried."""


class Picture(NamedTuple):
    """A picture and the words that say the same. The words are inert."""

    png: bytes
    alt: str
    title: str


class SlackSide:
    """Pictures and channels, one job at a time.

    `picture` draws the incident as it stands, or gives `None`; it runs in a thread of its own. `resolve` says where a
    target of the flowchart is reached. Either may be left out, and what it is needed for is not done.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        outbox: Outbox,
        resolve: Callable[[str], Sequence[Address]],
        picture: Callable[[IncidentView], Picture | None] | None = None,
        *,
        opens_channels: bool = True,
        wait_ms: int = 2_000,
    ) -> None:
        self._client, self._outbox, self._resolve, self._picture = client, outbox, resolve, picture
        self._opens_channels = opens_channels
        self._wait_ms = wait_ms
        self._wanted: dict[str, None] = {}
        """Incidents to look at, in order."""
        self._failures: dict[tuple[str, str], int] = {}
        self._news = asyncio.Event()
        self._me = ""
        self.counts: dict[str, int] = {"pictures": 0, "pictures_refused": 0, "channels": 0, "channels_refused": 0}
        self.refusals: dict[str, str] = {}
        """Slack's last word, by what it refused: `missing_scope`, ..."""

    def after_card(self, row: OutboxRow) -> None:
        """The card of an incident stands or has changed. Returns at once."""
        if row.way == "slack":
            self._wanted[row.incident] = None
            self._news.set()

    async def run(self) -> None:
        """Work until cancelled; begins with what the process before left undone."""
        for row in self._outbox.cards("slack"):
            self._wanted[row.incident] = None
        while True:
            wait_ms = await self.step()
            self._news.clear()
            if not self._wanted:
                await self._news.wait()
            elif wait_ms:
                await asyncio.sleep(wait_ms / 1000)

    async def step(self) -> int:
        """Do what is wanted now. Returns how long to wait before what is left is tried again, in ms.

        Slack takes about one message a second in a channel: while pages wait for it, nothing here takes their place.
        """
        longest_ms = 0
        for incident in list(self._wanted):
            if self._pages_wait():
                return self._wait_ms
            del self._wanted[incident]
            for name, job in (("channels", self._channel), ("pictures", self._thread_picture)):
                wait_ms = await self._tried(name, incident, job)
                if wait_ms:
                    self._wanted[incident] = None
                longest_ms = max(longest_ms, wait_ms)
        return longest_ms

    def _pages_wait(self) -> bool:
        return any(row.way == "slack" and row.state in _BEFORE for row in self._outbox.unsettled())

    async def _tried(self, name: str, incident: str, job: Callable[[str], Awaitable[None]]) -> int:
        """Do one job; what Slack refuses for good is counted and not tried again, the rest a few times."""
        key = (name, incident)
        if self._failures.get(key, 0) >= ATTEMPTS:
            return 0
        try:
            await job(incident)
        except _NETWORK as error:
            outcome = outcome_of(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop what is beside it
            outcome = Outcome("permanent", detail=type(error).__name__)
        else:
            self._failures.pop(key, None)
            return 0
        self.refusals[name] = outcome.detail
        self._failures[key] = ATTEMPTS if outcome.kind == "permanent" else self._failures.get(key, 0) + 1
        if self._failures[key] >= ATTEMPTS:
            self.counts[f"{name}_refused"] += 1
            return 0
        return min(max(outcome.retry_ms, self._wait_ms * self._failures[key]), LONGEST_WAIT_MS)

    # ---- the picture

    async def _thread_picture(self, incident: str) -> None:
        view, place = self._outbox.view(incident), self._outbox.card_of(incident)
        if view is None or place is None or self._picture is None or view.over or not _is_graver(view):
            return
        drawn = await asyncio.to_thread(self._picture, view)
        if drawn is None:
            return
        await self._upload(drawn, *place, name=f"{_slug(incident)}.png")
        self.counts["pictures"] += 1
        self._change(incident, lambda now: msgspec.structs.replace(now, pictured=view.severity))

    async def _upload(self, drawn: Picture, channel: str, thread: str, *, name: str) -> None:
        """Slack's three steps. files_upload_v2 does the same but hides which of them failed."""
        asked: Any = await self._client.files_getUploadURLExternal(
            filename=name, length=len(drawn.png), alt_txt=clip(drawn.alt, 1000)
        )
        await self._put(str(asked["upload_url"]), drawn.png)
        crash.here("slack.picture.before")
        await self._client.files_completeUploadExternal(
            files=[{"id": str(asked["file_id"]), "title": clip(drawn.title, 200)}],
            channel_id=channel,
            thread_ts=thread,
        )
        crash.here("slack.picture.after")

    async def _put(self, url: str, body: bytes) -> None:
        timeout = aiohttp.ClientTimeout(total=self._client.timeout)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=_OCTETS, proxy=self._client.proxy) as answer,
        ):
            answer.raise_for_status()

    # ---- the incident's own channel

    async def _channel(self, incident: str) -> None:
        view, place = self._outbox.view(incident), self._outbox.card_of(incident)
        if view is None or place is None or view.over or not self._opens_channels:
            return
        if not view.asks.channel or view.asks.room:
            return
        room = await self._opened(view)
        await self._client.conversations_setTopic(channel=room, topic=_topic(view))
        people, groups = await self._people(view.asks.invited)
        await self._invite(room, people)
        await self._post_once((room, ""), incident, await self._welcome(place, groups))
        await self._post_once(place, incident, f"{room_link(room)} is open for this crisis.")
        crash.here("slack.room.before")
        self._change(
            incident,
            lambda now: (
                msgspec.structs.replace(now, asks=msgspec.structs.replace(now.asks, room=room))
                if now.asks.channel == view.asks.channel
                else now
            ),
        )
        self.counts["channels"] += 1

    async def _opened(self, view: IncidentView) -> str:
        """The id of a new channel, or of the one that this incident has already."""
        wanted = view.asks.channel.removeprefix("#")
        for number in range(1, NAMES_TRIED + 1):
            name = channel_name(wanted, number)
            try:
                made: Any = await self._client.conversations_create(name=name)
            except SlackApiError as error:
                if outcome_of(error).detail != "name_taken":
                    raise
                ours = await self._ours(name, view.incident)
                if ours:
                    return ours
            else:
                crash.here("slack.room.created")
                return str(made["channel"]["id"])
        raise NameTaken(wanted)

    async def _ours(self, name: str, incident: str) -> str:
        """The channel of this name, if we opened it for this incident: a crash may have come before its topic."""
        if not self._me:
            self._me = str((await self._client.auth_test())["user_id"])
        cursor: str | None = None
        while True:
            page: Any = await self._client.conversations_list(
                types="public_channel", exclude_archived=True, limit=1000, cursor=cursor
            )
            for one in page.get("channels") or []:
                topic = str((one.get("topic") or {}).get("value") or "")
                if (
                    one.get("name") == name
                    and one.get("creator") == self._me
                    and (not topic or incident in topic.split(_APART))
                ):
                    return str(one["id"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return ""

    async def _people(self, targets: Sequence[str]) -> tuple[list[str], list[str]]:
        """Users to invite, and groups; of a group the members too, where we may read them."""
        found = [one.to for target in targets for one in self._resolve(target) if one.way == "slack"]
        people = [to for to in found if _PERSON.fullmatch(to)]
        groups = [to for to in found if mention_of(to).startswith("<!subteam")]
        for group in dict.fromkeys(groups):
            try:
                answer: Any = await self._client.usergroups_users_list(usergroup=group)
            except SlackApiError:
                continue
            people += [str(one) for one in answer.get("users") or []]
        return list(dict.fromkeys(people)), list(dict.fromkeys(groups))

    async def _invite(self, room: str, people: Sequence[str]) -> None:
        """Whoever can be invited. That somebody is there already, or gone, is no reason to leave the others out."""
        for first in range(0, len(people), INVITED_AT_ONCE):
            users = ",".join(people[first : first + INVITED_AT_ONCE])
            try:
                await self._client.conversations_invite(channel=room, users=users, force=True)
            except SlackApiError as error:
                if outcome_of(error).kind != "permanent":
                    raise

    async def _welcome(self, place: tuple[str, str], groups: Sequence[str]) -> str:
        channel, ts = place
        answer: Any = await self._client.chat_getPermalink(channel=channel, message_ts=ts)
        mentions = " ".join(mention_of(group) for group in groups)
        return f"{mentions} The card of this crisis, with its buttons: {answer['permalink']}".strip()

    async def _post_once(self, place: tuple[str, str], incident: str, text: str) -> None:
        """A line of ours about the channel, unless it is there: looked for by the id in its metadata."""
        (channel, thread), page_id = place, f"room:{incident}"
        asked: Any = {"channel": channel, "limit": 100, "include_all_metadata": True}
        if thread:
            page: Any = await self._client.conversations_replies(ts=thread, **asked)
        else:
            page = await self._client.conversations_history(**asked)
        for one in page.get("messages") or []:
            if (((one.get("metadata") or {}).get("event_payload")) or {}).get("page_id") == page_id:
                return
        await self._client.chat_postMessage(
            channel=channel,
            text=text,
            thread_ts=thread or None,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"page_id": page_id, "incident": incident}},
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )

    def _change(self, incident: str, change: Callable[[IncidentView], IncidentView]) -> None:
        """Change the view as it is by now: decisions may have come while Slack was asked."""
        now = self._outbox.view(incident)
        if now is not None:
            self._outbox.save_view(change(now))


def channel_name(wanted: str, number: int = 1) -> str:
    """A name that Slack takes: small letters, digits, dashes and underscores, at most 80; from the second try on with
    its number at the end.

    >>> channel_name("Crisis Acme.1"), channel_name("crisis-acme-1", 2), len(channel_name("x" * 99, 3))
    ('crisis-acme-1', 'crisis-acme-1-2', 80)
    """
    suffix = f"-{number}" if number > 1 else ""
    return (_slug(wanted)[: NAME_LIMIT - len(suffix)] or "crisis") + suffix


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")


def _topic(view: IncidentView) -> str:
    """Names the incident, by which the channel is recognised as its own. Inert."""
    parts = ["DRILL"] * view.drill + [view.incident, mrkdwn(view.brand, 60, 1), mrkdwn(kind_text(view), 60, 1)]
    return clip(_APART.join(parts), TOPIC_LIMIT)


def _is_graver(view: IncidentView) -> bool:
    """Whether it was never drawn, or has become graver since."""
    if view.severity not in SEVERITIES:
        return False
    return not view.pictured or SEVERITIES.index(view.severity) > SEVERITIES.index(view.pictured)
