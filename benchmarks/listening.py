"""Runs `tocsin run` with every type of source at once and writes docs/listening.md:
`python -m benchmarks.listening [--minutes N] [--times N]`.

The embedded service runs as a process of its own at the grid of five seconds. Each source is connected to its platform,
which is played on a real socket of this machine as its wire is; Bluesky's says ten times as many posts as the whole
network does, and as many likes. A brand of its own, with a quiet past of thirty hours, is heard through each source and
through no other; each gets into one crisis, one after the other. Every ten seconds it is looked at how much memory and
processor time the process takes, how late each source is, and how far the core is behind. At the end what was said of
the brands is compared with what was stored, post by post.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from benchmarks.listening_ground import Ground, Voice, standing
from benchmarks.listening_page import FULL_RATE, Found, Heard, Look, figures, missed_of, page
from benchmarks.telling import conclude
from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.reading import Reader
from stream.sources.intake_log import IntakeLog
from tests.acceptance.living import CHART, PEOPLE, SIGNING_SECRET, Process, decided
from tests.fakes.slack import FakeSlackThread
from tocsin.embedded import wall_clock_ms
from tocsin.synthetic import Row, crisis, quiet

PAGE = Path(__file__).parent.parent / "docs" / "listening.md"
PAST_HOURS = 30
PER_HOUR = 20
CRISIS_POSTS = 90
CRISIS_S = 45.0
"""A crisis brings two posts a second."""
LOOK_S = 10.0
TICK_S = 0.25
SETTLE_S = 150.0
"""So long after the last post everything is stored and paged."""
WARM_S = 15.0
CONFIG = """\
step: 5s
flowchart: chart.yaml
data: data
ingest: {{listen: "127.0.0.1:0"}}
slack: {{channel: C1, mode: http, base_url: "{base_url}"}}
brands:
{brands}
sources:
{sources}
"""
_GAUGE = re.compile(r'^(tocsin_\w+)(?:\{source="(\w+)"(?:,\w+="(\w+)")?\})? ([0-9.eE+-]+)$', re.MULTILINE)


# ---- a deployment


def configure(home: Path, ground: Ground, slack_url: str, seed: int) -> Path:
    """Configuration, flowchart and a past for each brand."""
    brands = [
        {"name": one.brand, "query": one.brand.casefold(), "languages": ["en", "nl"], "sources": [one.source]}
        for one in ground.voices
    ]
    (home / "chart.yaml").write_text(CHART.format(within="30m"))
    config = home / "tocsin.yaml"
    config.write_text(
        CONFIG.format(
            base_url=slack_url,
            brands="\n".join(f"  - {json.dumps(one)}" for one in brands),
            sources="\n".join(f"  - {json.dumps(one.section)}" for one in ground.voices),
        )
    )
    data = home / "data"
    data.mkdir(mode=0o700)
    log = IntakeLog(data / "intake.db")
    for minute in _by_minute(_past(ground.voices, seed)):
        items = [("mention", source, json.dumps(row).encode()) for source, row in minute]
        log.append(items, now_ms=parse_rfc3339(minute[-1][1]["created_at"]))
    log.close()
    return config


def _past(voices: Sequence[Voice], seed: int) -> list[tuple[str, Row]]:
    start_ms = wall_clock_ms() - PAST_HOURS * HOUR_MS
    found = [
        (voice.source, _own(row) | {"created_at": row["created_at"]})
        for number, voice in enumerate(voices)
        for row in quiet(
            seed + number, brand=voice.brand, start_ms=start_ms, hours=PAST_HOURS, per_hour=PER_HOUR, rhythm=False
        )
    ]
    return sorted(found, key=lambda one: str(one[1]["created_at"]))


def _own(row: Row) -> Row:
    """What of a made-up row any platform can say."""
    return {"id": f"past-{row['id'].partition(':')[2]}", "text": row["text"], "author": row["author"]}


def _by_minute(rows: list[tuple[str, Row]]) -> Iterator[list[tuple[str, Row]]]:
    minutes: dict[int, list[tuple[str, Row]]] = {}
    for one in rows:
        minutes.setdefault(parse_rfc3339(one[1]["created_at"]) // MINUTE_MS, []).append(one)
    yield from minutes.values()


# ---- what is said


def schedule(voices: Sequence[Voice], seconds: float, seed: int) -> list[tuple[float, Voice, Row]]:
    """What is said when: each brand's everyday life, and its crisis; these begin one after the other."""
    posts: list[tuple[float, Voice, Row]] = []
    spread_s = max(1.0, seconds - WARM_S - CRISIS_S)
    for number, voice in enumerate(voices):
        begins_s = WARM_S + spread_s * number / len(voices)
        angry = _crisis_rows(seed + number, voice.brand)
        posts += [(begins_s + CRISIS_S * place / len(angry), voice, row) for place, row in enumerate(angry)]
        hours = seconds / 3_600
        everyday = quiet(
            seed + 500 + number, brand=voice.brand, start_ms=0, hours=hours, per_hour=PER_HOUR, rhythm=False
        )
        named = [row for row in everyday if voice.brand.casefold() in row["text"].casefold()]
        posts += [(parse_rfc3339(row["created_at"]) / 1000, voice, row) for row in named]
    return sorted((one for one in posts if one[0] < seconds), key=lambda one: one[0])


