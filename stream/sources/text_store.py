"""The one store of people's words: what a page quotes, and what an erasure must reach.

The journal knows a mention by a keyed hash (`name`) and a note by its salted digest; the words lie here alone.
Texts are in a table that only grows at the end (why: `store.wipe`); the tables that find them hold names, salted
hashes, times and our own brands, no words and no handles.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from stream.codec import HOUR_MS
from stream.mention import Label
from stream.sources.store import drop_wiped, open_store, transaction, truncate_wal, wipe

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS body (slot INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS post (
    name TEXT PRIMARY KEY,
    slot INTEGER NOT NULL,
    id_hash BLOB NOT NULL,
    author_hash BLOB,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS post_id ON post (id_hash);
CREATE INDEX IF NOT EXISTS post_author ON post (author_hash);
CREATE INDEX IF NOT EXISTS post_created ON post (created_ms);
CREATE INDEX IF NOT EXISTS post_slot ON post (slot);
CREATE TABLE IF NOT EXISTS about (
    brand TEXT NOT NULL,
    hour INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (brand, hour, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (digest TEXT PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS note_slot ON note (slot);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), last_slot INTEGER, salt BLOB);
INSERT OR IGNORE INTO head VALUES (1, 0, randomblob(16));
"""
_SALT_BYTES = 16
_EVER_MS = 2**62
_MANY = 500
"""Below SQLite's oldest limit on bound values."""


class StoredPost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A post as a page may quote it. Unknown is `None`."""

    name: str
    """Keyed hash of the id: what the journal calls it."""
    id: str
    source: str
    text: str
    created_ms: int
    author: str | None = None
    url: str | None = None
    followers: int | None = None
    lang: str | None = None
    brands: tuple[str, ...] = ()
    label: Label = "unscored"
    own: bool = False
    """By one of the brand's own accounts: an answer, and no mention."""


def salted(text: str) -> tuple[str, bytes]:
    """Digest and body of a note: the digest says nothing of the words, for each note has a salt of its own."""
    words = text.encode("utf-8", "replace")
    salt = os.urandom(_SALT_BYTES)
    return hashlib.sha256(salt + words).hexdigest(), salt + words


def post_bytes(post: StoredPost) -> bytes:
    """A post as it travels in a topic; `post_from` reads it. Lone surrogates are replaced, for UTF-8 has none.

    >>> post = StoredPost(name="n1", id="x:1", source="x", text="hello", created_ms=0)
    >>> post_from(post_bytes(post)) == post
    True
    """
    return msgspec.json.encode(_valid(post))


def post_from(body: bytes) -> StoredPost:
    """The inverse of `post_bytes`. Raises `msgspec.MsgspecError` on anything else."""
    return msgspec.json.decode(body, type=StoredPost)


