"""uvicorn's HTTP protocol with bounds: on the head of a request, which llhttp would take at any size, and on what is read ahead."""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024  # bytes of request line and headers
HEAD_SECONDS = 30.0  # from the first byte of a request, or from connecting, to the end of its headers
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/problem+json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
)
_BODY = (
    b'{"type":"urn:heavylift:problem:request.malformed","title":"The request is malformed","status":431,'
    b'"code":"request.malformed","detail":"Request line and headers may have 65536 bytes."}'
)


class BoundedHttp(HttpToolsProtocol):
    """Refuses heads that are too large, and drops connections whose head does not come."""

    _head_bytes = 0
    _head_open = True
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # uvicorn narrows it the same way
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_open and self.parser is not None:
            self._head_bytes += len(data)  # the head has not ended, so all of it was head
            if self._head_bytes > MAX_HEAD and not self.transport.is_closing():
                self.transport.write(_REFUSAL % (len(_BODY), _BODY))
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._head_open = 0, True
        self._arm()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take one read at a time, when the app asks: a hundred uploads would else each hold a read ahead of it."""
        super().on_body(body)
        if not self.cycle.response_complete:
            self.flow.pause_reading()

    def _arm(self) -> None:
        self._disarm()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
