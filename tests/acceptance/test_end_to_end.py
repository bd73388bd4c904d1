"""From posts at the door to an acknowledged page: the service in real time, over real HTTP and Socket Mode.

Nothing is replaced but Slack, by the one on the loopback. A step is one second here, and a rung three.
"""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream.names import Names
from stream.reading import Reader
from stream.sources.intake_log import IntakeLog
from stream.sources.text_store import TextStore
from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, OUTSIDER, PEOPLE, STEP_MS, Living, burst, living, send, settings_of, wakes
from tests.fakes.slack import FakeSlack, Message, active_parts
from tests.faults import rows as matrix
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Control, ControlEvent
from tocsin.intake import Intake
from tocsin.journal import Unkept, open_existing
from tocsin.sequencer import Sequencer

SEED = 20_261
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand whose service has listened for thirty quiet hours."""
    home = tmp_path_factory.mktemp("past")
    heard = lively.warmed(home, SEED)
    assert lively.decided(home / "data") == [], "a quiet past wakes nobody"
    assert sum(lively.counted(home / "data").values()) > heard * 9 // 10  # all but what the open step still holds
    return home


@pytest.fixture
async def service(past: Path, tmp_path: Path) -> AsyncIterator[Living]:
    """A service that gets its clicks over HTTP."""
    async with living(past, tmp_path) as running:
        yield running


def shown(card: Message) -> str:
    """Every word of a card as it stands."""

    def words(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from words(list(node.values()))
        elif isinstance(node, list):
            for one in node:
                yield from words(one)
        elif isinstance(node, str):
            yield node

    return "\n".join([card.text, *words(card.blocks)])


def names(message: Message, who: str) -> bool:
    """Whether a message, as it was posted, makes somebody's phone ring."""
    posted = message.edits[0].text if message.edits else message.text
    return f"<@{PEOPLE[who]}>" in posted


# ---- the page and the first click


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_click_on_acknowledge_changes_the_card_and_nobody_else_is_paged(
    past: Path, verified: Path, mode: str
) -> None:
    async with living(past, verified, mode=mode) as service:
        card = await service.crisis(1)
        assert card.channel == CHANNEL
        assert names(card, "ana")
        page = (await service.decided("Page"))[0]
        assert await service.press(card, "acknowledge")
        await service.slack.wait_for(lambda: "Acknowledged by Ana Diaz" in shown(card), 5)
        assert "Acknowledged by ana." in await service.said()
        await service.passed(page.ack_by_ms + 2 * STEP_MS)
        assert wakes(service.decisions()) == [page]
        assert service.woken() == ["ana"]
        assert "tocsin.acknowledge" not in shown(card)
        assert [d.reason for d in service.decisions("Update")] == ["acknowledged"]


async def test_a_page_nobody_acknowledges_reaches_each_next_rung_at_its_time_and_not_before(service: Living) -> None:
    await service.crisis(2)
    first, second = (await service.decided("Page"))[0], (await service.decided("Escalate", 2))[0]
    third = service.decisions("Escalate")[1]
    assert [first.targets, second.targets, third.targets] == [("ana",), ("bram",), ("chloe",)]
    assert second.at_ms == first.ack_by_ms == first.at_ms + 3_000
    assert third.at_ms == second.ack_by_ms
    assert third.ack_by_ms == 0, "the last rung waits as long as it takes"
    await service.passed(third.at_ms + 4 * STEP_MS)
    posts = service.slack.messages(CHANNEL)
    for decision, name in ((first, "ana"), (second, "bram"), (third, "chloe")):
        told_ms = [round(m.accepted_at * 1000) for m in posts if names(m, name)]
        assert len(told_ms) == 1
        assert 0 <= told_ms[0] - decision.at_ms <= 2 * STEP_MS, (name, told_ms[0] - decision.at_ms)
    assert service.woken() == ["ana", "bram", "chloe"]


# ---- the other buttons


async def test_whoever_owns_it_has_it(service: Living) -> None:
    card = await service.crisis(3)
    page = (await service.decided("Page"))[0]
    assert await service.press(card, "own", "bram")
    await service.slack.wait_for(lambda: "Owned by Bram de Vries" in shown(card), 5)
    await service.passed(page.ack_by_ms + 2 * STEP_MS)
    assert service.woken() == ["ana"]
    assert "tocsin.own" not in shown(card)
    assert "tocsin.resolve" in shown(card)


async def test_escalate_wakes_the_next_at_once_and_their_acknowledgement_ends_it(service: Living) -> None:
    card = await service.crisis(4)
    page = (await service.decided("Page"))[0]
    assert await service.press(card, "acknowledge", "ana")
    assert await service.press(card, "escalate", "ana")
    asked = (await service.decided("Escalate"))[0]
    assert asked.reason == "asked_by_human"
    assert asked.targets == ("bram",)
    assert asked.at_ms < page.ack_by_ms, "it does not wait for the rung"
    await service.slack.wait_for(lambda: service.woken() == ["ana", "bram"], 5)
    assert await service.press(card, "acknowledge", "bram", stale=True)
    assert "Acknowledged by bram." in await service.said(3)
    await service.passed(asked.ack_by_ms + 2 * STEP_MS)
    assert service.woken() == ["ana", "bram"]
    assert len(wakes(service.decisions())) == 2, "the core itself has stopped, not delivery alone"


