"""Headers of TIFFs: the first page's size, the number of pages, and whether its tags and tiles are of an honest size."""

from typing import BinaryIO

from pictures.formats import DECODERS, Format
from pictures.headers import Cut, Header, Lying, size_of
from pictures.tags import Directory, Tags

MAX_PAGES = 1000  # the decoder looks at each page's tags
_MAX_TAG_BYTES = 16 << 20  # of a page
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_PLACES, _LENGTHS = (273, 324), (279, 325)  # of strips, of tiles
_MAX_STRIPS = 1 << 16  # looked at


def read(file: BinaryIO) -> Header:
    """The header of a TIFF; raises `Lying` and `Cut`."""
    size = size_of(file)
    tags = Tags(file)
    first = tags.directory(tags.first)
    pages, seen, page = 1, {tags.first}, first
    cut = _check(page, size)
    while page.following and page.following not in seen and not cut:
        seen.add(page.following)
        pages += 1
        if pages > MAX_PAGES:
            raise Lying(f"It has more than {MAX_PAGES} pages.")
        try:
            page = tags.directory(page.following)
        except Cut:
            cut = True
        else:
            cut = _check(page, size)
    width, height = (int(tags.number(first.tags.get(name)) or 0) for name in (_WIDTH, _HEIGHT))
    wide, high = (int(tags.number(first.tags.get(name)) or 0) for name in (_TILE_WIDTH, _TILE_HEIGHT))
    if wide * high > DECODERS[Format.TIFF].max_pixels:
        raise Lying("Its tiles are larger than any picture may be.")
    return Header(Format.TIFF, width, height, frames=pages, cut=cut or _is_cut(tags, first, size))


def _check(page: Directory, size: int) -> bool:
    """Whether a page's tags reach beyond the file; `Lying` where they are too much."""
    if sum(tag.size for tag in page.tags.values()) > _MAX_TAG_BYTES:
        raise Lying("Its tags hold more than tags may.")
    inline = 8
    return any(tag.size > inline and tag.offset + tag.size > size for tag in page.tags.values())


def _is_cut(tags: Tags, page: Directory, size: int) -> bool:
    """Whether pixels of the page would lie behind the end of the file."""
    for place, length in zip(_PLACES, _LENGTHS, strict=True):
        places = tags.numbers(page.tags.get(place), most=_MAX_STRIPS)
        lengths = tags.numbers(page.tags.get(length), most=_MAX_STRIPS)
        if any(start + count > size for start, count in zip(places, lengths, strict=False)):
            return True
    return False
