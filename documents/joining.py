"""Joins what the parts of a document made: pages in order, those of scans with the words that were read from pictures."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

_NAMED = 20  # ranges that a sentence names


def joined(texts: Iterable[Path], seen: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The pages of both in order; where a page is in both, what was read from its picture counts.

    Both are files of JSON lines, each in the order of its pages, and themselves in order. Pages get a `source`: `text`
    or `ocr`; what OCR adds (`confidence`) is added. A page that could only be seen is there as well.
    """
    found = (({"source": "text"} | page, 0) for page in _pages(texts))
    pictures = ((page | {"source": "ocr"}, 1) for page in _pages(seen))
    both = merge(found, pictures, key=lambda one: (one[0]["page"], one[1]))
    for _, same in groupby(both, key=lambda one: one[0]["page"]):
        page: dict[str, Any] = {}
        for one, _order in same:
            page |= one
        yield page


def pages_of(ranges: Iterable[Sequence[int]]) -> list[int]:
    """The pages that ranges [first, last] name, in order."""
    return [page for first, last in ranges for page in range(first, last + 1)]


def named_ranges(ranges: Sequence[Sequence[int]]) -> str:
    """The same in words: `1, 4-7`; of many ranges the first ones."""
    named = ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in ranges[:_NAMED])
    return named + (", ..." if len(ranges) > _NAMED else "")


def _pages(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    import orjson

    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                yield orjson.loads(line)
