"""Artifacts over HTTP: a list, and the bytes of one, whole or in part."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.answers import json_response
from api.fields import checked_id
from api.headers import etag_matches
from api.openapi import answers, header
from api.problems import Problem, documented
from api.ranges import Unsatisfiable, wanted_range
from api.schemas import ArtifactPage, artifact_json
from api.state import Face, face_of
from jobs.model import Artifact
from ledger.errors import ArtifactNotFound

router = APIRouter(tags=["artifacts"])
_BLOCK = 256 * 1024  # bytes read from the store at a time
_LINK_SECONDS = 300.0  # that a signed link lives
# What a browser may show in place: nothing that can run.
_PASSIVE = frozenset(
    {
        "application/json",
        "application/x-ndjson",
        "application/jsonl",
        "text/plain",
        "text/csv",
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "image/avif",
    }
)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_BYTES: dict[int | str, Any] = {
    200: {"description": "The bytes.", "content": {"application/octet-stream": _BINARY}},
    206: {"description": "The range asked for.", "content": {"application/octet-stream": _BINARY}},
    302: {"description": "A signed link to the object store."},
    304: {"description": "You have these bytes already."},
}
_HEADERS = [
    header("Range", "One range of bytes.", examples=["bytes=0-1023"]),
    header("If-Range", "The ETag that the range belongs to."),
]
_PROBLEMS = documented(
    "job.not_found", "artifact.not_found", "artifact.range", "ledger.unavailable", "store.unavailable"
)


@router.get(
    "/v1/jobs/{job_id}/artifacts", responses=answers(ArtifactPage) | documented("job.not_found", "ledger.unavailable")
)
def list_artifacts(request: Request, job_id: str) -> Response:
    """What the job's steps have made so far."""
    face = face_of(request)
    job = face.ledger.get(checked_id(job_id), owner=face.owner_of(request))
    return json_response({"items": [artifact_json(job.id, one) for one in job.artifacts], "next_cursor": None})


@router.head("/v1/jobs/{job_id}/artifacts/{name:path}", include_in_schema=False)
@router.get(
    "/v1/jobs/{job_id}/artifacts/{name:path}",
    responses=_BYTES | _PROBLEMS,
    openapi_extra={"parameters": _HEADERS},
)
def download(request: Request, job_id: str, name: str) -> Response:
    """The bytes of one artifact; its ETag is their SHA-256. A store with signed links answers with a redirect to one."""
    face = face_of(request)
    if "\0" in name:
        raise ArtifactNotFound(name)
    artifact = face.ledger.artifact(checked_id(job_id), name, owner=face.owner_of(request))
    if etag_matches(request.headers.get("if-none-match"), _etag(artifact)):
        return Response(status_code=304, headers=_headers(artifact))
    link = _link(face, artifact)
    if link is not None:
        return RedirectResponse(link, 302, headers={"Cache-Control": "no-store"})
    return _bytes(request, face, artifact=artifact)


def _link(face: Face, artifact: Artifact) -> str | None:
    return face.store.url(
        artifact.key,
        expires=_LINK_SECONDS,
        file_name=_file_name(artifact),
        media_type=artifact.media_type,
        attachment=_is_active(artifact),
    )


def _bytes(request: Request, face: Face, *, artifact: Artifact) -> Response:
    headers = _headers(artifact)
    same = request.headers.get("if-range") in {None, _etag(artifact)}
    try:
        part = wanted_range(request.headers.get("range") if same else None, size=artifact.size)
    except Unsatisfiable as error:
        detail = f"The artifact has {artifact.size} bytes."
        raise Problem("artifact.range", detail, headers={"Content-Range": f"bytes */{artifact.size}"}) from error
    start, length = part or (0, artifact.size)
    headers["Content-Length"] = str(length)
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{artifact.size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    content = _read(face, artifact, start=start, length=length)
    return StreamingResponse(content, status, headers=headers, media_type=None)


def _read(face: Face, artifact: Artifact, *, start: int, length: int) -> Iterator[bytes]:
    """Blocks of the object, opened at once: a store that is away must fail before the headers are out."""
    stored = face.store.open(artifact.key, offset=start, length=length)

    def blocks() -> Iterator[bytes]:
        with stored:
            while block := stored.read(_BLOCK):
                yield block

    return blocks()


def _etag(artifact: Artifact) -> str:
    return f'"{artifact.sha256}"'


def _headers(artifact: Artifact) -> dict[str, str]:
    text = artifact.media_type.startswith("text/") and "charset" not in artifact.media_type
    kind = "attachment" if _is_active(artifact) else "inline"
    name = _file_name(artifact)
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return {
        "ETag": _etag(artifact),
        "Accept-Ranges": "bytes",
        "Content-Type": artifact.media_type + ("; charset=utf-8" if text else ""),
        "Content-Disposition": f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }


def _is_active(artifact: Artifact) -> bool:
    return artifact.media_type.partition(";")[0].strip().lower() not in _PASSIVE


def _file_name(artifact: Artifact) -> str:
    return artifact.name.rpartition("/")[2] or "artifact"
