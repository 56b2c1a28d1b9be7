"""Whatever bytes a member attaches: a picture or a sentence, in bounded memory and time."""

import asyncio
import contextlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot import picture_files, pictures
from bot.errors import UserError
from tests.bot.test_pictures import RED, SAMPLES, png_chunk, saved, seen

SMALL = Image.new("RGB", (64, 48), RED)
FRAMES = [Image.new("RGB", (16, 16), (number % 256, number // 256, 7)) for number in range(300)]

# what Pillow has to say about odd metadata is no failure
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


# -- mutated files --------------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
)


@st.composite
def mutated_files(draw):
    """Real files with their numbers absurd, their parts repeated, moved, or another file's, and new checksums in a PNG."""
    kind = draw(st.sampled_from(sorted(SAMPLES)))
    data = bytearray(SAMPLES[kind])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), 400) - 1) | st.integers(0, len(data) - 1))
        part = slice(at, at + draw(st.integers(1, 64)))
        match draw(st.sampled_from(["number", "number", "number", "repeat", "drop", "move", "foreign"])):
            case "number":
                form = draw(st.sampled_from([">I", "<I", ">H", "<H", "B"]))
                number = draw(NUMBERS) & ((1 << 8 * struct.calcsize(form)) - 1)
                data[at : at + struct.calcsize(form)] = struct.pack(form, number)
            case "repeat":
                data[at:at] = bytes(data[part]) * draw(st.integers(1, 50))
            case "drop":
                del data[part]
            case "move":
                data += data[part]
                del data[part]
            case "foreign":
                data[part] = SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))][part]
        if not data:
            break
    return with_new_checksums(bytes(data))


def with_new_checksums(data):
    """A decoder must not be saved by its checksums: who means harm has right ones."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    chunks, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            return b"".join(chunks) + data[at:]
        chunks.append(png_chunk(data[at + 4 : at + 8], data[at + 8 : end - 4]))
        at = end
    return b"".join(chunks) + data[at:]


@settings(max_examples=max(10, settings().max_examples // 2))
@given(mutated_files())
def test_mutated_file_is_a_picture_or_a_sentence(data):
    async def everything():
        with contextlib.suppress(UserError):
            picture = await pictures.to_reference(data, name="fox")
            assert len(picture.data) <= pictures.MAX_SENT_BYTES
            seen(picture)
        for step in (pictures.preview(data), pictures.describe(data)):
            with contextlib.suppress(ValueError):
                seen(await step)
        with contextlib.suppress(ValueError):
            await pictures.to_limit(data, max_bytes=100_000)  # what fits is left as it is, and not decoded

    asyncio.run(everything())


# -- bombs ----------------------------------------------------------------------------------------------------------


def tiff(*tags):
    """(tag, type, count, value or offset) each; 3 = short, 4 = long."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


SHAPE = ((256, 3, 1, 64), (257, 3, 1, 48), (258, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1))
LZW, PLAIN = (259, 3, 1, 5), (259, 3, 1, 1)
STRIP = ((273, 4, 1, 8), (278, 4, 1, 0xFFFFFFFF), (279, 4, 1, 3_072))


def tiled(width, length):
    return tiff(*SHAPE, LZW, (322, 4, 1, width), (323, 4, 1, length), (324, 4, 1, 8), (325, 4, 1, 999)) + bytes(2_000)


def png_of(*chunks):
    header = struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def gif(between=b"", canvas=(64, 48), frame=None):
    data = saved(SMALL, "GIF")
    at = data.index(b"\x2c")
    head = data[:6] + struct.pack("<HH", *canvas) + data[10:at]
    size = struct.pack("<HHHH", 0, 0, *frame) if frame else data[at + 1 : at + 9]
    return head + between + b"\x2c" + size + data[at + 9 :]


def gif_of(count):
    data = saved(SMALL, "GIF")
    at = data.index(b"\x2c")
    return data[:at] + data[at:-1] * count + b";"


def animated(form, count, **options):
    return saved(FRAMES[0], form, save_all=True, append_images=FRAMES[1:count], **options)


