"""EDGE. The last watchdog of a worker: a thread that ends the process when its event loop no longer turns.

A partition that stands still is seen by the roles themselves. This one is for what would blind them too: a call that
never returns. It counts its own looks and not the clock, so a process that was paused and woken is not ended for it.
"""

import asyncio
import faulthandler
import os
import threading

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
