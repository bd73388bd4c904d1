"""Slack as a way to people. EDGE.

slack_sdk's own retry posts twice when Slack accepts a message and the reply is lost, so the client is built without it,
and the outbox decides what is tried again. The proof that a message arrived is its page id in the message's `metadata`,
read back from the channel (docs.slack.dev/messaging/message-metadata).
"""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.ways import Message, Outcome, Settles, Unreadable
from stream import crash

EVENT_TYPE = "tocsin_page"
RETRY_MS = 5_000
"""How long to wait where Slack does not say."""
LONGEST_RETRY_MS = 60_000
"""A longer Retry-After is not believed: a page is due within five minutes."""
PAGE_SIZE = 200
PAGES_READ = 25

_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")
_PERSON = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")

MAY_HAVE_WORKED = frozenset({"fatal_error", "internal_error", "request_timeout"})
"""Slack's documentation: "some aspect of the operation may have succeeded before the error was raised"."""
TRY_AGAIN = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "team_added_to_org"}
)
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)


def slack_client(token: str, base_url: str = "https://slack.com/api/", timeout_ms: int = 10_000) -> AsyncWebClient:
    """A client that never tries again by itself. `base_url` may name a Slack of one's own for trials."""
    base_url = base_url if base_url.endswith("/") else base_url + "/"
    seconds = max(1, timeout_ms // 1000)
    client = AsyncWebClient(token=token, base_url=base_url, timeout=seconds, retry_handlers=[])
    if urlsplit(base_url).hostname in {"127.0.0.1", "localhost", "::1"}:
        client.proxy = None  # a proxy of the environment does not lead to this machine
    return client


def is_channel(to: str) -> bool:
    """Whether cards go to this address: a channel by id or name, or a conversation with one person.

    >>> [is_channel(to) for to in ("C0123", "#crisis", "D01", "U01", "S01")]
    [True, True, True, False, False]
    """
    return mention_of(to) == ""


def is_shared(to: str) -> bool:
    """Whether this is a channel, in which naming somebody wakes them; a conversation with one person is not.

    >>> [is_shared(to) for to in ("C0123", "#crisis", "D01", "U01")]
    [True, True, False, False]
    """
    return is_channel(to) and not to.startswith("D")


def mention_of(to: str) -> str:
    """How a person or a group is named in a message, or "" for a channel. From configuration alone, never from text.

    >>> mention_of("U0123"), mention_of("S0123"), mention_of("C0123"), mention_of("U1><!channel")
    ('<@U0123>', '<!subteam^S0123>', '', '')
    """
    if _PERSON.fullmatch(to):
        return f"<@{to}>"
    return f"<!subteam^{to}>" if _GROUP.fullmatch(to) else ""


class SlackWay:
    """Posts, finds and edits messages; every outcome is one of four, and nothing raises but `Unreadable`."""

    settles: Settles = "history"

    def __init__(self, client: AsyncWebClient, *, read_client: AsyncWebClient | None = None) -> None:
        self._client = client
        self._reader = read_client or client
        self._ids: dict[str, str] = {}
        """Names and people as the channel that Slack made of them."""

    async def prepare(self, to: str) -> Outcome | None:
        """Open a person's conversation, once."""
        try:
            await self._destination(to)
        except _NETWORK as error:
            return _before_sending(error)
        return None

    async def post(self, message: Message) -> Outcome:
        """One POST of chat.postMessage."""
        try:
            channel = await self._destination(message.to)
        except _NETWORK as error:
            return _before_sending(error)
        crash.here("slack.post.before")
        try:
            reply = await self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=list(message.blocks) or None,
                thread_ts=message.thread or None,
                reply_broadcast=True if message.thread and message.aloud else None,
                metadata=_metadata(message),
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
            )
        except _NETWORK as error:
            outcome = outcome_of(error)
            refused = outcome.detail == "invalid_blocks" and not message.blocks
            return Outcome("permanent", detail=outcome.detail) if refused else outcome
        crash.here("slack.post.after")
        found, ts = str(reply.get("channel") or channel), str(reply.get("ts") or "")
        self._ids[message.to] = found
        # An "ok" without a ts is no proof; the history will tell.
        return Outcome("sent", found, ts) if ts else Outcome("unknown", found, detail="no ts in the answer")

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Look for the page id in the channel, or in the card's thread. Needs an app installed as internal: others read
        one page a minute. Raises `Unreadable`.
        """
        try:
            channel = await self._channel_id(message.to)
            return await self._search(channel, message, f"{max(0, oldest_ms) // 1000}.000000")
        except _NETWORK as error:
            found = outcome_of(error)
            raise Unreadable(found.detail, permanent=found.kind == "permanent") from None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """chat.update: what is unknown may be done again."""
        try:
            await self._client.chat_update(
                channel=channel,
                ts=ts,
                text=message.text,
                blocks=list(message.blocks) or None,
                metadata=_metadata(message),
                parse="none",
                link_names=False,
            )
        except _NETWORK as error:
            return outcome_of(error)
        return Outcome("sent", channel, ts)

    async def _search(self, channel: str, message: Message, oldest: str) -> Outcome | None:
        cursor: str | None = None
        for _ in range(PAGES_READ):
            asked: dict[str, Any] = {"channel": channel, "oldest": oldest, "limit": PAGE_SIZE, "cursor": cursor}
            if message.thread:
                page = await self._reader.conversations_replies(ts=message.thread, include_all_metadata=True, **asked)
            else:
                page = await self._reader.conversations_history(include_all_metadata=True, **asked)
            for one in page.get("messages") or []:
                payload = ((one.get("metadata") or {}).get("event_payload")) or {}
                if payload.get("page_id") == message.page_id:
                    return Outcome("sent", channel, str(one["ts"]), detail="found in the history")
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None
        raise Unreadable("more messages than can be read", permanent=False)

    async def _destination(self, to: str) -> str:
        """The channel to post to. A person's conversation is opened first (again changes nothing), so that its history
        can be read should the reply be lost.
        """
        if to in self._ids:
            return self._ids[to]
        if not _PERSON.fullmatch(to):
            return to
        try:
            opened = await self._client.conversations_open(users=to)
        except SlackApiError as error:
            if _word(error) == "missing_scope":  # Slack still delivers to a person's id
                return to
            raise
        self._ids[to] = str(opened["channel"]["id"])
        return self._ids[to]

    async def _channel_id(self, to: str) -> str:
        channel = await self._destination(to)
        if _CHANNEL.fullmatch(channel):
            return channel
        cursor: str | None = None
        while True:
            page = await self._reader.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor
            )
            for one in page.get("channels") or []:
                if one.get("name") == to.removeprefix("#"):
                    self._ids[to] = str(one["id"])
                    return self._ids[to]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                raise Unreadable("channel_not_found", permanent=True)


def _metadata(message: Message) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"page_id": message.page_id, "incident": message.incident}}


def outcome_of(error: Exception) -> Outcome:
    """What an error says about a message: certain that it was not sent, certain and final, or unknown.

    The detail is a word of Slack's or the name of the error: never its text, which may quote what was sent.
    """
    if isinstance(error, SlackApiError):
        return _outcome_of_answer(error)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Outcome("not_sent", retry_ms=RETRY_MS, detail=type(error).__name__)
    return Outcome("unknown", detail=type(error).__name__)


def _outcome_of_answer(error: SlackApiError) -> Outcome:
    status, word = _status(error), _word(error)
    if status == 429 or word in TRY_AGAIN:
        return Outcome("not_sent", retry_ms=_retry_after_ms(error), detail=word or "ratelimited")
    if status >= 500 or word in MAY_HAVE_WORKED:
        return Outcome("unknown", detail=word or f"http_{status}")
    if not word:  # an answer that is no answer of Slack's
        return Outcome("unknown" if status == 200 else "permanent", detail=f"http_{status}")
    if word in BLOCKS_REFUSED:
        return Outcome("not_sent", retry_ms=0, detail="invalid_blocks")
    # Slack refuses in words. Whatever the word, the same message would be refused again.
    return Outcome("permanent", detail=word)


def _before_sending(error: Exception) -> Outcome:
    """The message itself was not posted yet: whatever is unknown about the call before it, this much is certain."""
    found = outcome_of(error)
    if found.kind == "unknown":
        return Outcome("not_sent", retry_ms=RETRY_MS, detail=found.detail)
    return found


def _status(error: SlackApiError) -> int:
    response = error.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)


def _word(error: SlackApiError) -> str:
    data = getattr(error.response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    return word[:80] if isinstance(word, str) else ""


def _retry_after_ms(error: SlackApiError) -> int:
    headers = getattr(error.response, "headers", None) or {}
    after = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    asked = int(after) * 1000 if str(after).isdecimal() else RETRY_MS
    return min(max(asked, 1000), LONGEST_RETRY_MS)