def scans(count):
    """A progressive picture whose last scan, which says nothing new, is there again and again."""
    data = saved(Image.new("RGB", (2_000, 2_000)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    empty = last[: 2 + int.from_bytes(last[2:4], "big")] + b"\0"
    return data[:-2] + empty * count + b"\xff\xd9"


def with_segments(count):
    data = saved(SMALL, "JPEG")
    return data[:2] + b"\xff\xe1\x00\x02" * count + data[2:]


ROWS = zlib.compress(bytes(310))
EXIF = b"Exif\0\0" + tiff(*((40_000 + n, 1, 2_000_000, 8) for n in range(200))) + bytes(2_100_000)
HARMLESS = {
    "gif of 10,000 frames": lambda: gif_of(10_000),
    "png of 300 frames": lambda: animated("PNG", 300),
    "webp of 300 frames": lambda: animated("WEBP", 300, lossless=True, method=0),
    "avif of 50 frames": lambda: animated("AVIF", 50, speed=10),
    "gif with 5 MB of comments": lambda: gif(b"\x21\xfe" + (b"\xff" + b"c" * 255) * 20_000 + b"\0"),
    "png of more pixels than it says": lambda: png_of(png_chunk(b"IDAT", zlib.compress(bytes(30_000_000), 1))),
    "tiff whose tags share their bytes": lambda: (
        tiff(*SHAPE, PLAIN, *STRIP, *((40_000 + n, 1, 4_000_000, 8) for n in range(300))) + bytes(4_100_000)
    ),
    "jpeg of fill bytes": lambda: b"\xff\xd8" + b"\xff" * 5_000_000 + saved(SMALL, "JPEG")[2:],
    "avif with exif upon exif": lambda: saved(SMALL, "AVIF", exif=EXIF),
    "heic with exif upon exif": lambda: saved(SMALL, "HEIF", exif=EXIF),
}
BOMBS = {
    "tiff of gigantic tiles": lambda: tiled(65_520, 30_000),
    "tiff of wide tiles": lambda: tiled(0xFFFFFFF0, 16),
    "gif of a gigantic canvas": lambda: gif(canvas=(65_535, 65_535)),
    "gif of a gigantic frame": lambda: gif(frame=(65_535, 65_535)),
    "png of millions of chunks": lambda: png_of(png_chunk(b"gAMA", b"") * 200_000, png_chunk(b"IDAT", ROWS)),
    "jpeg of thousands of scans": lambda: scans(5_000),
    "jpeg of millions of segments": lambda: with_segments(200_000),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_bomb_is_refused_in_words(bomb):
    with pytest.raises(UserError, match=r"“fox”"):
        await pictures.to_reference(BOMBS[bomb](), name="fox")


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_only_looks_like_a_bomb_is_a_picture(name):
    seen(await pictures.to_reference(HARMLESS[name](), name="fox"))


def test_usual_tiles_scans_and_chunks_are_no_bombs():
    tile = Image.new("L", (512, 512), 7).tobytes()
    tags = (*SHAPE, PLAIN, (322, 4, 1, 512), (323, 4, 1, 512), (324, 4, 1, 200), (325, 4, 1, len(tile)))
    assert picture_files.opened(tiff(*tags).ljust(200, b"\0") + tile).size == (64, 48)
    assert picture_files.opened(scans(20)).bare is not None
    assert picture_files.opened(with_segments(2_000)).bare is not None


def test_bombs_take_no_memory(tmp_path):
    """In a process of its own, whose peak is nobody else's: a few times the file, and what any small picture takes."""
    for number, make in enumerate([*BOMBS.values(), *HARMLESS.values()]):
        (tmp_path / f"{number}").write_bytes(make())
    program = """
import asyncio, pathlib, resource, sys, warnings
from bot import pictures
from bot.errors import UserError
from PIL import Image
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
async def main():
    before = peak()
    for path in pathlib.Path(sys.argv[1]).iterdir():
        for step in (lambda data: pictures.to_reference(data, name="x"), pictures.preview):
            try:
                warnings.simplefilter("ignore")
                await step(path.read_bytes())
            except (UserError, ValueError):
                pass
    print(peak() - before)
asyncio.run(main())
"""
    root = Path(pictures.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=root, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 250  # MB
