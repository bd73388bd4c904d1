"""EDGE. What came in at a listener: rate, errors and duration, by the route as it is written, never by the address."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(none)"
"""Where nothing lies: whatever was asked for is no label."""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class HttpMetrics:
    """Requests of all listeners of one process. Labels are bounded: listeners, routes as written, methods, statuses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.answered = Counter(
            "tocsin_http_requests",
            "Requests that were answered, by listener (ingest, console), route, method and status; a stream that is "
            "kept open is counted once",
            ["listener", "route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "tocsin_http_request_seconds",
            "Time until the answer to a request began",
            ["listener", "route"],
            buckets=BUCKETS_S,
            registry=registry,
        )

    def measured(self, app: ASGIApp, listener: str) -> ASGIApp:
        """The same app, its answers counted under this listener's name."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began_s, is_counted = time.perf_counter(), False

            async def noted(message: Message) -> None:
                nonlocal is_counted
                if message["type"] == "http.response.start" and not is_counted:
                    is_counted = True
                    self._count(scope, listener, int(message["status"]), time.perf_counter() - began_s)
                await send(message)

            try:
                await app(scope, receive, noted)
            except Exception:
                if not is_counted:
                    self._count(scope, listener, 500, time.perf_counter() - began_s)
                raise

        return counted

    def _count(self, scope: Scope, listener: str, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.answered.labels(listener, route, method, str(status)).inc()
        self.seconds.labels(listener, route).observe(took_s)
