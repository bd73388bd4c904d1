"""A button of the console does what the same button does in Slack: the same entry, the same order, the same words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from alerting.decision import Asked, Decision
from alerting.delivery.ways import Message, Outcome
from alerting.drafts import about
from stream.codec import HOUR_MS, decode
from stream.sources.text_store import TextStore
from tests.faults.virtual import Place, Virtual, virtual
from tocsin.answers import Answers
from tocsin.console.act_forms import Form, Refused, read_act
from tocsin.console.acts import LATE, NOBODY, UNKNOWN, Acts, Told
from tocsin.console.doors import Visitor
from tocsin.entry import Answer, Control
from tocsin.journal import verify

SEED = 90_210
BRAND = "Tulpatel"
CONSOLE = "https://tocsin.example.com"
ANA = Visitor(name="ana@example.org", role="responder", responder="ana")
BRAM = Visitor(name="bram@example.org", role="responder", responder="bram")


# ---- a whole service, on a clock of the test's own


class Edited(Place):
    """A Slack that keeps what its card was made to say."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[Message] = []

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Take an edit."""
        if not self.down:
            self.cards.append(message)
        return await super().edit(channel, ts, message)


class Crisis:
    """A service with one crisis, what people do about it here, and its journal."""

    def __init__(self, night: Virtual, place: Edited, incident: str) -> None:
        self.night, self.place, self.incident = night, place, incident
        self.acts = Acts(night.works)

    async def act(self, visitor: Visitor, name: str, **form: Any) -> Told:
        """Press a button here."""
        return await self.acts.act(visitor, self.incident, name, Form(**form))

    async def pass_s(self, seconds: int) -> None:
        """Let time pass."""
        await self.night.at(self.night.now_ms + seconds * 1000)

    @property
    def answers(self) -> list[Answer]:
        """What people did, as the core took it in."""
        events = [e.event.event for e in self.night.works.home.journal.entries() if isinstance(e.event, Control)]
        return [event for event in events if isinstance(event, Answer)]


@asynccontextmanager
async def crisis(past: Path, home: Path) -> AsyncIterator[Crisis]:
    """A crisis that has just been paged; its journal replays to itself afterwards."""
    place = Edited()
    async with virtual(past, home, place=place, extra=f'console: {{public_url: "{CONSOLE}"}}\n') as night:
        page = await night.crisis(7)
        found = Crisis(night, place, page.incident)
        yield found
        await found.pass_s(2)
        verdict = verify(night.works.home.journal)
        assert verdict.ok, verdict.difference


@pytest.mark.slow
async def test_a_night_of_acts_here_and_in_slack_is_one_story(past: Path, tmp_path: Path) -> None:
    """One log, one order, one set of words, whether Slack's API is up or not; and its card follows."""
    async with crisis(past, tmp_path) as night:
        card = next(one for one in night.place.there if one.kind == "card")
        assert f'"{CONSOLE}/incidents/{night.incident}"' in json.dumps(card.blocks), "the card leads here"
        await _quiet_for_a_while(night)
        await _acknowledged_while_slack_is_away(night)
        await _told_how_bad_it_is(night)
        await _ended_and_looked_back_on(night)


async def _quiet_for_a_while(night: Crisis) -> None:
    """A silence is seen before the core has heard of it, ends early by its id, and cannot end twice."""
    form = Form(once="f1", brand=BRAND, last="2h", reason="known, the shop moves", incident=night.incident)
    told = await night.acts.silence(ANA, form)
    assert told.said.startswith(f"Pages about {night.incident} are held back until ")
    assert await night.acts.silence(ANA, form) == told, "the same form is one silence"
    (held,) = night.acts.silences(BRAND)
    assert (held.who, held.severity_at_most, held.until_ms - held.from_ms) == ("ana", "critical", 2 * HOUR_MS)
    await night.pass_s(8)
    assert night.place.woke() == ["ana"], "bram was to be woken three seconds after the page"
    assert [one.id for one in night.acts.silences(BRAND)] == [held.id]
    await night.acts.lift(BRAM, held.id, Form())
    await night.pass_s(2)
    assert night.acts.silences(BRAND) == ()
    with pytest.raises(Refused, match="does not hold"):
        await night.acts.lift(BRAM, held.id, Form())


