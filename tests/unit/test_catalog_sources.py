"""Sources of a catalog are opened within limits, whatever somebody put into the folder or ZIP."""

import gzip
import io
import struct
import zipfile

import pytest
from support.catalogs import COLORS, PARTS, write_sources, zipped

from catalog import sources
from catalog.collect import collect
from catalog.rows import Tally
from catalog.sources import find_sources, text_lines, whole_text
from jobs.errors import InputError

_BLANK = " " * 999 + "\n"


def refused(place):
    """The code with which a place is refused when it is read."""
    with pytest.raises(InputError) as caught:
        collect(place, tally=Tally())
    fault = caught.value.fault
    assert fault.message
    assert fault.hint
    return fault.code


def test_sources__folder_and_zip_give_the_same(tmp_path):
    """A folder, a ZIP of it, and a ZIP with a folder in it hold the same tables."""
    folder = write_sources(tmp_path / "folder")
    flat = zipped(tmp_path / "flat.zip", {"parts.csv": PARTS, "colors.csv": COLORS})
    nested = zipped(tmp_path / "nested.zip", {"dump/Parts.CSV": PARTS, "dump\\colors.csv": COLORS, "dump/": ""})
    assert collect(folder, tally=Tally()) == collect(flat, tally=Tally()) == collect(nested, tally=Tally())


def test_sources__gzip_is_unpacked(tmp_path):
    """Tables may be gzipped, in a folder and within a ZIP."""
    packed = {"parts.csv.gz": gzip.compress(PARTS.encode()), "colors.csv.gz": gzip.compress(COLORS.encode())}
    folder = write_sources(tmp_path / "folder", parts__csv=None, colors__csv=None)
    for name, body in packed.items():
        (folder / name).write_bytes(body)
    found = collect(folder, tally=Tally())
    assert [part.part_num for part in found.parts] == ["3001", "3070b"]
    assert found == collect(zipped(tmp_path / "a.zip", packed, zipfile.ZIP_STORED), tally=Tally())


def test_sources__hidden_files_of_a_mac_are_passed_over(tmp_path):
    """What a Mac puts beside each file of a ZIP is no second table."""
    place = zipped(
        tmp_path / "mac.zip", {"parts.csv": PARTS, "__MACOSX/._parts.csv": b"\0\5\x16\7", "colors.csv": COLORS}
    )
    assert len(collect(place, tally=Tally()).parts) == 2


@pytest.mark.parametrize("body", [b"", b"PK", b"not a zip at all", b"PK\x03\x04" + b"\0" * 100])
def test_sources__no_zip_is_refused(tmp_path, body):
    """A file that is no ZIP is refused in words."""
    (tmp_path / "a.zip").write_bytes(body)
    assert refused(tmp_path / "a.zip") == "catalog.unreadable"


def test_sources__absent_is_refused(tmp_path):
    """A place that is not there is refused, too."""
    assert refused(tmp_path / "nowhere") == "catalog.missing"


@pytest.mark.parametrize("gone", ["parts__csv", "colors__csv"])
def test_sources__a_table_that_must_be_there(tmp_path, gone):
    """Without parts or without colors there is no catalog."""
    assert refused(write_sources(tmp_path / "a", **{gone: None})) == "catalog.missing"


def test_sources__two_files_for_one_table(tmp_path):
    """Two candidates for a table are refused: nobody can say which is meant."""
    place = write_sources(tmp_path / "a")
    (place / "parts.csv.gz").write_bytes(gzip.compress(PARTS.encode()))
    assert refused(place) == "catalog.ambiguous"


@pytest.mark.parametrize("cut", [10, 40, -4])
def test_sources__cut_gzip_is_refused(tmp_path, cut):
    """A download that broke off is told as such, wherever it broke off."""
    place = write_sources(tmp_path / "a", parts__csv=None, parts__csv__gz=gzip.compress(PARTS.encode())[:cut])
    assert refused(place) == "catalog.unreadable"


def test_sources__a_page_instead_of_a_table(tmp_path):
    """A login page saved under a table's name lacks the columns, or is no gzip."""
    page = "<!doctype html><html><body>Sign in</body></html>"
    assert refused(write_sources(tmp_path / "a", parts__csv=page)) == "catalog.header"
    assert refused(write_sources(tmp_path / "b", parts__csv=None, parts__csv__gz=page)) == "catalog.unreadable"


