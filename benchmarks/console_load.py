"""A crisis that a hundred people watch: do the pages stay live? `python -m benchmarks.console_load [--minutes N]`;
writes docs/console-load.md.

`tocsin run` as a process of its own, at the grid of five seconds, with a quiet past of thirty hours. Mentions come by
the signed webhook, {rate} a second, nearly all of them angry. Ninety-nine clients hold the stream of *Now*, each signed
in as somebody else, and one tab of Chromium shows the page. The same is done once more without a console: what the
console costs is the difference.

What was posted in a grid step is known when the step has ended and the core has decided upon it. An update's delay runs
from that decision until a client has the figures that it led to (`update`), and from the end of the step, the core's
own work included (`step`); a click's, from the answer to one who pressed Acknowledge until everybody sees who has it.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.console_watching import (
    HEADER,
    Delay,
    Sealed,
    Watched,
    ask,
    delays,
    opened_tab,
    press_later,
    watch,
)
from benchmarks.telling import conclude, quantile
from stream.codec import rfc3339
from tests.acceptance.living import (
    BRAND,
    CHANNEL,
    CHART,
    PEOPLE,
    SOURCE,
    Process,
    body_of,
    signed,
    until,
    write_past,
)
from tests.fakes.slack import FakeSlackThread
from tocsin.embedded import wall_clock_ms
from tocsin.synthetic import START_MS, Row, crisis

PAGE = Path(__file__).parent.parent / "docs" / "console-load.md"
RATE = 500
CLIENTS = 99
STEP_S = 5
WARM_S = 20.0
"""So long everybody watches before the crisis."""
SETTLE_S = 15.0
"""So long after the last post the core has decided about it."""
SENT_EACH_S = 0.2
AT_ONCE = 500
"""Posts of one request at the most."""
BARS = {
    "update_p99_s": 2.0,
    "tab_update_p99_s": 2.0,
    "click_s": 2.0,
    "console_cores": 0.5,
    "memory_growth": 1.10,
    "steps_missed": 0.01,
}
CONFIG = """\
step: 5s
flowchart: chart.yaml
data: data
brands:
  - {{name: {brand}, query: tulpatel, languages: [en, nl], own_accounts: [tulpatel]}}
sources:
  - {{name: social, secret_env: SOCIAL_SECRET, rate: {rate}}}
ingest: {{listen: "127.0.0.1:0", items_per_second: {rate}}}
slack: {{channel: {channel}, mode: http, base_url: "{base_url}"}}
delivery: {{grace: 2s, timeout: 1s}}
"""
CONSOLE = """\
console:
  listen: "127.0.0.1:0"
  proxy: {{peers: [127.0.0.1], header: {header}}}
  people:
    ana: {{role: responder, responder: ana}}
    tab: {{role: viewer}}
{people}
"""


class Run(NamedTuple):
    """One run of the service."""

    cores: float
    """Of the processor, while the crisis lasted."""
    memory_mb: list[float]
    sent: int
    late: int
    """Batches that could not be sent in time."""
    updates: list[Delay]
    missed: float
    """Of all steps at all clients, the share that brought no update."""
    tab: list[Delay]
    clicks_s: list[float]
    errors: int
    """Of the tab's script."""


# ---- a service


def configure(home: Path, slack_url: str, *, console: bool) -> Path:
    """Configuration, flowchart and a past."""
    (home / "chart.yaml").write_text(CHART.format(within="30m"))
    text = CONFIG.format(brand=BRAND, rate=4 * RATE, channel=CHANNEL, base_url=slack_url)
    people = "\n".join(f"    p{n}: {{role: viewer}}" for n in range(CLIENTS))
    text += CONSOLE.format(header=HEADER, people=people) if console else "console: {enabled: false}\n"
    config = home / "tocsin.yaml"
    config.write_text(text)
    write_past(home / "data", 7, wall_clock_ms())
    return config


def cpu_s(pid: int) -> float:
    """Processor time that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mb(pid: int) -> float:
    """Memory that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def rows(seed: int) -> Iterator[Row]:
    """A crisis without end: every post is another one, and written now."""
    pool = [row for row in crisis(seed, brand=BRAND, start_ms=START_MS, posts=20_000) if row["author"] != "tulpatel"]
    for number in count():
        row = pool[number % len(pool)]
        yield {
            "id": f"social:load-{number}",
            "created_at": rfc3339(wall_clock_ms()),
            "text": f"{row['text']} ({number // len(pool)})" if number >= len(pool) else row["text"],
            "author": f"{row['author']}-{number // len(pool)}",
        }


async def flood(base_url: str, rate: int, seconds: float) -> tuple[int, int]:
    """Send so many a second for so long. How many were sent, and how often it was too late for the next ones."""
    posts, sent, late = rows(3), 0, 0
    began_s = time.monotonic()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        while (passed_s := time.monotonic() - began_s) < seconds:
            due = round((passed_s + SENT_EACH_S) * rate) - sent
            late += due > 2 * rate * SENT_EACH_S
            if due > 0:
                body = body_of(batch := list(islice(posts, min(due, AT_ONCE))))
                answer = await client.post(f"{base_url}/ingest/{SOURCE}", content=body, headers=signed(body))
                assert answer.status_code == 202, answer.text
                sent += len(batch)
            await asyncio.sleep(max(0.0, began_s + sent / rate - SENT_EACH_S - time.monotonic()))
    return sent, late


# ---- a run


async def run(rate: int, seconds: float, *, console: bool) -> Run:
    """One run of the service, with everybody watching or with nobody."""
    with FakeSlackThread(PEOPLE) as slack, tempfile.TemporaryDirectory(prefix="tocsin-console-") as home:
        config = configure(Path(home), slack.base_url, console=console)
        service = Process(config)
        try:
            base_url = await asyncio.to_thread(until, lambda: service.base_url, 120, "the service listens")
            return await _watched(service, base_url, rate, seconds, console=console)
        finally:
            service.kill()


