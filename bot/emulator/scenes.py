"""Which place does a picture show, and how is it painted?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from bot.emulator.easel import Easel, Point
from bot.emulator.palette import Palette, lightness, mentions, mix

Scene = Callable[[Easel, Palette], None]
WHITE = (255, 255, 255)


def scene_of(words: str, easel: Easel) -> Scene:
    """The place that the words name, else one by chance."""
    for pattern, scene in _PLACES.items():
        if mentions(words, pattern):
            return scene
    return easel.chance.choice((hills, peaks, sea, forest))


def _sky(easel: Easel, palette: Palette, horizon: float) -> None:
    chance, unit = easel.chance, easel.unit
    easel.gradient(palette.top, palette.low, 0, easel.height * horizon)
    place = (easel.width * chance.uniform(0.2, 0.8), easel.height * chance.uniform(0.2, 0.36))
    if lightness(palette.top) < 0.25:
        stars(easel, 90)
    easel.glow(place, unit * 44, palette.light, 0.6)
    easel.disc(place, unit * chance.uniform(7, 11), palette.light)
    if lightness(palette.top) >= 0.25:
        _clouds(easel, palette)


def stars(easel: Easel, count: int, *, low: float = 0.6) -> None:
    """Stars from the top down to `low` of the height, fewer below."""
    for _ in range(count):
        place = (easel.chance.uniform(0, easel.width), easel.height * easel.chance.random() ** 1.6 * low)
        size = easel.unit * easel.chance.choice((0.12, 0.16, 0.2, 0.34))
        easel.disc(place, size, mix((255, 250, 225), (170, 190, 255), easel.chance.random() * 0.6))


def _clouds(easel: Easel, palette: Palette) -> None:
    for _ in range(easel.chance.randint(2, 4)):
        x, y = easel.width * easel.chance.random(), easel.height * easel.chance.uniform(0.06, 0.34)
        colour = mix(mix(palette.top, palette.low, y / easel.height * 2), WHITE, 0.45)
        long = easel.unit * easel.chance.uniform(12, 22)
        for row, share in enumerate((1.0, 0.66, 0.38)):
            shift = long * easel.chance.uniform(-0.25, 0.25)
            high = easel.unit * 1.5
            top = y - row * high * 1.5
            box = (x + shift - long * share, top - high, x + shift + long * share, top + high)
            easel.bar(box, colour, radius=high)


def hills(easel: Easel, palette: Palette) -> None:
    _sky(easel, palette, 0.7)
    for index, colour in enumerate(palette.layers):
        height = easel.height * (0.5 + 0.11 * index)
        easel.ridge(height, easel.unit * (5 + 1.5 * index), colour)


def peaks(easel: Easel, palette: Palette) -> None:
    _sky(easel, palette, 0.75)
    far, middle, near, front = palette.layers
    easel.ridge(easel.height * 0.46, easel.unit * 11, mix(far, palette.low, 0.35), jagged=True)
    line = easel.ridge(easel.height * 0.55, easel.unit * 15, far, jagged=True)
    _snow_caps(easel, line)
    easel.ridge(easel.height * 0.66, easel.unit * 6, middle)
    easel.ridge(easel.height * 0.74, easel.unit * 5, near)
    pines(easel, easel.ridge(easel.height * 0.83, easel.unit * 4, front), front, 6)


def _snow_caps(easel: Easel, line: list[Point]) -> None:
    """White on every stretch of a ridge that rises high enough, down to a ragged edge."""
    limit = min(y for _, y in line) + easel.unit * 9
    for high, points in groupby(line, key=lambda point: point[1] < limit):
        summit = list(points)
        if high and len(summit) > 2:
            edge = [
                (x, min(limit, y + easel.unit * (5.5 if index % 2 else 2.2)))
                for index, (x, y) in enumerate(summit[1:-1])
            ]
            easel.polygon([*summit, *reversed(edge)], (246, 249, 252))


def pines(easel: Easel, line: list[Point], colour: tuple[int, int, int], size: float) -> None:
    """A row of firs along a line."""
    x = 0.0
    while x < easel.width:
        high = easel.unit * size * easel.chance.uniform(0.7, 1.5)
        ground = line[min(int(x / easel.width * len(line)), len(line) - 1)][1] + easel.unit
        for part in range(3):
            wide, top = high * (0.17 + 0.07 * part), ground - high * (1 - 0.26 * part)
            easel.polygon([(x, top), (x - wide, top + high * 0.46), (x + wide, top + high * 0.46)], colour)
        x += easel.unit * size * easel.chance.uniform(0.35, 0.8)


def forest(easel: Easel, palette: Palette) -> None:
    _sky(easel, palette, 0.75)
    for index, colour in enumerate(palette.layers):
        line = easel.ridge(easel.height * (0.5 + 0.11 * index), easel.unit * 4, colour)
        pines(easel, line, colour, 9 + 4 * index)


def sea(easel: Easel, palette: Palette) -> None:
    horizon = easel.height * 0.56
    _sky(easel, palette, 0.56)
    easel.ridge(horizon - easel.unit * 1.5, easel.unit * 2.5, mix(palette.layers[0], palette.low, 0.5))
    easel.gradient(palette.layers[0], palette.layers[2], horizon, easel.height)
    for _ in range(46):
        depth = easel.chance.random()
        y = horizon + (easel.height - horizon) * depth
        x = easel.width * easel.chance.random()
        long, thick = easel.unit * (2 + 9 * depth), easel.unit * (0.14 + 0.35 * depth)
        colour = mix(mix(palette.layers[0], palette.layers[2], depth), palette.light, 0.35)
        easel.bar((x - long, y - thick, x + long, y + thick), colour, radius=thick)
    for index in (2, 3):
        easel.ridge(easel.height * (0.66 + 0.1 * index), easel.unit * 1.8, palette.layers[index])


def city(easel: Easel, palette: Palette) -> None:
    _sky(easel, palette, 0.85)
    for index, colour in enumerate(palette.layers):
        x = -easel.unit * easel.chance.uniform(0, 8)
        while x < easel.width:
            wide = easel.unit * easel.chance.uniform(6, 12)
            top = easel.height * (0.3 + 0.13 * index) + easel.unit * easel.chance.uniform(-6, 12)
            easel.bar((x, top, x + wide, easel.height), colour)
            if index:
                _windows(easel, palette, (x, top, wide), colour)
            x += wide + easel.unit * easel.chance.uniform(0, 1.5)


def _windows(easel: Easel, palette: Palette, house: tuple[float, float, float], wall: tuple[int, int, int]) -> None:
    x, top, wide = house
    size, gap = easel.unit * 0.9, easel.unit * 2.1
    for column in range(int((wide - size) / gap)):
        for row in range(int((easel.height * 0.86 - top) / (gap * 1.2))):
            lit = easel.chance.random()
            colour = palette.light if lit < 0.3 else palette.accent if lit < 0.36 else mix(wall, WHITE, 0.12)
            left, upper = x + size + column * gap, top + size * 1.4 + row * gap * 1.2
            easel.bar((left, upper, left + size, upper + size * 1.3), colour)


def space(easel: Easel, palette: Palette) -> None:
    deep = mix(palette.top, (8, 8, 30), 0.75)
    easel.gradient(deep, mix(deep, palette.low, 0.35), 0, easel.height)
    easel.glow((easel.width * 0.75, easel.height * 0.2), easel.unit * 60, palette.accent, 0.35)
    easel.glow((easel.width * 0.15, easel.height * 0.5), easel.unit * 60, palette.low, 0.35)
    for _ in range(3):
        stars(easel, 70, low=1.0)
    x, y = easel.width * easel.chance.uniform(0.3, 0.7), easel.height * 0.38
    radius = easel.unit * 21
    box = (x - radius * 1.6, y - radius * 0.42, x + radius * 1.6, y + radius * 0.42)
    easel.arc(box, 0, 360, palette.light, width=easel.unit * 0.9)
    easel.disc((x, y), radius, palette.layers[0])
    for index, share in enumerate((0.86, 0.7, 0.5)):
        easel.disc((x - radius * (1 - share) * 0.7, y - radius * (1 - share) * 0.7), radius * share,
                   mix(palette.layers[0], palette.light, 0.12 + 0.14 * index))  # fmt: skip
    easel.arc(box, 0, 180, palette.light, width=easel.unit * 0.9)
    easel.ridge(easel.height * 0.8, easel.unit * 5, palette.layers[2])
    easel.ridge(easel.height * 0.88, easel.unit * 4, palette.layers[3])


def room(easel: Easel, palette: Palette) -> None:
    """A wall, a window with a view, and a table: for everything that stands indoors."""
    hills(easel, palette)
    wall = mix(palette.layers[1], palette.low, 0.55)
    left, right = easel.width * 0.5 - easel.unit * 32, easel.width * 0.5 + easel.unit * 32
    top, sill = easel.height * 0.1, easel.height * 0.66
    easel.bar((0, 0, left, easel.height), wall)
    easel.bar((right, 0, easel.width, easel.height), wall)
    easel.bar((0, 0, easel.width, top), wall)
    frame = mix(palette.light, WHITE, 0.4)
    for x in (left, easel.width * 0.5, right):
        easel.bar((x - easel.unit, top, x + easel.unit, sill), frame)
    for y in (top, (top + sill) * 0.5):
        easel.bar((left - easel.unit, y - easel.unit, right + easel.unit, y + easel.unit), frame)
    easel.bar((0, sill, easel.width, easel.height), mix(wall, palette.layers[3], 0.25))
    easel.bar((left - easel.unit * 3, sill - easel.unit, right + easel.unit * 3, sill + easel.unit * 1.5), frame)
    for side in (-1, 1):
        x = easel.width * 0.5 + side * easel.unit * 42
        easel.line([(x, 0), (x, easel.height * 0.2)], palette.layers[3], width=easel.unit * 0.4)
        easel.glow((x, easel.height * 0.23), easel.unit * 18, palette.light, 0.5)
        easel.disc((x, easel.height * 0.22), easel.unit * 4, palette.accent)
    easel.bar((0, easel.height * 0.78, easel.width, easel.height), palette.layers[2])
    easel.bar((0, easel.height * 0.78, easel.width, easel.height * 0.795), mix(palette.layers[2], WHITE, 0.2))


def arches(easel: Easel, palette: Palette) -> None:
    """Nothing of this world: quarter circles and discs on a grid."""
    easel.gradient(palette.low, mix(palette.low, palette.top, 0.4), 0, easel.height)
    side = easel.unit * 25
    colours = [*palette.layers, palette.accent, palette.light, palette.top]
    for row in range(int(easel.height / side) + 1):
        for column in range(int(easel.width / side) + 1):
            x, y = column * side, row * side
            ground, figure, inner = easel.chance.sample(colours, 3)
            easel.bar((x, y, x + side, y + side), ground)
            corner = (x + side * easel.chance.randint(0, 1), y + side * easel.chance.randint(0, 1))
            _tile(easel, (x, y, side), corner, figure, inner)


def _tile(
    easel: Easel,
    square: tuple[float, float, float],
    corner: tuple[float, float],
    figure: tuple[int, int, int],
    inner: tuple[int, int, int],
) -> None:
    x, y, side = square
    if easel.chance.random() < 0.3:
        easel.disc((x + side / 2, y + side / 2), side * 0.4, figure)
        easel.disc((x + side / 2, y + side / 2), side * 0.18, inner)
        return
    for share, colour in ((1.0, figure), (0.6, inner), (0.28, figure)):
        start = {(False, False): 0, (True, False): 90, (True, True): 180, (False, True): 270}[
            corner[0] > x, corner[1] > y
        ]
        reach = side * share
        box = (corner[0] - reach, corner[1] - reach, corner[0] + reach, corner[1] + reach)
        easel.slice(box, start, start + 90, colour)


_PLACES: dict[str, Scene] = {
    r"space|planets?|galaxy|rockets?|astronauts?|nebula|cosmos|mars": space,
    r"cit(?:y|ies)|streets?|skyline|neon|town|tokyo|york|cyber\w*|skyscrapers?|downtown": city,
    r"cafe|café|room|kitchen|coffee|latte|cup|tea|table|window|library|shop|bedroom|indoors": room,
    r"sea|ocean|harbou?r|lake|beach|boats?|ships?|sail\w*|lighthouse|island|waves?|fish\w*|whales?": sea,
    r"mountains?|peaks?|alps?|cliffs?|dragons?|castle|snow\w*|winter": peaks,
    r"forests?|woods?|trees?|jungle|cabin|wolf|wolves|bears?|owls?|deer|autumn": forest,
    r"hills?|fields?|meadow|garden|desert|dunes?|farm|village|balloons?|cottage|house": hills,
    r"abstract|pattern|geometric|bauhaus|mosaic|cubes?|logo|icon": arches,
}
