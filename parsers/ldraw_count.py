"""How many of each part and color an LDraw file comes to: models multiplied, colors inherited, cycles refused.

No recursion, and no model is gone through twice: how often each is built, and in which colors, flows down from the
first model in one sweep. So thirty levels that double each time cost as much as thirty lines.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jobs.errors import InputError, UnreadableFile
from parsers.ldraw_model import MAX_PLACED, Model, Names

MANY = 1_000_000_000  # counts stop here: far past what a list may say, and never a number of a million digits
DIRECT = 0x2000000  # from here on a color is its own red, green and blue
_WORK = 2_000_000  # steps of the sweep; real models take some thousands
_MODEL_ENDINGS = (".ldr", ".mpd")
_PIECES = ("s/", "p/", "8/", "48/")  # folders of what parts are drawn with
_INHERITED, _EDGE = 16, 24
_CHAIN = 4  # names at each end of a chain that are shown
_AS_PARENT = -1  # how an inherited color is kept; `None` is one that nothing states
_LONGEST_ID = 100  # characters
_DIGITS = 10  # of a color's number


class Dialect(NamedTuple):
    """Whose numbers a file's parts and colors are."""

    id_space: str
    color_space: str
    inherited: frozenset[int]  # colors that say: as whatever this is part of


LDRAW = Dialect("ldraw", "ldraw", frozenset({_INHERITED, -1}))
STUDIO = Dialect("bricklink", "bricklink", frozenset({-1}))  # Studio's model2.ldr


class Lot(NamedTuple):
    """One part in one color, all over the model."""

    raw_id: str
    item_no: str | None  # BrickLink's number, where the file states it
    name: str | None  # where the file holds the part's drawing
    color: int | None  # None: nothing says
    qty: int  # at most `MANY`
    line: int


class Wrong(NamedTuple):
    """A reference that can not be followed."""

    code: str
    value: str
    line: int
    times: int


class Drawing(NamedTuple):
    """What the file itself draws, multiplied as parts are; each number is at most `MANY`."""

    lines: int = 0
    triangles: int = 0
    quads: int = 0
    conditional_lines: int = 0  # edges that show from some sides only

    def plus(self, drawn: Iterable[int], times: int) -> "Drawing":
        return Drawing(*(min(MANY, mine + times * more) for mine, more in zip(self, drawn, strict=True)))


class _Edge(NamedTuple):
    child: Model
    color: int | None
    times: int
    line: int


class _Leaf(NamedTuple):
    part: str
    color: int | None
    times: int
    line: int


