"""EDGE. A data directory, opened: everything that one embedded deployment keeps, held by one process."""

import os
import secrets
from pathlib import Path

from alerting.delivery.outbox import Outbox
from alerting.delivery.seen import Seen
from stream.names import Names
from stream.sources.dead_letters import DeadLetters
from stream.sources.intake_log import IntakeLog
from stream.sources.places import Places
from stream.sources.store import StoreError, lock
from stream.sources.text_store import TextStore
from tocsin.journal import Journal

KEY_BYTES = 32


class Deployment:
    """The stores of one data directory.

    Raises `StoreError` or `JournalError` when another process holds it, or a file is not what it should be.
    """

    def __init__(self, directory: Path, *, step_ms: int) -> None:
        self.directory = directory
        self._lock = lock(directory)
        self.names = Names(_names_key(directory / "names.key"))
        self.intake_log = IntakeLog(directory / "intake.db")
        self.texts = TextStore(directory / "texts.db")
        self.dead = DeadLetters(directory / "dead_letters.db")
        self.places = Places(directory / "sources.db")
        self.journal = Journal(directory / "journal.db", step_ms=step_ms)
        self.outbox = Outbox(directory / "outbox.db")
        self.slack_seen = Seen(directory / "slack_seen.db")

    def close(self) -> None:
        """Close every file and give the directory back."""
        for store in (self.slack_seen, self.outbox, self.journal, self.places, self.dead, self.texts, self.intake_log):
            store.close()
        self._lock.close()


def _names_key(path: Path) -> bytes:
    """The key of the journal's names: made once; without it the journal names nobody."""
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        with fresh.open("wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())  # a name of an empty file would be the end of every name in the journal
        fresh.rename(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: is no key of names ({len(key)} bytes, not {KEY_BYTES}); restore it from a backup")
    return key
