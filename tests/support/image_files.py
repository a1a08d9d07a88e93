"""Pictures made for tests: every mode and format, and files that lie, are cut off or want to grow beyond all bounds."""

import io
import random
import struct
import zlib

from PIL import Image, ImageCms, ImageDraw
from PIL.TiffImagePlugin import IFDRational

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (40, 60, 200), (250, 250, 250)


def corners(width=80, height=60):
    """RGB: red, green, blue and white quarters, row by row from the upper left."""
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for color, (x, y) in zip((RED, GREEN, BLUE, WHITE), ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
        draw.rectangle((x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2), fill=color)
    return picture


def textured(width=160, height=120, seed=5):
    """RGB with something in every place: noise, the same for the same seed."""
    noise = random.Random(seed).randbytes(width * height // 16 * 3)
    return Image.frombytes("RGB", (width // 4, height // 4), noise).resize((width, height), Image.Resampling.BICUBIC)


def saved(picture, form, **how):
    """The picture's bytes in a format of Pillow's."""
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


FORMS = {
    "jpeg": ("JPEG", {"quality": 92}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 92}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("BMP", {}),
    "avif": ("AVIF", {"quality": 90, "max_threads": 1}),
}


def in_form(kind, picture=None):
    """The corners, or another picture, as a file of a kind that the sniffer names."""
    form, how = FORMS[kind]
    return saved(picture or corners(), form, **how)


def animation(kind, count=5, size=(40, 30), milliseconds=80):
    """A GIF or WebP whose frames are each of another color."""
    frames = [
        Image.new("RGB", size, (number * 47 % 256, number * 91 % 256, 255 - number * 13 % 256))
        for number in range(count)
    ]
    how = {"save_all": True, "append_images": frames[1:], "duration": milliseconds, "loop": 0}
    return saved(frames[0], FORMS[kind][0], **how)


TURNS = {  # how a camera that was held so stores what is upright
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(orientation, kind="jpeg"):
    """The corners as stored with that EXIF orientation: seen upright, they are `corners()`."""
    turn = TURNS[orientation]
    picture = corners() if turn is None else corners().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    form, how = FORMS[kind]
    return saved(picture, form, exif=exif, **how)


def photographed(**changes):
    """A JPEG with what a camera writes, the place included."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Brickon", "Brickon D1", "firmware\x07 1"
    exif[0x0132] = "2024:05:06 08:00:00"
    more = exif.get_ifd(0x8769)
    more[0x829A], more[0x829D], more[0x8827], more[0x9209] = IFDRational(1, 125), IFDRational(28, 10), 200, 1
    more[0x9003], more[0x9011], more[0x920A], more[0xA434] = (
        "2024:05:06 07:08:09",
        "+02:00",
        IFDRational(50),
        "50mm f/1.8",
    )
    more.update(changes)
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (IFDRational(52), IFDRational(30), IFDRational(0))
    place[3], place[4] = "W", (IFDRational(13), IFDRational(15), IFDRational(36))
    place[5], place[6] = b"\0", IFDRational(34)
    return saved(corners(), "JPEG", exif=exif)


def profile(kind="XYZ"):
    """An ICC profile made by littleCMS."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()


def wide_profile():
    """The profile of sRGB with the primaries of Display P3 put in their place (chromatic values of the profile's tags)."""
    raw = bytearray(profile("sRGB"))
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for at in range(132, 132 + 12 * struct.unpack_from(">I", raw, 128)[0], 12):
        name, offset, _ = struct.unpack_from(">4sII", raw, at)
        if name in primaries:
            struct.pack_into(">3i", raw, offset + 8, *(round(part * 65536) for part in primaries[name]))
    return bytes(raw)


def deep_png(width=64, height=48):
    """16 bits of gray, from black on the left to white on the right."""
    row = b"\0" + b"".join(struct.pack(">H", x * 65535 // (width - 1)) for x in range(width))
    return png(width, height, [(b"IDAT", zlib.compress(row * height))], bits=16, color=0)


def chunk(name, body=b""):
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width, height, chunks=(), *, bits=8, color=2):
    """A PNG that claims that size and holds those chunks."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*one) for one in chunks) + chunk(b"IEND")


def png_with(chunks):
    """A whole picture with further chunks behind its header."""
    whole = in_form("png")
    return whole[:33] + b"".join(chunk(*one) for one in chunks) + whole[33:]


def text_bomb(name=b"zTXt", count=20, size=8_000_000):
    """A PNG whose texts unpack to `count` times `size` bytes."""
    packed = zlib.compress(bytes(size), 9)
    body = b"Comment\0\0" + packed if name == b"zTXt" else b"Comment\0\1\0\0\0" + packed
    return png_with([(name, body)] * count)


def jpeg_claiming(width, height):
    """A JPEG whose frame header says another size than its pixels have."""
    return claimed(in_form("jpeg"), b"\xff\xc0\0\x11\x08", struct.pack(">HH", height, width))


def claimed(content, after, number):
    """`content` with the bytes behind `after` replaced by `number`."""
    at = content.index(after) + len(after)
    return content[:at] + number + content[at + len(number) :]


def many_scans(count=3000):
    """A progressive JPEG whose last scan is repeated."""
    whole = saved(corners(), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + b"\xff\xd9"


def gif_claiming(width, height):
    """A GIF with a canvas of that size and pixels for far fewer."""
    whole = in_form("gif")
    return whole[:6] + struct.pack("<HH", width, height) + whole[10:]


def tiff(entries, *, following=0, tail=b""):
    """A little-endian TIFF with one directory of (tag, type, count, value or offset), and its next one's offset."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + struct.pack("<I", following) + tail


def tiff_entries(width=4, height=4, *, offset=0):
    """Tags of an uncompressed gray page."""
    facts = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: height, 279: width * height}
    return [(tag, 4, 1, value) for tag, value in facts.items()]


def lying():
    """Files whose headers promise what they do not hold, by name."""
    looped = tiff_entries(offset=200)
    webp, avif = in_form("webp"), in_form("avif")
    big = struct.pack(">II", 60_000, 60_000)
    return {
        "png-65535": png(65_535, 65_535, [(b"IDAT", zlib.compress(b"tiny"))]),
        "png-no-pixels": png(10, 10),
        "png-zero": png(0, 10, [(b"IDAT", zlib.compress(b""))]),
        "png-short": png(500, 500, [(b"IDAT", zlib.compress(bytes(100)))]),
        "png-flat-bomb": png(40_000, 40_000, [(b"IDAT", zlib.compress(bytes(4_000_000)))]),
        "png-huge-chunk": in_form("png")[:33] + struct.pack(">I", 0x7FFF_FFFF) + b"IDAT" + bytes(50),
        "jpeg-65500": jpeg_claiming(65_500, 65_500),
        "jpeg-wider": jpeg_claiming(4000, 4000),
        "jpeg-zero": jpeg_claiming(0, 0),
        "jpeg-scans": many_scans(),
        "jpeg-exif-many": in_form("jpeg")[:2]
        + (b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)) * 50
        + in_form("jpeg")[2:],
        "gif-65535": gif_claiming(65_535, 65_535),
        "gif-zero": gif_claiming(0, 0),
        "gif-1000": animation("gif", 1000, (8, 8)),
        "gif-frame-beyond": in_form("gif").replace(b",\0\0\0\0", b",\xff\xff\xff\xff", 1),
        "webp-16k": claimed(webp, b"VP8 " + webp[16:20] + webp[20:26], struct.pack("<HH", 16_383, 16_383)),
        "webp-vp8x-16m": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + b"\x02\0\0\0" + b"\xff" * 6,
        "avif-60000": claimed(avif, b"ispe\0\0\0\0", big),
        "avif-zero": claimed(avif, b"ispe\0\0\0\0", bytes(8)),
        "bmp-huge": claimed(in_form("bmp"), b"\x28\0\0\0", struct.pack("<ii", 60_000, -60_000)),
        "bmp-negative": claimed(in_form("bmp"), b"\x28\0\0\0", struct.pack("<ii", -(2**31), 2**31 - 1)),
        "tiff-huge": tiff(tiff_entries(60_000, 60_000, offset=8)),
        "tiff-loop": tiff(looped, following=8, tail=bytes(300)),
        "tiff-tag-bomb": tiff([*tiff_entries(offset=8), *((40_000 + n, 1, 30_000_000, 8) for n in range(50))]),
        "tiff-many-tags": tiff([*tiff_entries(offset=8), *((1000 + n, 3, 1, 0) for n in range(5000))]),
        "tiff-no-tags": tiff([]),
        "tiff-tile": tiff(
            [*tiff_entries(offset=8), (322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8), (325, 4, 1, 16)]
        ),
        "tiff-beyond": b"II*\0" + struct.pack("<I", 0xFFFF_FFF0),
    }
