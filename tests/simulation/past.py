"""A brand with a past: what its disk holds when a story begins. Made once, through the same code as everything else."""

import asyncio
import io
import json
import shutil
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.sources import store
from stream.sources.intake_log import IntakeLog
from tests.acceptance import living
from tests.acceptance.living import PEOPLE
from tests.simulation.disk import MemoryDisk
from tests.simulation.loop import Timeline, VirtualLoop
from tocsin.settings import Settings, load_settings
from tocsin.synthetic import Row, quiet
from tocsin.works import Works

BRANDS = ("Tulpatel", "Marenza")
SOURCE = "social"
STEP_MS = 30_000
START_MS = parse_rfc3339("2026-05-05T10:00:00Z")
"""When every story begins, on the clock of the world."""
HOURS = 25
SEED = 2_026
RUNG_MS = 120_000
ENVIRONMENT = living.ENVIRONMENT | {f"PD_{name.upper()}": name[0] * 32 for name in PEOPLE}
SERVICES = {ENVIRONMENT[f"PD_{name.upper()}"]: name for name in PEOPLE}
"""People by the routing key of their service."""
CHART = reduce(
    lambda chart, one: chart.replace(f"slack: {one[1]}}}", f"slack: {one[1]}, pagerduty: {one[0]}}}"),
    PEOPLE.items(),
    living.CHART.format(within="2m"),
)
"""That of the tests with the real service, with a pager for each."""
CONFIG = """\
step: 30s
flowchart: chart.yaml
data: data
brands:
BRANDS
sources:
  - {name: social, secret_env: SOCIAL_SECRET}
ingest: {listen: "127.0.0.1:0"}
delivery: {grace: 60s, timeout: 10s}
pagerduty:
  services:
    ana: {routing_key_env: PD_ANA}
    bram: {routing_key_env: PD_BRAM}
    chloe: {routing_key_env: PD_CHLOE}
slack: {channel: C1, mode: http, base_url: "http://127.0.0.1:9/api/"}
"""


class Past(NamedTuple):
    """What a story begins with. `images` are files by their names; `home` has the configuration and an empty `data`."""

    home: Path
    brands: tuple[str, ...]
    images: dict[str, bytes]

    def settings(self) -> Settings:
        """The configuration, read."""
        return load_settings(self.home / "tocsin.yaml", ENVIRONMENT)


def line_of(row: Row) -> bytes:
    """A row as its sender writes it."""
    return json.dumps(row, ensure_ascii=False).encode()


def prepare(home: Path, brands: tuple[str, ...]) -> Past:
    """Let the service listen to its brands for a day of ordinary life, and keep what it knows."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "chart.yaml").write_text(CHART)
    (home / "tocsin.yaml").write_text(
        CONFIG.replace("BRANDS", "\n".join(f"  - {{name: {b}, query: {b.lower()}, languages: [en]}}" for b in brands))
    )
    (home / "data").mkdir(mode=0o700)
    (home / "data" / "names.key").write_bytes(b"0123456789abcdef0123456789abcdef")
    past = Past(home, brands, {})
    disk = MemoryDisk()
    store.install(disk)
    try:
        _write(home / "data", brands)
        _listen(past.settings())
        _forget(disk)
        images = {name: _plain(db.serialize()) for name, db in disk.files().items()}
    finally:
        store.install(store.Files())
    shutil.rmtree(home / "data" / "letterbox", ignore_errors=True)
    return past._replace(images=images)


def _write(data: Path, brands: tuple[str, ...]) -> None:
    log = IntakeLog(data / "intake.db")
    minutes: dict[int, list[Row]] = {}
    for number, brand in enumerate(brands):
        start_ms = START_MS - HOURS * HOUR_MS
        for row in quiet(SEED + number, brand=brand, start_ms=start_ms, hours=HOURS - 0.2, per_hour=6, rhythm=False):
            minutes.setdefault(parse_rfc3339(row["created_at"]) // MINUTE_MS, []).append(row)
    for minute in sorted(minutes):
        rows = minutes[minute]
        log.append([("mention", SOURCE, line_of(row)) for row in rows], now_ms=(minute + 1) * MINUTE_MS)
    log.close()


def _listen(settings: Settings) -> None:
    timeline = Timeline(START_MS - 60_000)
    loop = VirtualLoop(timeline)

    async def once() -> None:
        works = Works(settings, lambda: int(timeline.now_ms), terminal=io.StringIO(), ways={})
        await works.begin()
        await works.end()

    asyncio.set_event_loop(loop)
    loop.run_until_complete(once())
    asyncio.set_event_loop(None)
    loop.close()


def _forget(disk: MemoryDisk) -> None:
    """Keep of the past what the next start needs: the snapshot, and the last entry and record before it."""
    files = disk.files()
    journal, intake, texts = files["journal.db"], files["intake.db"], files["texts.db"]
    assert not journal.execute("SELECT count(*) FROM decisions").fetchone()[0], "an ordinary day"
    journal.execute("DELETE FROM snapshots WHERE seq < (SELECT max(seq) FROM snapshots)")
    journal.execute("DELETE FROM entries WHERE seq < (SELECT max(seq) FROM entries)")
    last = intake.execute("SELECT last_offset FROM head").fetchone()[0]
    intake.execute("DELETE FROM log WHERE offset < ?", (last,))
    intake.execute("UPDATE head SET first_offset = ?", (last,))
    for table in ("body", "post", "about"):
        texts.execute(f"DELETE FROM {table}")
    for db in files.values():
        db.execute("VACUUM")


def _plain(image: bytes) -> bytes:
    """The file with a rollback journal named in its header: an image in memory has no write-ahead log."""
    return image[:18] + b"\x01\x01" + image[20:]
