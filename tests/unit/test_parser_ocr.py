"""OCR: languages, words, slants and places; a program that fails; scans that lie askew or upside down."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from bench.scans import scanned, sheet
from jobs.errors import InputError
from jobs.issues import Issue
from parsers import ocr, ocr_program
from parsers.ocr_picture import contrasted, grey, slant, straightened
from parsers.ocr_words import Page, page_of, reading_of

HERE = ocr.available()
needs_tesseract = pytest.mark.skipif(HERE is None, reason="no tesseract (apt-get install tesseract-ocr)")
HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def table(*words: tuple[int, int, int, str]) -> bytes:
    """Tesseract's table of words: block, paragraph, line and text of each."""
    rows = [
        f"5\t1\t{block}\t{par}\t{line}\t{at}\t{at * 60}\t{line * 20}\t50\t12\t90.5\t{text}"
        for at, (block, par, line, text) in enumerate(words, 1)
    ]
    return (HEAD + "1\t1\t0\t0\t0\t0\t0\t0\t600\t800\t-1\t\n" + "\n".join(rows) + "\n").encode()


def text_of(raw: bytes) -> str:
    reading = reading_of(raw)
    upright = straightened(Image.new("L", (600, 800), 255), turn=0)
    return page_of(reading, upright=upright, picture=(600, 800), scale=1.0).text


def read(picture: Image.Image, folder: Path, **how) -> Page:
    found = ocr.read(picture, scratch=folder, **how)
    assert isinstance(found, Page), found
    return found


@pytest.mark.parametrize("text", ["eng", "deu+eng", "chi_sim", "eng+eng", "a_+Bc"])
def test_language__names_and_sums_of_names_pass(text):
    """A name as tesseract has it, or several with + between, comes back without repeats."""
    assert ocr.checked_language(text) == "+".join(dict.fromkeys(text.split("+")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "eng+",
        "e",
        "../eng",
        "eng/deu",
        "eng deu",
        "-l",
        "eng\n",
        "x" * 21,
        "osd1",
        "ab+cd+ef+gh+ij+kl",
        "eng\0",
    ],
)
def test_language__everything_else_is_refused(text):
    """What could lead to another file, be an option, or load many models is refused by its code, with what to write."""
    with pytest.raises(InputError) as caught:
        ocr.checked_language(text)
    assert caught.value.fault.code == "ocr.language"
    assert "eng" in caught.value.fault.hint


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_language__what_passes_is_letters_only(text):
    """Whatever is asked for, nothing but letters, low lines and plus signs gets through."""
    try:
        found = ocr.checked_language(text)
    except InputError:
        return
    assert found.replace("+", "").replace("_", "").isascii()
    assert found.replace("+", "").replace("_", "").isalpha()


def test_longest__is_that_of_200_dpi_within_the_cap():
    """A4 and Letter get about 200 dpi; large drawings, and pages that are nothing, stay within bounds."""
    assert ocr.longest(595, 842) == 2339
    assert ocr.longest(792, 612) == 2200
    assert ocr.longest(3000, 4000) == ocr.MAX_PIXELS
    assert ocr.longest(0, 0) == 1


def test_table__becomes_lines_and_paragraphs():
    """Words of a line stand beside each other, lines below, and an empty line parts paragraphs and blocks."""
    raw = table((1, 1, 1, "Bill"), (1, 1, 1, "of"), (1, 1, 2, "materials"), (1, 2, 1, "3001"), (2, 1, 1, "7"))
    assert text_of(raw) == "Bill of\nmaterials\n\n3001\n\n7"


def test_table__words_keep_box_and_confidence():
    """A word's box goes from its upper left to its lower right corner."""
    (word,) = reading_of(table((1, 1, 1, "3001"))).words
    assert word == ("3001", 60.0, 20.0, 110.0, 32.0, 90.5)


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_table__of_anything_is_read_without_error(raw):
    """Cut off, garbled or foreign bytes give fewer words, never an error."""
    reading_of(raw)
    reading_of(table((1, 1, 1, "word"))[: len(raw)] + raw)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("15399¢", "15399c"),
        ("6283la", "62831a"),
        ("300O12", "300012"),
        ("25¢", "25¢"),
        ("100l", "100l"),
        ("Oil", "Oil"),
        ("of\ufb01ce", "office"),
        ("\ufb01n", "fin"),
        ("a\u0007b\u200bc", "abc"),
    ],
)
def test_words__are_mended_only_where_digits_tell(said, meant):
    """Misread letters within long numbers are put right; prices, liters and words stay; ligatures become letters."""
    assert reading_of(table((1, 1, 1, said))).words[0].text == meant


