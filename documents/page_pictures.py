"""Pictures of a document's pages: WebP at two sizes, and what each looks like before it is loaded."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

SIDES = (400, 200)  # pixels of the longer side, the larger first: the smaller is made of it
SINGLE = 200  # pages that have files of their own; those behind them are packed, so that a job's answer stays short


class Drawn(NamedTuple):
    """One page."""

    page: int
    facts: dict[str, Any]  # `page`, `width` and `height` of the larger picture, `blurhash`
    files: tuple[Path, ...]  # `page-0001-400.webp`, `page-0001-200.webp`


def drawn(pictures: "Iterable[tuple[int, Image | None]]", folder: Path) -> Iterator[Drawn | int]:
    """Each page's files below `folder`, or its number where it can't be drawn; `pictures` are `SIDES[0]` pixels long."""
    from pictures.looks import blurhash
    from pictures.scaling import Shape, scaled
    from pictures.writing import write

    for number, picture in pictures:
        if picture is None:
            yield number
            continue
        files: list[Path] = []
        for side in SIDES:
            smaller = picture if side == SIDES[0] else scaled(picture, side, shape=Shape.FIT)
            files.append(folder / f"page-{number:04}-{side}.webp")
            write(smaller, files[-1])
        looks = blurhash(smaller)
        facts = {"page": number, "width": picture.width, "height": picture.height, "blurhash": looks}
        yield Drawn(number, facts, tuple(files))


def packed(pages: Sequence[Drawn], folder: Path) -> Path:
    """One ZIP of all files of these pages, `pages-0201-0225.zip`; the files are removed."""
    path = folder / f"pages-{pages[0].page:04}-{pages[-1].page:04}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # WebP is compressed already
        for file in (file for page in pages for file in page.files):
            archive.write(file, file.name)
            file.unlink()
    return path
