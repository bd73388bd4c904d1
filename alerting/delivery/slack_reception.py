"""One desk for whatever people do in Slack, whichever way it came: buttons, modals, commands, the App Home. EDGE.

Slack waits three seconds. What is answered as done is durable by then; what is not is not acknowledged, so that Slack
says so, or brings it again. Every act has an id that follows from it, so that one delivered twice is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import structlog

from alerting.delivery.clicks import Malformed, Pressed, Replies, pressed
from alerting.delivery.ways import Click, ClickAnswer, Handle
from alerting.modals import said_modal, unfit_answer

ANSWER_WITHIN_S = 2.5
"""Slack waits three seconds for an answer."""
GOODBYE_S = 2.0
"""How long what follows an answer may take at the end."""
Kind = Literal["interactive", "slash_commands", "events_api"]
"""As Socket Mode calls them."""

_log = structlog.get_logger(__name__)


class Received(NamedTuple):
    """How Slack is answered, and what is done once it is."""

    body: Mapping[str, Any] | None = None
    after: Callable[[], Awaitable[None]] | None = None


class TakesCommands(Protocol):
    """Answers what was typed after `/tocsin`."""

    async def take(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the answer for the one who typed it, once what was asked is durable. Raises `Malformed`."""


class OpensModals(Protocol):
    """Asks for more before an act counts."""

    async def ask(self, click: Click, trigger_id: str) -> ClickAnswer | None:
        """Whether a modal took the click's place; `None`: it did not, and the click itself counts."""


class TakesEvents(Protocol):
    """Hears of what happened in Slack."""

    def take(self, payload: Mapping[str, Any]) -> Callable[[], Awaitable[None]] | None:
        """What is to be done about an event, once it is acknowledged. Raises `Malformed`."""


class Reception:
    """Takes payloads and says how to answer Slack. What is not plugged in is acknowledged and does nothing."""

    def __init__(
        self,
        handle: Handle,
        clock: Callable[[], int],
        *,
        replies: Replies | None = None,
        commands: TakesCommands | None = None,
        modals: OpensModals | None = None,
        events: TakesEvents | None = None,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._replies = replies or Replies()
        self._commands = commands
        self._modals = modals
        self._events = events
        self._following: set[asyncio.Task[None]] = set()
        self.late = 0
        """What was not durable in time, so that Slack was not told that it is."""

    async def take(self, kind: str, payload: bytes | str | Mapping[str, Any]) -> Received | None:
        """Take one payload; `None` where it is not durable within the time that Slack gives. Raises `Malformed`.

        The work goes on behind a late answer: what becomes durable then still counts.
        """
        match kind:
            case "interactive":
                return await self._in_time(self._interactive(pressed(payload, self._clock())))
            case "slash_commands" if self._commands is not None and isinstance(payload, Mapping):
                return await self._in_time(self._command(self._commands, payload))
            case "events_api" if self._events is not None and isinstance(payload, Mapping):
                return Received(after=self._events.take(payload))
        return Received()

    def follow(self, received: Received) -> None:
        """Begin what is done once Slack is answered: nobody waits for it."""
        if received.after is not None:
            task = asyncio.ensure_future(_finish(received.after))
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def close(self) -> None:
        """Give what was begun a moment to end."""
        if self._following:
            _, left = await asyncio.wait(self._following, timeout=GOODBYE_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _in_time(self, work: Coroutine[Any, Any, Received]) -> Received | None:
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.wait_for(asyncio.shield(task), ANSWER_WITHIN_S)
        except TimeoutError:
            task.add_done_callback(_forget)
            _log.error("slack_late")
        except Malformed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not durable, and Slack must hear so
            _log.error("slack_failed", error=type(error).__name__)
        self.late += 1
        return None

    async def _interactive(self, found: Pressed) -> Received:
        if found.unfit is not None:
            return Received(unfit_answer(found.unfit))
        told = []
        for click in found.clicks:
            answer = None
            if self._modals is not None and found.trigger_id:
                answer = await self._modals.ask(click, found.trigger_id)
            told.append((answer or await self._handle(click)).text)
        words = "\n".join(filter(None, told))
        if found.modal:
            return Received(said_modal(words) if words else None)
        return Received(after=partial(self._replies.send, found.response_url, words))

    async def _command(self, commands: TakesCommands, form: Mapping[str, Any]) -> Received:
        return Received(await commands.take(form))


async def _finish(after: Callable[[], Awaitable[None]]) -> None:
    try:
        await after()
    except Exception as error:  # noqa: BLE001 - Slack was answered; whatever this is, it is no reason to stop
        _log.error("slack_follow_failed", error=type(error).__name__)


def _forget(work: asyncio.Future[Received]) -> None:
    if not work.cancelled() and work.exception() is not None:
        _log.error("slack_failed", error=type(work.exception()).__name__)
