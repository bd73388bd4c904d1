"""`POST /ingest/{source}/{token}`: payloads of vendors that cannot sign, at an address that only they know.

Whoever knows the address may post what they like, so it is a source of low trust: a door of its own with small limits,
one vendor's payload and nothing else, and never the interchange form, in which a sender could take posts back or speak
for another source. The token is a credential: it is compared in constant time and shows nowhere.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from stream.sources.dead_letters import Letter
from stream.sources.mappings import rows_in
from stream.sources.shapes import Shape
from stream.sources.taking import Bucket, Letters, Limits, Log, Refused, Taking, answer

TOKEN_MIN = 32
"""Characters: nobody tries so many."""
HEADER = "X-Token"
LIMITS = Limits(body_bytes=4 << 20, items=1_000, items_per_s=50, burst_items=2_000, bodies=8)
"""Vendors send whole articles, in batches; and 50 a second is more than a plan of theirs allows in a day."""


class VendorDoor(Router):
    """The route. `tokens` are those that open it, by source: two while one replaces the other.

    Raises `ValueError` for a token that could be guessed.
    """

    def __init__(
        self,
        *,
        appender: Log,
        shapes: Mapping[str, Shape],
        tokens: Mapping[str, Sequence[str]],
        clock: Callable[[], int],
        dead: Letters,
        limits: Limits = LIMITS,
        rates: Mapping[str, int] | None = None,
        whole: Bucket | None = None,
    ) -> None:
        # An empty token in the address: the sender gives it in a header.
        super().__init__(
            [Route("/ingest/{source}/{token:path}", self._answer, methods=["POST"])], redirect_slashes=False
        )
        if any(len(token) < TOKEN_MIN for known in tokens.values() for token in known):
            raise ValueError(f"a token has at least {TOKEN_MIN} characters")
        self.taking = Taking(
            appender=appender, sources=shapes, clock=clock, dead=dead, limits=limits, rates=rates or {}, whole=whole
        )
        self._shapes = dict(shapes)
        self._tokens = {source: [token.encode() for token in known] for source, known in tokens.items()}

    async def _answer(self, request: Request) -> Response:
        # 200, as Meltwater expects; YouScan takes any 2xx. What nobody can read is answered 200 too: sent again it
        # would be no better, and a vendor that is refused too often stops sending.
        try:
            return answer(HTTPStatus.OK, await self._take(request))
        except Refused as refused:
            return self.taking.refuse(refused)

    async def _take(self, request: Request) -> dict[str, object]:
        source = request.path_params["source"]
        if not self._knows(source, request.path_params["token"] or request.headers.get(HEADER, "")):
            # One answer for both: nobody learns which sources there are.
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_path")
        body = await self.taking.body(request)
        now_ms = self.taking.clock()
        rows, bad = rows_in(body, self._shapes[source], now_ms)
        letters = [Letter(source, reason, detail, raw, now_ms) for reason, detail, raw in bad]
        kept = await self.taking.keep(source, rows, letters=letters)
        return {"accepted": kept["accepted"], "rejected": kept["rejected"]}

    def _knows(self, source: str, token: str) -> bool:
        given = token.encode("utf-8", "replace")
        found = [hmac.compare_digest(given, known) for known in self._tokens.get(source, [])]
        return any(found)
