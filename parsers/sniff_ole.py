"""What kind of file is this OLE2 container? Old Excel workbooks are one, and so is every encrypted new one."""

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_STREAMS = tuple(name.encode("utf-16-le") + b"\0\0" for name in ("Workbook", "WORKBOOK", "Book", "BOOK"))
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BIFF_STARTS = (b"\x09\x08\x10\x00", b"\x09\x08\x08\x00")  # of the first stream, where that is the workbook
_SECTOR = 512


def ole_kind(head: bytes, name: str) -> str | None:
    """The kind of the container that begins with `head` and is called `name` (lower case); None: another."""
    if _ENCRYPTED in head:
        return "xlsx"
    if any(stream in head for stream in _STREAMS) or head[_SECTOR : _SECTOR + 4] in _BIFF_STARTS:
        return "xls"
    # Its directory may lie behind the head; then the name decides.
    if name.endswith(".xls"):
        return "xls"
    return "xlsx" if name.endswith((".xlsx", ".xlsm")) else None
