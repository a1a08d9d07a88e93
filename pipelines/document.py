"""Documents: text, tables and pictures of each page; scans are read; long ones on all workers of a pool at once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from documents.joining import joined, named_ranges, pages_of
from documents.options import DocumentOptions
from documents.ranges import parts_for, slice_of
from jobs.context import Place, SearchIndex, StepContext
from jobs.errors import InputError
from jobs.issues import Record
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING, THUMBNAILS

FACTS, REPAIRED = "inspect.json", "repaired.pdf"
TEXT, MARKDOWN, CHUNKS, ENRICHED = "text.jsonl", "document.md", "chunks.jsonl", "enriched.json"
_TEXTS, _SEEN = "text-*.jsonl", "ocr-*.jsonl"
JSON_LINES = "application/x-ndjson"
_EACH_TEXT, _EACH_OCR, _EACH_PICTURE = 150, 3, 25  # pages of a part: some seconds each, more than starting it costs
Item = TypeVar("Item")
_TITLE = 80  # characters of a page's first line
_BUFFER = 1024 * 1024  # bytes written at a time


def inspect(ctx: StepContext) -> None:
    """What the file is, without its contents; a damaged one is repaired once; lays out the parts of what follows."""
    from parsers import pdf_inspect, pdf_repair

    password, source = _said(ctx).password, ctx.path(UPLOAD)
    if pdf_repair.repaired(source, to=ctx.scratch / REPAIRED, password=password):
        source, password = ctx.scratch / REPAIRED, None
        ctx.save(source, name=REPAIRED, media_type="application/pdf")
        ctx.warn("pdf.repaired", f"The file is damaged; what could be rescued of it is {REPAIRED}.")
    facts = pdf_inspect.inspect(source, password=password, watch=ctx.progress)
    for code, message in facts["warnings"]:
        ctx.warn(code, message)
    pages, scanned = facts["pages"], len(pages_of(facts["pages_without_text"]))
    _save_json(ctx, FACTS, facts)
    ctx.split("text", parts_for(pages, _EACH_TEXT))
    ctx.split("ocr", parts_for(scanned, _EACH_OCR))
    ctx.split("thumbnails", parts_for(pages, _EACH_PICTURE))
    title = facts["metadata"].get("title")
    ctx.summary(format=ctx.kind, pages=pages, pages_without_text=scanned, **({"title": title} if title else {}))


def text(ctx: StepContext) -> None:
    """The text of this part's pages in reading order; a page that can't be read is a warning."""
    from parsers import pdf_text
    from parsers.pdf_guard import in_time

    source, password, facts = _document(ctx)
    mine = slice_of(range(1, facts["pages"] + 1), ctx.part)
    if not mine:
        return
    found = pdf_text.pages(source, password=password, first=mine[0], last=mine[-1], words=_said(ctx).words)
    items = (_page_or_warning(ctx, item) for item in in_time(found, first=mine[0]))
    _save_lines(ctx, f"text-{ctx.part.number + 1:03}.jsonl", filter(None, items), total=len(mine))


def ocr(ctx: StepContext) -> None:
    """Pages without text, seen with tesseract one by one."""
    from documents.seeing import seen
    from parsers import ocr as program
    from parsers.pdf_guard import in_time

    source, password, facts = _document(ctx)
    mine = slice_of(pages_of(facts["pages_without_text"]), ctx.part)
    if not mine:
        return
    if program.available() is None:
        if ctx.part.number == 0:
            named = named_ranges(facts["pages_without_text"])
            ctx.warn(
                program.UNAVAILABLE, f"Pages {named} have no text; tesseract, which could read them, is not installed."
            )
        return
    said = _said(ctx)
    language = program.checked_language(said.language)
    found = seen(source, mine, facts=facts, password=password, language=language, words=said.words, scratch=ctx.scratch)
    items = (_page_or_warning(ctx, item) for item in _affordable(ctx, in_time(found, numbers=mine), last=mine[-1]))
    _save_lines(ctx, f"ocr-{ctx.part.number + 1:03}.jsonl", filter(None, items), total=len(mine))


def join(ctx: StepContext) -> None:
    """All pages in one file, as Markdown, and cut into chunks."""
    from documents import chunks
    from documents.markdown import markdown

    facts = _json(ctx.path(FACTS))
    outline = [entry for entry in facts["outline"] if entry["page"]]
    texts = [ctx.path(name) for name in ctx.names(_TEXTS)]
    characters = seen = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal characters, seen
        for page in joined(texts, [ctx.path(name) for name in ctx.names(_SEEN)]):
            characters += len(page["text"])
            seen += page["source"] == "ocr"
            yield page

    _save_lines(ctx, TEXT, counted(), total=facts["pages"])
    whole = ctx.scratch / TEXT
    with (ctx.scratch / MARKDOWN).open("w", _BUFFER, encoding="utf-8") as out:
        out.writelines(markdown(joined([whole], []), outline))
    ctx.save(ctx.scratch / MARKDOWN, name=MARKDOWN, media_type="text/markdown; charset=utf-8")
    cut = chunks.chunks(joined([whole], []), outline=outline, size=_said(ctx).chunk_size)
    count = _save_lines(ctx, CHUNKS, map(chunks.to_json, cut), total=0)
    ctx.summary(characters=characters, pages_read_by_ocr=seen, chunks=count)
    if not characters:
        ctx.warn("pdf.no_text", "The document holds no text that could be read.")


def tables(ctx: StepContext) -> None:
    """Each table as CSV; those that are parts lists are submitted as jobs of their own."""
    from documents.tables import TABLES, write
    from parsers import pdf_tables

    source, password, _ = _document(ctx)
    count = lists = 0
    told = []
    for item in pdf_tables.tables(source, password=password, watch=ctx.progress):
        if not isinstance(item, pdf_tables.Table):
            ctx.warn(item.code, item.message)
            continue
        written = write(item, folder=ctx.scratch)
        ctx.save(written.path, name=written.path.name, media_type="text/csv; charset=utf-8")
        count += 1
        told.append(written.facts)
        if written.parts_list is not None:
            lists += 1
            ctx.save(written.parts_list, name=written.parts_list.name, media_type="text/csv; charset=utf-8")
            ctx.submit(written.parts_list.name, pipeline="parts-list", options={}, file_name=written.parts_list.name)
    if told:
        _save_lines(ctx, TABLES, iter(told), total=0)
    ctx.summary(tables=count, parts_lists=lists)


def thumbnails(ctx: StepContext) -> None:
    """This part's pages as WebP at 400 and 200 pixels, with a blurhash of each; those behind page 200 in one ZIP."""
    from documents.page_pictures import SIDES, SINGLE, Drawn, drawn, packed
    from parsers import pdf
    from parsers.pdf_guard import in_time

    source, password, facts = _document(ctx)
    mine = slice_of(range(1, facts["pages"] + 1), ctx.part)
    if not mine:
        return
    told: list[dict[str, Any]] = []
    pack: list[Drawn] = []
    pictures = pdf.pictures(source, first=mine[0], last=mine[-1], longest=SIDES[0], password=password)
    affordable = _affordable(ctx, in_time(pictures, first=mine[0]), last=mine[-1])
    for done, item in enumerate(drawn(affordable, ctx.scratch), 1):
        ctx.progress(done, len(mine))
        if isinstance(item, int):
            ctx.warn("pdf.page", f"Page {item} can not be drawn.")
            continue
        told.append(item.facts)
        if item.page > SINGLE:
            pack.append(item)
            continue
        for file in item.files:
            ctx.save(file, name=file.name, media_type="image/webp")
    if pack:
        archive = packed(pack, ctx.scratch)
        ctx.save(archive, name=archive.name, media_type="application/zip")
    _save_lines(ctx, f"thumbnails-{ctx.part.number + 1:03}.jsonl", iter(told), total=0)


