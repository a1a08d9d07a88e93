"""The image pipeline: facts, thumbnails and the place of an uploaded picture."""

import json

import pytest
from PIL import Image
from pydantic import ValidationError
from support.context import FolderContext, ListIndex
from support.image_files import animation, corners, in_form, photographed, saved, textured

from jobs.errors import InputError
from jobs.likeness import LOOKS_ALIKE, Family, bits_apart
from pipelines import image


def context(folder, content, kind="jpeg", **options):
    folder.mkdir(exist_ok=True)
    upload = folder / "upload.bin"
    upload.write_bytes(content)
    asked = image.PIPELINE.validated_options(options)
    return FolderContext(folder, upload, kind=kind, file_name="brick.jpg", options=asked)


def test_inspect__report_and_summary(tmp_path):
    """Everything is in the report, and in short in the summary; the place only where it was asked for."""
    ctx = context(tmp_path, photographed())
    image.inspect(ctx)
    report = json.loads(ctx.path("report.json").read_bytes())
    assert report["exif"]["camera"] == "Brickon D1"
    assert {"blurhash", "average_color", "perceptual_hash", "mode", "orientation", "has_profile"} <= report.keys()
    assert ctx.media_types == {"report.json": "application/json"}
    facts = {name: ctx.facts[name] for name in ("format", "width", "height", "frames", "has_alpha")}
    assert facts == {"format": "jpeg", "width": 80, "height": 60, "frames": 1, "has_alpha": False}
    assert len(ctx.facts["dominant_colors"]) == 5
    assert "gps" not in report["exif"]
    kept = context(tmp_path / "kept", photographed(), keep_gps=True)
    image.inspect(kept)
    assert b"latitude" in kept.path("report.json").read_bytes()


def test_thumbnails__all_by_default(tmp_path):
    """Both sizes in both shapes, as WebP."""
    ctx = context(tmp_path, in_form("jpeg", corners(1200, 900)))
    image.thumbnails(ctx)
    assert sorted(ctx.media_types) == ["cover-200.webp", "cover-400.webp", "fit-200.webp", "fit-400.webp"]
    assert set(ctx.media_types.values()) == {"image/webp"}
    assert ctx.told[-1] == (4, 4)
    with Image.open(ctx.path("fit-400.webp")) as picture:
        assert picture.size == (400, 300)


def test_thumbnails__as_asked(tmp_path):
    """Options choose sizes, shapes, AVIF and a watermark."""
    mark = {"text": "Heavylift", "placement": "center", "opacity": 1}
    asked = {"sizes": [200], "shapes": ["cover"], "avif": True}
    plain = context(tmp_path / "plain", in_form("png", corners(800, 600)), **asked)
    marked = context(tmp_path / "marked", in_form("png", corners(800, 600)), **asked, watermark=mark)
    for ctx in (plain, marked):
        image.thumbnails(ctx)
        assert ctx.media_types == {"cover-200.webp": "image/webp", "cover-200.avif": "image/avif"}
    assert plain.path("cover-200.webp").read_bytes() != marked.path("cover-200.webp").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        {"sizes": [300]},
        {"sizes": []},
        {"shapes": ["stretch"]},
        {"watermark": {"text": ""}},
        {"watermark": {"text": "two\nlines"}},
        {"watermark": {"text": "x", "opacity": 2}},
        {"quality": 3},
    ],
)
def test_options__are_checked(options):
    """What can't be done is refused when the job is submitted."""
    with pytest.raises(ValidationError):
        image.PIPELINE.validated_options(options)


def test_steps__a_damaged_picture(tmp_path):
    """What can't be decoded fails with its code in the first step."""
    with pytest.raises(InputError) as caught:
        image.inspect(context(tmp_path, in_form("jpeg")[:700]))
    assert caught.value.fault.code == "image.truncated"


def test_inspect__fingerprints_of_copies(tmp_path):
    """A picture that is saved again without loss is the same picture; a smaller one only looks like it."""
    png, webp, small = tmp_path / "png", tmp_path / "webp", tmp_path / "small"
    shown = textured(600, 400).convert("RGB")
    whole = saved(shown, "PNG"), saved(shown, "WEBP", lossless=True), saved(shown.resize((300, 200)), "PNG")
    taken = []
    for folder, content, kind in zip((png, webp, small), whole, ("png", "webp", "png"), strict=True):
        folder.mkdir()
        ctx = context(folder, content, kind=kind)
        image.inspect(ctx)
        taken.append(ctx.fingerprints[Family.IMAGE])
    assert taken[0] == taken[1]
    assert taken[0].exact != taken[2].exact
    assert bits_apart(taken[0].near, taken[2].near) <= LOOKS_ALIKE


def test_index__what_was_found(tmp_path):
    """A picture is found by its camera, format, size, hash and colors; by its file's name every job is."""
    ctx, search = context(tmp_path, photographed()), ListIndex()
    image.inspect(ctx)
    image.index(ctx, search=search)
    (place,) = search.places
    assert (place.artifact, place.place, place.title) == ("report.json", "picture", "jpeg picture, 80 x 60")
    for word in ("Brickon D1", "80x60", "2024-05-06", ctx.facts["perceptual_hash"], ctx.facts["dominant_colors"][0]):
        assert word in place.text


def test_index__animations_say_so(tmp_path):
    """An animation is found as one."""
    ctx, search = context(tmp_path, animation("gif"), kind="gif"), ListIndex()
    image.inspect(ctx)
    image.index(ctx, search=search)
    assert "animated" in search.places[0].text


def test_steps__warnings_reach_the_job(tmp_path):
    """A profile that can't be used is a warning of the job."""
    ctx = context(tmp_path, saved(corners(), "JPEG", icc_profile=b"none"))
    image.inspect(ctx)
    assert [code for code, _ in ctx.warnings] == ["image.profile"]
