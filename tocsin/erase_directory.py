"""EDGE. Erasing in a data directory that no service holds: the deployment's own, and those of its drills."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from alerting.delivery.outbox import Outbox
from stream import crash
from stream.sources.dead_letters import DeadLetters
from stream.sources.intake_log import IntakeLog
from stream.sources.store import StoreError, lock
from stream.sources.text_store import TextStore
from tocsin import erase_box, reviewing
from tocsin.erase_box import Told
from tocsin.erasing import Erase, Erased, Stores, counted, erase_raw, erase_shown, found
from tocsin.handing import DRILLS

OF_A_DRILL = "slack, of a drill"


def drills_of(data: Path) -> list[Path]:
    """The directories of drills that left texts behind."""
    return sorted(path.parent for path in (data / DRILLS).glob("*/texts.db"))


@contextlib.contextmanager
def stores_of(directory: Path) -> Iterator[Stores]:
    """The stores that hold words, opened. Raises `StoreError`."""
    with contextlib.ExitStack() as opened:
        stores = Stores(
            TextStore(directory / "texts.db"),
            IntakeLog(directory / "intake.db"),
            DeadLetters(directory / "dead_letters.db"),
            Outbox(directory / "outbox.db"),
        )
        for store in stores:
            opened.callback(store.close)
        yield stores


def erase_directory(directory: Path, wish: Erase) -> Erased:
    """Erase in one directory. Raises `StoreError`, for one where another process holds the directory."""
    with lock(directory), stores_of(directory) as stores:
        what = found(stores, wish)
        gone = erase_shown(stores, what)
        crash.here("erase.shown.after")
        gone += erase_raw(stores, what)
        finish(stores)
    return gone


def finish(stores: Stores) -> None:
    """Take what was wiped out of the files' logs: a process may have died between the two. Raises `StoreError`."""
    stores.texts.finish()
    stores.intake_log.finish()
    stores.dead.finish()


def erase_drills(data: Path, wish: Erase) -> Told:
    """Erase in the directories of drills, and have the reviews of all written anew. Raises `StoreError`."""
    told = Told()
    for directory in drills_of(data):
        try:
            told.erased += _of_drill(erase_directory(directory, wish))
        except StoreError:
            told.busy.append(str(directory))
    for directory in (data, *drills_of(data)):
        renewed = reviewing.renew(directory)
        told.reviews += renewed.written
        told.by_hand += renewed.by_hand
    return told


def _of_drill(gone: Erased) -> Erased:
    """A drill that is over edits nothing any more: what it posted, a human takes down."""
    if gone.messages:
        gone.beyond = {**gone.beyond, OF_A_DRILL: gone.messages}
    gone.messages = 0
    return gone


def erase_here(data: Path, mine: Erase) -> Told:
    """Do what the requests in the box ask, where no service runs; what became of one of them. Raises `StoreError`, for
    one where a service does.
    """
    became = Told()
    for letter, wish in erase_box.waiting(data):
        gone = erase_directory(data, wish)
        crash.here("erase.directory.after")
        told = erase_drills(data, wish)
        told.erased = gone + told.erased
        erase_box.drop(letter)
        if wish.means_as(mine):  # the same may have been asked before, and been killed half-way
            became += told
    return became


def looked_for(data: Path, wish: Erase) -> Erased:
    """What a request would erase; changes nothing. Raises `StoreError`."""
    total = Erased()
    for directory in (data, *drills_of(data)):
        with stores_of(directory) as stores:
            one = counted(stores, found(stores, wish))
            total += one if directory == data else _of_drill(one)
    return total
