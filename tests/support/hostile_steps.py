"""Steps that read hostile PDFs under a guard with a small budget; they run in sandbox children."""

from typing import Any

from parsers import pdf, pdf_text
from parsers.pdf_guard import in_time

BUDGET = 1.0  # seconds of processor time for a page


def pictures_in_time(context: Any) -> None:
    """Draws each page, and says how many there were before one took too long."""
    drawn = 0
    for _number, picture in in_time(
        pdf.pictures(context.path("upload"), last=50), numbers=range(1, 51), seconds=BUDGET
    ):
        drawn += picture is not None
        context.summary(drawn=drawn)


def texts_in_time(context: Any) -> None:
    """Reads each page."""
    pages = in_time(pdf_text.pages(context.path("upload")), numbers=range(1, 51), seconds=BUDGET)
    context.summary(pages=sum(1 for _ in pages))