class Counted:
    """The sweep over one file's models. Raises as it is made: `UnreadableFile` (`ldraw.part`)."""

    def __init__(self, models: dict[str, Model], names: Names, dialect: Dialect) -> None:
        self.models, self.names, self.dialect = models, names, dialect
        self.wrong: list[Wrong] = []
        self.drawing = Drawing()  # complete with the first lot; without the parts that the file does not hold
        self.root = self._first()
        self._edges: dict[str, list[_Edge]] = {}
        self._leaves: dict[str, list[_Leaf]] = {}
        self._bodies: dict[str, Model] = {}  # parts whose drawing the file holds
        self._lots: dict[tuple[str, int | None], list[int]] = {}  # -> [qty, line]
        self._work = 0

    def lots(self) -> Iterator[Lot]:
        """Every lot in the order of its first line; `wrong` is complete before the first.

        Raises `InputError` (`limit.rows`, `limit.models`).
        """
        flows: dict[str, dict[int | None, int]] = {self.root.name: {None: 1}}
        for model in self._order():
            self._sweep(model, flows.pop(model.name), flows)
        for (part, color), (qty, line) in sorted(self._lots.items(), key=lambda lot: lot[1][1]):
            body = self._bodies.get(part)
            yield Lot(part, body.item_no if body else None, body.title if body else None, color, qty, line)

    @property
    def used(self) -> int:
        """How many models the first one is built from, itself included."""
        return len(self._edges)

    def unused(self) -> list[str]:
        """Models that nothing places."""
        return [name for name, model in self.models.items() if not model.is_part and name not in self._edges]

    def _first(self) -> Model:
        found = next((model for model in self.models.values() if not model.is_part), None)
        if found is None:
            message = "The file is the drawing of a part, not a model made of parts."
            raise UnreadableFile("ldraw.part", message, hint="Upload the model that the part is used in.")
        return found

    def _order(self) -> list[Model]:
        """The root and all below it, each before what it places; a reference that closes a circle is left out."""
        done: list[Model] = []
        path: list[Model] = []
        depth: dict[str, int] = {}  # where a model stands on the path; -1: behind us
        pending: list[Iterator[_Edge]] = []

        def enter(model: Model) -> None:
            depth[model.name] = len(path)
            self._edges[model.name], self._leaves[model.name] = [], []
            path.append(model)
            pending.append(self._placed(model))

        enter(self.root)
        while path:
            edge = next(pending[-1], None)
            if edge is None:
                pending.pop()
                depth[path[-1].name] = -1
                done.append(path.pop())
                continue
            at = depth.get(edge.child.name)
            if at is not None and at >= 0:
                self.wrong.append(Wrong("ldraw.cycle", _chain(path, at), edge.line, edge.times))
                continue
            self._edges[path[-1].name].append(edge)
            if at is None:
                enter(edge.child)
        done.reverse()
        return done

    def _placed(self, model: Model) -> Iterator[_Edge]:
        """The models that a model places; the parts among what it places go to its leaves, what is wrong to `wrong`."""
        leaves = self._leaves[model.name]
        for (spelled, file), (times, line) in model.placed.items():
            if not times:  # taken back by a BUFEXCHG
                continue
            color, code = _color(spelled, self.dialect)
            if code:
                self.wrong.append(Wrong(code, spelled.decode("latin-1"), line, times))
                continue
            name = self.names.of(file, line)
            child = self.models.get(name)
            if child is not None and not child.is_part:
                yield _Edge(child, color, times, line)
                continue
            part, code = _part(name, child)
            if code:
                self.wrong.append(Wrong(code, self.names.text(file, line), line, times))
                continue
            leaves.append(_Leaf(part, color, times, line))
            if child is not None:
                self._bodies[part] = child

    def _sweep(self, model: Model, flow: dict[int | None, int], flows: dict[str, dict[int | None, int]]) -> None:
        """Pass on how often the model is built, by color, to what it places."""
        total = min(MANY, sum(flow.values()))
        edges, leaves = self._edges[model.name], self._leaves.pop(model.name)
        self.drawing = self.drawing.plus(model.drawing.values(), total)
        inheriting = [edge.color for edge in edges].count(_AS_PARENT)
        inheriting += [leaf.color for leaf in leaves].count(_AS_PARENT)
        self._work += len(edges) + len(leaves) + inheriting * len(flow)
        if self._work > _WORK:
            raise InputError("limit.models", "The model is nested in too many ways to be counted.")
        for edge in edges:
            below = flows.setdefault(edge.child.name, {})
            for color, built in flow.items() if edge.color == _AS_PARENT else ((edge.color, total),):
                below[color] = min(MANY, below.get(color, 0) + built * edge.times)
        lots = self._lots
        for leaf in leaves:
            if (body := self._bodies.get(leaf.part)) is not None:
                self.drawing = self.drawing.plus(body.drawing.values(), total * leaf.times)
            for color, built in flow.items() if leaf.color == _AS_PARENT else ((leaf.color, total),):
                lot = lots.setdefault((leaf.part, color), [0, leaf.line])
                lot[0] = min(MANY, lot[0] + built * leaf.times)
                lot[1] = min(lot[1], leaf.line)
        if len(lots) > MAX_PLACED:
            raise InputError("limit.rows", f"The model comes to more than {MAX_PLACED} different parts and colors.")


def _color(spelled: bytes, dialect: Dialect) -> tuple[int | None, str | None]:
    """A reference's color, `_AS_PARENT` where it is inherited, None where it is that of an edge; and what is wrong."""
    try:
        digits = spelled[2:] if spelled[:2].lower() == b"0x" else spelled
        number = int(digits, 10 if digits is spelled else 16) if len(digits) <= _DIGITS else None
    except ValueError:
        number = None
    if number is None:
        return None, "color.not_integer"
    if number in dialect.inherited:
        return _AS_PARENT, None
    if number < 0:
        return None, "color.negative"
    return None if number == _EDGE and dialect.color_space == "ldraw" else number, None


def _part(name: str, body: Model | None) -> tuple[str, str | None]:
    """The number of the part that a file draws, and what is wrong with it."""
    part = name.removeprefix("parts/")
    if body is None and part.endswith(_MODEL_ENDINGS):
        return part, "ldraw.missing_model"
    if part.startswith(_PIECES):
        return part, "ldraw.piece"
    part = part.removesuffix(".dat") if body is None else part.removesuffix(".dat").removesuffix(".ldr")
    if not part:
        return part, "part.missing"
    if len(part) > _LONGEST_ID:
        return part, "part.too_long"
    return part, None if part.isprintable() else "part.invalid"


def _chain(path: list[Model], at: int) -> str:
    """The models of a circle that begins at `at` of the path, in words; the middle of a long one is left out."""
    last = len(path) - 1
    if last - at < 2 * _CHAIN:
        shown = [model.name for model in path[at:]]
    else:
        shown = [model.name for model in path[at : at + _CHAIN]] + ["…"]
        shown += [model.name for model in path[last - _CHAIN + 1 :]]
    return " > ".join([*(name[-40:] for name in shown), path[at].name[-40:]])
