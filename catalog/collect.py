"""Finds out what each file among a catalog's sources is, and reads all of them into one set of tables."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from catalog.id_maps import (
    COLOR_LINKS,
    PART_LINKS,
    IdMaps,
    read_color_links,
    read_external_ids,
    read_ldconfig,
    read_leocad,
    read_part_links,
)
from catalog.links import tie
from catalog.port import Color, Part
from catalog.rows import Tally, header_of
from catalog.sources import MiB, Source, find_sources, is_readable, whole_text
from catalog.tables import (
    LAYOUTS,
    UNUSED,
    Elements,
    Tables,
    read_categories,
    read_colors,
    read_elements,
    read_parts,
    read_relations,
    require_one,
)
from jobs.errors import InputError

_ABSENT = {
    "elements": "no element numbers and no known colors",
    "part_relationships": "no prints, moulds or alternates",
    "part_categories": "parts have no category",
}
_ABOUT = "about.json"  # what the tables' maker says of them
_PROSE = frozenset([".md", ".py"])  # lies beside the sample's tables
Watch = Callable[[int, int], None]


def collect(place: Path, *, tally: Tally, watch: Watch | None = None) -> Tables:
    """Everything that the sources in a folder or ZIP say; rows that lead nowhere are counted and left out."""
    sources = find_sources(place)
    named = {table: require_one(sources, table) for table in LAYOUTS}
    for table in ("parts", "colors"):
        if named[table] is None:
            raise InputError(
                "catalog.missing",
                f"{table}.csv is missing (or {table}.csv.gz)",
                hint="the folder or ZIP needs parts.csv and colors.csv; elements, relations and id maps are welcome",
            )
    tally.notes += [f"{table}.csv is missing: {what}" for table, what in _ABSENT.items() if named[table] is None]
    steps = _Steps(len(sources), watch)
    categories = read_categories(found, tally=tally) if (found := steps.next(named["part_categories"])) else {}
    parts = read_parts(_there(steps.next(named["parts"])), categories, tally=tally)
    colors = read_colors(_there(steps.next(named["colors"])), tally=tally)
    elements, relations = Elements({}, []), []
    if found := steps.next(named["elements"]):
        elements = read_elements(found, parts, colors, tally=tally)
    if found := steps.next(named["part_relationships"]):
        relations = read_relations(found, parts, tally=tally)
    about = next((source for source in sources if source.name.lower() == _ABOUT), None)
    complete = steps.next(about) is None or _is_complete(_there(about))
    others = [source for source in sources if source not in (*named.values(), about)]
    links = tie(_read_maps(others, steps, tally=tally), parts, colors, tally=tally)
    return Tables(
        parts=_sorted_parts(parts),
        colors=_sorted_colors(colors),
        elements=list(elements.elements.values()),
        relations=relations,
        part_links=[*links.parts, *elements.links],
        color_links=links.colors,
        color_names=links.names,
        complete=complete,
    )


def _is_complete(about: Source) -> bool:
    """Whether the elements are all there are, by `about.json`: `{"complete": false}` where they are a selection.

    A part of a selection is known in some of its colors only, so that its other colors are nothing to warn of.
    """
    try:
        said = json.loads(whole_text(about, MiB))
    except (ValueError, RecursionError) as wrong:
        raise _unclear(about) from wrong
    if not isinstance(said, dict) or not isinstance(said.get("complete", True), bool):
        raise _unclear(about)
    return bool(said.get("complete", True))


def _unclear(about: Source) -> InputError:
    message = f"{about.name} does not say what it should"
    return InputError("catalog.json", message, hint='write {"complete": false}, or leave it out', file=about.name)


class _Steps:
    """Tells how many sources have been read."""

    def __init__(self, total: int, watch: Watch | None) -> None:
        self._done, self._total, self._watch = 0, total, watch

    def next(self, source: Source | None) -> Source | None:
        """The source that is about to be read."""
        if source is not None and self._watch is not None:
            self._watch(self._done, self._total)
        self._done += source is not None
        return source


def _read_maps(sources: Sequence[Source], steps: _Steps, *, tally: Tally) -> IdMaps:
    """Id maps by what they are; whatever else lies there is told and passed over."""
    maps = IdMaps()
    for source in sources:
        steps.next(source)
        if source.suffix in _PROSE:
            continue
        if not is_readable(source):
            tally.notes.append(f"{source.name} is no table that is known here: passed over")
        elif source.stem in UNUSED:
            tally.notes.append(f"{source.name} is not needed: passed over")
        elif not _read_map(source, maps, tally=tally):
            tally.notes.append(f"{source.name} holds no ids that are known here: passed over")
    return maps


def _read_map(source: Source, maps: IdMaps, *, tally: Tally) -> bool:
    if source.suffix == ".csv":
        header = set(header_of(source))
        if header.issuperset(PART_LINKS.columns):
            read_part_links(source, maps, tally=tally)
        elif header.issuperset(set(COLOR_LINKS.columns) - COLOR_LINKS.optional):
            read_color_links(source, maps, tally=tally)
        else:
            return False
    elif source.suffix == ".ldr":
        before = len(maps.ldraw_colors)
        read_ldconfig(source, maps)
        return len(maps.ldraw_colors) > before
    elif "ldraw2bl" in source.stem:
        before = len(maps.leocad_parts) + len(maps.leocad_colors)
        read_leocad(source, maps)
        return len(maps.leocad_parts) + len(maps.leocad_colors) > before
    else:
        return source.suffix == ".json" and read_external_ids(source, maps)
    return True


def _there(source: Source | None) -> Source:
    assert source is not None
    return source


def _sorted_parts(parts: dict[str, Part]) -> list[Part]:
    return [parts[key] for key in sorted(parts)]


def _sorted_colors(colors: dict[int, Color]) -> list[Color]:
    return [colors[number] for number in sorted(colors)]
