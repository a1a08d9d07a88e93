"""Frames: what goes in comes out, in any pieces, and nothing malformed gets through."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.sandbox.frames import BrokenFrame, FrameReader, encode, read_frame, write_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values=st.lists(JSON, max_size=5), cut=st.integers(min_value=1, max_value=40))
def test_frames__survive_any_cutting(values: list[Any], cut: int) -> None:
    """However the stream is cut into pieces, the same values come out in order."""
    stream = b"".join(encode(value) for value in values)
    reader = FrameReader()

    found = [value for at in range(0, len(stream), cut) for value in reader.feed(stream[at : at + cut])]

    assert found == values


def test_frame__too_long_is_refused_by_its_length_alone() -> None:
    """A reader never waits for, or holds, a frame beyond its limit."""
    with pytest.raises(BrokenFrame, match="over the limit"):
        FrameReader(limit=100).feed(b"\x00\x00\x00\x65")
    with pytest.raises(BrokenFrame, match="over the limit"):
        encode("x" * 100, limit=100)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN", b"[Infinity]", b"[" * 100_000, b"1" * 5000])
def test_frame__that_is_no_json_is_refused(body: bytes) -> None:
    """Cut-off, undecodable, non-standard, bottomless and monstrous JSON all end in one error."""
    with pytest.raises(BrokenFrame):
        FrameReader().feed(len(body).to_bytes(4, "big") + body)


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_encode__refuses_what_json_has_no_word_for(value: Any) -> None:
    """What the other side would refuse is refused here."""
    with pytest.raises(BrokenFrame, match="not JSON"):
        encode(value)


def test_read_and_write__through_a_pipe() -> None:
    """The blocking pair speaks the same language, and a closed pipe is an EOFError."""
    reading, writing = os.pipe()
    try:
        write_frame(writing, {"a": [1, "ü"]})
        assert read_frame(reading) == {"a": [1, "ü"]}
        os.write(writing, b"\x00\x00")
    finally:
        os.close(writing)
    with pytest.raises(EOFError):
        read_frame(reading)
    os.close(reading)


def test_read__refuses_long_frames() -> None:
    """The blocking reader keeps the limit, too."""
    reading, writing = os.pipe()
    os.write(writing, b"\xff\xff\xff\xff")
    with pytest.raises(BrokenFrame, match="over the limit"):
        read_frame(reading)
    os.close(reading)
    os.close(writing)
