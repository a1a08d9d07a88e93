"""Text without case and accents, and the comparison by it that SQLite is taught."""

import json
import sqlite3
import unicodedata
from functools import lru_cache


def fold(text: str) -> str:
    """The form that is compared: without case, accents and other marks, compatibility forms made plain."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def teach(connection: sqlite3.Connection) -> None:
    """Give a connection the function `heavylift_holds(words, name, tags, id)`: 1 where all words are part of the text."""
    connection.create_function("heavylift_holds", 4, _holds, deterministic=True)


def _holds(words: str, name: str | None, tags: str, job_id: str) -> int:
    spelled = " ".join(json.loads(tags)) if "\\" in tags else tags  # other characters than ASCII stand there escaped
    text = fold(f"{name or ''} {spelled} {job_id}")
    return int(all(word in text for word in _said(words)))


@lru_cache(maxsize=8)
def _said(words: str) -> tuple[str, ...]:
    return tuple(json.loads(words))
