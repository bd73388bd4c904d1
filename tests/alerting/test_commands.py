"""What is typed after `/tocsin` is read as it was meant, or answered with what is allowed."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.commands import Command, Misread, help_lines, read_command
from alerting.delivery.clicks import Clicks, Malformed
from alerting.delivery.seen import Seen
from alerting.delivery.slack_commands import Commands, Does
from alerting.delivery.ways import Click
from alerting.home import BrandNow, Overview, Shown
from alerting.quiet import Silence
from alerting.view import IncidentView
from tests.alerting.test_inert import ANY_TEXT, NASTY
from tests.fakes.slack import active_parts

BRANDS = ("Acme", "Acme Air", "Bolt & Sons", "<!channel> Evil")
ODD = st.one_of(ANY_TEXT, NASTY)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", Command("help")),
        ("   status  ", Command("status")),
        ("WHO", Command("who")),
        ("ack", Command("ack")),
        ("ack acme-1", Command("ack", incident="acme-1")),
        ("silence Acme 30m it is known", Command("silence", "Acme", length_ms=1_800_000, reason="it is known")),
        ("silence acme air 2h x", Command("silence", "Acme Air", length_ms=7_200_000, reason="x")),
        ("silence “Acme Air” 1d x y", Command("silence", "Acme Air", length_ms=86_400_000, reason="x y")),
        ("silence BOLT & SONS 30d x", Command("silence", "Bolt & Sons", length_ms=2_592_000_000, reason="x")),
    ],
)
def test_what_is_meant_is_read(typed: str, read: Command) -> None:
    """In any case, with any spaces, and the longest name of a brand wins."""
    assert read_command(typed, BRANDS) == read


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("satus", "did you mean `status`?"),
        ("status Acme", "takes nothing after it"),
        ("ack one two", "one incident, or none"),
        ("silence", "Which brand?"),
        ("silence Acmee 2h x", "not known as a brand; did you mean `Acme`?"),
        ("silence Acme", "How long?"),
        ("silence Acme soon x", "soon is no length of time; allowed: 30m, 2h, 1d, up to 30d"),
        ("silence Acme 31d x", "31d is no length"),
        ("silence Acme 0h x", "0h is no length"),
        ("silence Acme ２h x", "is no length"),
        ("silence Acme 2h", "Why?"),
    ],
)
def test_what_is_no_command_is_answered_with_what_is_allowed(typed: str, why: str) -> None:
    """And says that nothing was changed."""
    found = read_command(typed, BRANDS)
    assert isinstance(found, Misread)
    assert why in found.why
    assert found.why.endswith(("Nothing was changed.", "Nothing was silenced."))


class Desk:
    """Commands over a service of the test's own."""

    def __init__(self, *waiting: str, says: str = "", start_drill: Any = None) -> None:
        self.silences: list[Silence] = []
        self.clicks: list[Click] = []
        self.says = says
        self.waiting = waiting
        views = [
            IncidentView(brand="Acme", incident=name, scenario="backlash", severity="high", opened_ms=0)
            for name in waiting
        ]
        self.overview = Overview(0, brands=(BrandNow("Acme", open=tuple(map(Shown, views))),))
        people = Clicks({"U1": "ana"}, self._press, teams=("T1",))
        does = Does(lambda: self.overview, BRANDS, self._silence, start_drill)
        self.commands = Commands(people, does, lambda: 1_000, Seen(None))

    async def _press(self, click: Click, _who: str) -> str:
        self.clicks.append(click)
        return self.says

    async def _silence(self, asked: Silence) -> None:
        self.silences.append(asked)

    async def typed(self, text: str, user: str = "U1", team: str = "T1", trigger: str = "1.2.a") -> str:
        """Type it; all that is shown."""
        form = {"user_id": user, "team_id": team, "trigger_id": trigger, "command": "/tocsin", "text": text}
        said = await self.commands.take(form)
        assert said["response_type"] == "ephemeral"
        assert active_parts(said) == []
        assert all(block["text"]["type"] == "plain_text" for block in said["blocks"])
        return "\n".join(block["text"]["text"] for block in said["blocks"])


async def test_a_command_delivered_again_changes_nothing_more_and_is_answered_the_same() -> None:
    """By its trigger: another time it is typed is another command."""
    desk = Desk("acme-1", says="Acknowledged by ana.")
    assert await desk.typed("silence Acme 2h known") == await desk.typed("silence Acme 2h known")
    assert [one.reason for one in desk.silences] == ["known"]
    await desk.typed("silence Acme 2h known", trigger="1.2.b")
    assert len({one.id for one in desk.silences}) == 2
    assert await desk.typed("ack") == await desk.typed("ack") == "acme-1: Acknowledged by ana."
    assert len(desk.clicks) == 1


async def test_without_an_incident_the_one_that_waits_is_acknowledged_and_of_several_none() -> None:
    """Better a question than the wrong one."""
    two = Desk("acme-1", "acme-2")
    assert "2 incidents wait: acme-1, acme-2. Say which" in await two.typed("ack")
    assert two.clicks == []
    none = Desk()
    assert "No incident waits" in await none.typed("ack")


async def test_a_drill_is_started_once_where_one_can_be_and_else_said_not_to_be() -> None:
    """In the name of whoever asked, and not again for the same command, though it was forgotten meanwhile."""
    began: list[str] = []

    def start(who: str) -> str:
        began.append(who)
        return f"A drill begins, asked for by {who}."

    desk = Desk(start_drill=start)
    assert "asked for by ana" in await desk.typed("drill")
    desk.commands._said.clear()
    assert "already" in await desk.typed("drill")
    assert began == ["ana"]
    assert "cannot be started from here" in await Desk().typed("drill")


@pytest.mark.parametrize("text", ["status", "who", "silence Acme 2h x", "ack acme-1", "drill", "help", "nonsense"])
@pytest.mark.parametrize(("user", "team"), [("U9", "T1"), ("U1", "T9")])
async def test_a_stranger_learns_nothing_and_changes_nothing(text: str, user: str, team: str) -> None:
    """Not even which brands there are."""
    desk = Desk("acme-1", start_drill=lambda _: pytest.fail("a stranger started a drill"))
    said = await desk.typed(text, user, team)
    assert "not listed" in said
    assert "Acme" not in said
    assert "acme" not in said
    assert (desk.silences, desk.clicks) == ([], [])


@pytest.mark.parametrize("form", [{}, {"user_id": "U1"}, {"user_id": 5, "trigger_id": "x"}, {"trigger_id": "x"}])
async def test_a_command_that_is_none_of_slacks_is_malformed(form: dict[str, Any]) -> None:
    """It is answered as such, and crashes nothing."""
    with pytest.raises(Malformed):
        await Desk().commands.take(form)


@given(ODD, ODD)
@settings(max_examples=20, deadline=None)
def test_whatever_is_typed_the_answer_is_inert(text: str, reason: str) -> None:
    """As the command itself, and as the reason of a silence."""
    desk = Desk("acme-1")

    async def type_all() -> None:
        for number, one in enumerate((text, f"ack {text}", f"silence {text} 2h {reason}", f"silence Acme 2h {reason}")):
            await desk.typed(one, trigger=str(number))

    asyncio.run(type_all())
    assert help_lines(BRANDS)[-1] == "Brands: Acme, Acme Air, Bolt & Sons, <!channel> Evil"