@pytest.mark.parametrize(("button", "reason"), [("false_alarm", "false_alarm"), ("resolve", "resolved")])
async def test_closing_it_ends_it_for_everybody(past: Path, verified: Path, button: str, reason: str) -> None:
    async with living(past, verified) as service:
        card = await service.crisis(5)
        page = (await service.decided("Page"))[0]
        assert await service.press(card, button)
        told = 2
        if button == "false_alarm":  # it asks why, and says there what became of it
            assert "as a false alarm by ana" in await service.fill({"tocsin.reason": "harmless"})
            told = 1
        closed = (await service.decided("StandDown"))[0]
        assert closed.reason == reason
        await service.slack.wait_for(lambda: "Over" in shown(card), 5)
        assert "tocsin." not in shown(card).replace("tocsin.link", "")
        assert await service.press(card, "acknowledge", "bram", stale=True)
        assert any(text.startswith("Already ") and "by ana" in text for text in await service.said(told))
        await send(service.service.base_url, burst(55, posts=60))
        await service.passed(page.ack_by_ms + 2 * STEP_MS)
        assert service.woken() == ["ana"], "more of the same is not told again"
        assert service.answers() == [button]


# ---- who may press, and how often


async def test_who_is_not_listed_is_told_so_and_changes_nothing(service: Living) -> None:
    card = await service.crisis(6)
    await service.press(card, "acknowledge", OUTSIDER)
    assert (await service.said())[0].startswith("Only the listed responders")
    page, next_rung = (await service.decided("Page"))[0], (await service.decided("Escalate"))[0]
    assert next_rung.at_ms == page.ack_by_ms
    assert service.answers() == []
    assert "Acknowledged" not in shown(card)


@matrix.row("F12")
async def test_two_who_press_at_once_hear_who_was_first(service: Living) -> None:
    card = await service.crisis(7)
    pressed = await asyncio.gather(*(service.press(card, "acknowledge", who) for who in ("ana", "bram", "chloe")))
    assert pressed == [True, True, True]
    said = await service.said(3)
    first = next(text for text in said if text.startswith("Acknowledged by "))
    winner = first.removeprefix("Acknowledged by ").rstrip(".")
    assert sorted(said) == sorted([first, *[f"Already acknowledged by {winner}."] * 2])
    assert await service.press(card, "acknowledge", winner, stale=True)
    assert f"Already acknowledged by {winner}." in (await service.said(4))[-1]
    update = (await service.decided("Update"))[0]
    assert update.note == winner, "the core agrees who was first"
    named = {"ana": "Ana Diaz", "bram": "Bram de Vries", "chloe": "Chloe Martin"}[winner]
    assert f"Acknowledged by {named}" in shown(card)
    assert [d.reason for d in service.decisions("Update")] == ["acknowledged"]
    matrix.fired(len(said))


@matrix.row("F12")
async def test_what_slack_did_not_sign_or_sent_before_is_refused(service: Living) -> None:
    card = await service.crisis(8)
    for how in ("secret", "body", "missing", "timestamp"):
        forged = await service.slack.forge_click(card, "tocsin.acknowledge", PEOPLE["ana"], how=how)
        assert forged.status == 401, how
    old = await service.slack.click(card, "tocsin.acknowledge", PEOPLE["ana"], age_s=400)
    assert old.status == 401
    (await service.decided("Escalate"))  # none of them stopped the rung
    assert service.answers() == []
    assert await service.press(card, "escalate", "ana")
    assert (await service.slack.replay_last_click()).status == 401
    matrix.fired(6)
    await service.decided("Escalate", 2)
    await asyncio.sleep(1.5)
    assert service.answers() == ["escalate"]


# ---- when Slack is unwell


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "the reply is lost": ("lost_reply", {}),
    "the reply is lost by a reset": ("lost_reply", {"reset": True}),
    "asked to wait": ("ratelimited", {"retry_after_s": 1}),
    "500": ("http_500", {}),
    "503, and it was accepted": ("http_503", {"accept": True}),
    "no answer": ("timeout", {}),
    "no answer, and it was accepted": ("timeout", {"accept": True}),
    "it arrives after we gave up": ("late", {"delay_s": 1.6, "hang_up": True}),
    "an error that may mean success": ("ok_false:fatal_error", {"accept": True}),
}


