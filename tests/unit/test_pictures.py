"""Pictures read and written: upright, in sRGB, within their square, without metadata, from every mode and format."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from support.image_files import (
    BLUE,
    FORMS,
    GREEN,
    RED,
    WHITE,
    animation,
    corners,
    deep_png,
    in_form,
    photographed,
    profile,
    saved,
    textured,
    turned,
    wide_profile,
)

from jobs.errors import InputError
from pictures import moving, opening
from pictures.colors import as_srgb
from pictures.opening import opened
from pictures.reading import pictures
from pictures.scaling import Shape, final_size, reduced, scaled
from pictures.thumbnails import Wanted, thumbnails
from pictures.watermark import Placement, Watermark, drawn
from pictures.writing import Form, write

FIT, COVER = Shape.FIT, Shape.COVER
QUARTERS = (RED, GREEN, BLUE, WHITE)


def read(folder, content, side=60, *, shape=FIT, warnings=None):
    path = folder / "upload"
    path.write_bytes(content)
    warn = (lambda code, _: warnings.append(code)) if warnings is not None else (lambda _code, _message: None)
    with opened(path) as found:
        return pictures(found, side, shapes=frozenset({shape}), warn=warn)[shape]


def made(folder, content, **wanted):
    path = folder / "upload"
    path.write_bytes(content)
    told = []
    wanted = Wanted(**({"sizes": (200, 400), "shapes": (FIT, COVER)} | wanted))
    found = list(thumbnails(path, folder, wanted=wanted, warn=lambda code, _: told.append(code)))
    return {one.path.name: Image.open(one.path) for one in found}, told


def quarters(picture):
    """The colors in the middles of the four quarters, row by row."""
    width, height = picture.size
    return [picture.convert("RGB").getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3)]


def near(found, wanted, by=12):
    return all(
        abs(a - b) <= by for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("kind", FORMS)
def test_read__every_format(kind, tmp_path):
    """Each format gives the same picture."""
    picture = read(tmp_path, in_form(kind))
    assert picture.size == (60, 45)
    assert near(quarters(picture), QUARTERS, by=16)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_read__every_orientation(kind, orientation, tmp_path):
    """A picture is upright however the camera was held, in each format that can say it."""
    picture = read(tmp_path, turned(orientation, kind))
    assert picture.size == (60, 45)
    assert near(quarters(picture), QUARTERS, by=16)


MODES = {
    "cmyk-jpeg": lambda: saved(corners().convert("CMYK"), "JPEG", quality=95),
    "cmyk-tiff": lambda: saved(corners().convert("CMYK"), "TIFF"),
    "palette-png": lambda: saved(corners().quantize(16), "PNG"),
    "palette-alpha-png": lambda: saved(corners().quantize(16), "PNG", transparency=255),
    "alpha-webp": lambda: saved(corners().convert("RGBA"), "WEBP", lossless=True),
    "progressive": lambda: saved(corners(), "JPEG", quality=95, progressive=True),
    "ycbcr-tiff": lambda: saved(corners(), "TIFF", compression="jpeg", quality=95),
    "lab-tiff": lambda: saved(lab(), "TIFF"),
    "deflate-tiff": lambda: saved(corners(), "TIFF", compression="tiff_adobe_deflate"),
}


def lab():
    return ImageCms.profileToProfile(
        corners(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


@pytest.mark.parametrize("name", MODES)
def test_read__every_mode(name, tmp_path):
    """Each mode gives the same colors."""
    assert near(quarters(read(tmp_path, MODES[name]())), QUARTERS, by=20)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "I", "F"])
def test_read__gray_modes(mode, tmp_path):
    """Gray, black and white, 32 bits and floats are pictures, too: dark stays dark and light stays light."""
    ramp = Image.linear_gradient("L").rotate(90)
    picture = ramp.convert("L").convert(mode) if mode != "F" else ramp.convert("F").point(lambda value: value * 1000)
    small = read(tmp_path, saved(picture, "TIFF")).convert("L")
    assert small.getpixel((2, 30)) < 40
    assert small.getpixel((57, 30)) > 215


def test_read__sixteen_bits(tmp_path):
    """Of 16 bits the upper eight are seen: nothing is cut off."""
    picture = read(tmp_path, deep_png()).convert("L")
    assert [picture.getpixel((x, 20)) for x in (0, 30, 59)] == pytest.approx([2, 128, 252], abs=5)


def test_read__colors_are_managed(tmp_path):
    """A color of a wide profile becomes stronger in sRGB; sRGB's own profile changes nothing."""
    muted = Image.new("RGB", (50, 50), (200, 100, 100))
    wide = read(tmp_path, saved(muted, "PNG", icc_profile=wide_profile())).getpixel((20, 20))
    assert wide[0] > 206
    assert wide[1] < 97
    same = read(tmp_path, saved(muted, "PNG", icc_profile=profile("sRGB"))).getpixel((20, 20))
    assert near([same], [(200, 100, 100)], by=1)


