"""The process of a worker: its health is true at every moment, it ends in order, and loudly when it must."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Sequence

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from structlog.testing import capture_logs

from stream.kafka.making import MISSING, BrokersError, Difference
from tocsin.scaled.gate import Gate
from tocsin.scaled.health import Merged
from tocsin.scaled.process import WorkerProcess
from tocsin.scaled.role import STALLED, Ended, Health
from tocsin.serving import listener

LOST_S = 20


class Acted:
    """A role that does what a test says, and notes when it was stopped."""

    def __init__(self, name: str, stops: list[str], *, fails: Exception | None = None, door: str = "") -> None:
        self.name = name
        self.registry = CollectorRegistry()
        self.now = Health()
        self._stops, self._fails, self._door = stops, fails, door
        self._stop = asyncio.Event()
        self.began = asyncio.Event()

    async def run(self) -> None:
        self.began.set()
        if self._fails is not None:
            raise self._fails
        await self._stop.wait()

    async def stop(self) -> None:
        if self.name not in self._stops:
            self._stops.append(self.name)
        self._stop.set()

    def health(self) -> Health:
        return self.now

    def routes(self) -> Sequence[BaseRoute]:
        async def answer(_: Request) -> PlainTextResponse:
            return PlainTextResponse(self.name)

        return [Route(self._door, answer)] if self._door else []


class Started:
    """A process of ours under way inside a test."""

    def __init__(self, *roles: Acted, gate: Gate | None = None, stalled_ms: int = 60_000) -> None:
        self.process = WorkerProcess(
            roles, listener("127.0.0.1", 0), door=listener("127.0.0.1", 0), gate=gate, stalled_ms=stalled_ms
        )
        self.stop = asyncio.Event()
        self.running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Started":
        await self.process.start()
        self.running = asyncio.create_task(self.process.run(self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        if self.running is not None:
            await asyncio.wait({self.running}, timeout=LOST_S)

    async def ask(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.process.base_url) as client:
            return await client.get(path)

    async def ended(self) -> None:
        assert self.running is not None
        await asyncio.wait_for(self.running, LOST_S)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll until it holds."""
    async with asyncio.timeout(LOST_S):
        while not await holds():
            await asyncio.sleep(0.01)


async def test_a_worker_is_ready_when_all_its_roles_are() -> None:
    """One role that waits makes the worker unready, with its words; the worker stays alive."""
    first, second = Acted("core", []), Acted("delivery", [])
    async with Started(first, second) as worker:
        assert (await worker.ask("/readyz")).status_code == 200
        second.now = Health(waits=("the log is being read: 312 records to go",), shown={"leads": False})
        asked = await worker.ask("/readyz")
        assert asked.status_code == 503
        assert asked.json() == {
            "ready": False,
            "waits": {"delivery": ["the log is being read: 312 records to go"]},
            "roles": {"delivery": {"leads": False}},
        }
        assert (await worker.ask("/livez")).status_code == 200


async def test_what_only_a_new_start_cures_fails_the_probe_of_life() -> None:
    """A role that is stuck makes `/livez` fail, and says why; the metrics say it as well."""
    role = Acted("core", [])
    async with Started(role) as worker:
        role.now = Health(stuck=("partition 3 stands still for 61 s with 12 records to read",))
        asked = await worker.ask("/livez")
        assert asked.status_code == 503
        assert asked.json()["stuck"] == {"core": ["partition 3 stands still for 61 s with 12 records to read"]}
        shown = (await worker.ask("/metrics")).text
        assert 'tocsin_worker_alive{role="core"} 0.0' in shown
        assert 'tocsin_worker_ready{role="core"} 0.0' in shown
        assert 'tocsin_worker_alive{role="worker"} 1.0' in shown


async def test_the_metrics_of_all_roles_stand_on_one_page() -> None:
    """What two roles both count stands there once."""
    first, second = Acted("intake", []), Acted("core", [])
    for role, value in ((first, 2), (second, 5)):
        Counter("tocsin_shared", "Both count it", ["what"], registry=role.registry).labels("same").inc(value)
    Gauge("tocsin_own", "One has it", registry=second.registry).set(7)
    async with Started(first, second) as worker:
        shown = (await worker.ask("/metrics")).text
    assert shown.count("# HELP tocsin_shared_total") == 1
    assert 'tocsin_shared_total{what="same"} 7.0' in shown
    assert "tocsin_own 7.0" in shown


def test_of_gauges_the_greatest_stands() -> None:
    """A gauge that two registries have is not added up: how late we are is not the sum of two views of it."""
    registries = [CollectorRegistry(), CollectorRegistry()]
    for registry, value in zip(registries, (4, 9), strict=True):
        Gauge("tocsin_late_seconds", "How late", registry=registry).set(value)
    merged = CollectorRegistry()
    merged.register(Merged(registries))
    assert b"tocsin_late_seconds 9.0" in generate_latest(merged)


