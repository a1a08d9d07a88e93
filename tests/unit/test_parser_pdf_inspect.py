"""What a PDF says of itself: told without running, unpacking or believing any of it."""

import pytest
from support.pdfs import FIRST_FREE, encrypted, false_count, in_object_streams, lines, outlined_pdf, text_pdf

from parsers import pdf_inspect, pdf_structure, pdf_sweep
from parsers.pdf_inspect import inspect, rfc3339

TEXT = lines("Some text here")


@pytest.fixture
def facts_of(tmp_path):
    def inspected(content, **options):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return inspect(path, **options)

    return inspected


@pytest.mark.parametrize("form", [bytes, in_object_streams], ids=["table", "stream"])
def test_inspect__actions_and_files(facts_of, form):
    """Scripts, programs, forms, links and files inside are counted and named, however deep they lie."""
    more = [
        "<< /Type /Action /S /JavaScript /JS (app.alert\\(1\\)) >>",
        f"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (http://x) /Next [{FIRST_FREE} 0 R] >> >>",
        "<< /Type /Annot /Subtype /Widget /Rect [0 0 9 9] /AA << /D << /S /SubmitForm /F (http://x) >> >> >>",
        "<< /Type /EmbeddedFile /Params << /Size 1234 >> /Length 3 >>\nstream\nabc\nendstream",
        f"<< /Type /Filespec /F (a\\000b.exe) /UF (a b.exe) /EF << /F {FIRST_FREE + 3} 0 R >> >>",
    ]
    catalog = (
        f"/OpenAction << /S /Java#53cript /JS (x) >> /AA << /WC << /S /Launch /F (calc.exe) >> >>"
        f" /Names << /EmbeddedFiles << /Names [(a) {FIRST_FREE + 4} 0 R] >> >>"
    )
    page = f"/MediaBox [0 0 99 99] /Annots [{FIRST_FREE + 1} 0 R {FIRST_FREE + 2} 0 R]"
    facts = facts_of(form(text_pdf(TEXT, catalog=catalog, more=more, page=page)))
    assert {name: count for name, count in facts["actions"].items() if count} == {
        "javascript": 2,
        "launch": 1,
        "submit": 1,
        "uri": 1,
    }
    assert facts["files"] == [{"name": "a b.exe", "bytes": 1234}]
    assert facts["warnings"] == []


def test_inspect__a_plain_document(facts_of):
    """Pages, runs of sizes, fonts, and which pages have text; nothing that is not there."""
    facts = facts_of(text_pdf(TEXT, "", lines("7"), TEXT))
    assert (facts["pages"], facts["sizes"]) == (4, [{"pages": 4, "width": 400.0, "height": 600.0}])
    assert facts["fonts"] == [{"name": "Helvetica", "kind": "Type1", "embedded": False}]
    assert facts["text_pages"] == [[1, 1], [4, 4]]
    assert facts["pages_without_text"] == [[2, 3]]
    assert (facts["version"], facts["tagged"], facts["form"], facts["signatures"]) == ("1.4", False, None, 0)
    assert facts["encryption"] is None
    assert "claimed_pages" not in facts


