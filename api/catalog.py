"""The catalog over HTTP: which one is in force, and imports, uploaded or fetched."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.accepting import Asked
from api.answers import job_body, job_response, json_response
from api.bodies import json_body, receive_body
from api.catalog_schemas import CatalogBody, ImportOrder, latest_json, version_json
from api.openapi import answers, submit_operation
from api.problems import Problem, documented, malformed
from api.routing import Direct
from api.schemas import JobBody
from api.state import Face, face_of
from jobs.errors import InputError
from jobs.model import Job
from ledger import JobFilter, Submitted
from pipelines.catalog_import import NAME, PIPELINE
from wiring.catalog import allowed_sources, order_import

router = APIRouter(tags=["catalog"], route_class=Direct)
_MAX_ORDER = 16 * 1024  # bytes


def _operation() -> dict[str, Any]:
    """As a submit's, with the order as another kind of body."""
    operation = submit_operation()
    operation["requestBody"]["description"] = (
        "A ZIP of parts.csv[.gz], colors.csv[.gz] and whatever else there is, in a form or as it is; or, as JSON, what to "
        "fetch. `options` may say `force`."
    )
    operation["requestBody"]["content"]["application/json"] = {"schema": ImportOrder.model_json_schema()}
    return operation


@router.post(
    "/v1/catalog/imports",
    status_code=202,
    responses=answers(JobBody, status=202, says="Accepted: the job will end.", Location="The job's address.")
    | answers(JobBody, says="The job as it stands.")
    | documented(
        "request.malformed",
        "input.empty",
        "catalog.source_refused",
        "upload.stalled",
        "catalog.no_source",
        "input.too_large",
        "input.unsupported",
        "idempotency.mismatch",
        "ledger.unavailable",
        "server.ending",
        "store.unavailable",
        "store.full",
    ),
    openapi_extra=_operation(),
)
async def import_catalog(request: Request) -> Response:
    """Compile a catalog and put it in force; one that is broken, or much smaller, fails its job and changes nothing."""
    asked = Asked.of(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    take = _ordered if media_type == "application/json" else _uploaded
    job, status = await asked.answer(await take(request, asked))
    return job_response(job, job_body(job), status=status)


async def _uploaded(request: Request, asked: Asked) -> Submitted:
    face = face_of(request)
    async with face.intake.upload() as upload:
        upload.pipeline = PIPELINE
        said = await receive_body(request, upload, settings=face.settings.upload)
        if said.pipeline not in {None, NAME}:
            raise malformed(f"what is uploaded here goes to the pipeline {NAME}", field="pipeline")
        return await upload.submit(lambda: asked.new_job(upload, said=said, pipeline=PIPELINE))


async def _ordered(request: Request, asked: Asked) -> Submitted:
    face = face_of(request)
    order = await json_body(request, ImportOrder, most=_MAX_ORDER, settings=face.settings.upload)
    source = _allowed(face, order.source)
    return await run_in_threadpool(
        order_import,
        face.ledger,
        face.store,
        source=source,
        force=order.force,
        owner=face.owner_of(request),
        correlation_id=request.state.correlation_id,
        idempotency=asked.idempotency,
    )


def _allowed(face: Face, source: str | None) -> str:
    """The source itself, or the daily one; refused here already where a worker would not fetch it."""
    wanted = source if source is not None else face.settings.catalog.url
    if not wanted.strip():
        detail = "Name a `source`; this server has none of its own (HEAVYLIFT_CATALOG_URL)."
        raise Problem("catalog.no_source", detail)
    try:
        allowed_sources(face.settings).folders(wanted)
    except InputError as error:
        raise Problem("catalog.source_refused", str(error), hint=error.fault.hint) from error
    return wanted


@router.get("/v1/catalog", responses=answers(CatalogBody) | documented("ledger.unavailable"))
def show_catalog(request: Request) -> Response:
    """The catalog in force, those that are kept, and how the latest import went."""
    face = face_of(request)
    versions = face.ledger.catalog_versions()
    active = next((version for version in versions if version.state == "active"), None)
    latest, _ = face.ledger.list_jobs(face.owner_of(request), filter=JobFilter(pipeline=NAME), limit=1)
    return json_response(
        {
            "version": active.job_id if active else _sample(),
            "is_sample": active is None,
            "active": version_json(active) if active else None,
            "versions": [version_json(version) for version in versions],
            "latest_import": _latest(latest),
            "daily_from": face.settings.catalog.url or None,
        }
    )


def _latest(jobs: list[Job]) -> dict[str, Any] | None:
    return latest_json(jobs[0]) if jobs else None


@cache
def _sample() -> str:
    from catalog.sample import sample_version

    return sample_version()