async def _acknowledged_while_slack_is_away(night: Crisis) -> None:
    """The log is ours: it needs nobody's API. Whoever presses there hears who was first here."""
    woken = night.place.woke()
    night.place.down = True
    told = await night.act(ANA, "acknowledge")
    assert (told.said, told.counted) == ("Acknowledged by ana.", True)
    assert await night.night.press(night.incident, "acknowledge", "bram") == "Already acknowledged by ana."
    late = await night.act(BRAM, "acknowledge")
    assert (late.said, late.counted) == ("Already acknowledged by ana.", False)
    await night.pass_s(10)
    night.place.down = False
    await night.pass_s(60)
    assert night.place.woke() == woken, "nobody is woken for what somebody has"
    assert night.place.cards[-1].view is not None
    assert night.place.cards[-1].view.acked_by == "Ana Diaz"


async def _told_how_bad_it_is(night: Crisis) -> None:
    """It climbs there at the next grid point, as from the command line."""
    told = await night.act(ANA, "severity", severity="critical")
    assert (told.said, told.counted) == ("Severity set by ana.", True)
    await night.pass_s(2)
    assert night.answers[-1].severity == "critical"
    assert night.night.decided("Update", "Page", "Escalate", "Notify")[-1].severity == "critical"


async def _ended_and_looked_back_on(night: Crisis) -> None:
    """What was pressed in Slack first was first; what people say afterwards changes nothing that was decided."""
    assert await night.night.press(night.incident, "own", "bram") == "Owned by bram."
    assert (await night.act(ANA, "false_alarm", reason="bots", words="one group")).counted
    after = await night.act(BRAM, "resolve")
    assert (after.said, after.counted) == ("Already closed as a false alarm by ana.", False)
    await night.pass_s(2)
    (closed,) = night.night.decided("StandDown")
    assert closed.note == "ana: made by machines or by one group"
    assert night.night.works.home.texts.note(closed.said) == "one group"
    told = await night.act(BRAM, "feedback", verdict="was_right", words="they were real people")
    assert (told.said, told.counted) == ("Noted by bram.", True)
    await night.pass_s(2)
    did = [(one.answer, one.who, one.choice) for one in night.answers]
    assert did == [
        ("acknowledge", "ana", ""),
        ("severity", "ana", ""),
        ("own", "bram", ""),
        ("false_alarm", "ana", "bots"),
        ("note", "bram", "was_right"),
    ]
    kept = night.night.works.home.texts.note(night.answers[-1].note_digest)
    assert kept == "Looking back: it was right to be told. they were real people"
    assert len(night.night.decided("StandDown")) == 1


# ---- answers alone


class Desk:
    """Acts over a log that takes what it is told to take."""

    def __init__(self) -> None:
        self.written: list[Answer] = []
        self.fails: list[Exception] = []
        self.wait_s = 0.0
        self.texts = TextStore(None)
        self.answers = Answers(
            self.append_control, lambda _: None, self._brand_of, self.texts.put_note, self.texts.note
        )
        people = SimpleNamespace(
            live=SimpleNamespace(answerers=lambda: ("ana", "bram", "chloe")),
            brand_of=self._brand_of,
            answers=self.answers,
            act=self.answers.click,
        )
        brands = [SimpleNamespace(name="Acme", timezone="UTC"), SimpleNamespace(name="Zeta", timezone="UTC")]
        works: Any = SimpleNamespace(
            people=people,
            clock=lambda: 5,
            brands=brands,
            core=SimpleNamespace(brands={}),
            append_control=self.append_control,
        )
        self.acts = Acts(works)

    @staticmethod
    def _brand_of(incident: str) -> str | None:
        return "Acme" if incident == "acme-0" else None

    async def append_control(self, body: bytes) -> None:
        """Make it durable."""
        await asyncio.sleep(self.wait_s)
        if self.fails:
            raise self.fails.pop()
        self.written.append(decode(body, Answer))

    async def act(self, visitor: Visitor, name: str, **form: Any) -> Told:
        """Press a button."""
        return await self.acts.act(visitor, "acme-0", name, Form(**form))

    def ask(self, asked: Asked, action: str) -> None:
        """Let the flowchart ask."""
        known = {"key": "acme-0/1", "at_ms": 0, "brand": "Acme", "kind": "Notify", "incident": "acme-0"}
        known |= {"scenario": "backlash", "severity": "high", "reason": "flowchart", "node": asked.node}
        self.answers.decided(msgspec.convert(known | {"action": action, "asked": asked}, Decision))


