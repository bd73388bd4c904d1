"""EDGE. Requests to erase, in the letterbox of a data directory until nothing is left to do.

A request names whom or what it is about, so it never goes into the log; the file is overwritten before it is removed.
What became of it lies beside it, in numbers, for the command that waits.
"""

import contextlib
import os
import re
from pathlib import Path

import msgspec

from stream.codec import canonical
from tocsin.erasing import Erase, Erased
from tocsin.letterbox import BOX, MAX_BYTES

ASKED, TOLD = ".erase", ".erased"
_ID = re.compile(r"[a-z0-9-]{1,80}")


class Told(msgspec.Struct, kw_only=True):
    """What became of a request."""

    erased: Erased = msgspec.field(default_factory=Erased)
    reviews: list[str] = []
    """Files that were written anew."""
    by_hand: list[str] = []
    """Files that quoted it and were changed since they were written: a human must look at them."""
    busy: list[str] = []
    """Directories of drills that run: ask again when they are over."""

    def __add__(self, other: "Told") -> "Told":
        """Both together."""
        return Told(
            erased=self.erased + other.erased,
            reviews=[*self.reviews, *other.reviews],
            by_hand=sorted({*self.by_hand, *other.by_hand}),
            busy=sorted({*self.busy, *other.busy}),
        )


def post(data: Path, wish: Erase) -> Path:
    """Put a request into the box; on the disk when this returns. Raises `OSError`, and `ValueError` for a bad id."""
    if not _ID.fullmatch(wish.id):
        raise ValueError(f"{wish.id[:60]!r} is no id; allowed: up to 80 small letters, digits and dashes")
    box = data / BOX
    box.mkdir(mode=0o700, exist_ok=True)
    letter = box / f"{wish.id}{ASKED}"
    _write(letter, canonical(wish))
    return letter


def waiting(data: Path) -> list[tuple[Path, Erase]]:
    """The requests that are not done, in the order of their names; what cannot be read is left where it is."""
    found = []
    with contextlib.suppress(OSError):
        for letter in sorted((data / BOX).glob(f"*{ASKED}")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                if not letter.is_symlink() and letter.stat().st_size <= MAX_BYTES:
                    found.append((letter, msgspec.json.decode(letter.read_bytes(), type=Erase)))
    return found


def done(letter: Path, told: Told) -> None:
    """Say what became of a request, and let it go for good."""
    _write(letter.with_suffix(TOLD), msgspec.json.encode(told))
    drop(letter)


def drop(letter: Path) -> None:
    """Remove a request, its bytes first."""
    with contextlib.suppress(OSError):
        with letter.open("r+b") as file:
            file.write(b"\0" * letter.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        letter.unlink()


def answer(letter: Path) -> Told | None:
    """What became of a request, once; `None` while that is not known."""
    told = letter.with_suffix(TOLD)
    try:
        found = msgspec.json.decode(told.read_bytes(), type=Told)
    except (OSError, msgspec.MsgspecError):
        return None
    told.unlink(missing_ok=True)
    return found


def forget_answers(data: Path) -> None:
    """Remove what nobody waited for: a start is long after."""
    with contextlib.suppress(OSError):
        for told in (data / BOX).glob(f"*{TOLD}"):
            told.unlink(missing_ok=True)


def _write(path: Path, body: bytes) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
