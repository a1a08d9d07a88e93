"""The synthetic catalog of the measurement: the same each time, and one that compiles without complaint."""

from bench.catalog_files import write_catalog
from catalog.checks import problems
from catalog.compile import compile_catalog


def test_catalog_files__are_the_same_each_time(tmp_path):
    """Two folders of one seed are equal byte for byte; another seed is another catalog."""
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        (tmp_path / name).mkdir()
        write_catalog(tmp_path / name, seed=seed, divisor=200)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    one, two, three = (
        [(tmp_path / folder / name).read_bytes() for name in files] for folder in ("one", "two", "three")
    )
    assert one == two
    assert one != three


def test_catalog_files__compile(tmp_path):
    """Every row of the synthetic catalog is a good one, in the proportions of the published tables."""
    (tmp_path / "in").mkdir()
    write_catalog(tmp_path / "in", divisor=100)
    report = compile_catalog(tmp_path / "in", tmp_path / "out", version="v")
    assert (report.orphans, report.duplicates, report.skipped, report.notes) == ({}, {}, {}, ())
    assert problems(report) == ()
    expected = {"parts": 600, "elements": 1100, "relations": 350, "colors": 275}
    assert {name: report.counts[name] for name in expected} == expected
