"""Reads meshes, transforms and looks off a composed USD stage. In the process apart; nothing here is trusted to end well.

Schemas are those of UsdGeom and UsdShade (openusd.org); meshes are read as their control cages, without subdivision.
"""

from typing import Any, NamedTuple

from parsers.model_faults import MAX_TRIANGLES, malformed, too_many
from parsers.usd_faces import Faces, Polygons, cut, polygons

MAX_VISITS = 50_000  # meshes that the stage places, each as often as it stands there
_MAX_DEPTH = 8  # instancers in instancers
_NAME = 200  # characters of a material's name
_SHAPES = ("Cube", "Sphere", "Cylinder", "Cone", "Capsule")


class Look(NamedTuple):
    """A material as far as it is shown."""

    name: str
    color: tuple[float, float, float, float] | None  # linear
    picture: str | None  # path of the file
    uv: str | None  # primvar in which its coordinates lie


class Read(NamedTuple):
    """What is on the stage."""

    pieces: list[list[Faces]]  # of each geometry, a piece for each look
    looks: list[Look]
    placed: list[tuple[int, Any]]  # number of the geometry, and its 4x4 matrix for columns
    up: str
    meters: float


def read(root: Any) -> Read:
    """All that is shown of the stage over the layer `root`, at the beginning of its time.

    Raises `UnreadableFile` (`model.malformed`) and `InputError` (`limit.triangles`).
    """
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(root)
    reading = _Reading(stage)
    reading.walk(stage.GetPseudoRoot(), None, depth=0)
    meters = float(UsdGeom.GetStageMetersPerUnit(stage))
    return Read(reading.pieces, reading.looks, reading.placed, str(UsdGeom.GetStageUpAxis(stage)), meters)


