"""What people type, fill in and look at in Slack: the service in real time, over signed HTTP and over Socket Mode."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerting.quiet import Silence
from tests.acceptance import living as lively
from tests.acceptance.living import OUTSIDER, PEOPLE, Living, living
from tests.fakes.slack import FakeSlack, active_parts
from tocsin.embedded import wall_clock_ms
from tocsin.entry import Answer, Control

SEED = 20_264
MODES = pytest.mark.parametrize("mode", ["http", "socket"])
HOSTILE = "<!channel> <@U0ANA> <http://evil.example|bank> *b* `c` @here \u202etxt \x07 https://evil.example {brand}"
pytestmark = pytest.mark.slow


def words(node: Any) -> Iterator[str]:
    """Every text that a message, a modal or a Home shows."""
    if isinstance(node, dict):
        for key, child in node.items():
            if key == "text" and isinstance(child, str):
                yield child
            else:
                yield from words(child)
    elif isinstance(node, list):
        for one in node:
            yield from words(one)


async def typed(service: Living, text: str, who: str = "ana", **how: Any) -> str:
    """Type a command, and return all that the one who typed it sees."""
    result = await service.slack.command(text, PEOPLE.get(who, who), **how)
    assert result.acked, result
    assert result.elapsed_s < 3
    said = service.slack.ledger.posts[-1]
    assert said.ephemeral_to == PEOPLE.get(who, who)
    assert active_parts(said) == []
    return "\n".join(words(said.blocks))


def controls(service: Living, kind: type) -> list[Any]:
    """The control events of a kind that the core has taken in."""
    events = [e.event.event for e in service.service.home.journal.entries() if isinstance(e.event, Control)]
    return [event for event in events if isinstance(event, kind)]


@MODES
async def test_reading_commands_say_how_things_stand_and_to_responders_alone(
    past: Path, verified: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with living(past, verified, mode=mode) as service:
        assert "Tulpatel: calm" in await typed(service, "status")
        card = await service.crisis(1)
        told = await typed(service, "status")
        assert "Tulpatel: " in told
        assert service.decisions()[0].incident in told
        assert "calm" not in told
        assert await service.press(card, "acknowledge")
        assert "acknowledged by Ana Diaz, owned by nobody" in await typed(service, "STATUS")
        assert "names no roles" in await typed(service, "who")
        assert "/tocsin silence BRAND 2h REASON" in await typed(service, "help")
        assert "`stauts` is not known" in await typed(service, "stauts")
        for text in ("status", "who", "help", "", "drill", "ack", "silence Tulpatel 2h mine"):
            refused = await typed(service, text, OUTSIDER)
            assert "You are not listed" in refused
            assert "Tulpatel" not in refused
        assert capsys.readouterr().out.count("click_refused") == 7
        assert controls(service, Silence) == []


@MODES
async def test_an_incident_is_acknowledged_by_a_command_once_and_the_others_hear_who_was_first(
    past: Path, verified: Path, mode: str
) -> None:
    async with living(past, verified, mode=mode) as service:
        assert "No incident waits" in await typed(service, "ack")
        await service.crisis(2)
        page = (await service.decided("Page"))[0]
        assert "Acknowledged by bram." in await typed(service, "ack", "bram")
        assert f"{page.incident}: Already acknowledged by bram." in await typed(
            service, f"ack {page.incident}", "chloe"
        )
        assert "not known here" in await typed(service, "ack nothing-1")
        await service.passed(page.ack_by_ms + 2_000)
        assert service.woken() == ["ana"]
        assert service.answers() == ["acknowledge"]


@MODES
async def test_a_silence_asked_for_in_slack_is_the_one_of_the_command_line(
    past: Path, verified: Path, mode: str
) -> None:
    async with living(past, verified, mode=mode) as service:
        assert "Quiet" not in await typed(service, "status")
        trigger = service.slack.api.views.new_trigger()
        for _ in range(2):
            told = await typed(service, f"silence tulpatel 2h {HOSTILE}", trigger_id=trigger)
            assert told.startswith("Pages about Tulpatel are held back until")
        await service.slack.wait_for(lambda: controls(service, Silence), 5)
        (asked, *again) = controls(service, Silence)
        assert {one.id for one in again} <= {asked.id}
        assert (asked.brand, asked.who, asked.severity_at_most) == ("Tulpatel", "ana", "high")
        assert asked.until_ms - asked.from_ms == 7_200_000
        assert asked.id in told
        assert "quiet about pages until" in await typed(service, "status")
        for wrong, why in (
            ("Tulp 2h x", "not known as a brand"),
            ("Tulpatel x y", "no length"),
            ("Tulpatel 2h", "Why?"),
        ):
            assert why in await typed(service, f"silence {wrong}")


async def test_a_command_that_slack_did_not_sign_or_that_comes_again_is_refused(past: Path, verified: Path) -> None:
    """After a restart too: a signature is remembered on the disk."""
    async with FakeSlack(signing_secret=lively.SIGNING_SECRET) as slack:
        lively.staffed(slack)
        async with living(past, verified, slack=slack) as service:
            for how in ("secret", "body", "missing", "timestamp"):
                assert (await slack.command("ack", PEOPLE["ana"], forge=how)).status == 401
            assert (await slack.command("ack", PEOPLE["ana"], age_s=400)).status == 401
            assert "Pages about" in await typed(service, "silence Tulpatel 1h known")
            sent = slack.interactivity.last
            assert sent is not None
            assert (await slack.interactivity.by_http(sent)).status == 401
        async with living(past, verified, slack=slack) as service:
            sent.url = slack.interactivity.command_url
            assert (await slack.interactivity.by_http(sent)).status == 401
            await service.passed(wall_clock_ms() + 1_000)
            assert len(controls(service, Silence)) == 1
            assert controls(service, Answer) == []
