"""A delivery worker in a process of its own: `python -m tests.cluster.delivery_process CONFIG PORT [STOPS_AT]`.

Where it comes by the crash point STOPS_AT it stops, once, as by SIGSTOP, until somebody wakes it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from stream import crash
from tests.cluster.delivery_helpers import SESSION_MS, settings_of
from tocsin.logs import set_up_logs
from tocsin.scaled.delivery_worker import DeliveryWorker
from tocsin.scaled.ground import lay
from tocsin.serving import listener, opened, server_of


def stops(at: str) -> None:
    """Stand still at this point, the first time."""
    left = [at]

    def passed(point: str) -> None:
        if left and point == left[0]:
            left.clear()
            os.kill(os.getpid(), signal.SIGSTOP)

    crash.install(passed)


async def main(config: str, port: str, stops_at: str = "") -> None:
    """Work until SIGTERM."""
    set_up_logs()
    if stops_at:
        stops(stops_at)
    worker = DeliveryWorker(lay(settings_of(Path(config))), session_ms=SESSION_MS)
    server = server_of(list(worker.routes()))
    serving = asyncio.create_task(server.serve(sockets=[listener("127.0.0.1", int(port))]))
    await opened(server)
    loop = asyncio.get_running_loop()
    ending: list[asyncio.Task[None]] = []
    loop.add_signal_handler(signal.SIGTERM, lambda: ending.append(loop.create_task(worker.stop())))
    await worker.run()
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
