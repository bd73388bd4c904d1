"""What a provider's identity token must be before anything in it is believed (OpenID Connect Core, 3.1.3.7). Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from tocsin.console_sections import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key that the provider alone has: no `none`, and none by a secret that we have too."""
LARGEST_TOKEN = 64 * 1024
LEEWAY_S = 60
"""How far our clock and the provider's may lie apart."""
MOST_GROUPS = 1_000
_KINDS = ("RSA", "EC", "OKP")


class OidcProblem(Exception):  # noqa: N818 - why somebody is not signed in
    """Why nobody is signed in: a word of a closed list. It never holds what came from outside."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKey(Exception):  # noqa: N818 - what to do follows
    """The token is signed by a key that is not among those known: the provider may have new ones."""


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is at the provider."""

    name: str
    groups: tuple[str, ...] = ()


def signing_keys(found: object) -> KeySet:
    """The keys of a provider by which it may sign. Raises `OidcProblem`."""
    keys = found.get("keys") if isinstance(found, dict) else None
    fit = [
        key
        for key in (keys if isinstance(keys, list) else [])
        if isinstance(key, dict) and key.get("kty") in _KINDS and key.get("use", "sig") == "sig"
    ]
    if not fit:
        raise OidcProblem("no keys")
    try:
        return KeySet.import_key_set({"keys": fit})
    except (JoseError, ValueError, TypeError, KeyError):
        raise OidcProblem("keys unreadable") from None


def identity_of(token: str, keys: KeySet, oidc: OidcSettings, *, nonce: str, at_ms: int) -> Identity:
    """Who the token says somebody is. Raises `OidcProblem`, or `UnknownKey`."""
    if len(token) > LARGEST_TOKEN:
        raise OidcProblem("token too large")
    try:
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    except InvalidKeyIdError:
        raise UnknownKey from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise OidcProblem("bad signature") from None
    _check(claims, oidc, nonce=nonce, at_ms=at_ms)
    return Identity(_name(claims, oidc), _groups(claims, oidc))


def _check(claims: Mapping[str, Any], oidc: OidcSettings, *, nonce: str, at_ms: int) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=at_ms // 1000,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": oidc.issuer},
        aud={"essential": True, "value": oidc.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(dict(claims))
    except JoseError as error:
        named = getattr(error, "claim", "") or ""
        raise OidcProblem(
            f"bad claim {named}" if named in registry.options or named == "nbf" else "bad claim"
        ) from None
    audience = claims["aud"]
    meant = claims.get("azp", oidc.client_id if isinstance(audience, str) or len(audience) == 1 else None)
    if meant != oidc.client_id:
        raise OidcProblem("bad claim azp")


def _name(claims: Mapping[str, Any], oidc: OidcSettings) -> str:
    name = claims.get(oidc.claim)
    if not isinstance(name, str) or not name.strip() or len(name) > 254:
        raise OidcProblem("no name")
    # Anybody may write any address into an account of theirs; only one that the provider has looked at is theirs.
    if oidc.claim == "email" and claims.get("email_verified") not in (True, "true"):
        raise OidcProblem("address not verified")
    return name.strip()


def _groups(claims: Mapping[str, Any], oidc: OidcSettings) -> tuple[str, ...]:
    found = claims.get(oidc.groups_claim, [])
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(group for group in listed[:MOST_GROUPS] if isinstance(group, str))
