"""Pictures: their size, their words, and what they are built upon."""

import base64
import io
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from bot.emulator import Behaviour, EmulatorOptions
from bot.emulator.catalogue import CATALOGUE
from bot.emulator.lettering import fitted, legible
from bot.emulator.painter import Brief, encode, paint, sketch
from tests.bot.emulator.caller import Caller, next_turn, opened, png, served

SQUARE = (512, 512)
RATIOS = [
    ("1:1", (1024, 1024)),
    ("2:3", (832, 1248)),
    ("3:2", (1248, 832)),
    ("3:4", (864, 1184)),
    ("4:3", (1184, 864)),
    ("4:5", (896, 1152)),
    ("5:4", (1152, 896)),
    ("9:16", (768, 1344)),
    ("16:9", (1344, 768)),
    ("21:9", (1536, 672)),
]


def difference(one: Image.Image, other: Image.Image, box: tuple[int, int, int, int] | None = None) -> float:
    """Mean distance of two pictures, 0 (alike) to 255, in a part of them."""
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return sum(ImageStat.Stat(apart.crop(box) if box else apart).mean) / 3


def painted(words: str, variant: int = 0, size: tuple[int, int] = SQUARE, **more: Any) -> Image.Image:
    return paint(Brief(words=words, size=size, **more), variant)


def edit(base: Image.Image, words: str, **more: Any) -> Image.Image:
    return painted(words, size=base.size, base=encode(base, "png", None), **more)


class TestSizes:
    @pytest.mark.parametrize(("ratio", "size"), RATIOS)
    async def test_picture_has_the_exact_size_of_its_ratio(self, caller: Caller, ratio: str, size: tuple[int, int]):
        assert opened(await caller.picture(await caller.made("a fox", aspect_ratio=ratio))).size == size

    @pytest.mark.parametrize(("ratio", "size"), RATIOS)
    def test_painted_picture_too(self, ratio: str, size: tuple[int, int]):
        image = painted("a fox in a cup, at night, beside a house on a hill", size=size)
        assert (image.size, image.mode) == (size, "RGB")

    async def test_other_models_have_their_own_sizes(self, caller: Caller):
        payload = {"prompt": "a fox", "aspect_ratio": "16:9"}
        answer = await caller.post(payload, model="gemini-3.1-flash-image")
        assert opened(await caller.picture(await caller.look(answer.json()["request_id"]))).size == (1376, 768)

    def test_every_model_has_a_square(self):
        assert {model.sizes["1:1"] for model in CATALOGUE} == {(1024, 1024)}


class TestPainting:
    @pytest.mark.parametrize("draw", [paint, sketch])
    def test_same_brief_same_picture_and_any_change_another(self, draw: Any):
        brief = Brief(words="a quiet morning", size=SQUARE)
        others = [
            draw(Brief(words="a quiet evening", size=SQUARE), 0),
            draw(brief, 1),
            draw(Brief(words="a quiet morning", size=SQUARE, references=(png(),)), 0),
            draw(Brief(words="a quiet morning", size=SQUARE, base=png()), 0),
        ]

        picture = encode(draw(brief, 0), "png", None)
        assert encode(draw(brief, 0), "png", None) == picture
        assert len({picture, *(encode(other, "png", None) for other in others)}) == 5

    @pytest.mark.parametrize(
        "words",
        ["日本の夜桜", "Привет мир", "مرحبا بالعالم", "🦊🌲", "é" * 50, "\x00\x07", "", "x" * 4000, "word " * 800],
    )
    def test_any_words_can_be_painted(self, words: str):
        first = painted(words)
        assert edit(first, words).size == SQUARE

    def test_words_stand_on_the_picture(self):
        titled = painted("a fox of the hills")
        plate = titled.crop((26, 400, 486, 486)).convert("L")
        bright = sum(1 for value in plate.get_flattened_data() if value > 220)

        assert 0.02 < bright / (plate.width * plate.height) < 0.4

    def test_colours_named_are_seen(self):
        blue, red = (ImageStat.Stat(painted(f"a {colour} valley")).mean for colour in ("blue", "red"))

        assert blue[2] - blue[0] > red[2] - red[0] + 40

    def test_moods_named_are_seen(self):
        night, day = (ImageStat.Stat(painted(f"hills at {mood}").convert("L")).mean[0] for mood in ("night", "noon"))

        assert night < day - 40

    def test_references_are_seen_as_framed_prints(self):
        green, magenta = png((0, 250, 0)), png((250, 0, 250))
        picture = painted("two friends", references=(green, magenta))

        seen = picture.getcolors(SQUARE[0] * SQUARE[1]) or []
        for colour in ((0, 250, 0), (250, 0, 250)):
            area = sum(count for count, one in seen if sum(abs(a - b) for a, b in zip(one, colour, strict=True)) < 12)
            assert area > 3000

    def test_rotated_and_transparent_references(self):
        turned, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (400, 100), (9, 9, 9)).save(turned, "JPEG", exif=exif)
        clear = io.BytesIO()
        Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(clear, "WEBP")

        assert painted("two", references=(turned.getvalue(), clear.getvalue())).size == SQUARE


