"""EDGE. Builds the roles of one process from the configuration, and runs it until SIGTERM or SIGINT."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Sequence

import structlog
from rich.console import Console as Terminal

from stream.kafka.making import check_topics
from tocsin.collecting import collect_rarely
from tocsin.logs import place_of_cards, set_up_logs
from tocsin.scaled.console import Console
from tocsin.scaled.gate import Gate
from tocsin.scaled.ground import Ground, lay
from tocsin.scaled.loop_watch import end_by_force
from tocsin.scaled.process import DRAIN_S, WorkerProcess
from tocsin.scaled.role import Ended, Role
from tocsin.serving import listener
from tocsin.setting_types import host_and_port
from tocsin.settings import Settings
from tocsin.steady_clock import SteadyClock

log = structlog.get_logger("tocsin")


def _intake(ground: Ground) -> Role:
    from tocsin.scaled.intake_role import IntakeRole

    return IntakeRole(ground)


def _core(ground: Ground) -> Role:
    from tocsin.scaled.core_worker import CoreWorker

    settings = ground.settings
    return CoreWorker(
        ground.brokers, ground.redis(), step_ms=settings.step, stalled_ms=ground.cluster.stalled, clock=SteadyClock()
    )


def _delivery(ground: Ground) -> Role:
    from tocsin.scaled.delivery_worker import DeliveryWorker

    return DeliveryWorker(ground, terminal=place_of_cards(ground.settings.log.form))


def _console(ground: Ground) -> Role:
    return Console(ground, SteadyClock())


ROLES: dict[str, Callable[[Ground], Role]] = {
    "intake": _intake,
    "core": _core,
    "delivery": _delivery,
    "console": _console,
}
"""In the order in which work flows, which is the order in which they are stopped."""
NEED_BROKERS = ("intake", "core", "delivery")
LEFT_S = 2.0
"""How long tasks that outlive their role may take to end."""
FORCED_S = 10.0
"""So much longer than its roles may take to stop does a process have to end."""


def build(settings: Settings, names: Sequence[str]) -> WorkerProcess:
    """A process of these roles, with its sockets open. Nothing is asked of a broker or of Redis yet.

    Raises `SettingsError` where the configuration has no cluster or names what cannot be had, and `OSError` where an
    address cannot be listened on.
    """
    ground = lay(settings)
    roles = [make(ground) for name, make in ROLES.items() if name in names]
    gate = Gate(lambda: check_topics(ground.brokers)) if set(names) & set(NEED_BROKERS) else None
    health = listener(*host_and_port(ground.cluster.listen))
    outside = any(role.routes() for role in roles)
    process = WorkerProcess(
        roles,
        health,
        door=listener(settings.ingest.host, settings.ingest.port) if outside else None,
        gate=gate,
        pages=[page for role in roles if isinstance(role, Console) for page in role.pages()],
        stalled_ms=ground.cluster.stalled,
        at_end=lambda: end_by_force(DRAIN_S + FORCED_S),
    )
    if "console" in names:
        _open_console(roles, process)
    return process


def _open_console(roles: Sequence[Role], process: WorkerProcess) -> None:
    """Where there is delivery too, people see and answer incidents there; else `/status` is all that is known."""
    for role in roles:
        if role.name == "delivery":
            from tocsin.scaled.delivery_worker import DeliveryWorker

            assert isinstance(role, DeliveryWorker)
            role.console_behind = lambda app: process.http.measured(app, "console")


def run_workers(settings: Settings, names: Sequence[str], terminal: Terminal) -> tuple[Ended | None, int]:
    """Run until SIGINT or SIGTERM, or until a role cannot go on: then it says why. Beside it, how many tasks of
    libraries did not end.

    Raises what `build` raises, or whatever else a role failed with.
    """
    set_up_logs(settings.log.form, settings.log.level)
    # What a broker that is away means is said once, in our words; its client would say it with every try.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    threading.excepthook = _thread_failed
    # Not `asyncio.run`: at its end it waits for every task without a limit, and a client whose broker is away has some
    # that do not let go.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    ended: Ended | None = None
    try:
        loop.run_until_complete(_run(settings, names, terminal))
    except Ended as why:
        ended = why
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=LEFT_S))
    return ended, sum(not task.done() for task in left)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread is not None else "unknown"
    log.error("a thread failed", thread=name, problem=f"{failed.exc_type.__name__}: {failed.exc_value}")


async def _run(settings: Settings, names: Sequence[str], terminal: Terminal) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    process = build(settings, names)
    collect_rarely()
    await process.start()
    door = f", and takes mentions at {process.door_url}" if process.door_url else ""
    said = f"Tocsin's {', '.join(names)} says how it is at {process.base_url}{door}; stop with Ctrl-C."
    terminal.print(said, markup=False, highlight=False, soft_wrap=True)
    await process.run(stop)
