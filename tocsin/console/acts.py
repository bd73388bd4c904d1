"""What people do on the console: what their buttons do in Slack, by the same way and in the same words. EDGE.

An act is durable in the log before whoever pressed is answered, and the first in the log has it; the card in Slack
follows, whether Slack answers now or not. Only the flowchart's persons act: by what somebody signed in is who they are,
and the configuration says which responder that is.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from alerting.delivery.ways import Click
from alerting.drafts import kept_words
from alerting.inert import one_line
from alerting.quiet import Silence, Unsilence
from alerting.words import clock_text
from stream.brands import Brand
from stream.codec import canonical
from stream.strict_yaml import unknown
from tocsin.console.act_forms import Form, Refused, check_statement, read_act, read_silence
from tocsin.console.doors import Visitor
from tocsin.core_seen import CoreSeen
from tocsin.people import People

T = TypeVar("T")

NOBODY = (
    "You are signed in as somebody who is no responder of the flowchart. "
    "Only the listed responders can act on an incident. Nothing was changed."
)
UNKNOWN = "This incident is not known here."
LATE = "It is not written down yet, and goes on being tried. Press again: it counts once."
LIFTED = "The silence is lifted: pages go out again."
NOT_HELD = "This silence does not hold: it was lifted, or has run out. Nothing was changed."
FAILED = "It could not be written down. Nothing was changed; try again."
WITHIN_S = 8.0
"""How long somebody waits for an act to become durable."""
REMEMBERED = 1_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an act."""

    id: str
    """Of the act: the same form sent twice has it twice, and counts once."""
    said: str
    """What whoever pressed is told, in the words in which Slack tells it."""
    counted: bool
    """Whether it changed anything. What came too late did not."""


class Acting(Protocol):
    """What acts stand on: whatever takes answers, in one process or in a worker."""

    @property
    def people(self) -> People: ...
    @property
    def clock(self) -> Callable[[], int]: ...
    @property
    def brands(self) -> Sequence[Brand]: ...
    @property
    def core(self) -> CoreSeen: ...
    async def append_control(self, body: bytes) -> None: ...


