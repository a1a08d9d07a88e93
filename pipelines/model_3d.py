"""3D models: a geometry report, a rendered thumbnail, and the model findable."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jobs.context import Place, SearchIndex, StepContext
from jobs.likeness import Family
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, THUMBNAILS, VALIDATION
from jobs.vram import Vram
from models.devices import VRAM_EACH, VRAM_FIXED, vram_of
from models.options import ModelOptions
from parsers.model_faults import MAX_TRIANGLES

if TYPE_CHECKING:
    from models.conformance import Conformance
    from models.fingerprint import Fingerprint
    from models.gltf_conformance import GltfChecker
    from parsers.gltf_tools import GltfTools

REPORT, PREVIEW, CONFORMANCE = "report.json", "preview.glb", "conformance.json"
_PICTURE = "image/webp"
NICE = 10  # of steps beside which the first pictures are drawn, which are wanted before their results
# A point of the model where its preview has it: what points up there points along Y.
_UPRIGHT: dict[str, Callable[[float, float, float], tuple[float, float, float]]] = {
    "X": lambda x, y, z: (-y, x, z),
    "Y": lambda x, y, z: (x, y, z),
    "Z": lambda x, y, z: (x, z, -y),
}
_SUMMARY = (
    "format",
    "reader",
    "triangles",
    "bodies",
    "watertight",
    "self_intersections",
    "extents",
    "units",
    "geometry_hash",
)


def preview(ctx: StepContext) -> None:
    """Read the model, and write the plain GLB that the renderer, which trusts its input, gets to see."""
    from parsers import model, model_preview

    scene = model.load(ctx.path(UPLOAD), ctx.kind, tools=_tools(ctx))
    ctx.summary(triangles=sum(len(scene.geometry[name].faces) for name, _ in model.instances(scene)))
    path = ctx.scratch / PREVIEW
    model_preview.write_preview(scene, ctx.kind, path)
    ctx.save(path, name=PREVIEW, media_type="model/gltf-binary")


def _tools(ctx: StepContext) -> "Callable[[], GltfTools]":
    """Says what unpacks a compressed glTF, once somebody has one."""
    from parsers.gltf_tools import read_tools

    return lambda: read_tools(ctx.resource("gltf"))


def identify(ctx: StepContext) -> None:
    """Take the model's fingerprint, so that the report, which comes after, can name earlier models like it.

    Of the preview, which every format has alike; and in a step of its own, since pictures do not wait for it.
    """
    from models.fingerprint import fingerprint
    from models.report import joined
    from parsers import model

    try:
        taken = fingerprint(*joined(model.normal(ctx.path(PREVIEW), "glb").parts))
    except MemoryError:
        return  # `validate` may take more, and takes the fingerprint for its report in any case
    if not taken.is_void:
        ctx.fingerprint(Family.MODEL, exact=taken.exact, near=taken.shape)


def conformance(ctx: StepContext, *, gltf: "GltfChecker") -> None:
    """Ask the Khronos validator about a glTF, in its own process; of other formats nothing is to be asked there."""
    import orjson

    from models.gltf_conformance import KINDS

    if ctx.kind not in KINDS:
        return
    found = gltf.check(ctx.path(UPLOAD), ctx.kind)
    path = ctx.scratch / CONFORMANCE
    path.write_bytes(orjson.dumps(found.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    ctx.save(path, name=CONFORMANCE, media_type="application/json")


def validate(ctx: StepContext) -> None:
    """Measure the model, and say what is wrong with it, where, and what it will do for."""
    import orjson

    from models.examination import examined
    from parsers import model
    from parsers.model_facts import facts_of

    ctx.progress(0, 2, "reading")
    upload = ctx.path(UPLOAD)
    scene = model.load(upload, ctx.kind, tools=_tools(ctx))
    ctx.progress(1, 2, "measuring")
    earlier = orjson.loads(ctx.resource("duplicates").read_bytes())
    report, concern = examined(
        model.normal(scene, ctx.kind),
        options=ModelOptions(**ctx.options),
        file_bytes=upload.stat().st_size,
        kernels=ctx.resource("kernels"),
        conformance=_conformance(ctx),
        gpu=ctx.gpu,
        known=_known(earlier),
    )
    report["duplicates"] = {kind: earlier[kind] for kind in ("same", "alike")}
    report["shown_up"] = facts_of(scene, ctx.kind).shown_up
    path = ctx.scratch / REPORT
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    ctx.save(path, name=REPORT, media_type="application/json")
    verdicts = {purpose: verdict["ok"] for purpose, verdict in report["verdicts"].items()}
    codes = [finding["code"] for finding in report["findings"]]
    conformity = report["conformance"]["verdict"]
    ctx.summary(**{name: report[name] for name in _SUMMARY}, findings=codes, verdicts=verdicts, conformance=conformity)
    ctx.summary(duplicates={kind: len(found) for kind, found in report["duplicates"].items()})
    for code, message in _concerns(report):
        ctx.warn(code, message)
    if concern:
        ctx.warn(concern.code, concern.message)


def _known(earlier: dict[str, Any]) -> "Fingerprint | None":
    """What the step before has taken of the model; None where that was left to this one."""
    from models.fingerprint import Fingerprint

    taken = earlier["fingerprints"].get(Family.MODEL)
    return Fingerprint(exact=taken["exact"], shape=taken["near"]) if taken else None


def _conformance(ctx: StepContext) -> "Conformance":
    """What a checker of the format says of the upload, which has been read without complaint by now."""
    import orjson

    from models.conformance import Conformance, no_check_for
    from models.conformance_3mf import check_3mf
    from models.gltf_conformance import KINDS, silent

    if ctx.names(CONFORMANCE):
        with ctx.open(CONFORMANCE) as file:
            return Conformance.from_json(orjson.loads(file.read()))
    if ctx.kind == "3mf":
        return check_3mf(ctx.path(UPLOAD))
    if ctx.kind in KINDS:
        return silent("This job was planned by an earlier release, which did not ask the glTF validator.")
    return no_check_for(ctx.kind)


def _concerns(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person who wants to print or build the model should look at."""
    from parsers.model_faults import missing_text
    from parsers.model_fbx import fallen_back

    if fallen_back(report["reader"]):
        message = "The FBX was read by assimp, which misreads some files: the better reader, ufbx, is not built here."
        yield "model.fallback_reader", message
    if report["missing_files"]:
        yield "model.missing_files", missing_text(report["missing_files"])
    for finding in report["findings"]:
        if finding["severity"] != "info":
            yield finding["code"], finding["message"]


