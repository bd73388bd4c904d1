"""EDGE. What a command asks of a running service: one file a wish, in the data directory.

Whoever may write there may ask, so no port and no password is needed. A wish is on the disk before the command ends,
whether the service runs or not; the service takes it to the intake log, and only then out of the box. A crash in
between brings it a second time, under the same id: the core takes in each id once.
"""

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from alerting.quiet import Silence, Unsilence
from stream.codec import canonical
from tocsin.entry import Answer

Wish = Silence | Unsilence | Answer
"""Nothing else is taken from the box: reports, sources and configurations are not for commands to make up."""
BOX = "letterbox"
MAX_BYTES = 16_384
MAX_WAITING = 1_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def post(data: Path, wish: Wish) -> Path:
    """Put a wish into the box of a data directory; on the disk when this returns. The same id twice is one wish.

    Raises `OSError` where the directory cannot be written, and `ValueError` for an id that is no file's name.
    """
    if not _ID.fullmatch(wish.id):
        raise ValueError(f"{wish.id[:60]!r} is no id; allowed: up to 100 letters, digits, ., _ and -")
    box = data / BOX
    box.mkdir(mode=0o700, exist_ok=True)
    letter = box / f"{wish.id}.json"
    if not letter.exists():  # brought a second time it keeps its place
        draft = letter.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(canonical(wish))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(letter)
    handle = os.open(box, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return letter


def waiting(data: Path) -> list[Wish]:
    """The wishes that no service has taken yet, oldest first; what cannot be read is left out."""
    found = []
    for letter in _letters(data):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found.append(_read(letter))
    return found


async def collect(
    data: Path,
    append: Callable[[bytes], Awaitable[None]],
    refuse: Callable[[str, bytes], None],
    known: Callable[[Wish], bool],
) -> int:
    """Take every wish to the log with `append`, then out of the box; returns how many. What cannot be read, or is
    about nothing that is known, goes to `refuse` with a reason: a bad letter never stops the service.
    """
    taken = 0
    for letter in _letters(data)[:MAX_WAITING]:
        try:
            wish = _read(letter)
        except (OSError, msgspec.MsgspecError) as why:
            refuse(f"{letter.name}: {why}", _head(letter))
        else:
            if known(wish):
                await append(canonical(wish))
                taken += 1
            else:
                refuse(f"{letter.name}: it is about nothing that is known here", canonical(wish))
        with contextlib.suppress(OSError):
            letter.unlink()
    return taken


def _letters(data: Path) -> list[Path]:
    """Oldest first: of two who press Acknowledge, the first one has it, whatever the ids of the presses are."""
    try:
        found = [(path.lstat().st_mtime_ns, path) for path in (data / BOX).iterdir() if path.suffix == ".json"]
    except OSError:
        return []
    return [path for _, path in sorted(found)]


def _read(letter: Path) -> Wish:
    if letter.is_symlink() or letter.stat().st_size > MAX_BYTES:
        raise OSError(f"is no plain file of at most {MAX_BYTES} bytes")
    wish: Wish = msgspec.json.decode(letter.read_bytes(), type=Wish)
    return wish


def _head(letter: Path) -> bytes:
    try:
        with letter.open("rb") as file:
            return file.read(MAX_BYTES) if not letter.is_symlink() else b""
    except OSError:
        return b""