async def test_stopped_roles_end_upstream_first_and_the_process_ends_well() -> None:
    """SIGTERM: no more intake, then what is under way goes through core and delivery."""
    stops: list[str] = []
    async with Started(*(Acted(name, stops) for name in ("intake", "core", "delivery"))) as worker:
        worker.stop.set()
        await worker.ended()
    assert stops == ["intake", "core", "delivery"]


async def test_a_role_that_fails_ends_the_process_and_stops_the_others() -> None:
    """The supervisor starts the whole anew; what it failed with comes out, with its exit status."""
    stops: list[str] = []
    failing = Acted("core", stops, fails=Ended("partition 3 stands still", STALLED))
    with capture_logs() as logged:
        async with Started(failing, Acted("delivery", stops)) as worker:
            with pytest.raises(Ended, match="partition 3") as ended:
                await worker.ended()
    assert not [line for line in logged if "partition 3" in str(line)], "whoever gets it says it, once"
    assert ended.value.status == STALLED
    assert stops == ["core", "delivery"]


async def test_a_role_that_just_returns_is_a_failure_too() -> None:
    """Nobody asked it to: a worker that does nothing must not look well."""

    class Idle(Acted):
        async def run(self) -> None:
            return

    async with Started(Idle("intake", [])) as worker:
        with pytest.raises(Ended, match="intake ended by itself"):
            await worker.ended()


async def test_a_worker_waits_for_broker_and_topics_and_says_so() -> None:
    """Fault row F4: no broker, no topics, then topics: alive all the time, and begun only at the end."""
    answers: list[Sequence[Difference] | Exception] = [BrokersError("no broker answers at kafka-1:9092")]

    async def look() -> Sequence[Difference]:
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return answers[-1]

    role = Acted("core", [])
    async with Started(role, gate=Gate(look)) as worker:

        async def waits_for(words: str) -> bool:
            asked = await worker.ask("/readyz")
            assert asked.status_code == 503
            assert (await worker.ask("/livez")).status_code == 200
            return words in str(asked.json()["waits"].get("worker"))

        await until(lambda: waits_for("no broker answers at kafka-1:9092"))
        answers.append([Difference("tocsin.entries", MISSING, "", "")])
        await until(lambda: waits_for("tocsin topics create"))
        assert not role.began.is_set()
        answers.append([Difference("tocsin.mentions", "retention.ms", "1", "604800000")])
        await asyncio.wait_for(role.began.wait(), LOST_S)
        assert (await worker.ask("/readyz")).status_code == 200


async def test_topics_cut_another_way_end_the_worker() -> None:
    """Fault row F4: no waiting makes four partitions twelve; the operator is told, in one line, with status 2."""

    async def look() -> Sequence[Difference]:
        return [Difference("tocsin.entries", "partitions", "4", "12")]

    role = Acted("core", [])
    async with Started(role, gate=Gate(look)) as worker:
        with pytest.raises(Ended, match=r"tocsin\.entries has partitions 4, the configuration says 12") as ended:
            await worker.ended()
    assert ended.value.status == 2
    assert not role.began.is_set()


async def test_the_door_is_one_for_all_roles_and_shuts_first() -> None:
    """Mentions and clicks come in at one address, apart from the health; none comes in once the worker stops."""
    async with Started(Acted("intake", [], door="/ingest"), Acted("delivery", [], door="/slack")) as worker:
        async with httpx.AsyncClient(base_url=worker.process.door_url) as client:
            assert (await client.get("/ingest")).text == "intake"
            assert (await client.get("/slack")).text == "delivery"
        assert (await worker.ask("/ingest")).status_code == 404
        worker.stop.set()
        await worker.ended()
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=worker.process.door_url) as client:
                await client.get("/ingest")


@pytest.mark.slow
def test_a_loop_that_no_longer_turns_ends_the_process() -> None:
    """A call that never returns blinds every watchdog inside the loop; a thread ends the process with status 70."""
    program = """
        import asyncio, time
        from tocsin.scaled.loop_watch import LoopWatch

        async def main():
            watch = LoopWatch(asyncio.get_running_loop(), 2)
            watch.start()
            await asyncio.sleep(1.5)
            print("turning", flush=True)
            time.sleep(60)

        asyncio.run(main())
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=40, check=False
    )
    assert ended.returncode == STALLED
    assert "turning" in ended.stdout
    assert "the event loop stands still" in ended.stdout + ended.stderr
    assert 'File "<string>"' in ended.stderr, "the stack of what hangs is shown"