class TestEdits:
    def test_edit_keeps_the_picture_recognisable(self):
        first = painted("a lighthouse by the sea")
        second = edit(first, "make it sound like jazz")
        lower = (0, 260, 512, 512)

        assert difference(first, second) > 2
        assert difference(first, second, lower) < 0.5 * difference(first, painted("neon city"), lower)

    def test_edit_of_another_picture_is_another_picture(self):
        one, other = painted("a lighthouse by the sea"), painted("neon city")

        assert difference(edit(one, "at night"), edit(other, "at night")) > 10

    def test_colour_of_an_edit_is_seen(self):
        first = painted("hills")
        blue, red = (ImageStat.Stat(edit(first, f"make it {colour}")).mean for colour in ("blue", "red"))

        assert blue[2] > red[2] + 20
        assert red[0] > blue[0] + 20

    @pytest.mark.parametrize(
        ("words", "brighter"), [("at night", False), ("darker", False), ("let it snow", True), ("brighter", True)]
    )
    def test_light_of_an_edit_is_seen(self, words: str, brighter: bool):  # noqa: FBT001 - a parameter of the test
        first = painted("a red valley")
        before, after = (ImageStat.Stat(image.convert("L")).mean[0] for image in (first, edit(first, words)))

        assert (after > before + 5) if brighter else (after < before - 5)

    @pytest.mark.parametrize("words", ["in sepia", "black and white", "mirror it", "foggy", "a frame", "rain", "pixel art",
                                       "confetti", "posterize it", "blurred", "upside down", "at sunset", "inverted"])  # fmt: skip
    def test_every_known_change_changes_something(self, words: str):
        first = painted("a red valley")

        assert difference(first, edit(first, words), (0, 100, 512, 512)) > 1

    def test_earlier_captions_stay_legible(self):
        first = painted("a red valley")
        second = edit(first, "at night")
        third = edit(second, "in sepia", edits=("at night",))
        caption = (26, 24, 110, 44)

        assert difference(second, third, caption) < 3
        assert difference(first, second, caption) > 20

    def test_other_shape_shows_the_whole_picture(self):
        first = painted("a red valley", size=(512, 512))
        wide = painted("make it wide", size=(1024, 448), base=encode(first, "png", None))

        whole = first.resize((448, 448))
        assert difference(wide.crop((288, 100, 736, 448)), whole.crop((0, 100, 448, 448))) < 15


