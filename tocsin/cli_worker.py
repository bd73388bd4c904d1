"""`tocsin worker`: one role of a scaled deployment, or several in one process, until it is stopped."""

import os
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import complain, err, fail


class RoleName(StrEnum):
    """What a worker can be."""

    intake = "intake"
    core = "core"
    delivery = "delivery"
    console = "console"


Chosen = Annotated[RoleName, typer.Argument(help="What this worker does.", metavar="ROLE")]
Beside = Annotated[
    list[RoleName] | None,
    typer.Option("--with", help="Another role in the same process; may be given several times.", metavar="ROLE"),
]
Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration; its section `cluster` says how.")]

HELP = (
    "Run one role of a scaled deployment on Kafka and Redis, until it is stopped.\n\n"
    "`intake` turns mentions into entries, and opens the door at `ingest.listen`. `core` turns entries into decisions. "
    "`delivery` tells people: one leads, the others stand by. `console` shows how the deployment stands: GET "
    "/status, JSON from what core workers keep in Redis; in a process that is `delivery` too also the web page, at "
    "`console.listen`.\n\n"
    "Any number of each may run, on any machines, with the same configuration; a small deployment puts several roles "
    "into one process. Each process answers /livez, /readyz and /metrics at `cluster.listen`. A broker that is away "
    "and topics that are not made yet are waited for. SIGTERM finishes what is under way.\n\n"
    "Exit status: 0 stopped in order, 1 a part failed, 2 the call, the configuration or the topics are wrong, 70 a "
    "partition or the process stood still. After 1 and 70 let a supervisor start it anew."
)
EXAMPLES = (
    "Examples: tocsin worker intake --config tocsin.yaml\n\n"
    "tocsin worker intake --with core --with delivery --with console\n\n"
    "curl http://127.0.0.1:8760/readyz"
)


def worker(role: Chosen, beside: Beside = None, config: Config = Path("tocsin.yaml")) -> None:
    """Run these roles in this process. Leaves with the exit status that `HELP` explains."""
    from tocsin.scale_extra import lacking

    if said := lacking():
        fail(said)
    if not config.is_file():
        fail(f"{config}: there is no such configuration; name one with --config, or see docs/deploy.md")

    from tocsin.checking import check_all
    from tocsin.scaled.loop_watch import leave
    from tocsin.scaled.worker import run_workers
    from tocsin.settings import load_settings

    if problems := check_all(config, os.environ):
        fail("\n".join(problems))
    names = list(dict.fromkeys([role.value, *(one.value for one in beside or [])]))
    known = threading.enumerate()
    ended, left = run_workers(load_settings(config, os.environ), names, err)
    if ended is not None:
        complain([str(ended)])
    leave(ended.status if ended is not None else 0, known, tasks=left)


def hook(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(help=HELP, epilog=EXAMPLES)(worker)
