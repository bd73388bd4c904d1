"""Times a page from the post that made it due to Slack, and a click from the finger to the answer; writes
docs/latency.md: `python -m benchmarks.latency [--crises N] [--rate N]`.

The embedded service runs as a process of its own, at the grid of five seconds, against a fake Slack on this machine.
Brands with a quiet past of thirty hours take turns in getting into a crisis, while posts of all kinds arrive at the
stated rate. Any post of the grid step that a page was decided upon may have been the one too many, so a delay is taken
from each of them: from its acceptance, as the intake log stamped it, to the moment at which the fake Slack accepted the
page. Then every call to Slack fails, and each card's button is pressed: a click's delay runs until the service has
answered it, which it does once the click is durable.
"""

import argparse
import asyncio
import io
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from rich.progress import Progress

from alerting.decision import Decision
from benchmarks.telling import conclude, quantile
from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from stream.sources.intake_log import IntakeLog
from stream.sources.signing import sign
from tests.acceptance.living import CHART, ENVIRONMENT, PEOPLE, SIGNING_SECRET, SOURCE, SOURCE_SECRET, Process, decided
from tests.fakes.slack import FakeSlackThread
from tocsin.embedded import Service, wall_clock_ms
from tocsin.settings import load_settings
from tocsin.synthetic import Row, crisis, quiet

PAGE = Path(__file__).parent.parent / "docs" / "latency.md"
STEP_MS = 5_000
PAST_HOURS = 30
PER_HOUR = 20
CRISIS_POSTS = 60
CRISIS_S = 30
"""A crisis brings two posts a second for half a minute."""
TICK_S = 0.25
"""How often the sender posts."""
LEAD_S = 6.0
BARS = {"page_p50_s": 5.0, "page_p99_s": 10.0, "click_p99_s": 1.0}
CONFIG = """\
step: 5s
flowchart: chart.yaml
data: data
brands:
{brands}
sources:
  - {{name: social, secret_env: SOCIAL_SECRET, rate: 100000}}
ingest: {{listen: "127.0.0.1:0", items_per_second: 100000}}
slack: {{channel: C1, mode: http, base_url: "{base_url}"}}
"""


class Delays(NamedTuple):
    """What was measured, in seconds, sorted."""

    pages: list[float]
    """From each post of the step that decided."""
    clicks: list[float]
    sent: int
    """Posts, of all kinds."""
    sending_s: float
    unpaged: int
    """Crises that nobody was paged about."""


def brand_of(number: int) -> str:
    """A made-up name that no query of another brand finds."""
    return "Tulpa" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")


def prepare(home: Path, slack: FakeSlackThread, crises: int, seed: int) -> Path:
    """A deployment that has listened for thirty hours to so many brands; returns its configuration."""
    names = [brand_of(n) for n in range(crises)]
    lines = "\n".join(f"  - {{name: {name}, query: {name.casefold()}, languages: [en, nl]}}" for name in names)
    config = home / "tocsin.yaml"
    (home / "chart.yaml").write_text(CHART.format(within="30m"))
    config.write_text(CONFIG.format(brands=lines, base_url=slack.base_url))
    start_ms = wall_clock_ms() - PAST_HOURS * HOUR_MS
    rows = [row for n, name in enumerate(names) for row in _past(seed + n, name, start_ms)]
    (home / "data").mkdir(mode=0o700)
    log = IntakeLog(home / "data" / "intake.db")
    for minute in _by_minute(rows):
        stamp_ms = parse_rfc3339(minute[-1]["created_at"])
        log.append([("mention", SOURCE, json.dumps(row).encode()) for row in minute], now_ms=stamp_ms)
    log.close()
    asyncio.run(_settle(config))
    return config


def _past(seed: int, brand: str, start_ms: int) -> Iterator[Row]:
    for row in quiet(seed, brand=brand, start_ms=start_ms, hours=PAST_HOURS, per_hour=PER_HOUR, rhythm=False):
        yield row | {"id": f"{brand}-{row['id']}"}


