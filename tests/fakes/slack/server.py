"""The fake as one aiohttp server on 127.0.0.1: Web API, uploads, Socket Mode, response URLs and the page."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.slack.faults import Faults, Reply, play
from tests.fakes.slack.gestures import Gestures
from tests.fakes.slack.interactivity import FORGERIES, ClickResult, Interactivity
from tests.fakes.slack.ledger import Json, Ledger, Message, RequestRecord
from tests.fakes.slack.page import Page
from tests.fakes.slack.socket_mode import SocketMode
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.workspace import Workspace

T = TypeVar("T")
MAX_BODY_BYTES = 20 * 1024 * 1024
MAX_LINE_BYTES = 256 * 1024  # slack_sdk puts the arguments of some methods into the query


class FakeSlack:
    """Slack on the loopback, for one asyncio loop; `async with FakeSlack() as slack:` starts and stops it.

    `base_url` is what slack_sdk takes as base_url. `faults`, `workspace`, `ledger` and `sockets` are open to tests.
    `interactivity_url` may be set later, when the program under test knows its port. `posts_per_second` switches on
    the real limit of a channel (about one a second); off, nothing is limited but by faults. `clock` gives seconds
    since the epoch, for ts, signatures and lags; the waits of faults are always real.
    """

    def __init__(
        self,
        signing_secret: str = "fake-signing-secret",
        interactivity_url: str | None = None,
        team: str = "T1",
        app_token: str = "xapp-fake",
        bot_token: str = "xoxb-fake",
        *,
        port: int = 0,
        seed: int = 0,
        socket_redeliver_s: float = 3.0,
        socket_max_deliveries: int = 4,
        posts_per_second: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.port = port
        self.posts_per_second = posts_per_second
        self.faults = Faults()
        self.workspace = Workspace(team)
        self.ledger = Ledger(clock)
        self.sockets = SocketMode(seed=seed, redeliver_s=socket_redeliver_s, max_deliveries=socket_max_deliveries)
        self.api = WebApi(
            self.workspace,
            self.ledger,
            self.faults,
            bot_token=bot_token,
            app_token=app_token,
            open_socket=lambda: self.sockets.issue(self.port),
        )
        self.interactivity = Interactivity(
            self.workspace,
            self.ledger,
            self.sockets,
            self.api.views,
            signing_secret=signing_secret,
            interactivity_url=interactivity_url,
        )
        self.gestures = Gestures(self.interactivity)
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._last_post_at: dict[str, float] = {}

    # -- life ----------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> FakeSlack:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on 127.0.0.1; with port 0, on a free port, which `port` then says."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/v1/{ticket}", self._upload)
        app.router.add_get("/files/{id}", self._file)
        app.router.add_post("/actions/{key}", self._respond)
        app.router.add_get("/link/", self.sockets.handle)
        Page(self).add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, max_line_size=MAX_LINE_BYTES)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.api.base = self.interactivity.base = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Close every socket and every request that hangs."""
        self._stopping.set()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def base_url(self) -> str:
        """What slack_sdk wants as base_url."""
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def page_url(self) -> str:
        """Where a human can look."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def interactivity_url(self) -> str | None:
        """Where clicks are posted; None if clicks go by Socket Mode."""
        return self.interactivity.interactivity_url

    @interactivity_url.setter
    def interactivity_url(self, url: str | None) -> None:
        self.interactivity.interactivity_url = url

    def reached_at(self, base_url: str) -> None:
        """The program under test listens there: clicks, commands and events go to its usual paths by HTTP."""
        self.interactivity.interactivity_url = f"{base_url}/slack/interactivity"
        self.interactivity.command_url = f"{base_url}/slack/command"
        self.interactivity.events_url = f"{base_url}/slack/events"

    @property
    def modals(self) -> list[Json]:
        """Every modal that was opened, in order."""
        return self.api.views.opened

    @property
    def homes(self) -> dict[str, Json]:
        """The App Home of each person as it stands."""
        return self.api.views.home

    # -- requests ------------------------------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        params = await read_arguments(request)
        token = bearer(request) or _text_or_none(params.get("token"))
        answer = await self._answer(
            request,
            self.ledger.begin(method, params, token_ok=self.api.token_ok(method, token)),
            lambda: self._limited(method, params) or self.api.call(method, params, token),
        )
        if not answer.prepared:
            app_level = method == "apps.connections.open"
            answer.headers["X-OAuth-Scopes"] = "connections:write" if app_level else ",".join(sorted(self.api.granted))
        return answer

    async def _answer(
        self, request: web.Request, record: RequestRecord, call: Callable[[], Reply]
    ) -> web.StreamResponse:
        """Do what a request asks, or let a fault happen to it, and write down which."""

        def accept() -> Reply:
            reply = call()
            record.accepted_ts = reply.accepted_ts
            done = "ok" if reply.body.get("ok") else f"error:{reply.body.get('error')}"
            record.outcome = done if record.outcome == "pending" else f"{record.outcome}+accepted:{done}"
            self.ledger.touch()
            return reply

        fault = self.faults.draw(record.method, record.body)
        if fault is not None:
            record.outcome = f"fault:{fault.kind}"
            return await play(fault, request, accept, self._stopping)
        reply = accept()
        if reply.body.get("error") == "ratelimited":
            return web.json_response(reply.body, status=429, headers={"Retry-After": "1"})
        return web.json_response(reply.body)

    def _limited(self, method: str, params: Json) -> Reply | None:
        """Slack's own limit: about one message a second per channel."""
        if self.posts_per_second is None or method != "chat.postMessage":
            return None
        channel, now = str(params.get("channel")), self.ledger.clock()
        if now - self._last_post_at.get(channel, 0.0) < 1 / self.posts_per_second:
            return Reply({"ok": False, "error": "ratelimited"})
        self._last_post_at[channel] = now
        return None

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if request.content_type.startswith("multipart/"):
            parts = [part.file.read() for part in (await request.post()).values() if isinstance(part, web.FileField)]
            data = parts[0] if parts else b""
        else:
            data = await request.read()
        record = self.ledger.begin("files.upload", {"bytes": len(data)}, token_ok=True)

        def take() -> Reply:
            taken = self.api.files.receive(request.match_info["ticket"], data)
            return Reply({"ok": taken} if taken else {"ok": False, "error": "upload"})

        answer = await self._answer(request, record, take)
        if not record.outcome.startswith(("ok", "error")):
            return answer
        taken = record.outcome == "ok"
        return web.Response(status=200 if taken else 400, text=f"OK - {len(data)}" if taken else "upload refused")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self.api.files.by_id.get(request.match_info["id"])
        if file is None or file.data is None:
            raise web.HTTPNotFound
        image = file.name.rpartition(".")[2].lower() in {"png", "jpg", "jpeg", "gif"}
        kind = f"image/{file.name.rpartition('.')[2].lower().replace('jpg', 'jpeg')}" if image else "text/plain"
        return web.Response(body=file.data, content_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await read_arguments(request)

        def call() -> Reply:
            word = self.interactivity.respond(request.match_info["key"], body)
            return Reply({"ok": True} if word is None else {"ok": False, "error": word})

        return await self._answer(request, self.ledger.begin("response_url", body, token_ok=True), call)

    # -- what a person does --------------------------------------------------------------------------------------------

    async def click(
        self,
        target: str | Message,
        action_id: str,
        user: str = "U1",
        via: str | None = None,
        value: str | None = None,
        *,
        age_s: float = 0.0,
        stale: bool = False,
        timeout_s: float = 10.0,
    ) -> ClickResult:
        """Press a button of a message (given by its ts or itself) and return how the app answered.

        `via` is `http` or `socket`; None takes HTTP where an interactivity_url is set. `age_s` back-dates the
        signature; `stale` allows a button that only an earlier version of the message had, as in a client that has
        not redrawn; `timeout_s` bounds the wait for a socket and its ack. Raises LookupError if there is no such
        button.
        """
        payload = self.interactivity.payload(target, action_id, user, value, stale=stale)
        return await self.interactivity.send(payload, via, age_s=age_s, timeout_s=timeout_s)

    async def replay_last_click(self) -> ClickResult:
        """Send the very bytes of the last HTTP click again, signature and all. Raises LookupError before any click."""
        if self.interactivity.last is None:
            raise LookupError("nothing was clicked over HTTP yet")
        return await self.interactivity.by_http(self.interactivity.last)

    async def forge_click(
        self,
        target: str | Message,
        action_id: str,
        user: str = "U1",
        value: str | None = None,
        *,
        how: str = "secret",
        stale: bool = False,
    ) -> ClickResult:
        """A click that Slack did not sign.

        `how`: signed with another `secret`, `body` changed afterwards, signature `missing`, `timestamp` no number.
        """
        if how not in FORGERIES:
            raise ValueError(f"no such forgery: {how}")
        payload = self.interactivity.payload(target, action_id, user, value, stale=stale)
        return await self.interactivity.by_http(self.interactivity.signed(payload, forge=how))

    async def command(
        self,
        text: str,
        user: str = "U1",
        via: str | None = None,
        *,
        command: str = "/tocsin",
        channel: str = "C1",
        trigger_id: str | None = None,
        age_s: float = 0.0,
        forge: str | None = None,
    ) -> ClickResult:
        """Type a slash command; what the app answers at once is in the ledger, for that person alone. The same
        `trigger_id` is the same command sent again.
        """
        form = self.gestures.command_form(text, user, command=command, channel=channel, trigger_id=trigger_id)
        return await self.gestures.command(form, via, age_s=age_s, forge=forge)

    async def submit(
        self,
        view: Json,
        values: Json | None = None,
        user: str = "U1",
        via: str | None = None,
        *,
        forge: str | None = None,
    ) -> ClickResult:
        """Send an opened modal. Raises LookupError for values that it has no place for."""
        payload = self.gestures.submission(view, values or {}, user)
        if forge is not None:
            return await self.interactivity.by_http(self.interactivity.signed(payload, forge=forge))
        return await self.interactivity.send(payload, via, age_s=0.0, timeout_s=10.0)

    async def open_home(self, user: str = "U1", via: str | None = None, tab: str = "home") -> ClickResult:
        """Look at the app's Home."""
        event = {"type": "app_home_opened", "user": user, "channel": f"D{user[1:]}", "tab": tab}
        return await self.gestures.deliver(self.gestures.event(event), via)

    async def send_event(self, payload: Json, via: str | None = None, *, forge: str | None = None) -> ClickResult:
        """Send an event as it is: one of `gestures.event`, or a url_verification."""
        return await self.gestures.deliver(payload, via, forge=forge)

    def say(self, channel: str, text: str, user: str = "U1", thread_ts: str | None = None) -> Message:
        """A person writes in a channel."""
        message = Message(channel, self.ledger.next_ts(), self.ledger.clock(), text, user=user, thread_ts=thread_ts)
        return self.ledger.add(message)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> int:
        """Send a `disconnect` frame to every socket: `warning`, `refresh_requested` or `link_disabled`."""
        return await self.sockets.disconnect(reason)

    async def drop_sockets(self) -> int:
        """Cut every socket without a word."""
        return self.sockets.drop()

    async def wait_connected(self, count: int = 1, timeout_s: float = 5.0) -> None:
        """Wait until so many sockets are connected. Raises TimeoutError."""
        await self.sockets.wait_connected(count, timeout_s)

    # -- what happened -------------------------------------------------------------------------------------------------

    def messages(self, channel: str | None = None, *, thread: str | None = None) -> list[Message]:
        """Messages that stand, oldest first, replies included; those of one channel (id or name) or one thread."""
        found = self.workspace.channel(channel) if channel is not None else None
        if channel is not None and found is None:
            raise LookupError(f"no channel {channel}")
        live = self.ledger.live(found.id if found else None)
        return live if thread is None else [m for m in live if m.thread_ts == thread and m.is_reply]

    def posts_with_metadata(self, page_id: str) -> list[Message]:
        """Every accepted message that carries this page id, deleted ones too."""
        return [m for m in self.ledger.posts if m.page_id == page_id]

    def requests(self, method: str | None = None) -> list[RequestRecord]:
        """Every request so far, or those of one method."""
        return [r for r in self.ledger.requests if method is None or r.method == method]

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float = 5.0) -> T:
        """Wait until `predicate()` is true and return what it gave. Raises TimeoutError that says what came in."""
        give_up_at = time.monotonic() + timeout_s
        while not (value := predicate()):
            if time.monotonic() > give_up_at:
                raise TimeoutError(self.summary(timeout_s))
            await asyncio.sleep(0.01)
        return value

    def summary(self, waited_s: float) -> str:
        """The last requests, for the text of a failure."""
        last = ", ".join(f"{r.method}={r.outcome}" for r in self.ledger.requests[-8:])
        return f"not within {waited_s} s; {len(self.ledger.posts)} messages; last requests: {last or 'none'}"


async def read_arguments(request: web.Request) -> Json:
    """The arguments of a call, from the query, a form or a JSON body; what cannot be read is no argument."""
    params: Json = dict(request.query)
    if request.content_type.startswith("multipart/"):
        return params | {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
    raw = (await request.read()).decode("utf-8", "replace")
    if request.content_type == "application/json":
        try:
            body: Any = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        return params | (body if isinstance(body, dict) else {})
    return params | dict(parse_qsl(raw, keep_blank_values=True))


def bearer(request: web.Request) -> str | None:
    """The token of the Authorization header."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
