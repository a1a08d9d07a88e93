"""LDraw models that cases as data can not show: depth, doubling, endless lines, floods of names; and that sums are right."""

from itertools import pairwise

import pytest
from cad_lists import UPRIGHT, chain, mpd, placed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers import ldraw, ldraw_model
from parsers.ldraw_lines import MAX_LINE, blocks
from parsers.wishes import Wishes


@pytest.fixture
def read(tmp_path):
    """Reads a text: (records, issues, facts)."""

    def reading(text, **wishes):
        path = tmp_path / "model.mpd"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        found = list(ldraw.parse(path, wishes=Wishes(**wishes)))
        facts = {item.name: item.value for item in found if isinstance(item, Fact)}
        return [item for item in found if isinstance(item, Record)], [i for i in found if isinstance(i, Issue)], facts

    return reading


def lots(records):
    return {(record.fields["raw_id"], record.fields["raw_color"]): record.fields["qty"] for record in records}


def code_of(read, text):
    with pytest.raises(InputError) as caught:
        read(text)
    return caught.value.fault.code


TRIANGLE, QUAD = "3 16 0 0 0 1 0 0 0 1 0\n", "4 16 0 0 0 1 0 0 1 1 0 0 1 0\n"
LINE, EDGE = "2 24 0 0 0 1 0 0\n", "5 24 0 0 0 1 0 0 0 1 0 1 1 0\n"


def test_geometry__is_multiplied_as_parts_are(read):
    """What models and drawings in the file draw counts as often as each is built; parts of the library are not loaded."""
    wheel = TRIANGLE * 5 + QUAD + placed("3001.dat")
    pair = placed("wheel.ldr", times=2) + placed("own.dat", times=3) + LINE
    own = "0 !LDRAW_ORG Unofficial_Part\n" + QUAD * 7 + EDGE
    _, issues, facts = read(
        mpd({"car.ldr": placed("pair.ldr", times=2) + EDGE, "pair.ldr": pair, "wheel.ldr": wheel, "own.dat": own})
    )
    assert issues == []
    assert facts["geometry"] == {
        "triangles": 2 * 2 * 5,
        "quads": 2 * (2 * 1 + 3 * 7),
        "lines": 2,
        "conditional_lines": 1 + 2 * 3,
        "parts": "not_loaded",
    }


def test_geometry__half_lines_and_what_is_not_built_count_nothing(read):
    """Lines of too few or too many numbers draw nothing, and neither do models that nothing places."""
    bent = TRIANGLE.replace(" 0\n", "\n") + TRIANGLE.replace("\n", " 7\n") + "3\n" + QUAD[:6] + "\n"
    model = mpd({"a.ldr": placed("3001.dat") + bent + TRIANGLE, "spare.ldr": TRIANGLE * 9})
    assert read(model)[2]["geometry"]["triangles"] == 1
    assert read(model)[2]["geometry"]["quads"] == 0


def test_geometry__has_an_end(read):
    """Sixty levels that double are a number that a list can hold."""
    _, _, facts = read(chain(60, times=2, last=TRIANGLE + placed("3001.dat")))
    assert facts["geometry"]["triangles"] == 1_000_000_000


def test_depth__a_hundred_thousand_levels_are_no_recursion(read):
    """Models that each place the next one, far deeper than any stack, are counted."""
    records, issues, facts = read(chain(100_000))
    assert lots(records) == {("3001", 4): 1}
    assert issues == []
    assert facts["models"] == 100_001


def test_doubling__twenty_levels_are_a_million(read):
    """What doubles at each level is multiplied, not gone through."""
    records, _, _ = read(chain(19, times=2))
    assert lots(records) == {("3001", 4): 2**19}


def test_doubling__sixty_levels_are_too_many(read):
    """2 to the 60th pieces are one issue; the parts beside them are read."""
    text = chain(60, times=2).replace("0 FILE level0.ldr\n", "0 FILE level0.ldr\n" + placed("3002.dat"))
    records, (wrong,), _ = read(text)
    assert lots(records) == {("3002", 4): 1}
    assert (wrong.code, wrong.value) == ("qty.too_large", "1000000000 or more")


