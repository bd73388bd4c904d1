"""Slack and PagerDuty as they are outside: they live on when the process dies, and keep the ledger the oracle reads.

What a call finds there is the fake Slack's own Web API; this module has the network between: a request takes its time
to arrive, is accepted or not, and its answer takes its time back, whether anybody still waits for it or not.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import httpx

from stream.sources.guard import Answer, Lost, NotSent
from tests.acceptance.living import PEOPLE
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.interactivity import Interactivity
from tests.fakes.slack.ledger import Ledger, Message, RequestRecord
from tests.fakes.slack.web_api import WebApi
from tests.fakes.slack.workspace import Workspace
from tests.simulation.loop import Killed, Timeline

TIMEOUT_MS = 10_000
CHANNEL = "C1"
READS = ("conversations.history", "conversations.replies")
_PAGER_KINDS = {"refused": "pager_refused", "lost_reply": "pager_lost", "http_5xx": "pager_5xx"}


@dataclass
class Trouble:
    """A fault of the network or of a service, for the calls that it matches in its time, at most `times` of them."""

    kind: str
    to: tuple[str, ...]
    from_ms: float = 0
    until_ms: float = float("inf")
    times: int = 1
    delay_ms: float = 0
    accept: bool = False
    word: str = ""
    fired: int = 0

    def strikes(self, method: str, now_ms: float) -> bool:
        """Whether it happens to this call; counted."""
        if method not in self.to or self.fired >= self.times or not self.from_ms <= now_ms < self.until_ms:
            return False
        self.fired += 1
        return True


class Wire(NamedTuple):
    """What a caller hears: an answer, or the error of a connection; `None`: nothing, ever."""

    status: int = 200
    body: dict[str, Any] | None = None
    error: Exception | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class Network:
    """Carries calls and lets troubles happen to them. `alive` tells whether the caller still lives."""

    def __init__(self, timeline: Timeline, rng: random.Random, fired: Counter[str]) -> None:
        self.timeline = timeline
        self.troubles: list[Trouble] = []
        self.fired = fired
        self._rng = rng

    def draw(self, method: str) -> Trouble | None:
        """The trouble that this call has."""
        return next((one for one in self.troubles if one.strikes(method, self.timeline.now_ms)), None)

    async def call(
        self, method: str, carry_out: Callable[[], Wire], alive: Callable[[], bool], timeout_ms: int = TIMEOUT_MS
    ) -> Wire:
        """Make a call and wait for what comes back. Raises `TimeoutError`, and `Killed` where the caller is dead."""
        if not alive():
            raise Killed
        trouble = self.draw(method)
        if trouble is not None:
            self.fired[_PAGER_KINDS[trouble.kind] if method == "pagerduty" else trouble.kind] += 1
        heard: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        there_ms, back_ms = self._rng.uniform(5, 200), self._rng.uniform(5, 200)

        def arrive() -> None:
            answer = self._happens(trouble, carry_out)
            if answer is not None:
                wait_ms = trouble.delay_ms if trouble is not None and trouble.kind == "slow" else 0
                self.timeline.after(back_ms + wait_ms, lambda: hear(answer))

        def hear(answer: Wire) -> None:
            if alive() and not heard.done():
                heard.set_result(answer)

        self.timeline.after(there_ms, arrive)
        async with asyncio.timeout(timeout_ms / 1000):
            return await heard

    def _happens(self, trouble: Trouble | None, carry_out: Callable[[], Wire]) -> Wire | None:
        if trouble is None or trouble.kind == "slow":
            return carry_out()
        if trouble.kind == "late":
            self.timeline.after(trouble.delay_ms, lambda: (carry_out(), None)[1])
            return None
        if trouble.kind == "lost_reply":
            carry_out()
            return Wire(error=aiohttp.ServerDisconnectedError())
        if trouble.kind in ("refused", "down"):
            return Wire(error=OSError(111, "refused"))
        if trouble.kind == "timeout":
            return None
        if trouble.accept:
            carry_out()
        if trouble.kind == "ratelimited":
            after = {"Retry-After": str(int(trouble.delay_ms // 1000))}
            return Wire(429, {"ok": False, "error": "ratelimited"}, headers=after)
        if trouble.word:
            return Wire(200, {"ok": False, "error": trouble.word})
        return Wire(503)


class SimSlack:
    """The fake Slack's workspace, Web API and ledger, at the other end of a network."""

    def __init__(self, network: Network, token: str) -> None:
        self.network = network
        self.timeline = network.timeline
        self.workspace = Workspace("T1")
        for name, user in PEOPLE.items():
            self.workspace.add_user(user, name)
        self.ledger = Ledger(lambda: self.timeline.now_ms / 1000)
        self.faults = Faults()
        self.lag: Fault | None = None
        self.api = WebApi(
            self.workspace, self.ledger, self.faults, bot_token=token, app_token="xapp-fake", open_socket=lambda: ""
        )
        self.interactivity = Interactivity(
            self.workspace,
            self.ledger,
            None,  # type: ignore[arg-type]  # clicks are handed over, not sent through a socket
            self.api.views,
            signing_secret="fake-signing-secret",
            interactivity_url=None,
        )
        self.began: dict[str, float] = {}
        """When the POST of each message left, by its ts."""
        self.heard: Callable[[Message], None] = lambda _message: None
        """Told of every message that is accepted."""

    def hide_young(self, lag_ms: float) -> None:
        """Let reads not show what is younger than this."""
        self.lag = self.faults.add("conversations.*", "history_lag", delay_s=lag_ms / 1000)

    def carry_out(self, record: RequestRecord, method: str, params: dict[str, Any], token: str) -> Wire:
        """Do what arrived."""
        before = len(self.ledger.posts)
        reply = self.api.call(method, params, token)
        record.accepted_ts = reply.accepted_ts
        record.outcome = "ok" if reply.body.get("ok") else f"error:{reply.body.get('error')}"
        for message in self.ledger.posts[before:]:
            self.began[message.ts] = record.at * 1000
            self.heard(message)
        return Wire(body=reply.body)


