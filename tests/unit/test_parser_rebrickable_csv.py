"""What cases as data can not show: endless lines, progress, and whatever else bytes may hold."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers import rebrickable_csv

SAMPLE = b'Part,Color,Quantity,Is Spare\n3001,4,12,False\n"3002",0,"1,752",True\n3003,-1,x,maybe\r\n,,,\n3004,4,1\n'
SPLICES = [b"", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xff\xfe", b"9" * 5000, b"\xef\xbb\xbf", b"\t", b";", b"-1"]


def written(folder, *, text):
    path = folder / "list.csv"
    path.write_bytes(text)
    return path


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 40), st.sampled_from(SPLICES)), max_size=4),
    encoded=st.sampled_from(["utf-8", "utf-16", "utf-16-be"]),
)
def test_parse__raises_nothing_but_input_errors(tmp_path, cuts, encoded):
    """However a list is damaged, its parser yields values or says what is wrong with the file."""
    found = SAMPLE
    for at, length, splice in cuts:
        found = found[:at] + splice + found[at + length :]
    if encoded != "utf-8":
        found = found.decode("latin-1").encode(encoded)
    code = "format."
    try:
        for item in rebrickable_csv.parse(written(tmp_path, text=found)):
            assert isinstance(item, Record | Issue | Fact)
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"format", "encoding"}


def test_lines__one_without_end_is_one_wrong_row(tmp_path):
    """A line of megabytes is one issue, and the next row is read as if nothing had been."""
    text = b"Part,Color,Quantity\n" + b"3001," * 1_000_000 + b"\n3002,4,1\n"
    *_, wrong, good = rebrickable_csv.parse(written(tmp_path, text=text))
    assert (wrong.code, wrong.row, wrong.line) == ("row.too_long", 1, 2)
    assert (good.row, good.line, good.fields["raw_id"]) == (2, 3, "3002")


def test_encoding__half_a_character_at_the_end_is_refused(tmp_path):
    """UTF-16 with an odd number of bytes was cut off, and is not guessed at."""
    text = "Part,Color,Quantity\n3001,4,1\n".encode("utf-16") + b"\x31"
    with pytest.raises(UnreadableFile) as caught:
        list(rebrickable_csv.parse(written(tmp_path, text=text)))
    assert caught.value.fault.code == "encoding.invalid"


def test_watch__is_told_up_to_the_end(tmp_path):
    """Progress is told in bytes, growing, and ends at the size of the file."""
    path = written(tmp_path, text=b"Part,Color,Quantity\n" + b"3001,4,1\n" * 20_000)
    told = []
    list(rebrickable_csv.parse(path, watch=lambda done, size: told.append((done, size))))
    size = path.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size)
    assert len(told) > 2