def test_cycles__each_is_named_and_costs_no_more_than_its_line(read):
    """Thousands of references back to the top are thousands of issues, each with a chain that stays short."""
    text = "".join(f"0 FILE m{at}.ldr\n{placed(f'm{at + 1}.ldr', 16)}{placed('m0.ldr', 16)}" for at in range(3000))
    records, issues, _ = read(text + "0 FILE m3000.ldr\n" + placed("3001.dat"))
    assert lots(records) == {("3001", 4): 1}
    assert {found.code for found in issues} == {"ldraw.cycle"}
    assert len(issues) == 3000
    assert issues[0].value == "m0.ldr > m0.ldr"
    assert (
        issues[-1].value
        == "m0.ldr > m1.ldr > m2.ldr > m3.ldr > … > m2996.ldr > m2997.ldr > m2998.ldr > m2999.ldr > m0.ldr"
    )


def test_colors__nesting_in_every_color_is_given_up(read):
    """Models that multiply the colors of those above them are refused before they take all time and memory."""
    models = "".join(
        f"0 FILE m{at}.ldr\n{placed(f'm{at + 1}.ldr', 16) * 2}"
        + "".join(placed(f"m{at + 1}.ldr", 100 + at * 60 + color) for color in range(60))
        + "".join(placed(f"p{color}.dat", 16) for color in range(60))
        for at in range(700)
    )
    assert code_of(read, models) in {"limit.models", "limit.rows"}


def test_limits__a_flood_of_names_ends(read, monkeypatch):
    """More different parts, or more models, than any real file has are refused."""
    monkeypatch.setattr(ldraw_model, "MAX_PLACED", 100)
    monkeypatch.setattr(ldraw_model, "MAX_MODELS", 100)
    assert code_of(read, "".join(placed(f"{at}.dat") for at in range(101))) == "limit.rows"
    assert code_of(read, "".join(f"0 FILE {at}.ldr\n" for at in range(102)) + placed("3001.dat")) == "limit.models"
    body = "0 !LDRAW_ORG Part\n" + "".join(placed(f"{at}.dat") for at in range(500))
    records, _, _ = read(mpd({"m.ldr": placed("3001.dat"), "3001.dat": body}))
    assert lots(records) == {("3001", 4): 1}


def test_lines__one_without_end_is_one_issue(read):
    """Megabytes without a line end are one wrong line, and the next one is read."""
    records, (wrong,), _ = read("0 Title\n1 4 " + "0 " * 2_000_000 + "\n" + placed("3001.dat"))
    assert (wrong.code, wrong.line, wrong.row) == ("row.too_long", 2, 1)
    assert [(record.row, record.line) for record in records] == [(2, 3)]


@settings(max_examples=300, deadline=None)
@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b" ", b"\n\n", b"x" * 40]), max_size=40),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_lines__are_the_same_however_the_bytes_come(text, cuts):
    """Where a file is cut into chunks makes no difference to its lines or their numbers."""
    whole = b"".join(text)
    edges = [0, *sorted(cuts), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(edges)]
    found = [(number + at, line) for number, lines in blocks(chunks) for at, line in enumerate(lines)]
    assert found == list(enumerate(whole.splitlines(), 1))


def test_lines__too_long_across_chunks_keeps_the_count():
    """A line that is dropped still counts as one."""
    long = b"x" * (MAX_LINE + 1)
    found = [line for _, lines in blocks([b"a\n", long, long, b"\nb", b"\nc"]) for line in lines]
    assert found == [b"a", None, b"b", b"c"]