class Acts:
    """Takes what visitors do to the log."""

    def __init__(self, works: Acting) -> None:
        self._works = works
        self._told: dict[str, Told] = {}
        self._asked: dict[str, Silence] = {}
        """Silences that were asked for here: the core hears of them at its next grid point."""
        self._zones = {brand.name: brand.timezone for brand in works.brands}

    def responders(self) -> tuple[str, ...]:
        """Who may answer at all: the persons of the flowchart, by their names in it."""
        return self._works.people.live.answerers()

    def told(self, act: str) -> Told | None:
        """What became of an act, by its id, as long as that is remembered: for the page that follows its form."""
        return self._told.get(act)

    # ---- about an incident

    async def act(self, visitor: Visitor, incident: str, name: str, form: Form) -> Told:
        """Do something about an incident. Durable when this returns. Raises `Refused`."""
        who = self._who(visitor)
        brand = self._works.people.brand_of(incident)
        if brand is None or not visitor.may("act", brand):
            raise Refused(UNKNOWN, 404)
        click = self._click(visitor, incident, name, form)
        if (told := self._told.get(click.id)) is not None:
            return told
        if name == "draft":
            click = await self._drafted(click, who, form)
        severity = form.severity if name == "severity" else ""
        said = await _durable(self._works.people.act(click, who, severity))
        return self._remember(Told(id=click.id, said=said, counted=self._works.people.answers.counted(click.id)))

    def _click(self, visitor: Visitor, incident: str, name: str, form: Form) -> Click:
        asked = read_act(name, form)
        return Click(
            id=act_id(visitor, form.once, incident, name, form),
            incident=incident,
            action=asked.action,
            user_id=visitor.name,
            team_id="console",
            at_ms=self._works.clock(),
            node=asked.node,
            choice=asked.choice,
            note=asked.note,
        )

    async def _drafted(self, click: Click, who: str, form: Form) -> Click:
        """With the words of each language that the statement has."""
        offered = await self._works.people.answers.to_change(click, who)
        if isinstance(offered, str):
            raise Refused(offered, 409)
        texts = [(language, form.texts.get(language, "").strip()) for language, _ in offered.texts]
        for language, text in texts:
            check_statement(language, text)
        return msgspec.structs.replace(click, note=kept_words(texts))

    def _who(self, visitor: Visitor) -> str:
        """Which responder a visitor is. Raises `Refused` for whoever is none."""
        if not visitor.responder or visitor.responder not in self.responders():
            raise Refused(NOBODY, 403)
        return visitor.responder

    # ---- silences

    def silences(self, brand: str) -> tuple[Silence, ...]:
        """Those that hold for a brand, the ones that the core has not heard of yet among them."""
        now_ms = self._works.clock()
        state = self._works.core.brands.get(brand)
        held = state.book.quieted.asked if state is not None and state.book is not None else ()
        known = {one.id: one for one in self._asked.values() if one.brand == brand} | {one.id: one for one in held}
        return tuple(one for one in known.values() if one.until_ms > now_ms)

    async def silence(self, visitor: Visitor, form: Form) -> Told:
        """Hold pages about a brand back for a while. Durable when this returns. Raises `Refused`."""
        who, now_ms = self._who(visitor), self._works.clock()
        self._must_be_theirs(visitor, form.brand)
        name = act_id(visitor, form.once, "silence", form)
        if (told := self._told.get(name)) is not None:
            return told
        asked = read_silence(name, who, form, now_ms)
        if asked.incident and self._works.people.brand_of(asked.incident) != asked.brand:
            raise Refused(UNKNOWN, 422, field="incident")
        await _durable(self._works.append_control(canonical(asked)))
        self._asked[name] = asked
        _forget(self._asked)
        until = clock_text(asked.until_ms, self._zones.get(asked.brand, "UTC"), now_ms)
        about = one_line(asked.incident or asked.brand, 120)
        breaks = " What is critical, and our own blindness, break through." if asked.severity_at_most == "high" else ""
        return self._remember(
            Told(id=name, said=f"Pages about {about} are held back until {until}.{breaks}", counted=True)
        )

    async def lift(self, visitor: Visitor, silence: str, form: Form) -> Told:
        """End a silence before its time. Durable when this returns. Raises `Refused`."""
        who = self._who(visitor)
        found = next((one for brand in self._zones for one in self.silences(brand) if one.id == silence), None)
        if found is None or not visitor.may("act", found.brand):
            raise Refused(NOT_HELD, 404)
        name = act_id(visitor, form.once or silence, "lift", silence)
        wish = Unsilence(name, found.brand, silence, who, self._works.clock())
        await _durable(self._works.append_control(canonical(wish)))
        self._asked.pop(silence, None)
        return self._remember(Told(id=name, said=LIFTED, counted=True))

    def _must_be_theirs(self, visitor: Visitor, brand: str) -> None:
        theirs = [name for name in self._zones if visitor.may("act", name)]
        if brand not in theirs:
            raise Refused(f"{unknown(one_line(brand, 60), theirs, 'as a brand')}", 422, field="brand", allowed=theirs)

    def _remember(self, told: Told) -> Told:
        self._told[told.id] = told
        _forget(self._told)
        return told


def act_id(visitor: Visitor, form: str, *what: object) -> str:
    """The id of an act: the same form sent twice by the same person has it twice, whatever brought it here.

    >>> ana = Visitor(name="ana", role="responder")
    >>> act_id(ana, "f1", "acme-0", "own") == act_id(ana, "f1", "acme-0", "own")
    True
    >>> act_id(ana, "", "acme-0", "own") == act_id(ana, "", "acme-0", "own")
    False
    """
    said = [visitor.name, visitor.responder, form or secrets.token_hex(16), *(msgspec.to_builtins(one) for one in what)]
    return f"console-{hashlib.sha256(canonical(said)).hexdigest()[:20]}"


async def _durable(work: Awaitable[T]) -> T:
    """What writing down came to. It goes on behind a late answer: what becomes durable then still counts."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.wait_for(asyncio.shield(task), WITHIN_S)
    except TimeoutError:
        task.add_done_callback(_heard)
        raise Refused(LATE, 503) from None
    except asyncio.CancelledError:
        task.add_done_callback(_heard)
        raise
    except Exception as error:  # whatever it is, it is not durable, and they must hear so
        raise Refused(FAILED, 503) from error


def _heard(work: "asyncio.Future[T]") -> None:
    """Take the exception of what nobody waits for any more."""
    if not work.cancelled():
        work.exception()


def _forget(kept: dict[str, T]) -> None:
    while len(kept) > REMEMBERED:
        del kept[next(iter(kept))]
