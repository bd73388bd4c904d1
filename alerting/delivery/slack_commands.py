"""`/tocsin` in Slack: what it says, what it does, and for whom. EDGE.

Every command is for listed responders alone, the reading ones too: a stranger in the workspace learns nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from alerting.commands import Command, Misread, help_lines, read_command
from alerting.delivery.clicks import Clicks, Malformed, id_of
from alerting.delivery.seen import SEEN_FOR_MS, Seen
from alerting.delivery.ways import Click
from alerting.home import Overview, private, status_lines, who_lines
from alerting.inert import one_line
from alerting.quiet import Silence
from alerting.view import IncidentView
from alerting.words import clock_text, names_text

STRANGER = "Tocsin answers the responders of its flowchart. You are not listed there; nothing was changed."
NO_DRILL = (
    "A drill cannot be started from here. On the command line: tocsin replay FILE --speed 60x --slack --drill. "
    "Nothing was started."
)
REMEMBERED = 1_000

_log = structlog.get_logger(__name__)


class _Form(msgspec.Struct, frozen=True):
    user_id: str
    trigger_id: str
    team_id: str = ""
    command: str = ""
    text: str = ""


class Does(NamedTuple):
    """What commands ask of the service."""

    overview: Callable[[], Overview]
    brands: Sequence[str]
    silence: Callable[[Silence], Awaitable[None]]
    """Makes a silence durable."""
    start_drill: Callable[[str], str] | None = None
    """Starts a drill in the name of a responder, at once, and says in words what was started. `None`: not here."""


class Commands:
    """Answers what was typed, for the one who typed it. Takes each command once, by its trigger."""

    def __init__(self, clicks: Clicks, does: Does, clock: Callable[[], int], seen: Seen | None = None) -> None:
        self._clicks = clicks
        self._does = does
        self._clock = clock
        self._seen = seen or Seen(None)
        self._said: dict[str, list[str]] = {}
        """What commands that changed something were answered, by their id."""

    async def take(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the answer once what was asked for is durable. Raises `Malformed`."""
        try:
            read = msgspec.convert(form, _Form)
        except msgspec.ValidationError:
            raise Malformed("unreadable command") from None
        if not read.user_id or not read.trigger_id:
            raise Malformed("nobody typed it")
        read = msgspec.structs.replace(read, text=read.text.encode("utf-8", "replace").decode())
        asked = read_command(read.text, self._does.brands)
        verb = asked.verb if isinstance(asked, Command) else "unknown"
        who = self._clicks.listed(read.user_id, read.team_id, f"/tocsin {verb}")
        if who is None:
            return private([STRANGER])
        if isinstance(asked, Misread):
            return private([asked.why, *help_lines(self._does.brands)])
        return private(await self._answer(asked, read, who))

    async def _answer(self, asked: Command, form: _Form, who: str) -> list[str]:
        match asked.verb:
            case "status":
                return status_lines(self._does.overview())
            case "who":
                return who_lines(self._does.overview())
            case "help":
                return help_lines(self._does.brands)
        act = id_of(form.team_id, form.user_id, form.command, form.text, form.trigger_id)
        if act in self._said:
            return self._said[act]
        _log.info("command", who=who, verb=asked.verb, id=act)
        lines = await self._act(asked, form, who, act)
        self._said[act] = lines
        while len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        return lines

    async def _act(self, asked: Command, form: _Form, who: str, act: str) -> list[str]:
        match asked.verb:
            case "silence":
                return await self._silence(asked, who, act)
            case "ack":
                return await self._acknowledge(asked, form, act)
            case _:
                return await self._drill(who, act)

    async def _silence(self, asked: Command, who: str, act: str) -> list[str]:
        now_ms = self._clock()
        until_ms = now_ms + asked.length_ms
        await self._does.silence(
            Silence(id=act, brand=asked.brand, from_ms=now_ms, until_ms=until_ms, who=who, reason=asked.reason)
        )
        brand, now = one_line(asked.brand, 60), self._does.overview()
        zone = next((one.timezone for one in now.brands if one.brand == asked.brand), now.timezone)
        until = clock_text(until_ms, zone, now_ms)
        return [
            f"Pages about {brand} are held back until {until}. What is critical, and our own blindness, break through.",
            f"To lift it: tocsin silence {brand} --lift {act}",
        ]

    async def _acknowledge(self, asked: Command, form: _Form, act: str) -> list[str]:
        incident = asked.incident
        if not incident:
            waiting = [one for one in _open(self._does.overview()) if one.status == "open"]
            if len(waiting) != 1:
                return _which(waiting)
            incident = waiting[0].incident
        click = Click(act, incident, "acknowledge", form.user_id, form.team_id, self._clock())
        told = (await self._clicks(click)).text
        return [f"{one_line(incident, 120)}: {told}"]

    async def _drill(self, who: str, act: str) -> list[str]:
        start = self._does.start_drill
        if start is None:
            return [NO_DRILL]
        now_ms = self._clock()
        if not await self._seen.is_new("act", act, now_ms, now_ms + SEEN_FOR_MS):
            return ["This drill was started already."]
        return start(who).splitlines() or ["The drill begins."]


def _open(now: Overview) -> list[IncidentView]:
    return [shown.view for brand in now.brands for shown in brand.open]


def _which(waiting: Sequence[IncidentView]) -> list[str]:
    if not waiting:
        return ["No incident waits for an acknowledgement. Nothing was changed."]
    names = names_text(tuple(view.incident for view in waiting), 10)
    return [f"{len(waiting)} incidents wait: {names}. Say which: /tocsin ack INCIDENT. Nothing was changed."]