@pytest.mark.parametrize("bad", [b"no profile at all", b"\0" * 500, profile("LAB"), wide_profile()[:300]])
def test_read__a_bad_profile_is_a_warning(bad, tmp_path):
    """What can't be used as a profile is told, and the picture is read all the same."""
    warnings = []
    picture = read(tmp_path, saved(corners(), "JPEG", icc_profile=bad, quality=92), warnings=warnings)
    assert warnings == ["image.profile"]
    assert near(quarters(picture), QUARTERS)


def test_srgb__alpha_stays():
    """Colors are managed beside the alpha, not with it."""
    picture = Image.new("RGBA", (4, 4), (200, 100, 100, 77))
    assert as_srgb(picture, wide_profile()).getpixel((1, 1))[3] == 77


def test_read__alpha_is_kept_where_it_matters(tmp_path):
    """What is transparent stays so; an alpha that is opaque everywhere is dropped."""
    clear = corners().convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 40, 30))
    picture = read(tmp_path, saved(clear, "PNG"))
    assert picture.mode == "RGBA"
    assert picture.getpixel((10, 10))[3] == 0
    assert picture.getpixel((50, 40))[3] == 255
    assert read(tmp_path, saved(corners().convert("RGBA"), "PNG")).mode == "RGB"


@pytest.mark.parametrize(
    ("size", "side", "shape", "expected"),
    [
        ((4000, 3000), 400, FIT, (400, 300)),
        ((3000, 4000), 400, FIT, (300, 400)),
        ((100, 50), 400, FIT, (100, 50)),
        ((60_000, 1), 400, FIT, (400, 1)),
        ((4000, 3000), 200, COVER, (200, 200)),
        ((100, 50), 200, COVER, (50, 50)),
        ((1, 1), 200, COVER, (1, 1)),
    ],
)
def test_size__in_its_square(size, side, shape, expected):
    """A picture is as large as its square allows, and never larger than it was."""
    assert final_size(size, side, shape=shape) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2999, 17), (641, 479)])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_read__odd_sizes(kind, size, tmp_path):
    """Lines and single pixels have thumbnails of both shapes."""
    written, told = made(tmp_path, in_form(kind, textured(4, 4).resize(size)))
    assert told == []
    for shape in Shape:
        assert written[f"{shape}-400.webp"].size == final_size(size, 400, shape=shape)


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(1, 1000), st.integers(1, 1000)),
    kind=st.sampled_from(["jpeg", "png", "tiff"]),
    mode=st.sampled_from(["RGB", "RGBA", "P", "L"]),
)
def test_thumbnails__keep_the_shape(size, kind, mode, tmp_path_factory):
    """Whatever the mode, every thumbnail has the size that follows from the picture's own, to the pixel."""
    mode = "RGB" if kind == "jpeg" else mode
    picture = Image.new(mode, size, 7)
    written, _ = made(tmp_path_factory.getbasetemp(), in_form(kind, picture))
    for shape in Shape:
        for side in (200, 400):
            assert written[f"{shape}-{side}.webp"].size == final_size(size, side, shape=shape)


def test_read__circles_stay_round(tmp_path):
    """What is round in a large picture is round in a small one, in every mode."""
    disk = Image.new("L", (2400, 1600))
    ImageDraw.Draw(disk).ellipse((1000, 600, 1400, 1000), fill=255)
    for mode in ("L", "RGB", "P", "LA", "RGBA"):
        picture = Image.merge("RGBA", (disk,) * 4) if mode == "RGBA" else disk.convert(mode)
        small = read(tmp_path, saved(picture, "PNG"), 400)
        left, top, right, bottom = (
            small.convert("RGBA").getchannel("R").point(lambda value: value > 127 and 255).getbbox()
        )
        assert abs((right - left) - (bottom - top)) <= 1, mode
        assert small.size == (400, 267)


def test_reduced__is_what_one_piece_would_be(monkeypatch):
    """Strips give the same pixels as the whole picture at once."""
    picture = textured(1001, 777)
    assert reduced(picture, 50, shape=FIT).tobytes() == picture.reduce(9).tobytes()
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    whole = reduced(picture, 50, shape=FIT)
    monkeypatch.setattr("pictures.scaling._STRIP", 20_000)
    assert reduced(picture, 50, shape=FIT).tobytes() == whole.tobytes()
    assert whole.tobytes() == picture.reduce(9).tobytes()


