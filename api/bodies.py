"""Request bodies, raw or multipart, into an upload: at the client's pace, unless that is too slow."""

from collections.abc import AsyncIterator
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.headers import content_length, disposition_name
from api.multipart import CLOSING, Form, boundary_of
from api.problems import malformed
from api.reading import Reading
from api.submission import Submission, file_name, invalid, submission_from
from api.uploads import Upload
from config.settings import UploadSettings
from jobs.pipeline import Pipeline
from pipelines import pipeline_named, pipelines

FORM_ALLOWANCE = 1024 * 1024  # bytes that a multipart body may have beside its file
Said = TypeVar("Said", bound=BaseModel)


async def receive_body(request: Request, upload: Upload, *, settings: UploadSettings) -> Submission:
    """Stream the body into `upload`; returns what was said beside the file."""
    media_type = request.headers.get("content-type", "")
    async with Reading(request.receive, settings, upload=upload) as pieces:
        if media_type.partition(";")[0].strip().lower() == "multipart/form-data":
            return await _multipart(request, upload, pieces=pieces, boundary=boundary_of(media_type))
        return await _raw(request, upload, pieces=pieces)


async def small_body(request: Request, *, most: int, settings: UploadSettings) -> bytes:
    """A body that is read whole: `request.malformed` above `most` bytes."""
    found = bytearray()
    async with Reading(request.receive, settings) as pieces:
        async for piece in pieces:
            found += piece
            if len(found) > most:
                raise malformed(f"this body may have {most} bytes at most")
    return bytes(found)


async def json_body(request: Request, model: type[Said], *, most: int, settings: UploadSettings) -> Said:
    """A small JSON body, checked: `request.malformed` names every field at fault."""
    try:
        return model.model_validate_json(await small_body(request, most=most, settings=settings))
    except ValidationError as error:
        raise invalid(error) from error


def named(name: str | None) -> Pipeline | None:
    """The pipeline of that name; `request.malformed` lists those that there are."""
    if name is None:
        return None
    try:
        return pipeline_named(name)
    except KeyError as error:
        known = ", ".join(sorted(pipelines()))
        raise malformed(f"there is no pipeline {name[:100]!r}; there are {known}", field="pipeline") from error


async def _raw(request: Request, upload: Upload, *, pieces: AsyncIterator[bytes]) -> Submission:
    submission = submission_from(request.query_params.multi_items())
    name = file_name(submission.filename, disposition_name(request))
    upload.expect(name=name, pipeline=named(submission.pipeline), size=content_length(request))
    async for piece in pieces:
        await upload.add(piece)
    await upload.finish()
    return submission


async def _multipart(request: Request, upload: Upload, *, pieces: AsyncIterator[bytes], boundary: bytes) -> Submission:
    said = request.query_params.multi_items()
    submission_from(said)  # refuse before the body comes
    form = Form(boundary)
    announced = content_length(request)
    upload.require_size((announced or 0) - FORM_ALLOWANCE)
    expecting = False
    async for piece in pieces:
        found = form.feed(piece)
        if form.has_file and not expecting:
            expecting = True
            so_far = submission_from([*said, *form.fields])
            size = None
            if announced is not None and form.file_offset is not None:
                size = max(0, announced - form.file_offset - len(boundary) - CLOSING)  # where no field follows it
            name = file_name(form.file_name, so_far.filename)
            upload.expect(name=name, pipeline=named(so_far.pipeline), size=None)
            upload.guess_size(size)
        for part in found:
            await upload.add(part)
    form.finish()
    submission = submission_from([*said, *form.fields])
    await upload.finish()
    return submission
