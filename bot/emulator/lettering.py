"""How do words stand on a picture so that they can be read?"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from bot.emulator.palette import Colour

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_EXTRA = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "œ": "oe", "ı": "i"}
PLAIN = {"–": "-", "—": "-", "“": '"', "”": '"', "„": '"', "‘": "'", "…": "..."}


LEADING = 1.22  # from line to line, in multiples of the size
ELLIPSIS = " ..."


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Words broken into lines that fit."""

    lines: tuple[str, ...]
    font: Font
    line_height: float


def legible(words: str) -> str:
    """The words in the letters that Pillow's own font has; scripts that it lacks are left out."""
    plain = "".join(_EXTRA.get(letter, PLAIN.get(letter, letter)) for letter in words)
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if letter.isascii() or letter == "’")
    return " ".join(bare.replace("’", "'").split())


def fitted(words: str, width: float, height: float, largest: float, smallest: float) -> Block:
    """The words as large as fits into a box of pixels; cut with an ellipsis where even the smallest size is too large."""
    ruler = Ruler(words, smallest, largest)
    size = largest
    while True:
        lines, line_height = _wrapped(words, ruler, width / size), size * LEADING
        if len(lines) * line_height <= height or size <= smallest:
            break
        size = max(smallest, size * 0.86)
    fitting = max(1, int(height / line_height))
    if len(lines) > fitting:
        lines = [*lines[: fitting - 1], _shortened(lines[fitting - 1], ruler, width / size)]
    return Block(lines=tuple(lines), font=ImageFont.load_default(size), line_height=line_height)


class Ruler:
    """How wide text is at most, in multiples of the size of the font.

    Each letter is measured at two sizes only (small ones are drawn wider, to whole pixels), not each line at every size.
    """

    def __init__(self, words: str, *sizes: float) -> None:
        fonts = [(ImageFont.load_default(size), size) for size in sizes]
        self._widths = {
            letter: max(font.getlength(letter) / size for font, size in fonts) for letter in {*words, " ", "."}
        }

    def width(self, text: str) -> float:
        return sum(self._widths[letter] for letter in text)


def _wrapped(words: str, ruler: Ruler, width: float) -> list[str]:
    lines: list[str] = []
    used, space = 0.0, ruler.width(" ")
    for word in words.split():
        long = ruler.width(word)
        if lines and used + space + long <= width:
            lines[-1] += " " + word
            used += space + long
        else:
            lines += _broken(word, ruler, width) if long > width else [word]
            used = ruler.width(lines[-1])
    return lines


def _broken(word: str, ruler: Ruler, width: float) -> list[str]:
    """A word that is wider than a line, in pieces."""
    pieces, used = [""], 0.0
    for letter in word:
        wide = ruler.width(letter)
        if pieces[-1] and used + wide > width:
            pieces.append("")
            used = 0.0
        pieces[-1] += letter
        used += wide
    return pieces


def _shortened(line: str, ruler: Ruler, width: float) -> str:
    while line and ruler.width(line + ELLIPSIS) > width:
        line = line[:-1].rstrip()
    return line + ELLIPSIS


def write(image: Image.Image, block: Block, left: float, top: float, fill: Colour) -> None:
    """Draw a block of lines with its upper left corner there."""
    draw = ImageDraw.Draw(image)
    for index, line in enumerate(block.lines):
        draw.text((left, top + index * block.line_height), line, font=block.font, fill=fill)