@dataclass
class Session:
    """What slack_sdk takes for an aiohttp session: one process's connections to Slack."""

    slack: SimSlack
    alive: Callable[[], bool]
    closed: bool = False

    def request(self, _verb: str, url: str, **args: Any) -> "_Call":
        """Begin a call."""
        params = dict(args.get("params") or {})
        params |= args.get("json") or {}
        data = args.get("data")
        params |= data if isinstance(data, dict) else {}
        token = str((args.get("headers") or {}).get("Authorization", "")).removeprefix("Bearer ")
        return _Call(self, url.rpartition("/")[2], {k: v for k, v in params.items() if v is not None}, token)


class _Response:
    """As much of an aiohttp response as slack_sdk reads."""

    def __init__(self, wire: Wire) -> None:
        self.status = wire.status
        self.headers = wire.headers
        self.content_type = "application/json" if wire.body is not None else "text/html"
        self._body = wire.body

    async def json(self) -> Any:
        if self._body is None:
            raise aiohttp.ContentTypeError(None, ())  # type: ignore[arg-type]  # nobody reads the request there
        return self._body

    async def text(self) -> str:
        return "<!DOCTYPE html><title>Server Error</title>"


@dataclass
class _Call:
    session: Session
    method: str
    params: dict[str, Any]
    token: str

    async def __aenter__(self) -> _Response:
        slack = self.session.slack
        record = slack.ledger.begin(self.method, self.params, token_ok=slack.api.token_ok(self.method, self.token))
        wire = await slack.network.call(
            self.method,
            lambda: slack.carry_out(record, self.method, self.params, self.token),
            self.session.alive,
        )
        if isinstance(wire.error, OSError) and not isinstance(wire.error, aiohttp.ClientError):
            raise aiohttp.ClientConnectorError(_KEY, wire.error)
        if wire.error is not None:
            raise wire.error
        return _Response(wire)

    async def __aexit__(self, *_: object) -> None:
        return None


class _Key(NamedTuple):
    host: str = "slack.com"
    port: int = 443
    ssl: bool = True


_KEY: Any = _Key()


class Alert(NamedTuple):
    """An alert of PagerDuty, as it was first triggered."""

    key: str
    person: str
    began_ms: float
    accepted_ms: float
    incident: str
    says: str


@dataclass
class SimPagerDuty:
    """The Events API: a trigger with a known key is the alert that there is."""

    network: Network
    services: dict[str, str]
    """Person by routing key."""
    alerts: dict[str, Alert] = field(default_factory=dict)
    triggers: Counter[str] = field(default_factory=Counter)
    heard: Callable[[Alert], None] = lambda _alert: None

    def accept(self, body: dict[str, Any], began_ms: float) -> Wire:
        """Take an event."""
        key = str(body.get("dedup_key"))
        if body.get("event_action") == "trigger":
            self.triggers[key] += 1
            if key not in self.alerts:
                payload = body.get("payload") or {}
                group, says = str(payload.get("group") or ""), json.dumps(payload)
                person = self.services.get(str(body.get("routing_key")), "?")
                self.alerts[key] = Alert(key, person, began_ms, self.network.timeline.now_ms, group, says)
                self.heard(self.alerts[key])
        return Wire(202, {"status": "success"})


@dataclass
class PagerClient:
    """What stands in for the guarded client of one process."""

    pager: SimPagerDuty
    alive: Callable[[], bool]

    async def look_up(self, _url: str) -> None:
        """Its name is known."""

    async def post(self, _url: str, body: bytes, _headers: Any) -> Answer:
        """One POST. Raises `NotSent` or `Lost`."""
        began_ms = self.pager.network.timeline.now_ms
        event = json.loads(body)
        try:
            wire = await self.pager.network.call("pagerduty", lambda: self.pager.accept(event, began_ms), self.alive)
        except TimeoutError:
            raise Lost("timeout") from None
        if isinstance(wire.error, OSError) and not isinstance(wire.error, aiohttp.ClientError):
            raise NotSent("refused")
        if wire.error is not None:
            raise Lost("closed")
        return Answer(wire.status, httpx.Headers(wire.headers), json.dumps(wire.body).encode())

    async def close(self) -> None:
        """Nothing is open."""
