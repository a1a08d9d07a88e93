"""Small PDFs for tests: pages of any size, and one that is locked with a password."""

import hashlib


def blank_pdf(*boxes: str) -> bytes:
    """A PDF with an empty page of each MediaBox; without boxes, one that has no pages."""
    kids = " ".join(f"{3 + number} 0 R" for number in range(len(boxes)))
    pages = [f"<< /Type /Page /Parent 2 0 R /MediaBox {box} >>" for box in boxes]
    bodies = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(boxes)} >>", *pages]
    return assembled(bodies)


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
