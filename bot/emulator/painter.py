"""How does a request look as a picture?"""

from __future__ import annotations

import hashlib
import io
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo

from bot.emulator.easel import Easel
from bot.emulator.edits import edited
from bot.emulator.figures import colours_of, figures_of
from bot.emulator.lettering import Block, fitted, legible, write
from bot.emulator.palette import Palette, mix, palette_of
from bot.emulator.scenes import scene_of

PAPER = (252, 249, 242)
INK = (24, 22, 30)
BADGE = (250, 200, 90)
CAPTION_ROWS = 8
_PNG_END = 12  # bytes of the chunk that ends a PNG
COMPRESSION = 3  # measured: twice as fast as the usual 6, files a quarter larger


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """Everything that a picture depends on: the same brief gives the same picture."""

    words: str
    size: tuple[int, int]
    base: bytes | None = None
    """The picture to build upon."""
    references: tuple[bytes, ...] = ()
    edits: tuple[str, ...] = ()
    """The instructions by which `base` came to be, in their order."""


Drawing = Callable[[Brief, int], Image.Image]


def paint(brief: Brief, variant: int) -> Image.Image:
    """A picture worth looking at: a place and a figure after the words, or the previous picture changed after them."""
    chance = random.Random(_seed(brief, variant))
    colours = colours_of(brief.words)
    palette = palette_of(brief.words, colours, chance)
    if brief.base is None:
        plate = _plate(brief)
        image = _composed(brief, palette, chance, ground=plate.top)
        _title(image, plate, palette)
    else:
        image = edited(_fitting(_opened(brief.base), brief.size), brief.words, colours, palette, chance)
        image = _added_figures(image, brief, palette, chance)
        for number, words in enumerate((*brief.edits, brief.words), 2):
            _caption(image, number, words)
    _pin_references(image, brief, chance)
    return image