def test_inspect__fonts(facts_of):
    """A font is named without the prefix of its subset, and told whether it is in the file."""
    more = [
        f"<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Brick#20Sans /FontDescriptor {FIRST_FREE + 1} 0 R >>",
        f"<< /Type /FontDescriptor /FontFile2 {FIRST_FREE + 2} 0 R >>",
        "<< /Length 1 >>\nstream\nx\nendstream",
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Wide /DescendantFonts [{FIRST_FREE + 4} 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Wide /FontDescriptor << /Type /FontDescriptor >> >>",
    ]
    assert facts_of(text_pdf(TEXT, more=more))["fonts"] == [
        {"name": "Brick Sans", "kind": "TrueType", "embedded": True},
        {"name": "Helvetica", "kind": "Type1", "embedded": False},
        {"name": "Wide", "kind": "CIDFontType2", "embedded": False},
    ]


def test_inspect__metadata(facts_of):
    """Metadata is cleaned and bounded, dates are RFC 3339 where they are dates."""
    info = "<< /Title (A\\001 brick\\nwall) /Author (\\377\\376x) /CreationDate (D:20240131120000+01'00') /ModDate (soon) >>"
    found = facts_of(text_pdf(TEXT, more=[info], trailer=f"/Info {FIRST_FREE} 0 R"))["metadata"]
    assert found["title"] == "A brick wall"
    assert (found["created"], found["modified"]) == ("2024-01-31T12:00:00+01:00", "soon")
    long = f"<< /Title ({'x' * 100_000}) >>"
    found = facts_of(text_pdf(TEXT, more=[long], trailer=f"/Info {FIRST_FREE} 0 R"))["metadata"]
    assert len(found["title"]) == pdf_inspect.MAX_VALUE


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("D:20240131120000Z", "2024-01-31T12:00:00Z"),
        ("D:20240131120000-08'30'", "2024-01-31T12:00:00-08:30"),
        ("D:20240131120000+01'00", "2024-01-31T12:00:00+01:00"),
        ("20240131", "2024-01-31T00:00:00Z"),
        ("D:2024", "2024-01-01T00:00:00Z"),
        ("D:20241331", None),
        ("D:00000101", None),
        ("D:20240131120000+99'00'", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_rfc3339__dates(date, told):
    """Dates of any length are read; what is none is not made one."""
    assert rfc3339(date) == told


def test_inspect__outline(facts_of):
    """Entries come in order with their page and level."""
    assert facts_of(outlined_pdf(TEXT, TEXT, TEXT))["outline"] == [
        {"title": f"Chapter {number}", "page": number, "level": 1} for number in (1, 2, 3)
    ]


def test_inspect__outline_in_a_circle(facts_of, monkeypatch):
    """An outline that leads back to itself ends, and a long one is cut with a warning."""
    outline = facts_of(outlined_pdf(TEXT, TEXT, circle=True))["outline"]
    assert {entry["title"] for entry in outline} == {"Chapter 1", "Chapter 2"}
    assert len(outline) < 10
    monkeypatch.setattr(pdf_inspect, "MAX_OUTLINE", 2)
    facts = facts_of(outlined_pdf(TEXT, TEXT, TEXT))
    assert len(facts["outline"]) == 2
    assert [code for code, _ in facts["warnings"]] == ["pdf.outline"]


@pytest.mark.parametrize(
    ("revision", "method"), [(2, "RC4 40-bit"), (3, "RC4 128-bit"), (4, "AES-128"), (6, "AES-256")]
)
def test_inspect__encryption(facts_of, revision, method):
    """How it is locked, and what its owner allows."""
    facts = facts_of(encrypted(text_pdf(TEXT), user="geheim", owner="boss", revision=revision), password="geheim")
    assert (facts["encryption"]["method"], facts["encryption"]["revision"]) == (method, revision)
    assert set(facts["encryption"]["allowed"].values()) <= {True, False}
    assert facts["text_pages"] == [[1, 1]]


def test_inspect__false_count(facts_of):
    """Pages that only the count claims are told as such."""
    facts = facts_of(false_count(50))
    assert (facts["pages"], facts["claimed_pages"]) == (1, 50)
    assert [code for code, _ in facts["warnings"]] == ["pdf.page"]


def test_inspect__objects_that_unpack_without_end(facts_of, monkeypatch):
    """Streams of objects are not unpacked beyond a limit: then there is a warning instead of the structure's facts."""
    monkeypatch.setattr(pdf_structure, "MAX_STREAM", 200_000)
    facts = facts_of(
        in_object_streams(text_pdf(TEXT, catalog=f"/Big {FIRST_FREE} 0 R", more=["[" + "9 " * 500_000 + "]"]))
    )
    assert facts["text_pages"] == [[1, 1]]
    assert facts["fonts"] is facts["actions"] is None
    assert [code for code, _ in facts["warnings"]] == ["pdf.partly_inspected"]


def test_inspect__too_many_objects(facts_of, monkeypatch):
    """A file with more objects than are looked at says so."""
    monkeypatch.setattr(pdf_sweep, "MAX_OBJECTS", 3)
    assert [code for code, _ in facts_of(text_pdf(TEXT))["warnings"]] == ["pdf.partly_inspected"]


def test_inspect__structure_that_qpdf_refuses(facts_of):
    """What PDFium reads and qpdf does not is a warning, never a failure."""
    deep = "[" * 5_000 + "]" * 5_000
    facts = facts_of(text_pdf(TEXT, catalog=f"/Deep {deep}"))
    assert facts["pages"] == 1
    assert facts["fonts"] is None or facts["warnings"] == []
