"""Reading a body: in turns where the client is faster than we are, and not for ever where it is slower."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

from starlette.types import Receive

from api.problems import Problem
from api.uploads import Upload
from config.settings import UploadSettings

BULK = 64 * 1024  # bytes that came at once: the client is faster than we are
PATIENCE = 0.02  # seconds that whoever has a turn may keep us waiting for its next bytes


class Reading:
    """`async with` gives the body's pieces; the block is ended with `upload.stalled` where they come too slowly.

    An `upload` that gets its bytes in bulk reads one chunk at a time, in turn with the others: a hundred fast clients
    would else keep the event loop busy between any two steps of a status request. A slow client needs no turn and
    holds none, so it blocks nobody.
    """

    def __init__(self, receive: Receive, settings: UploadSettings, *, upload: Upload | None = None) -> None:
        self._receive = receive
        self._settings = settings
        self._turn = _Turn(upload, chunk=settings.chunk) if upload else None
        self._timer = asyncio.timeout(None)
        self._pace: _Pace | None = None

    async def __aenter__(self) -> AsyncIterator[bytes]:
        await self._timer.__aenter__()
        self._pace = _Pace(self._timer, self._settings)
        return self._pieces(self._pace)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._pace is not None
        self._pace.close()
        if self._turn:
            self._turn.give()
        try:
            await self._timer.__aexit__(kind, error, trace)
        except TimeoutError as timeout:
            least, window = self._settings.min_rate, self._settings.stall_after
            raise Problem(
                "upload.stalled", f"Less than {least} bytes per second came for {window:g} seconds."
            ) from timeout

    async def _pieces(self, pace: "_Pace") -> AsyncIterator[bytes]:
        turn, bulk, more = self._turn, False, True
        while more:
            if turn and bulk:
                await turn.take()
            pace.waits()
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Problem("upload.interrupted", "The connection ended before the body did.")
            body: bytes = message.get("body", b"")
            pace.got(len(body))
            more = message.get("more_body", False)
            bulk = len(body) >= BULK
            if body:
                yield body
            if turn:
                await turn.used(len(body), bulk=bulk)


class _Turn:
    """The right to read in bulk: given back after a chunk if others wait, and by who has nothing to read."""

    def __init__(self, upload: Upload, *, chunk: int) -> None:
        self._upload = upload
        self._turns = upload.intake.turns
        self._chunk = chunk
        self._left = 0
        self._loop = asyncio.get_running_loop()
        self._patience: asyncio.TimerHandle | None = None

    async def take(self) -> None:
        if not self._upload.in_turn:
            await self._turns.acquire()
            self._upload.in_turn = True
            self._left = self._chunk
        self._patience = self._loop.call_later(PATIENCE, self.give)

    async def used(self, length: int, *, bulk: bool) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if not self._upload.in_turn:
            return
        self._left -= length
        if not bulk:
            self.give()
        elif self._left <= 0:
            self._left = self._chunk
            if self._turns.locked():
                await self._upload.flush()
                self.give()

    def give(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._upload.in_turn:
            self._upload.in_turn = False
            self._turns.release()


class _Pace:
    """Ends a body that came slower than the minimum rate, measured over the time in which we waited for it.

    Time in which the body waited for us (a turn, a slot, the disk) is the server's and never counts.
    """

    def __init__(self, timer: asyncio.Timeout, settings: UploadSettings) -> None:
        self._timer = timer
        self._window = settings.stall_after
        self._least = settings.min_rate * settings.stall_after
        self._loop = asyncio.get_running_loop()
        self._waited = 0.0  # seconds of this window
        self._since: float | None = None
        self._bytes = 0
        self._check = self._loop.call_later(self._window, self._look)

    def waits(self) -> None:
        self._since = self._loop.time()

    def got(self, length: int) -> None:
        assert self._since is not None
        self._waited += self._loop.time() - self._since
        self._since = None
        self._bytes += length

    def close(self) -> None:
        self._check.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        waited = self._waited + (now - self._since if self._since is not None else 0.0)
        if waited >= self._window:
            if self._bytes < self._least:
                self._timer.reschedule(now)
                return
            self._waited = waited = 0.0
            self._bytes = 0
            self._since = now if self._since is not None else None
        self._check = self._loop.call_later(max(0.01, self._window - waited), self._look)
