"""Two parts lists compared: `POST /v1/compare` makes one job of two files, or of two jobs that read theirs already."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.accepting import Asked
from api.answers import job_body, job_response
from api.bodies import small_body
from api.fields import checked_id
from api.headers import IDEMPOTENCY_PATTERN
from api.multipart import boundary_of
from api.openapi import answers, header
from api.pairs import PairForm, PairZip
from api.problems import documented, malformed
from api.reading import Reading
from api.routing import Direct
from api.schemas import JobBody
from api.state import Face, face_of
from api.submission import Submission, invalid, submission_from
from api.uploads import Upload
from jobs.lifecycle import WrongState
from jobs.model import Status
from pipelines.parts_list_diff import PIPELINE, READ, SIDES

router = APIRouter(tags=["jobs"], route_class=Direct)
_MOST_JSON = 64 * 1024  # bytes of a body that names two jobs
_BLOCK = 256 * 1024  # bytes read from the store at a time
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}


class Comparison(Submission):
    """The JSON body: two jobs of the pipeline `parts-list` that have succeeded, and what any submit may say."""

    left: str = Field(description="Id of a job that read the list before.")
    right: str = Field(description="Id of a job that read the list after.")


@router.post(
    "/v1/compare",
    status_code=202,
    responses=answers(JobBody, status=202, says="Accepted: the job will end.", Location="The job's address.")
    | answers(JobBody, says="The job as it stands.")
    | documented(
        "request.malformed",
        "job.not_found",
        "job.wrong_state",
        "artifact.not_found",
        "upload.stalled",
        "input.too_large",
        "idempotency.mismatch",
        "ledger.unavailable",
        "server.ending",
        "store.unavailable",
        "store.full",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A form whose parts `left` and `right` are a file or a job's id, or JSON with two jobs' ids.",
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": list(SIDES),
                        "properties": dict.fromkeys(SIDES, _BINARY) | {"options": {"type": "string"}},
                    }
                },
                "application/json": {"schema": Comparison.model_json_schema()},
            },
        },
        "parameters": [
            header("Idempotency-Key", "Makes a repeat answer the same job.", pattern=IDEMPOTENCY_PATTERN),
            header("Prefer", "`wait=N`: answer 200 with the ended job where it ends in time.", examples=["wait=10"]),
        ],
    },
)
async def compare(request: Request) -> Response:
    """Compare two parts lists of any format; the answer is a job whose `diff.jsonl` and `diff.csv` tell."""
    face, asked = face_of(request), Asked.of(request)
    async with face.intake.upload() as upload:
        upload.expect(name="pair.zip", pipeline=PIPELINE, size=None)
        said = await _receive(request, upload)
        submitted = await upload.submit(lambda: asked.new_job(upload, said=said, pipeline=PIPELINE))
    job, status = await asked.answer(submitted)
    return job_response(job, job_body(job), status=status)


async def _receive(request: Request, upload: Upload) -> Submission:
    """Both sides into `upload`; what was said beside them."""
    media_type = request.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return await _form(request, upload, boundary=boundary_of(media_type))
    body = await small_body(request, most=_MOST_JSON, settings=face_of(request).settings.upload)
    said = _comparison(body)
    with PairZip() as pair:
        for side in SIDES:
            await _add_job(request, upload, pair, side=side, job_id=getattr(said, side))
    await _finish(upload, pair, name=f"{said.left} and {said.right}")
    return said


def _comparison(body: bytes) -> Comparison:
    from pydantic import ValidationError

    try:
        return Comparison.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error


async def _form(request: Request, upload: Upload, *, boundary: bytes) -> Submission:
    form, names = PairForm(boundary), {}
    settings = face_of(request).settings.upload
    with PairZip() as pair:
        async with Reading(request.receive, settings, upload=upload) as pieces:
            async for piece in pieces:
                for side, name, part in form.feed_pair(piece):
                    names[side] = name
                    pair.write(side, name, part)
                await _pass_on(upload, pair)
        if not form.complete:
            raise malformed("the multipart body ends before its closing boundary")
        ids = {name: text.strip() for name, text in form.fields if name in SIDES}
        for side in SIDES:
            if side not in names and side not in ids:
                raise malformed(f"the form has no part named `{side}`", field=side)
            if side in ids and side in names:
                raise malformed(f"`{side}` stands there twice", field=side)
            if side in ids:
                names[side] = ids[side]
                await _add_job(request, upload, pair, side=side, job_id=ids[side])
    await _finish(upload, pair, name=" and ".join(names[side] for side in SIDES))
    said = [*request.query_params.multi_items(), *(pair for pair in form.fields if pair[0] not in SIDES)]
    return submission_from(said)


async def _add_job(request: Request, upload: Upload, pair: PairZip, *, side: str, job_id: str) -> None:
    """The merged lots that a job has made already."""
    face, owner = face_of(request), face_of(request).owner_of(request)
    async for block in _lots(face, job_id, owner=owner):
        pair.write(side, READ, block)
        await _pass_on(upload, pair)


async def _lots(face: Face, job_id: str, *, owner: str) -> AsyncIterator[bytes]:
    def opened() -> Any:
        job = face.ledger.get(checked_id(job_id), owner=owner)
        if job.status is not Status.SUCCEEDED:
            raise WrongState(f"job {job.id} is {job.status}; only lists that were read can be compared")
        artifact = face.ledger.artifact(job.id, READ, owner=owner)
        return face.store.open(artifact.key)

    stored = await run_in_threadpool(opened)
    try:
        yield b""  # an empty list is a list
        while block := await run_in_threadpool(stored.read, _BLOCK):
            yield block
    finally:
        await run_in_threadpool(stored.close)


async def _pass_on(upload: Upload, pair: PairZip) -> None:
    for made in pair.drain():
        await upload.add(made)


async def _finish(upload: Upload, pair: PairZip, *, name: str) -> None:
    """The end of the archive, which stands there once `pair` has ended."""
    await _pass_on(upload, pair)
    upload.name = name
    await upload.finish()
