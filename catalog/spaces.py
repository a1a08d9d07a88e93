"""Whose numbers a file's ids and colors are: a vote of its rows over what the catalog, names and elements say of them.

Most part numbers are the same everywhere and say nothing; a row has a vote where the spaces differ on it. What the
format claims stands unless most votes speak against it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from catalog import suffixes
from catalog.likeness import overlap, words_of
from catalog.match import Finding
from catalog.port import Catalog, Space
from catalog.resolving_colors import COLOR_SPACES, RIVALS, SITES, Ballot, ColorRules
from catalog.resolving_parts import element_of

MAX_ROWS = 20_000  # rows that vote: a file does not change its numbering behind them
MAX_NUMBERS = 400  # different part numbers that are looked up in every space; colors vote beyond them
PART_SPACES = (Space.REBRICKABLE, Space.BRICKLINK, Space.LDRAW, Space.LEGO)
_MAPPED = PART_SPACES[1:]
_LEAST = 3  # different numbers that have to speak against a claim
_MOST = 0.6  # share of the votes that another space needs to refute a claim
_HALF = 0.5  # share of the winner's votes that a claim may have at most to be refuted
_SETTLED = 0.8  # share of the votes from which on a number alone is believed
_STRONG, _WEAK = 4, 1  # votes of a row with a name or an element, and of one with a known part alone


class Vote(NamedTuple):
    """What the rows that claim one space speak for."""

    claimed: str
    found: str  # the space that most votes are for; the claim where nothing speaks against it
    rows: int  # that have a vote
    votes: int  # theirs: a row with a name or an element has several, one with a known part alone has one
    agree: int  # of those, for `found`
    numbers: int  # different numbers among them
    by_space: Mapping[str, int]  # votes for each; a row may speak for several

    @property
    def share(self) -> float:
        """How many of the votes are for `found`, 0 to 1; 1 where nobody had one."""
        return self.agree / self.votes if self.votes else 1.0

    @property
    def contradicts(self) -> bool:
        """Whether the rows speak for another space than the one that the file claims."""
        return self.claimed not in (self.found, Space.UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """What the job's summary says of it."""
        return {
            "claimed": str(self.claimed),
            "found": str(self.found),
            "rows": self.rows,
            "share": round(self.share, 4),
            "contradicts": self.contradicts,
        }


class Spaces(NamedTuple):
    """The outcome of both votes, by what was claimed."""

    parts: Mapping[str, Vote]
    colors: Mapping[str, Vote]

    def part_space(self, claimed: str) -> str:
        """The space to look ids up in."""
        vote = self.parts.get(claimed)
        return vote.found if vote else claimed

    def color_space(self, claimed: str) -> str:
        """The space to look colors up in."""
        vote = self.colors.get(claimed)
        return vote.found if vote else claimed

    def ballot(self, claimed: str) -> Ballot:
        """The same, and how sure that is."""
        vote = self.colors.get(claimed)
        if not vote:
            return Ballot(claimed, claimed)
        return Ballot(claimed, vote.found, vote.numbers >= _LEAST and vote.share >= _SETTLED)

    def to_json(self) -> dict[str, Any]:
        """What the job's summary says of them."""
        return {
            "parts": [vote.to_json() for vote in self.parts.values()],
            "colors": [vote.to_json() for vote in self.colors.values()],
        }

    def findings(self) -> tuple[Finding, ...]:
        """One for each claim that the file's own rows contradict."""
        found = []
        for column, votes in (("part", self.parts), ("color", self.colors)):
            for vote in votes.values():
                if vote.contradicts:
                    said = f"{SITES[vote.found]}'s numbers, as {vote.share:.0%} of the rows that can tell say"
                    found.append(
                        Finding(
                            f"{column}.space_mismatch",
                            column,
                            SITES.get(vote.claimed, str(vote.claimed)),
                            expected=said,
                            suggestions=(str(vote.found),),
                        )
                    )
        return tuple(found)


NO_VOTE = Spaces({}, {})


class _Row(NamedTuple):
    """What of a row can tell spaces apart."""

    raw_id: str | None
    id_space: str
    raw_color: int | None
    color_space: str
    name: str | None
    color_name: str | None
    element_id: str | None


