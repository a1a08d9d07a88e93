"""The pure parts of the measurements: numbers about samples, result lines, generated files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import bench
from bench.files import opening, parts_list, write_rest
from bench.result import Line, Report, Target
from bench.stats import Spread, median, percentile
from jobs.issues import Issue, Record
from parsers import bricklink_xml
from parsers.sniff import sniff

LINE = Line(bench="b", variant="v", value=50.0, unit="ms", baseline=20.0, target=Target(limit=60), n=3)
FIELDS = ["bench", "variant", "value", "unit", "baseline", "ratio", "target", "met", "n", "commit"]


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        ([7.0], 0.95, 7.0),
        ([1, 2, 3, 4], 0.5, 2.5),
        ([4, 1, 3, 2], 0.0, 1),
        ([4, 1, 3, 2], 1.0, 4),
        ([0, 10], 0.95, 9.5),
    ],
)
def test_percentile__interpolates_between_sorted_neighbours(samples, share, expected):
    """The value lies between its neighbours, whatever the order of the samples."""
    assert percentile(samples, share) == pytest.approx(expected)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_percentile__makes_no_figure_up(samples, share):
    """No samples, or a share that is none, is an error and not a number."""
    with pytest.raises(ValueError, match=r"samples|share"):
        percentile(samples, share)


def test_spread__says_middle_tail_and_worst():
    """All of a series' figures are there."""
    spread = Spread.of([float(n) for n in range(101)])
    assert spread == Spread(n=101, p50=50, p95=95, most=100)
    assert median([1, 9]) == 5


@pytest.mark.parametrize(
    ("target", "value", "baseline", "met"),
    [
        (Target(limit=60), 60.0, None, True),
        (Target(limit=60), 60.1, None, False),
        (Target(limit=0.85, at_least=True, of="ratio"), 90.0, 100.0, True),
        (Target(limit=0.85, at_least=True, of="ratio"), 80.0, 100.0, False),
        (Target(limit=4, of="ratio"), 80.0, 10.0, False),
        (Target(limit=4, of="ratio"), 1.0, None, False),
        (None, 1.0, 2.0, None),
    ],
)
def test_line__met_looks_at_value_or_ratio(target, value, baseline, met):
    """A target is compared with what it is about; a missing baseline never meets one about the ratio."""
    assert replace(LINE, value=value, baseline=baseline, target=target).met is met


def test_line__json_has_exactly_the_documented_fields():
    """Scripts rely on the names and on their order."""
    found = json.loads(LINE.to_json())
    assert list(found) == FIELDS
    assert (found["ratio"], found["target"], found["met"], found["n"]) == (2.5, "value <= 60", True, 3)


def test_report__prints_one_json_line_each_on_stdout_and_words_on_stderr(capsys):
    """Stdout can be piped into a file of JSON lines."""
    report = Report(bench="b")
    report.say("words")
    report.add("good", 1.0, unit="ms", n=1, target=Target(limit=2))
    report.add("bad", 3.0, unit="ms", n=1, target=Target(limit=2))
    out, err = capsys.readouterr()
    assert [json.loads(line)["variant"] for line in out.splitlines()] == ["good", "bad"]
    assert "words" in err
    assert "MISSED" in err
    assert report.missed == ["bad"]


def test_report__quiet_keeps_stderr_empty(capsys):
    """`--json` prints figures only."""
    report = Report(bench="b", quiet=True)
    report.say("words")
    report.add("v", 1.0, unit="ms", n=1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("size", [400, 5000, 300_000])
def test_parts_list__has_the_size_and_reads_without_an_issue(tmp_path, size):
    """A generated list is a correct one, to the byte as long as was asked for."""
    body = parts_list(size)
    path = tmp_path / "list.xml"
    path.write_bytes(body)
    kind = sniff(body, size=size, name="list.xml")
    assert len(body) == size
    assert kind is not None
    assert kind.name == "bricklink-xml"
    found = list(bricklink_xml.parse(path))
    assert any(isinstance(item, Record) for item in found)
    assert not any(isinstance(item, Issue) for item in found)


def test_parts_list__no_two_are_alike():
    """Equal bytes would be stored once, and measured wrongly."""
    assert len({parts_list(2000) for _ in range(20)}) == 20


def test_write_rest__any_opening_makes_it_whole(tmp_path: Path):
    """What is sent from the page cache is a correct list behind each opening."""
    size = 3_000_000
    rest = tmp_path / "rest"
    length = write_rest(rest, size)
    whole = tmp_path / "whole.xml"
    whole.write_bytes(opening() + rest.read_bytes())
    assert length == rest.stat().st_size
    assert whole.stat().st_size == size
    assert opening() != opening()
    assert not any(isinstance(item, Issue) for item in bricklink_xml.parse(whole))


def test_run__lists_what_there_is(capsys):
    """`bench list` names every measurement, one per line."""
    assert bench.run("list") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(bench.BENCHES)


def test_run__an_unknown_name_is_wrong_usage(capsys):
    """The message names those that there are."""
    assert bench.run("speed") == bench.USAGE
    assert "latency" in capsys.readouterr().err


@pytest.mark.parametrize("name", bench.BENCHES)
def test_benches__each_has_a_page_section(name):
    """docs/benchmarks.md explains every measurement."""
    page = Path(bench.__file__).parent.parent / "docs" / "benchmarks.md"
    assert f"\n## {name}\n" in page.read_text()
