"""EDGE. The last watchdog of a worker: a thread that ends the process when its event loop no longer turns.

A partition that stands still is seen by the roles themselves. This one is for what would blind them too: a call that
never returns. It counts its own looks and not the clock, so a process that was paused and woken is not ended for it.
"""

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Collection
from typing import NoReturn

import structlog

from tocsin.scaled.role import STALLED

log = structlog.get_logger("tocsin")

LOOK_EVERY_S = 1.0


class LoopWatch:
    """Ends the process with `STALLED` when `loop` did not turn once in so many looks one after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, looks: int) -> None:
        self._loop = loop
        self._looks = looks
        self._turned = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()

    def _watch(self) -> None:
        missed = 0
        while not self._done.wait(LOOK_EVERY_S):
            missed = 0 if self._turned.is_set() else missed + 1
            self._turned.clear()
            if missed > self._looks:
                log.error("the event loop stands still; the process ends", seconds=missed * LOOK_EVERY_S)
                faulthandler.dump_traceback(2, all_threads=True)
                os._exit(STALLED)
            try:
                self._loop.call_soon_threadsafe(self._turned.set)
            except RuntimeError:
                return  # the loop was closed: the process is ending in order


def end_by_force(after_s: float) -> None:
    """End this process with status 1 after so long, if it has not ended by then.

    For the end itself: a library's thread or task that does not let go holds up no new start.
    """

    def end() -> None:
        log.error("something does not end; the process is ended", seconds=after_s)
        faulthandler.dump_traceback(2, all_threads=True)
        os._exit(1)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()


def leave(status: int, known: Collection[threading.Thread], *, tasks: int = 0) -> NoReturn:
    """End this process with `status`, though a library left so many tasks, or threads beside the `known` ones."""
    lingering = [one.name for one in threading.enumerate() if not one.daemon and one not in known]
    if lingering or tasks:
        log.warning("what does not end is left", threads=lingering, tasks=tasks)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)
