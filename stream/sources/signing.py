"""Signed requests: who may post to us, each signature once.

`X-Signature: v1=HMAC-SHA256(secret, "<timestamp>." + body)` in hex, `X-Timestamp` in seconds since 1970.
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Fault = Literal["missing", "malformed", "old", "future", "wrong", "replayed"]

KEPT_MS = 600_000
"""A signature is good from 5 minutes before to 5 minutes after its time: nothing older can be replayed."""
SEEN_MAX = 200_000

_TIMESTAMP = re.compile(r"(?:0|[1-9][0-9]{0,11})")
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")


class BadSignature(Exception):  # noqa: N818 - says what is bad, as its siblings do
    """A request that is not taken. `reason` is one word; it names no secret and quotes nothing."""

    def __init__(self, reason: Fault) -> None:
        super().__init__(reason)
        self.reason = reason


class Seen(NamedTuple):
    """A signature that was accepted: its 32 bytes, the second that it signs, and when it came."""

    signature: bytes
    timestamp_s: int
    at_ms: int


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature of `body`, sent at `timestamp` (seconds since 1970).

    >>> sign("secret", 1_500_000_000, b"{}")[:19]
    'v1=fd82a5484b512271'
    """
    return f"v1={_mac(secret, str(timestamp), body).hex()}"


class Verifier:
    """Checks the requests of one source against one or two live secrets (two while they are being changed).

    Remembers what it accepted for ten minutes, at most `seen_max` signatures. Beyond that it forgets the
    oldest and refuses whatever claims to be from before it, so that being full never lets a replay through.
    Two sources must not share a secret: what one accepted could be replayed to the other.

    Raises `ValueError` for no secret, an empty one, or more than two.
    """

    def __init__(self, secrets: Sequence[str], window_s: int = 300, *, seen_max: int = SEEN_MAX) -> None:
        if not 1 <= len(secrets) <= 2 or not all(secrets):
            raise ValueError("a source has one or two secrets, none of them empty")
        if not 1 <= window_s <= KEPT_MS // 2000:
            raise ValueError(f"the window is 1 to {KEPT_MS // 2000} seconds")
        self._secrets = tuple(secrets)
        self._window_ms = window_s * 1000
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._seen_max = seen_max
        self._floor_s = -1

    def check(self, timestamp_header: str | None, signature_header: str | None, body: bytes, now_ms: int) -> Seen:
        """Accept a request once, or raise `BadSignature`. No header and no body makes it raise anything else.

        The answer is what to keep durably (see `restore`), or to `forget` if the request was not taken after all.
        """
        timestamp, timestamp_s, claimed = self.read_headers(timestamp_header, signature_header, now_ms)
        good = False
        for secret in self._secrets:  # always all of them: the time taken does not tell which one fits
            good |= hmac.compare_digest(_mac(secret, timestamp, body), claimed)
        if not good:
            raise BadSignature("wrong")
        if claimed in self._seen:
            raise BadSignature("replayed")
        if timestamp_s <= self._floor_s:
            raise BadSignature("old")
        seen = Seen(claimed, timestamp_s, now_ms)
        self._remember(seen, now_ms)
        return seen

    def read_headers(
        self, timestamp_header: str | None, signature_header: str | None, now_ms: int
    ) -> tuple[str, int, bytes]:
        """What can be said before the body is read: the timestamp (as text and in seconds) and the claimed bytes.

        Raises `BadSignature` with `missing`, `malformed`, `old` or `future`.
        """
        if not timestamp_header or not signature_header:
            raise BadSignature("missing")
        signature = _SIGNATURE.fullmatch(signature_header)
        if signature is None or _TIMESTAMP.fullmatch(timestamp_header) is None:
            raise BadSignature("malformed")
        timestamp_s = int(timestamp_header)
        age_ms = now_ms - timestamp_s * 1000
        if age_ms > self._window_ms:
            raise BadSignature("old")
        if age_ms < -self._window_ms:
            raise BadSignature("future")
        return timestamp_header, timestamp_s, bytes.fromhex(signature[1])

    def restore(self, seen: Iterable[Seen]) -> None:
        """Take up the signatures accepted before a restart, oldest first."""
        for one in seen:
            self._remember(one, one.at_ms)

    def forget(self, seen: Seen) -> None:
        """The request was not taken (too much waiting): the same bytes may be sent again."""
        self._seen.pop(seen.signature, None)

    def _remember(self, seen: Seen, now_ms: int) -> None:
        self._seen[seen.signature] = seen
        while self._seen:
            oldest = next(iter(self._seen.values()))
            if oldest.at_ms < now_ms - KEPT_MS:
                del self._seen[oldest.signature]
            elif len(self._seen) > self._seen_max:
                del self._seen[oldest.signature]
                self._floor_s = max(self._floor_s, oldest.timestamp_s)
            else:
                return


def _mac(secret: str, timestamp: str, body: bytes) -> bytes:
    # Fed in two pieces: the body may be a megabyte, and need not be copied to be signed.
    mac = hmac.new(secret.encode("utf-8", "surrogatepass"), f"{timestamp}.".encode(), hashlib.sha256)
    mac.update(body)
    return mac.digest()
