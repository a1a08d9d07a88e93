"""Generated PDFs: manuals of any number of pages, each with text of its own, set in two of the standard fonts."""

import random
from pathlib import Path

_WORDS = """
    brick plate tile slope wedge arch panel axle pin gear beam liftarm turntable hinge bracket dish cone wheel tyre
    attach press turn place build the a of on to under beside two three four left right upper lower side row step
    bag page model figure part number color quantity until both long short round flat inverted stud hole
"""
_LINES, _PER_LINE = 42, 11


def write_manual(path: Path, pages: int, *, seed: int = 7) -> None:
    """A manual of so many pages of about 3,000 characters, with a heading and some drawn lines on each."""
    chosen = random.Random(seed)
    kids = " ".join(f"{5 + 2 * at} 0 R" for at in range(pages))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
    ]
    for number in range(pages):
        content = _page(number + 1, chosen)
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {6 + 2 * number} 0 R"
            " /Resources << /Font << /H 3 0 R /T 4 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    with path.open("wb") as out:
        out.write(b"%PDF-1.4\n")
        offsets = []
        for number, body in enumerate(bodies, 1):
            offsets.append(out.tell())
            out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
        start = out.tell()
        out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1))
        out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        out.write(f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())


def _page(number: int, chosen: random.Random) -> str:
    words = _WORDS.split()
    lines = [" ".join(chosen.choices(words, k=_PER_LINE)) for _ in range(_LINES)]
    text = "\n".join(f"1 0 0 1 60 {740 - 16 * at} Tm ({line}) Tj" for at, line in enumerate(lines))
    boxes = "\n".join(f"{60 + 40 * at} 760 30 14 re S" for at in range(8))
    return f"BT /H 16 Tf 1 0 0 1 60 790 Tm (Step {number}) Tj ET\n{boxes}\nBT /T 11 Tf\n{text}\nET"