@pytest.mark.parametrize("skew", [-3.0, -1.2, 0.0, 0.7, 2.0])
def test_slant__finds_what_the_scanner_did(skew):
    """Lines of text tell the skew to a tenth of a degree or so, noise or not."""
    picture = scanned(lines(), skew=skew, noise=12)
    assert slant(picture) == pytest.approx(-skew, abs=0.15)


def test_slant__of_nothing_is_nothing():
    """Blank paper, a single dot and a picture of one pixel stay as they are."""
    blank = Image.new("L", (400, 300), 255)
    dot = blank.copy()
    dot.putpixel((7, 7), 0)
    assert slant(blank) == slant(dot) == 0.0
    assert slant(Image.new("L", (1, 1), 0)) == 0.0


def test_contrast__makes_gray_paper_white_and_ink_black():
    """Noise of paper ends as white; a page of one shade stays."""
    shades = contrasted(scanned(lines(), noise=8)).histogram()
    assert shades[255] > 0.9 * sum(shades)
    gray = Image.new("L", (50, 50), 77)
    assert contrasted(gray).getextrema() == (77, 77)


def test_gray__puts_transparent_pictures_on_white_and_bounds_them():
    """What is clear counts as paper, whatever color lies beneath; large pictures shrink."""
    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    picture, scale = grey(clear, longest=100)
    assert picture.getextrema() == (255, 255)
    assert (picture.size, scale) == ((100, 67), pytest.approx(1 / 3))
    assert grey(Image.new("1", (5000, 2)), longest=100)[0].size == (100, 1)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_place__leads_back_to_the_picture_as_it_was(turn):
    """A mark of the straightened picture is found at its place in the scan, whichever way it lay."""
    clean = lines()
    ImageDraw.Draw(clean).rectangle((100, 40, 119, 59), fill=0)
    scan = scanned(clean, skew=1.5, turn=turn)
    upright = straightened(scan, turn=-turn % 360)
    right, down = upright.picture.width / 2 - clean.width / 2, upright.picture.height / 2 - clean.height / 2
    x, y = upright.place(110 + right, 50 + down)
    assert scan.crop((round(x) - 5, round(y) - 5, round(x) + 5, round(y) + 5)).getextrema()[1] < 60


def lines() -> Image.Image:
    """A picture with lines of text."""
    picture = Image.new("L", (700, 500), 255)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    for row in range(11):
        pen.text((150, 40 + 38 * row), f"part {row * 7919 % 9999} of the list, pieces {row}", font=font, fill=0)
    return picture


def test_program__absent_is_told(tmp_path, monkeypatch):
    """Without tesseract there is no version and no language, and whoever reads all the same gets an issue."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ocr.available() is None
    assert ocr.languages() == frozenset()
    found = ocr.read(lines(), scratch=tmp_path, page=3)
    assert isinstance(found, Issue)
    assert (found.code, found.row) == ("ocr.page", 3)
    assert ocr.UNAVAILABLE == "ocr.unavailable"


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a tesseract of our own first on the path; it knows `eng`."""
    path = folder / "bin" / "tesseract"
    path.parent.mkdir()
    known = 'case "$1" in --list-langs) printf "List:\\neng\\nscript/Latin\\nosd\\n"; exit;; esac'
    path.write_text(f"#!/bin/sh\n{known}\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -SEGV $$", "signal 11"),
        ("exit 3", "exit code 3"),
        ("exec sleep 60", "too long"),
        ("exec cat /dev/zero", "signal 25"),
    ],
)
def test_program__that_fails_costs_its_page_only(tmp_path, monkeypatch, script, said):
    """A crash, an error, a hang and a flood each become an issue that says so, soon; no file stays."""
    program(tmp_path, script, monkeypatch)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    began = time.monotonic()
    found = ocr.read(lines(), scratch=scratch, timeout=0.5)
    assert isinstance(found, Issue)
    assert found.code == "ocr.page"
    assert said in found.message
    assert time.monotonic() - began < 5
    assert list(scratch.iterdir()) == []