def enrich(ctx: StepContext) -> None:
    """Language, keywords, part numbers and dates of the whole text."""
    from documents.enrich import enrich as enriched

    facts = _json(ctx.path(FACTS))
    outline = [entry for entry in facts["outline"] if entry["page"]]
    found = enriched(joined([ctx.path(TEXT)], []), outline=outline)
    _save_json(ctx, ENRICHED, found)
    ctx.summary(languages=found["languages"][:3])


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Each chunk becomes findable by its text, under the headings above it."""
    search.index(_places(ctx))


def _places(ctx: StepContext) -> Iterator[Place]:
    import orjson

    about = _json(ctx.path(FACTS))["metadata"]
    words = " ".join(filter(None, (about.get(name, "") for name in ("author", "subject", "keywords"))))
    title = about.get("title", "")
    if title or words:  # the file itself is found by its name in any case
        yield Place(artifact=FACTS, place="document", title=title[:_TITLE], text=words)
    with ctx.open(CHUNKS) as lines:
        for line in lines:
            chunk = orjson.loads(line)
            title = " / ".join(chunk["headings"]) or chunk["text"].partition("\n")[0]
            yield Place(artifact=CHUNKS, place=f"page {chunk['page']}", title=title[:_TITLE], text=chunk["text"])


def _said(ctx: StepContext) -> DocumentOptions:
    return DocumentOptions(**ctx.options)


def _document(ctx: StepContext) -> tuple[Path, str | None, dict[str, Any]]:
    """The file to read, the password that opens it, and its facts."""
    repaired = ctx.names(REPAIRED)
    password: str | None = None if repaired else _said(ctx).password
    return ctx.path(REPAIRED if repaired else UPLOAD), password, _json(ctx.path(FACTS))


def _affordable(ctx: StepContext, pages: Iterator[Item], *, last: int) -> Iterator[Item]:
    """Pages up to one that costs too much to be drawn: of that, and of those behind it, the job is warned."""
    from parsers.pdf_guard import TOO_COSTLY

    try:
        yield from pages
    except InputError as error:
        if error.fault.code != TOO_COSTLY:
            raise
        ctx.warn(TOO_COSTLY, f"{error.fault.message} It was not drawn, nor were those behind it up to {last}.")


def _page_or_warning(ctx: StepContext, item: Any) -> dict[str, Any] | None:
    if isinstance(item, Record):
        return dict(item.fields)
    ctx.warn(item.code, item.message)
    return None


def _save_lines(ctx: StepContext, name: str, items: Iterator[Mapping[str, Any]], *, total: int) -> int:
    """Save items as JSON lines, telling how many there are; returns that."""
    import orjson

    count, path = 0, ctx.scratch / name
    with path.open("wb", _BUFFER) as lines:
        for count, item in enumerate(items, 1):
            lines.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))
            if total:
                ctx.progress(count, total)
    ctx.save(path, name=name, media_type=JSON_LINES)
    return count


def _json(path: Path) -> dict[str, Any]:
    import orjson

    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def _save_json(ctx: StepContext, name: str, facts: Mapping[str, Any]) -> None:
    import orjson

    path = ctx.scratch / name
    path.write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    ctx.save(path, name=name, media_type="application/json")


_READS = (UPLOAD, REPAIRED, FACTS)

PIPELINE = Pipeline(
    name="document",
    version=2,
    title="Reads PDFs page by page, scans too; finds tables, draws each page, and makes all of it findable.",
    accepts=("pdf",),
    options=DocumentOptions,
    steps=(
        Step(run=inspect, queue=PARSING, timeout=120.0, memory=Memory.MEDIUM),
        Step(run=text, queue=PARSING, needs=("inspect",), reads=_READS, timeout=300.0, memory=Memory.MEDIUM),
        Step(run=ocr, queue=PARSING, needs=("inspect",), reads=_READS, timeout=900.0, memory=Memory.MEDIUM, when="ocr"),
        Step(run=join, queue=PARSING, needs=("text", "ocr"), reads=(FACTS, _TEXTS, _SEEN), timeout=300.0),
        Step(
            run=tables,
            queue=PARSING,
            needs=("inspect",),
            reads=_READS,
            submits=("parts-list",),
            required=False,
            timeout=300.0,
            memory=Memory.MEDIUM,
            when="tables",
        ),
        Step(
            run=thumbnails,
            queue=THUMBNAILS,
            needs=("inspect",),
            reads=_READS,
            required=False,
            timeout=300.0,
            memory=Memory.MEDIUM,
            when="thumbnails",
        ),
        Step(run=enrich, queue=PARSING, needs=("join",), reads=(FACTS, TEXT), required=False, when="enrich"),
        Step(
            run=index,
            queue=INDEXING,
            needs=("join",),
            reads=(CHUNKS, FACTS),
            isolated=False,
            ports=("search",),
        ),
    ),
)
