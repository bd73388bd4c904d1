"""What people do: clicks, slash commands, submitted modals and opened App Homes, signed over HTTP or through Socket
Mode, and what the app answered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.ledger import Edit, Json, Ledger, Message
from tests.fakes.slack.socket_mode import SocketMode
from tests.fakes.slack.views import ViewStore
from tests.fakes.slack.workspace import APP_ID, Workspace

HTTP_TIMEOUT_S = 3.0
FORM = "application/x-www-form-urlencoded"
FORGERIES = ("secret", "body", "missing", "timestamp")


@dataclass
class ClickResult:
    """How the app took a click.

    `status` is the HTTP status (None if it answered nothing in time, or the click went by socket); `acked` says
    whether Slack would take it as handled; `deliveries` how often it was sent; `error` is `timeout` or `refused`.
    """

    via: str
    status: int | None
    acked: bool
    body: Any
    elapsed_s: float
    deliveries: int = 1
    error: str | None = None


@dataclass
class ResponseUrl:
    """Where an app may answer a click later: five times within half an hour."""

    channel: str
    ts: str
    opened_at: float
    user: str
    uses: int = 0


@dataclass
class SignedRequest:
    """The bytes of a request as they went out, to be sent again."""

    body: bytes
    headers: dict[str, str] = field(repr=False)
    url: str | None = None


class Interactivity:
    """Builds clicks and sends them."""

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        sockets: SocketMode,
        views: ViewStore,
        *,
        signing_secret: str,
        interactivity_url: str | None,
    ) -> None:
        self.workspace = workspace
        self.ledger = ledger
        self.sockets = sockets
        self.views = views
        self.signing_secret = signing_secret
        self.interactivity_url = interactivity_url
        self.command_url: str | None = None
        self.events_url: str | None = None
        self.http_timeout_s = HTTP_TIMEOUT_S
        self.base = ""
        self.clicks: list[ClickResult] = []
        self.response_urls: dict[str, ResponseUrl] = {}
        self.last: SignedRequest | None = None

    def payload(self, target: str | Message, action_id: str, user: str, value: str | None, *, stale: bool) -> Json:
        """The block_actions payload for a button of a message. Raises LookupError if nobody could click that."""
        message = target if isinstance(target, Message) else self.ledger.by_ts(target)
        if message is None:
            raise LookupError(f"no message {target}")
        blocks, element, block_id = _find_element(message, action_id, stale=stale)
        person = self.workspace.users[user]
        channel = self.workspace.channels[message.channel]
        shown = message.to_slack(self.workspace.team) | {"blocks": blocks}
        return {
            "type": "block_actions",
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": self.workspace.team},
            "api_app_id": APP_ID,
            "token": "deprecated-verification-token",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": message.ephemeral_to is not None,
            },
            "trigger_id": self.views.new_trigger(),
            "team": {"id": self.workspace.team, "domain": self.workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": "directmessage" if channel.dm_with else channel.name},
            "message": shown,
            "state": {"values": {}},
            "response_url": self.response_url(message.channel, message.ts, user),
            "actions": [_action(element, block_id, value, self.ledger.clock())],
        }

    def response_url(self, channel: str, ts: str, user: str) -> str:
        """A fresh address at which an app may answer."""
        key = secrets.token_urlsafe(12)
        self.response_urls[key] = ResponseUrl(channel, ts, self.ledger.clock(), user)
        return f"{self.base}/actions/{key}"

    def signed(self, payload: Json, *, age_s: float = 0.0, forge: str | None = None) -> SignedRequest:
        """A click's bytes and headers: form-encoded and signed `v0:{ts}:{body}`; `forge` spoils it in one way."""
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        return self.signed_bytes(urlencode({"payload": text}).encode(), FORM, age_s=age_s, forge=forge)

    def signed_bytes(
        self, body: bytes, content_type: str, *, age_s: float = 0.0, forge: str | None = None, url: str | None = None
    ) -> SignedRequest:
        """Any bytes with the headers that Slack signs them with."""
        stamp = str(int(self.ledger.clock() - age_s))
        secret = "not-the-secret" if forge == "secret" else self.signing_secret
        digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": "abc" if forge == "timestamp" else stamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        if forge == "missing":
            del headers["X-Slack-Signature"]
        return SignedRequest(body + b"&x=1" if forge == "body" else body, headers, url)

    async def by_http(self, request: SignedRequest) -> ClickResult:
        """POST a request to the app and wait for its answer for three seconds, as Slack does. Slack does not retry."""
        url = request.url or self.interactivity_url
        if url is None:
            raise ValueError("no interactivity_url: set it, or click via='socket'")
        began = time.monotonic()
        status: int | None = None
        body, error = "", None
        try:
            timeout = aiohttp.ClientTimeout(total=self.http_timeout_s)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=request.body, headers=request.headers) as answer,
            ):
                status, body = answer.status, await answer.text()
        except TimeoutError:
            status, error = None, "timeout"
        except (aiohttp.ClientError, OSError):
            error = "refused"
        acked = status is not None and 200 <= status < 300
        return self._keep(ClickResult("http", status, acked, body, time.monotonic() - began, error=error))

    async def by_socket(self, payload: Json, timeout_s: float, kind: str = "interactive") -> ClickResult:
        """Send a payload through Socket Mode and wait for the ack."""
        began = time.monotonic()
        envelope = await self.sockets.deliver(kind, payload, timeout_s=timeout_s)
        acked = envelope.acked.is_set()
        error = None if acked else "timeout"
        elapsed_s = time.monotonic() - began
        return self._keep(ClickResult("socket", None, acked, envelope.answer, elapsed_s, len(envelope.sent), error))

    def _keep(self, result: ClickResult) -> ClickResult:
        self.clicks.append(result)
        self.ledger.touch()
        return result

    async def send(self, payload: Json, via: str | None, *, age_s: float, timeout_s: float) -> ClickResult:
        """Send a click by the way asked for, or by the one that is set up."""
        way = via or ("http" if self.interactivity_url else "socket")
        if way == "socket":
            return await self.by_socket(payload, timeout_s)
        self.last = self.signed(payload, age_s=age_s)
        return await self.by_http(self.last)

    def respond(self, key: str, body: Json) -> str | None:
        """Take what an app posts to a response_url; the error word, or None if it was accepted."""
        place = self.response_urls.get(key)
        if place is None or place.uses >= 5:
            return "used_url"
        if self.ledger.clock() - place.opened_at > 1800:
            return "expired_url"
        place.uses += 1
        message = self.ledger.find(place.channel, place.ts)
        text, blocks = str(body.get("text") or ""), body.get("blocks") or []
        if message is not None and body.get("delete_original"):
            message.deleted = True
        elif message is not None and body.get("replace_original"):
            self.ledger.edit(message)
            message.text, message.blocks = text, blocks
        else:
            public = body.get("response_type") == "in_channel"
            reply = Message(place.channel, self.ledger.next_ts(), self.ledger.clock(), text, blocks)
            reply.ephemeral_to = None if public else place.user
            reply.thread_ts = body.get("thread_ts")
            self.ledger.add(reply)
        self.ledger.touch()
        return None


