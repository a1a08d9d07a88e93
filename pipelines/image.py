"""Pictures: what they are and what they look like, thumbnails for the web, and findable by what was found out."""

from typing import Any

from jobs.context import Place, SearchIndex, StepContext
from jobs.likeness import Family
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, THUMBNAILS
from pictures.options import ImageOptions

REPORT = "report.json"
_SHOWN = ("format", "width", "height", "frames", "has_alpha", "blurhash", "average_color", "perceptual_hash")


def inspect(ctx: StepContext) -> None:
    """What the picture is and looks like, to `report.json`; what can't be decoded ends here, with its reason."""
    import orjson

    from pictures.facts import facts

    options = ImageOptions(**ctx.options)
    found = facts(ctx.path(UPLOAD), keep_gps=options.keep_gps, warn=ctx.warn)
    path = ctx.scratch / REPORT
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    ctx.save(path, name=REPORT, media_type="application/json")
    colors = [color["color"] for color in found["dominant_colors"]]
    ctx.summary(**{name: found[name] for name in _SHOWN}, dominant_colors=colors)
    ctx.fingerprint(Family.IMAGE, exact=found["picture_hash"], near=found["perceptual_hash"])


def thumbnails(ctx: StepContext) -> None:
    """Each size, shape and form that was asked for: `fit-200.webp`, `cover-400.avif`, ..."""
    from pictures import thumbnails as made
    from pictures.writing import Form

    options = ImageOptions(**ctx.options)
    wanted = made.Wanted(
        sizes=options.sizes,
        shapes=options.shapes,
        forms=(Form.WEBP, Form.AVIF) if options.avif else (Form.WEBP,),
        mark=options.watermark.mark() if options.watermark else None,
    )
    total = len(wanted.sizes) * len(wanted.shapes) * len(wanted.forms)
    pictures = made.thumbnails(ctx.path(UPLOAD), ctx.scratch, wanted=wanted, warn=ctx.warn)
    for number, (path, form) in enumerate(pictures, 1):
        ctx.save(path, name=path.name, media_type=form.media_type)
        ctx.progress(number, total)


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """The picture becomes findable by its format, size, camera, date, hash and colors, besides its file name."""
    import orjson

    with ctx.open(REPORT) as file:
        report = orjson.loads(file.read())
    search.index([Place(artifact=REPORT, place="picture", title=_title(report), text=_words(report))])


def _title(report: dict[str, Any]) -> str:
    return f"{report['format']} picture, {report['width']} x {report['height']}"


def _words(report: dict[str, Any]) -> str:
    exif = report["exif"]
    colors = (color["color"] for color in report["dominant_colors"])
    moving = "animated" if report["frames"] > 1 else ""
    size = f"{report['width']}x{report['height']}"
    known = (exif.get(name, "") for name in ("camera", "lens", "taken_at"))
    return " ".join(filter(None, (moving, size, report["perceptual_hash"], *known, *colors)))


PIPELINE = Pipeline(
    name="image",
    version=1,
    title="Describes pictures and makes thumbnails of them, upright, in sRGB and without their metadata.",
    accepts=("jpeg", "png", "webp", "gif", "tiff", "bmp", "avif"),
    options=ImageOptions,
    steps=(
        Step(run=inspect, queue=THUMBNAILS, timeout=120.0, memory=Memory.MEDIUM),
        Step(run=thumbnails, queue=THUMBNAILS, needs=("inspect",), timeout=300.0, memory=Memory.MEDIUM),
        Step(
            run=index,
            queue=INDEXING,
            needs=("inspect",),
            reads=(REPORT,),
            isolated=False,
            ports=("search",),
        ),
    ),
    max_bytes=512 * 1024**2,
)