@pytest.mark.parametrize(
    ("visitor", "status", "said"),
    [
        (Visitor(name="boss", role="admin"), 403, NOBODY),
        (Visitor(name="eve", role="responder", responder="eve"), 403, NOBODY),
        (Visitor(name="ana", role="viewer", responder="ana"), 404, UNKNOWN),
        (Visitor(name="ana", role="responder", responder="ana", brands=("Zeta",)), 404, UNKNOWN),
        (Visitor(name="t", role="responder", responder="ana", verbs=("see",), how="token"), 404, UNKNOWN),
    ],
    ids=["an admin who is no responder", "nobody of the flowchart", "a viewer", "another brand", "a token to look"],
)
async def test_only_those_act_who_may(visitor: Visitor, status: int, said: str) -> None:
    """Whatever let them in: nothing is written, and what they may not see is not there."""
    desk = Desk()
    for name in ("acknowledge", "own", "resolve", "note", "feedback"):
        with pytest.raises(Refused) as refused:
            await desk.act(visitor, name, words="x", verdict="was_right")
        assert (refused.value.status, refused.value.words) == (status, said)
    with pytest.raises(Refused):
        await desk.acts.silence(visitor, Form(brand="Acme", last="1h", reason="x"))
    assert desk.written == []


async def test_a_form_sent_twice_is_one_act_and_two_forms_are_two() -> None:
    """A finger that slips, a network that sends again; but two notes of the same words are two notes."""
    desk = Desk()
    twice = await asyncio.gather(*(desk.act(ANA, "note", once="f1", words="call legal") for _ in range(2)))
    assert twice[0] == twice[1] == await desk.act(ANA, "note", once="f1", words="call legal")
    assert len(desk.written) == 1
    await desk.act(ANA, "note", once="f2", words="call legal")
    await desk.act(BRAM, "note", once="f1", words="call legal")
    await desk.act(ANA, "note", words="call legal")
    await desk.act(ANA, "note", words="call legal")
    assert len(desk.written) == 5
    assert desk.acts.told(twice[0].id) == twice[0]


async def test_two_who_came_by_one_link_are_two_people() -> None:
    """A machine's link has one name for all, and what is pressed on one page is theirs all the same."""
    desk = Desk()
    ana, bram = (Visitor(name="local", role="admin", responder=who) for who in ("ana", "bram"))
    assert (await desk.act(ana, "acknowledge", once="1")).said == "Acknowledged by ana."
    late = await desk.act(bram, "acknowledge", once="1")
    assert (late.said, late.counted) == ("Already acknowledged by ana.", False)


async def test_the_flowcharts_question_is_answered_by_whoever_is_asked() -> None:
    """In the same words as in Slack, and once."""
    desk = Desk()
    desk.ask(Asked(node="is_it_true", words="True?", choices=("yes", "no"), may=("ana", "bram"), by_ms=600_000), "ask")
    node = {"node": "is_it_true"}
    assert (await desk.act(BRAM, "reply", choice="maybe", **node)).said.startswith("This is not asked any more.")
    chloe = Visitor(name="chloe", role="responder", responder="chloe")
    refused = await desk.act(chloe, "reply", choice="yes", **node)
    assert (refused.said, refused.counted) == ("Only ana or bram can do that. Nothing was changed.", False)
    assert await desk.act(ANA, "reply", choice="yes", once="f", **node) == desk.acts.told(next(iter(_ids(desk))))
    late = await desk.act(BRAM, "reply", choice="no", **node)
    assert (late.said, late.counted) == ("Already answered by ana: yes.", False)


def _ids(desk: Desk) -> list[str]:
    return [one.id for one in desk.written if one.choice == "yes"]


