"""What a caller may say about a document."""

from pydantic import Field

from jobs.pipeline import Options


class DocumentOptions(Options):
    """Options of the pipeline `document`."""

    password: str | None = Field(
        None,
        max_length=128,
        description="Opens a PDF that is locked with a password. It is kept with the job, and never shown.",
        json_schema_extra={"writeOnly": True},
    )
    words: bool = Field(False, description="Each page's words with their boxes, in points from the top left.")
    ocr: bool = Field(True, description="Read pages that have no text with tesseract, where it is installed.")
    language: str = Field(
        "eng",
        max_length=60,
        pattern=r"^[A-Za-z_]{2,20}(\+[A-Za-z_]{2,20}){0,4}$",
        description="Tesseract's names of the languages to look for: `eng`, `deu+eng`.",
    )
    tables: bool = Field(True, description="Look for tables; those that are parts lists become jobs of their own.")
    thumbnails: bool = Field(True, description="Draw each page at 200 and at 400 pixels.")
    enrich: bool = Field(False, description="Language, keywords, part numbers and dates of the text.")
    chunk_size: int = Field(1000, ge=200, le=10_000, description="Characters of a chunk, about.")
