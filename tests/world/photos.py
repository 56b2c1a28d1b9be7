"""Which files do members attach? Real ones, made on the spot; and files that only look like pictures."""

import io

import pillow_heif
from PIL import Image

from tests.world.driver import File

_TURNED_RIGHT = 6  # EXIF: the camera was turned, so whoever shows the pixels must turn them back


def _image(width: int, height: int, colour: str) -> Image.Image:
    """The left half in a colour and the right half black, so that turning it shows."""
    image = Image.new("RGB", (width, height), "black")
    image.paste(Image.new("RGB", (width // 2, height), colour))
    return image


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def jpeg(name: str = "dog.jpg", *, size: tuple[int, int] = (48, 32), colour: str = "red") -> File:
    return File(name=name, data=_saved(_image(*size, colour), "JPEG", quality=95))


def png(name: str = "cat.png", *, size: tuple[int, int] = (48, 32), colour: str = "green") -> File:
    return File(name=name, data=_saved(_image(*size, colour), "PNG"))


def turned(name: str = "turned.jpg", *, size: tuple[int, int] = (48, 32)) -> File:
    """A photo whose pixels lie on their side, as telephones write them."""
    exif = Image.Exif()
    exif[0x0112] = _TURNED_RIGHT
    return File(name=name, data=_saved(_image(*size, "red"), "JPEG", exif=exif, quality=95))


def heic(name: str = "IMG_0001.HEIC", *, size: tuple[int, int] = (64, 48)) -> File:
    """What iPhones send; several platforms call it a stream of bytes."""
    target = io.BytesIO()
    pillow_heif.from_pillow(_image(*size, "blue")).save(target, quality=90)
    return File(name=name, data=target.getvalue(), media_type="application/octet-stream")


def notes(name: str = "notes.jpg") -> File:
    """Words that call themselves a picture."""
    return File(name=name, data=b"Milk, bread, a new roll of film.\n" * 20, media_type="image/jpeg")


def nothing(name: str = "empty.png") -> File:
    return File(name=name, data=b"", media_type="image/png")


def cut_off(name: str = "half.png") -> File:
    whole = png(size=(400, 300)).data
    return File(name=name, data=whole[: len(whole) // 2], media_type="image/png")


def opened(data: bytes) -> Image.Image:
    """The decoded picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
