"""Keyed names: what the journal calls a mention, an author and a text, without naming anybody.

A name is a keyed hash. Without the deployment's key it says nothing; destroying the key is an erasure.
"""

import hashlib

REPLAY_KEY = b"tocsin replay: names in a replay are the same on every machine"


class Names:
    """Keyed hashes for one deployment.

    >>> names = Names(b"k")
    >>> names.mention("x:1") == names.mention("x:1") != names.mention("x:2")
    True
    >>> len(names.mention("x:1"))
    16
    """

    __slots__ = ("_author", "_mention", "_text", "_voice", "fingerprint")

    def __init__(self, key: bytes) -> None:
        key = hashlib.sha256(key).digest()
        self._mention = hashlib.blake2b(key=key, digest_size=8, person=b"mention")
        self._author = hashlib.blake2b(key=key, digest_size=8, person=b"author")
        self._text = hashlib.blake2b(key=key, digest_size=8, person=b"text")
        self._voice = hashlib.blake2b(key=key, digest_size=12, person=b"voice")
        self.fingerprint: str = hashlib.blake2b(key=key, digest_size=4, person=b"fingerprint").hexdigest()
        """8 hex digits by which two workers know that they name alike; of the key itself they tell nothing."""

    def mention(self, mention_id: str) -> str:
        """16 hex digits that stand for a mention's id in the journal."""
        h = self._mention.copy()
        h.update(mention_id.encode("utf-8", "surrogatepass"))
        return h.hexdigest()

    def author(self, author: str) -> int:
        """64 bits that stand for an author inside a sketch."""
        h = self._author.copy()
        h.update(author.encode("utf-8", "surrogatepass"))
        return int.from_bytes(h.digest(), "big")

    def voice(self, source: str, author: str) -> bytes:
        """96 bits that stand for an author at one source, where everything of theirs must be found again."""
        h = self._voice.copy()
        h.update(f"{source}\n{author}".encode("utf-8", "surrogatepass"))
        return h.digest()

    def text(self, normalised: str) -> int:
        """64 bits that stand for a normalised text: equal texts, equal numbers."""
        h = self._text.copy()
        h.update(normalised.encode("utf-8", "surrogatepass"))
        return int.from_bytes(h.digest(), "big")
