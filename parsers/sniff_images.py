"""Is this a picture? Those whose first bytes tell, those in boxes (AVIF, HEIC), and SVG, which is a text."""

from parsers.xml_head import local_name, xml_head

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),  # BigTIFF
    (b"MM\0+", "tiff"),
)
_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_ANY_HEIF = frozenset({b"mif1", b"msf1", b"mif2"})  # a container; its further brands say of what
_MOST_BRANDS = 256  # bytes
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # bytes that they are long


def picture_kind(head: bytes) -> str | None:
    """The kind of picture that begins with `head`; None: none, or an SVG."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _boxed(head)
    return "bmp" if head[:2] == b"BM" and _is_bitmap(head) else None


def _boxed(head: bytes) -> str | None:
    length = int.from_bytes(head[:4], "big")
    named = head[8 : min(length, _MOST_BRANDS)]
    brands = [named[at : at + 4] for at in range(0, len(named), 4) if at != 4]  # the second is a version
    major = brands[0] if brands else b""
    if major in _AVIF or (major in _ANY_HEIF and not _AVIF.isdisjoint(brands)):
        return "avif"
    return "heic" if major in _HEIC | _ANY_HEIF else None


def _is_bitmap(head: bytes) -> bool:
    """Two letters are little: two reserved numbers are zero, and its header has one of the known lengths."""
    return head[6:10] == b"\0\0\0\0" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS


def is_svg(text: str) -> bool:
    """The root element is svg."""
    found = xml_head(text) if "<" in text[:1024] else None
    return bool(found and not found.page and found.root and local_name(found.root) == "SVG")
