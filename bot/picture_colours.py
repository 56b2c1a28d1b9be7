"""Which colours does a decoded picture show, in 8 bits per channel and sRGB? Pure."""

from __future__ import annotations

import functools
import io
import itertools
from typing import cast

from PIL import Image, ImageChops, ImageCms


def with_8_bits(image: Image.Image) -> Image.Image:
    """The picture in one of the modes L, RGB, RGBA and CMYK; what was transparent stays so."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _scaled(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _scaled(image: Image.Image) -> Image.Image:
    """Brightness in 16 or 32 bits to 8. Where white is, only 16-bit formats say: else it is the next usual value."""
    if image.mode.startswith("I;16"):
        image, white = image.convert("I"), 65535.0
    else:
        brightest = cast("tuple[float, float]", image.getextrema())[1]
        usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        white = next((value for value in usual if brightest <= value), brightest)
    factor = 255 / white
    return image.point(lambda value: value * factor + 0.5).convert("L")


def to_srgb(icc: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile's colours to sRGB; None where there is nothing to do or the profile doesn't fit the picture."""
    if not icc:
        return None
    try:
        profile, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        build = functools.partial(
            ImageCms.buildTransform,
            profile,
            srgb,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode != "CMYK" and _changes_little(build("L" if mode == "L" else "RGB", "RGB"), mode):
            return None
        return build(mode, "RGBA" if mode == "RGBA" else "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def _changes_little(colours: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Most profiles are some maker's sRGB: without them the picture looks the same, and its pixels can stay."""
    if mode == "L":
        sample = Image.linear_gradient("L")
    else:
        steps = bytes(itertools.chain.from_iterable(itertools.product(range(0, 256, 15), repeat=3)))
        sample = Image.frombytes("RGB", (18 * 18, 18), steps)
    difference = ImageChops.difference(colours.apply(sample), sample.convert("RGB"))
    return max(difference.tobytes()) <= 3
