"""Which ZIPs are catalogs, and what the import's steps make of odd inputs without worker, ledger or sandbox."""

import json
import zipfile

import pytest
from support.catalog_tables import tables, zipped
from support.context import FolderContext

from catalog.ports import FetchedFile
from jobs.errors import InputError
from parsers.sniff import sniff
from pipelines import catalog_import, pipeline_for
from pipelines.catalog_import import NAME, ORDER_KIND, SOURCE, ZIP_KIND, activate, fetch

TABLES = tables()


def kind_of(names, file_name="upload.zip"):
    content = zipped(dict.fromkeys(names, b"x"))
    found = sniff(content[: 64 * 1024], size=len(content), name=file_name)
    return found.name if found else None


@pytest.mark.parametrize(
    "names",
    [
        list(TABLES),
        ["parts.csv", "colors.csv"],
        ["Downloads/colors.csv.gz"],
        ["elements.csv", "other.txt"],
        ["PART_CATEGORIES.CSV"],
    ],
)
def test_sniff__tells_a_catalog_by_its_tables(names):
    """Names of Rebrickable's tables make a ZIP a catalog, whatever folder they lie in."""
    assert kind_of(names) == ZIP_KIND
    assert pipeline_for(ZIP_KIND).name == NAME


def test_sniff__one_table_that_others_have_is_none():
    """A single parts.csv may be anybody's list; the name of the file breaks the tie."""
    assert kind_of(["parts.csv"]) is None
    assert kind_of(["colors.csv"]) is None
    assert kind_of(["parts.csv"], "my-catalog.zip") == ZIP_KIND
    assert kind_of(["model.ldr", "elements.csv"]) == "studio-io"


class Source:
    """A fetcher with files at hand."""

    version = "v1"

    def __init__(self, files):
        self.files = files
        self.asked = []

    def fetch(self, source, into, *, anew, watch):
        self.asked.append((source, anew))
        watch(0, 1, "fetches")
        if self.files is None:
            return None
        into.mkdir()
        for name, content in self.files.items():
            (into / name).write_bytes(content)
        return {name: FetchedFile(url=f"{source}/{name}", size=len(c), sha256="0") for name, c in self.files.items()}


class InForce:
    """The catalog in force, as a value."""

    def __init__(self, counts=None, *, takes=True):
        self.before, self.takes, self.activated = counts, takes, []

    def counts(self):
        return self.before

    def activate(self, counts, notes):
        self.activated.append((counts, notes))
        return self.takes


def context(folder, *, kind=ORDER_KIND, source="https://x.test/t", force=False, content=b"{}"):
    upload = folder / "given"
    upload.write_bytes(content)
    made = FolderContext(folder / "job", upload, kind=kind)
    made.options = {"source": source, "force": force}
    return made


def test_steps__fetch_compile_and_activate(tmp_path):
    """What was fetched is packed as it came, compiled under the job's name, and put in force with its report."""
    ctx, source, force = context(tmp_path), Source(TABLES), InForce({"parts": 20})
    fetch(ctx, fetcher=source)
    assert source.asked == [("https://x.test/t", False)]
    with zipfile.ZipFile(ctx.path(SOURCE)) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == TABLES
    catalog_import.compile(ctx)
    activate(ctx, catalogs=force)
    ((counts, notes),) = force.activated
    assert (counts["parts"], notes["source"], notes["duplicates"]) == (20, "https://x.test/t", {})
    assert (ctx.facts["version"], ctx.warnings) == ("v1", [])


def test_steps__without_news_do_nothing(tmp_path):
    """Where nothing has changed there is nothing to compile or to swap."""
    ctx, force = context(tmp_path), InForce()
    fetch(ctx, fetcher=Source(None))
    catalog_import.compile(ctx)
    activate(ctx, catalogs=force)
    assert (force.activated, ctx.facts, list(ctx.media_types)) == ([], {"unchanged": True}, ["fetched.json"])


def test_steps__a_later_import_stays(tmp_path):
    """Where a later import is in force already, the job succeeds with a warning."""
    ctx = context(tmp_path, kind=ZIP_KIND, source=None, content=zipped(TABLES))
    fetch(ctx, fetcher=Source(None))
    catalog_import.compile(ctx)
    activate(ctx, catalogs=InForce(takes=False))
    assert [code for code, _ in ctx.warnings] == ["catalog.superseded"]


@pytest.mark.parametrize(("kind", "source"), [(ZIP_KIND, "https://x.test/t"), (ORDER_KIND, None)])
def test_fetch__is_told_to_upload_or_to_fetch(tmp_path, kind, source):
    """An upload that names a source, or an order that names none, is refused before anything is fetched."""
    fetcher = Source(TABLES)
    with pytest.raises(InputError) as told:
        fetch(context(tmp_path, kind=kind, source=source), fetcher=fetcher)
    assert (told.value.fault.code, fetcher.asked) == ("catalog.order", [])


@pytest.mark.parametrize("content", [b"[]", b"{}" + b" " * (5 << 20)], ids=["another shape", "too long"])
def test_activate__believes_no_report_that_is_none(tmp_path, content):
    """A report of another shape or of great length is refused, not guessed at."""
    ctx = context(tmp_path)
    (ctx.artifacts / "fetched.json").write_text(json.dumps({"unchanged": False}))
    (ctx.artifacts / "report.json").write_bytes(content)
    with pytest.raises(InputError):
        activate(ctx, catalogs=InForce())