class TestBuilding:
    """The same, through the service."""

    @pytest.fixture
    def options(self) -> EmulatorOptions:
        return EmulatorOptions()

    async def look_of(self, caller: Caller, payload: dict[str, Any]) -> tuple[dict[str, Any], Image.Image]:
        record = await caller.look((await caller.post(payload)).json()["request_id"])
        assert record["status"] == "success", record
        return record, opened(await caller.picture(record)).convert("RGB")

    async def test_edit_by_contents_and_by_reference_build_on_the_same_picture(self, caller: Caller):
        record, first = await self.look_of(caller, {"prompt": "a boat at sea"})
        by_contents = {"contents": next_turn(record, "let us whisper")}
        by_image = {"prompt": "let us whisper", "image": [record["outcome"]["media_urls"][0]["url"]]}
        _, one = await self.look_of(caller, by_contents)
        _, other = await self.look_of(caller, by_image)

        assert difference(one, other) == 0
        assert 0.5 < difference(first, one) < 40

    async def test_third_turn_builds_on_the_second(self, caller: Caller):
        first, _ = await self.look_of(caller, {"prompt": "a boat at sea"})
        second, sepia = await self.look_of(caller, {"contents": next_turn(first, "in sepia")})
        _, third = await self.look_of(caller, {"contents": next_turn(second, "let us whisper")})
        _, branch = await self.look_of(caller, {"contents": next_turn(first, "let us whisper")})

        lower = (0, 600, 1024, 1024)
        assert difference(sepia, third, lower) < difference(sepia, branch, lower)

    async def test_reference_of_an_edit_is_seen_and_is_not_what_is_edited(self, caller: Caller):
        record, first = await self.look_of(caller, {"prompt": "a boat at sea"})
        green = {"fileData": {"mimeType": "image/png", "fileUri": await caller.upload(png((0, 250, 0)))}}
        contents = [*next_turn(record, "")[:-1], {"role": "user", "parts": [{"text": "with this"}, green]}]
        _, picture = await self.look_of(caller, {"contents": contents})

        seen = picture.getcolors(1024 * 1024) or []
        assert sum(count for count, one in seen if one[1] > 235 and max(one[0], one[2]) < 20) > 10_000
        assert difference(first, picture, (0, 600, 600, 1024)) < 20

    async def test_history_may_carry_its_pictures_inline(self, caller: Caller):
        record, first = await self.look_of(caller, {"prompt": "a boat at sea"})
        data = base64.b64encode(await caller.picture(record)).decode()
        contents = next_turn(record, "let us whisper")
        contents[1] = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}
        _, picture = await self.look_of(caller, {"contents": contents})

        assert difference(first, picture) < 40

    async def test_first_turn_with_an_uploaded_picture_is_no_edit(self, caller: Caller):
        uploaded = await caller.upload(png((0, 250, 0)))
        _, picture = await self.look_of(caller, {"prompt": "a boat at sea", "image": uploaded})
        _, plain = await self.look_of(caller, {"prompt": "a boat at sea"})

        assert picture.size == plain.size
        seen = picture.getcolors(1024 * 1024) or []
        green = sum(count for count, one in seen if one[1] > 235 and max(one[0], one[2]) < 20)
        assert 10_000 < green < 60_000


class TestFiles:
    @pytest.mark.parametrize("size", [100_000, 1_500_000])
    def test_padding_is_exact_and_harmless(self, size: int):
        image = sketch(Brief(words="a fox", size=SQUARE), 0)
        padded = encode(image, "png", size)

        assert len(padded) == size
        assert difference(opened(padded), image) == 0

    def test_no_padding_where_the_picture_is_larger_already(self):
        image = painted("a fox")
        assert encode(image, "png", 1000) == encode(image, "png", None)

    def test_painted_pictures_are_not_heavy(self):
        words = "a red fox and a lighthouse in the snow"
        assert 20_000 < len(encode(painted(words, size=(1024, 1024)), "png", None)) < 500_000


class TestLettering:
    @pytest.mark.parametrize(
        ("words", "shown"),
        [("Der Bär — groß", "Der Bar - gross"), ("“naïve” Łódź", '"naive" Lodz'), ("日本", ""), ("a\nb\tc", "a b c")],
    )
    def test_letters_that_the_font_lacks(self, words: str, shown: str):
        assert legible(words) == shown

    def test_long_words_are_cut_into_lines_with_an_ellipsis_at_the_end(self):
        block = fitted("word " * 900, 400, 100, 30, 12)

        assert block.lines[-1].endswith("...")
        assert len(block.lines) * block.line_height <= 100
        assert all(block.font.getlength(line) <= 400 for line in block.lines)

    def test_endless_word_is_broken(self):
        block = fitted("x" * 200, 300, 400, 20, 12)

        assert "".join(block.lines) == "x" * 200
        assert all(block.font.getlength(line) <= 300 for line in block.lines)


class TestSigned:
    @pytest.mark.parametrize("image_format", ["png", "jpeg"])
    async def test_same_request_twice_makes_two_files_of_one_picture(self, image_format: str):
        options = EmulatorOptions(paint=False, signed=True, behaviour=Behaviour(image_format=image_format))
        async with served(options) as (_, caller):
            one, other = [await caller.picture(await caller.made("a fox")) for _ in range(2)]
        assert one != other
        assert ImageChops.difference(opened(one), opened(other)).getbbox() is None
