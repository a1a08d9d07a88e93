"""Studio files: which model is read, what Studio says of it, encrypted ones, and archives that try something."""

import json

import pytest
from cad_lists import PASSWORD, brick, chain, encrypted, lxfml, mpd, placed, studio, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from jobs.issues import Fact, Issue, Record
from parsers import studio_io
from parsers.wishes import Wishes

MODEL = mpd(
    {
        "My model": "0 Untitled Model\n" + placed("3001.dat", times=3) + placed("side.ldr", 1),
        "side.ldr": placed("3002.dat", 16),
    }
)
LOTS = {("3001", 4): 3, ("3002", 1): 1}


@pytest.fixture
def read(tmp_path):
    """Reads an archive: (records, issues, facts)."""

    def reading(content, **given):
        path = tmp_path / "model.io"
        path.write_bytes(content)
        watch = given.pop("watch", None)
        found = list(studio_io.parse(path, watch=watch, wishes=Wishes(**given)))
        facts = {item.name: item.value for item in found if isinstance(item, Fact)}
        return [item for item in found if isinstance(item, Record)], [i for i in found if isinstance(i, Issue)], facts

    return reading


def lots(records):
    return {(record.fields["raw_id"], record.fields["raw_color"]): record.fields["qty"] for record in records}


def fault_of(read, content, **given):
    with pytest.raises(InputError) as caught:
        read(content, **given)
    return caught.value.fault


def test_model__is_read_with_what_studio_says_of_it(read):
    """Lots, the entry that they are from, and Studio's own count of pieces as a check sum."""
    records, issues, facts = read(studio(MODEL, total=4))
    assert lots(records) == LOTS
    assert {record.fields["color_space"] for record in records} == {"ldraw"}
    assert issues == []
    assert facts == {
        "entry": "model.ldr",
        "declared_pieces": 4,
        "studio_version": "2.24.1_1",
        "title": "Untitled Model",
        "geometry": {"lines": 0, "triangles": 0, "quads": 0, "conditional_lines": 0, "parts": "not_loaded"},
        "models": 2,
    }


def test_model__the_plainest_that_places_anything(read):
    """model.ldr before model2.ldr before Studio's own extensions; one without parts is passed over."""
    other = placed("9.dat", 9)
    _, _, facts = read(zipped({"modelv2.ldr": other, "model2.ldr": other, "MODEL.LDR": MODEL}))
    assert facts["entry"] == "MODEL.LDR"
    records, _, facts = read(zipped({"model.ldr": "0 nothing\n", "modelv1.ldr": MODEL}))
    assert (facts["entry"], lots(records)) == ("modelv1.ldr", LOTS)
    assert fault_of(read, zipped({"model.ldr": "0 nothing\n", "model2.ldr": ""})).code == "format.empty"


def test_model2__has_bricklink_colors_and_numbers(read):
    """Where only model2.ldr is there, its spaces are BrickLink's, and drawings of parts count once."""
    body = "0 Brick 2 x 4\n0 BL_Item_No 3001old\n0 IsSubModel False\n" + placed("s/3001s01.dat", -1) * 9
    drawn = "0 Cone\n3 -1 0 0 0 1 0 0 0 1 0\n" + placed("stud.dat", -1)
    text = mpd({
        "m": placed("3001.dat", 16) * 2 + placed("4589b.dat", 5) + placed("sub", 3),
        "3001.dat": body, "4589b.dat": drawn, "sub": "0 IsSubModel True\n" + placed("4589b.dat", -1),
    })  # fmt: skip
    records, issues, _ = read(zipped({"model2.ldr": text}))
    assert lots(records) == {("3001old", 16): 2, ("4589b", 5): 1, ("4589b", 3): 1}
    assert {(record.fields["id_space"], record.fields["color_space"]) for record in records} == {("bricklink",) * 2}
    assert issues == []


def test_modelv2__lines_of_type_11_are_read(read):
    """Studio's extended lines hold the same reference behind three more fields."""
    text = "0 FILE m\n" + placed("3001.dat", 4).replace("1 4 ", "11 4 17 False 0 ", 1) + "11 4 17\n"
    records, (wrong,), _ = read(zipped({"modelv2.ldr": text}))
    assert lots(records) == {("3001", 4): 1}
    assert (wrong.code, wrong.value) == ("ldraw.line", "11 4 17")


def test_lxfml__is_the_last_resort(read):
    """An archive that holds nothing but the LXFML is read as such."""
    records, _, facts = read(zipped({"model.lxfml": lxfml(brick("3001", "21:0"))}))
    assert (facts["entry"], lots(records)) == ("model.lxfml", {("3001", 21): 1})
    assert records[0].fields["color_space"] == "lego"


