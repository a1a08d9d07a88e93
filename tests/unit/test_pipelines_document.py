"""The document pipeline: text, pictures and places of a PDF's pages."""

import pytest
from PIL import Image
from support.context import FolderContext, ListIndex
from support.pdfs import blank_pdf

from examples.make import instructions
from jobs.errors import InputError
from pipelines import document


def context(folder, content):
    upload = folder / "upload.bin"
    upload.write_bytes(content)
    return FolderContext(folder, upload, kind="pdf")


def test_text__the_sample(tmp_path):
    """Each page is a line with its text, and the summary counts pages and characters."""
    ctx = context(tmp_path, instructions())
    document.text(ctx)
    pages = ctx.lines("text.jsonl")
    assert [page["page"] for page in pages] == [1, 2, 3]
    assert "3003" in pages[2]["text"]
    assert ctx.facts == {"format": "pdf", "pages": 3, "characters": sum(len(page["text"]) for page in pages)}
    assert ctx.told == [(1, 3), (2, 3), (3, 3)]
    assert ctx.warnings == []


def test_text__a_document_without_text_is_told(tmp_path):
    """A scan succeeds with a warning."""
    ctx = context(tmp_path, blank_pdf("[0 0 100 100]"))
    document.text(ctx)
    assert ctx.facts == {"format": "pdf", "pages": 1, "characters": 0}
    assert [code for code, _ in ctx.warnings] == ["pdf.no_text"]


def test_thumbnails__one_for_each_page(tmp_path):
    """Each page has a WebP whose longer side is 400 pixels, with something on it."""
    ctx = context(tmp_path, instructions())
    document.thumbnails(ctx)
    assert sorted(ctx.media_types) == ["page-0001.webp", "page-0002.webp", "page-0003.webp"]
    with Image.open(ctx.path("page-0003.webp")) as picture:
        assert (picture.format, picture.size) == ("WEBP", (282, 400))
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_thumbnails__are_capped(tmp_path, monkeypatch):
    """A long document gets pictures of its first pages, and a warning."""
    monkeypatch.setattr(document, "MAX_PICTURES", 2)
    ctx = context(tmp_path, instructions())
    document.thumbnails(ctx)
    assert sorted(ctx.media_types) == ["page-0001.webp", "page-0002.webp"]
    assert ctx.warnings == [("thumbnails.capped", "Only the first 2 of 3 pages have a picture.")]


def test_thumbnails__a_damaged_document(tmp_path):
    """What can't be opened fails with the parser's code."""
    with pytest.raises(InputError) as caught:
        document.thumbnails(context(tmp_path, b"%PDF-1.4 nothing"))
    assert caught.value.fault.code == "pdf.unreadable"


def test_index__each_page_with_text(tmp_path):
    """Each page is findable under its first line."""
    ctx, search = context(tmp_path, instructions()), ListIndex()
    document.text(ctx)
    document.index(ctx, search=search)
    assert [(place.place, place.title) for place in search.places][1] == ("page 2", "Step 1: the first row")
    assert {place.artifact for place in search.places} == {"text.jsonl"}
