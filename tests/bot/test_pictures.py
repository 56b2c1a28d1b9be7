import asyncio
import contextlib
import io
import itertools
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageSequence
from PIL.PngImagePlugin import PngInfo

from bot import messages, pictures
from bot.errors import UserError
from bot.model import Picture

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 40), (40, 50, 210), (150, 150, 150)
CORNERS = (RED, GREEN, BLUE, GREY)  # of the scene: top left, top right, bottom left, bottom right
GPS = b"GPS-OF-MY-HOME"

# -- samples: everything is painted here, and nothing binary is kept in the repository ------------------------------


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Four fields of colour, by which one sees how a picture is turned and what became of its colours."""
    image = Image.new("RGB", (width, height))
    for colour, (left, top) in zip(CORNERS, itertools.product((0, 1), repeat=2), strict=True):
        image.paste(colour, (top * width // 2, left * height // 2, (top + 1) * width // 2, (left + 1) * height // 2))
    return image


def noise(width: int, height: int) -> Image.Image:
    """Grain as in a photo of the night: hard to compress, and in the brightness rather than in the colours."""
    tint = Image.linear_gradient("L").point(lambda value: 118 + value // 13).resize((width, height))
    return Image.merge("YCbCr", (Image.effect_noise((width, height), 35), tint, tint)).convert("RGB")


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, form, **options)
    return file.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def seen(picture: Picture) -> Image.Image:
    """Decodes as strictly as any reader, and proves what a Picture says of itself."""
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert image.size == (picture.width, picture.height)
    assert image.get_format_mimetype() == picture.media_type
    assert picture.extension == {"image/png": "png", "image/jpeg": "jpeg"}[picture.media_type]
    return image


def assert_shows_the_scene(image: Image.Image, tolerance: int = 24) -> None:
    width, height = image.size
    spots = itertools.product((height // 4, 3 * height // 4), (width // 4, 3 * width // 4))
    for (y, x), colour in zip(spots, CORNERS, strict=True):
        found = image.convert("RGB").getpixel((x, y))
        assert all(abs(a - b) <= tolerance for a, b in zip(found, colour, strict=True)), (found, colour)


def assert_free_of_metadata(picture: Picture) -> None:
    image = seen(picture)
    assert GPS not in picture.data
    assert dict(image.getexif()) == {}
    assert not image.info.keys() & {"exif", "xmp", "comment", "icc_profile", "XML:com.adobe.xmp", "photoshop"}
    assert getattr(image, "text", {}) == {}


def with_gps(turn: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010E] = GPS.decode()  # ImageDescription
    exif.get_ifd(0x8825)[0x1D] = GPS.decode()
    return exif


KINDS: dict[str, Callable[[], bytes]] = {
    "avif": lambda: saved(scene(), "AVIF", quality=90),
    "bmp": lambda: saved(scene(), "BMP"),
    "gif": lambda: saved(scene(), "GIF"),
    "heic": lambda: saved(scene(), "HEIF", quality=90),
    "jpeg": lambda: saved(scene(), "JPEG", quality=92),
    "jpeg-progressive": lambda: saved(scene(), "JPEG", quality=92, progressive=True),
    "jpeg-restarts": lambda: saved(scene(), "JPEG", quality=92, restart_marker_rows=1),
    "png": lambda: saved(scene(), "PNG"),
    "tiff": lambda: saved(scene(), "TIFF"),
    "tiff-lzw": lambda: saved(scene(), "TIFF", compression="tiff_lzw"),
    "tiff-jpeg": lambda: saved(scene(), "TIFF", compression="jpeg"),
    "webp": lambda: saved(scene(), "WEBP", quality=90),
    "webp-lossless": lambda: saved(scene(), "WEBP", lossless=True),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


# -- every kind arrives ----------------------------------------------------------------------------------------------


async def test_every_kind_arrives_as_png_or_jpeg(kind):
    data = KINDS[kind]()
    assert pictures.sniff(data) == f"image/{kind.partition('-')[0]}"
    picture = await pictures.to_reference(data, name=f"fox.{kind}")
    assert (picture.width, picture.height) == (96, 64)
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


async def test_the_name_of_a_file_is_not_believed():
    picture = await pictures.to_reference(KINDS["webp"](), name="fox.png.exe")
    assert_shows_the_scene(seen(picture))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
async def test_a_turned_photo_arrives_upright(form, turn):
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[turn]
    as_stored = scene() if undo is None else scene().transpose(undo)
    picture = await pictures.to_reference(saved(as_stored, form, exif=with_gps(turn)), name="photo")
    assert (picture.width, picture.height) == (96, 64)
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


async def test_a_turned_heic_arrives_upright():
    data = saved(scene().transpose(Image.Transpose.ROTATE_90), "HEIF", quality=90, exif=with_gps(6).tobytes())
    picture = await pictures.to_reference(data, name="photo.heic")
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(3, "HH"), (4, "I")])
async def test_orientation_is_read_in_either_byte_order_and_width(order, kind, code):
    value = struct.pack(order + code, *((6, 0) if kind == 3 else (6,)))
    entry = struct.pack(f"{order}HHI", 0x0112, kind, 1) + value
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
    turned = saved(scene().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=b"Exif\0\0" + tiff)
    assert_shows_the_scene(seen(await pictures.to_reference(turned, name="photo.jpg")))


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x"]
)
async def test_broken_exif_does_not_cost_the_picture(exif):
    picture = await pictures.to_reference(saved(scene(), "JPEG", exif=exif), name="photo.jpg")
    assert_shows_the_scene(seen(picture))


# -- colours and transparency ----------------------------------------------------------------------------------------


def icc(space: bytes, connection: bytes, **tags: bytes) -> bytes:
    """A small colour profile: the header and the tags given."""
    offset, table, bodies = 132 + 12 * (len(tags) + 1), b"", b""
    for name, body in {"wtpt": xyz(0.9642, 1.0, 0.8249), **tags}.items():
        padded = body + bytes(-len(body) % 4)
        table += name.encode() + struct.pack(">II", offset + len(bodies), len(body))
        bodies += padded
    size = offset + len(bodies)
    header = struct.pack(">I4sI4s4s4s", size, b"test", 0x02100000, b"scnr", space, connection) + bytes(12) + b"acsp"
    header += bytes(28) + xyz(0.9642, 1.0, 0.8249)[8:]
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags) + 1) + table + bodies


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def with_red_and_green_exchanged() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"tmp!", b"gXYZ", 1)


def of_black_paper() -> bytes:
    """For inks: no ink at all is black, and any full ink is white."""
    identity = b"".join(struct.pack(">i", 65536 * (at % 4 == 0)) for at in range(9))
    ramp = bytes(range(256))
    grid = b"".join(bytes((255 if any(inks) else 0, 128, 128)) for inks in itertools.product((0, 1), repeat=4))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + 4 * ramp + grid + 3 * ramp
    return icc(b"CMYK", b"Lab ", A2B0=table)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
async def test_a_colour_profile_is_applied_and_dropped(form):
    red, green, blue = scene().split()
    odd = Image.merge("RGB", (green, red, blue))
    data = saved(odd, form, icc_profile=with_red_and_green_exchanged())
    picture = await pictures.to_reference(data, name="photo")
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


async def test_a_profile_that_is_srgb_anyway_costs_no_pixel():
    data = saved(scene(), "JPEG", quality=92, icc_profile=SRGB)
    picture = await pictures.to_reference(data, name="photo.jpg")
    assert_free_of_metadata(picture)
    assert picture.data == saved(scene(), "JPEG", quality=92)


@pytest.mark.parametrize("profile", [b"no profile", of_black_paper(), SRGB[:200]])
async def test_a_profile_that_does_not_fit_is_ignored(profile):
    picture = await pictures.to_reference(saved(scene(), "JPEG", icc_profile=profile), name="photo.jpg")
    assert_shows_the_scene(seen(picture))


async def test_the_profile_of_a_transparent_picture_leaves_it_transparent():
    red, green, blue = scene().split()
    odd = Image.merge("RGBA", (green, red, blue, Image.new("L", (96, 64), 77)))
    picture = await pictures.to_reference(saved(odd, "PNG", icc_profile=with_red_and_green_exchanged()), name="a.png")
    assert_shows_the_scene(seen(picture))
    assert seen(picture).getchannel("A").getextrema() == (77, 77)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
async def test_inks_become_colours(form):
    picture = await pictures.to_reference(saved(scene().convert("CMYK"), form), name="print")
    assert seen(picture).mode == "RGB"
    assert_shows_the_scene(seen(picture))


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
async def test_inks_become_colours_by_their_profile(form):
    unprinted = Image.new("CMYK", (32, 32), (0, 0, 0, 0))
    plain = await pictures.to_reference(saved(unprinted, form), name="print")
    assert seen(plain).convert("RGB").getpixel((16, 16)) == (255, 255, 255)
    picture = await pictures.to_reference(saved(unprinted, form, icc_profile=of_black_paper()), name="print")
    assert max(seen(picture).convert("RGB").getpixel((16, 16))) < 8


async def test_the_profile_of_greys_is_applied():
    linear = icc(b"GRAY", b"XYZ ", kTRC=b"curv\0\0\0\0" + struct.pack(">I", 0))
    data = saved(Image.new("L", (32, 32), 55), "PNG", icc_profile=linear)
    picture = await pictures.to_reference(data, name="grey.png")
    assert seen(picture).convert("L").getpixel((16, 16)) == pytest.approx(128, abs=3)  # 55/255 of the light


def grey_ramp(mode: str, white: float) -> Image.Image:
    ramp = (
        Image.linear_gradient("L").convert("I" if mode.startswith("I") else "F").point(lambda v: v * (white / 255) + 0)
    )
    return ramp.convert(mode)


@pytest.mark.parametrize(
    ("form", "mode", "white"),
    [
        ("PNG", "I;16", 65535),
        ("TIFF", "I;16", 65535),
        ("TIFF", "I;16B", 65535),
        ("TIFF", "I", 255),
        ("TIFF", "I", 65535),
        ("TIFF", "I", 2_000_000_000),
        ("TIFF", "F", 1),
        ("TIFF", "F", 255),
        ("TIFF", "F", 65535),
        ("TIFF", "F", 300_000),
    ],
)
async def test_deep_greys_keep_their_brightness(form, mode, white):
    picture = await pictures.to_reference(saved(grey_ramp(mode, white), form), name="scan")
    found = seen(picture)
    assert found.mode == "L"
    assert max(ImageChops.difference(found, Image.linear_gradient("L")).tobytes()) <= 1


async def test_a_black_float_picture_stays_black():
    picture = await pictures.to_reference(saved(Image.new("F", (8, 8)), "TIFF"), name="dark.tif")
    assert seen(picture).getextrema() == (0, 0)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
async def test_deep_colours_arrive_with_8_bits(colour, channels):
    pixel = struct.pack(">4H", 220 << 8, 30 << 8, 30 << 8, 0x8000)[: 2 * channels]
    data = png(20, 10, 16, colour, (b"\0" + 20 * pixel) * 10)
    picture = await pictures.to_reference(data, name="deep.png")
    assert seen(picture).convert("RGB").getpixel((10, 5)) == RED
    assert (picture.media_type, picture.data[24]) == ("image/png", 8)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LAB", "YCbCr"])
async def test_rare_modes_arrive(mode):
    form = "TIFF" if mode in {"LAB", "YCbCr"} else "PNG"
    image = scene().convert("YCbCr") if mode == "YCbCr" else scene()
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = to_lab.apply(image)
    elif mode == "P":
        image = image.quantize(8)
    else:
        image = image.convert(mode)
    picture = await pictures.to_reference(saved(image, form), name="rare")
    if mode in {"1", "L"}:
        assert not seen(picture).convert("L").getextrema()[0] > 120
    else:
        assert_shows_the_scene(seen(picture))


def transparent(mode: str) -> tuple[bytes, str]:
    """Half of it is clear, in each way that files know; with what Pillow calls the form."""
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 48, 64))
    if mode == "webp":
        return saved(image, "WEBP", quality=90), "WEBP"
    if mode == "gif":
        return saved(image, "GIF"), "GIF"
    if mode == "palette":
        return saved(image.quantize(16), "PNG"), "PNG"
    if mode == "one colour":
        flat = image.convert("RGB")
        return saved(flat, "PNG", transparency=(0, 0, 0)), "PNG"
    if mode == "heic":
        return saved(image, "HEIF", quality=90), "HEIF"
    return saved(image.convert(mode), "PNG"), "PNG"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "palette", "one colour", "webp", "gif", "heic"])
async def test_what_is_transparent_stays_so(mode):
    data, _ = transparent(mode)
    picture = await pictures.to_reference(data, name="logo")
    found = seen(picture).convert("RGBA")
    assert picture.media_type == "image/png"
    assert found.getpixel((24, 32))[3] == 0
    assert found.getpixel((72, 16))[3] == 255


async def test_transparency_that_does_not_fit_becomes_white():
    image = noise(200, 200).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 100, 200))
    data = saved(image, "PNG")
    picture = await pictures.to_reference(data, name="logo.png", max_bytes=len(data) // 3)
    assert picture.media_type == "image/jpeg"
    assert len(picture.data) <= len(data) // 3
    assert min(seen(picture).getpixel((picture.width // 5, picture.height // 2))) > 245


async def test_an_alpha_channel_that_hides_nothing_is_dropped():
    picture = await pictures.to_reference(saved(scene().convert("RGBA"), "WEBP", lossless=True), name="a.webp")
    assert seen(picture).mode == "RGB"


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "AVIF", "TIFF"])
async def test_of_an_animation_the_first_frame_arrives(form):
    frames = [Image.new("RGB", (96, 64), colour) for colour in (GREEN, BLUE)]
    data = saved(scene(), form, save_all=True, append_images=frames, **({} if form == "TIFF" else {"duration": 100}))
    assert sum(1 for _ in ImageSequence.Iterator(Image.open(io.BytesIO(data)))) == 3
    picture = await pictures.to_reference(data, name="dance")
    assert_shows_the_scene(seen(picture))
    assert getattr(seen(picture), "n_frames", 1) == 1
    assert b"acTL" not in picture.data


# -- what is private stays here --------------------------------------------------------------------------------------


def private_jpeg() -> bytes:
    """A photo of a phone: place, comment, edits, and after its end a second picture of the same moment."""
    xmp = b"<x:xmpmeta>" + GPS + b"</x:xmpmeta>"
    first = saved(scene(), "JPEG", quality=92, exif=with_gps(), comment=GPS, xmp=xmp)
    thumbnail = b"\xff\xe0" + struct.pack(">H", 16 + len(GPS)) + b"JFXX\0\x10" + bytes(8) + GPS
    return first[:2] + thumbnail + first[2:] + saved(scene(), "JPEG", exif=with_gps())


async def test_a_jpeg_loses_its_metadata_and_no_pixel():
    data = private_jpeg()
    assert data.count(GPS) >= 5
    picture = await pictures.to_reference(data, name="photo.jpg")
    assert_free_of_metadata(picture)
    assert picture.data == saved(scene(), "JPEG", quality=92)


async def test_a_jfif_thumbnail_does_not_travel():
    plain = saved(scene(), "JPEG")
    assert plain[2:4] == b"\xff\xe0"
    with_thumbnail = plain[:4] + struct.pack(">H", 16 + 3) + plain[6:18] + b"\x01\x01" + b"abc" + plain[20:]
    assert (await pictures.to_reference(with_thumbnail, name="photo.jpg")).data == plain


async def test_a_png_loses_its_metadata_and_no_pixel():
    info = PngInfo()
    info.add_text("prompt", GPS.decode())
    info.add_itxt("XML:com.adobe.xmp", f"<x>{GPS.decode()}</x>")
    info.add(b"prVt", GPS)
    data = saved(scene(), "PNG", pnginfo=info, exif=with_gps()) + GPS
    picture = await pictures.to_reference(data, name="screen.png")
    assert_free_of_metadata(picture)
    assert picture.data == saved(scene(), "PNG")


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "AVIF", "HEIF"])
async def test_other_kinds_lose_their_metadata(form):
    exif = with_gps().tobytes() if form == "HEIF" else with_gps()
    data = saved(scene(), form, exif=exif)
    assert GPS in data
    assert_free_of_metadata(await pictures.to_reference(data, name="photo"))


async def test_a_comment_is_not_carried_over_by_conversion():
    data = saved(noise(300, 300), "GIF", comment=GPS)
    picture = await pictures.to_reference(data, name="a.gif", max_bytes=20_000)
    assert picture.media_type == "image/jpeg"
    assert_free_of_metadata(picture)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg-progressive", "jpeg-restarts", "png"])
async def test_what_is_ready_to_send_is_left_untouched(kind):
    data = KINDS[kind]()
    assert (await pictures.to_reference(data, name="a")).data == data


async def test_what_inflates_beside_the_pixels_does_not_cost_the_picture():
    data = saved(scene(), "PNG")
    text = png_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(10_000_000)))
    profile = png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(10_000_000)))
    picture = await pictures.to_reference(data[:33] + text + profile + data[33:], name="a.png")
    assert picture.data == data


async def test_a_jpeg_with_garbage_between_its_parts_is_written_anew():
    data = saved(scene(), "JPEG", quality=92, exif=with_gps())
    at = data.index(b"\xff\xdb")
    picture = await pictures.to_reference(data[:at] + b"\0\0\0" + data[at:], name="a.jpg")
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


# -- no larger than allowed, no worse than needed --------------------------------------------------------------------


@pytest.mark.parametrize("quality", [80, 81, 87, 94, 95])
async def test_the_highest_quality_that_fits_is_found_before_the_picture_shrinks(quality):
    image = noise(600, 400)
    best = saved(image, "JPEG", quality=quality, subsampling="4:2:0")
    picture = await pictures.to_reference(saved(image, "BMP"), name="a.bmp", max_bytes=len(best))
    assert picture.data == best


@pytest.mark.parametrize("allowed", [20_000, 5_000, 1_500])
async def test_below_sensible_quality_the_picture_shrinks_instead(allowed):
    image = noise(600, 400)
    picture = await pictures.to_reference(saved(image, "PNG"), name="a.png", max_bytes=allowed)
    assert len(picture.data) <= allowed
    assert picture.width < 600
    assert picture.width / picture.height == pytest.approx(1.5, abs=0.1)
    tables = Image.open(io.BytesIO(picture.data)).quantization
    floor = Image.open(io.BytesIO(saved(image, "JPEG", quality=80))).quantization
    assert sum(tables[0]) <= sum(floor[0])


async def test_what_is_lossless_stays_so_while_it_fits():
    for kind in ("bmp", "gif", "tiff", "webp-lossless"):
        picture = await pictures.to_reference(KINDS[kind](), name=kind)
        assert picture.media_type == "image/png"
        assert_shows_the_scene(seen(picture), tolerance=0)


async def test_a_photo_over_7_mb_arrives_within_them():
    data = saved(noise(3600, 2400), "JPEG", quality=98, subsampling=0)
    assert len(data) > pictures.MAX_SENT_BYTES
    picture = await pictures.to_reference(data, name="photo.jpg")
    assert 0.8 * pictures.MAX_SENT_BYTES < len(picture.data) <= pictures.MAX_SENT_BYTES
    assert seen(picture).format == "JPEG"


async def test_one_pixel_is_a_picture():
    picture = await pictures.to_reference(saved(Image.new("RGB", (1, 1), RED), "PNG"), name="dot.png")
    assert seen(picture).getpixel((0, 0)) == RED


async def test_a_large_photo_leaves_the_event_loop_turning():
    flat = Image.linear_gradient("L").resize((8000, 5000))
    data = saved(Image.merge("RGB", (flat, flat, flat.transpose(Image.Transpose.ROTATE_180))), "JPEG", exif=with_gps(6))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    picture = await pictures.to_reference(data, name="landscape.jpg")
    counting.cancel()
    assert (picture.width, picture.height) == (5000, 8000)
    assert turns > 100  # a conversion on the loop lets it turn twice


def test_four_of_50_megapixels_at_once_stay_near_1_gb(tmp_path):
    wide = Image.new("RGB", (16_000, 3_100), RED)
    wide.save(tmp_path / "a.webp", method=0)  # the hungriest decoder: one alone takes three quarters of it
    wide.save(tmp_path / "b.jpg", subsampling=0, exif=with_gps(6))
    program = """
