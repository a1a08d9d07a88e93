"""PDFs: text page by page, pictures of pages, and what damaged and locked files get."""

import pytest
from support.pdfs import blank_pdf, locked_pdf

from examples.make import FILES
from jobs.errors import InputError, UnreadableFile
from parsers import pdf

SAMPLE = FILES["instructions.pdf"]()


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(SAMPLE)
    return path


def test_pages__come_with_text_and_size(sample):
    """Each page is a record with its number, its text and its size in points."""
    told = []
    found = list(pdf.pages(sample, watch=lambda page, count: told.append((page, count))))
    assert [record.row for record in found] == [1, 2, 3]
    assert found[1].fields["text"].splitlines()[0] == "Step 1: the first row"
    assert {(record.fields["width"], record.fields["height"]) for record in found} == {(420, 595)}
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_pages__come_one_at_a_time(sample):
    """The first page is there before the second is read."""
    pages = pdf.pages(sample)
    assert next(pages).row == 1
    pages.close()


def test_render__longest_side(sample):
    """A picture keeps the page's shape, and its longer side is as long as asked for."""
    picture = pdf.render(sample, 1, longest=400)
    assert picture.size == (282, 400)
    assert picture.mode == "RGB"
    assert len(picture.getcolors(1 << 20)) > 10


@pytest.mark.parametrize("page", [0, 4, -1])
def test_render__a_page_that_is_not_there(sample, page):
    """A page number out of range is the caller's mistake, and says so."""
    with pytest.raises(InputError) as caught:
        pdf.render(sample, page)
    assert caught.value.fault.code == "pdf.page"


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.4\n", SAMPLE[:200], b"\0" * 1000], ids=["empty", "head", "cut", "zeros"]
)
def test_pages__a_damaged_file(tmp_path, content):
    """What PDFium can't open is unreadable, in our own words."""
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    for read in (lambda: list(pdf.pages(path)), lambda: pdf.count_pages(path), lambda: pdf.render(path, 1)):
        with pytest.raises(UnreadableFile) as caught:
            read()
        assert caught.value.fault.code == "pdf.unreadable"


def test_pages__none_at_all(tmp_path):
    """A document that opens and has no pages is as good as unreadable."""
    path = tmp_path / "a.pdf"
    path.write_bytes(blank_pdf())
    with pytest.raises(UnreadableFile) as caught:
        list(pdf.pages(path))
    assert caught.value.fault.code == "pdf.unreadable"


def test_pages__locked_with_a_password(tmp_path):
    """A locked document is told from a damaged one, and its sender has to act."""
    path = tmp_path / "a.pdf"
    path.write_bytes(locked_pdf())
    with pytest.raises(InputError) as caught:
        list(pdf.pages(path))
    assert caught.value.fault.code == "pdf.password"
    assert caught.value.fault.actor == "submitter"


@pytest.mark.parametrize("box", ["0 0 0 0", "0 0 500 0", "0 0 1 10000", "0 0 100000 100000", "5 5 5 900"])
def test_pages__odd_sizes(tmp_path, box):
    """Pages without area, thin as a line or huge are read, and drawn within bounds or refused."""
    path = tmp_path / "a.pdf"
    path.write_bytes(blank_pdf(f"[{box}]"))
    assert len(list(pdf.pages(path))) == 1
    ((number, picture),) = pdf.pictures(path, last=5, longest=100)
    assert number == 1
    assert picture is None or max(picture.size) <= 100