def test_encoding__the_caller_may_name_it(read):
    """A name in an encoding that nobody could guess is read as the caller says."""
    text = "0 Ж\n" + placed("колесо.dat")
    records, issues, facts = read(text.encode("koi8-r"), encoding="koi8-r")
    assert (lots(records), issues, facts["title"]) == ({("колесо", 4): 1}, [], "Ж")
    with pytest.raises(InputError) as caught:
        read(text, encoding="klingon")
    assert caught.value.fault.code == "encoding.unknown"


def test_encoding__half_a_character_is_refused(read):
    """UTF-16 that was cut off is not guessed at."""
    with pytest.raises(UnreadableFile) as caught:
        read(placed("3001.dat").encode("utf-16") + b"1")
    assert caught.value.fault.code == "encoding.invalid"


def test_watch__is_told_up_to_the_end(tmp_path):
    """Progress is told in bytes, growing, and ends at the size of the file."""
    path = tmp_path / "model.ldr"
    path.write_text(placed("3001.dat", times=20_000))
    told = []
    list(ldraw.parse(path, watch=lambda done, size: told.append((done, size))))
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size,) * 2
    assert len(told) > 2


COLORS = st.sampled_from([16, 1, 4])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    levels=st.lists(
        st.lists(st.tuples(st.integers(0, 5), COLORS, st.integers(1, 3)), max_size=4), min_size=1, max_size=6
    )
)
def test_count__is_what_walking_the_model_gives(read, levels):
    """Sums equal those of the plain recursive walk, colors and all, for any models without circles."""
    names = [f"m{at}.ldr" for at in range(len(levels))]

    def target(at, below):
        return names[at + 1 + below] if at + 1 + below < len(levels) else f"{below}.dat"

    text = mpd({
        name: "".join(placed(target(at, below), color, times=times) for below, color, times in levels[at])
        for at, name in enumerate(names)
    })  # fmt: skip
    expected = {}

    def walk(at, inherited, times):
        for below, color, more in levels[at]:
            own = inherited if color == 16 else color
            if target(at, below).endswith(".dat"):
                key = (str(below), own)
                expected[key] = expected.get(key, 0) + times * more
            else:
                walk(at + 1 + below, own, times * more)

    walk(0, None, 1)
    try:
        records, _, _ = read(text)
    except UnreadableFile:
        records = []
    assert lots(records) == expected


SAMPLE = mpd({"a.ldr": "0 Title\n" + placed("b.ldr", 1, times=2), "b.ldr": placed("3001.dat", 16)}).encode()
SPLICES = [
    b"",
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"1",
    b"0 ",
    b"\n",
    b"\r",
    b"9" * 3000,
    b"a.ldr",
    b"\xef\xbb\xbf",
    b"0 NOFILE\n",
]
SPLICES += [
    b"0 FILE a.ldr\n",
    b"0 !LDRAW_ORG Part\n",
    b"0 BUFEXCHG A RETRIEVE\n",
    b"0 SYNTH SYNTHESIZED BEGIN\n",
    b"0x2",
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, 260), st.integers(0, 30), st.sampled_from(SPLICES)), max_size=5),
    encoded=st.sampled_from(["latin-1", "utf-16", "utf-16-be"]),
)
def test_parse__raises_nothing_but_input_errors(read, cuts, encoded):
    """However a model is damaged, its parser yields values or says what is wrong with the file."""
    found = SAMPLE
    for at, length, splice in cuts:
        found = found[:at] + splice + found[at + length :]
    code = "format."
    try:
        records, issues, _ = read(found.decode("latin-1").encode(encoded))
        for item in (*records, *issues):
            item.to_json()
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"format", "encoding", "ldraw"}


def test_place__numbers_are_numbers(read):
    """Every way that programs write a number is one; words are not."""
    good = f"1 4 -0 1e-05 .5 {UPRIGHT} 3001.dat\n1 4 0. +1 1E3 {UPRIGHT} 3001.dat\n"
    records, issues, _ = read(good + f"1 4 0 0 x {UPRIGHT} 3001.dat\n")
    assert lots(records) == {("3001", 4): 2}
    assert [found.code for found in issues] == ["ldraw.line"]
