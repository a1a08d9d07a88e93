"""The call that compares two parts lists; part of `Client`."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from client.transfer import Upload
from client.transport import Transport
from client.values import Job

Side = Path | str  # a file, or the id of a job that has read one


class PairBody:
    """A multipart form with two sides, opened for one try."""

    def __init__(self, sides: Mapping[str, Side], *, fields: Mapping[str, str], boundary: str) -> None:
        self._uploads: list[Upload] = []
        self._boundary = boundary
        self._parts: list[tuple[str, Upload | str]] = []
        for name, text in {**fields, **{name: side for name, side in sides.items() if isinstance(side, str)}}.items():
            self._parts.append((f'name="{name}"', text))
        for name, side in sides.items():
            if isinstance(side, Path):
                self._uploads.append(Upload(side))
                shown = side.name.replace("\\", "%5C").replace('"', "%22")
                self._parts.append((f'name="{name}"; filename="{shown}"', self._uploads[-1]))

    def __iter__(self) -> Iterator[bytes]:
        for said, content in self._parts:
            yield f"--{self._boundary}\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode()
            if isinstance(content, str):
                yield content.encode()
            else:
                yield from content
            yield b"\r\n"
        yield f"--{self._boundary}--\r\n".encode()

    def close(self) -> None:
        for upload in self._uploads:
            upload.close()


class PairCalls:
    """One method per call; raises what `Client` says."""

    _transport: Transport

    def compare(
        self,
        left: Side,
        right: Side,
        *,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> Job:
        """Compare two lists: files, or ids of jobs that have read theirs; a repeat after a lost answer makes no second job."""
        boundary = f"heavylift-{secrets.token_hex(16)}"
        fields = {
            "options": json.dumps(options) if options else "",
            "metadata": json.dumps(metadata) if metadata else "",
            "tags": ",".join(tags),
        }
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Idempotency-Key": idempotency_key or f"heavylift-{secrets.token_hex(16)}",
        }

        def body() -> PairBody:
            said = {name: text for name, text in fields.items() if text}
            return PairBody({"left": left, "right": right}, fields=said, boundary=boundary)

        opened: Callable[[], PairBody] = body
        return Job.read(self._transport.call("POST", "/v1/compare", headers=headers, body=opened).json())
