"""The page a human looks at: channels as a chat, buttons that click, faults to switch on. Everything is escaped.

It answers only to a loopback Host, and changes things only for requests with its own header, which a page from
elsewhere cannot set.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from aiohttp import web

from tests.fakes.slack.ledger import Json, Message
from tests.fakes.slack.render import Renderer
from tests.fakes.slack.workspace import BOT_USER, Channel

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack

HEADER = "X-Fake-Slack"
BUTTON_FAULTS: tuple[tuple[str, Json], ...] = (
    ("Lose the next reply", {"method": "chat.postMessage", "kind": "lost_reply"}),
    ("429 for the next post", {"method": "chat.postMessage", "kind": "ratelimited", "retry_after_s": 5}),
    ("500 for the next post", {"method": "chat.postMessage", "kind": "http_500"}),
    ("503 for the next post", {"method": "chat.postMessage", "kind": "http_503"}),
    ("Never answer the next post", {"method": "chat.postMessage", "kind": "timeout"}),
    ("Reset the next post", {"method": "chat.postMessage", "kind": "reset"}),
    ("Next post arrives 30 s late", {"method": "chat.postMessage", "kind": "late", "delay_s": 30.0, "hang_up": True}),
    ("fatal_error, but accepted", {"method": "chat.postMessage", "kind": "ok_false:fatal_error", "accept": True}),
    ("invalid_auth from now on", {"method": "*", "kind": "ok_false:invalid_auth", "times": None}),
    ("Down (503) from now on", {"method": "*", "kind": "http_503", "times": None}),
    ("History lags 20 s", {"method": "conversations.*", "kind": "history_lag", "delay_s": 20.0}),
)


class Page:
    """The routes of the page."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        render = Renderer(slack.workspace)
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=jinja2.ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters |= {
            "mrkdwn": render.mrkdwn,
            "text_object": render.text_object,
            "rich_text": render.rich_text,
            "pretty": lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        }

    def add_routes(self, app: web.Application) -> None:
        """Put the page's routes into the server."""
        app.router.add_get("/", self._guard(self._shell))
        app.router.add_get("/ui/view", self._guard(self._view))
        for path, handler in (
            ("/ui/click", self._click),
            ("/ui/say", self._say),
            ("/ui/replay", self._replay),
            ("/ui/fault", self._fault),
            ("/ui/sockets", self._sockets),
        ):
            app.router.add_post(path, self._guard(handler))

    def _guard(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.host.rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
                raise web.HTTPForbidden(text="loopback only")
            if request.method == "POST" and request.headers.get(HEADER) != "1":
                raise web.HTTPForbidden(text="not from this page")
            return await handler(request)

        return guarded

    # -- reading -------------------------------------------------------------------------------------------------------

    async def _shell(self, request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(12)
        html = self.environment.get_template("page.html").render(self._context(request) | {"nonce": nonce})
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        """The parts that change, or 204 if nothing has since `rev`."""
        if request.query.get("rev") == self._revision():
            return web.Response(status=204)
        module = self.environment.get_template("page.html").make_module(self._context(request) | {"nonce": ""})
        parts = {name: str(getattr(module, name)()) for name in ("sidebar", "stream", "panel")}
        return web.json_response({"rev": self._revision(), **parts})

    def _revision(self) -> str:
        faults = sum(f.fired for f in self.slack.faults.all) * 1000 + len(self.slack.faults.all)
        return f"{self.slack.ledger.revision}-{faults}-{self.slack.sockets.opened}-{len(self.slack.sockets.sockets)}"

    def _context(self, request: web.Request) -> Json:
        slack = self.slack
        current = slack.workspace.channel(request.query.get("channel", "")) or self._busiest()
        top = [m for m in self._shown(current) if not m.is_reply]
        replies: dict[str, list[Message]] = {}
        for message in self._shown(current):
            if message.is_reply:
                replies.setdefault(str(message.thread_ts), []).append(message)
        return {
            "slack": slack,
            "rev": self._revision(),
            "current": current,
            "top": top,
            "replies": replies,
            "channels": list(slack.workspace.channels.values()),
            "counts": {c: sum(m.channel == c for m in slack.ledger.live()) for c in slack.workspace.channels},
            "people": [u for u in slack.workspace.users.values() if not u.is_bot],
            "bot": BOT_USER,
            "button_faults": [(label, json.dumps(fault)) for label, fault in BUTTON_FAULTS],
            "faults": slack.faults.all,
            "sockets": slack.sockets.sockets,
            "requests": slack.ledger.requests[-40:][::-1],
            "clicks": slack.interactivity.clicks[-5:][::-1],
            "hue": lambda user: sum(map(ord, user)) * 47 % 360,
        }

    def _shown(self, channel: Channel) -> list[Message]:
        return [m for m in self.slack.ledger.posts if m.channel == channel.id and not m.deleted]

    def _busiest(self) -> Channel:
        """Where the last message is, so that a first look shows something."""
        channels, live = self.slack.workspace.channels, self.slack.ledger.live()
        return channels[live[-1].channel] if live else next(iter(channels.values()))

    # -- doing ---------------------------------------------------------------------------------------------------------

    async def _click(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        try:
            result = await self.slack.click(
                str(asked["ts"]), str(asked["action_id"]), str(asked["user"]), value=asked.get("value"), timeout_s=4
            )
        except (LookupError, ValueError) as error:
            return web.json_response({"ok": False, "said": str(error)})
        how = f"HTTP {result.status}" if result.status else "acknowledged" if result.acked else str(result.error)
        return web.json_response({"ok": result.acked, "said": f"{how} in {result.elapsed_s * 1000:.0f} ms"})

    async def _say(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        text = str(asked["text"]).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        self.slack.say(str(asked["channel"]), text, str(asked["user"]))
        return web.json_response({"ok": True, "said": "posted"})

    async def _replay(self, _: web.Request) -> web.StreamResponse:
        try:
            result = await self.slack.replay_last_click()
        except LookupError as error:
            return web.json_response({"ok": False, "said": str(error)})
        return web.json_response({"ok": True, "said": f"replayed: {result.status or result.error}"})

    async def _fault(self, request: web.Request) -> web.StreamResponse:
        asked: dict[str, Any] = await request.json()
        if asked.get("clear"):
            self.slack.faults.clear()
        else:
            try:
                self.slack.faults.add(**asked)
            except (TypeError, ValueError) as error:
                return web.json_response({"ok": False, "said": str(error)})
        self.slack.ledger.touch()
        return web.json_response({"ok": True, "said": "faults cleared" if asked.get("clear") else "armed"})

    async def _sockets(self, request: web.Request) -> web.StreamResponse:
        reason = str((await request.json())["reason"])
        told = self.slack.sockets.drop() if reason == "drop" else await self.slack.sockets.disconnect(reason)
        return web.json_response({"ok": True, "said": f"{reason}: {told} socket(s)"})