def sketch(brief: Brief, variant: int) -> Image.Image:
    """A plain picture in a few milliseconds: differs by everything in the brief, shows nothing of it."""
    seed = _seed(brief, variant)
    image = Image.new("P", brief.size)
    image.putpalette(seed[:24])
    draw = ImageDraw.Draw(image)
    width, height = brief.size
    for index in range(1, 8):
        left = seed[index] * width // 256
        draw.rectangle((left, seed[index + 8] * height // 256, left + width // 4, height), fill=index)
    return image


def encode(image: Image.Image, image_format: str, size: int | None) -> bytes:
    """The picture as a file, padded to `size` bytes (PNG only; a file that is larger already stays as it is)."""
    target = io.BytesIO()
    if image_format == "png":
        image.save(target, "PNG", compress_level=COMPRESSION)
        return _padded(image, target.getvalue(), size)
    image.convert("RGB").save(target, image_format.upper(), quality=90)
    return target.getvalue()


def _padded(image: Image.Image, data: bytes, size: int | None) -> bytes:
    # A private chunk is 12 bytes and its content; every reader skips it.
    missing = 0 if size is None else size - len(data) - 12
    if missing <= 0:
        return data
    info, target = PngInfo(), io.BytesIO()
    info.add(b"prVt", b"\0" * missing)
    image.save(target, "PNG", compress_level=COMPRESSION, pnginfo=info)
    return target.getvalue()


def signed(data: bytes, name: str) -> bytes:
    """The same picture with a name in its file, where every reader skips it: a PNG's private chunk, a JPEG's comment."""
    kind, content = b"naMe", name.encode()
    if data.startswith(b"\x89PNG"):
        chunk = len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        return data[:-_PNG_END] + chunk + data[-_PNG_END:]
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content + data[2:]
    return data


def _seed(brief: Brief, variant: int) -> bytes:
    digest = hashlib.sha256(f"{brief.words}|{len(brief.edits)}|{variant}".encode())
    for data in (brief.base or b"", *brief.references):
        digest.update(hashlib.sha256(data).digest())
    return digest.digest()


def _opened(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def _composed(brief: Brief, palette: Palette, chance: random.Random, *, ground: float) -> Image.Image:
    easel = Easel(brief.size, chance)
    scene_of(brief.words, easel)(easel, palette)
    figures = figures_of(brief.words)
    behind = easel.finished()
    size = min(easel.unit * (52 if len(figures) == 1 else 42), ground / 1.6)
    for index, figure in enumerate(figures):
        x = easel.width * (0.5 if len(figures) == 1 else (0.33, 0.68)[index])
        figure(easel, (x, ground - easel.unit), size, palette)
    return _cut_at(ground, easel.finished(), behind) if figures else behind


def _cut_at(ground: float, figures: Image.Image, behind: Image.Image) -> Image.Image:
    """The figures down to where they stand, the place below: they come up from behind the title."""
    upper = (0, 0, behind.width, round(ground))
    behind.paste(figures.crop(upper), upper)
    return behind


def _added_figures(image: Image.Image, brief: Brief, palette: Palette, chance: random.Random) -> Image.Image:
    figures = figures_of(brief.words)
    if not figures:
        return image
    easel = Easel(image.size, chance, ground=image)
    ground = image.height - easel.unit * 25  # above a title of two lines
    for index, figure in enumerate(figures):
        side = (len(brief.edits) + index) % 2
        figure(easel, (easel.width * (0.78 if side else 0.24), ground), easel.unit * 36, palette)
    return _cut_at(ground + easel.unit, easel.finished(), image)


def _fitting(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture in a frame of another shape: whole and sharp, on a blurred ground of itself."""
    if image.size == size:
        return image
    ground = ImageOps.fit(image, (size[0] // 8, size[1] // 8)).filter(ImageFilter.BoxBlur(4)).resize(size)
    whole = ImageOps.contain(image, size)
    ground.paste(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return ground


@dataclass(frozen=True, kw_only=True, slots=True)
class Plate:
    """Where the title stands."""

    block: Block | None
    """None: nothing in the words can be written with the letters there are."""
    top: float
    margin: float


def _plate(brief: Brief) -> Plate:
    width, height = brief.size
    unit = min(width, height) / 100
    margin, shown = unit * 5, legible(brief.words)
    if not shown:
        return Plate(block=None, top=height, margin=margin)
    block = fitted(shown, width - 2 * margin - unit * 7.5, height * 0.3, unit * 6.4, unit * 2.4)
    deep = len(block.lines) * block.line_height + unit * 4.6
    return Plate(block=block, top=height - margin - deep, margin=margin)


def _title(image: Image.Image, plate: Plate, palette: Palette) -> None:
    """The words on a plate along the lower edge."""
    if plate.block is None:
        return
    unit, margin, top = min(image.size) / 100, plate.margin, plate.top
    right, low = image.width - margin, image.height - margin
    box = (round(margin), round(top), round(right), round(low))
    mask = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), unit * 1.6, fill=236)
    image.paste(mix(palette.layers[3], INK, 0.55), box, mask)
    stroke = (margin + unit * 2, top + unit * 2.2, margin + unit * 2.7, low - unit * 2.2)
    ImageDraw.Draw(image).rounded_rectangle(stroke, unit, palette.accent)
    write(image, plate.block, margin + unit * 4.6, top + unit * 2, PAPER)


def _caption(image: Image.Image, number: int, words: str) -> None:
    """The number of an edit and its words on a strip of their own, below those of earlier edits."""
    unit = min(image.size) / 100
    high, left = unit * 6, unit * 3.6
    top = left + (number - 2) % CAPTION_ROWS * (high + unit)
    block = fitted(legible(words) or "...", image.width - unit * 20, high, unit * 3.3, unit * 3.3)
    wide = max(block.font.getlength(line) for line in block.lines) + unit * 10
    strip = Image.new("L", (round(wide), round(high)), 0)
    ImageDraw.Draw(strip).rounded_rectangle((0, 0, strip.width - 1, strip.height - 1), high / 2, fill=238)
    image.paste(INK, (round(left), round(top)), strip)
    draw = ImageDraw.Draw(image)
    centre = (left + high / 2, top + high / 2)
    draw.circle(centre, high * 0.38, fill=BADGE)
    draw.text(centre, str(number), font=block.font, fill=INK, anchor="mm")
    draw.text((left + high + unit * 1.2, centre[1]), block.lines[0], font=block.font, fill=PAPER, anchor="lm")


def _pin_references(image: Image.Image, brief: Brief, chance: random.Random) -> None:
    """The pictures handed in, as prints pinned along the right edge."""
    width, height = image.size
    unit = min(width, height) / 100
    for index, data in enumerate(brief.references):
        thumb = _opened(data)
        scale = unit * 22 / max(thumb.size)
        thumb = thumb.resize((max(1, round(thumb.width * scale)), max(1, round(thumb.height * scale))))
        framed = ImageOps.expand(thumb, round(unit * 1.2), PAPER).convert("RGBA")
        turned = framed.rotate(chance.uniform(-7, 7), Image.Resampling.BICUBIC, expand=True)
        left = round(width - unit * 5 - turned.width)
        top = round(unit * (12 + len(brief.edits) % 3 * 9 if brief.base else 5) + index * unit * 25)
        shadow = turned.getchannel("A").point([v // 3 for v in range(256)])
        image.paste(INK, (left + round(unit * 0.7), top + round(unit * 0.9)), shadow)
        image.paste(turned, (left, top), turned)