def test_thumbnails__names_sizes_and_forms(tmp_path):
    """Each size, shape and form has its file, and none carries metadata."""
    written, told = made(tmp_path, photographed(), forms=(Form.WEBP, Form.AVIF))
    assert sorted(written) == sorted(
        f"{shape}-{size}.{form}" for shape in Shape for size in (200, 400) for form in Form
    )
    for picture in written.values():
        assert not picture.getexif()
        assert not {"exif", "icc_profile", "xmp"} & {name for name, value in picture.info.items() if value}
    assert told == []


def test_thumbnails__look_like_the_picture(tmp_path):
    """A fitted thumbnail shows all four quarters, a covering one its middle."""
    written, _ = made(tmp_path, in_form("jpeg", corners(1600, 800)), forms=(Form.WEBP, Form.AVIF))
    for name in ("fit-400.webp", "fit-200.avif", "cover-400.webp", "cover-200.avif"):
        assert near(quarters(written[name]), QUARTERS, by=16), name
    assert written["fit-400.webp"].size == (400, 200)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_thumbnails__animations_stay_animated(kind, tmp_path):
    """Frames, their times and their order are kept."""
    written, told = made(tmp_path, animation(kind, 5, (90, 60)), forms=(Form.WEBP, Form.AVIF))
    assert told == []
    picture = written["fit-400.webp"]
    assert (picture.n_frames, picture.size, written["fit-400.avif"].n_frames) == (5, (90, 60), 1)
    for number in range(5):
        picture.seek(number)
        picture.load()
        assert near(
            [picture.convert("RGB").getpixel((5, 5))], [(number * 47, number * 91 % 256, 255 - number * 13)], by=20
        )
        assert picture.info["duration"] == 80
    assert written["cover-200.webp"].size == (60, 60)


@pytest.mark.parametrize("limit", [("MAX_FRAMES", 3), ("MAX_MILLISECONDS", 240), ("MAX_DECODED", 3 * 90 * 60)])
def test_thumbnails__long_animations_are_cut(limit, tmp_path, monkeypatch):
    """Too many frames, too long or too many pixels: the first frames are kept, and a warning says so."""
    monkeypatch.setattr(moving, *limit)
    written, told = made(tmp_path, animation("gif", 5, (90, 60)))
    assert written["fit-200.webp"].n_frames == 3
    assert told == ["image.frames"]


def test_thumbnails__a_long_tiff_is_its_first_page(tmp_path):
    """Of many pages the first is shown, and all are counted."""
    pages = [corners(), *(Image.new("RGB", (9, 9)) for _ in range(4))]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert near(quarters(read(tmp_path, content)), QUARTERS)
    assert opening.checked_header(tmp_path / "upload").frames == 5


@pytest.mark.parametrize("placement", Placement)
def test_watermark__stands_in_its_place(placement):
    """The text changes its corner, and only that, in proportion to its opacity."""
    picture = Image.new("RGB", (400, 300), (90, 90, 90))
    marked = drawn(picture, Watermark("Heavylift", placement, 0.5))
    box = Image.eval(marked.convert("L"), lambda value: 255 if abs(value - 90) > 8 else 0).getbbox()
    center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    vertical, _, horizontal = placement.value.partition("-")
    assert {"top": center[1] < 60, "bottom": center[1] > 240, "center": 140 < center[1] < 160}[vertical]
    assert {"left": center[0] < 150, "right": center[0] > 250, "": 195 < center[0] < 205}[horizontal]
    assert drawn(picture, Watermark("Heavylift", placement, 0)).tobytes() == picture.tobytes()


def test_watermark__long_text_on_a_small_picture(tmp_path):
    """Any text fits any picture, alpha included."""
    for size in ((1, 1), (5, 200), (200, 5)):
        marked = drawn(Image.new("RGBA", size, (9, 9, 9, 0)), Watermark("W" * 80, Placement.CENTER, 1))
        assert (marked.size, marked.mode) == (size, "RGBA")


def test_write__pages_and_renders_too(tmp_path):
    """A picture that somebody drew is scaled and written by the same functions."""
    write(scaled(corners(800, 600), 200, shape=COVER), tmp_path / "page.webp")
    with Image.open(tmp_path / "page.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (200, 200))


def test_opened__a_callers_limit(tmp_path):
    """A caller may allow fewer pixels than the format's limit."""
    path = tmp_path / "upload"
    path.write_bytes(in_form("png"))
    with pytest.raises(InputError) as caught, opened(path, max_pixels=4799):
        pass
    assert caught.value.fault.code == "image.too_large"
    assert "80 x 60" in caught.value.fault.message
    with opened(path, max_pixels=4800) as found:
        assert found.picture.size == (80, 60)
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3
