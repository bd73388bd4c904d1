"""A real Prometheus scrapes a running service through a crisis: every question of the dashboards and whatever an
alarm compares has data.

What only workers have is asked of their metrics as the code declares them, with a value in each: that a broker is there
to fill them is the business of `tests/cluster`. Without `prometheus` (Debian: prometheus) this skips, unless
TOCSIN_REQUIRE_PROMTOOL=1.
"""

import asyncio
import contextlib
import json
import random
import re
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import tests.acceptance.living as life
from stream.sources.store import StoreError
from tests.acceptance.living import Living, body_of, burst, living, send
from tests.deploy.test_watching import ALARMS, BOARDS, RULES, tool
from tests.fakes.sources.hackernews import FakeHackerNews
from tests.fakes.sources.served import served
from tocsin.embedded import wall_clock_ms
from tocsin.http_metrics import HttpMetrics
from tocsin.metrics import Metrics
from tocsin.scaled.console import ConsoleMetrics
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.delivery_metrics import DeliveryMetrics
from tocsin.scaled.health import Merged, WorkerMetrics
from tocsin.scaled.intake_metrics import IntakeMetrics
from tocsin.serving import address_of, listener, opened, server_of
from tocsin.shown_metrics import Shown

SEED = 20_310
ROLES = ("intake", "core", "delivery")
pytestmark = pytest.mark.slow
HEARD = '  - {{name: hn, type: hackernews, queries: [tulpatel], every: 10s, base_url: "%s", items_url: "%s"}}\ningest:'
WORDS = {
    "partition": ("0",),
    "role": ("core",),
    "what": ("rebalances", "trimmed"),
    "became": ("read",),
    "outcome": ("saved",),
    "home": ("redis",),
    "brand": (life.BRAND,),
}
"""What the labels of workers hold here."""


# ---- who is scraped


def workers() -> bytes:
    """The metrics of one worker with all roles, a value in each; without those that a service has too, which it must
    answer for by itself.
    """
    parts = (
        *(WorkerMetrics(), IntakeMetrics(), CoreMetrics(), DeliveryMetrics(), ConsoleMetrics()),
        HttpMetrics(CollectorRegistry()),
    )
    for one in parts:
        _fill(one)
    ours = {family.name for family in Metrics().registry.collect()}
    page = CollectorRegistry()
    for family in Merged([one.registry for one in parts]).collect():
        if family.name not in ours and not family.name.startswith("process_"):
            page.register(_Kept(family))
    return generate_latest(page)


class _Kept(Collector):
    """One family as it was."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> list[Metric]:
        return [self._family]


def _fill(metrics: object) -> None:
    for one in vars(metrics).values():
        if isinstance(one, Shown):
            one.show(dict.fromkeys(_words_of(one.labels), 1))
        elif isinstance(one, MetricWrapperBase):
            for values in _words_of(one._labelnames):
                _count(one.labels(*values) if values else one)
        elif type(one).__module__.endswith("_metrics"):
            _fill(one)


def _words_of(labels: Iterable[str]) -> list[tuple[str, ...]]:
    return list(product(*(WORDS.get(label, (label,)) for label in labels)))


def _count(child: MetricWrapperBase) -> None:
    if isinstance(child, Counter):
        child.inc()
    elif isinstance(child, Gauge):
        child.set(1)
    elif isinstance(child, Histogram):
        child.observe(1)


@contextlib.asynccontextmanager
async def worker_page() -> AsyncIterator[str]:
    """Where a worker's metrics are, as host:port."""

    async def show(_: Request) -> Response:
        return Response(workers(), media_type="text/plain")

    door = listener("127.0.0.1", 0)
    server = server_of([Route("/metrics", show)])
    serving = asyncio.create_task(server.serve(sockets=[door]))
    await opened(server)
    try:
        yield address_of(door).removeprefix("http://")
    finally:
        server.should_exit = True
        await serving


# ---- who scrapes


