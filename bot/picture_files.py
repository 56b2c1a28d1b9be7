"""What is in the bytes of a picture file, before anything is decoded, and what of it is private?

A file's name and declared type are not believed. PNG and JPEG lose their metadata here without losing a pixel: only the
parts that a decoder needs are copied, so GPS positions, thumbnails of uncropped originals, comments, further frames and
whatever was appended stay behind.
"""

from __future__ import annotations

import functools
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from bot import messages

MAX_PIXELS = 50_000_000
MOST_NARROW = 50  # times the shorter side; no model sees anything in a thinner strip, and JPEG ends at 65,500 pixels

# Opened by name, not through Image.open: that one warns about many pixels before anyone could ask for their number.
_DECODERS: Mapping[str, Callable[[IO[bytes]], ImageFile]] = MappingProxyType(
    {
        "image/avif": AvifImageFile,
        "image/bmp": BmpImageFile,
        "image/gif": GifImageFile,
        "image/heic": HeifImageFile,
        "image/heif": HeifImageFile,
        "image/jpeg": JpegImageFile,
        "image/png": PngImageFile,
        "image/tiff": TiffImageFile,
        "image/webp": WebPImageFile,
    }
)
_LOSSLESS = frozenset({"image/bmp", "image/gif", "image/png", "image/tiff"})


class Unusable(ValueError):
    """These bytes are no picture that can be used. sentence: says so to the user, given how to call the file."""

    def __init__(self, sentence: Callable[[str], str]) -> None:
        super().__init__(sentence("The picture"))
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureFile:
    """A picture of which only the header has been read: `image.load()` decodes it."""

    image: ImageFile
    media_type: str
    bare: bytes | None  # without metadata, where it is a PNG or JPEG that any reader knows: 8 bits, no inks
    orientation: int  # EXIF's 1 to 8
    icc: bytes | None  # a colour profile; unchecked
    lossless: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as shown: upright."""
        width, height = self.image.size
        return (height, width) if self.orientation >= 5 else (width, height)


def opened(data: bytes) -> PictureFile:
    """Raises Unusable for what is no picture, of a kind that cannot be read, too large or too narrow, or damaged."""
    if not data:
        raise Unusable(messages.picture_empty)
    media_type = sniff(data)
    if media_type is None or media_type not in _DECODERS:
        raise Unusable(functools.partial(messages.picture_of_other_kind, media_type=media_type))
    with reading():
        bare = None
        if media_type == "image/png":
            bare = _bare_png(data)
        elif media_type == "image/jpeg":
            _check_scans(data)
            bare = _bare_jpeg(data)
        elif media_type == "image/webp":
            _check_size(*_webp_size(data))
        image = _DECODERS[media_type](io.BytesIO(bare.data if bare else data))
        _check_size(*image.size)
        if isinstance(image, TiffImageFile):
            _check_tiles(image)
        return PictureFile(
            image=image,
            media_type=media_type,
            bare=bare.data if bare and image.mode != "CMYK" and _bits(bare.data, media_type) <= 8 else None,
            orientation=_orientation(bare.exif if bare else image.info.get("exif")),
            icc=bare.icc if bare else image.info.get("icc_profile"),
            lossless=media_type in _LOSSLESS or (media_type == "image/webp" and b"VP8L" in data[:_WEBP_HEAD]),
        )


@contextmanager
def reading() -> Iterator[None]:
    """Whatever a decoder raises about strangers' bytes becomes Unusable."""
    try:
        yield
    except Unusable:
        raise
    except Exception as error:  # decoders raise nearly everything: struct.error, SyntaxError, MemoryError
        raise Unusable(messages.picture_damaged) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unusable(functools.partial(messages.picture_too_large, width=width, height=height, most=MAX_PIXELS))
    if max(width, height) > MOST_NARROW * min(width, height):
        raise Unusable(functools.partial(messages.picture_too_narrow, width=width, height=height, most=MOST_NARROW))


