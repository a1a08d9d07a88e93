"""Facts about pictures: what the camera wrote, and what they look like, the same each time."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.image_files import animation, corners, in_form, photographed, saved, textured, turned

from pictures.exif import Exif
from pictures.facts import facts
from pictures.looks import dominant_colors, looks, perceptual_hash


def told(folder, content, **how):
    path = folder / "upload"
    path.write_bytes(content)
    return facts(path, **how)


def distance(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_facts__of_a_photograph(tmp_path):
    """What the camera wrote is told in plain words and units, and the place only where it was asked for."""
    found = told(tmp_path, photographed())
    assert found["exif"] == {
        "camera": "Brickon D1",
        "lens": "50mm f/1.8",
        "taken_at": "2024-05-06T07:08:09+02:00",
        "exposure_seconds": 0.008,
        "aperture": 2.8,
        "iso": 200,
        "focal_length_mm": 50.0,
        "flash": True,
        "software": "firmware 1",
    }
    assert (found["format"], found["width"], found["height"], found["mode"]) == ("jpeg", 80, 60, "RGB")
    kept = told(tmp_path, photographed(), keep_gps=True)["exif"]["gps"]
    assert kept == {"latitude": 52.5, "longitude": -13.26, "altitude": 34}


def test_facts__width_and_height_are_as_seen(tmp_path):
    """A picture that was stored on its side is as wide as it is shown."""
    for orientation, kind in ((1, "jpeg"), (6, "jpeg"), (6, "tiff"), (8, "png"), (5, "webp"), (6, "avif")):
        found = told(tmp_path, turned(orientation, kind))
        assert (found["width"], found["height"], found["orientation"]) == (80, 60, orientation)


def test_facts__frames_and_pages(tmp_path):
    """Frames of animations and pages of TIFFs are counted."""
    assert told(tmp_path, animation("gif", 7))["frames"] == 7
    assert told(tmp_path, animation("webp", 7))["frames"] == 7
    pages = saved(corners(), "TIFF", save_all=True, append_images=[corners()] * 3)
    assert told(tmp_path, pages)["frames"] == 4


def test_facts__damaged_exif_is_a_warning(tmp_path):
    """EXIF that is none is told; the picture is read all the same."""
    codes = []
    found = told(tmp_path, saved(corners(), "JPEG", exif=b"Exif\0\0nonsense"), warn=lambda code, _: codes.append(code))
    assert codes == ["image.exif"]
    assert found["exif"] == {}


def test_looks__are_the_same_each_time_and_at_each_size():
    """Scaling changes neither hash nor colors much; the same pixels give the same bytes."""
    picture = textured(640, 480)
    one, other = looks(picture), looks(picture.resize((320, 240)))
    assert looks(picture) == one
    assert distance(one["perceptual_hash"], other["perceptual_hash"]) <= 3
    assert distance(one["perceptual_hash"], looks(textured(seed=6))["perceptual_hash"]) > 12


def test_looks__of_a_known_picture():
    """Four quarters have their colors with a quarter each."""
    found = looks(corners(160, 120))
    assert {color["color"] for color in found["dominant_colors"]} == {"#dc1e1e", "#1eb43c", "#283cc8", "#fafafa"}
    assert all(color["share"] == pytest.approx(0.25, abs=0.02) for color in found["dominant_colors"])
    assert sum(color["share"] for color in found["dominant_colors"]) == pytest.approx(1, abs=0.001)
    assert found["has_alpha"] is False
    assert len(found["blurhash"]) == 28
    assert len(found["perceptual_hash"]) == 16


def test_hash__is_its_formula():
    """A bit is 1 where a pixel is lighter than its right neighbour."""
    falling = Image.linear_gradient("L").rotate(-90)
    assert perceptual_hash(falling.convert("RGB")) == "f" * 16
    assert perceptual_hash(falling.rotate(180).convert("RGB")) == "0" * 16


def test_colors__what_is_transparent_has_none():
    """Only what can be seen counts."""
    picture = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert dominant_colors(picture) == []
    picture.paste((0, 0, 255, 255), (0, 0, 3, 3))
    assert dominant_colors(picture) == [{"color": "#0000ff", "share": 1.0}]


def test_facts__alpha(tmp_path):
    """A picture has alpha where some pixel is not opaque."""
    clear = corners().convert("RGBA")
    assert told(tmp_path, saved(clear, "PNG"))["has_alpha"] is False
    clear.putpixel((3, 3), (0, 0, 0, 0))
    assert told(tmp_path, saved(clear, "PNG"))["has_alpha"] is True


WHOLE = Image.open(io.BytesIO(photographed())).info["exif"][6:]


@settings(max_examples=100, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 600),
)
def test_exif__never_raises(changes, cut):
    """Whatever stands in it, EXIF gives facts of plain JSON, or none."""
    content = bytearray(WHOLE)
    for at, byte in changes:
        content[at] = byte
    found = Exif(bytes(content[:cut]))
    assert found.orientation() in range(1, 9)
    for value in found.facts(keep_gps=True).values():
        assert isinstance(value, str | int | float | bool | dict)


def test_facts__every_format_says_its_name(tmp_path):
    """The format is the sniffer's word."""
    for kind in ("jpeg", "png", "webp", "gif", "tiff", "bmp", "avif"):
        assert told(tmp_path, in_form(kind))["format"] == kind