async def _watched(service: Process, base_url: str, rate: int, seconds: float, *, console: bool) -> Run:
    people = [Watched([], []) for _ in range(CLIENTS)]
    memory: list[float] = []
    sealed: list[Sealed] = []
    async with AsyncExitStack() as kept, asyncio.TaskGroup() as group:
        beside = [group.create_task(ask(base_url, sealed))]
        tab, pages, pressing = None, "", None
        if console:
            pages = str(await asyncio.to_thread(until, lambda: _console_of(service), 30, "the console is open"))
            beside += [group.create_task(watch(pages, f"p{n}", one)) for n, one in enumerate(people)]
            tab = await kept.enter_async_context(opened_tab(pages))
            pressing = group.create_task(press_later(pages, WARM_S + seconds * 0.7))
        await asyncio.sleep(WARM_S)
        beside.append(group.create_task(_look(service.pid, memory)))
        from_s, before_s = time.time(), cpu_s(service.pid)
        sent, late = await flood(base_url, rate, seconds)
        until_s, after_s = time.time(), cpu_s(service.pid)
        await asyncio.sleep(SETTLE_S)
        shown = await tab.seen() if tab is not None else []
        for one in beside:
            one.cancel()
    pressed_s = pressing.result() if pressing is not None else 0.0
    crisis = [one for one in sealed if from_s + STEP_S <= one.end_s < until_s]
    got = [one for each in people for one in delays(each.seen, crisis)] if console else []
    return Run(
        cores=(after_s - before_s) / (until_s - from_s),
        memory_mb=memory,
        sent=sent,
        late=late,
        updates=got,
        missed=1 - len(got) / (CLIENTS * max(1, len(crisis) - 1)) if console else 0.0,
        tab=delays(shown, crisis),
        clicks_s=sorted(min(one.clicked, default=pressed_s + 999) - pressed_s for one in people) if console else [],
        errors=len(tab.errors) if tab is not None else 0,
    )


def _console_of(service: Process) -> str:
    found = re.search(r"[Tt]he console(?: is at)?:? (http://[0-9.:]+)", service.said)
    return found[1] if found else ""


async def _look(pid: int, memory: list[float]) -> None:
    while True:
        memory.append(memory_mb(pid))
        await asyncio.sleep(STEP_S)


# ---- what is said


def figures(watched: Run, alone: Run) -> dict[str, float]:
    """What the bars are about, and what stands beside it."""
    third = max(1, len(watched.memory_mb) // 3)
    first, last = watched.memory_mb[third : 2 * third], watched.memory_mb[-third:]
    return {
        "posts": watched.sent,
        "update_p50_s": _quantile(watched.updates, "update_s", 0.5),
        "update_p99_s": _quantile(watched.updates, "update_s", 0.99),
        "steps_missed": round(watched.missed, 4),
        "tab_update_p50_s": _quantile(watched.tab, "update_s", 0.5),
        "tab_update_p99_s": _quantile(watched.tab, "update_s", 0.99),
        "step_p50_s": _quantile(watched.updates, "step_s", 0.5),
        "step_p99_s": _quantile(watched.updates, "step_s", 0.99),
        "tab_errors": watched.errors,
        "click_s": round(max(0.0, *watched.clicks_s), 2),
        "cores": round(watched.cores, 2),
        "cores_alone": round(alone.cores, 2),
        "console_cores": round(max(0.0, watched.cores - alone.cores), 2),
        "memory_mb": round(watched.memory_mb[-1]),
        "memory_alone_mb": round(alone.memory_mb[-1]),
        "memory_growth": round((sum(last) / len(last)) / (sum(first) / len(first)), 3),
        "late_batches": watched.late,
    }


def _quantile(found: Sequence[Delay], which: str, share: float) -> float:
    return round(quantile(sorted(getattr(one, which) for one in found), share), 2) if found else 999.0


def missed_of(told: dict[str, float]) -> list[str]:
    """Bars that were missed."""
    missed = [f"{name} is {told[name]:g}, more than {bar:g}" for name, bar in BARS.items() if told[name] > bar]
    return missed + ([f"{told['tab_errors']:g} errors in the tab"] if told["tab_errors"] else [])


def page(told: dict[str, float], minutes: float, rate: int) -> str:
    """The figures as a page."""
    about = (__doc__ or "").partition("\n\n")[2].format(rate=rate).strip()
    rows = "\n".join(f"| `{name}` | {value:g} | {BARS.get(name, '')} |" for name, value in told.items())
    return f"""# A crisis that a hundred people watch

{about}

{minutes:g} minutes at {rate} mentions a second, by `python -m benchmarks.console_load --minutes {minutes:g}`.
`console_cores` is the processor time of the run that was watched less that of the run without a console, in cores;
`memory_growth` is the memory of its last third against that of its second, which a core at rest would leave at 1.

| figure | measured | at most |
|---|---|---|
{rows}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed."""
    about = (__doc__ or "").format(rate=RATE)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console_load", description=about)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=RATE, help="mentions a second")
    parser.add_argument("--quick", action="store_true", help="one minute, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick and call.minutes > 1.0:
        call.minutes = 1.0
    alone = asyncio.run(run(call.rate, call.minutes * 60, console=False))
    watched = asyncio.run(run(call.rate, call.minutes * 60, console=True))
    told = figures(watched, alone)
    return conclude(call, told, page(told, call.minutes, call.rate), missed_of(told))


if __name__ == "__main__":
    sys.exit(main())
