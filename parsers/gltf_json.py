"""Reads values out of a glTF's JSON that nobody has checked yet."""

from typing import Any
from urllib.parse import unquote

import orjson

from parsers.model_faults import malformed, outside
from parsers.model_folder import inside

Json = dict[str, Any]


def parsed(text: bytes) -> Json:
    """The document; raises `UnreadableFile` (`model.malformed`)."""
    try:
        doc = orjson.loads(text.rstrip(b"\0 "))
    except orjson.JSONDecodeError:
        raise malformed("The glTF's JSON can not be read.") from None
    if not isinstance(doc, dict):
        raise malformed("The glTF's JSON is no object.")
    return doc


def listed(doc: Json, key: str) -> list[Json]:
    """The list of objects under `key`; empty where there is none."""
    found = doc.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise malformed(f"{key!r} is not a list of objects.")
    return found


def number(doc: Json, key: str, *, default: int | None = None, below: int = 2**53) -> int:
    """A whole number from 0 up to, not including, `below`."""
    found = doc.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < below:
        raise malformed(f"{key!r} is missing or out of range.")
    return found


def embedded(uri: str) -> str | None:
    """The base64 text of a data URI; None where it is the name of a file."""
    if not uri.startswith("data:"):
        return None
    _, marker, text = uri.partition(";base64,")
    return text if marker else ""


def check_uri(uri: object) -> str:
    """The name of a file below the model's own folder; raises `InputError` (`model.external`) for any other."""
    if not isinstance(uri, str) or not inside(uri) or not inside(unquote(uri)):
        raise outside()
    return uri
