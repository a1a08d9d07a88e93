"""PDFs that attack whoever reads them, each made byte by byte: a few kilobytes that ask for hours or for gigabytes."""

import functools
import zlib
from collections.abc import Callable

from support.pdfs import assembled

MiB = 1 << 20
_MOD = 65521  # of Adler-32, RFC 1950
_BOX = "/MediaBox [0 0 612 792]"
_FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
TRUNCATIONS = 20


def packed(block: bytes, times: int = 1) -> bytes:
    """What zlib makes of `block` repeated `times`, without ever holding or compressing more than one block."""
    squeezer = zlib.compressobj(9)
    head = squeezer.compress(b"") or b"\x78\xda"
    # A full flush ends on a byte and forgets what was before: the same bytes again mean the same block again.
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = raw.compress(block) + raw.flush(zlib.Z_FULL_FLUSH)
    first = zlib.adler32(block)
    total, weighted = (first & 0xFFFF) - 1, (first >> 16) - len(block)
    low, high = 1, 0
    for _ in range(times):
        low, high = (low + total) % _MOD, (high + len(block) * low + weighted) % _MOD
    return head[:2] + body * times + b"\x03\x00" + (high << 16 | low).to_bytes(4, "big")


def stream(content: bytes, entries: str = "", *, length: int | str | None = None) -> str:
    """A stream object; `length` is what it claims."""
    claimed = len(content) if length is None else length
    return f"<< {entries} /Length {claimed} >>\nstream\n{content.decode('latin-1')}\nendstream"


def paged(resources: str, content: str, *more: str, page: str = _BOX, catalog: str = "") -> bytes:
    """A PDF of one page: object 4 is its content, 5 and on are `more`."""
    return assembled(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R {page} /Resources << {resources} >> /Contents 4 0 R >>",
            content,
            *more,
        ]
    )


def in_xref_stream(
    plain: list[str], inside: list[str], *, stream_entries: str = "", bomb: bytes = b"", index: str = ""
) -> bytes:
    """A PDF 1.5 whose objects 1 to n of `inside` lie in one object stream, before those of `plain`.

    `bomb` is packed data that follows them in the object stream; `stream_entries` overrides its /N and /First.
    """
    heads, bodies, at = [], [], 0
    for number, body in enumerate(inside, 1):
        heads.append(f"{number} {at}")
        bodies.append(body)
        at += len(body) + 1
    head = " ".join(heads) + "\n"
    content = (head + "\n".join(bodies) + "\n").encode("latin-1")
    holder = len(inside) + len(plain) + 1
    entries = stream_entries or f"/N {len(inside)} /First {len(head)}"
    if bomb:
        raw = zlib.compressobj(9, zlib.DEFLATED, -15)
        content = b"\x78\xda" + raw.compress(content) + raw.flush(zlib.Z_FULL_FLUSH) + bomb[2:]
    else:
        content = packed(content)
    numbered = [*enumerate(plain, len(inside) + 1)]
    numbered.append((holder, stream(content, f"/Type /ObjStm {entries} /Filter /FlateDecode")))
    out, rows = b"%PDF-1.5\n", {0: (0, 0, 65535)} | {n: (2, holder, n - 1) for n in range(1, len(inside) + 1)}
    for number, body in numbered:
        rows[number] = (1, len(out), 0)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body.encode("latin-1"))
    rows[holder + 1] = (1, len(out), 0)
    table = b"".join(
        bytes([rows[n][0]]) + rows[n][1].to_bytes(4, "big") + rows[n][2].to_bytes(4, "big") for n in sorted(rows)
    )
    cross = f"/Type /XRef /W [1 4 4] /Root 1 0 R /Size {len(rows)} /Filter /FlateDecode {index}"
    start = len(out)
    out += b"%d 0 obj\n%s\nendobj\n" % (holder + 1, stream(packed(table), cross).encode("latin-1"))
    return out + b"startxref\n%d\n%%%%EOF\n" % start


