"""Steps that read pictures by OCR, for tests in real sandboxes; each gets its picture as the upload."""

from typing import Any

from PIL import Image

from jobs.issues import Issue
from parsers import ocr


def read(context: Any) -> None:
    """Reads the picture and tells what came of it."""
    with Image.open(context.path("upload")) as picture:
        found = ocr.read(picture, timeout=context.options.get("timeout", 60.0), scratch=context.scratch)
    told = {"version": ocr.available(), "languages": sorted(ocr.languages())}
    told["left"] = sorted(path.name for path in context.scratch.iterdir())
    if isinstance(found, Issue):
        context.summary(code=found.code, message=found.message, **told)
    else:
        context.summary(text=found.text, confidence=found.confidence, rotation=found.rotation, **told)


def hog(context: Any) -> None:
    """Takes most of its memory itself, then reads: both together have to keep to the limit."""
    taken = bytearray(context.options["bytes"])
    read(context)
    context.count("taken", len(taken))
