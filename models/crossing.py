"""Finds where a surface goes through itself, or touches itself: pairs of triangles with a common point and no common vertex."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from models.devices import CPU, Device, watched
from models.exact import Relation, relation
from models.results import Contacts, Crossings, Point

MAX_WORK = 6_000_000_000  # boxes looked at, plus 15 for each pair of triangles; about a minute on one CPU core
MAX_UNSURE = 20_000  # pairs decided with integers, about 0.1 ms each
_BATCH = 1 << 16  # faces per launch; between two launches the counts are looked at
_FEW = 32_000  # work for one face in the first round; faces that need more have a round of their own
_ALL = 2**31 - 1  # work for one face in the second round: no face has so many neighbors
_BATCH_OF_MANY = 64
_PAD = 2.5e-7  # of half the model's size: float32 rounds box and corner by less than 6e-8 each


def crossings(vertices: Any, faces: Any, *, device: Device, limit: int = 20) -> Crossings:
    """Count the pairs of faces that share no vertex and have a common point, however small: those that cross, and the rest.

    What crosses is told by `models.exact.relation`. A corner that rests on another face, two edges that meet, and faces
    that lie on each other in one plane touch; faces that share a vertex never count, and vertices at one place are one
    vertex. Faces without area are the segment or point that they are. The answer is exact, and the same on each device,
    while `complete` is true.

    `places` are the centers of the first `limit` faces that cross another, or touch one. Raises `DeviceLost`, and
    `ValueError` where a coordinate is not finite.
    """
    if not np.isfinite(vertices).all():
        raise ValueError("coordinates must be finite")
    if not len(faces):
        return Crossings(pairs=0, faces=0, places=[], complete=True)
    points, corners = merged(vertices, faces)
    with watched(device):
        search = Search(points, corners, device=device.name)
        complete = search.run()
        crossed = search.crossed()
    undecided, left_out = search.undecided()
    touched, touching = np.zeros(len(faces), dtype=bool), 0
    for i, j in undecided:
        found = relation(points[corners[i]].tolist(), points[corners[j]].tolist())
        if found is Relation.CROSSING:
            search.pairs += 1
            crossed[[i, j]] = True
        elif found is Relation.TOUCHING:
            touching += 1
            touched[[i, j]] = True
    through, resting = np.flatnonzero(crossed), np.flatnonzero(touched & ~crossed)
    return Crossings(
        pairs=search.pairs,
        faces=len(through),
        places=[_center(vertices[faces[i]]) for i in through[:limit]],
        complete=complete and not left_out,
        touching=Contacts(touching, len(resting), [_center(vertices[faces[i]]) for i in resting[:limit]]),
    )


def _center(corners: Any) -> Point:
    x, y, z = (corners / 3).sum(axis=0).tolist()
    return x, y, z


def merged(vertices: Any, faces: Any) -> tuple[Any, Any]:
    """Vertices at one place made one, and scaled by a power of two to about 1, which changes no digit."""
    points = vertices + 0.0  # -0.0 becomes 0.0
    largest = float(np.abs(points).max())
    points = np.ldexp(points, -int(np.frexp(largest)[1]))
    order = np.lexsort(points.T)
    new = np.ones(len(points), dtype=bool)
    new[1:] = (points[order[1:]] != points[order[:-1]]).any(axis=1)
    place = np.empty(len(points), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    return points[order[new]], place[faces]


class _Round(NamedTuple):
    """What one launch found, per face that it tried."""

    sure: Any
    unsure: Any
    spent: Any  # work, as MAX_WORK counts it
    pairs: Any  # the unsure ones, if there was room

    def of(self, some: Any) -> "_Round":
        """The same for some of the faces."""
        return _Round(self.sure[some], self.unsure[some], self.spent[some], self.pairs)


class Search:
    """One mesh on one device, tried batch by batch."""

    def __init__(self, points: Any, faces: Any, *, device: str) -> None:
        from models import kernels

        wp = kernels.wp
        self._wp, self._kernel, self._device = wp, kernels.crossings_of, device
        frame = kernels.frame(points)
        self._tree = kernels.tree(frame.inside(points), faces, device=device)
        # The kernel works on coordinates of the exact model; only the boxes move into the tree's frame.
        self._frame = frame
        self._points = wp.array(points, dtype=wp.vec3d, device=device)
        self._corners = wp.array(faces.astype(np.int32).reshape(-1), dtype=wp.int32, device=device)
        self._crossed = wp.zeros(len(faces), dtype=wp.int32, device=device)
        self._faces = len(faces)
        self._unsure: list[Any] = []
        self._left_out = False
        self.pairs = 0

    def run(self) -> bool:
        """Try all faces; False where the budget ended before the faces did."""
        budget = MAX_WORK
        many: list[Any] = []
        size = _BATCH if self._device == CPU else 4 * _BATCH  # a GPU runs more threads than this at once
        for batch in _batches(np.arange(self._faces, dtype=np.int32), size):
            if budget <= 0:
                return False
            found = self._launch(batch, most=_FEW)
            done = found.spent <= _FEW
            budget -= int(found.spent.sum(dtype=np.int64))
            self._take(batch[done], found=found.of(done), most=_FEW)
            many.append(batch[~done])
        for batch in _batches(np.concatenate(many), _BATCH_OF_MANY):
            if budget <= 0:
                return False
            found = self._launch(batch, most=_ALL)
            budget -= int(found.spent.sum(dtype=np.int64))
            self._take(batch, found=found, most=_ALL)
        return True

    def crossed(self) -> Any:
        """Whether each face surely crosses another."""
        return self._crossed.numpy().astype(bool)

    def undecided(self) -> tuple[Any, bool]:
        """Pairs for the integers, in order, and whether some had no room."""
        pairs = np.concatenate(self._unsure) if self._unsure else np.empty((0, 2), dtype=np.int32)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tolist(), self._left_out

    def _take(self, batch: Any, *, found: _Round, most: int) -> None:
        """Add up what a launch found; list the unsure pairs by a second launch over the faces that have some."""
        self.pairs += int(found.sure.sum(dtype=np.int64))
        room = MAX_UNSURE - sum(len(pairs) for pairs in self._unsure)
        ends = np.cumsum(found.unsure, dtype=np.int64)
        some = found.unsure > 0
        fits = some & (ends <= room)
        self._left_out |= bool((some & ~fits).any())
        if fits.any():
            starts = (ends - found.unsure)[fits]
            self._unsure.append(self._launch(batch[fits], most=most, starts=starts, room=int(ends[fits][-1])).pairs)

    def _launch(self, faces: Any, *, most: int, starts: Any = None, room: int = 0) -> _Round:
        wp, device, count = self._wp, self._device, len(faces)
        starts = np.zeros(count) if starts is None else starts
        counts = [wp.full(count, value=-1, dtype=wp.int32, device=device) for _ in range(3)]
        pairs = wp.zeros(room, dtype=wp.vec2i, device=device)
        listed, first = (wp.array(part.astype(np.int32), dtype=wp.int32, device=device) for part in (faces, starts))
        box = [wp.vec3d(*self._frame.center.tolist()), 1.0 / self._frame.half, _PAD]
        inputs = [self._tree.id, self._points, self._corners, *box, most, listed, first, *counts, self._crossed, pairs]
        wp.launch(self._kernel, dim=count, inputs=inputs, device=device)
        sure, unsure, spent = (part.numpy() for part in counts)
        found = _Round(sure, unsure, spent, pairs.numpy().reshape(-1, 2))
        if (found.spent < 0).any():  # Warp reports some faults of a device on its standard error only
            raise RuntimeError("the kernel left no result")
        return found


def _batches(items: Any, size: int) -> Iterator[Any]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
