"""EDGE. Reviews on the disk: which were written where, and what they quote, so that an erasure reaches them too.

A list beside the journal holds their paths, and the posts and notes they quote by the names that the journal has for
them. A review that quotes what is not there any more is written anew, unless somebody has worked on it since.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from stream.codec import digest
from stream.sources.text_store import TextStore

LIST = "reports.json"
MOST = 10_000


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A review as it was written."""

    path: str
    incident: str
    form: str
    posts: tuple[str, ...] = ()
    """Names of the posts that it quotes."""
    notes: tuple[str, ...] = ()
    """Digests of the notes that it quotes."""
    changes: tuple[str, ...] = ()
    """What would have let people sleep: it took a while to find, and quotes nobody."""
    digest: str = ""
    """Of the file as it was written."""


class Renewed(msgspec.Struct, kw_only=True):
    """What became of the reviews that quoted what is gone."""

    written: list[str] = []
    by_hand: list[str] = []
    """Somebody has changed them: they were left as they are, and somebody must look at them."""


def reports(directory: Path) -> list[Report]:
    """The reviews that were written of the journal in this directory."""
    try:
        return msgspec.json.decode((directory / LIST).read_bytes(), type=list[Report])
    except (OSError, msgspec.MsgspecError):
        return []


def note(directory: Path, report: Report) -> None:
    """Remember a review, in place of what was written to the same path before. Raises `OSError`."""
    kept = [one for one in reports(directory) if one.path != report.path]
    _keep(directory, [*kept, report][-MOST:])


def outdated(directory: Path, texts: TextStore) -> list[Report]:
    """The reviews that quote what is not there any more."""
    listed = reports(directory)
    there = set(texts.get([name for one in listed for name in one.posts]))
    notes = set(texts.notes())
    return [one for one in listed if not (there.issuperset(one.posts) and notes.issuperset(one.notes))]


def renew(directory: Path, texts: TextStore, write: Callable[[Report], None]) -> Renewed:
    """Have `write` write the outdated ones anew, and note them. What is not at its path any more is forgotten."""
    found = Renewed()
    for one in outdated(directory, texts):
        path = Path(one.path)
        try:
            body = path.read_bytes()
        except OSError:
            _keep(directory, [other for other in reports(directory) if other.path != one.path])
            continue
        if digest(body) == one.digest:
            write(one)
            found.written.append(one.path)
        else:
            found.by_hand.append(one.path)
    return found


def _keep(directory: Path, listed: Sequence[Report]) -> None:
    path = directory / LIST
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(msgspec.json.encode(list(listed)))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    with contextlib.suppress(OSError):
        path.chmod(0o600)
