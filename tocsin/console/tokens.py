"""EDGE. Tokens of the API: each may do what it was made for, until its day, and is shown once.

A token is kept as its SHA-256: it is as long as a key, so nobody finds it by guessing, and the file signs nobody in.
The command line writes the same file, so that a token which is revoked there is refused by a running service at its
next request.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stream.codec import DAY_MS, canonical
from stream.sources.store import open_store, transaction
from tocsin.console.doors import ALLOWED, Verb, Visitor
from tocsin.console_sections import Role

FILE: Final = "console-tokens.db"
"""Inside the data directory."""
PREFIX: Final = "tocsin_"
"""What every token begins with, so that whoever looks for lost secrets knows one."""
SECRET_BYTES: Final = 32
LONGEST_DAYS: Final = 366
TOKENS: Final = 500
"""So many at most: whoever needs more has lost count of them."""
NOTED_EVERY_MS: Final = 60_000
"""How finely the last use of a token is kept."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, responder TEXT NOT NULL,
    brands TEXT NOT NULL, verbs TEXT NOT NULL, made_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "name, role, responder, brands, verbs, made_ms, until_ms, used_ms"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token; not the token itself."""

    name: str
    """What it is for: the audit trail calls its acts by this."""
    role: Role = "viewer"
    responder: str = ""
    """In whose name it acts; without one it only looks."""
    brands: tuple[str, ...] | None = None
    """The brands that it sees; `None` is all."""
    verbs: tuple[Verb, ...] | None = None
    """What it may do of what its role may; `None` is all of that."""
    made_ms: int = 0
    until_ms: int = 0
    used_ms: int = 0
    """When it was last used, to the minute (0: never)."""


class TokenProblem(ValueError):  # noqa: N818 - what is wrong
    """Why a token cannot be made or revoked, in plain words."""


class Tokens:
    """The tokens of one deployment, in a file (in memory without one). `clock` gives milliseconds since 1970.

    Raises `StoreError` where the file cannot be used.

    >>> tokens = Tokens(None, lambda: 0)
    >>> secret = tokens.make(Token(name="grafana"), days=30)
    >>> tokens.visitor(secret).name, tokens.visitor("tocsin_guessed")
    ('token grafana', None)
    >>> tokens.revoke("grafana"), tokens.visitor(secret)
    (True, None)
    """

    def __init__(self, path: Path | None, clock: Callable[[], int]) -> None:
        self._db = open_store(path, _SCHEMA, version=1, erasable=True)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def make(self, token: Token, *, days: int) -> str:
        """Make a token for so many days; what is returned is kept nowhere. Raises `TokenProblem`."""
        _check(token, days)
        now_ms = self._clock()
        secret = f"{PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"
        brands, verbs = (canonical(one).decode() for one in (token.brands, token.verbs))
        row = (_digest(secret), token.name, token.role, token.responder, brands, verbs)
        with transaction(self._db, "tokens.make"):
            self._db.execute("DELETE FROM tokens WHERE until_ms <= ?", (now_ms,))
            if self._db.execute("SELECT 1 FROM tokens WHERE name = ?", (token.name,)).fetchone():
                raise TokenProblem(f"there is a token {token.name} already; revoke it first, or choose another name")
            if self._db.execute("SELECT count(*) FROM tokens").fetchone()[0] >= TOKENS:
                raise TokenProblem(f"there are {TOKENS} tokens already; revoke those that nobody needs")
            self._db.execute(
                f"INSERT INTO tokens (digest, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (*row, now_ms, now_ms + days * DAY_MS),
            )
        return secret

    def revoke(self, name: str) -> bool:
        """Let a token be worth nothing from now on; false where there is none of that name."""
        with transaction(self._db, "tokens.revoke"):
            return self._db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount > 0

    def all(self) -> list[Token]:
        """Every token that holds, by name."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM tokens WHERE until_ms > ? ORDER BY name", (self._clock(),)
        ).fetchall()
        return [_token(row) for row in rows]

    def visitor(self, secret: str) -> Visitor | None:
        """Who comes with this token; nobody where it does not hold."""
        if not secret.startswith(PREFIX) or len(secret) > 200:
            return None
        digest, now_ms = _digest(secret), self._clock()
        row = self._db.execute(f"SELECT {_COLUMNS} FROM tokens WHERE digest = ?", (digest,)).fetchone()
        token = _token(row) if row is not None else None
        # A clock set back far before its making makes no token hold that was not made yet.
        if token is None or not token.made_ms - DAY_MS <= now_ms < token.until_ms:
            return None
        if abs(now_ms - token.used_ms) >= NOTED_EVERY_MS:
            with transaction(self._db, "tokens.use"):
                self._db.execute("UPDATE tokens SET used_ms = ? WHERE digest = ?", (now_ms, digest))
        return Visitor(
            name=f"token {token.name}",
            role=token.role,
            responder=token.responder,
            brands=token.brands,
            verbs=token.verbs,
            how="token",
        )


def _check(token: Token, days: int) -> None:
    """Raises `TokenProblem` for a token that would be worth nothing, or last for ever."""
    if not token.name or len(token.name) > 60 or not all(c.isalnum() or c in "-_." for c in token.name):
        raise TokenProblem("the name of a token is up to 60 letters, digits, ., _ and -; it says what the token is for")
    if not 1 <= days <= LONGEST_DAYS:
        raise TokenProblem(f"a token lasts from 1 to {LONGEST_DAYS} days, not {days}")
    allowed = ALLOWED[token.role]
    beyond = [verb for verb in token.verbs or () if verb not in allowed]
    if beyond:
        raise TokenProblem(f"a {token.role} may not {beyond[0]}; allowed: {', '.join(allowed[1:])}")
    acts = "act" in allowed and (token.verbs is None or "act" in token.verbs)
    if acts and not token.responder:
        raise TokenProblem("a token that acts does so in a responder's name; name one, or let it see alone")


def _token(row: Sequence[object]) -> Token:
    name, role, responder, brands, verbs, made_ms, until_ms, used_ms = row
    fields = {
        "name": name,
        "role": role,
        "responder": responder,
        "brands": msgspec.json.decode(str(brands)),
        "verbs": msgspec.json.decode(str(verbs)),
        "made_ms": made_ms,
        "until_ms": until_ms,
        "used_ms": used_ms,
    }
    return msgspec.convert(fields, Token)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
