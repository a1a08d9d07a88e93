"""Hits as a person reads them: what, where and in which file, and the text around the words, with the words in bold."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.screen import STYLES, clean, styled
from client import FoundPage, Hit


def hit_lines(hit: Hit, stream: Any) -> Iterator[str]:
    """A hit in two lines, the second one only where there is text to show."""
    place = "" if hit.place == "file" and hit.artifact is None else f"  {hit.place}"
    yield f"{styled(hit.title, 'bold', stream)}{clean(place)}  {clean(hit.file_name)}  {hit.status}  {clean(hit.job_id)}"
    if hit.snippet:
        yield f"    {marked(hit.snippet, hit.marks, stream)}"


def marked(text: str, marks: Sequence[tuple[int, int]], stream: Any) -> str:
    """The text with its marks in bold, on a terminal that shows any; else as it is."""
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return clean(text)
    pieces, at = [], 0
    for start, end in sorted(marks):
        if at <= start < end <= len(text):
            pieces += [clean(text[at:start]), f"\x1b[{STYLES['bold']}m{clean(text[start:end])}\x1b[0m"]
            at = end
    return "".join([*pieces, clean(text[at:])])


def summary_lines(page: FoundPage) -> Iterator[str]:
    """What else the answer says."""
    if page.degraded:
        yield "the index does not answer: these are files by parts of their names, tags and ids alone"
    elif page.total is not None:
        yield f"{len(page.hits)} of {page.total} places"
    if page.corrected:
        yield f"forgiving typos in: {', '.join(map(clean, page.corrected))}"
    for name, counts in page.facets.items():
        yield f"{name}: {_counted(counts)}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{clean(value)} ({number})" for value, number in counts.items()) or "none"
