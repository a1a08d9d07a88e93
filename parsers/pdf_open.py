"""Opens PDFs with PDFium and goes through their pages. Native code: only in a sandbox."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile

REOPEN_AFTER = 200  # pages: PDFium keeps whatever it has read of a document until that is closed
MAX_PASSWORD = 127  # bytes of UTF-8 that count, ISO 32000-2 section 7.6.4.3
MOST_OPENINGS = 20  # of one document: each goes through its pages anew
_LOOKED_AT = 2_000  # pages, one by one from the last
_PASSWORD_ERROR = 4  # PDFium's FPDF_ERR_PASSWORD
_SECURITY_ERROR = 5  # FPDF_ERR_SECURITY: a kind of encryption that it does not know


@contextmanager
def opened(path: Path, *, password: str | None = None) -> Iterator[Any]:
    """The pypdfium2 document, which has at least one page that can be opened.

    Raises `InputError` (`pdf.password`: none was given, or a wrong one; `pdf.encryption`: of an unknown kind) and
    `UnreadableFile` (`pdf.unreadable`).
    """
    import pypdfium2

    _forget_last_error()
    try:
        document = pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        raise _refusal(error.err_code, given=password) from None
    try:
        if not last_readable(document):
            raise unreadable()
        yield document
    finally:
        document.close()


def last_readable(document: Any) -> int:
    """The number of the last page that is really there; 0 where none is.

    PDFium believes the file's `/Count`: a document of one page may claim to have a million.
    """
    from pypdfium2 import raw

    size = raw.FS_SIZEF()

    def there(index: int) -> bool:
        return bool(raw.FPDF_GetPageSizeByIndexF(document.raw, index, size))

    claimed = len(document)
    for index in range(claimed - 1, max(claimed - _LOOKED_AT, 0) - 1, -1):
        if there(index):
            return index + 1
    # So many are no damaged pages among good ones, but a lie: the good ones end somewhere below.
    return bisect_left(range(max(claimed - _LOOKED_AT, 0)), 1, key=lambda index: int(not there(index)))


def page_by_page(
    path: Path, *, password: str | None = None, first: int = 1, last: int | None = None
) -> Iterator[tuple[int, Any | None]]:
    """Number and open page of `first` to `last` (from 1), None for a page that can't be opened; raises as `opened`.

    A page is closed when the next is asked for. The document is opened anew every `REOPEN_AFTER` pages or more, so
    that memory does not grow with their number.
    """
    start, end = max(first, 1), None
    while end is None or start <= end:
        with opened(path, password=password) as document:
            if end is None:
                end = last_readable(document) if last is None else min(last, last_readable(document))
            run = max(REOPEN_AFTER, end // MOST_OPENINGS)
            for number in range(start, min(end + 1, start + run)):
                page = _page(document, number)
                try:
                    yield number, page
                finally:
                    if page is not None:
                        page.close()
        start += run


def unreadable() -> UnreadableFile:
    """The fault of a file of which no page can be read."""
    hint = "It may be cut off; open it in a viewer and save it again."
    return UnreadableFile("pdf.unreadable", "The PDF is damaged: no page of it can be read.", hint=hint)


def _forget_last_error() -> None:
    """PDFium does not say why it refuses some files: what it said of an earlier one would be taken for the reason."""
    from pypdfium2 import raw

    raw.FPDF_LoadMemDocument(b"-", 1, None)  # refused with FPDF_ERR_FORMAT


def _page(document: Any, number: int) -> Any | None:
    import pypdfium2

    try:
        return document[number - 1]
    except pypdfium2.PdfiumError:
        return None


def _refusal(code: int | None, *, given: str | None) -> InputError:
    if code == _PASSWORD_ERROR and given:
        hint = "Give the right one in options.password, or remove it from the file."
        return InputError("pdf.password", "The PDF does not open with the password that was given.", hint=hint)
    if code == _PASSWORD_ERROR:
        hint = "Give it in options.password, or remove it and send the file again."
        return InputError("pdf.password", "The PDF is locked with a password.", hint=hint)
    if code == _SECURITY_ERROR:
        hint = "Save it without encryption, then send it again."
        return InputError("pdf.encryption", "The PDF is encrypted in a way that can not be read.", hint=hint)
    return unreadable()
