"""The flowchart of a running service: a version taken is kept, a bad one never is, and shifts are known in time."""

import asyncio
import io
import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from alerting.decision import Decision
from alerting.flowchart.load import ChartError
from alerting.roster import RosterError
from stream.codec import DAY_MS, HOUR_MS, canonical
from stream.sources.intake_log import IntakeLog
from tests.tocsin.test_roster_command import CALENDAR, CHART, CONFIG
from tocsin.embedded import Service
from tocsin.entry import ConfigChange, Control
from tocsin.journal import open_existing, verify
from tocsin.live_chart import LiveChart, held_rosters
from tocsin.settings import Settings, SettingsError, load_settings
from tocsin.state import Contents

NOON = 1_772_449_200_000  # Monday 2 March 2026, 12:00 in Amsterdam: chloe's day
ROTATION = CHART[CHART.index("    rotation:") : CHART.index("entry:")]
ENTRY = "ingest: {listen: '127.0.0.1:0'}\nstep: 1s\n"


class Kept:
    """A flowchart beside a configuration, read by a service whose clock is ours."""

    def __init__(self, home: Path, *, calendar: bool = False) -> None:
        self.home = home
        self.now_ms = NOON
        self.contents = Contents({})
        self.warned: list[str] = []
        self.write(CHART.replace(ROTATION, "    calendar: oncall.ics\n") if calendar else CHART)
        if calendar:
            (home / "oncall.ics").write_text(CALENDAR, encoding="utf-8")
        (home / "tocsin.yaml").write_text(CONFIG + ENTRY, encoding="utf-8")
        self.live = self.start()

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return load_settings(self.home / "tocsin.yaml", {})

    def start(self, **held: object) -> LiveChart:
        """Read it as a start does."""
        brands = self.settings.brand_list()
        return LiveChart(self.settings, brands, self.contents.put, lambda: self.now_ms, warn=self.warned.append, **held)  # type: ignore[arg-type]

    def write(self, text: str) -> None:
        """Save the flowchart."""
        (self.home / "chart.yaml").write_text(text, encoding="utf-8")

    def on_call(self) -> tuple[str, ...]:
        """Whom the first brand's configuration has on call now."""
        name = dict(self.live.configured())["Near"]
        return self.live.chart.on_call(["pr_on_call"], self.now_ms, self.contents.on_call(name, self.live.chart, ""))


