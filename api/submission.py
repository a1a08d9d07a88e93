"""What a submit says beside its file: the same from form fields and from query parameters."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from api.problems import Problem, malformed
from jobs.pipeline import Pipeline

MAX_METADATA = 8 * 1024  # bytes, as JSON
MAX_TAGS, MAX_TAG = 32, 64
DEFAULT_PRIORITY = 4  # RabbitMQ's quorum queues tell 0-4 from 5-9
MAX_NAME = 255  # characters of a file name
_JSON_FIELDS = ("options", "metadata")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def storable(value: Any) -> Any:
    """`value`, refused where a database could not keep it: NUL characters, lone surrogates, NaN, far too deep."""
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError("must be JSON that can be stored: finite numbers, whole characters") from error
    if b"\\u0000" in text:
        raise ValueError("must not contain NUL characters")
    return value


class Labels(BaseModel):
    """What a caller hangs on a job, and may change later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metadata: dict[str, Any] | None = Field(
        None, description="Your own JSON object, at most 8 KiB; echoed in status and events."
    )
    tags: tuple[str, ...] | None = Field(None, max_length=MAX_TAGS, description="Words to find the job by.")

    @field_validator("metadata")
    @classmethod
    def _small_enough(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if len(orjson.dumps(storable(value))) > MAX_METADATA:
            raise ValueError(f"must have {MAX_METADATA} bytes at most")
        return value

    @field_validator("tags")
    @classmethod
    def _plain(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for tag in value or ():
            if not 0 < len(tag) <= MAX_TAG or _CONTROL.search(tag) or "," in tag:
                raise ValueError(f"a tag has 1 to {MAX_TAG} printable characters and no comma")
        return tuple(dict.fromkeys(value)) if value else value


class Submission(Labels):
    """The fields of `POST /v1/jobs`."""

    pipeline: str | None = Field(
        None, max_length=100, description="What to run; detected from the file's bytes where it is left out."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The pipeline's options; see /v1/pipelines.")
    batch_id: str | None = Field(None, min_length=1, max_length=128, description="Your name for a group of jobs.")
    priority: int = Field(DEFAULT_PRIORITY, ge=0, le=9, description="0 (last) to 9 (first).")
    deadline: AwareDatetime | None = Field(
        None, description="RFC 3339 time after which the job fails instead of going on."
    )
    filename: str | None = Field(None, description="The file's name, where the part or header has none.")

    @field_validator("options", "batch_id")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return storable(value)

    @field_validator("deadline")
    @classmethod
    def _ahead(cls, value: datetime | None) -> datetime | None:
        if value is not None and value <= datetime.now(UTC):
            raise ValueError("must be in the future")
        return value


def submission_from(pairs: Iterable[tuple[str, str]]) -> Submission:
    """Fields as they came, checked; `tags` may repeat or hold commas. Raises `request.malformed`."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name == "tags":
            found.setdefault("tags", []).extend(tag.strip() for tag in text.split(",") if tag.strip())
        elif name in found:
            raise malformed(f"`{name}` stands there twice", field=name)
        elif name in _JSON_FIELDS and text:
            found[name] = _json(name, text)
        elif text:
            found[name] = text
    try:
        return Submission.model_validate(found)
    except ValidationError as error:
        raise invalid(error) from error


def options_for(pipeline: Pipeline, given: dict[str, Any]) -> dict[str, Any]:
    """The job's options, checked by the pipeline and completed with defaults."""
    try:
        return pipeline.validated_options(given)
    except ValidationError as error:
        raise invalid(error, within="options") from error


def invalid(error: ValidationError, *, within: str = "") -> Problem:
    """`request.malformed` with every field at fault."""
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(filter(None, [within, *(str(part) for part in one["loc"])]))
        found.append({"field": field, "message": one["msg"].removeprefix("Value error, ")})
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in found[:10])
    return Problem("request.malformed", detail, errors=found[:100])


def file_name(*claims: str | None) -> str:
    """The first claim that leaves a name: no folders, no control characters. For display, never a path."""
    for claim in claims:
        last = re.split(r"[/\\]", claim or "")[-1]
        name = _CONTROL.sub("", last).strip()[:MAX_NAME]
        if name not in {"", ".", ".."}:
            return name
    return "upload"


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise malformed(f"`{name}` is not JSON: {error}", field=name) from error
