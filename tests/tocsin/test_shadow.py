"""The shadow: everything is decided and kept, nobody is told, and a digest says what would have been."""

import functools
import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from alerting.decision import Decision
from stream.brands import Brand
from stream.codec import DAY_MS, canonical
from stream.sources.files import read_files
from tests.alerting.test_worker import Desk
from tests.tocsin.stories import Bench, Said
from tocsin.checking import chart_text
from tocsin.cli import app
from tocsin.digest import digest, markdown
from tocsin.entry import ConfigChange
from tocsin.journal import open_existing, verify
from tocsin.replay import configure, replay
from tocsin.settings import shipped_chart_path
from tocsin.state import Contents, Judged
from tocsin.synthetic import START_MS, crisis, merged, quiet

STEP_MS = 5_000
BRAND = Brand("Tulpatel", "tulpatel", languages=("en", "nl"), timezone="Europe/Amsterdam")
CHART = chart_text(shipped_chart_path())


BEGINS_MS = START_MS + 2 * DAY_MS


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two quiet days, ninety minutes of anger, and a few hours after it."""
    path = tmp_path_factory.mktemp("shadow") / "story.jsonl"
    calm = quiet(7, brand="Tulpatel", start_ms=START_MS, hours=2 * 24 + 4, per_hour=20, rhythm=False)
    anger = crisis(7, brand="Tulpatel", start_ms=BEGINS_MS, posts=500)
    path.write_text("".join(json.dumps(row) + "\n" for row in merged(calm, anger)), encoding="utf-8")
    return path


@functools.cache
def decided(story: Path, mode: str, journal: Path | None = None) -> list[Decision]:
    """What is decided on it in a mode."""
    found: list[Decision] = []
    judged = {"Tulpatel": Judged(mode=mode)}
    replay([story], brands=[BRAND], chart_text=CHART, judged=judged, on_decision=found.append, journal_path=journal)
    return found


def test_the_shadow_decides_what_the_live_one_decides(story: Path, tmp_path: Path) -> None:
    """To the byte, but for the word that says so; and the journal verifies."""
    live = decided(story, "live")
    shadow = decided(story, "shadow", tmp_path / "journal.db")
    assert any(d.kind == "Page" for d in live)
    assert all(d.shadow for d in shadow)
    assert not any(d.shadow for d in live)
    assert [canonical(msgspec.structs.replace(d, shadow=False)) for d in shadow] == [canonical(d) for d in live]
    assert verify(open_existing(tmp_path / "journal.db")).ok


async def test_delivery_refuses_what_was_decided_in_the_shadow(story: Path) -> None:
    """At the last door before people: no row in the outbox, no card, no post, whatever the kind."""
    shadow = decided(story, "shadow")
    desk = Desk()
    assert [desk.delivery.take(d) for d in shadow] == [False] * len(shadow)
    assert await desk.delivery.step() == 0
    assert (desk.slack.posts, desk.terminal.posts) == (0, 0)
    assert desk.outbox.unsettled() == []
    live = Desk()
    assert any(live.delivery.take(msgspec.structs.replace(d, shadow=False, targets=("alone",))) for d in shadow)


def test_the_digest_tells_what_would_have_been_paged(story: Path) -> None:
    """When, to whom, why and how it ended, on the brand's own clock, by day and brand."""
    shadow = decided(story, "shadow")
    told = digest(shadow, {"Tulpatel": "Europe/Amsterdam"})
    page = next(d for d in shadow if d.kind == "Page")
    (one,) = [i for i in told.incidents if i.incident == page.incident][:1]
    assert (one.brand, one.day, bool(one.why)) == ("Tulpatel", told.days[0], True)
    assert told.pages == sum(d.kind in ("Page", "Escalate") for d in shadow)
    assert told.notices == sum(d.kind == "Notify" for d in shadow)
    assert page.at_ms in [t.at_ms for t in one.told]
    assert (one.ended != "") == any(d.kind == "StandDown" and d.incident == page.incident for d in shadow)
    text = markdown(told)
    assert f"## {one.day}: Tulpatel" in text
    assert f"would page {', '.join(page.targets)}".replace("_", r"\_") in text
    assert digest(decided(story, "live"), {}).incidents == []