def test_who_is_on_call_goes_to_the_core_with_the_configuration(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.on_call() == ("chloe",)
    kept.now_ms += DAY_MS
    assert kept.on_call() == ("david",)


def test_a_day_that_passes_changes_no_configuration(tmp_path: Path) -> None:
    """The horizon moved on and nobody else is on call: the same digests, after a restart too; a month later others."""
    kept = Kept(tmp_path)
    before = kept.live.configured()
    kept.now_ms += DAY_MS
    kept.live.take(kept.live.read())
    assert kept.live.configured() == before
    assert kept.start(held=kept.live.rosters).configured() == before
    kept.now_ms += 40 * DAY_MS
    kept.live.take(kept.live.read())
    assert kept.live.configured() != before


def test_a_shift_swapped_in_a_calendar_is_known_within_the_hour(tmp_path: Path) -> None:
    kept = Kept(tmp_path, calendar=True)
    assert kept.on_call() == ("chloe",)
    (tmp_path / "oncall.ics").write_text(CALENDAR.replace("Chloe Martin", "David Jansen"), encoding="utf-8")
    kept.now_ms += HOUR_MS - 1
    assert not kept.live.has_news()
    kept.now_ms += 1
    assert kept.live.has_news()
    kept.live.take(kept.live.read())
    assert kept.on_call() == ("david",)
    assert not kept.live.has_news()


def test_a_calendar_that_cannot_be_read_any_more_leaves_everything_as_it_was(tmp_path: Path) -> None:
    kept = Kept(tmp_path, calendar=True)
    (tmp_path / "oncall.ics").unlink()
    with pytest.raises(RosterError, match=r"chart\.yaml: roster nights: .*oncall\.ics: the calendar cannot be read"):
        kept.live.read()
    assert kept.on_call() == ("chloe",)


def test_a_bad_flowchart_is_told_once_and_its_calendars_still_count(tmp_path: Path) -> None:
    """Until it is saved again it is no news; the good one runs on with today's shifts."""
    kept = Kept(tmp_path, calendar=True)
    good = kept.live.chart.digest
    kept.write("version: 1\nnodes: [\n")
    assert kept.live.has_news()
    with pytest.raises(ChartError, match=r"chart\.yaml:\d+:\d+: "):
        kept.live.read()
    assert not kept.live.has_news()
    (tmp_path / "oncall.ics").write_text(CALENDAR.replace("Chloe Martin", "David Jansen"), encoding="utf-8")
    kept.live.take(kept.live.stand_in())
    assert kept.live.chart.digest == good
    assert kept.on_call() == ("david",)


def test_a_flowchart_without_the_role_of_a_brands_own_people_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.write(CHART.replace("pr_on_call", "pr_duty"))
    with pytest.raises(SettingsError, match="pr_on_call"):
        kept.live.read()


def test_a_file_that_is_gone_is_told_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    (tmp_path / "chart.yaml").unlink()
    assert kept.live.has_news()
    with pytest.raises(FileNotFoundError):
        kept.live.read()
    assert not kept.live.has_news()


def test_whoever_is_in_a_flowchart_that_is_still_walked_is_reached_and_may_answer(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    before = kept.live.chart
    kept.write(CHART.replace("U0DAVID", "U0DAVE").replace("chloe", "zoe").replace("U0CHLOE", "U0ZOE"))
    kept.live.take(kept.live.read())
    assert kept.live.clickers() == {"U0ZOE": "zoe", "U0DAVE": "david", "U0GRACE": "grace"}
    kept.live.remember([before, kept.live.chart])
    assert kept.live.clickers()["U0CHLOE"] == "chloe"
    assert [one.to for one in kept.live.addresses("chloe", "C1")] == ["C1", "U0CHLOE"]
    assert [one.to for one in kept.live.addresses("david", "C1")] == ["C1", "U0DAVE"], "the newest address counts"
    assert [one.to for one in kept.live.addresses("pr_on_call", "C1")] == ["C1", "U0ZOE"], "whoever has the turn"
    known = before.responders["chloe"].name
    assert (kept.live.name_of("chloe"), kept.live.name_of("nobody_we_know")) == (known, "nobody we know")


def test_a_change_that_was_on_its_way_at_a_crash_does_not_undo_what_the_next_start_says(tmp_path: Path) -> None:
    """The log holds version B, which nobody sealed; the file says A again when the service comes back."""
    kept = Kept(tmp_path)

    async def live() -> str:
        service = Service(kept.settings, terminal=io.StringIO())
        await service.start()
        await asyncio.sleep(1.3)
        await service.stop()
        return service.engine.brands["Near"].content

    first = asyncio.run(live())
    log = IntakeLog(tmp_path / "data" / "intake.db")
    unknown = canonical(ConfigChange("Near", "0" * 64, NOON))
    log.append([("control", "", unknown)], now_ms=log.last_observed_ms + 1)
    log.close()
    assert asyncio.run(live()) == first
    journal = open_existing(tmp_path / "data" / "journal.db")
    events = [e.event.event for e in journal.entries() if isinstance(e.event, Control)]
    assert len([one for one in events if isinstance(one, ConfigChange) and one.brand == "Near"]) == 1
    assert held_rosters(journal.restored_engine(journal.contents()), journal.contents())["nights"].on_call(NOON) == ()
    assert verify(journal).ok


def test_a_brand_wakes_its_own_people(tmp_path: Path) -> None:
    """A decision names a person; delivery tells exactly that person."""
    kept = Kept(tmp_path)
    service = Service(kept.settings, terminal=io.StringIO())
    name = dict(service.live.configured())["Far"]
    targets = service.live.chart.on_call(
        ["pr_on_call"], NOON, service.works._contents.on_call(name, service.live.chart, "")
    )
    page = Decision(
        key="far-1/1/Page",
        at_ms=NOON,
        brand="Far",
        kind="Page",
        incident="far-1",
        scenario="backlash",
        severity="high",
        reason="flowchart",
        targets=targets,
        by=("slack",),
    )
    service.works._deliver([page])
    assert [name for row in service.home.outbox.pages("far-1") for name in row.responders] == ["grace"]
    service.home.close()


def test_a_running_service_takes_a_good_flowchart_and_refuses_a_bad_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told to look again: first at one with a fault in it, then at one with another rota. The journal verifies."""
    kept = Kept(tmp_path)

    def flowcharts(service: Service) -> list[str]:
        contents = service.home.journal.contents()
        events = [e.event.event for e in service.home.journal.entries() if isinstance(e.event, Control)]
        names = [e.digest for e in events if isinstance(e, ConfigChange) and e.brand == "Near"]
        return [contents.content(name).chart for name in names]

    async def until(service: Service, count: int, said: str) -> None:
        for _ in range(200):
            metrics = generate_latest(service.works.metrics.registry).decode()
            if len(flowcharts(service)) == count and said in metrics:
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"not within four seconds: {count} flowcharts and {said}")

    async def live() -> None:
        service = Service(kept.settings, terminal=io.StringIO())
        await service.start()
        await until(service, 1, "tocsin_flowchart_bad 0.0")
        kept.write(CHART.replace("then: done", "then: doen"))
        service.look_again()
        await until(service, 1, "tocsin_flowchart_bad 1.0")
        kept.write(CHART.replace("[chloe, david]", "[david, chloe]"))
        service.look_again()
        await until(service, 2, "tocsin_flowchart_bad 0.0")
        service.look_again()
        await until(service, 2, 'tocsin_flowchart_reads_total{became="taken"} 2.0')
        await service.stop()

    asyncio.run(live())
    line = 1 + CHART.splitlines().index("  go: {page: pr_on_call, then: done}")
    assert re.search(rf"chart\.yaml:{line}:\d+: .*doen", capsys.readouterr().out)
    assert verify(open_existing(tmp_path / "data" / "journal.db")).ok
