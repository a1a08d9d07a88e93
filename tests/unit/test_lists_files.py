"""The files that a list becomes: records that change their form, issues that are counted past a thousand, guards."""

import csv
import errno
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.match import By, ColorBy, Match
from jobs.issues import Issue, Rows, Severity
from lists import records_file, records_table
from lists.issues_file import KEPT, IssuesFile, guarded
from lists.lots import Role
from lists.meanings import Meaning
from lists.records_file import RecordsFile


def fields_of(number, **more):
    fields = {"item_type": "P", "raw_id": f"0{number}", "id_space": "bricklink", "raw_color": 5, "spare": False}
    fields |= {"color_space": "bricklink", "part_num": None, "color_id": 4, "match": {"by": "none", "confidence": 0.0}}
    return fields | more


def meaning(fields, write):
    match = Match(None, None, By.NONE, 0.0, ColorBy.NONE, 0.0, "", ())
    return Meaning(match, role=Role.PIECE, lot=None, filled=0, written=write(fields))


def issue(number, **more):
    said = {"row": number, "line": number, "column": "QTY", "code": "qty.zero", "severity": Severity.WARNING}
    return Issue(**(said | {"message": "The quantity is zero.", "value": "0"} | more))


def written(folder, rows):
    """`rows` are (row, line, qty, fields, codes)."""
    with RecordsFile(folder) as records:
        for row, line, qty, fields, codes in rows:
            own = {name: fields[name] for name in ("remarks", "lot_id") if name in fields}
            shared = {name: value for name, value in fields.items() if name not in own}
            records.add(row, line, qty, meaning(shared, records.form), own=own or None, codes=codes)
    return records.path


def rows_up_to(last, **more):
    return [(number, number + 1, 2, fields_of(number, **more), None) for number in range(1, last + 1)]


def test_records__stay_json_lines_up_to_the_limit(tmp_path, monkeypatch):
    """A list of exactly as many rows as JSON lines are good for is JSON lines, as it came."""
    monkeypatch.setattr(records_file, "MAX_LINES", 3)
    rows = rows_up_to(3, name='Brick, "ü"')
    rows[1] = (2, None, 7, rows[1][3], ["qty.zero", "part.unknown"])
    path = written(tmp_path, rows)
    assert path.name == "records.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"row": 1, "line": 2, "qty": 2} | rows[0][3]
    numbers = {"row": 2, "line": None, "qty": 7, "issues": ["qty.zero", "part.unknown"]}
    assert lines[1] == numbers | rows[1][3]
    assert len(lines) == 3


def test_records__become_parquet_alone_past_the_limit(tmp_path, monkeypatch):
    """One row more, and everything is in Parquet: no row twice, none lost, ids still text, unknown fields kept."""
    monkeypatch.setattr(records_file, "MAX_LINES", 3)
    monkeypatch.setattr(records_table, "_BATCH", 4)
    rows = rows_up_to(9)
    rows[0] = (*rows[0][:3], fields_of(1, odd_field=[1, 2]), None)
    rows[4] = (*rows[4][:3], fields_of(5, name="Brick"), ["qty.zero", "part.unknown"])
    path = written(tmp_path, rows)
    assert path.name == "records.parquet"
    assert not (tmp_path / "records.jsonl").exists()
    table = pq.read_table(path).to_pylist()
    assert [one["row"] for one in table] == list(range(1, 10))
    assert [one["raw_id"] for one in table] == [f"0{n}" for n in range(1, 10)]
    found = (table[4]["issues"], table[4]["name"], table[4]["match_by"])
    assert found == (["qty.zero", "part.unknown"], "Brick", "none")
    assert json.loads(table[0]["extra"]) == {"odd_field": [1, 2]}
    assert table[1]["extra"] is None


@pytest.mark.parametrize("limit", [3, 7, 100])
@pytest.mark.parametrize("said", [{}, {"remarks": "drawer 4"}, {"remarks": "drawer 4", "lot_id": "7"}])
def test_records__in_bulk_are_the_same_as_one_by_one(tmp_path, monkeypatch, limit, said):
    """Rows that come together are written as if each had come alone, in both forms, with what each says of itself."""
    monkeypatch.setattr(records_file, "MAX_LINES", limit)
    rows = rows_up_to(12)
    rows[3:] = [(*row[:3], row[3] | said, row[4]) for row in rows[3:]]
    single, bulk = tmp_path / "single", tmp_path / "bulk"
    single.mkdir()
    bulk.mkdir()
    path = written(single, rows)
    with RecordsFile(bulk) as records:
        meanings = [meaning(fields_of(number), records.form) for number in range(1, 13)]
        own = [{}] * 3 + [said] * 9
        records.add_many(Rows(1, range(2, 7), [2] * 5, [], dict, own[:5]), meanings[:5])
        records.add_many(Rows(6, range(7, 90), [2] * 7, [], dict, own[5:]), meanings[5:])
    assert records.path.name == path.name
    if path.suffix == ".jsonl":
        assert records.path.read_bytes() == path.read_bytes()
    else:
        table = pq.read_table(records.path).to_pylist()
        assert table == pq.read_table(path).to_pylist()
        assert [one["remarks"] for one in table] == [None] * 3 + [said.get("remarks")] * 9


