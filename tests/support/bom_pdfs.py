"""Parts lists as PDFs in many layouts, each drawn by chance from a seed, with the rows that they show."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from support.pdfs import assembled

STYLES = ("ruled", "hlines", "zebra", "plain")

# Widths of the characters from the space to `~` in thousandths of the size: Adobe's metrics of the standard fonts.
_HELVETICA = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 "
    "584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 "
    "611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 "
    "722 500 500 500 334 260 334 584"
)
_TIMES = (
    "250 333 408 500 500 833 778 180 333 333 500 564 250 333 250 278 500 500 500 500 500 500 500 500 500 500 278 278 564 "
    "564 564 444 921 722 667 667 722 611 556 722 722 333 389 722 611 889 722 722 556 722 667 556 611 722 722 944 722 722 "
    "611 333 278 333 469 500 333 444 500 444 500 444 333 500 500 278 278 500 278 778 500 500 500 500 333 389 278 500 500 "
    "722 500 500 444 480 200 480 541"
)
_WIDTHS = {
    "Helvetica": [int(width) for width in _HELVETICA.split()],
    "Times-Roman": [int(width) for width in _TIMES.split()],
    "Courier": [600] * 95,
}
_BOLD = {"Helvetica": "Helvetica-Bold", "Times-Roman": "Times-Bold", "Courier": "Courier-Bold"}
_HEADERS = {
    "part": [
        "Part No.",
        "Part Number",
        "Part",
        "PN",
        "Part ID",
        "Teilenummer",
        "Item No",
        "MPN",
        "Article Number",
        "SKU",
    ],
    "qty": ["Qty", "QTY", "Quantity", "Menge", "Anzahl", "Qty.", "Quantité", "Qty (pcs)"],
    "description": ["Description", "Part Description", "Name", "Beschreibung", "DESCRIPTION", "Bezeichnung"],
    "color": ["Color", "Colour", "Farbe", "COLOR"],
    "price": ["Unit Price", "Price", "Einzelpreis", "Price (EUR)"],
    "position": ["Pos", "#", "Line", "Index"],
    "remarks": ["Remarks", "Notes", "Bemerkung"],
    "weight": ["Weight", "Gewicht"],
    "supplier": ["Supplier", "Manufacturer", "Vendor"],
}
_ALIGNED = {"qty": "lrc", "price": "rr", "weight": "rc", "position": "lrc", "part": "lllc", "color": "llc"}
_NOUNS = [
    "Plate",
    "Brick",
    "Tile",
    "Bracket",
    "Technic",
    "Beam",
    "Axle",
    "Pin",
    "Gear",
    "Panel",
    "Wedge",
    "Slope",
    "Hinge",
    "Motor",
    "Screw",
    "Washer",
    "Resistor",
    "Wheel",
]
_MORE = [
    "with round hole, modified",
    "thick",
    "45 degrees",
    "and two studs on side",
    "reinforced",
    "long type",
    "for axle",
    "smooth",
    "stainless steel A2",
    "ISO 4762",
    "left hand",
    "right hand",
    "1 x 2",
    "2 x 4",
    "6 x 16",
    "M3 x 12",
    "(old mould)",
    "no. 3",
    "centre stud - open",
    "w/ clip",
    "black anodised",
    "without groove",
    "DIN 912 zinc plated",
    "pack of 10",
]
_WORDS = {
    "color": ["Red", "Black", "Light Bluish Gray", "Trans-Clear", "White", "Dark Tan", "Blue", "Pearl Gold"],
    "supplier": ["Acme", "Norelem", "Wuerth", "Bossard AG", "Murata", "TDK"],
    "remarks": ["", "", "check", "see note 3", "long lead time", "RoHS"],
}
_PAGES = [(595, 842), (612, 792), (842, 595), (595, 842)]
_FEET = ["Page {0} of {1}", "{0} / {1}", "Seite {0} von {1}", "- {0} -", "Rev. C   2024-03-11   Page {0}", ""]
_TITLES = ["Front axle assembly", "CHASSIS", "Electrical", "Cabin and roof of the vehicle"]
_HEADS = ["Bill of Materials", "BOM 4711 - Gearbox assembly", "Acme Corp. Confidential", "Parts list", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bom:
    """A PDF and what it shows."""

    content: bytes
    header: list[str]
    rows: list[list[str]]
    part: int  # index of the column of part numbers
    qty: int
    pages: int
    titles: frozenset[str]  # of sections, which stand between the rows

    def pairs(self) -> list[tuple[str, str]]:
        """Part number and quantity of each row."""
        return [(row[self.part], row[self.qty]) for row in self.rows]


class _Text(NamedTuple):
    x: float
    y: float  # of the baseline, from the page's bottom
    text: str
    bold: bool = False


@dataclass(slots=True)
class _Page:
    fills: list[str] = field(default_factory=list)  # operators, drawn before the texts
    texts: list[_Text] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Look:
    """What a layout drew by chance."""

    font: str
    size: float
    page: tuple[int, int]
    margins: tuple[float, float, float, float]  # left, top, right, bottom
    gap: float  # between columns
    pad: float  # above and below the text of a row
    leading: float
    place: str  # of short cells beside tall ones: top, middle, bottom
    words: bool  # whether each word is drawn by itself
    again: bool  # whether the header stands on each page
    bold: bool
    total: bool
    sections: bool
    head: str
    foot: str
    style: str
    seed: int


def bom_pdf(style: str, seed: int, *, rows: int | None = None) -> Bom:
    """A parts list of 120 rows or more (or `rows`) in one of `STYLES`."""
    rng = random.Random(f"{style}-{seed}")
    look = _look(rng, style, seed)
    names = _columns(rng)
    header = _headers(rng, names)
    body = _rows(rng, names, rows or rng.randint(120, 170))
    table = _Table(rng, look, names=names, header=header, rows=body)
    pages = table.pages()
    return Bom(
        content=written(pages, look),
        header=header,
        rows=body,
        part=names.index("part"),
        qty=names.index("qty"),
        pages=len(pages),
        titles=frozenset(_TITLES) if look.sections else frozenset(),
    )


def _look(rng: random.Random, style: str, seed: int) -> _Look:
    size = rng.choice([6.5, 7, 8, 8.5, 9, 10, 11])
    return _Look(
        font=rng.choice(["Helvetica", "Helvetica", "Times-Roman", "Courier"]),
        size=size,
        page=rng.choice(_PAGES),
        margins=(rng.uniform(25, 70), rng.uniform(45, 90), rng.uniform(25, 60), rng.uniform(45, 80)),
        gap=rng.uniform(0.9, 2.2) * size,
        pad=rng.choice([0.0, 0.1, 0.25, 0.5, 0.8]) * size if style != "ruled" else rng.uniform(0.1, 0.6) * size,
        leading=rng.uniform(1.08, 1.35) * size,
        place=rng.choice(["top", "top", "middle", "bottom"]),
        words=rng.random() < 0.3,
        again=rng.random() < 0.7,
        bold=rng.random() < 0.6,
        total=rng.random() < 0.3 and style != "ruled",
        sections=rng.random() < 0.25,
        head=rng.choice(_HEADS),
        foot=rng.choice(_FEET),
        style=style,
        seed=seed,
    )


def _columns(rng: random.Random) -> list[str]:
    names = [
        "part",
        "qty",
        "description",
        *rng.sample(["color", "price", "remarks", "weight", "supplier"], rng.randint(0, 2)),
    ]
    rng.shuffle(names)
    if rng.random() < 0.4:
        names.insert(0, "position")
    return names


def _headers(rng: random.Random, names: list[str]) -> list[str]:
    return [rng.choice(_HEADERS[name]) for name in names]


def _rows(rng: random.Random, names: list[str], count: int) -> list[list[str]]:
    return [[_cell(rng, name, number) for name in names] for number in range(1, count + 1)]


def _cell(rng: random.Random, name: str, number: int) -> str:
    if name == "part":
        return _part(rng)
    if name == "qty":
        return str(rng.choice([1, 2, 4, rng.randint(1, 30), rng.randint(10, 2500)]))
    if name == "description":
        return " ".join([rng.choice(_NOUNS), *rng.sample(_MORE, rng.randint(1, 5))])
    if name in _WORDS:
        return rng.choice(_WORDS[name])
    numbers = {"price": f"{rng.randint(0, 40)}.{rng.randint(0, 99):02}", "weight": f"{rng.randint(1, 900) / 10}"}
    return numbers.get(name, str(number))


def _part(rng: random.Random) -> str:
    plain = str(rng.randint(2400, 99999))
    kinds = [plain, plain + rng.choice("abc"), f"{plain}-{rng.randint(1, 9)}", f"GRM{rng.randint(100, 999)}R{plain}KA"]
    return rng.choice([*kinds, f"{plain}pb{rng.randint(1, 99):03}", f"A-{plain}/{rng.randint(1, 9)}"])


class _Table:
    """Lays a table out over pages."""

    def __init__(
        self, rng: random.Random, look: _Look, *, names: list[str], header: list[str], rows: list[list[str]]
    ) -> None:
        self._rng, self._look, self._names, self._header, self._rows = rng, look, names, header, rows
        self._aligned = [rng.choice(_ALIGNED.get(name, "l")) for name in names]
        self._padding = 0.4 * look.size if look.style == "ruled" else 0.0
        self._settle()
        self._heads = [wrapped(look, text, width) for text, width in zip(header, self._widths, strict=True)]
        self._page = _Page()
        self._done: list[_Page] = []
        self._y = 0.0

    def _settle(self) -> None:
        """Widths of the columns: the description takes what is left, or less."""
        look = self._look
        for _ in range(30):
            at = self._names.index("description")
            widths = [max(width(look, row[column]) for row in self._rows) for column in range(len(self._names))]
            heads = [
                width(look, text) if self._rng.random() < 0.7 else max(width(look, word) for word in text.split())
                for text in self._header
            ]
            widths = [max(pair) for pair in zip(widths, heads, strict=True)]
            room = look.page[0] - look.margins[0] - look.margins[2] - sum(widths) + widths[at]
            room -= (look.gap + 2 * self._padding) * len(widths)
            if room >= max(9 * look.size, heads[at]):
                break
            look.size *= 0.93
        widths[at] = min(room, max(heads[at], self._rng.uniform(9, 24) * look.size))
        self._widths = widths
        self._lefts = []
        x = look.margins[0]
        for one in widths:
            self._lefts.append(x)
            x += one + (2 * self._padding if look.style == "ruled" else look.gap)
        self._right = x if look.style == "ruled" else x - look.gap

    def pages(self) -> list[_Page]:
        look = self._look
        self._begin(first=True)
        for number, row in enumerate(self._rows):
            cells = [wrapped(look, text, width) for text, width in zip(row, self._widths, strict=True)]
            high = self._high(cells)
            title = look.sections and number % 23 == 0
            if self._y - (2 * high if title else high) < look.margins[3] + 1.5 * look.size:
                self._begin(first=False)
            if title:
                self._title(_TITLES[number // 23 % len(_TITLES)])
            self._draw(cells, high, band=number % 2 == 0, bold=False)
        if look.total:
            at = self._names.index("qty")
            cells = [[""] for _ in self._names]
            cells[0] = ["Total"] if at else ["999"]
            cells[at] = ["9999"] if at else cells[at]
            self._draw(cells, self._high(cells), band=False, bold=False)
        self._finish()
        return self._done

    def _title(self, text: str) -> None:
        """A section's title over the whole width."""
        look, top = self._look, self._y
        y = top - look.pad - 0.85 * look.size
        self._page.texts.append(_Text(look.margins[0] + self._padding, y, text, bold=True))
        self._y = top - look.leading - 2 * look.pad
        if look.style == "ruled":
            left, wide = look.margins[0], self._right - look.margins[0]
            self._page.fills.append(f"0.4 w {left:.2f} {self._y:.2f} {wide:.2f} {top - self._y:.2f} re S")
        elif look.style == "hlines":
            self._decorate(top, band=False, head=False)

    def _begin(self, *, first: bool) -> None:
        look = self._look
        if not first:
            self._done.append(self._page)
            self._page = _Page()
        self._y = look.page[1] - look.margins[1]
        if look.head:
            self._page.texts.append(_Text(look.margins[0], look.page[1] - 0.6 * look.margins[1], look.head, bold=True))
        if first and self._rng.random() < 0.5:
            self._y -= 3 * look.size
            self._page.texts.append(
                _Text(look.margins[0], self._y, f"Project {look.seed}: assembly list for production")
            )
            self._y -= 2 * look.size
        if first or look.again:
            high = self._high(self._heads)
            self._draw(self._heads, high, band=True, bold=look.bold, head=True)

    def _finish(self) -> None:
        self._done.append(self._page)
        look = self._look
        for number, page in enumerate(self._done, 1):
            if look.foot:
                foot = look.foot.format(number, len(self._done))
                x = (look.page[0] - width(look, foot)) / 2
                page.texts.append(_Text(x, 0.5 * look.margins[3], foot))

    def _high(self, cells: list[list[str]]) -> float:
        return max(map(len, cells)) * self._look.leading + 2 * self._look.pad

    def _draw(self, cells: list[list[str]], high: float, *, band: bool, bold: bool, head: bool = False) -> None:
        look, top = self._look, self._y
        tallest = max(map(len, cells))
        for lines, left, wide, aligned in zip(cells, self._lefts, self._widths, self._aligned, strict=True):
            free = (tallest - len(lines)) * look.leading
            down = {"top": 0.0, "middle": free / 2, "bottom": free}[look.place]
            for at, line in enumerate(lines):
                if not line:
                    continue
                slack = wide - width(look, line)
                x = left + self._padding + {"l": 0.0, "r": slack, "c": slack / 2}[aligned]
                y = top - look.pad - down - at * look.leading - 0.85 * look.size
                self._page.texts.append(_Text(x, y, line, bold))
        self._y = top - high
        self._decorate(top, band=band, head=head)

    def _decorate(self, top: float, *, band: bool, head: bool) -> None:
        look, page, left, bottom = self._look, self._page, self._look.margins[0], self._y
        if look.style == "zebra" and band:
            shade = "0.75" if head else "0.92"
            page.fills.append(
                f"{shade} g {left - 2:.2f} {bottom:.2f} {self._right - left + 4:.2f} {top - bottom:.2f} re f"
            )
        if look.style == "hlines":
            for y in (top, bottom):
                page.fills.append(f"0.5 w {left - 1:.2f} {y:.2f} m {self._right + 1:.2f} {y:.2f} l S")
        if look.style == "ruled":
            for at, x in enumerate(self._lefts):
                end = self._lefts[at + 1] if at + 1 < len(self._lefts) else self._right
                if look.seed % 3 == 0:
                    page.fills.append(f"0.4 w {x:.2f} {bottom:.2f} {end - x:.2f} {top - bottom:.2f} re S")
                elif look.seed % 3 == 1:
                    page.fills.append(f"0.6 w {x:.2f} {top:.2f} m {x:.2f} {bottom:.2f} l {end:.2f} {bottom:.2f} l S")
                    page.fills.append(
                        f"{end:.2f} {top:.2f} m {end:.2f} {bottom:.2f} l {x:.2f} {top:.2f} m {end:.2f} {top:.2f} l S"
                    )
                else:  # lines drawn as thin filled boxes
                    page.fills.append(
                        f"{x:.2f} {top:.2f} {end - x:.2f} 0.5 re f {x:.2f} {bottom:.2f} {end - x:.2f} 0.5 re f"
                    )
                    page.fills.append(
                        f"{x:.2f} {bottom:.2f} 0.5 {top - bottom:.2f} re f {end:.2f} {bottom:.2f} 0.5 {top - bottom:.2f} re f"
                    )


