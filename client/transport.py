"""Requests over HTTP, with repeats where they are safe and answers turned into values or errors."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import httpx

from client.errors import NotReachable, Problem, problem_from

# Whatever broke on the way: the server may or may not have seen the request.
BROKEN = (httpx.TransportError,)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
IN_FLIGHT = "idempotency.in_flight"  # our own earlier try is still being taken in
IN_FLIGHT_PATIENCE = 60.0  # seconds
PAGE = 100  # items of a list asked for at once


class Content(Protocol):
    """A request's body, opened for one try."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Transport:
    """One server; safe to share between threads."""

    def __init__(self, base_url: str, *, timeout: float, tries: int, line: httpx.BaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._tries = tries
        # Connecting is quick or hopeless; a body may take its time.
        limits = httpx.Timeout(timeout, connect=min(timeout, 5.0))
        self._http = httpx.Client(
            base_url=self.base_url,
            timeout=limits,
            headers={"User-Agent": "heavylift-client"},
            transport=line,
            # A proxy for the world outside has no way to our own loopback.
            trust_env=httpx.URL(self.base_url).host not in LOOPBACK,
        )
        self._timeout = timeout

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], "Content"] | None = None,
        json: Any = None,
        wait: float = 0.0,
        repeat: bool = True,
    ) -> httpx.Response:
        """The answer (2xx or 304), after repeats; `wait` s are added to the timeout.

        `body` opens the content anew for each try; `json` is a small body instead.

        `repeat=False` for what must not run twice: then only tries that never reached the server are repeated.
        Raises `NotReachable` or the `Problem` that the server answered.
        """
        timeout = httpx.Timeout(self._timeout + wait, connect=min(self._timeout, 5.0))
        request = {"params": _present(params), "headers": headers, "timeout": timeout, "json": json}
        for attempt in range(1, self._tries + 1):
            try:
                answer = self._send(method, path, body=body, request=request)
            except BROKEN as error:
                safe = repeat or isinstance(error, NEVER_SENT)
                if attempt == self._tries or not safe:
                    raise self._unreachable(error) from error
                time.sleep(_backoff(attempt))
                continue
            if answer.is_success or answer.status_code == 304:
                return answer
            problem = problem_of(answer)
            if attempt == self._tries or answer.status_code != 503:
                raise problem
            time.sleep(min(problem.retry_after or _backoff(attempt), 10.0))
        raise AssertionError("the last try returns or raises")

    def _send(
        self, method: str, path: str, *, body: Callable[[], "Content"] | None, request: dict[str, Any]
    ) -> httpx.Response:
        """One try; waits out an earlier try of ours that the server is still taking in."""
        until = time.monotonic() + IN_FLIGHT_PATIENCE
        while True:
            content = body() if body else None
            try:
                answer = self._http.request(method, path, content=content, **request)
            finally:
                if content is not None:
                    content.close()
            in_flight = answer.status_code == 409 and problem_of(answer).code == IN_FLIGHT
            if not in_flight or time.monotonic() > until:
                return answer
            time.sleep(0.5)

    def pages(self, path: str, *, params: Mapping[str, Any], limit: int) -> Iterator[Mapping[str, Any]]:
        """The items of a list, page after page as they are needed; no page asks for more than `limit` items."""
        cursor: str | None = None
        while True:
            asked = {**params, "limit": min(limit, PAGE), "cursor": cursor}
            page = self.call("GET", path, params=asked).json()
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor or not page["items"]:
                return

    @contextmanager
    def stream(self, path: str, *, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """One streamed read, redirects followed; raises `httpx.TransportError` where it breaks, so that the caller resumes."""
        with self._http.stream("GET", path, headers=headers, follow_redirects=True) as answer:
            yield answer

    def _unreachable(self, error: Exception) -> NotReachable:
        reason = str(error) or type(error).__name__
        return NotReachable(f"no answer from {self.base_url}: {reason}")


def problem_of(answer: httpx.Response) -> Problem:
    """The `Problem` that a read answer of 4xx or 5xx stands for, whatever its body is."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"title": answer.reason_phrase, "detail": answer.text[:200].strip() or None}
    return problem_from(answer.status_code, body, retry_after=_seconds(answer.headers.get("Retry-After")))


def _backoff(attempt: int) -> float:
    return float(0.2 * 2 ** (attempt - 1) * (0.5 + random.random()))


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _present(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: value for key, value in params.items() if value is not None} if params else None
