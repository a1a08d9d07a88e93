"""Parser cases are data: a folder `fixtures/<parser>/<case>/` holds a file and what its parser has to make of it.

`records.jsonl` and `issues.jsonl` are compared line by line; `error.json`, where it is there, is how reading must end.
"""

import importlib
import json
from pathlib import Path

import pytest

from jobs.errors import InputError
from jobs.issues import Record
from parsers.sniff import sniff

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/records.jsonl"))
KINDS = {"bricklink_xml": "bricklink-xml", "rebrickable_csv": "rebrickable-csv"}
# Files that no sniffer takes for a list, so that nobody gets as far as their parser without asking for it.
NOT_LISTS = {"empty_file", "blank", "blank_lines", "html_page", "other_xml", "other_table"}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_parser__reads_its_case(case):
    """The parser yields exactly the records and issues of the case, and ends as the case says."""
    (source,) = case.glob("input.*")
    error = None
    found = {True: [], False: []}
    try:
        for item in importlib.import_module(f"parsers.{case.parent.name}").parse(source):
            found[isinstance(item, Record)].append(item.to_json())
    except InputError as caught:
        error = caught.fault.to_json()
    assert found[True] == lines(case / "records.jsonl")
    assert found[False] == lines(case / "issues.jsonl")
    expected = case / "error.json"
    assert error == (json.loads(expected.read_text(encoding="utf-8")) if expected.exists() else None)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sniff__tells_each_case(case):
    """Each list is told from its bytes alone, and what is none is not."""
    (source,) = case.glob("input.*")
    bytes_ = source.read_bytes()
    kind = sniff(bytes_[: 64 * 1024], size=len(bytes_), name="upload")
    # NUL bytes and a list in one file: its kind is unknown, as for any binary file.
    expected = None if case.name in NOT_LISTS | {"nul_bytes"} else KINDS[case.parent.name]
    assert (kind.name if kind else None) == expected


def test_fixtures__hold_enough_cases():
    """Each parser of lists has its cases, the hostile ones among them."""
    counted = {name: sum(case.parent.name == name for case in CASES) for name in KINDS}
    assert counted["bricklink_xml"] >= 12
    assert counted["rebrickable_csv"] >= 8
    names = {case.name for case in CASES}
    assert names >= {"billion_laughs", "entity_external", "truncated", "html_page", "bare_ampersand", "update_deltas"}
