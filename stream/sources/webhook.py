"""`POST /ingest/{source}`: mentions pushed to us, signed, answered only once they are on the disk.

Nothing a stranger sends costs more than its own size in memory, and nobody unsigned reaches a parser.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from stream.sources.dead_letters import Letter
from stream.sources.mappings import rows_in
from stream.sources.shapes import Shape
from stream.sources.signing import BadSignature, Seen, Verifier
from stream.sources.taking import Bucket, Letters, Limits, Log, Read, Refused, Taking, answer


class Ingest(Router):
    """The route, with its counters: `accepted` and `rejected` items, `refused` requests by reason."""

    def __init__(self, taking: Taking, verifiers: Mapping[str, Verifier], shapes: Mapping[str, Shape]) -> None:
        super().__init__([Route("/ingest/{source}", self._answer, methods=["POST"])], redirect_slashes=False)
        self.taking = taking
        self._verifiers = dict(verifiers)
        self._shapes = dict(shapes)

    @property
    def accepted(self) -> int:
        """Items taken."""
        return self.taking.accepted

    @property
    def rejected(self) -> int:
        """Items that nobody can read."""
        return self.taking.rejected

    @property
    def refused(self) -> dict[str, int]:
        """Requests refused, by reason."""
        return self.taking.refused

    async def _answer(self, request: Request) -> Response:
        try:
            return answer(HTTPStatus.ACCEPTED, await self._take(request))
        except Refused as refused:
            return self.taking.refuse(refused)

    async def _take(self, request: Request) -> dict[str, object]:
        source = request.path_params["source"]
        verifier = self._verifiers.get(source)
        if verifier is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_source")
        timestamp, signature = request.headers.get("X-Timestamp"), request.headers.get("X-Signature")
        try:
            verifier.read_headers(timestamp, signature, self.taking.clock())  # before a byte of the body is read
            body = await self.taking.body(request)
            seen = verifier.check(timestamp, signature, body, self.taking.clock())
        except BadSignature as bad:
            raise Refused(HTTPStatus.UNAUTHORIZED, bad.reason) from None
        try:
            return await self._keep(source, body, seen)
        except Refused as refused:
            if refused.retry_after_s:
                verifier.forget(seen)  # told to come again: the same bytes, with the same signature, are welcome
            raise

    async def _keep(self, source: str, body: bytes, seen: Seen) -> dict[str, object]:
        shape = self._shapes.get(source)
        if shape is None:
            return await self.taking.keep(source, self.taking.cut(source, body), seen=seen)
        now_ms = self.taking.clock()
        rows, bad = rows_in(body, shape, now_ms)
        letters = [Letter(source, reason, detail, raw, now_ms) for reason, detail, raw in bad]
        return await self.taking.keep(source, rows, seen=seen, letters=letters)


def ingest_app(
    *,
    appender: Log,
    verifiers: Mapping[str, Verifier],
    clock: Callable[[], int],
    dead: Letters,
    limits: Limits,
    rates: Mapping[str, int] | None = None,
    read: Read | None = None,
    shapes: Mapping[str, Shape] | None = None,
    whole: Bucket | None = None,
) -> Ingest:
    """The ASGI app of `POST /ingest/{source}`, for the sources that `verifiers` names; mount it, or take its `routes`.

    `rates` are items per second of single sources; others have `limits.items_per_s`. `shapes` say of sources that do
    not send the interchange form what their payloads look like; `whole` is what all doors of a house may take.

    A body is one mention, an array of them, or JSON lines, with the headers `X-Timestamp` and `X-Signature`
    (`signing.sign`). Answers:

    - 202 `{"accepted", "rejected", "results": [{"id", "status": "accepted" | "rejected", "reason"?}]}`, in the order
      sent, once the accepted ones are on the disk; the rejected ones are dead letters;
    - 400 not one item in it (a dead letter), 401 with the word why, 404 unknown source, 408 too slow, 413 too big, 415
      compressed, 429 with `Retry-After`, 503 our disk; each `{"error": word}`.

    A sender that got no answer should sign anew and send again: mentions repeated are dropped by their id later, while
    the old signature may already be used up. After 429 and 503 the very same bytes may be sent again.
    """
    for source, verifier in sorted(verifiers.items()):
        verifier.restore(appender.known(source))
    taking = Taking(
        appender=appender,
        sources=verifiers,
        clock=clock,
        dead=dead,
        limits=limits,
        rates=rates or {},
        read=read,
        whole=whole,
    )
    return Ingest(taking, verifiers, shapes or {})
