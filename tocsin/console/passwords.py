"""Passwords as they are kept: scrypt, with a salt of its own for each. EDGE: asks the machine for chance.

What is kept has the shape `scrypt:ln=16,r=8,p=1:SALT:HASH`. How much work it is can be raised; what was kept before
still fits.
"""

import base64
import hashlib
import hmac
import re
import secrets

LOG_N, R, P = 16, 8, 1
"""64 MiB and about a tenth of a second a try."""
SHORTEST = 12
"""Characters of a password; a sentence is better than a puzzle."""
_KEPT = re.compile(r"scrypt:ln=(1[4-9]),r=(8),p=([1-4]):([A-Za-z0-9+/=]{16,64}):([A-Za-z0-9+/=]{44})")


class PasswordProblem(ValueError):  # noqa: N818 - read by whoever chooses one
    """Why a password is not taken."""


def kept_of(password: str, *, log_n: int = LOG_N) -> str:
    """A password as it is kept. `log_n` is the work of a try, each one more twice it.

    Raises `PasswordProblem` for one that is too short.

    >>> fits("correct horse battery", kept_of("correct horse battery"))
    True
    """
    if len(password) < SHORTEST:
        raise PasswordProblem(f"the password has {len(password)} characters; take {SHORTEST} or more, a sentence say")
    salt = secrets.token_bytes(16)
    made = _scrypt(password, salt, log_n, R, P)
    return f"scrypt:ln={log_n},r={R},p={P}:{base64.b64encode(salt).decode()}:{base64.b64encode(made).decode()}"


def is_kept(kept: str) -> bool:
    """Whether a text is a password as it is kept, and not the password itself."""
    return bool(_KEPT.fullmatch(kept))


def fits(password: str, kept: str) -> bool:
    """Whether this is the password. Takes its time, whatever is given."""
    found = _KEPT.fullmatch(kept)
    if found is None:
        return False
    made = _scrypt(password, base64.b64decode(found[4]), int(found[1]), int(found[2]), int(found[3]))
    return hmac.compare_digest(made, base64.b64decode(found[5]))


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    n = 1 << log_n
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=160 * n * r, dklen=32)


NO_PASSWORD = f"scrypt:ln={LOG_N},r={R},p={P}:{'A' * 22}==:{'A' * 43}="
"""What somebody without a password has: nothing fits it."""