class TextStore:
    """Posts and notes in one SQLite file, or in memory (`path=None`) for a replay. `durable=False`: no sync per commit,
    for a replay's file, which can be made again. `voice` stands for a source and an author in place of a salted hash.

    Safe to use from several threads of one process. Every method that writes raises `StoreError` if the disk is full
    or the file locked or corrupt.

    >>> store = TextStore(None)
    >>> store.put([StoredPost(name="n1", id="x:1", source="x", text="hello", created_ms=0, author="ann")])
    >>> store.get(["n1", "n2"])["n1"].text
    'hello'
    >>> store.erase_author("ann")
    1
    >>> store.get(["n1"])
    {}
    """

    def __init__(
        self, path: Path | None, *, durable: bool = True, voice: Callable[[str, str], bytes] | None = None
    ) -> None:
        in_file = path is not None
        self._db = open_store(path, _SCHEMA, version=1, durable=durable and in_file, erasable=in_file)
        self._one = threading.RLock()
        self.erasures = 0
        """How many times something was erased: what was read before may no longer be shown."""
        self._voice = voice or self._salted_author
        self._slot, self._salt = self._db.execute("SELECT last_slot, salt FROM head").fetchone()
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(StoredPost).decode

    def put(self, posts: Sequence[StoredPost]) -> None:
        """Keep these posts, in one transaction. A name that is there already is replaced, the old words wiped."""
        latest = {post.name: post for post in posts}
        if not latest:
            return
        with self._one:
            start = self._slot
            rows = [(start + n, self._encode(_valid(post))) for n, post in enumerate(latest.values(), 1)]
            with transaction(self._db, "texts.put"):
                wipe(self._db, "body", "slot", self._forgotten("name", list(latest)))
                self._db.executemany("INSERT INTO body VALUES (?, ?)", rows)
                self._db.executemany(
                    "INSERT OR REPLACE INTO post VALUES (?, ?, ?, ?, ?)",
                    (
                        (post.name, slot, self._hash(post.id), self._voice_of(post), post.created_ms)
                        for post, (slot, _) in zip(latest.values(), rows, strict=True)
                    ),
                )
                self._db.executemany(
                    "INSERT OR REPLACE INTO about VALUES (?, ?, ?, ?, ?)",
                    (
                        (brand, post.created_ms // HOUR_MS, post.name, post.created_ms, slot)
                        for post, (slot, _) in zip(latest.values(), rows, strict=True)
                        for brand in post.brands
                    ),
                )
                self._move_to(start + len(rows))
            self._slot = start + len(rows)

    def get(self, names: Iterable[str]) -> dict[str, StoredPost]:
        """The posts of these names, in the order asked for; what is unknown or erased is left out."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, StoredPost] = {}
        with self._one:
            for some in _batches(wanted):
                query = f"SELECT name, body FROM post JOIN body USING (slot) WHERE name IN ({_marks(some)})"
                found |= {name: self._decode(body) for name, body in self._db.execute(query, some)}
        return {name: found[name] for name in wanted if name in found}

    def about(
        self, brand: str, from_ms: int, until_ms: int, limit: int, *, by_hour: int | None = None
    ) -> tuple[list[StoredPost], bool]:
        """The posts about a brand created in `[from_ms, until_ms)`, by time; and whether some were left out.

        Above `limit` they are a sample: the same for the same posts, and no platform chooses it, for a name is a keyed
        hash. `by_hour` takes at most so many of any hour, so that one wild day does not outweigh a fortnight.
        """
        first, last = from_ms // HOUR_MS, (until_ms - 1) // HOUR_MS
        found: list[tuple[str, int]] = []
        cut = False
        with self._one:
            for hour in range(first, last + 1):
                rows = self._db.execute(
                    "SELECT name, slot FROM about WHERE brand = ? AND hour = ? AND created_ms >= ? AND created_ms < ?"
                    " ORDER BY name LIMIT ?",
                    (brand, hour, from_ms, until_ms, (by_hour or limit) + 1),
                ).fetchall()
                cut = cut or len(rows) > (by_hour or limit)
                found += rows[: by_hour or limit]
            posts = self._bodies([slot for _, slot in sorted(found)[:limit]])
        return sorted(posts, key=lambda post: (post.created_ms, post.name)), cut or len(found) > limit

    def earliest(self, brand: str, from_ms: int, until_ms: int, limit: int) -> list[StoredPost]:
        """The first posts about a brand created in `[from_ms, until_ms)`, at most `limit`, by time."""
        found: list[tuple[int, str, int]] = []
        with self._one:
            for hour in range(from_ms // HOUR_MS, (until_ms - 1) // HOUR_MS + 1):
                found += self._db.execute(
                    "SELECT created_ms, name, slot FROM about"
                    " WHERE brand = ? AND hour = ? AND created_ms >= ? AND created_ms < ?"
                    " ORDER BY created_ms, name LIMIT ?",
                    (brand, hour, from_ms, until_ms, limit - len(found)),
                ).fetchall()
                if len(found) >= limit:
                    break
            posts = self._bodies([slot for _, _, slot in found])
        return sorted(posts, key=lambda post: (post.created_ms, post.name))

    def of_mentions(self, mention_ids: Sequence[str]) -> list[StoredPost]:
        """The posts with these ids, as far as they are here."""
        return self._found("id_hash", [self._hash(one) for one in mention_ids])

    def of_author(self, source: str, author: str) -> list[StoredPost]:
        """The posts of an author, as their source calls them."""
        return [post for post in self.of_voice(self._voice(source, author)) if post.source == source]

    def of_voice(self, voice: bytes) -> list[StoredPost]:
        """The posts of an author of whom only that is known which `voice` stands for them."""
        return self._found("author_hash", [voice])

    def search(self, matches: Callable[[StoredPost], bool], before_ms: int | None = None) -> list[StoredPost]:
        """The posts that match, of all or of those created before a time. Looks at each, a few at a time, so that
        others can use the store meanwhile.
        """
        found: list[StoredPost] = []
        created, name = -1, ""
        while True:
            with self._one:
                rows = self._db.execute(
                    "SELECT created_ms, name, slot FROM post WHERE (created_ms, name) > (?, ?) AND created_ms < ?"
                    " ORDER BY created_ms, name LIMIT ?",
                    (created, name, _EVER_MS if before_ms is None else before_ms, _MANY),
                ).fetchall()
                posts = self._bodies([slot for _, _, slot in rows])
            found += [post for post in posts if matches(post)]
            if len(rows) < _MANY:
                return found
            created, name, _ = rows[-1]

    def erase_mention(self, mention_id: str) -> int:
        """Erase one post by its id: out of the file and out of its log when this returns. How many there were.

        Raises `StoreError` if old bytes had to stay in the write-ahead log; erasing again is harmless, and tries again.
        """
        return self._erase("id_hash", [self._hash(mention_id)])

    def erase_author(self, author: str) -> int:
        """Erase every post of an author of that name, at any source, as `erase_mention` does. How many there were."""
        return self._erase("author_hash", [self._hash(author)])

    def put_note(self, text: str) -> str:
        """Keep a human's free text; its digest, salted for this one note, is what the journal may hold."""
        digest, body = salted(text)
        self.keep_note(digest, body)
        return digest

    def keep_note(self, digest: str, body: bytes) -> None:
        """Keep a note that was `salted` here or elsewhere; one that is there already stays."""
        with self._one:
            with transaction(self._db, "texts.note"):
                if self._db.execute("SELECT 1 FROM note WHERE digest = ?", (digest,)).fetchone() is not None:
                    return
                self._db.execute("INSERT INTO body VALUES (?, ?)", (self._slot + 1, body))
                self._db.execute("INSERT INTO note VALUES (?, ?)", (digest, self._slot + 1))
                self._move_to(self._slot + 1)
            self._slot += 1

    def note(self, digest: str) -> str | None:
        """The text of a note, or `None` if it is unknown or erased."""
        with self._one:
            row = self._db.execute(
                "SELECT body FROM note JOIN body USING (slot) WHERE digest = ?", (digest,)
            ).fetchone()
        return None if row is None else str(row[0][_SALT_BYTES:], "utf-8")

    def erase_names(self, names: Sequence[str]) -> int:
        """Erase posts by their names, as `erase_mention` does. How many there were."""
        return sum(self._erase("name", some) for some in _batches(names))

    def erase_note(self, digest: str) -> bool:
        """Erase one note, as `erase_mention` does. Whether there was one."""
        with self._one:
            with transaction(self._db, "texts.erase"):
                slots = [row[0] for row in self._db.execute("SELECT slot FROM note WHERE digest = ?", (digest,))]
                wipe(self._db, "body", "slot", slots)
                self._db.execute("DELETE FROM note WHERE digest = ?", (digest,))
            truncate_wal(self._db)
        return bool(slots)

    def notes(self) -> list[str]:
        """The digests of all notes that are here."""
        with self._one:
            return [row[0] for row in self._db.execute("SELECT digest FROM note ORDER BY digest")]

    def finish(self) -> None:
        """Take what was erased out of the write-ahead log, should a process have died before it had. Raises
        `StoreError` if a reader holds on to the log.
        """
        with self._one:
            truncate_wal(self._db)

    def trim(self, before_ms: int) -> int:
        """Erase every post created before `before_ms`, and give back the space in front. How many there were.

        Notes stay: they belong to incidents, not to posts.
        """
        with self._one:
            names = [row[0] for row in self._db.execute("SELECT name FROM post WHERE created_ms < ?", (before_ms,))]
            self._drop(names)
        return len(names)

    def count(self) -> int:
        """How many posts there are."""
        with self._one:
            return int(self._db.execute("SELECT count(*) FROM post").fetchone()[0])

    def used_bytes(self) -> int:
        """How much of the file is in use."""
        with self._one:
            pages, free, size = (
                int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def keep_newest(self, most: int) -> int:
        """Erase the oldest posts beyond so many, as `trim` does. How many there were."""
        with self._one:
            oldest = "SELECT name FROM post ORDER BY created_ms, name LIMIT max(0, (SELECT count(*) FROM post) - ?)"
            names = [row[0] for row in self._db.execute(oldest, (most,))]
            if names:
                self._drop(names)
        return len(names)

    def close(self) -> None:
        """Close the file. Whatever was put is already on the disk."""
        with self._one:
            self._db.close()

    def _drop(self, names: Sequence[str]) -> None:
        """Erase these posts, and give back the space in front."""
        for some in _batches(names):
            with transaction(self._db, "texts.trim"):
                self._remove("name", some)
        moved = self._slot
        with transaction(self._db, "texts.trim"):
            moved = self._notes_to_the_end(moved)
            drop_wiped(self._db, "body", "slot", self._first_slot())
        self._slot = moved
        truncate_wal(self._db)

    def _notes_to_the_end(self, last: int) -> int:
        """Move notes that lie before all posts, or one of them would keep the space of every post behind it.

        Returns the last slot that is used then.
        """
        first = self._db.execute("SELECT min(slot) FROM post").fetchone()[0]
        if first is None:
            return last
        found = "SELECT digest, slot, body FROM note JOIN body USING (slot) WHERE slot < ? ORDER BY slot"
        notes = self._db.execute(found, (first,)).fetchall()
        for digest, _, body in notes:
            last += 1
            self._db.execute("INSERT INTO body VALUES (?, ?)", (last, body))
            self._db.execute("UPDATE note SET slot = ? WHERE digest = ?", (last, digest))
        wipe(self._db, "body", "slot", [slot for _, slot, _ in notes])
        self._move_to(last)
        return last

    def _bodies(self, slots: Sequence[int]) -> list[StoredPost]:
        ordered = sorted(slots)  # neighbours in the file are read together
        found: list[StoredPost] = []
        for some in _batches(ordered):
            query = f"SELECT body FROM body WHERE slot IN ({_marks(some)})"
            found += [self._decode(body) for (body,) in self._db.execute(query, some)]
        return found

    def _erase(self, column: str, values: Sequence[bytes | str | None]) -> int:
        with self._one:
            with transaction(self._db, "texts.erase"):
                erased = self._remove(column, values)
            truncate_wal(self._db)
        return erased

    def _remove(self, column: str, values: Sequence[bytes | str | None]) -> int:
        slots = self._forgotten(column, values)
        self.erasures += 1
        wipe(self._db, "body", "slot", slots)
        self._db.execute(f"DELETE FROM post WHERE {column} IN ({_marks(values)})", values)
        return len(slots)

    def _found(self, column: str, values: Sequence[bytes | None]) -> list[StoredPost]:
        with self._one:
            return self._bodies(self._slots(column, values))

    def _slots(self, column: str, values: Sequence[bytes | str | None]) -> list[int]:
        return [
            row[0]
            for some in _batches(values)
            for row in self._db.execute(f"SELECT slot FROM post WHERE {column} IN ({_marks(some)}) ORDER BY slot", some)
        ]

    def _forgotten(self, column: str, values: Sequence[bytes | str | None]) -> list[int]:
        """Where these posts' bodies lie, to be wiped; what leads to them by brand is gone from here."""
        slots = self._slots(column, values)
        self._db.executemany(
            "DELETE FROM about WHERE brand = ? AND hour = ? AND name = ?",
            ((b, post.created_ms // HOUR_MS, post.name) for post in self._bodies(slots) for b in post.brands),
        )
        return slots

    def _voice_of(self, post: StoredPost) -> bytes | None:
        return None if post.author is None else self._voice(post.source, post.author)

    def _salted_author(self, _: str, author: str) -> bytes:
        return self._hash(author) or b""

    def _first_slot(self) -> int:
        first = "SELECT min(slot) FROM (SELECT min(slot) AS slot FROM post UNION ALL SELECT min(slot) FROM note)"
        row = self._db.execute(first).fetchone()
        return self._slot + 1 if row[0] is None else int(row[0])

    def _move_to(self, slot: int) -> None:
        self._db.execute("UPDATE head SET last_slot = ?", (slot,))

    def _hash(self, word: str | None) -> bytes | None:
        if word is None:
            return None
        return hashlib.blake2b(word.encode("utf-8", "replace"), key=self._salt, digest_size=12).digest()


def _valid(post: StoredPost) -> StoredPost:
    """The post with lone surrogates replaced: UTF-8 cannot spell them, and one must not cost the batch."""
    changes = {}
    for field in ("id", "source", "text", "author", "url", "lang"):
        value = getattr(post, field)
        if value is not None and not value.isascii():
            changes[field] = value.encode("utf-8", "replace").decode("utf-8")
    return msgspec.structs.replace(post, **changes) if changes else post


def _batches(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + _MANY] for start in range(0, len(values), _MANY))


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
