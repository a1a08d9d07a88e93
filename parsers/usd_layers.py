"""Opens the layers of a USD so that they can name nothing but each other: every path in them is rewritten, or taken out.

Runs in the process apart, where the library is. Layers are changed in memory only, before anything is composed of them.
"""

import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from parsers.model_faults import malformed, missing_files, outside

LAYER = ".usd"  # how the files of layers end here, whatever they were called
MAX_LAYERS = 1000
MAX_PRIMS = 200_000  # that the layers make together, references followed
MAX_DEPTH = 200  # of prims in prims, and references in references


class Layers(NamedTuple):
    """What was opened."""

    root: Any  # Sdf.Layer
    opened: list[Any]  # held, since the library forgets layers that nobody holds
    missing: list[str]  # names of pictures and other files that are not here


def located(asset: str, folder: str, files: Mapping[str, str]) -> str | None:
    """The key in `files` of what a layer in `folder` names so: beside it, or from the package's root; None: neither."""
    name = asset.replace("\\", "/").lower()
    if name.startswith("/") or ":" in name or "\0" in name:
        return None
    for base in dict.fromkeys((folder, "")):
        key = posixpath.normpath(posixpath.join(base, name))
        if key in files:
            return key
    return None


def open_layers(root: str, files: Mapping[str, str]) -> Layers:
    """The layer with the key `root` of `files` (lower-case names, and the paths that they have here), and all it names.

    Raises `UnreadableFile` (`model.malformed`) and `InputError` (`model.external`, `model.missing_files`).
    """
    from pxr import Sdf, UsdUtils

    names = {path: key for key, path in files.items()}
    found: dict[str, Any] = {}
    missing: dict[str, None] = {}
    pending = [root]
    while pending:
        key = pending.pop()
        if key in found:
            continue
        if len(found) >= MAX_LAYERS:
            raise malformed("The USD has more layers than any real model.")
        layer = found[key] = Sdf.Layer.FindOrOpen(files[key])
        folder = posixpath.dirname(key)
        _check_named(layer, folder, files)

        def inside(asset: str, *, folder: str = folder) -> str:
            if not asset:  # of this layer itself
                return asset
            at = located(asset, folder, files)
            if at is None:
                missing[posixpath.basename(asset.replace("\\", "/"))] = None
            return files[at] if at is not None else ""

        UsdUtils.ModifyAssetPaths(layer, inside)
        named = _named(layer)
        if not all(path in names for path in named):  # such as expressions, which become paths only when composed
            raise outside()
        if not all(path.endswith(LAYER) for path in named):
            raise malformed("The USD refers to a file that is no layer.")
        pending += [names[path] for path in named]
    _check_size(found, names, root)
    return Layers(found[root], list(found.values()), [name for name in missing if name])


def _named(layer: Any) -> list[str]:
    """Other files that this one is put together from, as it calls them."""
    return [asset for asset in layer.GetCompositionAssetDependencies() if asset]


def _check_named(layer: Any, folder: str, files: Mapping[str, str]) -> None:
    """Whether the layers that this one is put together from are here."""
    absent = [asset for asset in _named(layer) if located(asset, folder, files) is None]
    if any("`" in asset or posixpath.isabs(asset) or ":" in asset or ".." in asset for asset in absent):
        raise outside()
    if absent:
        raise missing_files([posixpath.basename(asset) for asset in absent])


def _check_size(layers: Mapping[str, Any], names: Mapping[str, str], root: str) -> None:
    """Count the prims that composing would make, references followed, without composing: doubling grows without end."""
    stacks = _Stacks.of(layers, names)
    known: dict[tuple[str, str], int] = {}
    above: set[tuple[str, str]] = set()

    def count(key: str, path: str) -> int:
        place = (key, path)
        if place in known:
            return known[place]
        if place in above:
            return 0  # the library refuses such a reference when it composes
        if len(above) >= MAX_DEPTH:
            raise malformed("The USD nests more deeply than any real model.")
        above.add(place)
        prim = layers[key].GetPrimAtPath(path) if path else layers[key].pseudoRoot
        total = 1
        for spec in _with_variants(prim) if prim else ():
            total += sum(count(key, str(child.path)) for child in spec.nameChildren)
            total += sum(count(*target) for target in _targets(spec, key, layers, names=names, stacks=stacks))
            if total > MAX_PRIMS:
                raise malformed("The USD places more objects than any real model has.")
        above.discard(place)
        known[place] = total
        return total

    for key in stacks.below[root]:
        count(key, "")


class _Stacks(NamedTuple):
    """Which layers lie over each other."""

    below: dict[str, list[str]]  # a layer and its sublayers
    beside: dict[str, set[str]]  # all that share a stack with a layer: a path within it may lead to each of them

    @classmethod
    def of(cls, layers: Mapping[str, Any], names: Mapping[str, str]) -> "_Stacks":
        below = {key: _stack(layers, names, key) for key in layers}
        beside: dict[str, set[str]] = {key: set() for key in layers}
        for stack in below.values():
            for key in stack:
                beside[key].update(stack)
        return cls(below, beside)


def _stack(layers: Mapping[str, Any], names: Mapping[str, str], root: str) -> list[str]:
    found, pending = [root], [root]
    while pending:
        below = dict.fromkeys(names[path] for path in layers[pending.pop()].subLayerPaths if path in names)
        new = [key for key in below if key not in found]
        found += new
        pending += new
    return found


def _with_variants(prim: Any) -> list[Any]:
    """A prim's spec and those of its variants: one of each set is chosen, counted are all."""
    found = [prim]
    for variants in getattr(prim, "variantSets", {}).values():
        found += [variant.primSpec for variant in variants.variants.values()]
    return found


def _targets(
    spec: Any, key: str, layers: Mapping[str, Any], *, names: Mapping[str, str], stacks: _Stacks
) -> list[tuple[str, str]]:
    """Layers and paths of the prims that a spec takes in."""
    found: list[tuple[str, str]] = []
    if not hasattr(spec, "referenceList"):  # the root of a layer
        return found
    for arcs in (spec.referenceList, spec.payloadList):
        for arc in arcs.GetAddedOrExplicitItems():
            other = names.get(arc.assetPath, "") if arc.assetPath else key
            prim = str(arc.primPath) or (_default(layers[other]) if other else "")
            if prim and other:
                found += [(one, prim) for one in (stacks.below[other] if arc.assetPath else stacks.beside[key])]
    for arcs in (spec.inheritPathList, spec.specializesList):
        found += [(one, str(path)) for path in arcs.GetAddedOrExplicitItems() for one in stacks.beside[key]]
    return found


def _default(layer: Any) -> str:
    return f"/{layer.defaultPrim}" if layer.HasDefaultPrim() else ""
