"""Which part and color of the catalog each row of a list means, how sure that is, and what to tell the reader.

The order: the owner's corrections, the number itself, the id map of the row's space, the rules for suffixes and prints,
relations, and likeness last, which only suggests. Answers are kept: a list of a million rows has a few thousand
different ones.

    resolver = Resolver(catalog, corrections=corrections)
    resolver.survey(record.fields for record in first_rows)
    match = resolver.resolve(record.fields)
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.likeness import MAX_SEARCHES, Likeness
from catalog.match import By, ColorAnswer, ColorBy, Correction, Finding, Match, PartAnswer
from catalog.port import Catalog, Element, Space
from catalog.resolving_colors import ColorRules
from catalog.resolving_parts import PartRules, element_of
from catalog.spaces import NO_VOTE, Poll, Spaces
from catalog.suffixes import clean

MAX_KEPT = 50_000  # answers that are kept, some 30 MB; then memory starts anew
_MAX_SHADES = 10_000  # colors that are kept; a list has some hundred
_MAPPED = (Space.BRICKLINK, Space.LDRAW, Space.LEGO)  # spaces of which there are id maps
_NO_PARTS = (Space.MPN, Space.ELEMENT)
_PART = "P"  # BrickLink's letter; whatever has another is no part
_PARTS = (None, _PART)
_NOTHING: tuple[Finding, ...] = ()
_MAX_NAME = 300  # characters of a row's name that count
_DOUBTFUL = 0.8  # a part found with less confidence gives way to the row's element
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_UNDECIDED = frozenset([By.NONE, By.PRINT])  # the row's name may find the part, or the print
_LOOSE = frozenset([By.PRINT, By.ASSEMBLY, By.LIKENESS])  # not quite the part, so that its known colors say little
_ABSENT = PartAnswer(None, By.NONE, 0.0, "The row names no part.")
_SILENT = ColorAnswer(None, ColorBy.NONE, 0.0)


class Resolver:
    """Resolves the rows of one list. Its answers depend on the catalog, the corrections and the vote alone.

    Only past the cap on searches by likeness does the order of rows matter: the first unknown ids are searched for.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        corrections: Iterable[Correction] = (),
        spaces: Spaces | None = None,
        searches: int = MAX_SEARCHES,
        kept: int | None = None,
    ) -> None:
        """`spaces`: the outcome of a vote held before; `searches`: unknown ids that suggestions are looked up for;
        `kept`: answers to remember, for callers that remember some themselves.
        """
        self._most = kept or MAX_KEPT
        self.spaces = spaces or NO_VOTE
        self._catalog = catalog
        self._likeness = Likeness(catalog, searches=searches)
        self._parts = PartRules(catalog, self._likeness)
        self._colors = ColorRules(catalog)
        self._kept: dict[tuple[Any, ...], Match | None] = {}  # None: the row's name decides
        self._numbers: dict[tuple[str, str], PartAnswer] = {}  # answers that hold in every color
        self._shades: dict[tuple[int | None, str, str | None], ColorAnswer] = {}
        self._corrected: dict[tuple[str, str, str], str | int] = {}
        self._stale: list[Finding] = []
        for correction in corrections:
            self._learn(correction)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the file or the corrections as a whole; complete once all rows are resolved."""
        found = (*self.spaces.findings(), *self._stale)
        if self._likeness.capped:
            found = (*found, Finding("suggestions.capped", None))
        return found

    def survey(self, rows: Iterable[Mapping[str, Any]]) -> Spaces:
        """Let rows vote on whose numbers the file holds; the outcome counts from now on. Reads 20,000 rows at most."""
        self.spaces = Poll(self._catalog, self._colors).survey(rows)
        for kept in (self._kept, self._numbers, self._shades):
            kept.clear()
        return self.spaces

    def prefetch(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Have the catalog look the parts of rows to come up together: several times as fast as one by one."""
        wanted: dict[str, set[str]] = {}
        again: set[str] = set()  # parts whose numbers are known: their colors may be forgotten
        for fields in rows:
            raw_id, space = fields["raw_id"], fields["id_space"]
            if known := self._numbers.get((raw_id, space)):
                again.add(known.part_num or "")
            elif raw_id:
                wanted.setdefault(space, set()).add(raw_id)
        self._catalog.prefetch(again)
        for space, raw_ids in wanted.items():
            found = self.spaces.part_space(space)
            if found not in _NO_PARTS:
                self._catalog.prefetch(raw_ids, maps=[found] if found in _MAPPED else ())
            if found in _MAPPED:  # ids that stand for parts of another number
                mapped = {num for raw_id in raw_ids for num in self._catalog.mapped(found, raw_id)}
                self._catalog.prefetch(mapped - raw_ids)

    def colors_named(self, name: str, *, space: str) -> tuple[str, ...]:
        """Colors of that name, as a list that claims the numbers of `space` can state them; none where nobody knows it."""
        return self._colors.named(name, space=self.spaces.color_space(space))

    def resolve(self, fields: Mapping[str, Any]) -> Match:
        """The part and color that a row means; `fields` are those of a parser's record. Never raises."""
        return self._plain(fields) or self._by_all_rules(fields)

    def _plain(self, fields: Mapping[str, Any]) -> Match | None:
        """Most rows, with a third of the calls: a part whose number the catalog has, in a color that it is known in.

        None where there is more to a row; where there is not, the answer is the one by all rules.
        """
        get = fields.get
        raw_id, id_space = get("raw_id"), get("id_space")
        if not raw_id or not id_space or id_space in _NO_PARTS or get("element_id") or self._corrected:
            return None
        color = self._shades.get((get("raw_color"), get("color_space") or Space.UNKNOWN, get("color_name")))
        if color is None or color.wrong or color.color_id is None or get("item_type") not in _PARTS:
            return None
        part = self._known_part(raw_id, self.spaces.part_space(id_space), None)
        if part.by is not By.EXACT or part.wrong or not self._catalog.is_known_in(part.part_num or "", color.color_id):
            return None
        return Match(
            part.part_num, color.color_id, part.by, part.confidence, color.by, color.confidence, part.reason, _NOTHING
        )

    def _by_all_rules(self, fields: Mapping[str, Any]) -> Match:
        get = fields.get
        key = (
            get("raw_id"),
            get("raw_color"),
            get("id_space"),
            get("color_space"),
            get("item_type"),
            get("color_name"),
            get("element_id"),
        )
        match = self._kept.get(key)
        if match is not None:
            return match
        return self._resolve_named(key, get("name"))

    def _resolve_named(self, key: tuple[Any, ...], name: str | None) -> Match:
        """A row not seen before, or one whose part no number tells, so that its name has a say."""
        name = name[:_MAX_NAME] if name else None
        if key not in self._kept:
            match = self._answer(key, None)
            undecided = match.by in _UNDECIDED
            self._keep(key, None if undecided else match)
            if not undecided or not name:
                return match
        named = (*key, name)
        match = self._kept.get(named) or self._answer(key, name)
        self._keep(named, match)
        return match

    def _keep(self, key: tuple[Any, ...], match: Match | None) -> None:
        if len(self._kept) >= self._most:
            self._kept.clear()
        self._kept[key] = match

    def _answer(self, key: tuple[Any, ...], name: str | None) -> Match:
        raw_id, number, id_space, color_space, item_type, color_name, element_id = key
        id_space, color_space = id_space or Space.UNKNOWN, color_space or Space.UNKNOWN
        if item_type not in _PARTS:
            color = self._color(number, color_space, color_name, truth=None)
            plain = None if color.by is ColorBy.NOT_APPLICABLE else color.color_id
            part = PartAnswer(
                None, By.NOT_A_PART, 1.0, "A set, minifig, book or the like; the catalog is one of parts."
            )
            return _match(part, ColorAnswer(plain, color.by, color.confidence), ())
        if id_space == Space.MPN:
            part = PartAnswer(None, By.FOREIGN, 1.0, "A manufacturer's number; the catalog is one of bricks.")
            return _match(part, _SILENT, ())
        if raw_id is None or (id_space == Space.ELEMENT and not element_id):
            element_id = element_id or raw_id
        element = element_of(self._catalog, element_id)
        part = self._part(raw_id, id_space, name=name, element=element, element_id=element_id)
        truth = element.color_id if element and self._same(part.part_num, element) else None
        color = self._color(number, color_space, color_name, truth=truth)
        wrong: tuple[Finding, ...] = (*part.wrong, *color.wrong)
        if part.part_num and color.color_id is not None and part.by not in _LOOSE and color.by is not ColorBy.ELEMENT:
            told = str(number) if number is not None else color_name or ""
            spoken = None if number is None else self.spaces.color_space(color_space)
            odd = self._colors.not_known_for(part.part_num, color.color_id, raw=told, space=spoken)
            wrong = (*wrong, odd) if odd else wrong
        return _match(part, color, wrong)

    def _part(
        self, raw_id: str | None, space: str, *, name: str | None, element: Element | None, element_id: str | None
    ) -> PartAnswer:
        found = self.spaces.part_space(space)
        if (known := self._correction("part", raw_id, spaces=(space, found))) is not None:
            return PartAnswer(str(known), By.CORRECTION, 1.0, "The owner corrected it so.")
        if space == Space.ELEMENT or raw_id is None:
            return self._by_element(raw_id, element, element_id)
        part = self._known_part(raw_id, found, name)
        return self._weighed(part, element, raw_id) if element else part

    def _known_part(self, raw_id: str, space: str, name: str | None) -> PartAnswer:
        """The part by its number: one part comes in many colors. Names differ from row to row, and are not kept."""
        if name is not None:
            return self._parts.answer(raw_id, space, name=name)
        part = self._numbers.get((raw_id, space))
        if part is None:
            if len(self._numbers) >= MAX_KEPT:
                self._numbers.clear()
            part = self._numbers[raw_id, space] = self._parts.answer(raw_id, space, name=None)
        return part

    def _by_element(self, raw_id: str | None, element: Element | None, element_id: str | None) -> PartAnswer:
        """A row that names LEGO's element instead of a part."""
        if element:
            reason = f"LEGO's element {element.element_id} is {element.part_num} in one color."
            return PartAnswer(element.part_num, By.ELEMENT, 0.98, reason)
        if not element_id:
            return _ABSENT
        odd = Finding("element.unknown", "element", element_id)
        number = raw_id.strip() if raw_id else ""
        if number and number.isascii() and number.isalnum() and (part := self._catalog.part(number)):
            odd = odd._replace(suggestions=(part.part_num,))
            return PartAnswer(part.part_num, By.EXACT, 0.7, "No element, but a part has this number.", (odd,))
        return PartAnswer(None, By.NONE, 0.0, "The catalog does not know this element.", (odd,))

    def _weighed(self, part: PartAnswer, element: Element, raw_id: str) -> PartAnswer:
        """The part by its number, beside the element that the row names as well."""
        if part.part_num == element.part_num:
            return part._replace(confidence=max(part.confidence, 0.99))
        if self._same(part.part_num, element):
            return part
        if part.part_num is None or part.confidence < _DOUBTFUL:
            wrong = (Finding("part.renamed", "part", raw_id, element.part_num, (element.part_num,)),)
            reason = f"The row's element {element.element_id} is {element.part_num} in one color."
            return PartAnswer(element.part_num, By.ELEMENT, 0.85, reason, wrong)
        odd = Finding("element.mismatch", "element", element.element_id, None, (element.part_num,))
        return part._replace(confidence=0.7, wrong=(*part.wrong, odd))

    def _same(self, part_num: str | None, element: Element) -> bool:
        """Whether a part is the element's, in whatever mould or print."""
        return part_num is not None and (
            part_num == element.part_num or self._parts.related(part_num, element.part_num)
        )

    def _color(self, number: int | None, space: str, name: str | None, *, truth: int | None) -> ColorAnswer:
        if truth is None and (kept := self._shades.get((number, space, name))) is not None:
            return kept
        color = self._fresh_color(number, space, name, truth=truth)
        if truth is None and len(self._shades) < _MAX_SHADES:
            self._shades[number, space, name] = color
        return color

    def _fresh_color(self, number: int | None, space: str, name: str | None, *, truth: int | None) -> ColorAnswer:
        ballot = self.spaces.ballot(space)
        for raw in (None if number is None else str(number), name):
            if (known := self._correction("color", raw, spaces=(space, ballot.space))) is not None:
                return ColorAnswer(int(known), ColorBy.CORRECTION, 1.0)
        return self._colors.answer(number, ballot, name=name, truth=truth)

    def _correction(self, kind: str, raw: str | None, *, spaces: tuple[str, ...]) -> str | int | None:
        if not self._corrected or raw is None:
            return None
        plain = raw.strip().lower()
        for space in (*spaces, Space.UNKNOWN):
            if (known := self._corrected.get((kind, space, plain))) is not None:
                return known
        return None

    def _learn(self, correction: Correction) -> None:
        """A correction whose target the catalog no longer has is told, and not used."""
        target = correction.target.strip()
        known: str | int | None = None
        if correction.kind == "part" and (number := clean(target)):
            part = self._catalog.part(number)
            known = part.part_num if part else None
        elif correction.kind == "color" and _INTEGER.fullmatch(target) and int(target) in self._catalog.colors():
            known = int(target)
        if known is None:
            column = "color" if correction.kind == "color" else "part"
            said = f"{correction.raw} in {correction.space}"
            self._stale.append(Finding("correction.stale", column, said, None, (target,)))
        else:
            self._corrected[correction.kind, correction.space, correction.raw.strip().lower()] = known


def _match(part: PartAnswer, color: ColorAnswer, wrong: tuple[Finding, ...]) -> Match:
    return Match(
        part.part_num,
        color.color_id,
        part.by,
        part.confidence,
        color.by,
        color.confidence,
        part.reason,
        wrong,
    )
