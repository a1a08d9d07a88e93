"""Around every request: correlation id, metrics, one log line; and a fair end for bodies that nobody reads."""

import asyncio
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.headers import correlation_id
from api.metrics import Metrics

LINGER_SECONDS = 2.0  # that a refused body is read on, so that its sender gets to see the answer
LINGER_BYTES = 64 * 1024 * 1024

log = structlog.get_logger("api")


class Around:
    """Gives each request its correlation id, and tells metrics and log how it ended."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = correlation_id(Headers(scope=scope).get("x-correlation-id"))
        scope.setdefault("state", {})["correlation_id"] = given
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=given)
        began = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Correlation-Id"] = given
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._tell(scope, status, seconds=time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, *, seconds: float) -> None:
        metrics = self._metrics
        route = getattr(scope.get("route"), "path", "unmatched")
        problem = scope["state"].get("problem")
        metrics.requests.labels(scope["method"], route, str(status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        if problem:
            metrics.problems.labels(problem).inc()
        told = log.info if scope["method"] not in {"GET", "HEAD"} or status >= 500 else log.debug
        told(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            **({"problem": problem} if problem else {}),
        )


class Lingering:
    """Answers before a body has come whole: says so, reads on for a moment, then closes the connection.

    Closing at once would reset the connection, and many clients would lose the answer; reading a refused body to its
    end would be a gift to whoever sends without end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "DELETE", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        body_open = _has_body(scope)
        cut_short = False

        async def noting_receive() -> Message:
            nonlocal body_open
            message = await receive()
            body_open = body_open and message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def lingering_send(message: Message) -> None:
            nonlocal cut_short
            if message["type"] == "http.response.start" and body_open:
                cut_short = True
                MutableHeaders(scope=message)["Connection"] = "close"
            if cut_short and message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await _drain(noting_receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(scope, noting_receive, lingering_send)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _drain(receive: Receive) -> None:
    read = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while read < LINGER_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
