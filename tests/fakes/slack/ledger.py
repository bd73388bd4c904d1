"""What the fake has seen: every request, every accepted message with its edits. Tokens are never kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.workspace import APP_ID, BOT_ID, BOT_USER

Json = dict[str, Any]
SECRET_KEYS = frozenset({"token", "client_secret", "refresh_token"})


@dataclass
class Edit:
    """What a message said before it was edited, and when the edit was accepted."""

    at: float
    text: str
    blocks: list[Json]


@dataclass
class Message:
    """One accepted message as it stands now; `edits` holds what it was before."""

    channel: str
    ts: str
    accepted_at: float
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    user: str = BOT_USER
    thread_ts: str | None = None
    reply_broadcast: bool = False
    parse: str | None = None
    link_names: bool = False
    mrkdwn: bool = True
    files: list[Json] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    deleted: bool = False
    ephemeral_to: str | None = None

    @property
    def is_reply(self) -> bool:
        """Whether the message belongs to a thread that another message began."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def page_id(self) -> str | None:
        """`metadata.event_payload.page_id`, if the message carries one."""
        payload = (self.metadata or {}).get("event_payload") or {}
        value = payload.get("page_id")
        return value if isinstance(value, str) else None

    @property
    def incident(self) -> str:
        """`metadata.event_payload.incident`; empty where the message is about none."""
        payload = (self.metadata or {}).get("event_payload") or {}
        return str(payload.get("incident", ""))

    def to_slack(self, team: str, *, with_metadata: bool = False) -> Json:
        """The message object of history, replies, answers and click payloads."""
        shown: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team}
        if self.user == BOT_USER:
            shown |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": {"id": BOT_ID, "name": "tocsin"}}
        if self.blocks:
            shown["blocks"] = copy.deepcopy(self.blocks)
        if self.attachments:
            shown["attachments"] = copy.deepcopy(self.attachments)
        if self.files:
            shown["files"] = copy.deepcopy(self.files)
        if self.thread_ts is not None:
            shown["thread_ts"] = self.thread_ts
        if self.edits:
            shown["edited"] = {"user": self.user, "ts": f"{self.edits[-1].at:.6f}"}
        if with_metadata and self.metadata:
            shown["metadata"] = copy.deepcopy(self.metadata)
        return shown


@dataclass
class RequestRecord:
    """One request. `outcome` is `ok`, `error:<word>`, `fault:<kind>` or `fault:<kind>+accepted`."""

    number: int
    method: str
    at: float
    token_ok: bool
    body: Json
    outcome: str = "pending"
    accepted_ts: str | None = None


class Ledger:
    """Requests and messages in the order in which they came."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.requests: list[RequestRecord] = []
        self.posts: list[Message] = []
        self.revision = 0
        self._last_ts_us = 0

    def touch(self) -> None:
        """Something changed: the page redraws."""
        self.revision += 1

    def next_ts(self) -> str:
        """Seconds and microseconds of the clock, unique and increasing even if the clock stands still or goes back."""
        self._last_ts_us = max(int(self.clock() * 1_000_000), self._last_ts_us + 1)
        seconds, us = divmod(self._last_ts_us, 1_000_000)
        return f"{seconds}.{us:06d}"

    def begin(self, method: str, body: Json, *, token_ok: bool) -> RequestRecord:
        """Write a request down before anything is done about it."""
        kept = {key: value for key, value in body.items() if key not in SECRET_KEYS}
        record = RequestRecord(len(self.requests) + 1, method, self.clock(), token_ok, kept)
        self.requests.append(record)
        self.touch()
        return record

    def add(self, message: Message) -> Message:
        """Accept a message."""
        self.posts.append(message)
        self.touch()
        return message

    def edit(self, message: Message) -> None:
        """Keep what a message says now, just before it is changed."""
        message.edits.append(Edit(self.clock(), message.text, copy.deepcopy(message.blocks)))
        self.touch()

    def find(self, channel: str, ts: str) -> Message | None:
        """The message at a channel and ts, unless deleted or shown to one person only."""
        return next((m for m in self.live(channel) if m.ts == ts), None)

    def by_ts(self, ts: str) -> Message | None:
        """The message with this ts in any channel; ts never repeats here."""
        return next((m for m in self.posts if m.ts == ts), None)

    def live(self, channel: str | None = None) -> list[Message]:
        """Messages that are neither deleted nor ephemeral, oldest first."""
        return [
            m for m in self.posts if not m.deleted and not m.ephemeral_to and (channel is None or m.channel == channel)
        ]
