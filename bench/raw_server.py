"""What an upload costs at least: reads, hashes, writes and syncs each body, and nothing else.

`python -m bench.raw_server PORT FOLDER`: uvicorn with the API's loop and protocol, one chunk of 1 MiB at a time.
It starts writeback as early as our local store does: else the ratio would reward that, and hide what the API costs.
"""

import asyncio
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from storage.disk import start_writeback

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

CHUNK = 1024 * 1024
WRITEBACK_STEP = 8 * CHUNK  # bytes, as in storage/local.py


class RawServer:
    """The ASGI app."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        if scope["type"] != "http":
            return
        body: dict[str, Any] = {}
        if scope["method"] == "POST":
            body = await self._take(receive)
        answer = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    async def _take(self, receive: "ASGIReceiveCallable") -> dict[str, Any]:
        """Gather 1 MiB, hash and write it in a thread, and gather the next meanwhile."""
        path, digest, size = self._folder / uuid.uuid4().hex, hashlib.sha256(usedforsecurity=False), 0
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        pending: asyncio.Task[None] | None = None
        parts: list[bytes] = []
        gathered, more, written, flushing = 0, True, 0, 0

        def work(chunk: bytes) -> None:
            nonlocal written, flushing
            digest.update(chunk)
            written += os.write(file, chunk)
            if written - flushing >= WRITEBACK_STEP:
                start_writeback(file, flushing, written)
                flushing = written

        try:
            while more:
                message: Any = await receive()
                more = message.get("more_body", False)
                parts.append(message.get("body", b""))
                gathered += len(parts[-1])
                if gathered >= CHUNK or not more:
                    size, chunk = size + gathered, b"".join(parts)
                    if pending is not None:
                        await pending
                    pending = asyncio.create_task(asyncio.to_thread(work, chunk))
                    parts, gathered = [], 0
            if pending is not None:
                await pending
            await asyncio.to_thread(os.fdatasync, file)
        finally:
            os.close(file)
        return {"size": size, "sha256": digest.hexdigest()}


def main() -> None:
    """Serve until told to end."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(
        RawServer(folder),
        host="127.0.0.1",
        port=port,
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )


if __name__ == "__main__":
    main()
