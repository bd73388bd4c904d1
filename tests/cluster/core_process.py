"""A core worker in a process of its own, to be killed: `python -m tests.cluster.core_process BROKERS LAYOUT REDIS`."""

import asyncio
import signal
import sys

import msgspec

import stream.kafka.faust_app as carrying
import tocsin.scaled.core_keeping as keeping
import tocsin.scaled.core_runner as running
from stream.kafka.clients import Brokers
from stream.kafka.topics import Layout
from tests.cluster.core_helpers import worker


async def main(bootstrap: str, layout: str, url: str) -> None:
    """Work until SIGTERM."""
    carrying.SESSION_MS = 1_500  # a test does not wait ten seconds for every death
    keeping.SAVE_EVERY_S = 0.0
    keeping.SHARE = 0
    keeping.ANCHOR_EVERY = 100
    running.AT_ONCE = 20
    one = worker(Brokers(bootstrap, msgspec.json.decode(layout, type=Layout)), url)
    loop = asyncio.get_running_loop()
    ending: list[asyncio.Task[None]] = []
    loop.add_signal_handler(signal.SIGTERM, lambda: ending.append(loop.create_task(one.stop())))
    await one.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