def _crisis_rows(seed: int, brand: str) -> list[Row]:
    story = crisis(seed, brand=brand, start_ms=wall_clock_ms(), posts=CRISIS_POSTS * 3, dutch_share=0.0)
    named = [row for row in story if brand.casefold() in row["text"].casefold() and not row.get("is_repost")]
    return [row | {"id": f"crisis-{place}"} for place, row in enumerate(named[:CRISIS_POSTS])]


async def speak(ground: Ground, base_url: str, posts: Sequence[tuple[float, Voice, Row]]) -> dict[str, int]:
    """Say everything at its time; when each brand's crisis began (ms)."""
    began, place, crises = time.monotonic(), 0, {}
    while place < len(posts):
        while place < len(posts) and posts[place][0] <= time.monotonic() - began:
            _, voice, row = posts[place]
            place += 1
            if row["id"].startswith("crisis-"):
                crises.setdefault(voice.brand, wall_clock_ms())
            voice.speak(row)
        await ground.door.send(base_url)
        await asyncio.sleep(TICK_S)
    return crises


# ---- looking


class Watch:
    """Looks at the process every ten seconds."""

    def __init__(self, process: Process, ground: Ground) -> None:
        self.looks: list[Look] = []
        self._process = process
        self._ground = ground
        self._client = httpx.AsyncClient(trust_env=False, timeout=10)
        self._began_s = self._at_s = time.monotonic()
        self._cpu_s = self._used_s()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.looks.append(await self.look())

    async def look(self) -> Look:
        """One look."""
        gauges = await self.gauges()
        now_s, cpu_s = time.monotonic(), self._used_s()
        share = (cpu_s - self._cpu_s) / max(0.1, now_s - self._at_s)
        self._at_s, self._cpu_s = now_s, cpu_s
        statuses = {(source, more) for (name, source, more), on in gauges.items() if name.endswith("_status") and on}
        return Look(
            at_s=now_s - self._began_s,
            rss_mib=self._pages() / (1 << 20),
            cpu_share=share,
            behind_s=gauges.get(("tocsin_core_behind_seconds", "", ""), 0.0),
            lag_s={source: value for (name, source, _), value in gauges.items() if name == "tocsin_source_lag_seconds"},
            not_ok=tuple(sorted(source for source, status in statuses if source and status != "ok")),
            handed=self._ground.firehose.handed,
            said=self._ground.firehose.frames,
        )

    async def gauges(self) -> dict[tuple[str, str, str], float]:
        """What the service says of itself: by metric, source and what more there is."""
        text = (await self._client.get(f"{self._process.base_url}/metrics")).text
        return {(name, source, more): float(value) for name, source, more, value in _GAUGE.findall(text)}

    async def until_all_are_heard(self) -> None:
        """Wait until the past is taken in and every source gave a sign of life."""
        ends_s = time.monotonic() + 120
        while time.monotonic() < ends_s:
            assert self._process.status is None, self._process.said
            health = (await self._client.get(f"{self._process.base_url}/healthz")).json()
            if not health["behind_records"] and all(one["heard_ms"] for one in health["sources"].values()):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"not all sources are heard: {health['sources']}")

    def _pages(self) -> int:
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def _used_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stored_in(data: Path) -> Counter[str]:
    """The posts in the intake log by their ids, without the past and what was taken back since."""
    log = IntakeLog(data / "intake.db")
    readers: dict[str, Reader] = {}
    found: Counter[str] = Counter()
    offset = 0
    while records := log.read(offset, 5_000):
        offset = records[-1].offset + 1
        for record in records:
            if record.kind == "mention" and record.body and b'"past-' not in record.body:
                reader = readers.setdefault(record.source, Reader(record.source))
                mention = reader.read(record.body, record.observed_ms)
                found[mention.id] += mention.kind == "create"
    log.close()
    return found


