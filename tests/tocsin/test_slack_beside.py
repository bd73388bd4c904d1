"""A service with Slack puts pictures into threads: the plugs are in, and the picture is that of the incident."""

import struct
from pathlib import Path
from typing import Any

import msgspec

from alerting.facts import BLIND
from tests.acceptance.living import configure, settings_of
from tests.fakes.slack import FakeSlack
from tests.tocsin.test_drawing import AT_MS, HISTORY, decision
from tocsin.drawing import alt_text
from tocsin.incident_series import card_picture, view_series
from tocsin.works import Works


async def test_a_card_of_the_service_gets_its_picture(tmp_path: Path) -> None:
    """1200 by 600, with the words of the same numbers; a blind source has no crowd and no picture."""
    async with FakeSlack() as slack:
        works = Works(settings_of(configure(tmp_path, slack)), lambda: AT_MS)
        side = works.slack_side
        assert side is not None
        page: dict[str, Any] = {"targets": ("ana",), "by": ("slack",), "brand": "Tulpatel"}
        works.delivery.take(msgspec.structs.replace(decision(1, AT_MS), **page))
        await works.delivery.step()
        await side.step()
        card, picture = slack.messages("C1")
        view = works.home.outbox.view("acme-1")
        assert view is not None
        series = view_series(view)
        await works.end()
    assert series is not None
    assert series.observed == HISTORY
    (file,) = picture.files
    assert (picture.thread_ts, file["alt_txt"]) == (card.ts, alt_text(series))
    stored = slack.api.files.by_id[file["id"]].data
    assert stored is not None
    assert struct.unpack(">II", stored[16:24]) == (1200, 600)
    assert view.pictured == "high"
    assert card_picture(msgspec.structs.replace(view, scenario=BLIND)) is None


async def test_the_words_of_the_flowchart_and_the_names_of_its_people_reach_a_card(tmp_path: Path) -> None:
    """The plugs are in: what a node says, and who is meant, is looked up when somebody is told."""
    async with FakeSlack() as slack:
        config = configure(tmp_path, slack)
        chart = tmp_path / "chart.yaml"
        chart.write_text(
            chart.read_text().replace("    page: ana\n", "    page: ana\n    say: Find out what is true\n")
        )
        works = Works(settings_of(config), lambda: AT_MS)
        page: dict[str, Any] = {"targets": ("ana",), "by": ("slack",), "brand": "Tulpatel", "node": "wake_ana"}
        works.delivery.take(msgspec.structs.replace(decision(1, AT_MS), **page))
        await works.delivery.step()
        (card,) = slack.messages("C1")
        await works.end()
    assert "What to do now: Find out what is true" in str(card.blocks)
    assert "Paged: Ana Diaz at" in str(card.blocks)
