"""Which colours does a picture get from its words?"""

from __future__ import annotations

import random
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise

Colour = tuple[int, int, int]

COLOUR_WORDS: dict[str, Colour] = {
    "red": (214, 48, 49), "crimson": (180, 24, 54), "scarlet": (222, 44, 30), "orange": (240, 132, 34),
    "amber": (250, 176, 42), "gold": (222, 176, 60), "golden": (222, 176, 60), "yellow": (248, 208, 60),
    "green": (60, 150, 84), "emerald": (22, 140, 100), "olive": (124, 132, 60), "mint": (132, 214, 180),
    "teal": (20, 134, 140), "turquoise": (44, 184, 186), "cyan": (60, 190, 220), "blue": (44, 100, 206),
    "navy": (24, 40, 96), "indigo": (66, 52, 150), "violet": (126, 76, 184), "purple": (124, 58, 162),
    "lilac": (182, 146, 214), "magenta": (204, 46, 142), "pink": (240, 128, 170), "brown": (122, 78, 48),
    "beige": (216, 196, 160), "white": (242, 242, 238), "silver": (180, 188, 196), "grey": (128, 132, 138),
    "gray": (128, 132, 138), "black": (34, 34, 40),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Sky from `top` to `low`, a `light` in it, four `layers` of land from far to near, and an accent."""

    top: Colour
    low: Colour
    light: Colour
    layers: tuple[Colour, Colour, Colour, Colour]
    accent: Colour

    def washed(self, colour: Colour, share: float) -> Palette:
        """Every colour drawn towards `colour`, keeping its lightness."""

        def wash(one: Colour) -> Colour:
            return mix(one, shade(colour, lightness(one)), share)

        far, middle, near, front = self.layers
        return Palette(
            top=wash(self.top),
            low=wash(self.low),
            light=self.light,
            layers=(wash(far), wash(middle), wash(near), wash(front)),
            accent=colour,
        )


def _hex(text: str) -> Colour:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)


def _palette(colours: str) -> Palette:
    top, low, light, far, middle, near, front, accent = (_hex(colour) for colour in colours.split())
    return Palette(top=top, low=low, light=light, layers=(far, middle, near, front), accent=accent)


_DAYS = (
    _palette("9ad1d4 fdebd0 fff6e0 8fc1b0 5a9b8e 35736d 1b4a49 f2a65a"),
    _palette("f9d29d f0946a fff1cf d9704f b44d3f 823436 4f202b 2a9d8f"),
    _palette("a8dcf0 fef6d8 fffbe6 a9cb80 76a85a 4b7f47 2d5837 f4a259"),
    _palette("cfe3ee f6f3ea ffffff a3bccb 7094a8 47697c 274452 e76f51"),
    _palette("4f5d9e f7b58b ffe9c2 a56b93 75497f 4b3166 2b1e48 ff7f6a"),
    _palette("2b7a8c f3d9a4 fff2d2 4f9b97 2f7880 1d5663 103846 ff9f6b"),
    _palette("7d3c74 f49aa8 ffe0dc b25582 85386f 5c2659 391840 ffd166"),
    _palette("f6cf7f fbeec6 fffdf2 d8a95c b07d47 7c5640 4c3736 3d7ea6"),
)
_MOODS = {
    r"space|planets?|galaxy|rockets?|astronauts?|nebula|cosmos": _palette(
        "1b1446 7a3f9d ffe7c2 d9825b 8c4a86 4a2c6e 241a44 ff9f6b"
    ),
    r"night|midnight|moon\w*|stars?|starry|dark": _palette("0b1030 3d4488 f6f2dc 333c70 232a55 171d3e 0b1026 ffd166"),
    r"sunset|dusk|evening|warm": _palette("463a80 fb9a63 ffe0a3 a8577c 763c6c 4a2a58 2a1a3e ff6f61"),
    r"sunrise|dawn|morning": _palette("7fb4d6 ffd9b8 fff4d9 b7a2bd 8a7fa8 5d5c8a 383c66 ff8c69"),
    r"snow\w*|winter|ice|icy|frost\w*|arctic": _palette("a9cbe2 f2f6f8 ffffff dbe7ef b9cfdf 8fadc4 eef4f8 e4572e"),
    r"desert|sand|dunes?|canyon|mars": _palette("f7c88b f29a6b fff0cf e08a5a c2663f 934535 5a2a2b 2a9d8f"),
    r"neon|cyber\w*|synth\w*|disco": _palette("170b3b b0208a ff9de2 6a1b9a 471380 2b0d5c 140636 27e0e0"),
    r"autumn|fall|october": _palette("e8c8a0 fae3bd fff4da d78f4a b8632f 86402a 502824 c0392b"),
    r"forest|jungle|woods?|moss\w*": _palette("b9dcc8 f1f3d6 fffbe2 8fb996 5f9374 3a6b56 1e4238 f2b134"),
    r"sea|ocean|under\s?water|harbou?r|lake|beach|boats?|ships?": _palette(
        "6db9dd fdf0d5 fff8e4 4b9cc0 2f7fa6 1e5f86 123f60 ff7a59"
    ),
}


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one`, with `share` (0 to 1) of `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def lightness(colour: Colour) -> float:
    """0 to 1, as the eye sees it."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def shade(colour: Colour, light: float) -> Colour:
    """`colour` made as light as asked."""
    own = lightness(colour)
    if light <= own:
        return mix((0, 0, 0), colour, light / max(own, 0.01))
    return mix(colour, (255, 255, 255), (light - own) / max(1 - own, 0.01))


def colours_in(words: str, owners: Container[str] = ()) -> list[Colour]:
    """The colours that the words name, in their order, but for those that stand right before one of the `owners`."""
    found = [*re.findall(r"[a-z]+", words.lower()), ""]
    return [COLOUR_WORDS[word] for word, after in pairwise(found) if word in COLOUR_WORDS and after not in owners]


def mentions(words: str, pattern: str) -> bool:
    """Whether the words contain one of the alternatives of `pattern` as whole words."""
    return re.search(rf"\b(?:{pattern})\b", words.lower()) is not None


def palette_of(words: str, colours: Sequence[Colour], chance: random.Random) -> Palette:
    """The mood that the words call for, else one of the days; leaning towards the first of the colours named."""
    chosen = chance.choice(_DAYS)
    for pattern, mood in _MOODS.items():
        if mentions(words, pattern):
            chosen = mood
            break
    return chosen.washed(colours[0], 0.5) if colours else chosen