def test_program__sees_nothing_of_our_environment(tmp_path, monkeypatch):
    """Tesseract gets one thread and where its models are; no secret, and no home but its scratch."""
    monkeypatch.setenv("HEAVYLIFT_STORE_SECRET_KEY", "hunter2")
    monkeypatch.setenv("TESSDATA_PREFIX", "/models")
    program(tmp_path, f'env > "{tmp_path}/seen"', monkeypatch)
    ocr.read(lines(), scratch=tmp_path)
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert "hunter2" not in seen.values()
    assert seen["OMP_THREAD_LIMIT"] == "1"
    assert seen["TESSDATA_PREFIX"] == "/models"
    assert seen["HOME"] == str(tmp_path)


def test_language__that_is_not_installed_names_those_that_are(tmp_path, monkeypatch):
    """The submitter is told which languages there are; models for other ends are not among them."""
    program(tmp_path, "exit 1", monkeypatch)
    assert ocr.languages() == {"eng"}
    with pytest.raises(InputError) as caught:
        ocr.read(lines(), language="eng+deu", scratch=tmp_path)
    assert caught.value.fault.code == "ocr.language"
    assert caught.value.fault.hint == "Installed: eng."


@needs_tesseract
def test_read__a_skewed_noisy_scan(tmp_path):
    """Part numbers are read right, in boxes that hold them on the scan as it was given; rows are level in the upright ones."""
    page = sheet(3, tmp_path, rows=5)
    scan = scanned(page.picture.crop((0, 0, 1654, 600)), skew=1.4, blur=0.5, noise=10, quality=70)
    found = read(scan, tmp_path)
    words = {word.text: word for word in found.words}
    assert set(page.numbers) <= words.keys()
    assert found.rotation == pytest.approx(-1.4, abs=0.15)
    assert found.confidence > 80
    level = [word for word in found.upright if word.text in page.numbers]
    assert max(word.x0 for word in level) - min(word.x0 for word in level) < 6
    word = words[page.numbers[0]]
    inside = scan.crop((round(word.x0), round(word.y0), round(word.x1), round(word.y1)))
    assert inside.getextrema()[0] < 80
    assert list(tmp_path.iterdir()) == []


@needs_tesseract
def test_read__a_page_that_lies_on_its_side(tmp_path):
    """A turned page is read upright; the boxes still are those of the picture as it was given."""
    page = sheet(4, tmp_path, rows=8)
    found = read(scanned(page.picture.crop((0, 0, 1654, 700)), turn=90), tmp_path)
    assert round(found.rotation / 90) * 90 % 360 == 270
    number = next(word for word in found.words if word.text == page.numbers[0])
    assert number.y1 - number.y0 > 2 * (number.x1 - number.x0)


@needs_tesseract
def test_read__the_turn_of_the_page_before_is_only_a_hint(tmp_path):
    """A page is read upright at once where the hint is right, and all the same where it is wrong."""
    page = sheet(4, tmp_path, rows=8)
    clean = page.picture.crop((0, 0, 1654, 700))
    for turn, hint in ((180, 180), (0, 180)):
        found = read(scanned(clean, turn=turn), tmp_path, turn=hint)
        assert found.turn == turn
        assert set(page.numbers[:4]) <= {word.text for word in found.words}


@needs_tesseract
@pytest.mark.parametrize("size", [(1, 1), (600, 800), (3, 900)])
def test_read__an_empty_page(tmp_path, size):
    """Blank paper of any size is a page without words, no issue."""
    found = read(Image.new("RGB", size, "white"), tmp_path)
    assert (found.text, found.words, found.confidence) == ("", (), 0.0)


@needs_tesseract
def test_read__time_that_is_over_is_not_overdrawn(tmp_path):
    """With no time left the program is not even started."""
    found = ocr.read(lines(), scratch=tmp_path, timeout=0.0)
    assert isinstance(found, Issue)
    assert "too long" in found.message


def test_limits__are_never_above_our_own():
    """What tesseract may take is a known share at most."""
    assert 0 < ocr_program._room() <= ocr_program.MEMORY
