"""The simulation drives the very classes that `tocsin run` builds: only its declared ports are others."""

import asyncio
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream.sources import store
from tests.simulation.campaign import prepared
from tests.simulation.disk import MemoryDisk
from tests.simulation.past import Past
from tests.simulation.world import World
from tocsin.embedded import Service
from tocsin.slack_desk import SlackDesk
from tocsin.works import Works

OURS = ("stream", "detectors", "alerting", "tocsin")
PORTS = {
    ("AsyncWebClient", "session"): "connections to Slack",
    ("PagerDutyWay", "_client"): "connections to PagerDuty",
    ("Deployment", "_lock"): "the data directory's lock",
    ("SteadyClock", "_wall_ms"): "the clock on the wall",
    ("SteadyClock", "_running_ms"): "the clock that nobody can set",
    ("Commands", "_does"): "drills asked for in Slack are processes of their own",
}
"""What may differ, by its owner and attribute; connections to SQLite may too, wherever they are."""
WITHIN = {"Lock", "_Held", "Starter"}
"""What such an attribute holds."""
CONNECTIONS = {"Connection": "Connection", "Handle": "Connection"}


def parts(root: object) -> set[tuple[str, str, str]]:
    """Whatever an object holds, however deep within our own classes: owner, attribute, class."""
    found: set[tuple[str, str, str]] = set()
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        owner = waiting.pop()
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        for name, value in _attributes(owner):
            for one in _each(value):
                kind = type(one).__qualname__
                found.add((type(owner).__qualname__, name, CONNECTIONS.get(kind, kind)))
                if _is_ours(one):
                    waiting.append(one)
    return found


def _is_ours(one: object) -> bool:
    module = type(one).__module__
    return module.startswith(OURS) or type(one).__qualname__ == "AsyncWebClient"


def _attributes(owner: object) -> Iterator[tuple[str, Any]]:
    names = [*getattr(owner, "__dict__", {}), *getattr(type(owner), "__slots__", ())]
    for name in names:
        if isinstance(name, str) and not name.startswith("__") and hasattr(owner, name):
            yield name, getattr(owner, name)


def _each(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    else:
        yield value


def test_the_simulation_drives_what_tocsin_run_builds(tmp_path: Path) -> None:
    with prepared() as pasts:
        simulated = simulated_parts(pasts.one)
        built = built_parts(pasts.one)
    differ = {(owner, name) for owner, name, _ in simulated ^ built if owner not in WITHIN}
    assert differ <= set(PORTS), sorted(differ - set(PORTS))
    assert len(simulated & built) > 300
    assert {"Delivery", "SlackWay", "Engine", "Journal", "Outbox", "Answers", "SteadyClock"} <= {o for o, _, _ in built}


def simulated_parts(past: Past) -> set[tuple[str, str, str]]:
    """As `World` builds them."""
    disk = MemoryDisk()
    disk.load(past.images)
    world = World(past, random.Random(1), disk)
    store.install(disk)
    try:
        works, desk = asyncio.run(_made(world))
    finally:
        store.install(store.Files())
    return parts(works) | parts(desk)


async def _made(world: World) -> tuple[Works, SlackDesk]:
    return world.build(lambda: True)


def built_parts(past: Past) -> set[tuple[str, str, str]]:
    """As `tocsin run` builds them, over files with the same contents."""
    for name, image in past.images.items():
        (past.home / "data" / name).write_bytes(image)

    async def made() -> Service:
        return Service(past.settings(), terminal=io.StringIO())

    service = asyncio.run(made())
    try:
        return parts(service.works) | parts(service._desk)
    finally:
        service.home.close()