def test_custom_parts__count_as_parts(read):
    """Parts that Studio keeps beside the model are pieces like others."""
    records, _, _ = read(
        zipped({"model.ldr": placed("m1a2_2023.dat", 4), "CustomParts/m1a2_2023.dat": placed("x.dat")})
    )
    assert lots(records) == {("m1a2_2023", 4): 1}


@pytest.mark.parametrize(
    "info",
    [
        "",
        "{",
        "[]",
        "[" * 30_000,
        '{"total_parts": "4"}',
        '{"total_parts": -1}',
        '{"total_parts": true}',
        '{"total_parts": ' + "9" * 9000 + "}",
    ],
)
def test_info__what_it_does_not_say_is_not_compared(read, info):
    """A count that can not be read is no error of the model."""
    records, (wrong,), facts = read(studio(MODEL, info=info))
    assert lots(records) == LOTS
    assert wrong.code == "io.info"
    assert "declared_pieces" not in facts


def test_unknown_parts__are_passed_on(read):
    """What Studio itself did not know is worth a look; its empty list is not."""
    _, (found,), _ = read(zipped({"model.ldr": MODEL, "errorPartList.err": "30001.dat\r\n30002.dat"}))
    assert (found.code, found.value) == ("io.unknown_parts", "30001.dat 30002.dat")
    assert read(zipped({"model.ldr": MODEL, "errorPartList.err": "\ufeff[]"}))[1] == []


def test_encrypted__needs_the_operators_password(read):
    """Without it the person learns what to do, with it the model is read, with a wrong one that is said."""
    content = studio(MODEL, total=4, password=PASSWORD)
    fault = fault_of(read, content)
    assert fault.code == "io.encrypted"
    assert "HEAVYLIFT_STUDIO_PASSWORD" in (fault.hint or "")
    records, _, facts = read(content, studio_password=PASSWORD)
    assert (lots(records), facts["declared_pieces"]) == (LOTS, 4)
    assert fault_of(read, content, studio_password="wrong").code == "io.password"
    assert fault_of(read, content[:200] + b"\xff" + content[201:], studio_password=PASSWORD).code == "io.password"
    assert PASSWORD not in json.dumps(fault_of(read, content, studio_password="wrong").to_json())


def test_encrypted__each_entry_for_itself(read):
    """A model in the open is read though something else in the archive is locked."""
    open_, locked = zipped({"model.ldr": MODEL}), encrypted({".info": '{"total_parts": 4}'}, PASSWORD)
    assert (
        fault_of(read, encrypted({"model.ldr": MODEL}, PASSWORD, aes=True), studio_password=PASSWORD).code == "io.aes"
    )
    assert lots(read(open_)[0]) == LOTS
    assert fault_of(read, locked, studio_password=PASSWORD).code == "io.no_model"


HOSTILE = {
    "empty": (b"", "format.empty"),
    "text": (b"hello", "format.unknown"),
    "cut off": (studio(MODEL)[:-40], "zip.damaged"),
    "no model": (zipped({"readme.txt": "hello", "inner.io": studio(MODEL)}), "io.no_model"),
    "bomb": (zipped({"model.ldr": placed("3001.dat") + "\n" * 80_000_000}), "zip.ratio"),
    "leads out": (zipped({"../model.ldr": MODEL}), "zip.name"),
    "flood": (zipped({f"{at}.txt": "" for at in range(5000)} | {"model.ldr": MODEL}), "zip.entries"),
    "two models": (zipped({"a/model.ldr": MODEL, "b/model.ldr": MODEL}), "zip.ambiguous"),
    "garbage": (encrypted({"model.ldr": bytes(range(256)) * 40}, PASSWORD), "io.encrypted"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile__is_refused_by_name(read, case):
    """Each archive that tries something ends with its own code."""
    content, code = HOSTILE[case]
    assert fault_of(read, content).code == code


def test_hostile__depth_in_an_archive_is_no_deeper(read):
    """A chain of models costs the same inside a ZIP."""
    records, _, facts = read(studio(chain(20_000)))
    assert (lots(records), facts["models"]) == ({("3001", 4): 1}, 20_001)


def test_watch__is_told_up_to_the_end(read):
    """Progress is told in unpacked bytes and ends with the model's size."""
    told = []
    text = placed("3001.dat", times=20_000)
    read(studio(text), watch=lambda done, size: told.append((done, size)))
    assert told == sorted(told)
    assert told[-1] == (len(text), len(text))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    locked=st.booleans(),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=6)), min_size=1, max_size=3),
)
def test_parse__raises_nothing_but_input_errors(read, locked, cuts):
    """However an archive is damaged, values come out or a named code."""
    content = studio(MODEL, total=4, password=PASSWORD if locked else None)
    for where, length, splice in cuts:
        at = int(where * len(content))
        content = content[:at] + splice + content[at + length :]
    code = "io."
    try:
        read(content, studio_password=PASSWORD)
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"io", "zip", "format", "limit"}
