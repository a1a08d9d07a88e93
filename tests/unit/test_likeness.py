"""Keys of look-alikes: how far two are apart, and that the probes leave out none that is near."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.likeness import (
    ALIKE,
    LOOKS_ALIKE,
    SHARES,
    Family,
    Fingerprint,
    Probe,
    alike,
    bands,
    bits_apart,
    distance,
    probes,
    shapes_apart,
)

KEYS = st.binary(min_size=SHARES + 2, max_size=SHARES + 2)
HASHES = st.integers(0, 2**64 - 1)


def shape(told: bytes, *, version: int = 1) -> Fingerprint:
    return Fingerprint(family=Family.MODEL, exact="ab", near=bytes([version, *told]).hex())


def picture(bits: int) -> Fingerprint:
    return Fingerprint(family=Family.IMAGE, exact="ab", near=f"{bits:016x}")


def stands_in(place: int, probe: Probe) -> bool:
    return min(probe.first, probe.last) <= place <= max(probe.first, probe.last)


def reached(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether some probe of one holds the other."""
    stand = bands(other)
    return any(stands_in(stand[probe.band], probe) for probe in probes(one))


@given(told=KEYS, gaps=st.lists(st.tuples(st.integers(0, SHARES + 1), st.sampled_from([-1, 1])), max_size=60))
def test_probes__hold_every_shape_that_looks_alike(told, gaps):
    """However the differences are spread: what is nearer than the bound is read, and the distance is one of both sides."""
    other = bytearray(told)
    for place, way in gaps:
        other[place] = min(max(other[place] + way, 0), 255)
    one, two = shape(told), shape(bytes(other))
    assert shapes_apart(one.near, two.near) == shapes_apart(two.near, one.near)
    if shapes_apart(one.near, two.near) < ALIKE:
        assert reached(one, two)
        assert reached(two, one)


@given(told=st.lists(st.integers(2, 253), min_size=SHARES + 2, max_size=SHARES + 2), way=st.sampled_from([-1, 1]))
def test_probes__hold_shapes_at_the_bound(told, way):
    """Fifty steps of shares, or ten of a proportion, are alike still; one more is not."""
    shares = [value + way for value in told[:SHARES]]
    most = [value + way for value in shares[:10]] + shares[10:]
    at_bound, beyond = (
        shape(bytes(part + told[SHARES:])) for part in (most, [most[0], *most[1:10], most[10] + way, *most[11:]])
    )
    one = shape(bytes(told))
    assert (shapes_apart(one.near, at_bound.near) < ALIKE, shapes_apart(one.near, beyond.near) < ALIKE) == (True, False)
    assert reached(one, at_bound)


@given(bits=HASHES, turned=st.sets(st.integers(0, 63), max_size=LOOKS_ALIKE))
def test_probes__hold_every_picture_that_looks_alike(bits, turned):
    """Whichever seven bits differ, one of the bands differs in one at most."""
    other = bits
    for bit in turned:
        other ^= 1 << bit
    assert bits_apart(picture(bits).near, picture(other).near) == len(turned)
    assert reached(picture(bits), picture(other))


def test_distance__by_family():
    """Shapes of two versions have nothing in common; pictures are compared bit by bit, each within its own bound."""
    told = bytes(SHARES + 2)
    assert distance(Family.MODEL, shape(told).near, shape(told).near) == 0.0
    assert distance(Family.MODEL, shape(told).near, shape(told, version=2).near) == 1.0
    assert not reached(shape(told), shape(told, version=2))
    assert distance(Family.IMAGE, picture(0).near, picture(255).near) == 8
    assert [alike(Family.IMAGE, bits) for bits in (7, 8)] == [True, False]


@pytest.mark.parametrize(("exact", "near"), [("", "0" * 16), ("ab", "0" * 15), ("ab", "G" * 16), ("a b", "0" * 16)])
def test_fingerprint__is_hex_of_its_length(exact, near):
    """What is none is refused where it is made."""
    with pytest.raises(ValueError, match="no fingerprint"):
        Fingerprint(family=Family.IMAGE, exact=exact, near=near)
