"""What does an instruction change about the picture that it is given for?"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from bot.emulator.easel import Easel
from bot.emulator.palette import Colour, Palette, mentions, mix
from bot.emulator.scenes import stars

Touch = Callable[[Image.Image, random.Random], Image.Image]
NAVY = (14, 20, 58)


def edited(
    image: Image.Image, words: str, colours: Sequence[Colour], palette: Palette, chance: random.Random
) -> Image.Image:
    """The picture after the words: everything in them that names a change we know, else a few strokes of the brush."""
    touches = [touch for pattern, touch in _TOUCHES.items() if mentions(words, pattern)]
    for touch in touches:
        image = touch(image, chance)
    if colours:
        image = _washed(image, colours[0], 0.5)
    if not touches and not colours:
        image = _brushed(image, palette, chance)
    return image


def _washed(image: Image.Image, colour: Colour, share: float) -> Image.Image:
    """Towards one colour; light and dark stay where they are."""
    toned = ImageOps.colorize(
        image.convert("L"), mix(colour, (0, 0, 0), 0.82), mix(colour, (255, 255, 255), 0.78), colour
    )
    return Image.blend(image, toned, share)


def _night(image: Image.Image, chance: random.Random) -> Image.Image:
    dark = Image.blend(ImageChops.multiply(image, Image.new("RGB", image.size, (128, 138, 206))),
                       Image.new("RGB", image.size, NAVY), 0.2)  # fmt: skip
    easel = Easel(image.size, chance, ground=dark)
    stars(easel, 120)
    moon = (easel.width * chance.uniform(0.7, 0.86), easel.height * 0.16)
    easel.glow(moon, easel.unit * 24, (236, 236, 210), 0.5)
    easel.disc(moon, easel.unit * 5.5, (248, 245, 224))
    easel.disc((moon[0] - easel.unit * 2, moon[1] - easel.unit), easel.unit * 0.9, (226, 222, 198))
    easel.disc((moon[0] + easel.unit * 1.4, moon[1] + easel.unit * 1.6), easel.unit * 1.3, (226, 222, 198))
    return easel.finished()


def _snow(image: Image.Image, chance: random.Random) -> Image.Image:
    easel = Easel(image.size, chance, ground=Image.blend(image, Image.new("RGB", image.size, (222, 234, 244)), 0.28))
    for _ in range(260):
        place = (chance.uniform(0, easel.width), chance.uniform(0, easel.height))
        easel.disc(place, easel.unit * chance.choice((0.25, 0.35, 0.5, 0.8)), (252, 253, 255))
    return easel.finished()


def _rain(image: Image.Image, chance: random.Random) -> Image.Image:
    easel = Easel(image.size, chance, ground=Image.blend(image, Image.new("RGB", image.size, (70, 86, 104)), 0.4))
    for _ in range(220):
        x, y, long = (
            chance.uniform(0, easel.width * 1.1),
            chance.uniform(-40, easel.height),
            easel.unit * chance.uniform(3, 6),
        )
        easel.line([(x, y), (x - long * 0.3, y + long)], (196, 212, 226), width=easel.unit * 0.14)
    return easel.finished()


def _sunset(image: Image.Image, _: random.Random) -> Image.Image:
    glow = ImageOps.colorize(
        Image.linear_gradient("L").resize(image.size), (92, 48, 120), (255, 138, 60), (240, 110, 90)
    )
    return Image.blend(image, ImageChops.soft_light(image, glow), 0.95)


def _fog(image: Image.Image, _: random.Random) -> Image.Image:
    mask = Image.linear_gradient("L").resize(image.size).point([min(200, 40 + v) for v in range(256)])
    return Image.composite(Image.new("RGB", image.size, (226, 230, 234)), image, mask)


def _sepia(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), (42, 26, 14), (255, 240, 210), (162, 122, 82))


def _framed(image: Image.Image, _: random.Random) -> Image.Image:
    wide, high = image.size
    bar = min(image.size) / 100
    easel = Easel(image.size, random.Random(0), ground=image)
    for colour, outer, inner in (((94, 62, 40), 0.0, 1.7), ((246, 240, 226), 1.7, 2.4)):
        out, into = outer * bar, inner * bar
        easel.bar((out, out, wide - out, into), colour)
        easel.bar((out, high - into, wide - out, high - out), colour)
        easel.bar((out, out, into, high - out), colour)
        easel.bar((wide - into, out, wide - out, high - out), colour)
    return easel.finished()


def _confetti(image: Image.Image, chance: random.Random) -> Image.Image:
    easel = Easel(image.size, chance, ground=image)
    for _ in range(120):
        place = (chance.uniform(0, easel.width), chance.uniform(0, easel.height))
        colour = chance.choice([(240, 94, 94), (250, 200, 80), (96, 190, 160), (110, 140, 230), (236, 140, 200)])
        easel.disc(place, easel.unit * chance.uniform(0.4, 0.9), colour)
    return easel.finished()


def _brushed(image: Image.Image, palette: Palette, chance: random.Random) -> Image.Image:
    """A few sweeping translucent strokes: whatever was asked, it shows that something was done."""
    easel = Easel(image.size, chance, ground=image)
    for colour in (palette.accent, palette.light, palette.layers[1]):
        x, y = chance.uniform(-0.2, 0.6) * easel.width, chance.uniform(0.1, 0.6) * easel.height
        reach = easel.unit * chance.uniform(50, 90)
        start = chance.uniform(190, 250)
        box = (x, y, x + reach * 1.6, y + reach)
        easel.arc(box, start, start + chance.uniform(60, 110), colour, width=easel.unit * chance.uniform(1.5, 4))
    return Image.blend(image, easel.finished(), 0.7)


def _plain(change: Callable[[Image.Image], Image.Image]) -> Touch:
    return lambda image, _: change(image)


_TOUCHES: dict[str, Touch] = {
    r"mirror\w*|flip\w*": _plain(ImageOps.mirror),
    r"upside": _plain(ImageOps.flip),
    r"sunset|dusk|sunrise|dawn|warm\w*|golden hour": _sunset,
    r"night|midnight|moon\w*|starry": _night,
    r"dark\w*|gloomy|moody": _plain(lambda image: ImageEnhance.Brightness(image).enhance(0.6)),
    r"bright\w*|light\w*|sunny": _plain(lambda image: ImageEnhance.Brightness(image).enhance(1.3)),
    r"vivid|vibrant|colou?rful|saturated": _plain(lambda image: ImageEnhance.Color(image).enhance(1.8)),
    r"fog\w*|mist\w*|haz[ey]": _fog,
    r"snow\w*|winter|blizzard": _snow,
    r"rain\w*|storm\w*": _rain,
    r"sepia|vintage|old photo": _sepia,
    r"black and white|monochrome|gr[ae]yscale|noir": _plain(lambda image: image.convert("L").convert("RGB")),
    r"blur\w*|soft\w*|dream\w*": _plain(lambda image: image.filter(ImageFilter.BoxBlur(6))),
    r"poster\w*|cartoon\w*|comic": _plain(lambda image: ImageOps.posterize(image, 2)),
    r"pixel\w*|8-?bit": _plain(
        lambda image: image.resize((image.width // 16, image.height // 16)).resize(image.size, Image.Resampling.NEAREST)
    ),
    r"invert\w*|negative": _plain(ImageOps.invert),
    r"frame\w*|border": _framed,
    r"confetti|party|festive|birthday": _confetti,
}
