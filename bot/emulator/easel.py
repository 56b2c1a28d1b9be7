"""What does a painter draw on, and with which strokes?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from PIL import Image, ImageDraw

from bot.emulator.palette import Colour, mix

Point = tuple[float, float]
FINENESS = 2  # everything is drawn at twice the size and reduced: smooth edges


class Easel:
    """A canvas measured in pixels of the finished picture."""

    def __init__(self, size: tuple[int, int], chance: random.Random, ground: Image.Image | None = None) -> None:
        self.width, self.height = size
        self.unit = min(size) / 100
        """One hundredth of the shorter side."""
        self.chance = chance
        large = (self.width * FINENESS, self.height * FINENESS)
        self.image = Image.new("RGB", large) if ground is None else ground.resize(large, Image.Resampling.BILINEAR)
        self._draw = ImageDraw.Draw(self.image)

    def finished(self) -> Image.Image:
        return self.image.reduce(FINENESS)

    def polygon(self, points: Iterable[Point], fill: Colour) -> None:
        self._draw.polygon([(x * FINENESS, y * FINENESS) for x, y in points], fill=fill)

    def disc(self, centre: Point, radius: float, fill: Colour, *, squeeze: float = 1.0) -> None:
        """A circle; `squeeze` is its height over its width."""
        x, y = centre
        high = radius * squeeze
        self._draw.ellipse([v * FINENESS for v in (x - radius, y - high, x + radius, y + high)], fill=fill)

    def ring(self, centre: Point, radius: float, fill: Colour, *, width: float) -> None:
        x, y = centre
        box = [v * FINENESS for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(box, outline=fill, width=max(1, round(width * FINENESS)))

    def arc(self, box: Sequence[float], start: float, end: float, fill: Colour, *, width: float) -> None:
        scaled = [v * FINENESS for v in box]
        self._draw.arc(scaled, start, end, fill=fill, width=max(1, round(width * FINENESS)))

    def slice(self, box: Sequence[float], start: float, end: float, fill: Colour) -> None:
        """A piece of a cake, from `start` to `end` degrees."""
        self._draw.pieslice([v * FINENESS for v in box], start, end, fill=fill)

    def bar(self, box: Sequence[float], fill: Colour, *, radius: float = 0.0) -> None:
        self._draw.rounded_rectangle([v * FINENESS for v in box], radius * FINENESS, fill=fill)

    def line(self, points: Iterable[Point], fill: Colour, *, width: float) -> None:
        scaled = [(x * FINENESS, y * FINENESS) for x, y in points]
        self._draw.line(scaled, fill=fill, width=max(1, round(width * FINENESS)), joint="curve")

    def gradient(self, top: Colour, low: Colour, start: float, end: float) -> None:
        """Fill between two heights from one colour to the other."""
        rows = 64
        strip = Image.new("RGB", (1, rows))
        strip.putdata([mix(top, low, row / (rows - 1)) for row in range(rows)])
        upper, high = round(start * FINENESS), max(1, round((end - start) * FINENESS))
        # Smooth downwards first, on one column; across there is nothing to smooth, which saves nearly all the time.
        column = strip.resize((1, high), Image.Resampling.BICUBIC)
        self.image.paste(column.resize((self.image.width, high), Image.Resampling.NEAREST), (0, upper))

    def glow(self, centre: Point, radius: float, colour: Colour, strength: float) -> None:
        """Light that fades outwards."""
        side = round(radius * 2 * FINENESS)
        left, top = (round((middle - radius) * FINENESS) for middle in centre)
        # Pillow's gradient is 180 in the middle of each edge.
        fading = Image.radial_gradient("L").point(
            [round(max(0, 1 - v / 180) ** 2 * 255 * strength) for v in range(256)]
        )
        # NEAREST: the steps of a mask this faint are finer than one level of colour.
        mask = fading.resize((side, side), Image.Resampling.NEAREST)
        self.image.paste(colour, (left, top, left + side, top + side), mask)

    def ridge(self, height: float, swing: float, fill: Colour, *, jagged: bool = False) -> list[Point]:
        """Land up to a wavy or jagged line around `height`; returns that line."""
        line = self._jagged(height, swing) if jagged else self._wavy(height, swing)
        self.polygon([*line, (self.width, self.height), (0, self.height)], fill)
        return line

    def _wavy(self, height: float, swing: float) -> list[Point]:
        waves = [(self.chance.uniform(0.6, 1.6) * k, self.chance.uniform(0, math.tau), 1 / k) for k in (1, 2.3, 4.1)]
        step = max(4, self.width // 160)
        return [
            (x, height + swing * sum(a * math.sin(math.tau * f * x / self.width + p) for f, p, a in waves) / 1.7)
            for x in range(0, self.width + step, step)
        ]

    def _jagged(self, height: float, swing: float) -> list[Point]:
        heights = [self.chance.uniform(-1, 1) * 0.4 for _ in range(3)]
        rough = 0.9
        while len(heights) < 96:
            halves = [(a, (a + b) / 2 + self.chance.uniform(-rough, rough)) for a, b in pairwise(heights)]
            heights = [*chain.from_iterable(halves), heights[-1]]
            rough *= 0.52
        step = self.width / (len(heights) - 1)
        return [(index * step, height + swing * value) for index, value in enumerate(heights)]
