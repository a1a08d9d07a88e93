"""3D models: a geometry report, a rendered thumbnail, and the model findable."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.context import Place, SearchIndex, StepContext
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, THUMBNAILS, VALIDATION

REPORT, PREVIEW, THUMBNAIL = "report.json", "preview.glb", "thumbnail.webp"
SIDE = 512  # pixels of the thumbnail
_QUALITY = 85  # of WebP
_SUMMARY = ("format", "triangles", "watertight", "bodies", "extents", "units")
# Lit by lamps alone: image-based light looks a little better, but takes seconds to prepare in every new process.
_OPTIONS: dict[str, Any] = {
    "render.effect.antialiasing.mode": "fxaa",
    "render.effect.ambient_occlusion": True,
    "render.effect.tone_mapping": True,
    "render.hdri.ambient": False,
    "render.background.color": [1.0, 1.0, 1.0],
    "render.light.intensity": 4.0,
    "ui.axis": False,
    "render.grid.enable": False,
}


def validate(ctx: StepContext) -> None:
    """Measure the model, and write the plain GLB that the renderer, which trusts its input, gets to see."""
    import orjson

    from parsers import model, model_preview

    ctx.progress(0, 3, "reading")
    scene = model.load(ctx.path(UPLOAD), ctx.kind)
    ctx.progress(1, 3, "measuring")
    report = model.report(scene, ctx.kind)
    path = ctx.scratch / REPORT
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    ctx.save(path, name=REPORT, media_type="application/json")
    ctx.summary(**{name: report[name] for name in _SUMMARY})
    for code, message in _concerns(report):
        ctx.warn(code, message)
    ctx.progress(2, 3, "writing the preview")
    preview = ctx.scratch / PREVIEW
    model_preview.write_preview(scene, ctx.kind, preview)
    ctx.save(preview, name=PREVIEW, media_type="model/gltf-binary")


def _concerns(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person who wants to print or build the model should look at."""
    if not report["watertight"]:
        yield "model.not_watertight", "The surface has holes or edges with more than two triangles."
    elif not report["winding_consistent"]:
        yield "model.winding", "Triangles disagree on which side is outside."
    elif report["inverted"]:
        yield "model.inverted", "The surface is turned inside out."


def thumbnail(ctx: StepContext) -> None:
    """A picture of the model; a machine without the software renderer gets a warning in its place."""
    from PIL import Image

    picture_path = ctx.scratch / "frame.png"
    problem = _render(ctx.path(PREVIEW), picture_path)
    if problem:
        ctx.warn("thumbnail.unavailable", problem)
        return
    with Image.open(picture_path) as frame:
        picture = frame.convert("RGB")
    if len(picture.getcolors(SIDE * SIDE) or ()) == 1:
        ctx.warn("thumbnail.blank", "The renderer drew nothing; the model may be too thin to be seen.")
        return
    path = ctx.scratch / THUMBNAIL
    picture.save(path, "WEBP", quality=_QUALITY)
    ctx.save(path, name=THUMBNAIL, media_type="image/webp")


def _render(model: Path, picture: Path) -> str | None:
    """Draw `model` into the PNG `picture`; what is missing, as a sentence, where this machine can't."""
    try:
        import f3d
    except ModuleNotFoundError:
        return "No renderer here: the f3d package has no build for this kind of machine."
    except ImportError:  # its own libssl is newer than many a system's, and can't come second
        return "The renderer f3d can not be loaded into this process; import it before anything that uses TLS."
    f3d.Log.set_verbose_level(f3d.Log.QUIET)
    try:
        engine = f3d.Engine.create_osmesa()
    except RuntimeError:
        return "No software renderer here: install it with `apt-get install libosmesa6`."
    engine.options.update(_OPTIONS)
    engine.window.size = SIDE, SIDE
    engine.scene.add(model)
    camera = engine.window.camera
    camera.reset_to_bounds(0.9)
    camera.azimuth(-35)
    camera.elevation(25)
    camera.reset_to_bounds(0.9)
    engine.window.render_to_image().save(picture)
    return None


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """The model becomes findable by its file name and what it is."""
    import orjson

    with ctx.open(REPORT) as file:
        report = orjson.loads(file.read())
    closed = "watertight" if report["watertight"] else "open"
    text = f"{ctx.file_name} {report['format']} 3D model {closed} {report['triangles']} triangles"
    search.index([Place(artifact=REPORT, place="file", title=ctx.file_name, text=text)])


PIPELINE = Pipeline(
    name="model-3d",
    version=1,
    title="Checks the geometry of 3D models and renders a picture of each.",
    accepts=("glb", "gltf", "stl", "obj", "ply", "off"),
    steps=(
        Step(run=validate, queue=VALIDATION, timeout=600.0, memory=Memory.LARGE),
        Step(
            run=thumbnail,
            queue=THUMBNAILS,
            needs=("validate",),
            reads=(PREVIEW,),
            required=False,
            timeout=120.0,
            memory=Memory.MEDIUM,
        ),
        Step(
            run=index,
            queue=INDEXING,
            needs=("validate",),
            reads=(REPORT,),
            isolated=False,
            ports=("search",),
        ),
    ),
)
