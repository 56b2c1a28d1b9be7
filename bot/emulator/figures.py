"""Who or what stands in the foreground, and how is it drawn?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bot.emulator.easel import Easel, Point
from bot.emulator.palette import COLOUR_WORDS, Colour, Palette, colours_in, mix

Figure = Callable[[Easel, Point, float, Palette], None]
INK = (32, 28, 36)
WHITE = (255, 255, 255)
ROSE = (226, 140, 150)


@dataclass(frozen=True, kw_only=True, slots=True)
class Animal:
    """A bust seen from the front."""

    fur: Colour
    muzzle: Colour = (250, 240, 228)
    ears: str = "point"
    inner: Colour = ROSE
    patches: Colour | None = None
    """Around the eyes."""
    mane: Colour | None = None
    beak: bool = False
    stripes: Colour | None = None


_ANIMALS = {
    "fox": Animal(fur=(226, 112, 42), inner=INK),
    "foxes": Animal(fur=(226, 112, 42), inner=INK),
    "cat": Animal(fur=(110, 104, 112)),
    "kitten": Animal(fur=(238, 176, 102), stripes=(204, 134, 62)),
    "tiger": Animal(fur=(240, 150, 46), ears="round", stripes=INK),
    "dog": Animal(fur=(196, 144, 90), ears="flop", inner=(140, 94, 56)),
    "puppy": Animal(fur=(222, 186, 132), ears="flop", inner=(150, 104, 66)),
    "corgi": Animal(fur=(232, 158, 74)),
    "wolf": Animal(fur=(122, 130, 142), inner=(70, 74, 84)),
    "bear": Animal(fur=(124, 82, 52), muzzle=(206, 170, 130), ears="round", inner=(92, 58, 36)),
    "panda": Animal(fur=(246, 244, 240), ears="round", inner=INK, patches=INK),
    "koala": Animal(fur=(150, 154, 164), ears="round", inner=(226, 206, 214)),
    "mouse": Animal(fur=(168, 160, 160), ears="round"),
    "rabbit": Animal(fur=(226, 214, 204), ears="long"),
    "bunny": Animal(fur=(240, 232, 226), ears="long"),
    "hare": Animal(fur=(184, 150, 114), ears="long"),
    "raccoon": Animal(fur=(140, 138, 144), ears="round", inner=INK, patches=(54, 52, 60)),
    "lion": Animal(fur=(232, 182, 98), ears="round", mane=(166, 92, 36)),
    "owl": Animal(fur=(140, 104, 76), muzzle=(228, 204, 170), ears="tuft", patches=(228, 204, 170), beak=True),
    "penguin": Animal(fur=(44, 50, 66), muzzle=(250, 250, 246), ears="none", patches=(250, 250, 246), beak=True),
    "bird": Animal(fur=(70, 150, 196), muzzle=(240, 222, 180), ears="none", beak=True),
    "dragon": Animal(fur=(70, 150, 104), muzzle=(196, 220, 150), ears="horn", inner=(236, 214, 160)),
}


def figures_of(words: str) -> list[Figure]:
    """What the words name and we can draw, at most two, in their order; an animal wears the colour named before it."""
    found: list[Figure] = []
    # "Change the panda to a bear" asks for the bear only.
    words = re.sub(
        r"\b(?:change|turn|replace|swap)\b[^.,;]*?\b(?:to|into|with|by|for)\b", "", words, flags=re.IGNORECASE
    )
    named = re.findall(r"[a-z]+", words.lower())
    for index, word in enumerate(named):
        before = COLOUR_WORDS.get(named[index - 1]) if index else None
        single = word if word in _ANIMALS else word.removesuffix("s")
        if single in _ANIMALS:
            found.append(_bust(_ANIMALS[single], before))
        elif single in _THINGS:
            found.append(_THINGS[single])
    return found[:2]


def colours_of(words: str) -> list[Colour]:
    """The colours that the words name and that no animal of theirs wears."""
    return colours_in(words, _ANIMALS.keys() | {f"{name}s" for name in _ANIMALS})


def _bust(animal: Animal, fur: Colour | None) -> Figure:
    """The portrait of an animal, wearing a colour that the words gave it."""

    def draw(easel: Easel, foot: Point, size: float, _: Palette) -> None:
        coat = fur or animal.fur
        x, ground = foot
        head = (x, ground - size * 0.6)
        dark = mix(coat, INK, 0.22)
        easel.disc((x, ground + size * 0.06), size * 0.44, dark, squeeze=0.95)
        easel.disc((x, ground + size * 0.1), size * 0.24, animal.muzzle, squeeze=1.25)
        if animal.mane:
            easel.disc(head, size * 0.5, animal.mane)
        _ears(easel, head, size, animal, coat)
        easel.disc(head, size * 0.36, coat, squeeze=0.9)
        _face(easel, head, size, animal)

    return draw


def _ears(easel: Easel, head: Point, size: float, animal: Animal, coat: Colour) -> None:
    x, y = head
    inner = coat if animal.ears == "round" and animal.patches else animal.inner
    outer = animal.inner if animal.ears == "round" and animal.patches else coat
    for side in (-1, 1):
        match animal.ears:
            case "point" | "tuft" | "horn":
                high = 0.62 if animal.ears == "point" else 0.52
                outline = [(0.34, -0.08), (0.32, -high), (0.06, -0.27)]
                easel.polygon([(x + side * a * size, y + b * size) for a, b in outline], coat)
                core = [(0.28, -0.2), (0.285, -high + 0.1), (0.13, -0.28)]
                easel.polygon([(x + side * a * size, y + b * size) for a, b in core], animal.inner)
            case "round":
                easel.disc((x + side * size * 0.29, y - size * 0.28), size * 0.15, outer)
                easel.disc((x + side * size * 0.29, y - size * 0.28), size * 0.08, inner)
            case "long":
                easel.disc((x + side * size * 0.15, y - size * 0.52), size * 0.1, coat, squeeze=3.0)
                easel.disc((x + side * size * 0.15, y - size * 0.52), size * 0.05, animal.inner, squeeze=4.4)
            case "flop":
                easel.disc((x + side * size * 0.36, y - size * 0.04), size * 0.13, animal.inner, squeeze=2.0)


def _face(easel: Easel, head: Point, size: float, animal: Animal) -> None:
    x, y = head
    for stripe in (-1, 0, 1) if animal.stripes else ():
        left = x + stripe * size * 0.1
        points = [
            (left - size * 0.025, y - size * 0.32),
            (left + size * 0.025, y - size * 0.32),
            (left, y - size * 0.14),
        ]
        easel.polygon(points, animal.stripes or INK)
    if not animal.beak:
        for side in (-1, 1):
            easel.disc((x + side * size * 0.12, y + size * 0.14), size * 0.16, animal.muzzle, squeeze=0.82)
    for side in (-1, 1):
        eye = (x + side * size * 0.15, y - size * 0.06)
        if animal.patches:
            easel.disc(eye, size * (0.15 if animal.beak else 0.1), animal.patches, squeeze=1.1)
        elif animal.beak:
            easel.disc(eye, size * 0.08, WHITE)
        iris = WHITE if animal.patches and sum(animal.patches) < 240 else INK
        easel.disc(eye, size * 0.046, iris)
        easel.disc(eye, size * 0.034, INK)
        easel.disc((eye[0] + size * 0.014, eye[1] - size * 0.014), size * 0.014, WHITE)
    if animal.beak:
        beak = [(x - size * 0.07, y + size * 0.03), (x + size * 0.07, y + size * 0.03), (x, y + size * 0.19)]
        easel.polygon(beak, (240, 166, 52))
        return
    easel.disc((x, y + size * 0.07), size * 0.055, INK, squeeze=0.75)
    for side in (-1, 1):
        box = (
            x + side * size * 0.05 - size * 0.05,
            y + size * 0.08,
            x + side * size * 0.05 + size * 0.05,
            y + size * 0.18,
        )
        easel.arc(box, 20, 160, INK, width=size * 0.014)


def _lighthouse(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    top = ground - size * 1.25
    easel.glow((x, top), size * 0.9, (255, 240, 190), 0.7)
    easel.disc((x, ground + size * 0.1), size * 0.6, mix(palette.layers[3], INK, 0.2), squeeze=0.4)
    for band in range(5):
        low, high = ground - size * 0.22 * band, ground - size * 0.22 * (band + 1)
        wide, narrow = size * (0.2 - 0.018 * band), size * (0.2 - 0.018 * (band + 1))
        colour = (214, 66, 58) if band % 2 else (248, 246, 240)
        easel.polygon([(x - wide, low), (x + wide, low), (x + narrow, high), (x - narrow, high)], colour)
    easel.bar((x - size * 0.15, top + size * 0.12, x + size * 0.15, top + size * 0.16), INK)
    easel.bar((x - size * 0.08, top - size * 0.05, x + size * 0.08, top + size * 0.12), (255, 232, 150))
    easel.polygon(
        [(x - size * 0.12, top - size * 0.04), (x + size * 0.12, top - size * 0.04), (x, top - size * 0.19)], INK
    )


def _boat(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    mast = ground - size * 0.9
    easel.bar((x - size * 0.015, mast, x + size * 0.015, ground), INK)
    easel.polygon([(x + size * 0.04, mast), (x + size * 0.04, ground - size * 0.2), (x + size * 0.46, ground - size * 0.2)],
                  (250, 246, 236))  # fmt: skip
    easel.polygon([(x - size * 0.04, mast + size * 0.12), (x - size * 0.04, ground - size * 0.2),
                   (x - size * 0.34, ground - size * 0.2)], palette.accent)  # fmt: skip
    hull = [(x - size * 0.5, ground - size * 0.14), (x + size * 0.56, ground - size * 0.14),
            (x + size * 0.36, ground + size * 0.08), (x - size * 0.36, ground + size * 0.08)]  # fmt: skip
    easel.polygon(hull, (150, 62, 48))


def _balloon(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, y = foot[0], foot[1] - size * 0.95
    for squeeze, colour in ((1.0, palette.accent), (0.66, (250, 244, 230)), (0.3, palette.accent)):
        easel.disc((x, y), size * 0.5 * squeeze, colour, squeeze=1.08 / squeeze)
    for side in (-1, 1):
        line = [(x + side * size * 0.26, y + size * 0.46), (x + side * size * 0.08, y + size * 0.8)]
        easel.line(line, INK, width=size * 0.012)
    easel.bar((x - size * 0.1, y + size * 0.78, x + size * 0.1, y + size * 0.94), (134, 88, 52), radius=size * 0.03)


def _house(easel: Easel, foot: Point, size: float, _: Palette) -> None:
    x, ground = foot
    easel.bar((x + size * 0.2, ground - size * 0.95, x + size * 0.3, ground - size * 0.6), (120, 72, 60))
    easel.bar((x - size * 0.4, ground - size * 0.5, x + size * 0.4, ground + size * 0.1), (246, 236, 216))
    roof = [(x - size * 0.5, ground - size * 0.48), (x + size * 0.5, ground - size * 0.48), (x, ground - size * 0.98)]
    easel.polygon(roof, (184, 74, 62))
    easel.bar((x - size * 0.08, ground - size * 0.25, x + size * 0.08, ground + size * 0.1), (110, 72, 54))
    for side in (-1, 1):
        middle = x + side * size * 0.24
        easel.bar(
            (middle - size * 0.08, ground - size * 0.34, middle + size * 0.08, ground - size * 0.18), (255, 222, 140)
        )


def _cup(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    ware = palette.accent
    easel.disc((x, ground), size * 0.52, mix(ware, WHITE, 0.55), squeeze=0.18)
    easel.ring((x + size * 0.36, ground - size * 0.26), size * 0.16, ware, width=size * 0.06)
    sides = [(x - size * 0.36, ground - size * 0.48), (x + size * 0.36, ground - size * 0.48),
             (x + size * 0.22, ground), (x - size * 0.22, ground)]  # fmt: skip
    easel.polygon(sides, ware)
    easel.disc((x, ground), size * 0.22, ware, squeeze=0.2)
    easel.disc((x, ground - size * 0.48), size * 0.36, mix(ware, WHITE, 0.35), squeeze=0.2)
    easel.disc((x, ground - size * 0.48), size * 0.31, (112, 70, 44), squeeze=0.17)
    easel.disc((x, ground - size * 0.48), size * 0.14, (240, 218, 184), squeeze=0.17)
    for side in (-1, 0, 1):
        left, y = x + side * size * 0.14, ground - size * 0.66
        points = [(left + size * 0.03 * (-1) ** step, y - size * 0.08 * step) for step in range(4)]
        easel.line(points, (246, 242, 236), width=size * 0.022)


def _cube(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    half, rise = size * 0.42, size * 0.24
    top = ground - size * 0.9
    easel.disc((x, ground), size * 0.5, mix(palette.layers[3], INK, 0.4), squeeze=0.22)
    low = ground - rise * 0.2
    easel.polygon([(x, top), (x + half, top + rise), (x, top + 2 * rise), (x - half, top + rise)],
                  mix(palette.accent, WHITE, 0.35))  # fmt: skip
    easel.polygon([(x - half, top + rise), (x, top + 2 * rise), (x, low + rise * 0.4), (x - half, low - rise * 0.6)],
                  palette.accent)  # fmt: skip
    easel.polygon([(x + half, top + rise), (x, top + 2 * rise), (x, low + rise * 0.4), (x + half, low - rise * 0.6)],
                  mix(palette.accent, INK, 0.35))  # fmt: skip


def _rocket(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    top = ground - size * 1.25
    easel.glow((x, ground), size * 0.6, (255, 190, 90), 0.8)
    easel.polygon([(x - size * 0.12, ground - size * 0.18), (x + size * 0.12, ground - size * 0.18), (x, ground + size * 0.2)],
                  (255, 170, 60))  # fmt: skip
    for side in (-1, 1):
        fin = [(x + side * size * 0.14, ground - size * 0.5), (x + side * size * 0.34, ground - size * 0.1),
               (x + side * size * 0.12, ground - size * 0.18)]  # fmt: skip
        easel.polygon(fin, palette.accent)
    easel.disc((x, ground - size * 0.66), size * 0.2, (244, 244, 248), squeeze=2.6)
    easel.polygon([(x - size * 0.145, top + size * 0.22), (x + size * 0.145, top + size * 0.22), (x, top - size * 0.05)],
                  palette.accent)  # fmt: skip
    easel.disc((x, ground - size * 0.78), size * 0.1, INK)
    easel.disc((x, ground - size * 0.78), size * 0.075, (140, 206, 236))


def _tree(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    easel.bar((x - size * 0.06, ground - size * 0.5, x + size * 0.06, ground + size * 0.08), (112, 76, 54))
    for shift, up, radius in ((-0.24, 0.66, 0.26), (0.24, 0.68, 0.26), (0.0, 0.9, 0.32), (0.02, 0.62, 0.28)):
        easel.disc(
            (x + size * shift, ground - size * up), size * radius, mix((86, 150, 84), palette.layers[1], 0.3 * up)
        )


def _flower(easel: Easel, foot: Point, size: float, palette: Palette) -> None:
    x, ground = foot
    heart = (x, ground - size * 0.75)
    easel.line([(x, ground + size * 0.08), heart], (74, 130, 76), width=size * 0.045)
    easel.disc((x + size * 0.13, ground - size * 0.22), size * 0.14, (92, 150, 86), squeeze=0.45)
    for dx, dy in ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)):
        easel.disc((heart[0] + dx * size * 0.2, heart[1] + dy * size * 0.2), size * 0.15, palette.accent)
    easel.disc(heart, size * 0.12, (252, 220, 110))


_THINGS: dict[str, Figure] = {
    "lighthouse": _lighthouse, "boat": _boat, "ship": _boat, "sailboat": _boat, "balloon": _balloon, "house": _house,
    "cottage": _house, "cabin": _house, "cup": _cup, "coffee": _cup, "latte": _cup, "tea": _cup, "cube": _cube,
    "box": _cube, "rocket": _rocket, "tree": _tree, "flower": _flower, "rose": _flower, "tulip": _flower,
}  # fmt: skip
