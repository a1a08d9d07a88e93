"""Look-alikes over HTTP: other jobs of the caller whose file is the same as a job's, looks like it, or reads like it."""

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers import json_response
from api.fields import checked_id
from api.openapi import answers
from api.problems import documented
from api.similar_schemas import SimilarList, Why, similar_json
from api.state import Face, face_of
from jobs.likeness import Family
from jobs.model import Job
from ledger import Lookalike

router = APIRouter(tags=["jobs"])
MOST = 100
_LIKE_THE_BEST = 0.25  # of the score of the nearest text; what shares less shares words that many have
_WORDS = {  # of a family: for the same content, and for what only looks alike
    Family.MODEL: (Why.SAME_GEOMETRY, Why.SHAPE),
    Family.IMAGE: (Why.SAME_PICTURE, Why.PICTURE),
}


class Similar(NamedTuple):
    """A job, and why it is named."""

    found: Lookalike
    why: Why


# Asked one after the other until there are enough; who names a job first says why.
Source = Callable[[Face, Job, int], Iterator[Similar]]


def copies(face: Face, job: Job, limit: int) -> Iterator[Similar]:
    """Jobs whose file has the same content, the newest first."""
    ledger = face.ledger
    for print_ in ledger.fingerprints(job.id, owner=job.owner):
        for found in ledger.same(job.id, print_, owner=job.owner, limit=limit):
            yield Similar(found, _WORDS[print_.family][0])


def lookalikes(face: Face, job: Job, limit: int) -> Iterator[Similar]:
    """Jobs whose file looks alike, the nearest first."""
    ledger = face.ledger
    for print_ in ledger.fingerprints(job.id, owner=job.owner):
        for found in ledger.near(job.id, print_, owner=job.owner, limit=limit):
            yield Similar(found, _WORDS[print_.family][1])


def texts(face: Face, job: Job, limit: int) -> Iterator[Similar]:
    """Jobs that have the same rare words, those with most of them first; none while the index does not answer."""
    found = face.search.similar(job.owner, job.id, limit=limit)
    for hit, facts in found:
        if hit.score >= _LIKE_THE_BEST * found[0][0].score:
            like = Lookalike(
                job_id=facts.job_id,
                file_name=facts.name,
                created_at=facts.created_at,
                sha256=facts.sha256,
                distance=1 / (1 + hit.score),
                same=False,
            )
            yield Similar(like, Why.TEXT)


SOURCES: tuple[Source, ...] = (copies, lookalikes, texts)


@router.get(
    "/v1/jobs/{job_id}/similar",
    responses=answers(SimilarList) | documented("request.malformed", "job.not_found", "ledger.unavailable"),
)
def list_similar(
    request: Request,
    job_id: str,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Most jobs to name.")] = 20,
) -> Response:
    """Other jobs whose file has the same content, looks like this one's, or has its rare words."""
    face = face_of(request)
    job = face.ledger.get(checked_id(job_id), owner=face.owner_of(request))
    named: dict[str, Similar] = {}
    for source in SOURCES:
        for one in source(face, job, limit) if len(named) < limit else ():
            named.setdefault(one.found.job_id, one)
    items = [similar_json(one.found, why=one.why, sha256=job.file.sha256) for one in list(named.values())[:limit]]
    return json_response({"items": items})