def thumbnail(ctx: StepContext) -> None:
    """Pictures of the model; a machine without the software renderer gets a warning in their place."""
    from models import rendering, shaders

    shaders.use(ctx.resource("shaders"))
    try:
        made = rendering.render(ctx.path(PREVIEW), ctx.scratch)
    except rendering.NoRenderer as error:
        ctx.warn("thumbnail.unavailable", str(error))
        return
    if made.blank:
        ctx.warn("thumbnail.blank", "Next to nothing was drawn; the model may be too thin to be seen.")
        return
    for path in made.paths:
        ctx.save(path, name=path.name, media_type=_PICTURE)
    ctx.summary(blurhash=made.blurhash)


def turntable(ctx: StepContext) -> None:
    """The model with its findings marked, and turning once around."""
    import orjson

    from models import rendering, shaders
    from models import turntable as turning

    shaders.use(ctx.resource("shaders"))

    with ctx.open(REPORT) as file:
        places = _places(orjson.loads(file.read()))
    preview = ctx.path(PREVIEW)
    try:
        marked = turning.findings(preview, ctx.scratch, places=places) if places else None
        if marked:
            ctx.save(marked, name=marked.name, media_type=_PICTURE)
        ctx.progress(1, 2, "turning the model")
        turned = turning.turntable(preview, ctx.scratch)
    except rendering.NoRenderer:
        return  # the thumbnail's step has said so
    if turned.path:
        ctx.save(turned.path, name=turned.path.name, media_type=_PICTURE)
    elif not turned.blank:  # of which the thumbnail's step has warned
        ctx.warn("turntable.slow", "There is no turning picture: the model takes too long to draw.")


