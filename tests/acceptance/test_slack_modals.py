"""Forms that people fill in, and the App Home, in Slack: the service in real time, over signed HTTP and Socket Mode."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.living import OUTSIDER, PEOPLE, living
from tests.acceptance.test_slack_commands import HOSTILE, controls, words
from tests.fakes.slack import active_parts
from tocsin.entry import Answer

SEED = 20_265
SLACK_WAITS_S = 3.0
"""What is not answered by then has failed for whoever pressed (docs.slack.dev, handling user interaction)."""
MODES = pytest.mark.parametrize("mode", ["http", "socket"])
pytestmark = pytest.mark.slow


# ---- forms


@MODES
async def test_a_false_alarm_asks_why_and_closes_when_that_is_said(past: Path, verified: Path, mode: str) -> None:
    """The reason is a word of a list, in the journal; what somebody wrote besides is in the erasable store alone."""
    async with living(past, verified, mode=mode) as service:
        card = await service.crisis(1)
        assert await service.press(card, "false_alarm", OUTSIDER)
        assert service.slack.modals == [], "an outsider is asked nothing"
        assert await service.press(card, "false_alarm")
        await asyncio.sleep(0.3)
        assert service.answers() == [], "nothing is closed before it is sent"
        assert active_parts(service.slack.modals[-1]) == []
        unfit = await service.fill({"tocsin.words": "x"})
        assert "Choose one of the list." in unfit
        told = await service.fill({"tocsin.reason": "known_event", "tocsin.words": HOSTILE})
        assert "Closed as a false alarm by ana." in told
        again = await service.fill({"tocsin.reason": "bots"}, "bram")
        assert "Already closed as a false alarm by ana." in again
        closed = (await service.decided("StandDown"))[0]
        assert closed.note == "ana: a planned event or campaign"
        (answer,) = controls(service, Answer)
        assert (answer.choice, service.service.home.texts.note(answer.note_digest)) == ("known_event", HOSTILE)
        assert closed.said == answer.note_digest
        assert b"evil.example" not in (verified / "data" / "journal.db").read_bytes()


@pytest.mark.parametrize(
    ("kind", "how"), [("timeout", {}), ("http_503", {}), ("ok_false:internal_error", {}), ("reset", {})]
)
async def test_a_false_alarm_counts_without_its_form_when_slack_does_not_open_it(
    past: Path, verified: Path, kind: str, how: dict[str, Any]
) -> None:
    """The click is durable and answered in time, whatever Slack's API does."""
    async with living(past, verified) as service:
        card = await service.crisis(2)
        service.slack.faults.add("*", kind, None, **how)
        began = time.monotonic()
        assert await service.press(card, "false_alarm")
        assert time.monotonic() - began < SLACK_WAITS_S
        assert (await service.decided("StandDown"))[0].note == "ana"


@MODES
async def test_a_click_is_durable_and_answered_before_slack_gives_up_while_its_api_is_down(
    past: Path, verified: Path, mode: str
) -> None:
    """How much sooner is measured by `benchmarks.latency`: here other tests share the machine."""
    async with living(past, verified, mode=mode) as service:
        card = await service.crisis(3)
        fault = service.slack.faults.add("*", "timeout", None)
        for action in ("acknowledge", "own", "escalate"):
            result = await service.slack.click(card, f"tocsin.{action}", PEOPLE["ana"])
            assert (result.acked, result.deliveries) == (True, 1)
            assert result.elapsed_s < SLACK_WAITS_S
        command = await service.slack.command("status", PEOPLE["ana"])
        assert command.elapsed_s < SLACK_WAITS_S
        await service.slack.wait_for(lambda: service.answers() == ["acknowledge", "own", "escalate"], 5)
        assert fault.fired


