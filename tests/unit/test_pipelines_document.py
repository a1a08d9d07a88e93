"""The document pipeline: text, tables, scans, pictures and places of a PDF's pages, in one part or in many."""

import json
import threading
import zipfile
from functools import partial

import pytest
from PIL import Image
from support.bom_pdfs import bom_pdf
from support.documents import Ran, scan
from support.pdfs import FIRST_FREE, blank_pdf, encrypted, lines, text_pdf

from documents import page_pictures
from examples.make import instructions
from jobs.errors import InputError
from parsers import ocr, pdf, pdf_guard
from pipelines import document


def manual(pages):
    """A document of so many pages, each with a line of its own."""
    return text_pdf(
        *(
            lines(f"This is page {number} of the manual.", "Click the bricks together.")
            for number in range(1, pages + 1)
        )
    )


def codes(ran):
    return [code for code, _ in ran.warnings]


def test_document__the_sample(tmp_path):
    """Each page is a line with its text, the whole is Markdown and chunks, and the summary counts them."""
    ran = Ran(tmp_path, instructions())
    pages = ran.lines("text.jsonl")
    assert [page["page"] for page in pages] == [1, 2, 3]
    assert "3003" in pages[2]["text"]
    assert {page["source"] for page in pages} == {"text"}
    characters = sum(len(page["text"]) for page in pages)
    expected = {"format": "pdf", "pages": 3, "pages_without_text": 0, "characters": characters, "pages_read_by_ocr": 0}
    assert expected.items() <= ran.facts.items()
    assert ran.facts["chunks"] == len(ran.lines("chunks.jsonl")) > 0
    assert "3003" in ran.path("document.md").read_text()
    assert ran.warnings == []


def test_document__is_the_same_in_many_parts(tmp_path, monkeypatch):
    """However a long document is shared among workers, what comes together is the same, in the same order."""
    content, found = manual(7), []
    for each in (1000, 2):
        folder = tmp_path / str(each)
        folder.mkdir()
        monkeypatch.setattr(document, "_EACH_TEXT", each)
        monkeypatch.setattr(document, "_EACH_PICTURE", each)
        found.append(Ran(folder, content))
    whole, parted = found
    assert (whole.parts["text"], parted.parts["text"], parted.parts["thumbnails"]) == (1, 4, 4)
    assert [page["page"] for page in parted.lines("text.jsonl")] == list(range(1, 8))
    for name in ("text.jsonl", "document.md", "chunks.jsonl"):
        assert whole.path(name).read_bytes() == parted.path(name).read_bytes()
    assert {name for name in whole.names if name.endswith(".webp")} == {
        name for name in parted.names if name.endswith(".webp")
    }
    assert whole.facts == parted.facts


def test_document__a_password_opens_it(tmp_path):
    """A locked document is read with the password that was given, and refused without it."""
    locked = encrypted(manual(1), user="swordfish", owner="boss", revision=6)
    assert "page 1" in Ran(tmp_path, locked, password="swordfish").lines("text.jsonl")[0]["text"]
    with pytest.raises(InputError) as caught:
        Ran(tmp_path, locked)
    assert caught.value.fault.code == "pdf.password"


def test_document__a_damaged_one_is_repaired_once(tmp_path):
    """What PDFium refuses and pikepdf can rescue is read from the rescued copy, and the job says so."""
    cut = manual(3)[: -len(b"startxref") - 120]
    ran = Ran(tmp_path, cut)
    assert "pdf.repaired" in codes(ran)
    assert "repaired.pdf" in ran.names
    assert "page 1" in ran.lines("text.jsonl")[0]["text"]


def test_document__nothing_to_be_read(tmp_path):
    """What can't be opened fails with the parser's code."""
    with pytest.raises(InputError) as caught:
        Ran(tmp_path, b"%PDF-1.4 nothing")
    assert caught.value.fault.code == "pdf.unreadable"


def test_words__on_request(tmp_path):
    """Boxes of words come where they were asked for, and only there."""
    assert "words" not in Ran(tmp_path, manual(1)).lines("text.jsonl")[0]
    (tmp_path / "again").mkdir()
    word = Ran(tmp_path / "again", manual(1), words=True).lines("text.jsonl")[0]["words"][0]
    assert (word[0], len(word)) == ("This", 5)


def test_ocr__pages_without_text_are_seen(tmp_path):
    """A page that is a picture has the text that tesseract sees, among the others and in their order."""
    if ocr.available() is None:
        pytest.skip("tesseract is not installed")
    ran = Ran(tmp_path, scan(["Part 3001 Brick 2 x 4", "Quantity 12"], ["Part 3020 Plate"]), words=True)
    pages = ran.lines("text.jsonl")
    assert [(page["page"], page["source"]) for page in pages] == [(1, "ocr"), (2, "ocr")]
    assert "3001" in pages[0]["text"]
    assert pages[0]["confidence"] > 60
    word = next(word for word in pages[0]["words"] if word[0] == "3001")
    assert 0 < word[1] < word[3] < pages[0]["width"]
    assert ran.facts["pages_read_by_ocr"] == 2


def test_ocr__without_tesseract_the_pages_are_named(tmp_path, monkeypatch):
    """The job succeeds, and says which pages have no text and what could read them."""
    monkeypatch.setattr(ocr, "available", lambda: None)
    ran = Ran(tmp_path, blank_pdf("[0 0 100 100]", "[0 0 100 100]"))
    assert codes(ran) == ["ocr.unavailable", "pdf.no_text"]
    assert "Pages 1-2 have no text" in ran.warnings[0][1]
    assert ran.facts["characters"] == 0


