"""EDGE. What a running service keeps no longer than it should: requests to erase, what platforms took back, and age.

Beside the core's own work, in threads where it takes long; nothing here is waited for by a page. What fails is tried
again, and told once.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from alerting.delivery.forgetting import forget
from stream import crash
from stream.sources.store import StoreError
from stream.sources.taken_back import sweep
from tocsin import erase_box
from tocsin.erase_directory import erase_drills, finish
from tocsin.erasing import Erase, Stores, erase_raw, erase_shown, found
from tocsin.retention import KeptFor, trim
from tocsin.reviewing import renew
from tocsin.works import Works

log = structlog.get_logger("tocsin")

LOOK_S = 0.5
SWEEP_S = 600.0
"""How often the raw records of what was taken back are looked for."""
SWEEP_SHARE = 50
"""A sweep that takes a second is followed by so many without one."""
TRIM_S = 3_600.0
AGAIN_S = 60.0


class Keeping:
    """Beside one works. `counts` says how often what was done."""

    def __init__(self, works: Works, data: Path, ages: KeptFor, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._works = works
        self._data = data
        self._ages = ages
        self._timer = timer
        home = works.home
        self._stores = Stores(home.texts, home.intake_log, home.dead, home.outbox)
        self._due = {"sweep": 0.0, "trim": 0.0}
        self._failing = False

    async def run(self) -> None:
        """Work until cancelled; begins with what the process before left half done."""
        erase_box.forget_answers(self._data)
        while True:
            wait_s = LOOK_S
            try:
                if not self._due["sweep"]:
                    await asyncio.to_thread(finish, self._stores)
                await self.look()
                await self._sweep()
                await self._trim()
                self._failing = False
            except (StoreError, OSError) as error:
                if not self._failing:
                    log.error("erasing failed; it is tried again", problem=str(error))
                self._failing, wait_s = True, AGAIN_S
            await asyncio.sleep(wait_s)

    async def look(self) -> None:
        """Do what commands asked for. Raises `StoreError` or `OSError`: then the request stays."""
        for letter, wish in await asyncio.to_thread(erase_box.waiting, self._data):
            erase_box.done(letter, await self.erase(wish))

    async def erase(self, wish: Erase) -> erase_box.Told:
        """Erase in every store, and have shown anew what quoted it. Raises `StoreError`."""
        what = await asyncio.to_thread(found, self._stores, wish)
        self._works.intake.forget(what.ids, what.voices)
        gone = erase_shown(self._stores, what)
        crash.here("erase.shown.after")
        gone += await asyncio.to_thread(erase_raw, self._stores, what)
        told = await asyncio.to_thread(erase_drills, self._data, wish)
        told.erased = gone + told.erased
        log.info("erased", posts=gone.posts, notes=gone.notes, records=gone.records, letters=gone.letters)
        return told

    async def _sweep(self) -> None:
        if self._timer() < self._due["sweep"]:
            return
        began = self._timer()
        sealed = self._works.home.journal.next_offset() - 1
        wiped = await asyncio.to_thread(sweep, self._works.home.intake_log, sealed)
        renewed = await asyncio.to_thread(renew, self._data)
        if wiped:
            log.info("wiped what was taken back", records=wiped)
        for path in renewed.by_hand:
            log.warning("a review quotes what was erased, and was changed since it was written", path=path)
        took_s = self._timer() - began
        self._due["sweep"] = self._timer() + max(SWEEP_S, took_s * SWEEP_SHARE)

    async def _trim(self) -> None:
        if self._timer() < self._due["trim"]:
            return
        place = min(self._works.home.journal.next_offset(), self._works.cursor)
        gone = await asyncio.to_thread(trim, self._stores, self._ages, self._works.clock(), place)
        if pages := await self._forget(self._works.clock() - self._ages.pages_ms):
            gone |= {"pages": pages}
        if gone:
            log.info("trimmed by age", **gone)
        self._due["trim"] = self._timer() + TRIM_S

    async def _forget(self, before_ms: int) -> int:
        """Remove what was sent long ago: on the loop, which alone uses the outbox, and little by little for that."""
        gone, place = 0, 0
        while True:
            piece = forget(self._works.home.outbox, before_ms, place)
            gone += piece.pages
            if piece.place is None:
                return gone
            place = piece.place
            await asyncio.sleep(LOOK_S)