import asyncio, pathlib, resource, sys
from bot import pictures
async def main():
    webp, jpeg = (path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).iterdir()))
    turned = pictures.to_reference(jpeg, name="b.jpg")
    for picture in await asyncio.gather(pictures.preview(webp), turned, pictures.preview(webp), pictures.preview(jpeg)):
        print(picture.width, picture.height)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak // (1024 * 1024 if sys.platform == "darwin" else 1024))
asyncio.run(main())
"""
    root = Path(pictures.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=root, capture_output=True, text=True, check=True
    )
    *sizes, peak = ran.stdout.splitlines()
    assert sizes == ["512 99", "3100 16000", "512 99", "99 512"]
    assert int(peak) < 1_100  # MB


def test_no_event_loop_is_kept():
    for _ in range(2):
        assert asyncio.run(pictures.describe(KINDS["png"]())).width == 96


# -- refusals --------------------------------------------------------------------------------------------------------


async def refusal(data: bytes, name: str = "fox.png") -> str:
    with pytest.raises(UserError) as refused:
        await pictures.to_reference(data, name=name)
    sentence = str(refused.value)
    assert f"“{name}”" in sentence
    return sentence


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty (0 bytes)"),
        (b"\0", "not a picture"),
        (b"hello", "not a picture"),
        (b"BM is short for bitmap, but this is a letter", "not a picture"),
        (b"<html><body><img src=fox.png></body></html>", "not a picture"),
        (b"%PDF-1.7\n", "not a picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "not a picture"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a picture"),
        (b"PK\x03\x04", "not a picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a fox --><svg width="1">', "SVG drawing"),
        (b"\xff\x0a" + bytes(50), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"\0\0\x01\0\x01\0", "icon"),
        (b"\x89PNG\r\n\x1a\n", "damaged or incomplete"),
        (b"\xff\xd8\xff\xd9", "damaged or incomplete"),
        (b"GIF89a", "damaged or incomplete"),
        (b"II*\0\x08\0\0\0", "damaged or incomplete"),
        (b"RIFF\0\0\0\0WEBP", "damaged or incomplete"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged or incomplete"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "damaged or incomplete"),
        (png(4, 4, 8, 2, b"\0" * 5), "damaged or incomplete"),  # too few pixels, each checksum right
        (png(0, 4, 8, 2), "damaged or incomplete"),
        (png(100, 1, 8, 0, b"\0" * 101), "too narrow a strip (100 × 1 pixels)"),
        (png(1, 60_000, 8, 0, b"\0\0" * 60_000), "too narrow a strip (1 × 60,000 pixels)"),
    ],
)
async def test_what_is_no_whole_picture_is_refused_by_name_and_reason(data, reason):
    assert reason in await refusal(data)


async def test_over_30_mb_is_refused():
    data = saved(scene(), "PNG")
    at_limit = data + bytes(pictures.MAX_RECEIVED_BYTES - len(data))
    assert (await pictures.to_reference(at_limit, name="a.png")).data == data
    assert "has 30.1 MB and I can take 30 MB" in await refusal(at_limit + b"\0")


def announcing(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    """Headers that promise so many pixels, with nothing behind them: whoever decoded would call them damaged."""
    yield "png", png(width, height, 8, 2)
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\1\x22\0\2\x11\0\3\x11\0"
    scan = b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0"
    yield "jpeg", b"\xff\xd8\xff\xc0" + frame + scan + b"\xff\xd9"
    yield (
        "gif",
        b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0," + bytes(4) + struct.pack("<HH", 1, 1) + b"\0\2",
    )
    yield "bmp", b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, width, height, 1, 24, 0) + bytes(20)
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 4))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    yield "tiff", b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    yield "webp", b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size


@pytest.mark.parametrize(("width", "height"), [(10_000, 5_001), (16_000, 16_000), (65_000, 65_000)])
async def test_over_50_megapixels_is_refused_before_decoding(width, height):
    for kind, data in announcing(width, height):
        sentence = await refusal(data, f"fox.{kind}")
        assert f"({width:,} × {height:,}) and I can take 50" in sentence, sentence


async def test_50_megapixels_are_not_too_many():
    for kind, data in announcing(10_000, 5_000):
        assert "damaged" in await refusal(data, f"fox.{kind}")


async def test_refusals_round_up_so_that_a_limit_never_reads_as_kept():
    assert "has 50.1 megapixels" in await refusal(png(10_000, 5_001, 8, 2))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("fox.png", "“fox.png”"),
        ("", "The attached file"),
        (" \n\t\x00", "The attached file"),
        ("a\r\nb\x1b[31m\u202egnp.png", "“a b [31m gnp.png”"),
        ('my "best" “fox”.png', "“my 'best' 'fox'.png”"),
        ("C:\\Users\\ann\\fox.png", "“fox.png”"),
        ("../../etc/passwd", "“passwd”"),
        ("Füchse im Schnee – 雪.png", "“Füchse im Schnee – 雪.png”"),
    ],
)
async def test_file_names_fit_into_a_sentence(name, shown):
    with pytest.raises(UserError) as refused:
        await pictures.to_reference(b"", name=name)
    assert str(refused.value) == f"{shown} is empty (0 bytes). Please attach it again."


@given(st.text())
def test_no_file_name_breaks_a_sentence(name):
    shown = messages.file_name(name)
    assert len(shown) <= 62
    assert shown.isprintable()


def test_a_long_name_keeps_its_end():
    shown = messages.file_name(f"{'very ' * 40}long.heic")
    assert shown == "“very very very very very very very very ver…y very long.heic”"


# -- damage ----------------------------------------------------------------------------------------------------------


async def test_a_file_cut_off_anywhere_is_refused_or_lost_nothing(kind):
    data = KINDS[kind]()
    whole = (await pictures.to_reference(data, name="whole")).data
    lengths = range(0, len(data), max(1, len(data) // 150))
    refused = 0
    for length in lengths:
        try:
            picture = await pictures.to_reference(data[:length], name="part")
        except UserError:
            refused += 1
        else:
            assert seen(picture).convert("RGB").tobytes() == seen_bytes(whole)
    assert refused > 0.9 * len(lengths)


def seen_bytes(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


SAMPLES = {name: make() for name, make in KINDS.items()}


@settings(max_examples=400)
@given(st.data())
def test_of_damaged_files_only_sentences_come_out(draw):
    """Flipped, overwritten and lost bytes, in every kind of file."""
    data = bytearray(SAMPLES[draw.draw(st.sampled_from(sorted(SAMPLES)))])
    places = st.one_of(st.integers(0, min(len(data), 200) - 1), st.integers(0, len(data) - 1))
    for at, value in draw.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        data[at] = value
    if draw.draw(st.booleans()):
        start = draw.draw(places)
        del data[start : start + draw.draw(st.integers(1, 64))]
    assert_picture_or_sentence(bytes(data))


MAGICS = sorted({bytes(sample[:16]) for sample in SAMPLES.values()})


@settings(max_examples=300)
@given(st.one_of(st.just(b""), st.sampled_from(MAGICS)), st.binary(max_size=300))
def test_of_random_bytes_only_sentences_come_out(magic, rest):
    assert_picture_or_sentence(magic + rest)


def assert_picture_or_sentence(data: bytes) -> None:
    """Anything but UserError that is raised fails the test."""
    with contextlib.suppress(UserError):
        picture = asyncio.run(pictures.to_reference(data, name="fox"))
        assert len(picture.data) <= pictures.MAX_SENT_BYTES
        seen(picture)


# -- platforms' limits, previews, results ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpeg"])
async def test_within_a_limit_a_result_is_uploaded_untouched(kind):
    data = KINDS[kind]() if kind == "png" else private_jpeg()
    picture = await pictures.to_limit(data, max_bytes=len(data), max_side=96)
    assert picture.data == data
    assert (picture.width, picture.height) == (96, 64)


async def test_a_copy_keeps_to_the_bytes_and_sides_of_a_platform():
    data = saved(noise(600, 400), "PNG")
    small = await pictures.to_limit(data, max_bytes=len(data), max_side=300)
    assert (small.width, small.height, small.media_type) == (300, 200, "image/png")
    light = await pictures.to_limit(data, max_bytes=50_000)
    assert len(light.data) <= 50_000
    assert seen(light).format == "JPEG"


async def test_a_limit_that_nothing_keeps_is_the_callers_mistake():
    for size in ((60, 60), (1, 50)):
        with pytest.raises(ValueError, match="no picture fits into 30 bytes"):
            await pictures.to_limit(saved(noise(*size), "PNG"), max_bytes=30)


async def test_a_kind_that_platforms_may_not_show_is_converted():
    picture = await pictures.to_limit(KINDS["webp"](), max_bytes=1_000_000)
    assert_shows_the_scene(seen(picture))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "HEIF"])
async def test_previews_are_small_and_upright(form):
    exif = with_gps(6)
    data = saved(
        scene(900, 600).transpose(Image.Transpose.ROTATE_90),
        form,
        exif=exif.tobytes() if form == "HEIF" else exif,
    )
    picture = await pictures.preview(data, max_side=120)
    assert (picture.width, picture.height, picture.media_type) == (120, 80, "image/jpeg")
    assert_shows_the_scene(seen(picture))
    assert_free_of_metadata(picture)


async def test_previews_of_small_and_transparent_pictures():
    assert (await pictures.preview(KINDS["png"]())).width == 96
    logo = await pictures.preview(transparent("RGBA")[0], max_side=48)
    assert (logo.media_type, logo.width) == ("image/png", 48)


@pytest.mark.parametrize("kind", ["png", "jpeg", "jpeg-progressive"])
async def test_a_whole_result_is_kept_untouched(kind):
    data = KINDS[kind]()
    picture = await pictures.describe(data)
    assert picture.data == data
    seen(picture)


async def test_a_result_of_another_kind_is_converted_without_loss():
    picture = await pictures.describe(KINDS["webp-lossless"]())
    assert picture.media_type == "image/png"
    assert_shows_the_scene(seen(picture), tolerance=0)


@pytest.mark.parametrize("look", [pictures.describe, pictures.preview])
async def test_a_result_that_is_not_whole_is_a_value_error(kind, look):
    data = KINDS[kind]()
    for broken in (b"", b"<html>502 Bad Gateway</html>", data[: len(data) // 2]):
        with pytest.raises(ValueError, match=r"^The picture is "):
            await look(broken)


# -- what a listing shows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "media_type"),
    [
        (None, None),
        (1, ""),
        (30_000_000, "image/png"),
        (5, "application/octet-stream"),
        (5, "binary/octet-stream"),
        (5, "IMAGE/HEIC"),
        (5, "image/x-something-new"),
        (5, "nonsense"),
    ],
)
def test_what_may_be_a_picture_is_fetched(size, media_type):
    assert pictures.too_large_by_metadata("fox.png", size, media_type) is None


@pytest.mark.parametrize(
    ("size", "media_type", "reason"),
    [
        (0, "image/png", "is empty (0 bytes)"),
        (30_000_001, "image/png", "has 30.1 MB and I can take 30 MB"),
        (31_000_000_000, None, "has 31,000 MB"),
        (5, "application/pdf", "is a PDF, not a picture"),
        (5, "video/mp4", "is a video, not a picture"),
        (99_000_000, "video/mp4", "is a video, not a picture"),
        (5, "Audio/MPEG; rate=44100", "is a sound, not a picture"),
        (5, "text/plain; charset=utf-8", "is a text, not a picture"),
        (5, "application/zip", "is some other file, not a picture"),
        (5, "image/svg+xml", "is an SVG drawing"),
    ],
)
def test_what_cannot_be_a_picture_is_refused_at_once(size, media_type, reason):
    sentence = pictures.too_large_by_metadata("fox.png", size, media_type)
    assert sentence is not None
    assert sentence.startswith("“fox.png” ")
    assert reason in sentence
