"""Clicks: what a press of a button in Slack says, who may press, and how the one who pressed is told. EDGE."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

from alerting.asks import read_value
from alerting.delivery.ways import Click, ClickAnswer
from alerting.inert import mrkdwn
from alerting.message import action_of
from stream.codec import canonical

SLACK_ORIGINS = ("https://hooks.slack.com",)

_log = structlog.get_logger(__name__)


class Malformed(ValueError):  # noqa: N818 - what it is
    """A payload that is none of Slack's. The text says why and quotes nothing of it."""


class _Person(msgspec.Struct, frozen=True):
    id: str
    team_id: str = ""


class _Team(msgspec.Struct, frozen=True):
    id: str = ""


class _Action(msgspec.Struct, frozen=True):
    action_id: str = ""
    value: str = ""
    action_ts: str = ""


class _Container(msgspec.Struct, frozen=True):
    channel_id: str = ""
    message_ts: str = ""


class _Payload(msgspec.Struct, frozen=True):
    type: str
    user: _Person | None = None
    team: _Team | None = None
    actions: tuple[_Action, ...] = ()
    container: _Container = _Container()
    response_url: str = ""


class Pressed(msgspec.Struct, frozen=True):
    """What one payload asks for: clicks on buttons of ours, and where to answer the one who pressed."""

    clicks: tuple[Click, ...] = ()
    response_url: str = ""


def pressed(payload: bytes | str | Mapping[str, Any], now_ms: int) -> Pressed:
    """The clicks of an interactivity payload; other elements and other kinds of payload give none.

    Raises `Malformed`.
    """
    try:
        read = (
            msgspec.convert(payload, _Payload)
            if isinstance(payload, Mapping)
            else msgspec.json.decode(payload, type=_Payload)
        )
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise Malformed(f"unreadable payload ({type(error).__name__})") from None
    if read.type != "block_actions":
        return Pressed()
    if read.user is None or not read.user.id:
        raise Malformed("nobody pressed it")
    team = (read.team.id if read.team else "") or read.user.team_id
    wanted = [one for one in read.actions if action_of(one.action_id) and one.value]
    clicks = [_click(one, read.user.id, team, read.container, now_ms) for one in wanted]
    return Pressed(tuple(click for click in clicks if click is not None), read.response_url)


def _click(action: _Action, user: str, team: str, container: _Container, now_ms: int) -> Click | None:
    asked = read_value(action_of(action.action_id), action.value)
    if asked is None:
        return None
    incident, node, choice = asked
    where = [container.channel_id, container.message_ts]
    press = canonical([team, user, action.action_id, action.value, action.action_ts, where])
    return Click(
        id=f"slack-{hashlib.sha256(press).hexdigest()[:16]}",
        incident=incident,
        action=action_of(action.action_id),
        user_id=user,
        team_id=team,
        at_ms=_milliseconds(action.action_ts) or now_ms,
        node=node,
        choice=choice,
    )


def _milliseconds(ts: str) -> int:
    match = re.fullmatch(r"(\d{1,12})\.(\d{1,6})", ts, re.ASCII)
    return int(match[1]) * 1000 + int(match[2].ljust(3, "0")[:3]) if match else 0


class Clicks:
    """Who may act: the listed responders, and nobody else. A `Handle`.

    `append` makes the click durable and returns what to tell the one who pressed ("" or `None`: nothing), for example
    that somebody else was first.
    """

    def __init__(
        self,
        allowed: Mapping[str, str],
        append: Callable[[Click, str], Awaitable[str | None]],
        *,
        teams: Sequence[str] = (),
    ) -> None:
        """`allowed`: Slack user id to responder. `teams`: workspaces from which clicks are taken (none given: any)."""
        self._allowed = allowed
        self._append = append
        self._teams = frozenset(teams)
        self.accepted = 0
        self.refused = 0

    async def __call__(self, click: Click) -> ClickAnswer:
        responder = self._allowed.get(click.user_id)
        if responder is None or (self._teams and click.team_id not in self._teams):
            self.refused += 1
            _log.warning("click_refused", user=click.user_id[:40], team=click.team_id[:40], action=click.action)
            return ClickAnswer(
                "Only the listed responders can act on an incident. Nothing was changed.", accepted=False
            )
        told = await self._append(click, responder)
        self.accepted += 1
        return ClickAnswer(told or "")


class Replies:
    """Answers in private to the one who pressed, by the address that came with the press and only if it is Slack's."""

    def __init__(self, origins: Sequence[str] = SLACK_ORIGINS) -> None:
        self._origins = frozenset(origins)
        self.failed = 0

    async def send(self, response_url: str, text: str) -> None:
        """Tell them. What fails is counted: the card shows the truth anyway."""
        if not text or not response_url:
            return
        if not self._is_slack(response_url):
            self.failed += 1
            return
        body = {"response_type": "ephemeral", "replace_original": False, "text": mrkdwn(text, 1000, 5)}
        try:
            timeout = aiohttp.ClientTimeout(total=5)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(response_url, json=body, allow_redirects=False) as answer,
            ):
                self.failed += answer.status != 200
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            self.failed += 1

    def _is_slack(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}" in self._origins


def origins_of(base_url: str) -> tuple[str, ...]:
    """Where answers may go for a Web API at `base_url`: Slack's own host, or the one of a trial.

    >>> origins_of("https://slack.com/api/")
    ('https://hooks.slack.com',)
    >>> origins_of("http://127.0.0.1:9/api/")
    ('http://127.0.0.1:9',)
    """
    parts = urlsplit(base_url)
    slack = parts.hostname in {"slack.com", "www.slack.com"}
    return SLACK_ORIGINS if slack else (f"{parts.scheme}://{parts.netloc}",)