class Prometheus:
    """A real one, asked over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, expression: str) -> list[float]:
        """The values that it has now. Fails for what is no PromQL."""
        said = (await self._client.post("/api/v1/query", data={"query": expression})).json()
        assert said["status"] == "success", f"{expression}: {said}"
        return [float(one["value"][1]) for one in said["data"]["result"]]


@contextlib.asynccontextmanager
async def prometheus(home: Path, targets: dict[str, str]) -> AsyncIterator[Prometheus]:
    """Scrapes these each second, by the label `worker`, until the test is over."""
    program = tool("prometheus")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": [
            {
                "job_name": "tocsin",
                "static_configs": [{"targets": [one], "labels": {"worker": name}} for name, one in targets.items()],
            }
        ],
    }
    (home / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with listener("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with (home / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={home / 'prometheus.yml'}",
                f"--storage.tsdb.path={home / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=30, base_url=f"http://127.0.0.1:{port}") as client:
            found = Prometheus(client)
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError, ValueError):
                    if len(await found.ask('up{job="tocsin"} == 1')) == len(targets):
                        break
                assert process.poll() is None, (home / "prometheus.log").read_text("utf-8")
                await asyncio.sleep(0.2)
            yield found
    finally:
        process.terminate()
        process.wait(20)


# ---- what happens meanwhile


async def story(service: Living) -> None:
    """A crisis from the first post to the end, beside what goes wrong on an ordinary day."""
    running = service.service
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        await client.post(f"{running.base_url}/ingest/{life.SOURCE}", content=b"{}")
        body = b'{"id": "1"}\n'
        await client.post(f"{running.base_url}/ingest/{life.SOURCE}", content=body, headers=life.signed(body))
        await client.get(f"{running.console.address}/sign-in")
        assert await _failures(service, client) == [503, 500]
    card = await service.crisis(1)
    await asyncio.sleep(3)
    await send(running.base_url, burst(2, posts=60))
    assert await service.press(card, "acknowledge")
    await service.decided("Update")
    running.works.sequencer.snapshot()
    await asyncio.sleep(3)
    assert await service.press(card, "false_alarm")  # it asks why
    await service.fill({"tocsin.reason": "harmless"})
    await service.decided("StandDown")
    await asyncio.sleep(3)


async def _failures(service: Living, client: httpx.AsyncClient) -> list[int]:
    """One of each listener: the log takes no post, and a page cannot be made. Their answers."""
    running, body = service.service, body_of(burst(9, posts=1))
    assert running.console.entrance is not None
    assert running.furnished is not None
    link = running.console.entrance.link
    await client.get(link)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(running.works.appender, "append", _full)
        broken.setattr(running.furnished.desk.seen, "now", _full)
        address = f"{running.base_url}/ingest/{life.SOURCE}"
        refused = await client.post(address, content=body, headers=life.signed(body))
        failed = await client.get(f"{link.partition('/sign-in')[0]}/now")
    return [refused.status_code, failed.status_code]


def _full(*_args: object, **_named: object) -> Any:
    raise StoreError("the disk is full")


def questions() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboards, with where it stands, as Grafana asks it when everything is chosen."""
    for path in BOARDS:
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", []):
                expression = re.sub(r"\$(brand|source)\b", ".*", target["expr"])
                yield f"{path.name}: {panel['title']}", expression


def conditions() -> Iterator[tuple[str, str]]:
    """Whatever an alarm compares, with the alarm: its joins, labels and ranges as they stand, and no comparison, which
    lets nothing through as long as all is well.
    """
    for rule in ALARMS:
        for side in compared(rule["expr"]):
            yield rule["alert"], side


_COMPARES = re.compile(r"\b(?:and|or|unless)\b|[=!<>]=|[<>]")


def compared(expression: str) -> Iterator[str]:
    """The sides of an expression's comparisons that are more than a number.

    >>> list(compared('max(a > 0) > 3 * max(b{c=~"d>e"}) and absent(up{job="f"} == 1)'))
    ['max(a > 0)', '3 * max(b{c=~"d>e"})', 'up{job="f"}']
    >>> list(compared("sum by (x) (y) > on (x) z"))
    ['sum by (x) (y)', 'z']
    """
    plain = _outermost(expression)
    cuts = [(0, 0), *(found.span() for found in _COMPARES.finditer(plain)), (len(plain), len(plain))]
    for (_, begins), (ends, _) in pairwise(cuts):
        side = re.sub(r"^(on|ignoring)\s*\([^)]*\)", "", expression[begins:ends].strip()).strip()
        if (inner := re.fullmatch(r"absent\((.*)\)", side, re.DOTALL)) is not None:
            yield from compared(inner[1])
        elif not re.fullmatch(r"[\d.]+", side):
            yield side


def _outermost(expression: str) -> str:
    """An expression of the same length in which nothing is left of what stands in brackets or quotes."""
    shown, depth, quoted = [], 0, False
    for letter in expression:
        quoted ^= letter == '"'
        depth -= letter in ")}]" and not quoted
        shown.append("_" if depth or quoted or letter in '"(){}[]' else letter)
        depth += letter in "({[" and not quoted
    return "".join(shown)


def _place(service: Living) -> str:
    return service.service.base_url.removeprefix("http://")


async def test_every_question_has_an_answer(past: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is empty, none is refused, and in the end no alarm rings that should not."""
    platform = FakeHackerNews(wall_clock_ms, random.Random(1))
    async with served(platform) as address, worker_page() as worker:
        platform.post("tulpatel is down again")
        monkeypatch.setattr(life, "CONFIG", life.CONFIG.replace("ingest:", HEARD % (address, address)))
        extra = "heartbeat: {url_env: WATCHER, every: 10s}\n"
        monkeypatch.setitem(life.ENVIRONMENT, "WATCHER", f"{address}/touched")
        async with (
            living(past, tmp_path, within="20s", extra=extra) as service,
            prometheus(tmp_path, {"service": _place(service)} | dict.fromkeys(ROLES, worker)) as db,
        ):
            await asyncio.sleep(3)
            await story(service)
            wanted = [*questions(), *conditions()]
            empty = [one for one in wanted if not await db.ask(one[1])]
            assert await db.ask("tocsin_gone_total") == [], "what nobody exports has no data"
            by_route = 'tocsin_http_requests_total{listener="%s", route="%s"}'
            for listens, route in (("console", "/sign-in"), ("ingest", "/ingest/{source}"), ("ingest", "/metrics")):
                assert await db.ask(by_route % (listens, route)), f"{listens} {route}"
            rings = await db.ask('ALERTS{alertstate="firing", alertname=~"TocsinGone|TocsinUnwell|TocsinNobodyLeads"}')
            scrape_s = await db.ask('max(scrape_duration_seconds{worker="service"})')
    assert empty == []
    assert len(wanted) > 140
    assert rings == []
    assert max(scrape_s) < 1, "metrics are looked up quickly"
