"""The ruled lines and the borders of filled boxes on a PDF's page: what tables are drawn with."""

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

from parsers.pdf_words import Frame, frame_of

MAX_OBJECTS = 50_000  # drawn things of a page that are looked at, those inside forms among them
MAX_EDGES = 12_000  # of a page: a page of small print that rules each cell by itself has 4,000
MAX_DEPTH = 4  # of forms inside forms
_SHORTEST = 5.0  # points; shorter ones are dashes, ticks and parts of drawings
_STRAIGHT = 0.7  # points that a line may stray and still be level

Matrix = tuple[float, float, float, float, float, float]  # PDF 32000-1, 8.3.4
_UNIT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Edge(NamedTuple):
    """A level or upright line in points from the page's top left corner; one of its sides has no length."""

    x0: float
    y0: float
    x1: float
    y1: float


class Edges(NamedTuple):
    """The edges of a page."""

    level: list[Edge]
    upright: list[Edge]
    cut: bool = False  # whether the page has more than was looked at


def edges_of(page: Any) -> Edges:
    """The edges of an open pypdfium2 page, at most `MAX_EDGES`, from at most `MAX_OBJECTS` drawn things."""
    frame, found = frame_of(page), Edges([], [])
    walk = _Walk(page)
    for points, matrix in walk.paths():
        _add(points, matrix, frame=frame, found=found)
        if len(found.level) + len(found.upright) > MAX_EDGES:
            return found._replace(cut=True)
    return found._replace(cut=walk.cut)


Point = tuple[float, float, bool]  # x, y, whether a straight line leads to it


class _Walk:
    """Goes through the paths of a page and of the forms on it."""

    def __init__(self, page: Any) -> None:
        from pypdfium2 import raw

        self.cut = False
        self._raw, self._page = raw, page.raw
        self._left, self._segments = MAX_OBJECTS, 4 * MAX_OBJECTS
        self._matrix = raw.FS_MATRIX()
        self._x, self._y = ctypes.c_float(), ctypes.c_float()

    def paths(self) -> Iterator[tuple[list[Point], Matrix]]:
        """The points of each path, and the matrix that takes them to the page."""
        raw = self._raw
        count = raw.FPDFPage_CountObjects(self._page)
        yield from self._within((raw.FPDFPage_GetObject(self._page, at) for at in range(count)), _UNIT, depth=0)

    def _within(self, objects: Iterator[Any], outer: Matrix, *, depth: int) -> Iterator[tuple[list[Point], Matrix]]:
        raw = self._raw
        for thing in objects:
            self._left -= 1
            if self._left < 0 or self._segments < 0:
                self.cut = True
                return
            kind = raw.FPDFPageObj_GetType(thing)
            if kind == raw.FPDF_PAGEOBJ_PATH:
                if points := self._points(thing):
                    yield points, _times(self._matrix_of(thing), outer)
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
                count = raw.FPDFFormObj_CountObjects(thing)
                inner = (raw.FPDFFormObj_GetObject(thing, at) for at in range(count))
                yield from self._within(inner, _times(self._matrix_of(thing), outer), depth=depth + 1)

    def _matrix_of(self, thing: Any) -> Matrix:
        found = self._matrix
        if not self._raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(found)):
            return _UNIT
        return found.a, found.b, found.c, found.d, found.e, found.f

    def _points(self, thing: Any) -> list[Point]:
        """The corners of a path, as far as they are worth a look; none where it is neither filled nor stroked."""
        raw = self._raw
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(thing, ctypes.byref(fill), ctypes.byref(stroke))
        if not fill.value and not stroke.value:
            return []
        count = min(raw.FPDFPath_CountSegments(thing), self._segments + 1)
        self._segments -= count
        points: list[Point] = []
        begin = (0.0, 0.0)
        for at in range(count):
            segment = raw.FPDFPath_GetPathSegment(thing, at)
            raw.FPDFPathSegment_GetPoint(segment, self._x, self._y)
            kind = raw.FPDFPathSegment_GetType(segment)
            points.append((self._x.value, self._y.value, kind == raw.FPDF_SEGMENT_LINETO))
            if kind == raw.FPDF_SEGMENT_MOVETO:
                begin = self._x.value, self._y.value
            if raw.FPDFPathSegment_GetClose(segment):
                points.append((*begin, True))
        return points


def _add(points: list[Point], matrix: Matrix, *, frame: Frame, found: Edges) -> None:
    """Adds the level and upright lines among the points."""
    last: tuple[float, float] | None = None
    a, b, c, d, e, f = matrix
    for x, y, straight in points:
        here = a * x + c * y + e, b * x + d * y + f
        if straight and last is not None:
            box = min(last[0], here[0]), min(last[1], here[1]), max(last[0], here[0]), max(last[1], here[1])
            x0, y0, x1, y1 = frame.shown(box)
            if y1 - y0 <= _STRAIGHT and x1 - x0 >= _SHORTEST:
                found.level.append(Edge(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2))
            elif x1 - x0 <= _STRAIGHT and y1 - y0 >= _SHORTEST:
                found.upright.append(Edge((x0 + x1) / 2, y0, (x0 + x1) / 2, y1))
        last = here


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    """`inner`, then `outer`."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u
