"""EDGE. Signing in at a provider by OpenID Connect: authorization code, with PKCE, state, nonce and the browser's own
number, so that neither a code nor an answer that somebody else got can be used.

Every address that the provider names is held to the rules of all our calls (`stream.sources.guard`).
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from stream.sources.contract import Denied, Trouble
from stream.sources.guard import Refused, Rules, target_of
from stream.sources.web import Web
from tocsin.console.oidc_token import Identity, OidcProblem, UnknownKey, identity_of, signing_keys
from tocsin.console_sections import OidcSettings
from tocsin.secret import Secret

UNDER_WAY_MS = 10 * 60_000
"""How long somebody may take at the provider."""
MOST_UNDER_WAY = 2_000
KEPT_MS = 60 * 60_000
"""How long what the provider says of itself is used."""
KEYS_AGAIN_MS = 30_000
"""How soon its keys are asked for again, where a token has one that is not among them."""
LARGEST_ANSWER = 1 << 20
WITHIN_S = 10.0


class _Metadata(msgspec.Struct):
    """What a provider says of itself (OpenID Connect Discovery 1.0), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct):
    """The answer of the token endpoint, as far as it is used."""

    id_token: str


class _UnderWay(msgspec.Struct, frozen=True):
    """Somebody who was sent to the provider."""

    browser: str
    nonce: str
    verifier: str
    next: str
    began_ms: int


class Provider:
    """One provider. `back` is where it sends people back to; `clock` gives milliseconds since 1970."""

    def __init__(
        self,
        oidc: OidcSettings,
        secret: Secret | None,
        back: str,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._oidc = oidc
        self._secret = secret
        self._back = back
        self._clock = clock
        self._rules = Rules(ports=(), plain=oidc.plain)
        self._web = Web(self._rules, total_s=WITHIN_S, largest=LARGEST_ANSWER)
        self._under_way: OrderedDict[str, _UnderWay] = OrderedDict()
        self._metadata: tuple[int, _Metadata] | None = None
        self._keys: tuple[int, KeySet] | None = None

    async def close(self) -> None:
        """Close every connection."""
        await self._web.close()

    # ---- there

    async def begin(self, next_: str, browser: str) -> str:
        """Where to send somebody who wants to sign in. `browser` is the number that their browser keeps meanwhile.

        Raises `OidcProblem`.
        """
        metadata = await self._about()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._under_way[_key(state)] = _UnderWay(_key(browser), nonce, verifier, next_, self._clock())
        while len(self._under_way) > MOST_UNDER_WAY:
            self._under_way.popitem(last=False)
        asked = urlencode(
            {
                "response_type": "code",
                "client_id": self._oidc.client_id,
                "redirect_uri": self._back,
                "scope": " ".join(self._oidc.scopes),
                "state": state,
                "nonce": nonce,
                "code_challenge": create_s256_code_challenge(verifier),
                "code_challenge_method": "S256",
            }
        )
        apart = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{apart}{asked}"

    # ---- and back

    async def finish(self, answer: Mapping[str, str], browser: str) -> tuple[Identity, str]:
        """Who came back, and where they wanted to. Raises `OidcProblem`."""
        under_way = self._under_way.pop(_key(answer.get("state", "")), None)
        if under_way is None or not 0 <= self._clock() - under_way.began_ms < UNDER_WAY_MS:
            raise OidcProblem("unknown state")
        if not browser or not hmac.compare_digest(under_way.browser, _key(browser)):
            raise OidcProblem("another browser")
        metadata = await self._about()
        named = answer.get("iss")
        if named != self._oidc.issuer and (
            named is not None or metadata.authorization_response_iss_parameter_supported
        ):
            raise OidcProblem("another issuer")
        if "error" in answer or not answer.get("code"):
            raise OidcProblem("provider refused")
        token = await self._exchanged(metadata, answer["code"], under_way.verifier)
        return await self._believed(metadata, token, under_way.nonce), under_way.next

    async def _believed(self, metadata: _Metadata, token: str, nonce: str) -> Identity:
        try:
            keys = await self._signing_keys(metadata, KEPT_MS)
            return identity_of(token, keys, self._oidc, nonce=nonce, at_ms=self._clock())
        except UnknownKey:
            pass
        try:
            keys = await self._signing_keys(metadata, KEYS_AGAIN_MS)
            return identity_of(token, keys, self._oidc, nonce=nonce, at_ms=self._clock())
        except UnknownKey:
            raise OidcProblem("unknown key") from None

    async def _exchanged(self, metadata: _Metadata, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self._secret is None:
            form["client_id"] = self._oidc.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            both = f"{quote(self._oidc.client_id, safe='')}:{quote(self._secret.reveal(), safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        else:
            form |= {"client_id": self._oidc.client_id, "client_secret": self._secret.reveal()}
        body = await self._asked("POST", metadata.token_endpoint, headers, urlencode(form).encode())
        try:
            return msgspec.json.decode(body, type=_Tokens).id_token
        except msgspec.DecodeError:
            raise OidcProblem("no identity token") from None

    # ---- what the provider says of itself

    async def _about(self) -> _Metadata:
        if self._metadata is not None and self._is_young(self._metadata[0], KEPT_MS):
            return self._metadata[1]
        body = await self._asked("GET", f"{self._oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            found = msgspec.json.decode(body, type=_Metadata)
        except msgspec.DecodeError:
            raise OidcProblem("discovery unreadable") from None
        if found.issuer != self._oidc.issuer:
            raise OidcProblem("another issuer")
        try:
            target_of(found.authorization_endpoint, self._rules)
        except Refused:
            raise OidcProblem("address refused") from None
        self._metadata = self._clock(), found
        return found

    async def _signing_keys(self, metadata: _Metadata, kept_ms: int) -> KeySet:
        if self._keys is not None and self._is_young(self._keys[0], kept_ms):
            return self._keys[1]
        body = await self._asked("GET", metadata.jwks_uri)
        try:
            found = signing_keys(msgspec.json.decode(body))
        except msgspec.DecodeError:
            raise OidcProblem("keys unreadable") from None
        self._keys = self._clock(), found
        return found

    def _is_young(self, since_ms: int, kept_ms: int) -> bool:
        return 0 <= self._clock() - since_ms < kept_ms

    async def _asked(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        try:
            answer = await self._web.ask(method, url, headers, body)
        except Trouble:
            raise OidcProblem("provider not reached") from None
        except Denied:
            raise OidcProblem("address refused") from None
        if answer.status != 200:
            raise OidcProblem("provider refused")
        return answer.body


def _key(number: str) -> str:
    return hashlib.sha256(number.encode("utf-8", "replace")).hexdigest()