async def test_a_statement_is_changed_by_one_and_approved_by_another_as_it_was_seen() -> None:
    """Nobody approves their own words, nor words that they did not see."""
    desk = Desk()
    both = ("ana", "bram")
    said = Asked(node="say", words="we_know", texts=(("en", "We know."), ("nl", "We weten het.")), may=both, by_ms=600)
    said = msgspec.structs.replace(said, writers=both, approvers=both)
    desk.ask(said, "statement")
    with pytest.raises(Refused, match="nothing in it") as empty:
        await desk.act(ANA, "draft", node="say", texts={"en": "We hear you."})
    assert empty.value.field == "texts.nl"
    words = {"en": "We hear you.", "nl": "We horen u.", "xx": "not one of its languages"}
    first = await desk.act(ANA, "draft", node="say", texts=words, once="d")
    assert (first.said, first.counted) == ("Changed. Now bram must approve it.", True)
    assert await desk.act(ANA, "draft", node="say", texts=words, once="d") == first, "sent again it is the same act"
    own = await desk.act(ANA, "approve", node="say")
    assert own.said == "Nobody approves their own statement. Somebody else must."
    stale = await desk.act(BRAM, "approve", node="say")
    assert (stale.said[:21], stale.counted) == ("It was changed since.", False)
    seen = about(msgspec.structs.replace(said, said=desk.written[0].note_digest))
    assert (await desk.act(BRAM, "approve", node="say", seen=seen)).said == "Approved."
    kept = desk.texts.note(desk.written[0].note_digest)
    assert kept == "en: We hear you.\n\x1enl: We horen u."
    with pytest.raises(Refused, match="Already approved by bram"):
        await desk.act(ANA, "draft", node="say", texts=words)


async def test_a_log_that_fails_is_told_and_the_same_form_counts_the_next_time() -> None:
    """Nothing is called done that is not on the disk."""
    desk = Desk()
    desk.fails = [OSError("disk full")]
    with pytest.raises(Refused) as refused:
        await desk.act(ANA, "own", once="f")
    assert refused.value.status == 503
    assert "disk" not in refused.value.words
    assert desk.written == []
    assert (await desk.act(ANA, "own", once="f")).said == "Owned by ana."


async def test_a_log_that_takes_its_time_is_told_and_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever presses again is told the same, and it counts once."""
    monkeypatch.setattr("tocsin.console.acts.WITHIN_S", 0.01)
    desk = Desk()
    desk.wait_s = 0.05
    with pytest.raises(Refused, match="not written down yet") as refused:
        await desk.act(ANA, "own", once="f")
    assert refused.value.words == LATE
    await asyncio.sleep(0.1)
    assert (await desk.act(ANA, "own", once="f")).said == "Owned by ana."
    assert len(desk.written) == 1


@pytest.mark.parametrize(
    ("name", "form", "field"),
    [
        ("false_alarm", Form(reason="bored"), "reason"),
        ("severity", Form(), "severity"),
        ("severity", Form(severity="hihg"), "severity"),
        ("note", Form(words=" \u200b "), "words"),
        ("note", Form(words="x" * 2001), "words"),
        ("reply", Form(node="n"), "choice"),
        ("reply", Form(choice="yes"), "node"),
        ("approve", Form(), "node"),
        ("feedback", Form(verdict="meh"), "verdict"),
        ("dance", Form(), "act"),
    ],
)
def test_a_field_that_is_wrong_is_named(name: str, form: Form, field: str) -> None:
    """With what it may be, where that is a list."""
    with pytest.raises(Refused) as refused:
        read_act(name, form)
    assert refused.value.field == field
    assert refused.value.allowed or field in {"words", "choice", "node"}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (Form(brand="Zeta2", last="1h", reason="x"), "brand"),
        (Form(brand="Zeta", last="1h", reason="x"), "brand"),
        (Form(brand="Acme", last="soon", reason="x"), "last"),
        (Form(brand="Acme", last="31d", reason="x"), "last"),
        (Form(brand="Acme", last="1h", reason="  "), "reason"),
        (Form(brand="Acme", last="1h", reason="x", scenario="rain"), "scenario"),
        (Form(brand="Acme", last="1h", reason="x", severity_at_most="awful"), "severity_at_most"),
        (Form(brand="Acme", last="1h", reason="x", incident="zeta-1"), "incident"),
    ],
)
async def test_a_silence_that_cannot_be_is_told_why(form: Form, field: str) -> None:
    """A brand that is not theirs is as unknown as one that there is not."""
    desk = Desk()
    visitor = msgspec.structs.replace(ANA, brands=("Acme",))
    with pytest.raises(Refused) as refused:
        await desk.acts.silence(visitor, form)
    assert (refused.value.status, refused.value.field) == (422, field)
    assert desk.written == []