class _Reading:
    """One walk over a stage."""

    def __init__(self, stage: Any) -> None:
        from pxr import Usd, UsdGeom

        self.pieces: list[list[Faces]] = []
        self.looks: list[Look] = []
        self.placed: list[tuple[int, Any]] = []
        self._stage = stage
        self._time = Usd.TimeCode.EarliestTime()
        self._worlds = UsdGeom.XformCache(self._time)
        self._known: dict[str, int | None] = {}  # geometries by path, one for all instances of it
        self._look_numbers: dict[Any, int] = {}  # by path of the material, or by color
        self._triangles = self._visits = 0

    def walk(self, top: Any, moved: Any, *, depth: int) -> None:
        """Take in what is below `top`; `moved` is a matrix that comes before the world's, None: none does."""
        from pxr import Usd, UsdGeom

        walk = iter(Usd.PrimRange(top, Usd.TraverseInstanceProxies()))
        for prim in walk:
            shown = UsdGeom.Imageable(prim)
            if shown and not self._is_shown(shown):
                walk.PruneChildren()
            elif prim.IsA(UsdGeom.PointInstancer):
                walk.PruneChildren()
                self._instancer(UsdGeom.PointInstancer(prim), moved, depth=depth)
            elif prim.IsA(UsdGeom.Mesh) or prim.GetTypeName() in _SHAPES:
                self._place(prim, moved)

    def _is_shown(self, prim: Any) -> bool:
        from pxr import UsdGeom

        if prim.GetVisibilityAttr().Get(self._time) == UsdGeom.Tokens.invisible:
            return False
        return prim.GetPurposeAttr().Get() in {UsdGeom.Tokens.default_, UsdGeom.Tokens.render}

    def _place(self, prim: Any, moved: Any) -> None:
        import numpy as np

        number = self._geometry(prim)
        if number is None:
            return
        self._visits += 1
        self._triangles += sum(len(piece.faces) for piece in self.pieces[number])
        if self._visits > MAX_VISITS:
            raise malformed("The USD places more objects than any real model has.")
        if self._triangles > MAX_TRIANGLES:
            raise too_many(self._triangles)
        world = self._worlds.GetLocalToWorldTransform(prim)
        self.placed.append((number, np.array(world * moved if moved is not None else world).T))

    def _geometry(self, prim: Any) -> int | None:
        """The number of the prim's geometry, read at its first use; None where it has no faces."""
        source = prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim
        path = str(source.GetPath())
        if path not in self._known:
            found = self._cut(prim)
            self._known[path] = len(self.pieces) if found else None
            self.pieces += [found] if found else []
        return self._known[path]

    def _cut(self, prim: Any) -> list[Faces]:
        from pxr import UsdGeom

        shape = polygons(prim, self._time)
        if shape is None or not len(shape.counts):
            return []
        whole = self._look(prim)
        subsets = [
            (self._look(subset.GetPrim()), subset.GetIndicesAttr().Get(self._time))
            for subset in UsdGeom.Subset.GetGeomSubsets(UsdGeom.Imageable(prim))
            if subset.GetElementTypeAttr().Get() == UsdGeom.Tokens.face
        ]
        chosen = [(look, faces) for look, faces in subsets if faces is not None and look is not None]
        return list(cut(shape, whole, chosen, uv_of=lambda look: self._uv(prim, shape, look)))

    def _uv(self, prim: Any, shape: Polygons, look: int | None) -> Any:
        """Coordinates by corner in the primvar that the look wants, else in the usual one; None: there are none."""
        from pxr import UsdGeom

        wanted = self.looks[look].uv if look is not None else None
        primvars = UsdGeom.PrimvarsAPI(prim)
        for name in dict.fromkeys((wanted, "st", "UVMap", "st0")):
            primvar = primvars.FindPrimvarWithInheritance(name) if name else None
            if primvar and primvar.HasValue():
                found = shape.spread(primvar.ComputeFlattened(self._time), str(primvar.GetInterpolation()), width=2)
                if found is not None:
                    return found
        return None

    def _look(self, prim: Any) -> int | None:
        """The number of the material that the prim wears; its display color where it wears none."""
        from pxr import UsdGeom, UsdShade

        material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
        if material:
            path = str(material.GetPath())
            if path not in self._look_numbers:
                self._look_numbers[path] = len(self.looks)
                self.looks.append(_material(material, self._time))
            return self._look_numbers[path]
        color = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
        values = color.Get(self._time) if color and color.HasValue() else None
        if values is None or len(values) != 1:
            return None
        red, green, blue = map(float, values[0])
        shade = Look("", (red, green, blue, 1.0), None, None)
        if shade not in self._look_numbers:
            self._look_numbers[shade] = len(self.looks)
            self.looks.append(shade)
        return self._look_numbers[shade]

    def _instancer(self, prim: Any, moved: Any, *, depth: int) -> None:
        """Take in each prototype as often as the instancer places it. USD's matrices are for rows: the first one leads."""
        if depth >= _MAX_DEPTH:
            raise malformed("The USD nests instancers more deeply than any real model.")
        targets = [self._stage.GetPrimAtPath(path) for path in prim.GetPrototypesRel().GetForwardedTargets()]
        kinds = list(prim.GetProtoIndicesAttr().Get(self._time) or ())
        if len(kinds) > MAX_VISITS or not all(0 <= kind < len(targets) for kind in kinds):
            raise malformed("The USD has an instancer that names more than is there.")
        matrices = prim.ComputeInstanceTransformsAtTime(self._time, self._time, prim.IncludeProtoXform, prim.IgnoreMask)
        shown = prim.ComputeMaskAtTime(self._time) or [True] * len(kinds)
        world = self._worlds.GetLocalToWorldTransform(prim.GetPrim())
        for kind, matrix, is_shown in zip(kinds, matrices, shown, strict=False):
            target = targets[kind]
            if target and is_shown:
                step = self._worlds.GetLocalToWorldTransform(target).GetInverse() * matrix * world
                self.walk(target, step * moved if moved is not None else step, depth=depth + 1)


def _material(material: Any, time: Any) -> Look:
    """Of a preview surface its color, or the picture of it; of other surfaces the name alone."""
    surface = material.ComputeSurfaceSource()[0]
    name = str(material.GetPrim().GetName())[:_NAME]
    source = surface.GetInput("diffuseColor") if surface else None
    if not source:
        return Look(name, None, None, None)
    texture = _connected(surface, "diffuseColor")
    if not texture:
        value, opacity = source.Get(time), surface.GetInput("opacity")
        if value is None:
            return Look(name, None, None, None)
        red, green, blue = map(float, value)
        alpha = opacity.Get(time) if opacity else None
        return Look(name, (red, green, blue, 1.0 if alpha is None else float(alpha)), None, None)
    file = texture.GetInput("file")
    asset = file.Get(time) if file else None
    return Look(name, None, asset.path if asset else None, _coordinates(texture, time))


def _coordinates(texture: Any, time: Any) -> str | None:
    """The name of the primvar from which a texture takes its coordinates, through a transform or not."""
    node = texture
    for name in ("st", "in"):
        node = _connected(node, name)
        named = node.GetInput("varname") if node else None
        if named:
            attributes = named.GetValueProducingAttributes()
            value = attributes[0].Get(time) if attributes else None
            return str(value) if value else None
        if not node:
            break
    return None


def _connected(node: Any, name: str) -> Any:
    """The shader that feeds an input; None: none does."""
    from pxr import UsdShade

    found = node.GetInput(name)
    sources = found.GetConnectedSources()[0] if found else ()
    return UsdShade.Shader(sources[0].source.GetPrim()) if sources else None
