"""Request headers that mean something here, read strictly."""

import re
from email.message import Message

from fastapi import Request

from api.problems import malformed
from jobs.ids import new_id

_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
IDEMPOTENCY_PATTERN = "^[!-~]{1,255}$"
_KEY = re.compile(IDEMPOTENCY_PATTERN[1:-1])
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)


def correlation_id(given: str | None) -> str:
    """What the caller sent in X-Correlation-Id, where it is fit for logs and headers; else a new one."""
    return given if given and _CORRELATION.fullmatch(given) else new_id()


def idempotency_key(request: Request) -> str | None:
    """The caller's Idempotency-Key."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise malformed("Idempotency-Key has 1 to 255 visible ASCII characters", field="Idempotency-Key")
    return key


def content_length(request: Request) -> int | None:
    """The announced size of the body; None where it comes in chunks."""
    text = request.headers.get("content-length")
    return int(text) if text and text.isascii() and text.isdigit() else None


def wait_seconds(request: Request, *, most: float) -> float | None:
    """The `wait` of Prefer (RFC 7240), bounded by `most`; None where it is not there."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found:
            return min(float(found[1]), most)
    return None


def etag_matches(header: str | None, etag: str) -> bool:
    """Whether If-None-Match names `etag`, by weak comparison."""
    if header is None:
        return False
    named = {one.strip().removeprefix("W/") for one in header.split(",")}
    return "*" in named or etag in named


def disposition_name(request: Request) -> str | None:
    """The file name in the request's own Content-Disposition."""
    given = request.headers.get("content-disposition")
    if not given:
        return None
    message = Message()
    message["content-disposition"] = given
    return message.get_filename()