def _find_element(message: Message, action_id: str, *, stale: bool) -> tuple[list[Json], Json, str]:
    """The element with this action id, with the blocks in which it stood; with `stale`, in what the message was too."""
    versions: list[list[Json]] = [message.blocks]
    if stale:
        versions += [edit.blocks for edit in reversed(message.edits) if isinstance(edit, Edit)]
    offered: list[str] = []
    for blocks in versions:
        for block in blocks:
            elements = [*(block.get("elements") or []), block.get("accessory")]
            for element in elements:
                if isinstance(element, dict) and element.get("action_id") == action_id:
                    return blocks, element, str(block.get("block_id", ""))
                if isinstance(element, dict) and element.get("action_id"):
                    offered.append(str(element["action_id"]))
    raise LookupError(f"message {message.ts} has no action {action_id!r}; it offers {offered}")


def _action(element: Json, block_id: str, value: str | None, now: float) -> Json:
    kind = element.get("type", "button")
    action: Json = {"action_id": element["action_id"], "block_id": block_id, "type": kind, "action_ts": f"{now:.6f}"}
    if kind == "button":
        action["text"] = element.get("text")
        chosen = value if value is not None else element.get("value")
        if chosen is not None:
            action["value"] = chosen
        if element.get("style"):
            action["style"] = element["style"]
    elif kind in {"static_select", "overflow", "radio_buttons"}:
        option = next((o for o in element.get("options", []) if o.get("value") == value), None)
        if option is None:
            raise LookupError(f"no option {value!r}")
        action["selected_option"] = option
    elif kind == "users_select":
        action["selected_user"] = value
    return action
