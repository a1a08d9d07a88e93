"""Opens PDFs with qpdf, which knows their objects but draws nothing, within limits that no bomb passes."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MAX_STREAM = 64 * 1024 * 1024  # bytes that one stream of objects may unpack to
MAX_WARNINGS = 5_000  # of qpdf, about one file; after them it gives up
MAX_NESTING = 100  # of arrays and dictionaries in each other
MAX_ITEMS = 1_000_000  # of one array or dictionary
MAX_FILTERS = 2  # of one stream: each may unpack a thousandfold


@contextmanager
def structure(path: Path, *, password: str | None = None) -> Iterator[Any]:
    """The pikepdf document. Raises `pikepdf.PdfError` where qpdf can't make sense of the file, or its limits are hit."""
    import pikepdf

    # The limits are of the whole process, and stay: nobody in it wants less care.
    pikepdf.settings.set_qpdf_limits(
        doc_max_warnings=MAX_WARNINGS,
        parser_max_nesting=MAX_NESTING,
        parser_max_container_size=MAX_ITEMS,
        parser_max_container_size_damaged=MAX_ITEMS,
        max_stream_filters=MAX_FILTERS,
        flate_max_memory=MAX_STREAM,
        png_max_memory=MAX_STREAM,
        tiff_max_memory=MAX_STREAM,
        run_length_max_memory=MAX_STREAM,
        dct_max_memory=MAX_STREAM,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a password that was not needed, of fields without a form
        with pikepdf.open(path, password=password or "", inherit_page_attributes=False) as document:
            yield document
