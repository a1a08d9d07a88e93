"""Reads PDFs: the text of each page, one page at a time, and pictures of pages. Native code: only in a sandbox."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import InputError
from parsers.pdf_open import last_readable, opened, page_by_page
from parsers.pdf_text import pages

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MAX_PIXELS", "count_pages", "pages", "pictures", "render"]

MAX_PIXELS = 4096  # of a picture's longest side


def count_pages(path: Path, *, password: str | None = None) -> int:
    """How many pages the document has; raises as `pages` does."""
    with opened(path, password=password) as document:
        return last_readable(document)


def render(path: Path, page: int, *, longest: int = 400, password: str | None = None) -> "Image":
    """Page number `page` (from 1) as a picture whose longer side has `longest` pixels.

    Raises `InputError` (`pdf.page`) where that page can't be drawn, and as `pages` does.
    """
    if page < 1:
        raise _undrawn(page)
    for _, one in page_by_page(path, password=password, first=page, last=page):
        return _draw(one, page, longest=longest)
    raise _undrawn(page)


def pictures(
    path: Path, *, first: int = 1, last: int | None = None, longest: int = 400, password: str | None = None
) -> "Generator[tuple[int, Image | None]]":
    """The pages `first` to `last` as pictures, one at a time; None where a page can't be drawn."""
    for number, page in page_by_page(path, password=password, first=first, last=last):
        try:
            picture = _draw(page, number, longest=longest)
        except InputError:
            yield number, None
        else:
            yield number, picture


def _undrawn(page: int) -> InputError:
    return InputError("pdf.page", f"Page {page} can not be drawn.", page=page)


def _draw(page: Any | None, number: int, *, longest: int) -> "Image":
    import pypdfium2

    if page is None or not 1 <= longest <= MAX_PIXELS:
        raise _undrawn(number)
    try:
        longer = max(page.get_size())
        if not 0 < longer < float("inf"):
            raise _undrawn(number)
        # PDFium rounds both sides up: a line-thin page still gets its one pixel.
        bitmap = page.render(scale=longest / longer)
        picture: Image = bitmap.to_pil().convert("RGB")
        bitmap.close()
    except (pypdfium2.PdfiumError, ValueError, ZeroDivisionError):
        raise _undrawn(number) from None
    picture.thumbnail((longest, longest))
    return picture
