"""Which part of the catalog a number stands for: exact, by map, by the rules for suffixes and prints, by relations, by likeness.

Docs: decision 12. Each rule gives its answer a confidence; a rule that guesses stays at 0.9 or below, however often it
is right, and likeness by itself only suggests.
"""

from collections.abc import Iterable, Sequence

from catalog import suffixes
from catalog.likeness import SUGGESTIONS, Likeness, overlap, words_of
from catalog.match import By, Finding, PartAnswer
from catalog.port import Catalog, Element, Space

LIKE_NAMED = 0.75  # how much of the names' words have to agree before one slip of the keyboard is taken back
_SITES: dict[str, str] = {
    Space.REBRICKABLE: "Rebrickable",
    Space.BRICKLINK: "BrickLink",
    Space.LDRAW: "LDraw",
    Space.LEGO: "LEGO",
    Space.ELEMENT: "LEGO",
}
_MAPPED = (Space.BRICKLINK, Space.LDRAW, Space.LEGO)
_ELEMENT_DIGITS = 12  # most have 6 or 7
_MAX_PRINTS = 300  # prints of one part whose names are compared
_UNKNOWN = PartAnswer(None, By.NONE, 0.0, "Nothing in the catalog has or resembles this number.")


class PartRules:
    """Answers for single numbers; stateless but for the bounded searches by likeness."""

    def __init__(self, catalog: Catalog, likeness: Likeness) -> None:
        self._catalog = catalog
        self._likeness = likeness

    def answer(self, raw: str, space: str, *, name: str | None) -> PartAnswer:
        """The part that `raw` means in `space`, or suggestions; `name` is what the row calls it."""
        number = suffixes.clean(raw)
        if number is None:
            return _UNKNOWN._replace(wrong=(Finding("part.unknown", "part", raw),))
        found = self.direct(number, space) or self._spelled(raw, number, space)
        found = found or self._suffixed(raw, number, space) or self._printed(raw, number, space, name=name)
        found = found or self._related(raw, number, space) or self._other_letter(raw, number)
        found = found or self._assembled(raw, number, space) or self._mixed(raw, number, space)
        return found or self._alike(raw, number, name=name)

    def direct(self, number: str, space: str) -> PartAnswer | None:
        """The part whose number this is, by the catalog itself or an id map; `number` as `clean` gives it.

        A map entry of the row's own space that names a part of another shape outdoes an equal number in the catalog:
        that two sites use one number for different parts is what such an entry says. Among moulds of one part the equal
        number is the closer answer, since maps seldom tell moulds apart.
        """
        part = self._catalog.part(number)
        if space in _MAPPED:
            said = self._catalog.mapped(space, number)
            if part and part.part_num in said:  # most rows: nothing else needs to be looked up
                return PartAnswer(part.part_num, By.EXACT, 1.0, "The catalog has this number.")
            mapped = self._present(said)
            if part and (not mapped or part.part_num in mapped):
                sure = 1.0 if mapped else 0.95
                return PartAnswer(part.part_num, By.EXACT, sure, "The catalog has this number.")
            if part and self.related(part.part_num, mapped[0]):
                return PartAnswer(part.part_num, By.EXACT, 0.9, f"The catalog has this number; a map says {mapped[0]}.")
            if mapped:
                sure = 0.9 if part else 0.97 if len(mapped) == 1 else 0.85
                reason = f"{_SITES[space]}'s {number} is {mapped[0]} by the id map."
                return PartAnswer(mapped[0], By.MAP, sure, reason)
        elif part:
            sure = 0.99
            if space == Space.UNKNOWN:
                sure = 0.9 if self._elsewhere(number, part.part_num) else 0.95
            return PartAnswer(part.part_num, By.EXACT, sure, "The catalog has this number.")
        return self._of_other_space(number, space)

    def _elsewhere(self, number: str, part_num: str) -> bool:
        """Whether a map gives the number to another part."""
        maps = (self._catalog.mapped(space, number) for space in _MAPPED)
        return any(mapped and part_num not in mapped for mapped in maps)

    def _of_other_space(self, number: str, space: str) -> PartAnswer | None:
        """The part that another space than the row's calls so; a row whose space is not known has no other."""
        for other in _MAPPED:
            if other != space and (mapped := self._present(self._catalog.mapped(other, number))):
                reason = f"{_SITES[other]}'s {number} is {mapped[0]} by the id map."
                wrong = () if space == Space.UNKNOWN else (_renamed(number, mapped[0]),)
                return PartAnswer(mapped[0], By.MAP, 0.8, reason, wrong)
        return None

    def related(self, first: str, second: str) -> bool:
        """Whether two parts of the catalog are one in other moulds or prints."""
        return second in self._catalog.mould_group(first) or any(
            kin.type in "MAPT" and second in (kin.child, kin.parent) for kin in self._catalog.relations(first)
        )

    def _present(self, numbers: Iterable[str]) -> tuple[str, ...]:
        """Those that the catalog has, as it spells them."""
        found = (self._catalog.part(number) for number in numbers)
        return tuple(part.part_num for part in found if part)

    def _spelled(self, raw: str, number: str, space: str) -> PartAnswer | None:
        for other, slip in suffixes.respelled(number):
            if found := self.direct(other, space) or self._suffixed(raw, other, space):
                wrong = (Finding("part.misspelled", "part", raw, suggestions=(other,)),)
                reason = f"Read as {other}: {slip}."
                return PartAnswer(found.part_num, By.SPELLING, 0.85, reason, wrong)
        for other in suffixes.rezeroed(number):
            if found := self.direct(other, space):
                reason = f"The catalog has it as {other}: leading zeros."
                return _renamed_to(found, raw, By.SPELLING, sure=0.85, reason=reason)
        return None

    def _suffixed(self, raw: str, number: str, space: str) -> PartAnswer | None:
        """The number with a letter added, or without its own."""
        if present := self._present(suffixes.with_suffixes(number)):
            best = self._usual(present)
            if len(present) == 1:
                reason = f"The catalog has it as {best}: one mould is known."
                return PartAnswer(best, By.SUFFIX, 0.88, reason, (_renamed(raw, best),))
            others = tuple(part for part in present if part != best)[:SUGGESTIONS]
            reason = f"{len(present)} moulds are known; {best} is the one known in most colors."
            wrong = (Finding("part.mould", "part", raw, expected=best, suggestions=(best, *others)[:SUGGESTIONS]),)
            return PartAnswer(best, By.MOULD, 0.75, reason, wrong)
        if split := suffixes.suffix_of(number):
            base, suffix = split
            if found := self.direct(base, space):
                reason = f"The catalog has it as {found.part_num}, without the suffix {suffix}."
                return _renamed_to(found, raw, By.SUFFIX, sure=0.85, reason=reason)
        return None

    def _other_letter(self, raw: str, number: str) -> PartAnswer | None:
        """Another mould, which differs in its letter alone: `3069c` -> `3069b`."""
        split = suffixes.suffix_of(number)
        present = self._present(suffixes.with_suffixes(split[0])) if split else ()
        if not present:
            return None
        best = self._usual(present)
        wrong = (Finding("part.mould", "part", raw, expected=best, suggestions=present[:SUGGESTIONS]),)
        return PartAnswer(best, By.MOULD, 0.7, f"This mould is not known; {best} is another of the same part.", wrong)

    def _printed(self, raw: str, number: str, space: str, *, name: str | None) -> PartAnswer | None:
        """The part that a print is on. Prints' numbers do not correspond between sites, so the print stays open."""
        printed = suffixes.print_of(number)
        for base in printed.bases if printed else ():
            found = self.direct(base, space) or self._suffixed(base, base, space) or self._related(base, base, space)
            if found and found.part_num:
                reason = f"A print of {found.part_num}; which of its prints, no number tells."
                return self._print(found.part_num, raw, reason=reason, name=name)
        return None

    def _print(self, base: str, raw: str, *, reason: str, name: str | None) -> PartAnswer:
        likely = self._prints_named(base, name)
        wrong = (Finding("part.print_of", "part", raw, expected=base, suggestions=likely or (base,)),)
        return PartAnswer(base, By.PRINT, 0.7, reason, wrong)

    def _prints_named(self, base: str, name: str | None) -> tuple[str, ...]:
        """Prints of the part whose names share words with the row's that the part's own name lacks."""
        said = words_of(name)
        if not said:
            return ()
        own = self._catalog.part(base)
        told = said - words_of(own.name if own else None)
        prints = [kin.child for kin in self._catalog.relations(base) if kin.type in "PT" and kin.parent == base]
        if not told or len(prints) > _MAX_PRINTS:
            return ()
        ranked = []
        for number in prints:
            part = self._catalog.part(number)
            if part and told & words_of(part.name):
                ranked.append((-overlap(said, words_of(part.name)), part.part_num))
        return tuple(part_num for _, part_num in sorted(ranked)[:SUGGESTIONS])

    def _related(self, raw: str, number: str, space: str) -> PartAnswer | None:
        """What relations say of a number that the catalog knows by them alone, or that a map leads to."""
        mapped = self._catalog.mapped(space, number) if space in _MAPPED else ()
        for start in (number, *mapped):
            if moulds := self._moulds(start):
                best = moulds[0]
                wrong = (Finding("part.mould", "part", raw, expected=best, suggestions=moulds[:SUGGESTIONS]),)
                return PartAnswer(best, By.MOULD, 0.8, f"Another mould of the same part is {best}.", wrong)
            ends = {kind: self._present(self._ends(start, kind)) for kind in "APT"}
            if ends["A"]:
                best = self._usual(ends["A"])
                wrong = (Finding("part.alternate", "part", raw, expected=best, suggestions=ends["A"][:SUGGESTIONS]),)
                return PartAnswer(best, By.ALTERNATE, 0.75, f"{best} takes its place.", wrong)
            if base := (*ends["P"], *ends["T"]):
                return self._print(base[0], raw, reason=f"A print of {base[0]}, which the catalog has.", name=None)
        return None

    def _moulds(self, start: str) -> tuple[str, ...]:
        """Moulds of the same part that the catalog has, the preferred one first."""
        group = self._catalog.mould_group(start) or self._ends(start, "M")
        return self._present(other for other in group if other.lower() != start.lower())

    def _ends(self, number: str, kind: str) -> list[str]:
        """The other ends of a part's relations of one type; of prints and patterns only what they are made on."""
        ends, own = [], number.lower()
        for kin in self._catalog.relations(number):
            if kin.type == kind:
                if kin.child.lower() == own:
                    ends.append(kin.parent)
                elif kind in "MAR":
                    ends.append(kin.child)
        return ends

    def _usual(self, present: Sequence[str]) -> str:
        """Of several moulds the preferred one, else the one known in most colors; letters follow the years."""
        for part_num in self._catalog.mould_group(present[0]):
            if part_num in present:
                return part_num
        return max(present, key=lambda part_num: (len(self._catalog.known_colors(part_num)), part_num))

    def _assembled(self, raw: str, number: str, space: str) -> PartAnswer | None:
        assembly = suffixes.assembly_of(number)
        if not assembly:
            return None
        for twin in assembly.twins:
            if found := self.direct(twin, space):
                return _renamed_to(found, raw, By.SPELLING, sure=0.85, reason=f"The catalog has it as {twin}.")
        main = self.direct(assembly.base, space) or self._suffixed(raw, assembly.base, space)
        if not main or not main.part_num:
            return None
        reason = f"An assembly around {main.part_num}; the catalog does not have it put together."
        wrong = (Finding("part.assembly_of", "part", raw, expected=main.part_num, suggestions=(main.part_num,)),)
        return PartAnswer(main.part_num, By.ASSEMBLY, 0.5, reason, wrong)

    def _mixed(self, raw: str, number: str, space: str) -> PartAnswer | None:
        """A number of LEGO's for a part in a color, in a column of part numbers."""
        if space == Space.ELEMENT or not (element := element_of(self._catalog, number)):
            return None
        reason = f"LEGO's element {number} is {element.part_num} in one color."
        return PartAnswer(element.part_num, By.ELEMENT, 0.85, reason, (_renamed(raw, element.part_num),))

    def _alike(self, raw: str, number: str, *, name: str | None) -> PartAnswer:
        """Numbers that resemble this one; taken only where the row's name is that part's, too."""
        pairs = self._present(self._ends(number, "R"))
        if suffixes.digits_of(number):
            printed = suffixes.print_of(number)
            alike = self._likeness.alike(printed.bases[-1] if printed else number, name=name)
        else:
            alike = ()
        near = [like for like in alike if like.distance == 1 and like.overlap >= LIKE_NAMED]
        suggestions = tuple(dict.fromkeys((*pairs, *(like.part_num for like in alike))))[:SUGGESTIONS]
        if len(near) == 1 and not suffixes.print_of(number):
            best = near[0].part_num
            wrong = (Finding("part.misspelled", "part", raw, suggestions=(best,)),)
            return PartAnswer(best, By.LIKENESS, 0.7, f"{best} is one slip away and has the row's name.", wrong)
        wrong = (Finding("part.unknown", "part", raw, suggestions=suggestions),)
        if not suggestions:
            return _UNKNOWN._replace(wrong=wrong)
        return PartAnswer(None, By.NONE, 0.0, "The catalog has no such number; some resemble it.", wrong)


def element_of(catalog: Catalog, text: str | None) -> Element | None:
    """What LEGO's element number stands for; None where the text is no such number."""
    return (
        catalog.element(text) if text and text.isascii() and text.isdigit() and len(text) <= _ELEMENT_DIGITS else None
    )


def _renamed(raw: str, part_num: str) -> Finding:
    return Finding("part.renamed", "part", raw, expected=part_num, suggestions=(part_num,))


def _renamed_to(found: PartAnswer, raw: str, by: By, *, sure: float, reason: str) -> PartAnswer:
    """The same part, found by way of another spelling of its number."""
    assert found.part_num is not None
    return PartAnswer(found.part_num, by, min(sure, found.confidence), reason, (_renamed(raw, found.part_num),))
