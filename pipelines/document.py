"""Documents: the text of each page, a picture of each page, and every page findable."""

from collections.abc import Iterator

from jobs.context import Place, SearchIndex, StepContext
from jobs.issues import Record
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING, THUMBNAILS

TEXT = "text.jsonl"
MAX_PICTURES = 200  # pages that get one
LONGEST = 400  # pixels of a picture's longer side
_QUALITY = 80  # of WebP
_BUFFER = 1024 * 1024  # bytes written at a time
_TITLE = 80  # characters of a page's first line


def text(ctx: StepContext) -> None:
    """The text of each page to `text.jsonl`; a page that can't be read is a warning."""
    import orjson

    from parsers import pdf

    pages = characters = 0
    path = ctx.scratch / TEXT
    with path.open("wb", _BUFFER) as lines:
        for item in pdf.pages(ctx.path(UPLOAD), watch=ctx.progress):
            pages += 1
            if isinstance(item, Record):
                characters += len(item.fields["text"])
                lines.write(orjson.dumps(item.fields, option=orjson.OPT_APPEND_NEWLINE))
            else:
                ctx.warn(item.code, item.message)
    ctx.save(path, name=TEXT, media_type="application/x-ndjson")
    ctx.summary(format=ctx.kind, pages=pages, characters=characters)
    if not characters:
        ctx.warn("pdf.no_text", "The document holds no text; it may be a scan.")


def thumbnails(ctx: StepContext) -> None:
    """A WebP of each page, `page-0001.webp` and on, up to `MAX_PICTURES`."""
    from parsers import pdf

    upload = ctx.path(UPLOAD)
    pages = pdf.count_pages(upload)
    last = min(pages, MAX_PICTURES)
    for number, picture in pdf.pictures(upload, last=last, longest=LONGEST):
        ctx.progress(number, last)
        if picture is None:
            ctx.warn("pdf.page", f"Page {number} can not be drawn.")
            continue
        path = ctx.scratch / f"page-{number:04}.webp"
        picture.save(path, "WEBP", quality=_QUALITY)
        ctx.save(path, name=path.name, media_type="image/webp")
    if pages > last:
        ctx.warn("thumbnails.capped", f"Only the first {last} of {pages} pages have a picture.")


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Each page becomes findable by its text."""
    search.index(_places(ctx))


def _places(ctx: StepContext) -> Iterator[Place]:
    import orjson

    with ctx.open(TEXT) as lines:
        for line in lines:
            page = orjson.loads(line)
            number, words = page["page"], page["text"].strip()
            if words:
                title = words.partition("\n")[0].strip()[:_TITLE]
                yield Place(artifact=TEXT, place=f"page {number}", title=title or f"Page {number}", text=words)


PIPELINE = Pipeline(
    name="document",
    version=1,
    title="Reads the text of PDFs page by page, draws each page, and makes both findable.",
    accepts=("pdf",),
    steps=(
        Step(run=text, queue=PARSING, timeout=600.0, memory=Memory.MEDIUM),
        Step(run=thumbnails, queue=THUMBNAILS, required=False, timeout=600.0, memory=Memory.MEDIUM),
        Step(
            run=index,
            queue=INDEXING,
            needs=("text",),
            reads=(TEXT,),
            isolated=False,
            ports=("search",),
        ),
    ),
)