def _places(report: dict[str, Any]) -> list[tuple[float, float, float]]:
    """Where the report's findings are, in coordinates of the preview, which stands upright; the first place of each first."""
    from itertools import chain, zip_longest

    lists = [finding.get("places") or () for finding in report.get("findings", ())]
    found = [place for place in chain.from_iterable(zip_longest(*lists)) if place]
    turn = _UPRIGHT[report["shown_up"]]
    return [turn(x, y, z) for x, y, z in found]


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """The model becomes findable by what it is, what it is made of and what is wrong with it, besides its file's name."""
    import orjson

    with ctx.open(REPORT) as file:
        report = orjson.loads(file.read())
    title = f"{report['format']} 3D model, {report['triangles']} triangles"
    search.index([Place(artifact=REPORT, place="model", title=title, text=_words(report))])


def _words(report: dict[str, Any]) -> str:
    """Closed or open, size, materials, verdicts and findings: `printable` is found only where it holds."""
    bodies, extents = report["bodies"], report["extents"]
    size = " x ".join(f"{length:.4g}" for length in extents) if extents else ""
    materials = dict.fromkeys(part["material"] for part in report["parts"] if part["material"])
    verdicts = (name.replace("_", " ") for name, verdict in report["verdicts"].items() if verdict["ok"])
    findings = (finding["code"].rpartition(".")[2].replace("_", " ") for finding in report["findings"])
    closed = "watertight" if report["watertight"] else "open"
    count = f"{bodies} {'body' if bodies == 1 else 'bodies'}"
    return "; ".join(filter(None, (closed, count, f"{size} m" if size else "", *materials, *verdicts, *findings)))


PIPELINE = Pipeline(
    name="model-3d",
    version=3,
    title="Checks the geometry of 3D models, says what each will do for, and renders pictures of it.",
    accepts=("glb", "gltf", "stl", "obj", "ply", "off", "3mf", "dae", "step", "fbx", "usd", "usdz", "model-zip"),
    options=ModelOptions,
    steps=(
        Step(run=preview, queue=VALIDATION, resources=("gltf",), timeout=300.0, memory=Memory.LARGE),
        Step(
            run=conformance,
            queue=VALIDATION,
            needs=("preview",),  # pictures are wanted first
            isolated=False,
            ports=("gltf",),
        ),
        Step(
            run=identify,
            queue=VALIDATION,
            needs=("preview",),
            reads=(PREVIEW,),
            timeout=300.0,
            memory=Memory.LARGE,
            nice=NICE,
        ),
        Step(
            run=validate,
            queue=VALIDATION,
            needs=("conformance", "identify"),
            reads=(UPLOAD, CONFORMANCE),
            resources=("kernels", "duplicates", "gltf"),
            timeout=600.0,
            memory=Memory.HUGE,
            nice=NICE,
            vram=Vram(fixed=VRAM_FIXED, each=VRAM_EACH, counted="triangles", most=vram_of(MAX_TRIANGLES)),
        ),
        Step(
            run=thumbnail,
            queue=THUMBNAILS,
            needs=("preview",),
            reads=(PREVIEW,),
            resources=("shaders",),
            required=False,
            timeout=120.0,
            memory=Memory.MEDIUM,
        ),
        Step(
            run=turntable,
            queue=THUMBNAILS,
            needs=("thumbnail", "validate"),  # stills come first, and findings are marked
            reads=(PREVIEW, REPORT),
            resources=("shaders",),
            required=False,
            timeout=180.0,
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
