"""Parser cases are data: a folder `fixtures/<parser>/<case>/` holds a file and what its parser has to make of it.

`records.jsonl` and `issues.jsonl` are compared line by line. These files may stand beside them:
`facts.json`: {name: value} of every fact that the file states (a list of values where a name comes twice); none without it.
`error.json`: how reading must end; well without it.
`wishes.json`: what the caller says about the file, as keywords of `Wishes`.
`kind.txt`: the kind that the sniffer tells, or `unknown`; the one that the parser is for without it.
"""

import importlib
import json
from pathlib import Path

import pytest

from jobs.errors import InputError
from jobs.issues import Fact, Record
from parsers.lists import LISTS
from parsers.sniff import sniff
from parsers.wishes import Wishes

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/records.jsonl"))
LEAST = {  # cases by parser
    "bricklink_xml": 12,
    "brickstore_bsx": 12,
    "rebrickable_csv": 8,
    "element_csv": 8,
    "studio_csv": 8,
    "table": 40,
}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def stated(path, *, otherwise):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_parser__reads_its_case(case):
    """The parser yields exactly the records, issues and facts of the case, and ends as the case says."""
    (source,) = case.glob("input.*")
    wishes = Wishes(**stated(case / "wishes.json", otherwise={}))
    error = None
    records, issues, facts = [], [], {}
    try:
        for item in importlib.import_module(f"parsers.{case.parent.name}").parse(source, wishes=wishes):
            if isinstance(item, Fact):
                facts.setdefault(item.name, []).append(item.value)
            else:
                (records if isinstance(item, Record) else issues).append(item.to_json())
    except InputError as caught:
        error = caught.fault.to_json()
    assert records == lines(case / "records.jsonl")
    assert issues == lines(case / "issues.jsonl")
    assert {name: found[0] if len(found) == 1 else found for name, found in facts.items()} == stated(
        case / "facts.json", otherwise={}
    )
    assert error == stated(case / "error.json", otherwise=None)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sniff__tells_each_case(case):
    """Each list is told from its bytes alone, and what is none is not."""
    (source,) = case.glob("input.*")
    bytes_ = source.read_bytes()
    kind = sniff(bytes_[: 64 * 1024], size=len(bytes_), name="upload")
    told = case / "kind.txt"
    expected = told.read_text(encoding="utf-8").strip() if told.exists() else kind_of(case.parent.name)
    assert (kind.name if kind else "unknown") == expected


def kind_of(module):
    """The kind that a parser reads; one that reads several says in each case which."""
    (kind,) = [kind for kind, named in LISTS.items() if named == module]
    return kind


def test_fixtures__hold_enough_cases():
    """Each parser of lists has its cases, the hostile ones among them."""
    counted = {name: sum(case.parent.name == name for case in CASES) for name in LEAST}
    assert {name: count for name, count in counted.items() if count < LEAST[name]} == {}
    names = {case.name for case in CASES}
    assert names >= {"billion_laughs", "entity_external", "truncated", "html_page", "bare_ampersand", "update_deltas"}
