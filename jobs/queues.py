"""The queues: one row each. docker-compose.yml has one service per row, which a test holds equal."""

from dataclasses import dataclass

from jobs.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A line in the broker, drained by a pool of its own."""

    name: str  # the line's and the pool's name
    purpose: str  # one sentence, shown by the CLI and in Flower
    concurrency: int  # supervising threads of one worker, so steps at once
    # What the pool's sandbox template does before it forks: modules that it imports, `module:function` that it runs as well.
    preload: tuple[str, ...] = ()
    gpu: bool = False  # whether its worker may be started with --gpu: some of its steps claim VRAM


PARSING = Queue(
    name="parsing",
    purpose="reads files: parts lists, documents",
    concurrency=2,
    preload=(
        "pipelines",
        "lxml.etree",
        "pypdfium2",
        "orjson",
        "lists.arrow",
        "rapidfuzz.process",
        "catalog.sqlite",
        "lists.assembly",
        "parsers.bricklink_xml",
        "parsers.brickstore_bsx",
        "parsers.rebrickable_csv",
        "parsers.element_csv",
        "parsers.studio_csv",
        "parsers.table",
        "pikepdf",
        "parsers.pdf_inspect",
        "parsers.pdf_text",
        "parsers.pdf_tables",
        "numpy",
        "PIL.Image",
        "parsers.ocr",
        "documents.chunks",
        "documents.markdown",
        "lists.rehearsal:rehearse",
    ),
)
VALIDATION = Queue(
    name="validation",
    purpose="checks 3D models, on the GPU where there is one",
    concurrency=1,
    gpu=True,
    preload=("pipelines", "numpy", "trimesh", "scipy.sparse.csgraph", "parsers.model", "models.report", "orjson"),
)
THUMBNAILS = Queue(
    name="thumbnails",
    purpose="renders pages and models, describes and scales pictures",
    concurrency=2,
    # f3d first: its library wants a newer OpenSSL than the one that other modules may load before it.
    preload=(
        "f3d",
        "numpy",
        "pipelines",
        "models.rendering",
        "models.turntable",
        "PIL.WebPImagePlugin",
        "PIL.JpegImagePlugin",
        "PIL.PngImagePlugin",
        "PIL.ImageCms",
        "orjson",
        "pypdfium2",
        "parsers.pdf",
        "documents.page_pictures",
        "pictures.facts",
        "pictures.thumbnails",
        "blurhash_rs",
    ),
)
INDEXING = Queue(
    name="indexing",
    purpose="makes what was parsed searchable",
    concurrency=8,  # in PostgreSQL they wait for one commit together: four times as many a second as with two
)
PRICING = Queue(
    name="pricing",
    purpose="asks services elsewhere, which may be slow: what parts cost, catalogs",
    concurrency=2,
)
HOUSEKEEPING = Queue(
    name="housekeeping",
    purpose="sweeps, retention and reconciliation",
    concurrency=2,
)

QUEUES: dict[str, Queue] = {
    queue.name: queue for queue in (PARSING, VALIDATION, THUMBNAILS, INDEXING, PRICING, HOUSEKEEPING)
}


def queue_named(name: str) -> Queue:
    """The queue of that name; `ConfigurationError` lists those that there are."""
    try:
        return QUEUES[name]
    except KeyError:
        known = ", ".join(QUEUES)
        message = f"unknown queue {name!r}; add a row to jobs/queues.py or use one of: {known}"
        raise ConfigurationError(message) from None