@matrix.row("F9")
@pytest.mark.parametrize("which", FAULTS)
async def test_a_page_is_there_once_whatever_slack_does(past: Path, verified: Path, which: str) -> None:
    kind, how = FAULTS[which]
    async with living(past, verified, within="1m", grace="3s") as service:
        fault = service.slack.faults.add("chat.postMessage", kind, **how)
        await send(service.service.base_url, burst(9))
        await service.decided("Page")
        await service.slack.wait_for(lambda: not service.service.home.outbox.unsettled(), 20)
        await asyncio.sleep(0.5)
        assert fault.fired == 1
        matrix.fired(fault.fired)
        rows = [row for row in service.service.home.outbox.pages(service.decisions()[0].incident) if row.wakes]
        assert [row.state for row in rows] == ["sent"]
        for row in rows:
            assert len(service.slack.posts_with_metadata(row.page_id)) == 1
        assert len([m for m in service.slack.messages(CHANNEL) if names(m, "ana")]) == 1


# ---- what the public wrote


HOSTILE = (
    "<!channel> <!here|x> <@U0ANA> <#C1> <!subteam^S1> <http://evil.example|your bank> https://evil.example "
    "*bold* `code` @everyone mailto:x@evil.example \u202etxt.exe\u2066 \x00\x07\x1b[31mred\x1b[0m \u200b{}\r\n> &lt;"
)


async def test_hostile_text_is_shown_and_does_nothing(past: Path, verified: Path) -> None:
    rows = burst(10)
    for number, row in enumerate(rows):
        row["text"] = f"{HOSTILE} {row['text']} \x1b]8;;http://evil.example\x07 {number}"
        row["author"] = f"<!here> \u202e{row['author']}"
        row["url"] = "javascript:alert(1)" if number % 2 else "https://social.example/p|<!channel>"
    async with living(past, verified) as service:
        card = await service.crisis(10, rows)
        await service.decided("Escalate")
        assert await service.press(card, "own", "bram")
        await service.slack.wait_for(lambda: "Owned by Bram de Vries" in shown(card), 5)
        assert "your bank" in shown(card), "the words are there to be read"
        ours = {f"<@{user}>" for user in PEOPLE.values()}
        said = [*service.slack.messages(), *(m for m in service.slack.ledger.posts if m.ephemeral_to)]
        assert len(said) >= 3
        for message in said:
            active = [part for part in active_parts(message) if not part.startswith("<https://social.example/")]
            assert set(active) <= ours, active
            versions = [shown(message), *(edit.text for edit in message.edits)]
            odd = {c for text in versions for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"}
            assert odd <= {"\u2068", "\u2069", "\u200d", "\ufe0f"}, [hex(ord(c)) for c in odd]


# ---- live and replay


def played_again(home: Path) -> dict[str, str]:
    """The decision chains that the intake log's records give when they are taken in anew, with nothing of the journal
    but the configuration.
    """
    data = home / "data"
    journal = open_existing(data / "journal.db")
    changes = [
        (entry.event.step, entry.event.event)
        for entry in journal.entries()
        if isinstance(entry.event, Control) and isinstance(entry.event.event, ConfigChange)
    ]
    engine = Engine(step_ms=STEP_MS, contents=journal.contents())
    brands = settings_of(home / "tocsin.yaml").brand_list()
    sequencer = Sequencer(
        journal=Unkept(),
        engine=engine,
        intake=Intake(brands, Names((data / "names.key").read_bytes()), step_ms=STEP_MS),
        texts=TextStore(None),
        step_ms=STEP_MS,
        incarnation="again",
        sink=lambda _: None,
        batch=50,
    )
    log, reader = IntakeLog(data / "intake.db"), Reader(lively.SOURCE)
    for record in log.read(0, log.last_offset):
        while changes and changes[0][0] <= record.observed_ms // STEP_MS:
            sequencer.control(changes.pop(0)[1], observed_ms=record.observed_ms, offset=record.offset)
        if record.kind == "beat":
            sequencer.reach(record.observed_ms, offset=record.offset)
        elif record.kind == "mention":
            sequencer.mention(reader.read(record.body, record.observed_ms), offset=record.offset)
        else:
            event = msgspec.json.decode(record.body, type=ControlEvent)
            sequencer.control(event, observed_ms=record.observed_ms, offset=record.offset)
    sequencer.flush()
    return {name: state.chain for name, state in engine.brands.items()}


@pytest.mark.parametrize("runs", [1, 3])
async def test_what_ran_live_replays_to_the_same_decisions(past: Path, verified: Path, runs: int) -> None:
    rows = burst(11, posts=180)
    async with FakeSlack(signing_secret=lively.SIGNING_SECRET) as slack:
        lively.staffed(slack)
        for run in range(runs):
            async with living(past, verified, slack=slack) as service:
                for batch in range(4):
                    await send(service.service.base_url, rows[run * 4 + batch :: runs * 4])
                    await asyncio.sleep(0.4)
                await service.decided("Escalate")
                if run == runs - 1:
                    assert await service.press(slack.messages(CHANNEL)[0], "resolve", "bram")
                    await service.decided("StandDown")
    journal = open_existing(verified / "data" / "journal.db")
    assert {"Page", "Escalate", "StandDown"} <= {d.kind for d in lively.decided(verified / "data")}
    assert played_again(verified) == journal.decision_chains
