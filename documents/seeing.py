"""Pages that hold no text, drawn and read by OCR one at a time."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.errors import InputError
from jobs.issues import Issue, Record, Severity

_LETTER = (612.0, 792.0)  # points, of a page whose size nobody tells


def seen(
    source: Path,
    pages: Sequence[int],
    *,
    facts: Mapping[str, Any],
    password: str | None,
    language: str,
    words: bool,
    scratch: Path,
) -> Generator[Record | Issue]:
    """Each of `pages` as a `Record` (`page`, `text`, `confidence` 0 to 100, `rotation`), or an `Issue` where it can't be read.

    With `words`, also [text, x0, y0, x1, y1, confidence] of each, in points from the top left corner like those of
    pages that have text. `facts` are those of `parsers.pdf_inspect`. Raises what `parsers.ocr.read` raises.
    """
    from parsers import ocr, pdf

    sizes, turn = _sizes(facts), 0
    for number in pages:
        width, height = sizes.get(number, _LETTER)
        try:
            picture = pdf.render(source, number, longest=ocr.longest(width, height), password=password)
        except InputError as error:
            yield _unseen(number, error)
            continue
        page = ocr.read(picture, language=language, scratch=scratch, page=number, turn=turn)
        if isinstance(page, Issue):
            yield page
            continue
        turn = page.turn  # most likely the next one lies in the same way
        fields = {"page": number, "text": page.text, "confidence": round(page.confidence, 1), "rotation": page.rotation}
        if words:
            share = width / picture.width
            fields["words"] = [
                [word.text, *(round(at * share, 2) for at in word[1:5]), round(word.confidence, 1)]
                for word in page.words
            ]
        yield Record(number, None, fields)


def _sizes(facts: Mapping[str, Any]) -> dict[int, tuple[float, float]]:
    """Width and height in points of each page."""
    found: dict[int, tuple[float, float]] = {}
    for run in facts["sizes"]:
        pages = range(len(found) + 1, len(found) + run["pages"] + 1)
        found |= dict.fromkeys(pages, (run["width"] or _LETTER[0], run["height"] or _LETTER[1]))
    return found


def _unseen(number: int, error: InputError) -> Issue:
    return Issue(
        row=number,
        line=None,
        column=None,
        code=error.fault.code,
        severity=Severity.WARNING,
        message=error.fault.message,
    )