@MODES
async def test_a_note_is_kept_where_it_can_be_erased_and_its_thread_says_who_wrote_it(
    past: Path, verified: Path, mode: str
) -> None:
    """A note is no acknowledgement: whoever is next is still paged."""
    async with living(past, verified, mode=mode) as service:
        card = await service.crisis(4)
        assert await service.press(card, "note", "bram")
        assert "There is nothing in it." in await service.fill({"tocsin.words": "  "}, "bram")
        assert "Noted by bram." in await service.fill({"tocsin.words": HOSTILE}, "bram")
        await service.slack.wait_for(
            lambda: any("Note by Bram de Vries" in m.text for m in service.slack.messages()), 5
        )
        (told,) = [m for m in service.slack.messages() if "Note by Bram de Vries" in m.text]
        assert "*b* `c` @here txt" in "\n".join(words(told.blocks)), "the words are there to be read"
        await service.decided("Escalate")
        (answer,) = controls(service, Answer)
        texts = service.service.home.texts
        assert (answer.answer, texts.note(answer.note_digest)) == ("note", HOSTILE)
        for message in service.slack.messages():
            ours = {f"<@{user}>" for user in PEOPLE.values()}
            assert {part for part in active_parts(message) if "social.example" not in part} <= ours
        assert texts.erase_note(answer.note_digest)
        assert b"evil.example" not in b"".join(
            path.read_bytes()
            for name in ("journal", "intake", "outbox", "texts")
            for path in verified.rglob(f"{name}.db*")
        )


async def test_a_form_that_slack_did_not_sign_or_that_comes_again_changes_nothing(past: Path, verified: Path) -> None:
    async with living(past, verified) as service:
        card = await service.crisis(5)
        assert await service.press(card, "note")
        view, ana = service.slack.modals[-1], PEOPLE["ana"]
        for how in ("secret", "body", "missing", "timestamp"):
            assert (await service.slack.submit(view, {"tocsin.words": "x"}, ana, forge=how)).status == 401
        assert "listed responders" in await service.fill({"tocsin.words": "x"}, OUTSIDER)
        for _ in range(2):  # Slack delivers again what it heard no answer to
            await service.fill({"tocsin.words": "once"})
        assert (await service.slack.replay_last_click()).status == 401
        await service.slack.wait_for(lambda: service.answers() == ["note"], 5)
        await asyncio.sleep(1.2)
        assert service.answers() == ["note"]


# ---- the App Home


@MODES
async def test_the_home_shows_what_is_open_and_stays_fresh_for_whoever_looks(
    past: Path, verified: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerting.delivery.slack_home.LOOK_EVERY_S", 0.2)
    async with living(past, verified, mode=mode) as service:
        slack, ana = service.slack, PEOPLE["ana"]
        assert (await slack.open_home(ana)).acked
        await slack.wait_for(lambda: ana in slack.homes, 5)
        assert "No incident is open." in "\n".join(words(slack.homes[ana]))
        card = await service.crisis(6)
        incident = service.decisions()[0].incident
        await slack.wait_for(lambda: incident in "\n".join(words(slack.homes[ana])), 10)
        await slack.wait_for(lambda: f"/archives/C1/p{card.ts.replace('.', '')}" in json.dumps(slack.homes[ana]), 10)
        assert await service.press(card, "own", "bram")
        await slack.wait_for(lambda: "owned by Bram de Vries" in "\n".join(words(slack.homes[ana])), 10)
        assert active_parts(slack.homes[ana]) == [
            f"<https://acme-fake.slack.com/archives/C1/p{card.ts.replace('.', '')}>"
        ]
        assert (await slack.open_home(OUTSIDER)).acked
        await slack.wait_for(lambda: OUTSIDER in slack.homes, 5)
        assert "not listed" in "\n".join(words(slack.homes[OUTSIDER]))
        assert "Tulpatel" not in json.dumps(slack.homes[OUTSIDER])
        assert len(slack.api.views.published) < 20, "only what changed is shown anew"


@MODES
async def test_an_event_counts_once_and_slacks_first_question_is_answered(
    past: Path, verified: Path, mode: str
) -> None:
    async with living(past, verified, mode=mode) as service:
        slack, ana = service.slack, PEOPLE["ana"]
        event = slack.gestures.event({"type": "app_home_opened", "user": OUTSIDER, "tab": "home"})
        for _ in range(3):
            assert (await slack.send_event(event)).acked
        for odd in ({"type": "app_home_opened", "user": ana, "tab": "messages"}, {"type": "message", "user": ana}, {}):
            assert (await slack.send_event(slack.gestures.event(odd))).acked
        await slack.wait_for(lambda: OUTSIDER in slack.homes, 5)
        await asyncio.sleep(0.3)
        assert [user for user, _ in slack.api.views.published] == [OUTSIDER]
        if mode == "http":
            asked = await slack.send_event({"type": "url_verification", "challenge": "3eZbrw1aB"})
            assert json.loads(asked.body) == {"challenge": "3eZbrw1aB"}
            assert (
                await slack.send_event({"type": "url_verification", "challenge": "x"}, forge="secret")
            ).status == 401
            assert (await slack.send_event({"type": "url_verification", "challenge": 5})).status == 400
