"""Small PDFs for tests: pages of any size and text, locked ones, and ones whose trees lie."""

import hashlib
import io
import warnings
from collections.abc import Iterable
from typing import Any

FIRST_FREE = 4  # number of the first of `more` objects in `text_pdf`
# Bytes 1 to 4 of this font are ligatures.
_FONT = (
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding"
    " /Differences [1 /fi /fl /ff /ffi] >> >>"
)


def blank_pdf(*boxes: str) -> bytes:
    """A PDF with an empty page of each MediaBox; without boxes, one that has no pages."""
    kids = " ".join(f"{3 + number} 0 R" for number in range(len(boxes)))
    pages = [f"<< /Type /Page /Parent 2 0 R /MediaBox {box} >>" for box in boxes]
    bodies = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(boxes)} >>", *pages]
    return assembled(bodies)


def text_pdf(
    *contents: str,
    page: str = "/MediaBox [0 0 400 600]",
    catalog: str = "",
    more: Iterable[str] = (),
    trailer: str = "",
) -> bytes:
    """A PDF with a page of each content (operators; `/F` is Helvetica); `more` objects begin at `FIRST_FREE`."""
    more = list(more)
    first = FIRST_FREE + len(more)
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(contents)))
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>",
        _FONT,
        *more,
    ]
    for at, content in enumerate(contents):
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R {page} /Contents {first + 2 * at + 1} 0 R"
            " /Resources << /Font << /F 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    return assembled(bodies, trailer=trailer)


def lines(*texts: str, x: float = 40, y: float = 550, size: float = 10, apart: float = 14) -> str:
    """Operators that write `texts` below each other, the first at `x`, `y` in points from the lower left corner."""
    shown = (f"1 0 0 1 {x} {y - at * apart} Tm ({text}) Tj" for at, text in enumerate(texts))
    return f"BT /F {size} Tf {' '.join(shown)} ET"


def in_object_streams(pdf: bytes) -> bytes:
    """The same document with an xref stream, and all that can lie in object streams in them."""
    import pikepdf

    return _saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def encrypted(pdf: bytes, *, user: str, owner: str, revision: int) -> bytes:
    """The same document locked: revision 2 and 3 is RC4, 4 AES-128, 6 AES-256."""
    import pikepdf

    aes = revision >= 4
    return _saved(pdf, encryption=pikepdf.Encryption(user=user, owner=owner, R=revision, aes=aes, metadata=aes))


def cuts(pdf: bytes, times: int = 20) -> list[bytes]:
    """The file cut off at so many places, the last of them just before its end."""
    return [pdf[: (len(pdf) - 8) * at // times] for at in range(1, times + 1)]


def pages_in_a_circle() -> bytes:
    """A page tree that holds itself."""
    return assembled(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 3 /Parent 2 0 R >>"])


def false_count(claimed: int) -> bytes:
    """A PDF of one page that claims to have more."""
    return text_pdf(lines("The only page")).replace(b"/Count 1 ", b"/Count %d " % claimed)


def outlined_pdf(*pages: str, circle: bool = False) -> bytes:
    """A PDF whose outline has an entry for each page, `Chapter 1` and on; in a circle, the last leads to the first."""
    last = FIRST_FREE + len(pages)
    entries = [f"<< /Type /Outlines /First {FIRST_FREE + 1} 0 R /Last {last} 0 R /Count {len(pages)} >>"]
    for at in range(len(pages)):
        number = FIRST_FREE + 1 + at
        following = number + 1 if number < last else FIRST_FREE + 1 if circle else None
        link = f"/Next {following} 0 R" if following else ""
        child = f"/First {FIRST_FREE + 1} 0 R" if circle else ""
        entries.append(
            f"<< /Title (Chapter {at + 1}) /Parent {FIRST_FREE} 0 R /Dest [{last + 1 + 2 * at} 0 R /Fit] {link} {child} >>"
        )
    return text_pdf(*pages, catalog=f"/Outlines {FIRST_FREE} 0 R", more=entries)


def _saved(pdf: bytes, **options: Any) -> bytes:
    import pikepdf

    out = io.BytesIO()
    with warnings.catch_warnings(), pikepdf.open(io.BytesIO(pdf)) as document:
        warnings.simplefilter("ignore")  # of fields without a form
        document.save(out, **options)
    return out.getvalue()


def assembled(bodies: list[str], *, trailer: str = "") -> bytes:
    """A PDF of these objects, the first of which is its catalog."""
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body.encode("latin-1"))
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(bodies) + 1, len(out)
    tail = f"trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode("latin-1")
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + tail


def locked_pdf() -> bytes:
    """A PDF with a 40-bit RC4 user password (revision 2 of the standard security handler)."""
    pad = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    owner = _rc4(hashlib.md5(b"owner".ljust(32, b"\0")).digest()[:5], pad)
    permissions = (-4).to_bytes(4, "little", signed=True)
    identity = b"0123456789abcdef"
    password = (b"secret" + pad)[:32]
    key = hashlib.md5(password + owner + permissions + identity).digest()[:5]
    encrypt = f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{_rc4(key, pad).hex()}> /P -4 >>"
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
        encrypt,
    ]
    return assembled(bodies, trailer=f"/Encrypt 4 0 R /ID [<{identity.hex()}> <{identity.hex()}>]")


def _rc4(key: bytes, text: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = [], 0, 0
    for byte in text:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