def _by_minute(rows: list[Row]) -> Iterator[list[Row]]:
    rows.sort(key=lambda row: row["created_at"])
    minutes: dict[int, list[Row]] = {}
    for row in rows:
        minutes.setdefault(parse_rfc3339(row["created_at"]) // MINUTE_MS, []).append(row)
    yield from minutes.values()


async def _settle(config: Path) -> None:
    """Take in the past once, so that the service that is measured starts warm."""
    service = Service(load_settings(config, ENVIRONMENT), terminal=io.StringIO())
    await service.start()
    await service.stop()


# ---- sending


def crisis_rows(seed: int, brand: str) -> list[Row]:
    """The posts of one crisis, in order; their times are given when they are sent."""
    story = crisis(seed, brand=brand, start_ms=wall_clock_ms(), posts=CRISIS_POSTS * 2)
    found = [row for row in story if brand.casefold() in row["text"].casefold()][:CRISIS_POSTS]
    return [row | {"id": f"crisis-{brand}-{place}"} for place, row in enumerate(found)]


def schedule(crises: int, spread_s: float, seed: int) -> list[tuple[float, Row]]:
    """All crises' posts with their seconds from the start: the crises begin evenly over `spread_s`."""
    posts = []
    rng = random.Random(seed)
    for number in range(crises):
        begins = LEAD_S + spread_s * number / crises + rng.random()
        rows = crisis_rows(seed + number, brand_of(number))
        posts += [(begins + CRISIS_S * place / len(rows), row) for place, row in enumerate(rows)]
    return sorted(posts, key=lambda post: post[0])


def noise(number: int) -> Row:
    """A post about nobody that anybody asked for."""
    return {"id": f"noise-{number}", "text": f"nice weather today, walk number {number}", "author": f"n{number % 977}"}


def send_all(base_url: str, posts: list[tuple[float, Row]], rate: float, done: Progress) -> tuple[int, float]:
    """Send the crises among noise at a steady rate in all; how many, and how long it took, in seconds."""
    last_s = posts[-1][0] + 1
    task = done.add_task("sending", total=last_s)
    began, sent, place = time.monotonic(), 0, 0
    with httpx.Client(trust_env=False, timeout=10) as client:
        while (now_s := time.monotonic() - began) < last_s:
            rows = []
            while place < len(posts) and posts[place][0] <= now_s:
                rows.append(posts[place][1])
                place += 1
            rows += [noise(sent + n) for n in range(max(0, int(rate * now_s) - sent - len(rows)))]
            if rows:
                stamp = rfc3339(wall_clock_ms())
                _post(client, base_url, [row | {"created_at": stamp} for row in rows])
                sent += len(rows)
            done.update(task, completed=now_s)
            time.sleep(TICK_S)
    return sent, time.monotonic() - began


def _post(client: httpx.Client, base_url: str, rows: Sequence[Row]) -> None:
    body, at_s = b"\n".join(json.dumps(row).encode() for row in rows), int(time.time())
    headers = {"X-Timestamp": str(at_s), "X-Signature": sign(SOURCE_SECRET, at_s, body)}
    client.post(f"{base_url}/ingest/{SOURCE}", content=body, headers=headers).raise_for_status()


# ---- measuring


def page_delays(data: Path, slack: FakeSlackThread, since_ms: int) -> tuple[list[float], int]:
    """For each incident's first page: from every post of the step that decided to Slack's acceptance; and how many
    pages.
    """
    known = _accepted(data, since_ms)
    delays, pages = [], 0
    for decision in _first_pages(decided(data), since_ms):
        stamps = [at for at in known.get(decision.brand, ()) if decision.at_ms - STEP_MS <= at < decision.at_ms]
        accepted = [m.accepted_at for m in slack.ledger.posts if m.incident == decision.incident]
        if stamps and accepted:
            delays += [min(accepted) - at / 1000 for at in stamps]
            pages += 1
    return sorted(delays), pages


def _first_pages(decisions: Sequence[Decision], since_ms: int) -> list[Decision]:
    first: dict[str, Decision] = {}
    for decision in decisions:
        if decision.kind == "Page" and decision.scenario != "blind" and decision.at_ms >= since_ms:
            first.setdefault(decision.incident, decision)
    return list(first.values())


def _accepted(data: Path, since_ms: int) -> dict[str, list[int]]:
    """When the posts of each brand's crisis were accepted."""
    log = IntakeLog(data / "intake.db")
    found: dict[str, list[int]] = {}
    offset = 0
    while records := log.read(offset, 5_000):
        offset = records[-1].offset + 1
        for record in records:
            if record.kind == "mention" and record.observed_ms >= since_ms and b'"crisis-' in record.body:
                brand = json.loads(record.body)["id"].split("-")[1]
                found.setdefault(brand, []).append(record.observed_ms)
    log.close()
    return found


def click_delays(slack: FakeSlackThread, done: Progress) -> list[float]:
    """Press Acknowledge on every card while nothing of Slack's API answers."""
    slack.faults.add("*", "http_503", times=None)
    cards = [message for message in slack.messages("C1") if not message.is_reply]
    task = done.add_task("pressing", total=len(cards))
    delays = []
    for card in cards:
        began = time.monotonic()
        result = slack.click(card, "tocsin.acknowledge", PEOPLE["ana"], stale=True)
        assert result.acked, "a click was not answered"
        delays.append(time.monotonic() - began)
        done.advance(task)
    return sorted(delays)


def measure(crises: int, rate: float, spread_s: float, seed: int) -> Delays:
    """The whole of it, in a directory of its own."""
    with (
        tempfile.TemporaryDirectory() as home,
        FakeSlackThread(signing_secret=SIGNING_SECRET) as slack,
        Progress() as bar,
    ):
        for name, user in PEOPLE.items():
            slack.workspace.add_user(user, name)
        config = prepare(Path(home), slack, crises, seed)
        process = Process(config)
        try:
            while not process.base_url:
                assert process.status is None, process.said
                time.sleep(0.05)
            slack.interactivity_url = f"{process.base_url}/slack/interactivity"
            began_ms = wall_clock_ms()
            sent, sending_s = send_all(process.base_url, schedule(crises, spread_s, seed), rate, bar)
            time.sleep(8)
            delays, paged = page_delays(Path(home) / "data", slack, began_ms)
            clicks = click_delays(slack, bar)
        finally:
            process.terminate(30)
    return Delays(delays, clicks, sent, sending_s, crises - paged)


# ---- telling


def figures(found: Delays) -> dict[str, float]:
    """What the bars are about, in seconds."""
    return {
        "page_p50_s": statistics.median_low(found.pages),
        "page_p99_s": quantile(found.pages, 0.99),
        "click_p50_s": statistics.median_low(found.clicks),
        "click_p99_s": quantile(found.clicks, 0.99),
    }


def page(found: Delays, command: str) -> str:
    """docs/latency.md."""
    told = figures(found)
    rows = [
        ("from a post to its page, the median", "page_p50_s"),
        ("from a post to its page, 99 in 100", "page_p99_s"),
        ("from a click to its answer, the median", "click_p50_s"),
        ("from a click to its answer, 99 in 100, while Slack's API is down", "click_p99_s"),
    ]
    lines = [f"| {what} | {told[key]:.2f} s | {_bar(key)} |" for what, key in rows]
    return "\n".join(
        [
            "# How long it takes\n",
            *(__doc__ or "").split("\n\n", 1)[1].splitlines(),
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {len(found.pages)} posts that decided,",
            f"{len(found.clicks)} clicks, {found.sent / found.sending_s:.0f} posts a second in all for "
            f"{found.sending_s:.0f} s.\n",
            "| what | took | bar |",
            "|---|---|---|",
            *lines,
            "",
        ]
    )


def _bar(key: str) -> str:
    return f"{BARS[key]:g} s" if key in BARS else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed or somebody was not paged."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--crises", type=int, default=120, help="brands that get into one, one after the other")
    parser.add_argument("--rate", type=float, default=200, help="posts a second, of all kinds")
    parser.add_argument("--spread", type=float, default=240, help="seconds over which the crises begin")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="12 crises in half a minute, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick:
        call.crises, call.spread = 12, 30.0
    found = measure(call.crises, call.rate, call.spread, call.seed)
    told = figures(found)
    command = f"python -m benchmarks.latency --crises {call.crises} --rate {call.rate:g}"
    missed = [key for key, bar in BARS.items() if told[key] > bar]
    missed += [f"crises without a page: {found.unpaged}"] * bool(found.unpaged)
    return conclude(call, told | {"unpaged": found.unpaged}, page(found, command), missed)


if __name__ == "__main__":
    sys.exit(main())
