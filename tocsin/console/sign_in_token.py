"""EDGE. The token of a console for one machine: made at the first start, kept in a file that only its owner can read.

Whoever can read the data directory's secrets is at home here already; nobody else on the machine gets in.
"""

import os
import secrets
from pathlib import Path
from urllib.parse import quote

from stream.sources.store import StoreError
from tocsin.secret import Secret, SecretProblem, from_file

FILE = "console.token"
PLACE_FILE = "console.address"
TOKEN_BYTES = 32


def token_of(directory: Path) -> Secret:
    """The token of a data directory, made if there is none. Raises `StoreError` where it cannot be read or kept."""
    path = directory / FILE
    try:
        if not path.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(TOKEN_BYTES))
        return from_file(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be kept: {(error.strerror or 'error').lower()}") from None
    except SecretProblem as problem:
        raise StoreError(f"{problem}; or remove the file, and the next start makes another") from None


def note_place(directory: Path, base_url: str) -> None:
    """Keep where the console listens, for whoever asks for the link: the port may be any. Raises `OSError`."""
    (directory / PLACE_FILE).write_text(base_url, encoding="ascii")


def place_of(directory: Path) -> str:
    """Where it listened last; empty where nobody knows.

    >>> place_of(Path("/nowhere"))
    ''
    """
    try:
        return (directory / PLACE_FILE).read_text(encoding="ascii").strip()[:300]
    except (OSError, UnicodeDecodeError):
        return ""


def link_to(base_url: str, token: Secret) -> str:
    """The address that signs in."""
    return f"{base_url}/sign-in?token={quote(token.reveal())}"
