"""Look-alikes over HTTP: other jobs of the caller whose file is the same as a job's, or looks like it."""

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers import json_response
from api.fields import checked_id
from api.openapi import answers
from api.problems import documented
from api.similar_schemas import SimilarList, Why, similar_json
from api.state import face_of
from jobs.likeness import Family
from jobs.model import Job
from ledger import Ledger, Lookalike

router = APIRouter(tags=["jobs"])
MOST = 100
_WORDS = {  # of a family: for the same content, and for what only looks alike
    Family.MODEL: (Why.SAME_GEOMETRY, Why.SHAPE),
    Family.IMAGE: (Why.SAME_PICTURE, Why.PICTURE),
}


class Similar(NamedTuple):
    """A job, and why it is named."""

    found: Lookalike
    why: Why


# Asked one after the other until there are enough; who names a job first says why. What likens texts is one more.
Source = Callable[[Ledger, Job, int], Iterator[Similar]]


def copies(ledger: Ledger, job: Job, limit: int) -> Iterator[Similar]:
    """Jobs whose file has the same content, the newest first."""
    for print_ in ledger.fingerprints(job.id, owner=job.owner):
        for found in ledger.same(job.id, print_, owner=job.owner, limit=limit):
            yield Similar(found, _WORDS[print_.family][0])


def lookalikes(ledger: Ledger, job: Job, limit: int) -> Iterator[Similar]:
    """Jobs whose file looks alike, the nearest first."""
    for print_ in ledger.fingerprints(job.id, owner=job.owner):
        for found in ledger.near(job.id, print_, owner=job.owner, limit=limit):
            yield Similar(found, _WORDS[print_.family][1])


SOURCES: tuple[Source, ...] = (copies, lookalikes)


@router.get(
    "/v1/jobs/{job_id}/similar",
    responses=answers(SimilarList) | documented("request.malformed", "job.not_found", "ledger.unavailable"),
)
def list_similar(
    request: Request,
    job_id: str,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most jobs to name.")] = 20,
) -> Response:
    """Other jobs whose file has the same content, or looks like this one's; those without a likeness have none."""
    face = face_of(request)
    job = face.ledger.get(checked_id(job_id), owner=face.owner_of(request))
    named: dict[str, Similar] = {}
    for source in SOURCES:
        for one in source(face.ledger, job, limit - len(named)) if len(named) < limit else ():
            named.setdefault(one.found.job_id, one)
    items = [similar_json(one.found, why=one.why, sha256=job.file.sha256) for one in list(named.values())[:limit]]
    return json_response({"items": items})
