"""Dead letters over HTTP: what the platform gave up on, with the evidence; replay, one or many, and discard."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import json_response
from api.bodies import json_body
from api.fields import Cursor, Limit, Text, checked_id
from api.openapi import answers, body_of
from api.ops_schemas import LetterBody, LetterDetail, LetterPage, ReplayedBody, letter_detail_json, letter_json
from api.problems import Problem, documented
from api.state import Face, face_of
from api.submission import storable
from jobs.ids import is_id
from jobs.lifecycle import WrongState
from jobs.model import FileFacts
from ledger import Letter, LetterFilter
from ledger.errors import JobNotFound, LetterNotFound
from ledger.letters import NO_SUCH_LETTER

router = APIRouter(tags=["dead letters"])
MOST_REPLAYED = 1000  # letters in one call: each is a transaction, and somebody waits for the answer
_MAX_BODY = 64 * 1024  # bytes: room for the ids
_PAGE = 200  # letters read at a time
_LIST_PROBLEMS = documented("request.malformed", "ledger.unavailable")
_ONE_PROBLEMS = documented("letter.not_found", "ledger.unavailable")
_VERB_PROBLEMS = documented("letter.not_found", "letter.wrong_state", "ledger.unavailable")


class LetterState(StrEnum):
    """Which letters a list shows."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ALL = "all"


class Wanted(BaseModel):
    """Which letters to replay: `ids`, or `code` and `step` of open ones, or `all` that are open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...] = Field((), max_length=MOST_REPLAYED, description="These letters.")
    code: str | None = Field(None, max_length=200, description="Open letters whose error has this code.")
    step: str | None = Field(None, max_length=200, description="Open letters of this step.")
    all: bool = Field(False, description="All open letters.")
    per_second: float = Field(5.0, gt=0, le=1000, description="Pace: what broke once is not flooded again.")

    @field_validator("code", "step")
    @classmethod
    def _storable(cls, value: str | None) -> Any:
        return storable(value)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (bool(self.ids), self.code is not None or self.step is not None, self.all)
        if sum(ways) != 1:
            raise ValueError("name either `ids`, or `code` and `step`, or `all`")
        return self


@router.get("/v1/dead-letters", responses=answers(LetterPage) | _LIST_PROBLEMS)
def list_letters(
    request: Request,
    state: Annotated[LetterState, Query(description="Only letters that stand here.")] = LetterState.OPEN,
    code: Text = None,
    step: Text = None,
    job_id: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Dead letters, newest first, without their evidence."""
    face = face_of(request)
    wanted = LetterFilter(state=None if state is LetterState.ALL else state.value, code=code, step=step, job_id=job_id)
    found, following = face.ledger.letters(face.owner_of(request), filter=wanted, limit=limit, cursor=cursor)
    return json_response({"items": [letter_json(one) for one in found], "next_cursor": following})


@router.post(
    "/v1/dead-letters/replay",
    responses=answers(ReplayedBody, says="What was done.") | _LIST_PROBLEMS,
    openapi_extra=body_of(Wanted),
)
async def replay_many(request: Request) -> Response:
    """Run many again, the oldest first and paced; one that cannot be replayed does not stop the others."""
    face = face_of(request)
    wanted = await json_body(request, Wanted, most=_MAX_BODY, settings=face.settings.upload)
    return json_response(await run_in_threadpool(_replay, face, face.owner_of(request), wanted=wanted))


@router.get("/v1/dead-letters/{letter_id}", responses=answers(LetterDetail) | _ONE_PROBLEMS)
def show_letter(request: Request, letter_id: str) -> Response:
    """One dead letter with all its evidence, and the file that it is about."""
    face = face_of(request)
    letter = face.ledger.letter(checked_id(letter_id, missing=LetterNotFound), owner=face.owner_of(request))
    return json_response(letter_detail_json(letter, file=_file_of(face, letter)))


@router.post(
    "/v1/dead-letters/{letter_id}/replay",
    status_code=202,
    responses=answers(LetterBody, status=202, says="The letter, closed; its job goes on.") | _VERB_PROBLEMS,
)
def replay_letter(request: Request, letter_id: str) -> Response:
    """Run the step again with a fresh budget of attempts; what was cancelled for its sake follows."""
    face = face_of(request)
    known = checked_id(letter_id, missing=LetterNotFound)
    with _letter_states():
        letter, dispatches = face.ledger.replay_letter(known, owner=face.owner_of(request))
    face.publisher.wake(dispatches)
    return json_response(letter_json(letter), status=202)


@router.post("/v1/dead-letters/{letter_id}/discard", responses=answers(LetterBody) | _VERB_PROBLEMS)
def discard_letter(request: Request, letter_id: str) -> Response:
    """Close it without another try; it keeps its evidence until its time is over."""
    face = face_of(request)
    known = checked_id(letter_id, missing=LetterNotFound)
    with _letter_states():
        letter = face.ledger.discard_letter(known, owner=face.owner_of(request))
    return json_response(letter_json(letter))


def _replay(face: Face, owner: str, *, wanted: Wanted) -> dict[str, Any]:
    named = dict.fromkeys(wanted.ids)
    ids = list(filter(is_id, named)) if named else _open_steps(face, owner, wanted=wanted)
    replayed, refused, dispatches = face.ledger.replay_letters(
        ids[:MOST_REPLAYED], owner=owner, per_second=wanted.per_second
    )
    face.publisher.wake(dispatches)
    refused |= {one: NO_SUCH_LETTER for one in named if not is_id(one)}
    return {"replayed": [one.id for one in replayed], "refused": refused, "left": len(ids[MOST_REPLAYED:])}


def _open_steps(face: Face, owner: str, *, wanted: Wanted) -> list[str]:
    """Open letters that `wanted` picks, the oldest first; messages that nobody could read are not for replay."""
    ids: list[str] = []
    cursor: str | None = None
    picked = LetterFilter(code=wanted.code, step=wanted.step)
    while True:
        page, cursor = face.ledger.letters(owner, filter=picked, limit=_PAGE, cursor=cursor)
        ids += [letter.id for letter in page if letter.job_id is not None]
        if cursor is None:
            return ids[::-1]


def _file_of(face: Face, letter: Letter) -> FileFacts | None:
    if letter.job_id is None:
        return None
    try:
        return face.ledger.get(letter.job_id, owner=letter.owner).file
    except JobNotFound:
        return None


@contextmanager
def _letter_states() -> Iterator[None]:
    """A verb that does not fit the letter, or the job behind it, is `letter.wrong_state`."""
    try:
        yield
    except WrongState as error:
        raise Problem("letter.wrong_state", f"Refused: {error}.") from error
