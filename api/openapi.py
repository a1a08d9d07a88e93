"""What FastAPI cannot tell by itself about this API: streamed bodies, headers, problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import catalog_schemas, ops_schemas, price_schemas, schemas, search_schemas, similar_schemas
from api.headers import IDEMPOTENCY_PATTERN
from api.submission import Submission

VERSION = "1"
_REF = "#/components/schemas/{model}"
_OUT: tuple[type[BaseModel], ...] = (
    schemas.JobBody,
    schemas.ProcessFileBody,
    schemas.JobPage,
    schemas.ArtifactPage,
    search_schemas.HitPage,
    search_schemas.SuggestionList,
    schemas.PipelinePage,
    schemas.ProblemBody,
    ops_schemas.LetterPage,
    ops_schemas.LetterDetail,
    ops_schemas.ReplayedBody,
    ops_schemas.AttemptPage,
    similar_schemas.SimilarList,
    ops_schemas.QueuePage,
    ops_schemas.RunPage,
    ops_schemas.ReconcilerPage,
    ops_schemas.IndexBody,
    catalog_schemas.CatalogBody,
    catalog_schemas.CorrectionPage,
    catalog_schemas.MappingPage,
    price_schemas.PricePage,
    price_schemas.PriceTableBody,
    price_schemas.PricesCleared,
)
DESCRIPTION = """Takes heavy file work off the request path: upload a file, get a job id at once, follow the job.

Every error is `application/problem+json` (RFC 9457) with a stable `code`. Every answer carries `X-Correlation-Id`:
the caller's own, or a new one. Times are RFC 3339 in UTC; ids are UUIDv7 strings. Lists are `{"items", "next_cursor"}`:
give `next_cursor` back as `cursor` until it is null.
"""


def answers(
    model: type[BaseModel], *, status: int = 200, says: str = "The answer.", **headers: str
) -> dict[int | str, Any]:
    """OpenAPI's entry for an answer of `model`; `headers` are names with what they say."""
    described = {
        name.replace("_", "-"): {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
    }
    content = {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
    return {status: {"description": says, "content": content, "headers": described}}


def header(name: str, says: str, **schema: Any) -> dict[str, Any]:
    """A request header."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": says,
        "schema": {"type": "string", **schema},
    }


PREFER = header(
    "Prefer", "`wait=N`: answer once the job has changed (or ended), at most N seconds from now.", examples=["wait=30"]
)
IF_NONE_MATCH = header("If-None-Match", "The ETag you know; 304 where nothing changed.")


def submit_operation() -> dict[str, Any]:
    """Body and parameters of a submit: one description for form fields and query parameters."""
    schema = Submission.model_json_schema()
    fields: dict[str, Any] = schema["properties"]
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": field.get("description", ""),
            "schema": _as_text(name, field),
        }
        for name, field in fields.items()
    ]
    form = {name: _as_text(name, field) for name, field in fields.items() if name != "filename"}
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {
        "requestBody": {
            "required": True,
            "description": "A form with one `file`, or the file's bytes as they are with any other Content-Type.",
            "content": {
                "multipart/form-data": {
                    "schema": {"type": "object", "required": ["file"], "properties": {"file": binary, **form}}
                },
                "application/octet-stream": {"schema": binary},
            },
        },
        "parameters": [
            *parameters,
            header("Idempotency-Key", "Makes a repeat answer the same job.", pattern=IDEMPOTENCY_PATTERN),
            header("X-Correlation-Id", "Yours, for logs and events; made where it is missing."),
            header(
                "Prefer",
                "`wait=N`: answer 200 with the ended job where it ends within N seconds.",
                examples=["wait=10"],
            ),
        ],
    }


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON request body that the endpoint reads itself."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI) -> None:
    """Let the app's OpenAPI document carry our models, and only problems that can happen."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title="Heavylift", version=VERSION, description=DESCRIPTION, routes=app.routes)
            _, models = models_json_schema([(model, "serialization") for model in _OUT], ref_template=_REF)
            components = document.setdefault("components", {}).setdefault("schemas", {})
            components.update(models["$defs"])
            for path in document["paths"].values():
                for operation in path.values():
                    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                        del operation["responses"]["422"]  # FastAPI's own; validation answers 400 here
            for name in ("HTTPValidationError", "ValidationError"):
                components.pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _as_text(name: str, field: dict[str, Any]) -> dict[str, Any]:
    """A field as it travels in a form or a query: JSON objects as text."""
    if name in {"options", "metadata"}:
        return {"type": "string", "contentMediaType": "application/json", "description": field.get("description", "")}
    if name == "tags":
        return {"type": "array", "items": {"type": "string"}, "description": "May repeat, or hold commas."}
    options = [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]
    return {**options[0], "description": field.get("description", "")}
