"""The sniffer tells pictures by their bytes, those that are refused included, and takes nothing else for one."""

import struct

import pytest
from support.image_files import FORMS, animation, in_form

from parsers.sniff import KINDS, sniff
from parsers.sniff_images import picture_kind


def ftyp(*brands):
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I4s", len(body) + 8, b"ftyp") + body + b"\0\0\0\x10meta" + bytes(60)


TOLD = [
    *((kind, in_form(kind)) for kind in FORMS),
    ("gif", animation("gif")),
    ("webp", animation("webp")),
    ("tiff", b"MM\0*\0\0\0\x08"),
    ("tiff", b"II+\0\x08\0\0\0"),
    ("avif", ftyp(b"avif", b"avif", b"mif1", b"miaf")),
    ("avif", ftyp(b"avis", b"avis", b"msf1")),
    ("avif", ftyp(b"mif1", b"miaf", b"avif")),
    ("heic", ftyp(b"heic", b"mif1", b"heic")),
    ("heic", ftyp(b"mif1", b"heic")),
    ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("svg", b"<?xml version='1.0'?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>\n<svg:svg>"),
]


@pytest.mark.parametrize(("kind", "content"), TOLD, ids=[f"{kind}-{at}" for at, (kind, _) in enumerate(TOLD)])
@pytest.mark.parametrize("name", ["upload", "lies.pdf", "lies.jpg"])
def test_sniff__pictures(kind, content, name):
    """Each picture is told from its bytes, whatever it is called."""
    assert sniff(content[: 64 * 1024], size=len(content), name=name) is KINDS[kind]


@pytest.mark.parametrize(
    "content",
    [
        b"BM is how this letter begins, and it is no bitmap",
        b"BM" + bytes(60),
        b"II want tags",
        ftyp(b"mp42", b"isom"),
        ftyp(b"isom", b"avc1"),
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\0\0\0\x08ftyp",
    ],
    ids=range(7),
)
def test_sniff__what_is_none(content):
    """Letters, films and sounds that begin alike are no pictures."""
    assert picture_kind(content) is None


@pytest.mark.parametrize("kind", ["heic", "svg"])
def test_kinds__refused_ones_say_why(kind):
    """The title of a kind that is not taken says what to send instead, since the refusal quotes it."""
    assert "export it as" in KINDS[kind].title