def test_the_digest_of_a_span_holds_what_began_in_it(story: Path) -> None:
    """From here on, and before this."""
    shadow = decided(story, "shadow")
    whole = digest(shadow, {})
    opened_ms = whole.incidents[0].opened_ms
    assert digest(shadow, {}, since_ms=opened_ms).incidents == whole.incidents
    assert digest(shadow, {}, until_ms=opened_ms).incidents == []
    assert digest(shadow, {}, since_ms=whole.incidents[-1].opened_ms + 1).incidents == []


def test_words_of_others_have_no_meaning_in_the_digest(story: Path) -> None:
    """A calendar's event may be called anything."""
    notice = next(d for d in decided(story, "shadow") if d.kind == "OpenIncident")
    nasty = msgspec.structs.replace(notice, note="# [x](https://evil.example)\n<b>|`", brand="**B**")
    text = markdown(digest([nasty], {}))
    assert "https://evil" not in text
    assert "\n# [" not in text
    assert r"\*\*B\*\*" in text
    assert "&lt;b&gt;" in text


def test_the_command_reads_a_journal(story: Path, tmp_path: Path) -> None:
    """Markdown for people, JSON for scripts, a file where one is named."""
    journal = tmp_path / "journal.db"
    shadow = decided(story, "shadow", journal)
    call = ["digest", "--journal", str(journal), "--config", str(tmp_path / "none.yaml")]
    shown = CliRunner().invoke(app, call)
    assert shown.exit_code == 0, shown.output
    assert "# What the shadow would have done" in shown.output
    counted = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert counted["pages"] == sum(d.kind in ("Page", "Escalate") for d in shadow)
    assert CliRunner().invoke(app, [*call, "--to", str(tmp_path / "digest.md")]).exit_code == 0
    assert (tmp_path / "digest.md").read_text("utf-8").startswith("# What the shadow would have done")


# ---- from one mode to the other


def test_an_incident_that_the_shadow_opened_pages_when_the_brand_goes_live(story: Path) -> None:
    """Whom a shadow paged was never paged: what goes on is opened anew, and pages at once."""
    at_ms = next(d.at_ms for d in decided(story, "shadow") if d.kind == "Page") + 1_000_000
    found = switched(story, at_ms, "shadow", "live")
    before, after = [d for d in found if d.at_ms < at_ms], [d for d in found if d.at_ms >= at_ms]
    assert before
    assert all(d.shadow for d in before)
    assert [(d.kind, d.reason, d.shadow) for d in after[:2]] == [
        ("StandDown", "mode_changed", True),
        ("OpenIncident", "signals", False),
    ]
    paged = next(d for d in after if d.kind == "Page")
    assert paged.at_ms - at_ms <= 2 * STEP_MS
    assert not any(d.shadow for d in after[1:])


def test_who_was_paged_hears_that_it_ended_when_the_brand_goes_into_the_shadow(story: Path) -> None:
    """The last live word is the stand-down; from there on nobody hears anything."""
    at_ms = next(d.at_ms for d in decided(story, "live") if d.kind == "Page") + 120_000
    found = switched(story, at_ms, "live", "shadow")
    told = [d for d in found if not d.shadow]
    assert (told[-1].kind, told[-1].reason) == ("StandDown", "mode_changed")
    assert told[-1].targets
    assert all(d.shadow for d in found if d.at_ms > told[-1].at_ms)


def switched(story: Path, at_ms: int, before: str, after: str) -> list[Decision]:
    """A run in which the brand's mode changes at a time."""
    contents = Contents({})
    modes = {
        mode: configure([BRAND], CHART, contents.put, {"Tulpatel": Judged(mode=mode)})[0][1] for mode in (before, after)
    }
    bench = Bench([BRAND], contents)
    found = read_files([story], dead=lambda *_: None)
    first = next(found)
    bench.feed(Said(first.observed_ms, ConfigChange("Tulpatel", modes[before], first.observed_ms)))
    changed = False
    for mention in (first, *found):
        if not changed and mention.observed_ms >= at_ms:
            changed = True
            bench.feed(Said(at_ms, ConfigChange("Tulpatel", modes[after], at_ms)))
        bench.feed(Said(mention.observed_ms, mention))
    return bench.end().decisions