def test_sources__gzip_bomb_is_refused_early(tmp_path):
    """A table that unpacks a thousand to one stops being read at the limit."""
    bomb = gzip.compress(PARTS.encode() + _BLANK.encode() * 30_000, 9)
    assert len(bomb) < 100_000
    place = write_sources(tmp_path / "a", parts__csv=None, parts__csv__gz=bomb)
    assert refused(place) == "catalog.too_large"


def test_sources__zip_bomb_is_refused_early(tmp_path):
    """The same within a ZIP, whatever size its directory declares."""
    place = zipped(tmp_path / "a.zip", {"parts.csv": PARTS + _BLANK * 30_000, "colors.csv": COLORS})
    assert refused(place) == "catalog.too_large"


def test_sources__zip_of_too_many_files(tmp_path, monkeypatch):
    """A ZIP of thousands of files is refused before any is opened."""
    monkeypatch.setattr(sources, "MAX_ENTRIES", 3)
    place = zipped(tmp_path / "a.zip", {f"{n}.txt": "" for n in range(4)})
    assert refused(place) == "catalog.too_large"


def test_sources__file_beyond_the_cap(tmp_path, monkeypatch):
    """A plain file is read up to the cap, too."""
    monkeypatch.setattr(sources, "MAX_FILE", 100_000)
    place = write_sources(tmp_path / "a", parts__csv=PARTS + "\n" * 200_000)
    assert refused(place) == "catalog.too_large"


def test_sources__encrypted_zip_is_refused(tmp_path):
    """An entry with a password is refused, and not asked for."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("parts.csv", PARTS)
    body = bytearray(written.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", body, body.index(mark) + place, 1)
    (tmp_path / "a.zip").write_bytes(body)
    assert refused(tmp_path / "a.zip") == "catalog.unreadable"


def test_sources__damaged_zip_entry_is_refused(tmp_path):
    """A flipped byte in an entry is noticed by its checksum."""
    place = zipped(tmp_path / "a.zip", {"parts.csv": PARTS, "colors.csv": COLORS}, zipfile.ZIP_STORED)
    place.write_bytes(place.read_bytes().replace(b"Brick 2 x 4", b"Brick 2 x 5"))
    assert refused(place) == "catalog.unreadable"


@pytest.mark.parametrize("body", [PARTS.encode("utf-16"), PARTS.encode() + b"1,W\xfcrth,1,\n"])
def test_sources__other_encodings_are_refused(tmp_path, body):
    """Published tables are in UTF-8; another encoding means that a spreadsheet was in between."""
    assert refused(write_sources(tmp_path / "a", parts__csv=body)) == "catalog.encoding"


def test_sources__byte_order_mark_is_dropped(tmp_path):
    """A mark before the header does not hide the first column."""
    place = write_sources(tmp_path / "a", parts__csv="\ufeff" + PARTS)
    assert len(collect(place, tally=Tally()).parts) == 2


def test_sources__a_line_without_end_is_refused(tmp_path):
    """One endless line takes no memory to speak of."""
    place = write_sources(tmp_path / "a", parts__csv=PARTS + "9," + "x" * 200_000)
    assert refused(place) == "catalog.unreadable"


def test_sources__whole_text_is_bounded(tmp_path):
    """Files that are read as a whole have a limit of their own."""
    (tmp_path / "a.json").write_text("[" + " " * 2_000_000 + "]")
    (source,) = find_sources(tmp_path)
    with pytest.raises(InputError) as caught:
        whole_text(source, 1_000_000)
    assert caught.value.fault.code == "catalog.too_large"


def test_sources__are_named_and_told_apart(tmp_path):
    """A source knows its table and its format from its name."""
    (tmp_path / "Parts.csv.GZ").write_bytes(gzip.compress(b"a\nb\n"))
    (source,) = find_sources(tmp_path)
    assert (source.stem, source.suffix) == ("parts", ".csv")
    assert list(text_lines(source)) == ["a\n", "b\n"]
