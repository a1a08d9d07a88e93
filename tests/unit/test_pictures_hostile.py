"""Pictures that are cut off, lie, or were changed at random: each ends with a named code or within the limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.image_files import FORMS, animation, in_form, lying, text_bomb, textured

from jobs.errors import InputError
from pictures.facts import facts
from pictures.scaling import Shape
from pictures.thumbnails import Wanted, thumbnails

CODES = {"image.truncated", "image.unreadable", "image.too_large"}
WANTED = Wanted(sizes=(200,), shapes=(Shape.FIT,))


def outcome(folder, content):
    """The code that both steps end with, or None where both make something of it."""
    upload = folder / "upload"
    upload.write_bytes(content)
    told = []
    try:
        facts(upload, warn=lambda code, _: told.append(code))
        made = list(thumbnails(upload, folder, wanted=WANTED, warn=lambda code, _: told.append(code)))
    except InputError as error:
        fault = error.fault
    else:
        fault = None
    if fault:
        assert fault.code in CODES
        assert fault.message.endswith(".")
        assert fault.hint
        return fault.code
    assert set(told) <= {"image.profile", "image.exif", "image.frames", "image.truncated"}
    assert all(one.path.stat().st_size < 500_000 for one in made)
    return None


@pytest.mark.parametrize("kind", FORMS)
def test_truncated__at_twenty_points(kind, tmp_path):
    """A file that was cut off has a code, wherever it was cut, and nearly always the one that says so."""
    whole = in_form(kind, textured())
    outcomes = [outcome(tmp_path, whole[: len(whole) * share // 20]) for share in range(20)]
    assert set(outcomes) <= CODES
    assert outcomes.count("image.truncated") >= 18


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_truncated__animations(kind, tmp_path):
    """An animation that was cut off is its first frames, or has a code."""
    whole = animation(kind)
    assert {outcome(tmp_path, whole[: len(whole) * share // 20]) for share in range(20)} <= CODES | {None}


EXPECTED = {
    "png-65535": "image.too_large",
    "png-flat-bomb": "image.too_large",
    "png-short": "image.truncated",
    "jpeg-65500": "image.too_large",
    "jpeg-scans": "image.too_large",
    "jpeg-wider": None,  # its decoder fills up with gray
    "jpeg-exif-many": None,
    "gif-65535": "image.too_large",
    "gif-zero": None,  # its frame makes the canvas larger
    "gif-1000": None,
    "gif-frame-beyond": "image.too_large",
    "webp-16k": "image.too_large",
    "webp-vp8x-16m": "image.too_large",
    "avif-60000": "image.too_large",
    "bmp-huge": "image.too_large",
    "bmp-negative": "image.too_large",
    "tiff-huge": "image.too_large",
    "tiff-loop": None,
}


@pytest.mark.parametrize(("name", "content"), lying().items(), ids=lying().keys())
def test_lying__headers(name, content, tmp_path):
    """What a header promises is weighed before it is believed."""
    expected = EXPECTED.get(name, "image.unreadable")
    found = outcome(tmp_path, content)
    assert found == expected or (expected == "image.unreadable" and found in CODES)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_texts__are_never_unpacked(name, tmp_path):
    """A PNG whose texts unpack to 160 MB is a picture like any other: nobody reads them."""
    assert outcome(tmp_path, text_bomb(name)) is None


SEEDS = {**{kind: in_form(kind) for kind in FORMS}, "moving-gif": animation("gif"), "moving-webp": animation("webp")}


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
    head=st.lists(st.tuples(st.integers(0, 120), st.binary(min_size=1, max_size=4)), max_size=3),
    cut=st.floats(0.3, 1.5),
)
def test_mutated__end_in_a_code_or_a_picture(name, changes, head, cut, tmp_path_factory):
    """Whatever bytes change, no other exception comes out."""
    content = bytearray(SEEDS[name])
    for share, byte in changes:
        content[int(share * len(content))] = byte
    for at, more in head:
        content[at : at + len(more)] = more
    outcome(tmp_path_factory.getbasetemp(), bytes(content[: int(cut * len(content))]))
