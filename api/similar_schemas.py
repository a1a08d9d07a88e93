"""The JSON of look-alikes; written here, and as models for OpenAPI."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ledger import Lookalike


class Why(StrEnum):
    """What makes a job similar."""

    SAME_GEOMETRY = "same_geometry"
    SAME_PICTURE = "same_picture"
    SHAPE = "shape"
    PICTURE = "picture"
    TEXT = "text"


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SimilarBody(_Out):
    """A job whose file is like another's."""

    job_id: str
    file_name: str
    created_at: datetime
    why: Why = Field(
        description="Geometry or picture is the same, in whatever format; the shape or the picture is near; or rare words are the same."
    )
    distance: float = Field(
        description="How far apart: 0 for the same; shapes below 0.005, pictures 7 of 64 bits at most; texts below 1, the nearer the more rare words they share."
    )
    same_file: bool = Field(description="The uploads are equal, byte by byte.")


class SimilarList(_Out):
    """Jobs that are similar, the nearest of a kind first."""

    items: list[SimilarBody]


def similar_json(found: Lookalike, *, why: Why, sha256: str) -> dict[str, Any]:
    """As `SimilarBody`; `sha256` is that of the file that others are like."""
    return {
        "job_id": found.job_id,
        "file_name": found.file_name,
        "created_at": found.created_at,
        "why": why.value,
        "distance": round(found.distance, 6),
        "same_file": found.sha256 == sha256,
    }