def _check_tiles(image: TiffImageFile) -> None:
    """A decoder allocates one tile as a whole, and a file of 2 kB may say that it has 2 gigabytes. Raises ValueError."""
    width, height = (image.tag_v2.get(tag) for tag in (_TILE_WIDTH, _TILE_LENGTH))
    if isinstance(width, int) and isinstance(height, int) and width * height > _LARGEST_TILE:
        raise ValueError(f"tiles of {width} x {height}")


# -- which kind ------------------------------------------------------------------------------------------------------

_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # sizes of the known BMP headers; "BM" alone is a word
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),  # BigTIFF, here and below
    (b"MM\x00+", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
_BRANDS = (  # of the ISO file format that videos use too, the most telling first
    (frozenset({b"avif", b"avis"}), "image/avif"),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}), "image/heic"),
    (frozenset({b"mif1", b"msf1"}), "image/heif"),
)
_SVG = re.compile(rb"(\xef\xbb\xbf)?\s*(<svg[\s>]|(<\?xml|<!--|<!DOCTYPE svg)[\s\S]{0,4000}?<svg[\s>])", re.IGNORECASE)


def sniff(data: bytes) -> str | None:
    """The media type by the first bytes, of kinds that cannot be read too (image/svg+xml); None: not a picture."""
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BITMAP_HEADERS:
        return "image/bmp"
    if data[4:8] == b"ftyp":
        return _by_brand(data)
    return "image/svg+xml" if _SVG.match(data[:4096]) else None


