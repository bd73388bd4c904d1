"""Clicks: what a press of a button or a sent modal says, who may act, and how they are told. EDGE."""

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
from alerting.inert import mrkdwn, one_line
from alerting.message import action_of
from alerting.modals import Unfit, read_modal
from stream.codec import canonical

OUTSIDER = "Only the listed responders can act on an incident. Nothing was changed."
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


class _View(msgspec.Struct, frozen=True):
    id: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, Any] = {}


class _Payload(msgspec.Struct, frozen=True):
    type: str
    user: _Person | None = None
    team: _Team | None = None
    actions: tuple[_Action, ...] = ()
    container: _Container = _Container()
    response_url: str = ""
    trigger_id: str = ""
    view: _View | None = None


class Pressed(msgspec.Struct, frozen=True):
    """What one payload asks for: clicks on buttons of ours, and where to answer the one who pressed."""

    clicks: tuple[Click, ...] = ()
    response_url: str = ""
    trigger_id: str = ""
    """With it a modal may be opened, once, within three seconds."""
    modal: bool = False
    """It was a modal that was sent, and the answer is shown in it."""
    unfit: Unfit | None = None
    """What is wrong with a modal that was sent."""


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
    if read.type not in ("block_actions", "view_submission"):
        return Pressed()
    if read.user is None or not read.user.id:
        raise Malformed("nobody pressed it")
    team = (read.team.id if read.team else "") or read.user.team_id
    if read.type == "view_submission":
        return _sent(read.view, read.user.id, team, now_ms)
    wanted = [one for one in read.actions if action_of(one.action_id) and one.value]
    clicks = [_click(one, read.user.id, team, read.container, now_ms) for one in wanted]
    return Pressed(tuple(click for click in clicks if click is not None), read.response_url, read.trigger_id)


def _sent(view: _View | None, user: str, team: str, now_ms: int) -> Pressed:
    """The act that a sent modal stands for. A view has an id of its own each time it is opened."""
    if view is None:
        raise Malformed("no view")
    written = read_modal(msgspec.to_builtins(view))
    if written is None or isinstance(written, Unfit):
        return Pressed(modal=True, unfit=written)
    click = Click(
        id=id_of(team, user, view.id, view.callback_id, written.incident),
        incident=written.incident,
        action=written.action,
        user_id=user,
        team_id=team,
        at_ms=now_ms,
        node=written.node,
        choice=written.reason or written.seen,
        note=written.words,
    )
    return Pressed((click,), modal=True)


def id_of(*what: object) -> str:
    """The id of an act: what Slack delivers twice has it twice. Raises `Malformed` for what no UTF-8 can spell.

    >>> id_of("T1", "U1") == id_of("T1", "U1"), len(id_of())
    (True, 22)
    """
    try:
        return f"slack-{hashlib.sha256(canonical(list(what))).hexdigest()[:16]}"
    except UnicodeError:
        raise Malformed("half a character") from None


def _click(action: _Action, user: str, team: str, container: _Container, now_ms: int) -> Click | None:
    asked = read_value(action_of(action.action_id), action.value)
    if asked is None:
        return None
    incident, node, choice = asked
    where = [container.channel_id, container.message_ts]
    return Click(
        id=id_of(team, user, action.action_id, action.value, action.action_ts, where),
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
        responder = self.listed(click.user_id, click.team_id, click.action)
        if responder is None:
            return ClickAnswer(OUTSIDER, accepted=False)
        told = await self._append(click, responder)
        self.accepted += 1
        return ClickAnswer(told or "")

    def listed(self, user: str, team: str, action: str) -> str | None:
        """Which responder this is; `None` for an outsider, who is counted and logged."""
        responder = self._allowed.get(user)
        if responder is not None and (not self._teams or team in self._teams):
            return responder
        self.refused += 1
        _log.warning("click_refused", user=one_line(user, 40), team=one_line(team, 40), action=action)
        return None


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
        body = {"response_type": "ephemeral", "replace_original": False, "text": mrkdwn(text, 700, 5)}
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
