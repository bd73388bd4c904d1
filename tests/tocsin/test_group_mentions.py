"""A user group on a rota is named on the card and in its thread: the one that has the shift, and that one alone."""

from pathlib import Path
from typing import Any

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.ways import Delivered
from alerting.delivery.worker import Delivery
from stream.codec import DAY_MS
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.mrkdwn import active_parts
from tests.tocsin.rota_chart import WRITTEN
from tocsin.live_chart import LiveChart
from tocsin.settings import load_settings
from tocsin.state import Contents

NOON_MS = 1_772_449_200_000  # Monday 2 March 2026, 12:00 in Amsterdam
GROUPS = {"chloe": "S0NORTH", "david": "S0SOUTH"}


async def _report(_: Delivered) -> None:
    return


def _page(number: int, kind: Any) -> Decision:
    return Decision(
        key=f"acme-1/{number}/{kind}",
        at_ms=NOON_MS,
        brand="Acme",
        kind=kind,
        incident="acme-1",
        scenario="backlash",
        severity="high",
        reason="flowchart",
        targets=("pr_on_call",),
        by=("slack",),
    )


async def test_the_group_that_has_the_shift_is_mentioned(tmp_path: Path) -> None:
    """Today's group on the card, tomorrow's in a line of the thread; neither can press a button as a group."""
    chart = WRITTEN.replace("PEOPLE", "chloe, david")
    for name, group in GROUPS.items():
        chart = chart.replace(f"U0{name.upper()}", group)
    (tmp_path / "chart.yaml").write_text(chart, encoding="utf-8")
    config = tmp_path / "tocsin.yaml"
    config.write_text("flowchart: chart.yaml\nbrands: [{name: Acme, query: acme}]\n", encoding="utf-8")
    settings, now = load_settings(config, {}), [NOON_MS]
    live = LiveChart(settings, settings.brand_list(), Contents({}).put, lambda: now[0])
    async with FakeSlack() as slack:
        delivery = Delivery(
            Outbox(None),
            {"slack": SlackWay(slack_client("xoxb-fake", slack.base_url))},
            lambda: now[0],
            _report,
            lambda _names: {},
            lambda target: live.addresses(target, "C1"),
            lambda _incident: False,
        )
        first = live.chart.on_call(["pr_on_call"], now[0], live.rosters)
        delivery.take(_page(1, "Page"))
        await delivery.step()
        now[0] += DAY_MS
        second = live.chart.on_call(["pr_on_call"], now[0], live.rosters)
        delivery.take(_page(2, "Escalate"))
        await delivery.step()
        card, line = slack.messages("C1")
    assert sorted((*first, *second)) == ["chloe", "david"]
    sent = card.edits[0] if card.edits else card
    assert set(active_parts({"text": sent.text, "blocks": sent.blocks})) == {f"<!subteam^{GROUPS[first[0]]}>"}
    assert set(active_parts(line)) == {f"<!subteam^{GROUPS[second[0]]}>"}
    assert set(live.clickers().values()) == {"grace"}
