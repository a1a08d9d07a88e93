"""The formats of pictures that are read here, and how many pixels each may have: what its decoder holds fits 1 GiB."""

from enum import StrEnum
from typing import NamedTuple


class Format(StrEnum):
    """A format that uploads may have; the values are the sniffer's kinds."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"
    AVIF = "avif"


class Decoder(NamedTuple):
    """How Pillow reads a format."""

    name: str  # in Pillow's list of formats
    module: str  # its plugin in PIL
    max_pixels: int  # of one picture
    max_bytes: int  # of the file


MEGA = 1_000_000
MiB = 1024 * 1024

# Bytes that a decoder holds for each pixel: 4 for what Pillow keeps (PNG, BMP); three copies beside a strip of the file
# for TIFF; canvas, copy and planes for WebP, GIF and AVIF, some 20. WebP and AVIF also read the whole file.
DECODERS = {
    Format.JPEG: Decoder("JPEG", "JpegImagePlugin", 200 * MEGA, 512 * MiB),
    Format.PNG: Decoder("PNG", "PngImagePlugin", 120 * MEGA, 512 * MiB),
    Format.WEBP: Decoder("WEBP", "WebPImagePlugin", 40 * MEGA, 64 * MiB),
    Format.GIF: Decoder("GIF", "GifImagePlugin", 40 * MEGA, 512 * MiB),
    Format.TIFF: Decoder("TIFF", "TiffImagePlugin", 60 * MEGA, 512 * MiB),
    Format.BMP: Decoder("BMP", "BmpImagePlugin", 120 * MEGA, 512 * MiB),
    Format.AVIF: Decoder("AVIF", "AvifImagePlugin", 40 * MEGA, 64 * MiB),
}
# A JPEG whose scans add up: all its coefficients are kept, 6 to 8 bytes for each pixel.
MAX_PIXELS_PROGRESSIVE = 100 * MEGA
MAX_PIXELS_RUNS = 16 * MEGA  # of a BMP with run lengths, which Pillow unpacks in Python
MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten, and each costs time for every pixel
MAX_SIDE = 100_000  # pixels
