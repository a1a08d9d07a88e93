"""One list in every format: the same rows, lots and totals whatever it was written in, and whatever it is converted to."""

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest
from generated_items import UNKNOWN, catalog, lists
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from list_writers import FORMS

from lists.assembly import assemble
from lists.compare import compare
from lists.exports import BRICKLINK, LOTS_PARQUET, REBRICKABLE
from parsers.sniff import sniff

PLACED = {"ldraw", "studio-io", "ldd-lxf", "ldd-lxfml"}  # models place piece by piece; the rows of a lot are one
HARMLESS = {"part.unknown", "encoding.guessed"}
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path, **more):
    """What is made of a file: its records, its merged lots, and what was found out."""
    with path.open("rb") as file:
        kind = sniff(file.read(65536), size=path.stat().st_size, name=path.name)
    assert kind is not None, path.read_bytes()[:300]
    folder = path.with_name(f"{path.name}.made")
    folder.mkdir(exist_ok=True)
    found = assemble(path, kind=kind.name, folder=folder, catalog=catalog(), **more)
    return folder, found, lines(folder / "records.jsonl"), lines(folder / "lots.jsonl")


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(items, form, folder):
    path = folder / f"list{form.suffix}"
    path.write_bytes(form.write(items))
    return path


def said(item, form):
    """What comes back of an item: the catalog's numbers, and what else the format carries."""
    unknown = item.part_num in UNKNOWN
    more = {name: getattr(item, name) for name in ("price", "condition", "remarks") if name in form.carries}
    return {
        "part": (None, item.part_num) if unknown else (item.part_num, None),
        "color": item.colors.rebrickable,
        "spare": item.spare and "spare" in form.carries,
        "qty": item.qty,
        **more,
    }


def told(row, form):
    """The same of a record."""
    more = {"price": row.get("unit_price") or row.get("max_price"), "condition": row.get("condition")}
    more["remarks"] = row.get("remarks") or row.get("description")
    return {
        "part": (row["part_num"], None if row["part_num"] else row["raw_id"]),
        "color": row["color_id"],
        "spare": row["spare"],
        "qty": row["qty"],
        **{name: value for name, value in more.items() if name in form.carries},
    }


def merged(rows):
    """Pieces by everything else but the remarks."""
    found = Counter()
    for row in rows:
        found[tuple(value for name, value in row.items() if name not in {"qty", "remarks"})] += row["qty"]
    return found


def lots_of(lots, form):
    """Pieces by the same, of merged lots; each stands there once."""
    found = {}
    for lot in lots:
        key = ((lot["part_num"], None if lot["part_num"] else lot["raw_id"]), lot["color_id"], lot["spares"] > 0)
        key += (lot["unit_price"],) * ("price" in form.carries) + (lot["condition"],) * ("condition" in form.carries)
        assert key not in found
        found[key] = lot["qty"] + lot["spares"]
    return found


def totals_of(items, form):
    """What the summary has to say."""
    spares = sum(item.qty for item in items if item.spare and "spare" in form.carries)
    parts, pieces = catalog(), Counter()
    by_category = Counter()
    for item in items:
        pieces[item.colors.rebrickable] += item.qty
        found = parts.part(item.part_num)
        by_category[found.category if found else None] += item.qty
    known = {item.part_num for item in items} - {*UNKNOWN}
    return {
        "pieces": sum(item.qty for item in items) - spares,
        "spares": spares,
        "rows_rejected": 0,
        "distinct_parts": len(known),
        "by_color": pieces,
        "by_category": by_category,
    }


def totals_told(summary):
    said = {name: summary[name] for name in ("pieces", "spares", "rows_rejected", "distinct_parts")}
    said["by_color"] = Counter({one["color_id"]: one["pieces"] for one in summary["by_color"]})
    return said | {"by_category": Counter({one["category"]: one["pieces"] for one in summary["by_category"]})}


@pytest.mark.parametrize("name", FORMS)
@few
@given(data=st.data())
def test_list__is_the_same_in_every_format(tmp_path, name, data):
    """Whatever a list is written in, its rows, merged lots and totals are those of the list, by the catalog's numbers."""
    form = FORMS[name]
    items = [item for item in data.draw(lists(unknown=form.space != "element")) if form.takes(item)]
    if not items:
        return
    folder, found, records, lots = read(written(items, form, tmp_path))
    issues = [one for one in lines(folder / "issues.jsonl") if one["severity"] != "info"]
    assert [one for one in issues if one["code"] not in HARMLESS] == []
    expected = [said(item, form) for item in items]
    if form.kind not in PLACED:
        assert [told(row, form) for row in records] == expected
    assert merged(told(row, form) for row in records) == merged(expected) == lots_of(lots, form)
    whole = json.loads((folder / "summary.json").read_text())
    assert totals_told(whole) == totals_of(items, form)
    assert whole["merged_lots"] == len(lots)
    assert whole["issue_codes"].get("row.duplicate", 0) == sum(lot["rows"] > 1 for lot in lots)
    assert found.summary["verdict"] == ("warnings" if issues else "clean")
    if "currency" in form.carries:
        assert {lot["currency"] for lot in lots if lot["unit_price"]} <= {"EUR"}


@pytest.mark.parametrize("name", ["inventory", "bsx", "full table", "rebrickable", "ldraw", "words"])
@few
@given(data=st.data())
def test_conversion__any_to_rebrickable_to_bricklink_and_back(tmp_path, name, data):
    """A list that is converted twice has the lots that it had; a form loses only what it has no words for."""
    form = FORMS[name]
    items = [item for item in data.draw(lists()) if form.takes(item)]
    if all(item.spare for item in items):
        return  # a wanted list has no words for spares, and would be empty
    start, _, _, lots = read(written(items, form, tmp_path))
    through = {REBRICKABLE: FORMS["rebrickable"], BRICKLINK: FORMS["wanted list"]}
    for target, carries in through.items():
        assert lots_of(read(start / target)[3], carries) == kept(lots, carries)
    there, _, _, lots = read(start / REBRICKABLE)
    back, _, _, again = read(there / BRICKLINK)
    assert lots_of(again, FORMS["old rebrickable"]) == kept(lots, FORMS["old rebrickable"])
    last = read(back / REBRICKABLE)[3]
    assert lots_of(last, FORMS["old rebrickable"]) == kept(lots, FORMS["old rebrickable"])
    assert list(compare(lots, last, catalog=catalog())) == []


def kept(lots, form):
    """Pieces of lots by what a form carries."""
    found = Counter()
    for lot in lots:
        if lot["spares"] and "spare" not in form.carries:
            continue
        key = ((lot["part_num"], None if lot["part_num"] else lot["raw_id"]), lot["color_id"], lot["spares"] > 0)
        key += (lot["unit_price"],) * ("price" in form.carries) + (lot["condition"],) * ("condition" in form.carries)
        found[key] += lot["qty"] + lot["spares"]
    return dict(found)


@few
@given(items=lists(), name=st.sampled_from(["inventory", "full table", "rebrickable", "xlsx"]))
def test_lots__parquet_says_what_the_lines_say(tmp_path, items, name):
    """The merged list as a table has the same lots with the same members as its lines."""
    items = [item for item in items if FORMS[name].takes(item)]
    if items:
        folder, _, _, lots = read(written(items, FORMS[name], tmp_path))
        assert pq.read_table(folder / LOTS_PARQUET).to_pylist() == lots