def width(look: _Look, text: str) -> float:
    """Of a text in points."""
    return sum(_WIDTHS[look.font][ord(char) - 32] if 32 <= ord(char) < 127 else 556 for char in text) * look.size / 1000


def wrapped(look: _Look, text: str, room: float) -> list[str]:
    """The text in lines that are as wide as `room` at most."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(look, longer) > room + 0.01:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def written(pages: list[_Page], look: _Look) -> bytes:
    """The pages as a PDF."""
    streams = []
    for page in pages:
        out = [*(f"q {fill} Q" for fill in page.fills), "BT 0 g"]
        for text in page.texts:
            x = text.x
            for piece in text.text.split() if look.words and not text.bold else [text.text]:
                font = "F2" if text.bold else "F1"
                out.append(f"/{font} {look.size:.2f} Tf 1 0 0 1 {x:.2f} {text.y:.2f} Tm ({_escaped(piece)}) Tj")
                x += width(look, piece + " ")
        streams.append("\n".join([*out, "ET"]))
    return document(streams, box=look.page, fonts=(look.font, _BOLD[look.font]))


def document(
    streams: list[str],
    *,
    box: tuple[int, int] = (595, 842),
    fonts: tuple[str, ...] = ("Helvetica",),
    form: str = "",
    turn: int = 0,
) -> bytes:
    """A PDF with a page of each stream of operators; its fonts are /F1, /F2, its form /X1; `turn` in degrees."""
    bodies: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    named = " ".join(f"/F{at} {at + 2} 0 R" for at in range(1, len(fonts) + 1))
    entries = "/Type /Font /Subtype /Type1 /Encoding /WinAnsiEncoding"
    bodies.extend(f"<< {entries} /BaseFont /{font} >>".encode() for font in fonts)
    bodies.append(_stream(form, f"/Type /XObject /Subtype /Form /BBox [0 0 {box[0]} {box[1]}]"))
    resources = f"<< /Font << {named} >> /XObject << /X1 {len(bodies)} 0 R >> >>"
    kids = []
    for stream in streams:
        bodies.append(_stream(stream))
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box[0]} {box[1]}] /Contents {len(bodies)} 0 R"
        bodies.append(f"{page} /Rotate {turn} /Resources {resources} >>".encode())
        kids.append(f"{len(bodies)} 0 R")
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return assembled([body.decode("latin-1") for body in bodies])


def _stream(operators: str, entries: str = "") -> bytes:
    content = operators.encode("cp1252")
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries.encode(), content)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def placed(texts: list[str]) -> str:
    """Operators that draw texts of 9 points, each given as `x y text`."""
    out = []
    for text in texts:
        x, y, words = text.split(" ", 2)
        out.append(f"1 0 0 1 {x} {y} Tm ({_escaped(words)}) Tj")
    return "\n".join(["\nBT 0 g /F1 9 Tf", *out, "ET"])
