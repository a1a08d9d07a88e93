"""PDFs that are locked, cut off or lie about their pages: opened, repaired or refused with a code."""

from contextlib import suppress

import pytest
from support.hostile_pdfs import wide_page_tree
from support.pdfs import (
    blank_pdf,
    cuts,
    encrypted,
    false_count,
    in_object_streams,
    lines,
    pages_in_a_circle,
    text_pdf,
)

from jobs.errors import InputError, UnreadableFile
from parsers.pdf_open import opened, page_by_page
from parsers.pdf_repair import repaired

THREE = text_pdf(*(lines(f"Page {number} of three", "with a second line") for number in (1, 2, 3)))


def _there(path, **options):
    return [number for number, page in page_by_page(path, **options) if page is not None]


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
def test_opened__with_its_password(file, revision):
    """RC4 and AES: the right password opens, none and a wrong one are told apart, and the submitter has to act."""
    path = file(encrypted(THREE, user="geheim", owner="boss", revision=revision))
    assert _there(path, password="geheim") == [1, 2, 3]
    assert _there(path, password="boss") == [1, 2, 3]
    messages = set()
    for password in (None, "wrong"):
        with pytest.raises(InputError) as caught, opened(path, password=password):
            pass
        assert (caught.value.fault.code, caught.value.fault.actor) == ("pdf.password", "submitter")
        assert "options.password" in caught.value.fault.hint
        messages.add(caught.value.fault.message)
    assert len(messages) == 2


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
def test_opened__owner_password_only(file, revision):
    """A document that only its owner may change is read without a password, or with one that nobody asked for."""
    path = file(encrypted(THREE, user="", owner="boss", revision=revision))
    assert _there(path) == _there(path, password="") == [1, 2, 3]


@pytest.mark.parametrize(
    "content",
    [b"", blank_pdf(), pages_in_a_circle(), b"%PDF-1.7\n" + b"\0" * 500],
    ids=["empty", "0", "circle", "zeros"],
)
def test_opened__no_page(file, content):
    """A file without a page that can be opened is unreadable, and no repair gives it one."""
    path = file(content)
    with pytest.raises(UnreadableFile) as caught, opened(path):
        pass
    assert caught.value.fault.code == "pdf.unreadable"
    assert not repaired(path, to=path.with_suffix(".mended"))
    assert not path.with_suffix(".mended").exists()


def test_opened__after_a_locked_file(file):
    """Why one file was refused is not said of the next one, for which PDFium has no reason."""
    with pytest.raises(InputError), opened(file(encrypted(THREE, user="geheim", owner="boss", revision=4))):
        pass
    with pytest.raises(UnreadableFile), opened(file(wide_page_tree())):
        pass


@pytest.mark.parametrize("claimed", [2, 500, 1_000_000])
def test_page_by_page__false_count(file, claimed):
    """Pages that only the count claims are not gone through."""
    path = file(false_count(claimed))
    assert _there(path) == [1]
    assert list(page_by_page(path, first=2)) == []


def test_page_by_page__a_range(file):
    """Only the pages that are asked for are opened, however far the range reaches."""
    path = file(THREE)
    assert _there(path, first=2) == [2, 3]
    assert _there(path, first=2, last=2) == [2]
    assert _there(path, first=-5, last=99) == [1, 2, 3]
    assert _there(path, first=4) == _there(path, first=3, last=2) == []


def test_page_by_page__many_pages(file, monkeypatch):
    """A long document is opened anew in between, and no page is lost or read twice."""
    monkeypatch.setattr("parsers.pdf_open.REOPEN_AFTER", 2)
    path = file(text_pdf(*(lines(str(number)) for number in range(7))))
    assert _there(path) == [1, 2, 3, 4, 5, 6, 7]
    assert _there(path, first=2, last=5) == [2, 3, 4, 5]


@pytest.mark.parametrize("at", range(20))
@pytest.mark.parametrize("form", [bytes, in_object_streams], ids=["table", "stream"])
def test_repaired__cut_off(file, form, at):
    """A file that is cut anywhere, with its table at the end or in a stream, gives pages that are left, or a code."""
    path = file(cuts(form(THREE))[at])
    to = path.with_suffix(".mended")
    done = repaired(path, to=to)
    assert done == to.exists()
    found = []
    with suppress(UnreadableFile):
        found = _there(to if done else path)
    assert found or not done
    if form is bytes and at >= 8:  # past the first page's object nothing more is needed
        assert found


def test_repaired__whole_and_locked_files_are_left_alone(file):
    """What opens needs no repair, and a password is no damage."""
    for content in (THREE, encrypted(THREE, user="geheim", owner="boss", revision=6)):
        path = file(content)
        assert not repaired(path, to=path.with_suffix(".mended"))
        assert not path.with_suffix(".mended").exists()


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
def test_repaired__lost_its_lock(file, revision):
    """A locked file whose end is gone is not taken for an open one: without its key there is only noise in it."""
    path = file(encrypted(THREE, user="geheim", owner="boss", revision=revision)[:-80])
    for password in (None, "geheim"):
        assert not repaired(path, to=path.with_suffix(".mended"), password=password)
    with pytest.raises(UnreadableFile), opened(path, password="geheim"):
        pass


def test_repaired__larger_than_allowed(file, monkeypatch):
    """A repair that grows out of proportion is given up, and leaves nothing behind."""
    monkeypatch.setattr("parsers.pdf_repair.MAX_GROWTH", -2 * len(THREE))
    path = file(THREE[:-300])
    assert not repaired(path, to=path.with_suffix(".mended"))
    assert not path.with_suffix(".mended").exists()
