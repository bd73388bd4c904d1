"""A flowchart that changes while the service runs: what began goes on as it began, and a bad one never gets in."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, STEP_MS, Living, Process, living, until
from tests.fakes.slack import FakeSlackThread
from tests.faults.rows import fired, row
from tocsin.entry import ConfigChange, Control
from tocsin.journal import open_existing, verify

SEED = 20_265
pytestmark = pytest.mark.slow
BAD = ("    if_not_acknowledged: wake_bram\n", "    if_not_acknowledged: wake_brem\n")
BRAM = "  bram: {name: Bram de Vries, slack: U0BRAM}\n"
WAKE_BRAM = """\
  wake_bram:
    page: bram
    acknowledge_within: WITHIN
    if_not_acknowledged: wake_chloe
    then: nothing
"""
ROTA = """\
roles:
  night: {roster: nights}
rosters:
  nights:
    timezone: Europe/Amsterdam
    rotation: {people: [bram], every: 1d, hand_over: "09:00", from: 2024-01-01}
entry:
"""


def without_bram(within: str) -> tuple[tuple[str, str], ...]:
    """Changes to a flowchart that leave ana and chloe in it."""
    skips = ("if_not_acknowledged: wake_bram", "if_not_acknowledged: wake_chloe")
    return (WAKE_BRAM.replace("WITHIN", within), ""), skips, (BRAM, "")


def rewrite(home: Path, *changes: tuple[str, str]) -> None:
    """Save the flowchart with some words changed."""
    path = home / "chart.yaml"
    text = path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def versions(service: Living) -> list[str]:
    """The flowcharts by which the brand was to be judged, in order, each once in a row."""
    journal = service.service.home.journal
    contents = journal.contents()
    events = [e.event.event for e in journal.entries() if isinstance(e.event, Control)]
    charts = [contents.content(e.digest).chart for e in events if isinstance(e, ConfigChange)]
    return [name for n, name in enumerate(charts) if n == 0 or charts[n - 1] != name]


async def metric(service: Living, line: str) -> bool:
    """Whether the service says so of itself."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return line in (await client.get(f"{service.service.base_url}/metrics")).text.splitlines()


@row("F24")
async def test_an_incident_under_way_stays_on_the_flowchart_on_which_it_began(past: Path, verified: Path) -> None:
    """A wakes ana, then bram, then chloe. B, read in between, knows no bram and wakes chloe alone."""
    async with living(past, verified, within="6s") as service:
        began = versions(service)[-1]
        await service.crisis(1)
        rewrite(verified, *without_bram("6s"))
        service.service.look_again()
        await service.slack.wait_for(lambda: versions(service)[-1] != began, 10)
        ladder = await service.decided("Escalate", 2)
        assert [d.targets for d in (*service.decisions("Page"), *ladder)] == [("ana",), ("bram",), ("chloe",)]
        await service.passed(ladder[-1].at_ms + 2 * STEP_MS)
        assert service.woken() == ["ana", "bram", "chloe"], "whom only the old version knows is reached all the same"
        card = service.slack.messages(CHANNEL)[0]
        assert await service.press(card, "own", "bram"), "and may answer"
        assert "Owned by bram." in await service.said()
        assert await service.press(card, "resolve", "chloe")
        await service.decided("StandDown")
        assert await metric(service, 'tocsin_flowchart_reads_total{became="taken"} 1.0')
        fired()
        for name in versions(service):
            assert service.service.home.journal.contents().chart(name).entry, "each version is kept"


async def test_whoever_left_the_flowchart_may_not_answer_once_nothing_walks_the_old_one(
    past: Path, verified: Path
) -> None:
    async with living(past, verified) as service:
        began = versions(service)[-1]
        rewrite(verified, *without_bram("3s"))
        service.service.look_again()
        await service.slack.wait_for(lambda: versions(service)[-1] != began, 10)
        card = await service.crisis(2)
        assert await service.press(card, "acknowledge", "bram")
        assert "Only the listed responders" in (await service.said())[0]
        assert service.answers() == []


@row("F24")
async def test_a_bad_flowchart_is_refused_with_its_line_while_the_good_one_runs_on(
    past: Path, verified: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with living(past, verified) as service:
        good = versions(service)
        await service.crisis(3)
        rewrite(verified, BAD)
        service.service.look_again()
        for _ in range(100):
            if await metric(service, "tocsin_flowchart_bad 1.0"):
                break
            await asyncio.sleep(0.05)
        assert await metric(service, 'tocsin_flowchart_reads_total{became="refused"} 1.0')
        fired()
        line = 1 + (verified / "chart.yaml").read_text().splitlines().index(BAD[1].rstrip())
        assert f"chart.yaml:{line}:26: " in capsys.readouterr().out
        await service.decided("Escalate", 2)
        assert [d.targets for d in service.decisions("Page", "Escalate")] == [("ana",), ("bram",), ("chloe",)]
        assert versions(service) == good
        rewrite(verified, BAD[::-1], ("acknowledge_within: 3s", "acknowledge_within: 4s"))
        service.service.look_again()
        await service.slack.wait_for(lambda: versions(service) != good, 10)
        assert await metric(service, "tocsin_flowchart_bad 0.0")


async def test_who_is_on_call_is_paged_by_name_and_a_swapped_shift_counts_from_its_reload_on(
    past: Path, verified: Path
) -> None:
    """The rota says bram; the swap makes it dora, though the incident began before."""
    dora = "  dora: {name: Dora Smit, slack: U0DORA}\n"
    async with living(past, verified, within="8s") as service:
        service.slack.workspace.add_user("U0DORA", "dora")
        began = versions(service)[-1]
        rewrite(verified, ("    page: bram\n", "    page: night\n"), ("entry:\n", ROTA), (BRAM, BRAM + dora))
        service.service.look_again()
        await service.slack.wait_for(lambda: versions(service)[-1] != began, 10)
        await service.crisis(4)
        assert (await service.decided("Page"))[0].next_targets == ("bram",)
        rewrite(verified, ("people: [bram]", "people: [dora]"))
        service.service.look_again()
        assert (await service.decided("Escalate"))[0].targets == ("dora",)


@row("F24")
def test_a_running_service_reads_its_flowchart_again_when_it_is_told_to(past: Path, tmp_path: Path) -> None:
    """`kill -HUP` on the real process: a bad one is one line, a good one is taken, and a restart says nothing new."""
    with FakeSlackThread(signing_secret=lively.SIGNING_SECRET) as slack:
        lively.staffed(slack)
        home = lively.copied(past, tmp_path)
        process = Process(lively.configure(home, slack))
        try:
            until(lambda: process.base_url, 20, "the service listens")
            rewrite(home, BAD)
            process.signal(signal.SIGHUP)
            until(lambda: "flowchart refused" in process.said, 10, "the bad flowchart is refused")
            fired()
            assert process.status is None
            rewrite(home, BAD[::-1], ("acknowledge_within: 3s", "acknowledge_within: 4s"))
            process.signal(signal.SIGHUP)
            until(lambda: "flowchart taken" in process.said, 10, "the good flowchart is taken")
            assert process.terminate() == 0
        finally:
            process.kill()
        again = Process(home / "tocsin.yaml")
        try:
            until(lambda: again.base_url, 20, "the service listens again")
            assert again.terminate() == 0
        finally:
            again.kill()
    journal = open_existing(home / "data" / "journal.db")
    events = [e.event.event for e in journal.entries() if isinstance(e.event, Control)]
    assert len([one for one in events if isinstance(one, ConfigChange)]) == 2, "of the past, and of the good one"
    assert verify(journal).ok
