"""Hostile PDFs that a parser can survive by itself, and the guard that bounds what one page may cost."""

import threading
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile_pdfs import ATTACKS, TRUNCATIONS, cut, honest, packed

from jobs.errors import Actor, InputError
from jobs.issues import Issue
from parsers import pdf, pdf_text
from parsers.pdf_guard import in_time

READ = {  # attack (all of them cheap) -> pages that are read, and pages that can't be
    "deep_contents": (1, 0),
    "deep_page_tree": (0, 1),
    "page_tree_in_itself": (0, 2),
    "outline_cycle": (1, 0),
    "huge_box": (1, 0),
    "thin_box": (1, 0),
    "zero_box": (1, 0),
    "false_count": (1, 0),
    "mask_of_itself": (1, 0),
    "glyph_in_itself": (1, 0),
    "length_too_long": (1, 0),
    "length_too_short": (1, 0),
    "length_negative": (1, 0),
    "length_of_itself": (1, 0),
    "xref_false_index": (1, 0),
    "xref_cycle": (1, 0),
}


def read(path):
    """What its pages are, or the code of why there are none."""
    try:
        return list(pdf_text.pages(path))
    except InputError as error:
        return error.fault.code


@pytest.mark.parametrize("attack", READ)
def test_attack__is_read_or_named(tmp_path, attack):
    """Each page of a file that lies or goes in circles is a record or an issue with a code, and is drawn or left out."""
    path = tmp_path / "a.pdf"
    path.write_bytes(ATTACKS[attack]())
    found = read(path)
    if READ[attack][0] == 0 and found == "pdf.unreadable":
        return
    bad = sum(isinstance(item, Issue) for item in found)
    assert (len(found) - bad, bad) == READ[attack]
    assert len(list(pdf.pictures(path, last=3, longest=400))) == len(found)


@pytest.mark.parametrize("attack", ["wide_page_tree", "object_stream_false_count"])
def test_attack__is_unreadable(tmp_path, attack):
    """A file whose pages can't be counted is unreadable."""
    path = tmp_path / "a.pdf"
    path.write_bytes(ATTACKS[attack]())
    assert read(path) == "pdf.unreadable"


@pytest.mark.parametrize("xref_stream", [False, True], ids=["classic", "xref_stream"])
def test_cut__at_any_point(tmp_path, xref_stream):
    """Wherever a document is cut off, it has pages or is unreadable; whole, it has all of them."""
    path = tmp_path / "a.pdf"
    for point in range(TRUNCATIONS):
        path.write_bytes(cut(point, xref_stream=xref_stream))
        found = read(path)
        assert found == "pdf.unreadable" or 1 <= len(found) <= 12
    path.write_bytes(honest(pages=12, xref_stream=xref_stream))
    texts = [item.fields["text"] for item in pdf_text.pages(path)]
    assert [f"Part {3000 + n}-0 takes" in text for n, text in enumerate(texts)] == [True] * 12


@settings(max_examples=50, deadline=None)
@given(block=st.binary(min_size=1, max_size=300), times=st.integers(0, 40))
def test_packed__is_what_zlib_reads(block, times):
    """The generator's short cut makes streams that unpack to the block, that many times."""
    assert zlib.decompress(packed(block, times)) == block * times


def counted(last, *, closed):
    """The numbers from 1 to `last`."""
    try:
        yield from range(1, last + 1)
    finally:
        closed.append(threading.current_thread().name)


def test_in_time__hands_on_what_comes():
    """Items come in order, all of them, and are made and closed on one thread that is not the caller's."""
    closed = []
    assert list(in_time(counted(5, closed=closed), numbers=range(1, 6))) == [1, 2, 3, 4, 5]
    assert closed == ["pages_0"]


def test_in_time__nothing_at_all():
    """No pages are no problem."""
    assert list(in_time(counted(0, closed=[]), numbers=[])) == []


def test_in_time__passes_on_what_is_raised():
    """What reading a page raises arrives after the pages before it, even where it is a TimeoutError."""

    def breaking():
        yield 1
        raise TimeoutError("of its own")

    pages = in_time(breaking(), numbers=[1, 2])
    assert next(pages) == 1
    with pytest.raises(TimeoutError, match="of its own"):
        next(pages)


def test_in_time__closes_what_is_left_early():
    """Where the caller has enough, the document is closed all the same, soon."""
    closed = []
    pages = in_time(counted(100, closed=closed), numbers=range(1, 101))
    assert next(pages) == 1
    pages.close()
    deadline = time.monotonic() + 5
    while not closed and time.monotonic() < deadline:
        time.sleep(0.005)
    assert closed == ["pages_0"]


def test_in_time__a_page_that_computes_too_long():
    """The page that takes too much processor time is named to its sender; those before it came."""
    enough = threading.Event()

    def spinning():
        yield "page 4"
        while not enough.is_set():
            pass
        yield "page 7"

    pages = in_time(spinning(), numbers=[4, 7], seconds=0.1)
    assert next(pages) == "page 4"
    try:
        with pytest.raises(InputError) as caught:
            next(pages)
    finally:
        enough.set()
    fault = caught.value.fault
    assert (fault.code, fault.actor, fault.place) == ("pdf.too_costly", Actor.SUBMITTER, {"page": 7})
    assert "Page 7 takes more than 0.1 seconds" in fault.message


def test_in_time__waiting_is_no_computing():
    """A page that waits (for a disk, for a busy machine) is waited for, and so is a slow caller."""

    def waiting():
        time.sleep(0.15)
        yield 1
        time.sleep(0.15)
        yield 2

    found = []
    for item in in_time(waiting(), numbers=[1, 2], seconds=0.05):
        time.sleep(0.1)
        found.append(item)
    assert found == [1, 2]