def test_records__that_repeat_earlier_ones_are_written_whole(tmp_path, monkeypatch):
    """What rows mean is handed to Arrow once: later batches, and those after it started anew, have it all the same."""
    monkeypatch.setattr(records_file, "MAX_LINES", 1)
    monkeypatch.setattr(records_table, "_BATCH", 3)
    monkeypatch.setattr(records_table, "_STOCK", 4)
    said = [{}, {"name": "Brick"}, {}, {"condition": "N"}, {}, {"odd": 1}]
    order = [0, 1, 0, 1, 1, 2, 0, 3, 3, 4, 5, 0, 5, 5, 5, 2, 1]
    with RecordsFile(tmp_path) as records:
        meanings = [meaning(fields_of(number, **more), records.form) for number, more in enumerate(said)]
        for row, which in enumerate(order, 1):
            records.add(row, None, 1, meanings[which])
    table = pq.read_table(records.path).to_pylist()
    assert [one["raw_id"] for one in table] == [f"0{which}" for which in order]
    assert [one["name"] for one in table] == [fields_of(which, **said[which]).get("name") for which in order]
    assert [one["condition"] for one in table] == [fields_of(which, **said[which]).get("condition") for which in order]
    assert [one["extra"] for one in table] == ['{"odd":1}' if which == 5 else None for which in order]


@pytest.mark.parametrize("rows", [4, 30])
def test_records__that_the_disk_has_no_room_for_are_an_error(tmp_path, monkeypatch, rows):
    """Batches are written aside: one that fails is told, be it the last or one before."""
    monkeypatch.setattr(records_file, "MAX_LINES", 1)
    monkeypatch.setattr(records_table, "_BATCH", 3)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path, rows_up_to(rows))


def test_records__a_rows_own_words_stand_beside_those_of_others(tmp_path, monkeypatch):
    """Where some rows state remarks for themselves and others share theirs, each has its own in the table."""
    monkeypatch.setattr(records_file, "MAX_LINES", 1)
    with RecordsFile(tmp_path) as records:
        shared = meaning(fields_of(1, remarks="shared"), records.form)
        records.add(1, 2, 1, shared)
        records.add(2, 3, 1, shared)
        records.add(3, 4, 1, meaning(fields_of(2), records.form), own={"remarks": "own"})
        records.add(4, 5, 1, meaning(fields_of(3), records.form))
    assert [one["remarks"] for one in pq.read_table(records.path).to_pylist()] == ["shared", "shared", "own", None]


def test_records__a_broken_list_leaves_a_closed_file(tmp_path, monkeypatch):
    """Where the parser gives up in the middle, nothing is left open, and the error is the parser's."""
    monkeypatch.setattr(records_file, "MAX_LINES", 1)

    def broken():
        yield from rows_up_to(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        written(tmp_path, broken())
    assert pq.read_table(tmp_path / "records.parquet").num_rows == 0


def test_issues__past_a_thousand_are_counted_only(tmp_path):
    """The first thousand stand in both files, all of them in the counts, and the summary says how many do not."""
    with IssuesFile(tmp_path) as issues:
        for number in range(1, KEPT + 6):
            issues.add(issue(number))
    lines = [json.loads(line) for line in issues.jsonl.read_text().splitlines()]
    rows = list(csv.DictReader(issues.csv.open(encoding="utf-8-sig", newline="")))
    assert len(lines) == len(rows) == KEPT
    assert (lines[-1]["row"], rows[-1]["row"]) == (KEPT, str(KEPT))
    facts = issues.facts()
    assert facts["issues"] == {"error": 0, "warning": KEPT + 5, "info": 0}
    assert (facts["issue_codes"], facts["issues_not_listed"]) == ({"qty.zero": KEPT + 5}, 5)


def test_issues__csv_runs_no_formula(tmp_path):
    """What a file says is text in a spreadsheet, whatever it begins with; the JSON keeps it as it is."""
    evil = '=cmd|"/c calc"!A1'
    with IssuesFile(tmp_path) as issues:
        issues.add(issue(1, value=evil, expected="+1", suggestions=("-2", "@x")))
    (found,) = csv.DictReader(issues.csv.open(encoding="utf-8-sig", newline=""))
    assert (found["value"], found["expected"], found["suggestions"]) == (f"'{evil}", "'+1", "'-2 | @x")
    assert json.loads(issues.jsonl.read_text())["value"] == evil


@given(st.text())
def test_guarded__never_begins_a_formula(text):
    """No text comes out that a spreadsheet would run, and plain text is left alone."""
    found = guarded(text)
    assert found is not None
    assert found[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert text in {found, found.removeprefix("'")}