class Poll:
    """Takes the votes of one file's rows."""

    def __init__(self, catalog: Catalog, colors: ColorRules) -> None:
        self._catalog = catalog
        self._colors = colors
        self._read: dict[str, dict[str, str]] = {}
        self._shades: dict[int, dict[str, frozenset[int]]] = {}

    def survey(self, rows: Iterable[Mapping[str, Any]]) -> Spaces:
        """The vote of up to MAX_ROWS rows; those beyond are left unread."""
        counted = Counter(_rows(islice(rows, MAX_ROWS)))
        self._prefetch(counted)
        parts: defaultdict[str, _Tally] = defaultdict(_Tally)
        colors: defaultdict[str, _Tally] = defaultdict(_Tally)
        for row, times in counted.items():
            number = suffixes.clean(row.raw_id) if row.raw_id else None
            readings = self._readings(number) if number else None
            if number and readings is not None and row.id_space in (*PART_SPACES, Space.UNKNOWN):
                parts[row.id_space].add(number, self._part_votes(number, row, readings), times)
            if row.raw_color is not None and row.color_space in (*COLOR_SPACES, Space.UNKNOWN):
                votes, weight = self._color_votes(row.raw_color, row, readings or {})
                colors[row.color_space].add(str(row.raw_color), votes, times, weight=weight)
        return Spaces(
            {claimed: tally.vote(claimed) for claimed, tally in parts.items()},
            {claimed: tally.vote(claimed) for claimed, tally in colors.items()},
        )

    def _prefetch(self, rows: Iterable["_Row"]) -> None:
        """Have the catalog look up together what `_readings` asks it for one by one."""
        cleaned = (suffixes.clean(row.raw_id) for row in rows if row.raw_id)
        numbers = dict.fromkeys(number for number in cleaned if number)  # in the order in which they are read
        self._catalog.prefetch(islice(numbers, MAX_NUMBERS), maps=_MAPPED, external=_MAPPED)

    def _readings(self, number: str) -> dict[str, str] | None:
        """Space -> the part that it calls so, for spaces that know the number; None once enough were looked up."""
        found = self._read.get(number)
        if found is not None or len(self._read) >= MAX_NUMBERS:
            return found
        part = self._catalog.part(number)
        found = self._read[number] = {Space.REBRICKABLE: part.part_num} if part else {}
        for space in _MAPPED:
            if mapped := self._catalog.mapped(space, number):
                found[space] = mapped[0]
            elif part:
                own = self._catalog.external(space, part.part_num)
                if not own or part.part_num in own:
                    found[space] = part.part_num
        return found

    def _colors_of(self, number: int) -> dict[str, frozenset[int]]:
        """Space -> the colors that it gives this number."""
        found = self._shades.get(number)
        if found is None:
            found = {space: frozenset(self._colors.reading(number, space)) for space in COLOR_SPACES}
            self._shades[number] = found
        return found

    def _part_votes(self, number: str, row: _Row, readings: Mapping[str, str]) -> frozenset[str]:
        """The spaces in which the number makes sense; none where it does in all of them or in none."""
        element = element_of(self._catalog, row.element_id)
        if element:
            votes = {space for space, part_num in readings.items() if part_num == element.part_num}
        elif row.name and len(set(readings.values())) > 1:
            votes = self._best_named(row.name, readings)
        elif not readings and (printed := suffixes.print_of(number)):
            votes = {printed.site}
        else:
            votes = set(readings)
        return frozenset(votes) if len(votes) < len(PART_SPACES) else frozenset()

    def _best_named(self, name: str, readings: Mapping[str, str]) -> set[str]:
        said = words_of(name)
        parts = {space: self._catalog.part(part_num) for space, part_num in readings.items()}
        likeness = {space: overlap(said, words_of(part.name)) if part else 0.0 for space, part in parts.items()}
        best = max(likeness.values())
        return {space for space, alike in likeness.items() if alike == best} if best else set(readings)

    def _color_votes(self, number: int, row: _Row, readings: Mapping[str, str]) -> tuple[frozenset[str], int]:
        """The spaces in which the number is a color of that name, element or part, and how much that counts."""
        read = self._colors_of(number)
        element = element_of(self._catalog, row.element_id)
        meant = frozenset([element.color_id]) if element else frozenset[int]()
        if not meant and row.color_name:
            meant = frozenset(self._colors.names.ids(row.color_name, space=row.color_space))
        weight = _STRONG if meant else _WEAK
        # Colors that a selection of elements does not tell of a part say nothing against what the file claims.
        if not meant and readings and (self._catalog.complete or row.color_space == Space.UNKNOWN):
            meant = self._catalog.known_colors(readings.get(row.id_space) or next(iter(readings.values())))
        votes = {space for space, colors in read.items() if (colors & meant if meant else colors)}
        return frozenset(votes) if len(votes) < len(COLOR_SPACES) else frozenset(), weight


class _Tally:
    """Votes of the rows that claim one space."""

    def __init__(self) -> None:
        self.rows = self.votes = 0
        self.by_space: Counter[str] = Counter()
        self.numbers: dict[str, frozenset[str]] = {}  # number -> all spaces that any of its rows spoke for

    def add(self, number: str, votes: frozenset[str], times: int, *, weight: int = 1) -> None:
        if votes:
            self.rows += times
            self.votes += times * weight
            self.by_space.update(dict.fromkeys(votes, times * weight))
            self.numbers[number] = self.numbers.get(number, frozenset()) | votes

    def vote(self, claimed: str) -> Vote:
        """Who won; of equals the claim, else the one that such numbers most likely come from."""
        spaces = (claimed, *RIVALS[claimed]) if claimed in RIVALS else COLOR_SPACES
        best = max(spaces, key=lambda space: self.by_space[space]) if self.votes else claimed
        if best != claimed and not self._refutes(best, claimed):
            best = claimed
        return Vote(
            claimed=claimed,
            found=best,
            rows=self.rows,
            votes=self.votes,
            agree=self.by_space[best],
            numbers=len(self.numbers),
            by_space=dict(self.by_space),
        )

    def _refutes(self, best: str, claimed: str) -> bool:
        """Whether the votes are many, varied and one-sided enough to set the claim aside."""
        ahead = self.by_space[best] >= _MOST * self.votes
        if claimed == Space.UNKNOWN:
            return ahead
        against = sum(best in votes and claimed not in votes for votes in self.numbers.values())
        return ahead and against >= _LEAST and self.by_space[claimed] <= _HALF * self.by_space[best]


def _rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[_Row]:
    for fields in rows:
        if fields.get("item_type", "P") == "P":
            yield _Row(
                fields.get("raw_id"),
                fields.get("id_space") or Space.UNKNOWN,
                fields.get("raw_color"),
                fields.get("color_space") or Space.UNKNOWN,
                fields.get("name"),
                fields.get("color_name"),
                fields.get("element_id"),
            )