def test_ocr__a_page_that_costs_too_much_to_draw_fails_no_job(tmp_path, monkeypatch):
    """A drawing that takes minutes to be drawn is left out with a warning; the document's other pages are there."""
    if ocr.available() is None:
        pytest.skip("tesseract is not installed")
    enough = threading.Event()

    def costly(*_args, **_more):
        while not enough.is_set():
            sum(range(1000))

    monkeypatch.setattr(pdf, "render", costly)
    monkeypatch.setattr(pdf_guard, "in_time", partial(pdf_guard.in_time, seconds=0.1))
    content = text_pdf(lines("This page can be read."), "")
    try:
        ran = Ran(tmp_path, content, tables=False, thumbnails=False)
    finally:
        enough.set()
    assert codes(ran) == ["pdf.too_costly"]
    assert "Page 2" in ran.warnings[0][1]
    assert [page["page"] for page in ran.lines("text.jsonl")] == [1, 2]


def test_tables__parts_lists_are_submitted(tmp_path):
    """A table that is a parts list is saved as it stands, and submitted as a parts list; another is saved only."""
    ran = Ran(tmp_path, bom_pdf("ruled", 1, rows=30).content)
    (table,) = ran.lines("tables.jsonl")
    assert table["parts_list"]
    assert ran.submitted == [("table-001-list.csv", "parts-list", {}, "table-001-list.csv")]
    assert {"table-001.csv", "table-001-list.csv"} <= ran.names
    assert (ran.facts["tables"], ran.facts["parts_lists"]) == (1, 1)


def test_thumbnails__two_of_each_page(tmp_path):
    """Each page has a WebP of 400 and one of 200 pixels with something on it, and a blurhash."""
    ran = Ran(tmp_path, instructions())
    pictures = sorted(name for name in ran.names if name.endswith(".webp"))
    assert pictures == [f"page-000{number}-{side}.webp" for number in (1, 2, 3) for side in (200, 400)]
    for side, size in ((400, (282, 400)), (200, (141, 200))):
        with Image.open(ran.path(f"page-0003-{side}.webp")) as picture:
            assert (picture.format, picture.size) == ("WEBP", size)
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 10
    assert [(page["page"], len(page["blurhash"]) > 6) for page in ran.lines("thumbnails-001.jsonl")] == [
        (1, True),
        (2, True),
        (3, True),
    ]


def test_thumbnails__of_long_documents_are_packed(tmp_path, monkeypatch):
    """Pages behind the first ones come in one ZIP per part, so that a job's answer does not list thousands."""
    monkeypatch.setattr(page_pictures, "SINGLE", 2)
    ran = Ran(tmp_path, manual(5))
    assert {"page-0002-400.webp", "pages-0003-0005.zip"} <= ran.names
    assert "page-0003-400.webp" not in ran.names
    with zipfile.ZipFile(ran.path("pages-0003-0005.zip")) as archive:
        assert len(archive.namelist()) == 6
        with archive.open("page-0004-200.webp") as file, Image.open(file) as picture:
            assert max(picture.size) == 200


def test_thumbnails__those_before_a_page_that_costs_too_much_are_kept(tmp_path, monkeypatch):
    """A page that computes for ever ends the drawing of its part with a warning, not without a picture."""
    enough, drawn = threading.Event(), pdf.pictures

    def costly(*args, **more):
        yield next(drawn(*args, **more))
        while not enough.is_set():
            sum(range(1000))

    monkeypatch.setattr(pdf, "pictures", costly)
    monkeypatch.setattr(pdf_guard, "in_time", partial(pdf_guard.in_time, seconds=0.1))
    try:
        ran = Ran(tmp_path, manual(3), tables=False)
    finally:
        enough.set()
    assert [name for name in ran.names if name.endswith("-400.webp")] == ["page-0001-400.webp"]
    assert codes(ran) == ["pdf.too_costly"]
    assert "Page 2" in ran.warnings[0][1]


def test_options__leave_steps_out(tmp_path):
    """Whoever wants text alone gets text alone."""
    ran = Ran(tmp_path, instructions(), thumbnails=False, tables=False, ocr=False)
    assert not [name for name in ran.names if name.endswith((".webp", ".csv"))]
    assert ran.lines("text.jsonl")


def test_enrich__on_request(tmp_path):
    """Language and keywords come where they were asked for."""
    ran = Ran(tmp_path, manual(3), enrich=True)
    found = json.loads(ran.path("enriched.json").read_text())
    assert found["languages"][0]["language"] == "en"
    assert ran.facts["languages"][0]["language"] == "en"


def test_index__chunks_under_their_headings(tmp_path):
    """What the file says of itself is findable where it says something, and each chunk by its text."""
    places = Ran(tmp_path, manual(2)).search.places
    assert [(place.artifact, place.place) for place in places] == [
        ("chunks.jsonl", "page 1"),
        ("chunks.jsonl", "page 2"),
    ]
    assert "Click the bricks" in places[1].text


def test_index__what_the_file_says_of_itself(tmp_path):
    """A document's own title, author and keywords are found, in a place of their own."""
    about = "<< /Title (Castle 375) /Author (Ana) /Keywords (knights drawbridge) >>"
    content = text_pdf(lines("Step one."), more=[about], trailer=f"/Info {FIRST_FREE} 0 R")
    place = Ran(tmp_path, content).search.places[0]
    assert (place.artifact, place.place, place.title) == (document.FACTS, "document", "Castle 375")
    assert place.text == "Ana knights drawbridge"
