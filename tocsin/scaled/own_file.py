"""EDGE. A file of one worker's own, for what it can read again: made anew at each start, and gone with the worker.

Beside it lies a lock that ends with the process, so whoever starts next knows what a dead one left, and removes it.
"""

import contextlib
import fcntl
import os
import uuid
from pathlib import Path

from stream.sources.store import StoreError

LOCK = ".lock"
PARTS = (".db", ".db-wal", ".db-shm")


class OwnFile:
    """`path` is the place of a file that nobody else uses. Give it back with `close`.

    Raises `StoreError` where the directory cannot be written to.
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in sorted(directory.glob(f"*{LOCK}")):
                _remove_if_left(left)
            self._lock, self._held = _hold_new(directory)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise StoreError(
                f"{directory}: the texts that cards quote cannot be kept there ({why}); delivery does not begin. "
                "Let `data` name a directory that this worker may write to"
            ) from None
        self.path = self._lock.with_suffix(PARTS[0])

    def close(self) -> None:
        """Remove the file. May be called twice."""
        if self._held >= 0:
            with contextlib.suppress(OSError):
                _remove(self._lock)
            os.close(self._held)
            self._held = -1


def _hold_new(directory: Path) -> tuple[Path, int]:
    """A new lock, held. Another worker that starts may take it for a left one before it is: then another is made."""
    while True:
        path = directory / f"{uuid.uuid4().hex}{LOCK}"
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                return path, held
        except BlockingIOError:
            pass
        except OSError:
            os.close(held)
            raise
        os.close(held)


def _remove_if_left(lock: Path) -> None:
    try:
        held = os.open(lock, os.O_RDWR)
    except OSError:
        return  # gone meanwhile, or another user's
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(lock)
    except OSError:
        return  # its worker lives, or the file cannot be removed: another start tries again
    finally:
        os.close(held)


def _remove(lock: Path) -> None:
    """The lock last: what is left of a removal that was cut short is found again by it."""
    for part in PARTS:
        lock.with_suffix(part).unlink(missing_ok=True)
    lock.unlink(missing_ok=True)
