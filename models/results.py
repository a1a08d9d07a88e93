"""What the mesh kernels find, as the geometry report reads it: faces that cross, and how thick the walls are."""

from dataclasses import dataclass

Point = tuple[float, float, float]  # in meters, in the world


@dataclass(frozen=True, slots=True)
class Contacts:
    """Where the surface only touches itself: faces that share no vertex, of which neither goes through the other."""

    pairs: int  # of faces
    faces: int  # that touch some other, and cross none
    places: list[Point]  # some of them, for a person to look at


NO_CONTACT = Contacts(pairs=0, faces=0, places=[])


@dataclass(frozen=True, slots=True)
class Crossings:
    """Where the surface goes through itself."""

    pairs: int  # of faces that cross and share no vertex
    faces: int  # that cross some other
    places: list[Point]  # some of them, for a person to look at
    complete: bool  # every pair was looked at; else the counts are the least there are
    touching: Contacts = NO_CONTACT


@dataclass(frozen=True, slots=True)
class Thickness:
    """How far it is through the walls, measured inwards from points spread over the surface."""

    samples: int  # points that were measured
    thinnest: float  # in meters
    percentiles: dict[str, float]  # in meters, by name: `p1`, `p50`
    thin: int  # points below the limit
    limit: float  # in meters: walls thinner than this are thin
    places: list[Point]  # the thinnest, for a person to look at
