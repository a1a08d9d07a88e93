"""Generated scans: pages of a parts list as a scanner hands them over, askew, blurred, noisy, compressed, turned."""

import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parsers import ocr, pdf

if TYPE_CHECKING:
    from PIL.Image import Image

FONTS = ("Helvetica", "Times-Roman", "Courier", "Helvetica-Bold")  # PDFium has its own of these
_WIDTH, _HEIGHT = 595, 842  # points; A4
_ROWS = 36
_SIZE, _TITLE_SIZE, _LEADING = 10, 15, 18  # points
_COLUMNS = (50, 90, 200, 485)  # points from the left: position, part number, description, quantity
_WORDS = (
    "axle", "black", "bolt", "bracket", "brick", "bushing", "cable", "clamp", "connector", "coupling", "cover",
    "door", "filter", "frame", "gear", "gray", "hinge", "housing", "liftarm", "motor", "panel", "pin", "plate",
    "red", "ring", "slope", "spring", "steel", "technic", "tile", "washer", "wedge", "wheel", "white", "yellow",
)  # fmt: skip
_ENDINGS = ("", "", "", "a", "b", "c", "pb{}", "-{}", "/{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A clean page, and what stands on it."""

    picture: "Image"
    numbers: tuple[str, ...]  # part numbers, from the top
    quantities: tuple[int, ...]


def sheet(seed: int, folder: Path, *, rows: int = _ROWS, font: str = FONTS[0]) -> Sheet:
    """A page of a parts list: position, part number, description and quantity in each row; the same for each seed.

    It is drawn from a PDF that is made in `folder`, at the size that OCR asks for.
    """
    chosen = random.Random(seed)
    numbers = tuple(_part_number(chosen) for _ in range(rows))
    quantities = tuple(chosen.randrange(1, 40) for _ in range(rows))
    table: list[tuple[str, ...]] = [("Pos", "Part number", "Description", "Qty")]
    for row, (number, quantity) in enumerate(zip(numbers, quantities, strict=True), 1):
        table.append((str(row), number, " ".join(chosen.sample(_WORDS, 3)), str(quantity)))
    path = folder / "sheet.pdf"
    path.write_bytes(_pdf(table, font))
    picture = pdf.render(path, 1, longest=ocr.longest(_WIDTH, _HEIGHT)).convert("L")
    path.unlink()
    return Sheet(picture=picture, numbers=numbers, quantities=quantities)


def scanned(
    picture: "Image",
    *,
    seed: int = 0,
    skew: float = 0.0,
    turn: int = 0,
    blur: float = 0.0,
    noise: float = 0.0,
    quality: int = 0,
) -> "Image":
    """What a scanner makes of it: `skew` and `turn` (a multiple of 90) in degrees clockwise, `blur` in pixels.

    `noise` is the standard deviation in shades of 256, on paper that is no longer white; `quality` that of a JPEG, 0: none.
    """
    import numpy as np
    from PIL import Image, ImageFilter

    if skew:
        picture = picture.rotate(-skew, resample=Image.Resampling.BICUBIC, fillcolor=255)
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    if noise:
        shades = np.asarray(picture, dtype=np.float32) * 0.9 + 10
        shades += np.random.default_rng(seed).normal(0, noise, shades.shape)
        picture = Image.fromarray(np.clip(shades, 0, 255).astype(np.uint8))
    if turn:
        picture = picture.rotate(-turn, expand=True)
    if quality:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=quality)
        picture = Image.open(packed)
        picture.load()
    return picture


def _part_number(chosen: random.Random) -> str:
    return f"{chosen.randrange(2000, 99_999)}{chosen.choice(_ENDINGS).format(chosen.randrange(10, 99))}"


def _pdf(table: list[tuple[str, ...]], font: str) -> bytes:
    """One page with a title and these rows."""
    drawn = [f"BT /F {_TITLE_SIZE} Tf {_COLUMNS[0]} {_HEIGHT - 55} Td (Bill of materials) Tj ET"]
    for row, cells in enumerate(table):
        y = _HEIGHT - 90 - _LEADING * row
        drawn += [f"BT /F {_SIZE} Tf {x} {y} Td ({cell}) Tj ET" for x, cell in zip(_COLUMNS, cells, strict=True)]
    content = "\n".join(drawn)
    resources = f"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /{font} >> >> >>"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents 4 0 R /Resources {resources} >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    )
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii")
    entries = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(bodies) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{entries}{trailer}".encode("ascii")