def _by_brand(data: bytes) -> str | None:
    """The first box names the file's own brand, then those that it can be read as."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return next((media_type for known, media_type in _BRANDS if known & brands), None)


# -- what the header says --------------------------------------------------------------------------------------------

_WEBP_HEAD = 1 << 16  # bytes within which the kind of compression is named, after a colour profile if there is one


_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of TIFF
_LARGEST_TILE = 2048 * 2048  # pixels; usual ones have 256 x 256, or 512 x 512


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas, which the decoder allocates as soon as it is made. Raises ValueError."""
    kind, header = data[12:16], data[20:30]
    if kind == b"VP8X" and len(header) == 10:
        return 1 + int.from_bytes(header[4:7], "little"), 1 + int.from_bytes(header[7:10], "little")
    if kind == b"VP8L" and header[:1] == b"\x2f":
        bits = int.from_bytes(header[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and header[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF
    raise ValueError("not a header of WebP")


def _bits(data: bytes, media_type: str) -> int:
    """Per channel, of a PNG or JPEG; Pillow shows 16-bit colours as 8-bit ones."""
    return data[24] if media_type == "image/png" else 8


def _orientation(exif: bytes | None) -> int:
    """How the camera was held: EXIF's 1 to 8, where 1 is upright, and stands for anything unreadable too."""
    tiff = (exif or b"").removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (offset,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, offset)
        for entry in range(offset + 2, offset + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
            if tag == 0x0112:
                (value,) = struct.unpack_from(f"{order}{'I' if kind == 4 else 'H'}", tiff, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


# -- without metadata ------------------------------------------------------------------------------------------------

_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}
)
_MAX_PROFILE = 4_000_000  # bytes; those of printing presses have up to 2 MB, a small chunk can inflate to gigabytes

# Tables and scans (DHT, DQT, DRI, DNL, SOS) and the frames that every decoder knows: baseline, extended, progressive.
_JPEG_KEPT = frozenset({0xC4, 0xDB, 0xDD, 0xDC, 0xDA, 0xC0, 0xC1, 0xC2})
_JPEG_UNCOMMON = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8}  # lossless, hierarchical and arithmetic frames
_APP0, _APP1, _APP2, _APP14, _SOS, _EOI = 0xE0, 0xE1, 0xE2, 0xEE, 0xDA, 0xD9
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # 00 is stuffing, D0 to D7 are restarts: parts of a scan
_FILL = re.compile(rb"\xff+")
_MOST_PARTS = 100_000  # of one file; 30 MB in the smallest usual pieces (4 kB) are 8,000
_MOST_SCANS = (
    1_000  # progressive pictures have some ten; each goes over every pixel, and need not have more than 10 bytes
)
_WINDOW = 1 << 20  # bytes searched at once, because a search keeps all other threads waiting


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bare:
    """A PNG or JPEG without metadata, and of the metadata what decides how the picture looks."""

    data: bytes
    exif: bytes | None
    icc: bytes | None  # a colour profile; unchecked


def _bare_png(data: bytes) -> _Bare:
    """Raises ValueError for a file that is cut off or whose checksums show that it was damaged."""
    kept, exif, icc = [data[:8]], None, None
    for kind, start, end in _chunks(data):
        intact = zlib.crc32(memoryview(data)[start + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")
        if not intact:
            if kind[:1].isupper():  # critical: the picture cannot be trusted without it
                raise ValueError(f"the {kind!r} chunk does not match its checksum")
        elif kind in _PNG_KEPT:
            kept.append(data[start:end])
        elif kind == b"eXIf":
            exif = data[start + 8 : end - 4]
        elif kind == b"iCCP":
            icc = _inflated(data[start + 8 : end - 4])
    return _Bare(data=b"".join(kept), exif=exif, icc=icc)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of each chunk, length and checksum included, up to the last one of a whole file."""
    at, kind = 8, b""
    for _ in range(_MOST_PARTS):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise ValueError("the file ends within a chunk")
        kind = data[at + 4 : at + 8]
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end
    raise ValueError("more chunks than a picture has")


def _inflated(profile: bytes) -> bytes | None:
    """The profile of an iCCP chunk: a name, a zero, the compression method, and the compressed bytes."""
    _, _, rest = profile.partition(b"\x00")
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(rest[1:], _MAX_PROFILE)
    except zlib.error:
        return None
    return inflated if inflater.eof else None


def _check_scans(data: bytes) -> None:
    """Without a look at what they are parts of, since decoders read broken structures, too. Raises ValueError."""
    if data.count(bytes((0xFF, _SOS))) > _MOST_SCANS:
        raise ValueError("more scans than a picture has")


def _bare_jpeg(data: bytes) -> _Bare | None:
    """None for a file of unusual or broken structure: its pixels may be whole, but they must be written anew."""
    kept, exif, profile = [data[:2]], None, dict[int, bytes]()
    try:
        for marker, start, end in _segments(data):
            segment = data[start:end]
            body = segment[4:]
            if marker in _JPEG_UNCOMMON:
                return None
            if marker in _JPEG_KEPT or marker == _EOI or (marker == _APP14 and body.startswith(b"Adobe")):
                kept.append(segment)
            elif marker == _APP0 and body.startswith(b"JFIF\x00") and len(body) >= 14:
                kept.append(b"\xff\xe0\x00\x10" + body[:12] + b"\x00\x00")  # its thumbnail may show what was cropped
            elif marker == _APP1 and body.startswith(b"Exif\x00\x00") and exif is None:
                exif = body
            elif marker == _APP2 and body.startswith(b"ICC_PROFILE\x00") and len(body) >= 14:
                profile[body[12]] = body[14:]
    except Unusable:
        raise
    except ValueError:
        return None
    icc = b"".join(profile[number] for number in sorted(profile))
    return _Bare(data=b"".join(kept), exif=exif, icc=icc or None)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment, the scan that follows a header included, up to the end of the picture."""
    at = 2
    for _ in range(_MOST_PARTS):
        if fill := _FILL.match(data, at):  # any number of these may stand before a marker
            at = fill.end() - 1
        head = data[at : at + 4]
        if len(head) < 2 or head[0] != 0xFF:
            raise ValueError("no marker where one must stand")
        marker = head[1]
        if marker == _EOI:
            yield marker, at, at + 2
            return
        length = int.from_bytes(head[2:], "big")
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise ValueError("the file ends within a segment")
        if marker == _SOS:
            end = _end_of_scan(data, end)
        yield marker, at, end
        at = end
    raise Unusable(messages.picture_damaged)  # by millions of parts, over which a decoder would take its time, too


def _end_of_scan(data: bytes, at: int) -> int:
    for start in range(at, len(data), _WINDOW):
        found = _NEXT_MARKER.search(data, start, start + _WINDOW + 1)  # one more: a marker has two bytes
        if found:
            return found.start()
    raise ValueError("the file ends within a scan")