def honest(*, pages: int = 3, words: int = 200, xref_stream: bool = False, shared: bool = True) -> bytes:
    """A good document: pages of text in lines, and a form that all of them draw."""
    form = stream(packed(b"0 0 1 rg 20 20 100 30 re f"), f"/Type /XObject /Subtype /Form /BBox [0 0 612 792] {_FLATE}")
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{5 + 2 * n} 0 R' for n in range(pages))}] /Count {pages} >>",
        _FONT,
        form,
    ]
    streams = []
    for number in range(pages):
        lines = "".join(
            f"(Part {3000 + number}-{line} takes {line} of them, in red and blue) Tj T*\n" for line in range(words // 8)
        )
        text = f"BT /F1 10 Tf 12 TL 40 740 Td\n{lines}ET{' /X1 Do' if shared else ''}"
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R {_BOX} /Contents {6 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R >> /XObject << /X1 4 0 R >> >> >>"
        )
        streams.append(stream(packed(text.encode()), _FLATE))
        bodies.append(streams[-1])
    if not xref_stream:
        return assembled(bodies)
    # Streams can't lie in object streams: they come after, and the pages point to them there.
    inside = [body for body in bodies if not body.endswith("endstream")]
    first = len(inside) + 1
    inside[1] = f"<< /Type /Pages /Kids [{' '.join(f'{4 + n} 0 R' for n in range(pages))}] /Count {pages} >>"
    for number in range(pages):
        inside[3 + number] = (
            f"<< /Type /Page /Parent 2 0 R {_BOX} /Contents {first + 1 + number} 0 R"
            f" /Resources << /Font << /F1 3 0 R >> /XObject << /X1 {first} 0 R >> >> >>"
        )
    return in_xref_stream([form, *streams], inside)


_FLATE = "/Filter /FlateDecode"
_FORM = "/Type /XObject /Subtype /Form /BBox [0 0 612 792]"


def self_drawing_form() -> bytes:
    form = stream(b"/X Do /X Do", f"{_FORM} /Resources << /XObject << /X 5 0 R >> >>")
    return paged("/XObject << /X 5 0 R >>", stream(b"/X Do"), form)


def nested_forms(levels: int = 10, fan: int = 10) -> bytes:
    forms = [
        stream(b"/X Do " * fan, f"{_FORM} /Resources << /XObject << /X {6 + level} 0 R >> >>")
        for level in range(levels - 1)
    ]
    last = stream(b"BT /F1 9 Tf (x) Tj ET 0 0 9 9 re f", f"{_FORM} /Resources << /Font << /F1 {5 + levels} 0 R >> >>")
    return paged("/XObject << /X 5 0 R >>", stream(b"/X Do"), *forms, last, _FONT)


def packed_bomb(size: int = 2048 * MiB) -> bytes:
    return paged("", stream(packed(b" " * MiB, size // MiB), _FLATE))


def twice_packed_bomb(size: int = 4096 * MiB) -> bytes:
    twice = packed(packed(b" " * MiB, size // MiB))
    return paged("", stream(twice, "/Filter [/FlateDecode /FlateDecode]"))


def many_operators(size: int = 100 * MiB) -> bytes:
    block = b"0 0 m 9 9 l S\n" * (MiB // 14)
    return paged("", stream(packed(block, size // MiB), _FLATE))


def nested_states(depth: int = 10_000_000) -> bytes:
    return paged("", stream(packed(b"q " * 500_000, depth // 500_000), _FLATE))


def much_text(characters: int = 5_000_000) -> bytes:
    """So many characters on one page that the boxes of all weigh more than most documents."""
    line = b"(" + b"lots of text " * 100 + b") Tj T*\n"
    lines = packed(line * 10, characters // 13_000)
    # Two streams make one content: what opens the text stands before what is repeated.
    return paged(
        "/Font << /F1 6 0 R >>",
        "[7 0 R 5 0 R]",
        stream(lines, _FLATE),
        _FONT,
        stream(b"BT /F1 1 Tf 1 TL 9 700 Td"),
    )


def tiny_tiles() -> bytes:
    tile = "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 /Resources << >>"
    content = stream(b"/Pattern cs /P scn 0 0 612 792 re f")
    return paged("/Pattern << /P 5 0 R >>", content, stream(b"1 0 0 rg 0 0 1 1 re f", tile))


def pattern_in_itself() -> bytes:
    tile = (
        "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9"
        " /Resources << /Pattern << /P 5 0 R >> >>"
    )
    paint = stream(b"/Pattern cs /P scn 0 0 9 9 re f", tile)
    return paged("/Pattern << /P 5 0 R >>", stream(b"/Pattern cs /P scn 0 0 612 792 re f"), paint)


def long_shading_program(steps: int = 100_000) -> bytes:
    program = b"{ " + b"1 add 1 sub " * steps + b"pop dup dup }"
    function = stream(packed(program), f"/FunctionType 4 /Domain [0 1 0 1] /Range [0 1 0 1 0 1] {_FLATE}")
    shading = "<< /ShadingType 1 /ColorSpace /DeviceRGB /Matrix [612 0 0 792 0 0] /Function 6 0 R >>"
    return paged("/Shading << /S 5 0 R >>", stream(b"/S sh"), shading, function)


def deep_array(depth: int = 1_000_000) -> bytes:
    return paged("", stream(b""), page=f"{_BOX} /Deep {'[' * depth}{']' * depth}")


def deep_dictionary(depth: int = 500_000) -> bytes:
    return paged("", stream(b""), page=f"{_BOX} /Deep {'<</D ' * depth}0{'>>' * depth}")


def deep_contents(depth: int = 500_000) -> bytes:
    """Nested arrays within the content, read by another parser than the file's."""
    return paged("", stream(packed(b"[" * depth + b"]" * depth + b" TJ"), _FLATE))


def deep_page_tree(depth: int = 50_000) -> bytes:
    nodes = [f"<< /Type /Pages /Kids [{n + 1} 0 R] /Count 1 /Parent {max(1, n - 1)} 0 R >>" for n in range(2, depth)]
    leaf = f"<< /Type /Page /Parent {depth - 1} 0 R {_BOX} >>"
    return in_xref_stream([], ["<< /Type /Catalog /Pages 2 0 R >>", *nodes, leaf])


def page_tree_in_itself() -> bytes:
    return assembled(
        ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 /Parent 2 0 R >>"]
    )


def wide_page_tree(levels: int = 9, fan: int = 10) -> bytes:
    """Ten kids each, all the same one: a billion pages from ten objects."""
    nodes = [
        f"<< /Type /Pages /Kids [{f'{n + 1} 0 R ' * fan}] /Count {fan ** (levels + 2 - n)} >>"
        for n in range(2, levels + 2)
    ]
    leaf = f"<< /Type /Page /Parent {levels + 1} 0 R {_BOX} >>"
    return assembled(["<< /Type /Catalog /Pages 2 0 R >>", *nodes, leaf])


def outline_cycle() -> bytes:
    items = (
        "<< /First 6 0 R /Last 7 0 R /Count 2 >>",
        *(
            f"<< /Title (round {n}) /Parent 5 0 R /Next {13 - n} 0 R /First {13 - n} 0 R /Dest [3 0 R /Fit] >>"
            for n in (6, 7)
        ),
    )
    return paged("", stream(b""), *items, catalog="/Outlines 5 0 R")


def boxed(box: str) -> Callable[[], bytes]:
    """An otherwise harmless page with this MediaBox."""
    return lambda: paged("", stream(b"0 0 99 99 re f"), page=f"/MediaBox [{box}]")


def false_count(count: int = 2_000_000_000) -> bytes:
    return assembled(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            f"<< /Type /Pages /Kids [3 0 R] /Count {count} >>",
            f"<< /Type /Page /Parent 2 0 R {_BOX} >>",
        ]
    )


def huge_image(side: int = 60_000) -> bytes:
    row = bytes(side)
    data = packed(packed(row * 10, side // 10))
    image = (
        f"/Type /XObject /Subtype /Image /Width {side} /Height {side} /BitsPerComponent 8 /ColorSpace /DeviceGray"
        " /Filter [/FlateDecode /FlateDecode]"
    )
    return paged("/XObject << /I 5 0 R >>", stream(b"612 0 0 792 0 0 cm /I Do"), stream(data, image))


def mask_of_itself() -> bytes:
    image = "/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray /SMask 5 0 R"
    return paged("/XObject << /I 5 0 R >>", stream(b"612 0 0 792 0 0 cm /I Do"), stream(bytes(64), image))


def soft_mask_in_itself() -> bytes:
    group = f"{_FORM} /Group << /S /Transparency /CS /DeviceGray >> /Resources << /ExtGState << /G 5 0 R >> >>"
    state = "<< /Type /ExtGState /SMask << /S /Luminosity /G 6 0 R >> >>"
    return paged(
        "/ExtGState << /G 5 0 R >>",
        stream(b"/G gs 0 0 612 792 re f"),
        state,
        stream(b"/G gs 0 0 612 792 re f /G gs 0 0 99 99 re f", group),
    )


def glyph_in_itself() -> bytes:
    glyph = b"1000 0 0 0 750 750 d1 BT /T 9 Tf (aaaaaaaaaa) Tj ET"
    font = (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 97"
        " /LastChar 97 /Widths [1000] /Encoding << /Differences [97 /a] >> /CharProcs << /a 6 0 R >>"
        " /Resources << /Font << /T 5 0 R >> >> >>"
    )
    return paged("/Font << /T 5 0 R >>", stream(b"BT /T 9 Tf (aaaaaaaaaa) Tj ET"), font, stream(glyph))


def nested_glyphs(levels: int = 10) -> bytes:
    """Ten Type 3 fonts, each of whose glyphs writes ten of the next."""
    more = []
    for level in range(levels):
        inner = f"BT /T {9} Tf (aaaaaaaaaa) Tj ET" if level < levels - 1 else "0 0 750 750 re f"
        resources = f"/Font << /T {7 + 2 * level} 0 R >>" if level < levels - 1 else ""
        more.append(
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 97"
            f" /LastChar 97 /Widths [1000] /Encoding << /Differences [97 /a] >> /CharProcs << /a {6 + 2 * level} 0 R >>"
            f" /Resources << {resources} >> >>"
        )
        more.append(stream(f"1000 0 d0 {inner}".encode()))
    return paged("/Font << /T 5 0 R >>", stream(b"BT /T 9 Tf (aaaaaaaaaa) Tj ET"), *more)


def wide_character_map(ranges: int = 20_000) -> bytes:
    """A ToUnicode map that names every code over and over."""
    block = b"1 beginbfrange <0000> <FFFF> <0000> endbfrange\n" * 100
    cmap = stream(packed(b"/CIDInit /ProcSet findresource begin begincmap\n" + block * (ranges // 100)), _FLATE)
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>"
    return paged("/Font << /F1 5 0 R >>", stream(b"BT /F1 9 Tf 9 9 Td (words) Tj ET"), font, cmap)


def lying_length(claimed: str) -> Callable[[], bytes]:
    """A content stream whose /Length is not its length."""
    text = b"BT /F1 9 Tf 9 9 Td (words) Tj ET"
    return lambda: paged("/Font << /F1 5 0 R >>", stream(text, length=claimed), _FONT)


def many_pages(pages: int = 100_000) -> bytes:
    kids = " ".join(f"{3 + n} 0 R" for n in range(pages))
    leaf = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    first = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>"]
    return in_xref_stream([], [*first, *[leaf] * pages])


def many_annotations(count: int = 1_000_000) -> bytes:
    note = "<< /Type /Annot /Subtype /Square /Rect [0 0 9 9] /AP << /N 6 0 R >> >>"
    drawn = stream(b"0 0 9 9 re f", "/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return paged("", stream(b""), note, drawn, page=f"{_BOX} /Annots [{'5 0 R ' * count}]")


def _small() -> list[str]:
    return [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R {_BOX} >>",
    ]


def object_stream_bomb(size: int = 2048 * MiB) -> bytes:
    return in_xref_stream([], _small(), bomb=packed(b" " * MiB, size // MiB))


def object_stream_false_count() -> bytes:
    return in_xref_stream([], _small(), stream_entries="/N 2000000000 /First 2000000000")


def xref_false_index() -> bytes:
    return in_xref_stream([], _small(), index="/Index [0 2000000000]")


def xref_cycle() -> bytes:
    """A cross-reference table whose /Prev is itself."""
    content = assembled(_small())
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


@functools.cache
def cut(point: int, *, xref_stream: bool) -> bytes:
    """A good document of 12 pages, cut at one of `TRUNCATIONS` points from its head to one byte before its end."""
    whole = honest(pages=12, xref_stream=xref_stream)
    return whole[: (len(whole) - 1) * (point + 1) // TRUNCATIONS]


ATTACKS: dict[str, Callable[[], bytes]] = {
    "self_drawing_form": self_drawing_form,
    "nested_forms": nested_forms,
    "packed_bomb": packed_bomb,
    "twice_packed_bomb": twice_packed_bomb,
    "many_operators": many_operators,
    "nested_states": nested_states,
    "much_text": much_text,
    "tiny_tiles": tiny_tiles,
    "pattern_in_itself": pattern_in_itself,
    "long_shading_program": long_shading_program,
    "deep_array": deep_array,
    "deep_dictionary": deep_dictionary,
    "deep_contents": deep_contents,
    "deep_page_tree": deep_page_tree,
    "page_tree_in_itself": page_tree_in_itself,
    "wide_page_tree": wide_page_tree,
    "outline_cycle": outline_cycle,
    "huge_box": boxed("0 0 1e9 1e9"),
    "thin_box": boxed("0 0 1 1000000"),
    "zero_box": boxed("0 0 0 0"),
    "false_count": false_count,
    "huge_image": huge_image,
    "mask_of_itself": mask_of_itself,
    "soft_mask_in_itself": soft_mask_in_itself,
    "glyph_in_itself": glyph_in_itself,
    "nested_glyphs": nested_glyphs,
    "wide_character_map": wide_character_map,
    "length_too_long": lying_length("999999999"),
    "length_too_short": lying_length("1"),
    "length_negative": lying_length("-5"),
    "length_of_itself": lying_length("4 0 R"),
    "many_pages": many_pages,
    "many_annotations": many_annotations,
    "object_stream_bomb": object_stream_bomb,
    "object_stream_false_count": object_stream_false_count,
    "xref_false_index": xref_false_index,
    "xref_cycle": xref_cycle,
}
