"""Reads PDFs: the text of each page, one page at a time, and pictures of pages. Native code: only in a sandbox."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Issue, Record, Severity

if TYPE_CHECKING:
    from PIL.Image import Image

_PASSWORD_ERROR = 4  # PDFium's FPDF_ERR_PASSWORD
MAX_PIXELS = 4096  # of a picture's longest side


def pages(path: Path, *, watch: Callable[[int, int], None] | None = None) -> Iterator[Record | Issue]:
    """Each page as a `Record` (`page`, `text`, `width`, `height` in points), or an `Issue` where it can't be read.

    Raises `UnreadableFile` (`pdf.unreadable`) and `InputError` (`pdf.password`); `watch` is told (page, pages).
    """
    import pypdfium2

    with _opened(path) as document:
        count = len(document)
        for number in range(1, count + 1):
            try:
                fields = _page(document, number)
            except pypdfium2.PdfiumError:
                yield _bad_page(number)
            else:
                yield Record(row=number, line=None, fields=fields)
            if watch:
                watch(number, count)


def count_pages(path: Path) -> int:
    """How many pages the document has; raises as `pages` does."""
    with _opened(path) as document:
        return len(document)


def render(path: Path, page: int, *, longest: int = 400) -> "Image":
    """Page number `page` (from 1) as a picture whose longer side has `longest` pixels.

    Raises `InputError` (`pdf.page`) where that page can't be drawn, and as `pages` does.
    """
    with _opened(path) as document:
        return _draw(document, page, longest=longest)


def pictures(path: Path, *, first: int = 1, last: int, longest: int = 400) -> "Iterator[tuple[int, Image | None]]":
    """The pages `first` to `last` as pictures, the file opened once; None where a page can't be drawn."""
    with _opened(path) as document:
        for number in range(first, min(last, len(document)) + 1):
            try:
                yield number, _draw(document, number, longest=longest)
            except InputError:
                yield number, None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _PASSWORD_ERROR:
            hint = "Remove the password, then send it again."
            raise InputError("pdf.password", "The PDF is locked with a password.", hint=hint) from None
        raise _unreadable() from None
    try:
        if not len(document):  # PDFium opens what it can't read as a document without pages
            raise _unreadable()
        yield document
    finally:
        document.close()


def _unreadable() -> UnreadableFile:
    hint = "It may be cut off; open it in a viewer and save it again."
    return UnreadableFile("pdf.unreadable", "The PDF is damaged: no page of it can be read.", hint=hint)


def _page(document: Any, number: int) -> dict[str, Any]:
    page = document[number - 1]
    try:
        width, height = page.get_size()
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_range() if text_page.count_chars() > 0 else ""
        finally:
            text_page.close()
    finally:
        page.close()
    # NUL means nothing in a text, and databases refuse it.
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return {"page": number, "text": text, "width": round(width, 2), "height": round(height, 2)}


def _draw(document: Any, number: int, *, longest: int) -> "Image":
    import pypdfium2

    problem = InputError("pdf.page", f"Page {number} can not be drawn.", page=number)
    if not 1 <= number <= len(document) or not 1 <= longest <= MAX_PIXELS:
        raise problem
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        raise problem from None
    try:
        longer = max(page.get_size())
        if not 0 < longer < float("inf"):
            raise problem
        # PDFium rounds both sides up: a line-thin page still gets its one pixel.
        bitmap = page.render(scale=longest / longer)
        picture: Image = bitmap.to_pil().convert("RGB")
        bitmap.close()
    except (pypdfium2.PdfiumError, ValueError, ZeroDivisionError):
        raise problem from None
    finally:
        page.close()
    picture.thumbnail((longest, longest))
    return picture


def _bad_page(number: int) -> Issue:
    return Issue(
        row=number,
        line=None,
        column=None,
        code="pdf.page",
        severity=Severity.ERROR,
        message=f"Page {number} can not be read.",
    )
