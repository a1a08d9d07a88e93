"""The files of a drill: of every pipeline, each of its own content, the broken ones truly broken."""

from collections import Counter

import pytest

from drill.inputs import bait, plain, sample
from jobs.errors import InputError
from jobs.issues import Record
from parsers import bricklink_xml, model, pdf, rebrickable_csv
from parsers.sniff import sniff
from pipelines import pipeline_for

MANY = [sample(number, seed=1) for number in range(400)]


def kind_of(one) -> str | None:
    found = sniff(one.body, size=len(one.body), name=one.name)
    return found.name if found else None


def read(one, folder) -> list:
    """What the parser that the platform would choose makes of it."""
    path = folder / "file"
    path.write_bytes(one.body)
    match kind_of(one):
        case "bricklink-xml":
            return list(bricklink_xml.parse(path, watch=lambda *_: None))
        case "rebrickable-csv":
            return list(rebrickable_csv.parse(path, watch=lambda *_: None))
        case "pdf":
            return list(pdf.pages(path, watch=lambda *_: None))
        case "glb" | "stl" as kind:
            return [model.load(path, kind)]
    raise AssertionError(f"{one.name} is {kind_of(one)}")


def test_inputs__follow_from_seed_and_number():
    """A drill that is repeated submits the same files; another seed submits others."""
    assert sample(5, seed=1) == sample(5, seed=1)
    assert sample(5, seed=1).body != sample(5, seed=2).body


def test_inputs__each_has_content_of_its_own():
    """No file is stored once for two: a lost one could hide behind its twin."""
    assert len({one.body for one in MANY}) == len(MANY)


def test_inputs__every_pipeline_is_there():
    """All pipelines get work, by their formats."""
    kinds = Counter(one.pipeline or kind_of(one) for one in MANY)
    assert kinds.keys() == {"noop", "bricklink-xml", "rebrickable-csv", "pdf", "glb", "stl"}
    assert {pipeline_for(kind).name for kind in kinds if kind != "noop"} == {"parts-list", "document", "model-3d"}


def test_inputs__a_few_are_broken_or_cancelled():
    """Failing and cancelled jobs are a few percent, so that most of the load does real work."""
    assert 8 <= sum(one.broken for one in MANY) <= 50
    assert 4 <= sum(one.cancel for one in MANY) <= 40


def test_inputs__broken_ones_are_the_submitters_fault(tmp_path):
    """Each kind of broken file ends in an error that says that the submitter must act."""
    broken = [one for one in MANY if one.broken]
    assert {one.name.rpartition(".")[2] for one in broken} == {"xml", "pdf", "glb"}
    for one in broken:
        with pytest.raises(InputError):
            read(one, tmp_path)


def test_inputs__the_others_can_be_read(tmp_path):
    """What is not marked as broken is read without an error."""
    for one in MANY[:60]:
        if not one.broken and one.pipeline is None:
            assert read(one, tmp_path)


def test_bait__keeps_its_pool_busy(tmp_path):
    """Each pool's bait is a file whose steps run there, and large enough to be caught in the middle."""
    rows = read(bait(1, "parsing"), tmp_path)
    assert len(rows) > 10_000
    assert not any(isinstance(row, Record) for row in rows)  # nothing is left for the indexing pool
    assert sum(isinstance(row, Record) for row in read(bait(1, "indexing"), tmp_path)) > 5_000
    assert kind_of(bait(1, "validation")) == "stl"
    assert len(read(bait(1, "thumbnails"), tmp_path)) > 10
    assert bait(1, "housekeeping") == plain(1)
