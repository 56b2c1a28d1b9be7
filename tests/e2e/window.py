"""What a person does in a browser window with the playground open, in their words."""

import base64
import io
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"

_CARRY = """([element, files]) => {
  const carried = new DataTransfer();
  for (const [name, type, data] of files)
    carried.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
  return carried;
}"""
_PASTE = f"""([element, files]) => element.dispatchEvent(new ClipboardEvent("paste",
  {{ clipboardData: ({_CARRY})([element, files]), bubbles: true, cancelable: true }}))"""
_DROP = f"""([element, files]) => {{
  const dataTransfer = ({_CARRY})([element, files]);
  for (const type of ["dragenter", "dragover", "drop"])
    element.dispatchEvent(new DragEvent(type, {{ dataTransfer, bubbles: true, cancelable: true }}));
}}"""


class Window:
    """One open page. Everything that is waited for is waited for by what it shows."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    # -- going places -------------------------------------------------------------------------------------------

    def opens(self, path: str = "/") -> "Window":
        self.page.goto(self._address + path)
        return self

    def comes_in_as(self, name: str) -> "Window":
        """To a channel, for the first time."""
        self.page.locator(".channel").get_by_label("What should others call you?").fill(name)
        self.page.keyboard.press("Enter")
        expect(self.new_picture).to_be_focused()
        return self

    @property
    def new_picture(self) -> Locator:
        return self.page.get_by_label("Describe a new picture")

    @property
    def reply(self) -> Locator:
        return self.page.locator(".thread textarea")

    # -- saying things ------------------------------------------------------------------------------------------

    def imagines(self, words: str) -> "Window":
        self.new_picture.fill(words)
        self.new_picture.press("Enter")
        return self

    def replies(self, words: str) -> "Window":
        self.reply.fill(words)
        self.reply.press("Enter")
        return self

    def pastes(self, box: Locator, *files: tuple[str, str, bytes]) -> None:
        box.evaluate(f"(element, files) => ({_PASTE})([element, files])", _encoded(files))

    def drops(self, place: Locator, *files: tuple[str, str, bytes]) -> None:
        place.evaluate(f"(element, files) => ({_DROP})([element, files])", _encoded(files))

    def has_attached(self, number: int) -> None:
        """So many pictures are attached and have arrived."""
        expect(self.page.locator(".composer:visible .composer-files li:not([data-uploading])")).to_have_count(number)

    # -- seeing things ------------------------------------------------------------------------------------------

    def version(self, number: int) -> Locator:
        """The request that became this version, or will if nothing fails before it: the thread's first is 1."""
        return self.versions().nth(number - 1)

    def versions(self) -> Locator:
        return self.page.locator(".thread .turn")

    def sees(self, number: int, stage: str, *, within: float = 20) -> Locator:
        """A version in this stage; seconds."""
        version = self.version(number)
        expect(version).to_have_attribute("data-stage", stage, timeout=within * 1000)
        return version

    def sees_picture(self, number: int, *, of: str) -> str:
        """A picture that has really been loaded, with these words as its alternative text; returns its address."""
        picture = self.sees(number, "done").locator(".print img").first
        expect(picture).to_have_attribute("alt", of)
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 500
        return picture.get_attribute("src")

    def is_told(self, *words: str) -> None:
        for each in words:
            expect(self.page.locator(".notice:visible")).to_contain_text(each)

    def photographs(self, name: str) -> None:
        """For people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def a_png(colour: str, *, size: tuple[int, int] = (300, 200)) -> bytes:
    picture = Image.new("RGB", size, colour)
    ImageDraw.Draw(picture).ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill="white")
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def _encoded(files: tuple[tuple[str, str, bytes], ...]) -> list[list[str]]:
    return [[name, media_type, base64.b64encode(data).decode()] for name, media_type, data in files]
