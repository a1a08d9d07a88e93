"""What makes two files look alike: keys that are near for look-alikes, how far two are apart, and where near ones stand.

A family of keys has a distance, a bound below which two look alike, and bands: whole numbers that stand in indexed
columns. Probes say which stretches of which bands hold every key within the bound, so that a search reads few rows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

_HEX = re.compile(r"([0-9a-f]{2}){1,64}")
BANDS = 4  # columns that a key may fill

# Shapes of models: a version, running shares of distances, and two proportions, a byte each.
SHARES, AXES = 40, 2
ALIKE = 0.005  # of `shapes_apart`: what is nearer is worth a look as the same shape
_WHOLE = 255 * SHARES
_WEIGHT = 5  # of a proportion against a share: a quarter of the mean of two against the mean of forty
_REACH = 50  # the most that weighted differences add up to where two look alike: below ALIKE * _WHOLE
_CELL = _REACH // _WEIGHT + 1  # proportions of two that look alike stand in one cell or in neighbors
_ROW = 255 // _CELL + 1
_TOTALS = 1 << 14  # above any sum of shares

# Pictures: a hash of 64 bits.
BITS, _BAND_BITS = 64, 16
LOOKS_ALIKE = 7  # bits: of seven that differ, at most one lies in some band of the four


class Family(StrEnum):
    """What the keys are of: only those of one family are compared."""

    MODEL = "model"  # near: the shape by `models.fingerprint`
    IMAGE = "image"  # near: the perceptual hash by `pictures.looks`


_LENGTHS = {Family.MODEL: 2 * (1 + SHARES + AXES), Family.IMAGE: BITS // 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What tells copies and look-alikes of a file; `ValueError` where it is not hex of its family's length."""

    family: Family
    exact: str  # equal where the content is, whatever the file's format
    near: str  # near where they look alike

    def __post_init__(self) -> None:
        if not (_HEX.fullmatch(self.exact) and _HEX.fullmatch(self.near)) or len(self.near) != _LENGTHS[self.family]:
            raise ValueError(f"no fingerprint of the family {self.family}")


class Probe(NamedTuple):
    """A stretch of one band, read from `first` to `last`, which may lie below it; the nearest stand first."""

    band: int  # which of the bands
    first: int
    last: int


def distance(family: Family, one: str, other: str) -> float:
    """How far two near keys of a family are apart: 0 for one look."""
    return shapes_apart(one, other) if family is Family.MODEL else bits_apart(one, other)


def alike(family: Family, apart: float) -> bool:
    """Whether two that are so far apart look alike."""
    return apart < ALIKE if family is Family.MODEL else apart <= LOOKS_ALIKE


def bands(print_: Fingerprint) -> tuple[int, ...]:
    """The bands of a fingerprint, at most `BANDS`."""
    if print_.family is Family.IMAGE:
        return _parts(print_.near)
    version, shares, (one, two) = _read(print_.near)
    return (_place(version, one // _CELL, two // _CELL) + sum(shares),)


def probes(print_: Fingerprint) -> Iterator[Probe]:
    """Where whatever looks like it stands: no look-alike is missed by who reads all of them."""
    return _near_hashes(print_.near) if print_.family is Family.IMAGE else _near_shapes(print_.near)


def shapes_apart(one: str, other: str) -> float:
    """How far two shapes are apart: 0 for one shape, seldom above 0.3, 1 for shapes of different versions."""
    if one[:2] != other[:2] or len(one) != len(other):
        return 1.0
    gaps = [abs(a - b) for a, b in zip(bytes.fromhex(one[2:]), bytes.fromhex(other[2:]), strict=True)]
    return (sum(gaps[:SHARES]) + _WEIGHT * sum(gaps[SHARES:])) / _WHOLE


def bits_apart(one: str, other: str) -> int:
    """In how many bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _read(near: str) -> tuple[int, bytes, bytes]:
    found = bytes.fromhex(near)
    return found[0], found[1 : 1 + SHARES], found[1 + SHARES :]


def _place(version: int, row: int, column: int) -> int:
    """Where a cell of proportions begins in the band."""
    return ((version * _ROW + row) * _ROW + column) * _TOTALS


def _near_shapes(near: str) -> Iterator[Probe]:
    """The sums of two that look alike differ by `_REACH` at most, and so do their proportions by a cell."""
    version, shares, (one, two) = _read(near)
    total = sum(shares)
    for row in range(max(one // _CELL - 1, 0), min(one // _CELL + 2, _ROW)):
        for column in range(max(two // _CELL - 1, 0), min(two // _CELL + 2, _ROW)):
            place = _place(version, row, column)
            yield Probe(0, place + total, place + min(total + _REACH, _TOTALS - 1))
            if total:
                yield Probe(0, place + total - 1, place + max(total - _REACH, 0))


def _parts(near: str) -> tuple[int, ...]:
    whole = int(near, 16)
    return tuple(whole >> (_BAND_BITS * at) & (1 << _BAND_BITS) - 1 for at in range(BANDS))


def _near_hashes(near: str) -> Iterator[Probe]:
    """Each band as it is, and with one bit turned."""
    for band, part in enumerate(_parts(near)):
        for turn in (0, *(1 << bit for bit in range(_BAND_BITS))):
            yield Probe(band, part ^ turn, part ^ turn)