def paged_at(data: Path, slack: FakeSlackThread, since_ms: int) -> dict[str, float]:
    """When Slack accepted the first page of each brand, in seconds since 1970."""
    found: dict[str, float] = {}
    for decision in decided(data):
        if decision.kind == "Page" and decision.scenario != "blind" and decision.at_ms >= since_ms:
            accepted = [m.accepted_at for m in slack.ledger.posts if m.incident == decision.incident]
            if accepted:
                found[decision.brand] = min(found.get(decision.brand, float("inf")), *accepted)
    return found


async def measure(minutes: float, rate: float, seed: int) -> Found:
    """The whole of it, in a directory of its own."""
    with (
        tempfile.TemporaryDirectory() as shelf,
        FakeSlackThread(signing_secret=SIGNING_SECRET) as slack,
    ):
        home = Path(shelf)
        for name, user in PEOPLE.items():
            slack.workspace.add_user(user, name)
        async with standing(home, rate, rate, seed) as ground:
            os.environ.update(ground.secrets)
            config = await asyncio.to_thread(configure, home, ground, slack.base_url, seed)
            process = Process(config)
            try:
                return await _measured(home / "data", ground, process, slack, minutes * 60, seed)
            finally:
                if process.status is None:
                    await asyncio.to_thread(process.terminate, 30)
                if os.environ.get("TOCSIN_SHOW_LOG"):
                    print(process.said, file=sys.stderr)


async def _measured(
    data: Path, ground: Ground, process: Process, slack: FakeSlackThread, seconds: float, seed: int
) -> Found:
    while not process.base_url:
        assert process.status is None, process.said
        await asyncio.sleep(0.1)
    slack.interactivity_url = f"{process.base_url}/slack/interactivity"
    watch = Watch(process, ground)
    await watch.until_all_are_heard()
    began_s, began_ms, frames, posts = time.monotonic(), wall_clock_ms(), ground.firehose.frames, ground.firehose.posts
    watching = asyncio.create_task(watch.run())
    crises = await speak(ground, process.base_url, schedule(ground.voices, seconds, seed))
    took_s = time.monotonic() - began_s
    told = ground.firehose.posts - posts, ground.firehose.frames - frames
    ends_s = time.monotonic() + SETTLE_S
    while time.monotonic() < ends_s:
        await asyncio.sleep(5)
        stored, pages = await asyncio.to_thread(lambda: (stored_in(data), paged_at(data, slack, began_ms)))
        if len(pages) == len(crises) and all(name in stored for voice in ground.voices for name in voice.said):
            break
    assert not watching.done(), watching.exception()
    watching.cancel()
    bad = sum(value for (_, _, more), value in (await watch.gauges()).items() if more == "bad")
    heard = [_heard(voice, stored, pages, crises, watch.looks) for voice in ground.voices]
    return Found(watch.looks, heard, told[0], told[1], took_s, int(bad))


def _heard(
    voice: Voice, stored: Counter[str], pages: Mapping[str, float], crises: Mapping[str, int], looks: Sequence[Look]
) -> Heard:
    own = {name: count for name, count in stored.items() if name.startswith(f"{voice.source}:")}
    paged_s = pages.get(voice.brand)
    return Heard(
        source=voice.source,
        said=len(voice.said),
        stored=len(own),
        missing=len(voice.said.keys() - own.keys()),
        doubled=sum(count - 1 for count in own.values()) + len(own.keys() - voice.said.keys()),
        page_s=None if paged_s is None else paged_s - crises[voice.brand] / 1000,
        lag_s=max((look.lag_s.get(voice.source, 0.0) for look in looks), default=0.0),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listening", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--times", type=float, default=10, help=f"of Bluesky's full rate, {FULL_RATE:g} posts a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="three minutes, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick:
        call.minutes = 3.0
    found = asyncio.run(measure(call.minutes, call.times * FULL_RATE, call.seed))
    told = figures(found)
    command = f"python -m benchmarks.listening --minutes {call.minutes:g} --times {call.times:g}"
    sources = {one.source: one._asdict() for one in found.heard}
    return conclude(
        call, told | {"sources": sources}, page(__doc__ or "", found, told, call.times, command), missed_of(told)
    )


if __name__ == "__main__":
    sys.exit(main())
