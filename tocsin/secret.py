"""Secrets: read from the environment or from a file that only its owner can read, and never shown.

EDGE: reads files. What a secret is lives inside `Secret`, which no log line, exception or `repr` can open by accident.
"""

import hmac
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

SMALLEST = 8
LARGEST = 4096


class SecretProblem(ValueError):  # noqa: N818 - read by the person who sets the service up
    """Why a secret cannot be had. Names the variable or the file, never what is in it."""


class Secret:
    """A value that is used and never shown.

    >>> token = Secret("correct horse battery")
    >>> f"{token} {token!r}"
    'Secret(hidden) Secret(hidden)'
    >>> token.reveal() == "correct horse battery"
    True
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: only at the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Equal values, compared in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment] # a key in a table would outlive its use

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def from_environment(name: str, env: Mapping[str, str]) -> Secret:
    """The secret that an environment variable holds. Raises `SecretProblem` where it is unset or far too short."""
    value = env.get(name, "").strip()
    if not value:
        raise SecretProblem(f"the environment variable {name} is not set; export it, or name a file with mode 0600")
    return _of_fair_length(value, f"the environment variable {name}")


def from_file(path: Path) -> Secret:
    """The secret that a file holds, blanks around it left out.

    Raises `SecretProblem` where the file is missing, is no regular file, or can be read by anybody but its owner.
    """
    try:
        # The open file is asked, not the name: nobody can swap it between the look and the read.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise SecretProblem(f"{path} is no regular file; name a file with mode 0600")
            if mode & 0o077:
                shown = f"{stat.S_IMODE(mode):04o}"
                raise SecretProblem(f"{path} has mode {shown}, so others can read it; run: chmod 600 {path}")
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise SecretProblem(f"{path} cannot be read ({(error.strerror or 'error').lower()}); check the path") from None
    try:
        value = body.decode().strip()
    except UnicodeDecodeError:
        raise SecretProblem(f"{path} is not text; a secret is one line of text") from None
    return _of_fair_length(value, str(path))


def _of_fair_length(value: str, where: str) -> Secret:
    if not SMALLEST <= len(value) <= LARGEST:
        raise SecretProblem(f"{where} holds {len(value)} characters; a secret has {SMALLEST} to {LARGEST}")
    return Secret(value)
