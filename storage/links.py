"""What a signed link says about the file behind it, in headers that no file name can break out of."""

from urllib.parse import quote

_LONGEST_NAME = 200  # characters; whole headers have limits


def disposition(file_name: str, *, attachment: bool) -> str:
    """A Content-Disposition (RFC 6266): the name in plain ASCII for old clients, and exactly for all others."""
    kind = "attachment" if attachment else "inline"
    name = "".join(letter for letter in file_name if letter.isprintable())[-_LONGEST_NAME:] or "file"
    plain = "".join(letter if letter.isascii() and letter not in '"\\%/' else "_" for letter in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
