"""Does a picture come as what its bytes are, once, and never as something that could run?"""

import asyncio
import io

import pytest
from PIL import Image

from adapters.web.gallery import PREVIEW_SECONDS, _Previews
from bot.ports import StoreBusy
from tests.adapters.web.site import PASSWORD


def picture(kind="PNG", size=(1200, 800), colour="teal"):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return data.getvalue()


@pytest.fixture
async def client(serve):
    async with serve() as client:
        yield client


class Counting:
    """Views that count how often a picture was read."""

    def __init__(self, views):
        self.views = views
        self.reads = 0

    async def picture(self, sha256):
        self.reads += 1
        return await self.views.picture(sha256)


async def test_picture_comes_as_what_its_bytes_are(client, store):
    for kind, subtype, extension in (
        ("PNG", "png", "png"),
        ("JPEG", "jpeg", "jpg"),
        ("WEBP", "webp", "webp"),
        ("GIF", "gif", "gif"),
        ("BMP", "bmp", "bmp"),
    ):
        data = picture(kind)
        sha256 = await store.put_blob(data, 0)
        answer = await client.get(f"/pictures/{sha256}")
        assert answer.content == data
        assert answer.headers["content-type"] == f"image/{subtype}"
        assert answer.headers["content-disposition"] == f'inline; filename="darkroom-{sha256[:12]}.{extension}"'
        assert answer.headers["cache-control"].startswith("private")
        assert "immutable" in answer.headers["cache-control"]
        assert (await client.head(f"/pictures/{sha256}")).headers["content-length"] == str(len(data))


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


async def test_what_is_no_picture_is_only_ever_saved(client, store):
    for data in (SVG, b"<html><script>alert(1)</script></html>", b"", b"%PDF-1.7"):
        sha256 = await store.put_blob(data, 0)
        answer = await client.get(f"/pictures/{sha256}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert (await client.get(f"/pictures/{sha256}?w=512")).status_code == 415, data


async def test_picture_can_be_saved_under_a_name(client, store):
    sha256 = await store.put_blob(picture(), 0)
    answer = await client.get(f"/pictures/{sha256}?download")
    assert answer.headers["content-disposition"] == f'attachment; filename="darkroom-{sha256[:12]}.png"'


async def test_unknown_picture_is_told_so(client):
    for name in ("0" * 64, "0" * 63, "g" * 64, "A" * 64, "..%2f..%2fetc%2fpasswd", "x" * 5_000, "0" * 64 + "?w=100"):
        assert (await client.get(f"/pictures/{name}")).status_code == 404, name


async def test_browser_that_has_it_gets_it_no_second_time(client, store):
    sha256 = await store.put_blob(picture(), 0)
    for path in (f"/pictures/{sha256}", f"/pictures/{sha256}?w=256"):
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_preview_has_about_the_size_that_was_asked_for(client, store):
    sha256 = await store.put_blob(picture(), 0)
    for asked, longer in ((1, 128), (256, 256), (300, 512), (1024, 1024), (99999, 1024)):
        answer = await client.get(f"/pictures/{sha256}?w={asked}")
        with Image.open(io.BytesIO(answer.content)) as preview:
            assert max(preview.size) == longer
            assert Image.MIME[preview.format] == answer.headers["content-type"]


async def test_width_that_is_no_number_is_told_so(client, store):
    sha256 = await store.put_blob(picture(), 0)
    for width in ("", "x", "-1", "1e3", "²", "1" * 5_000):
        assert (await client.get(f"/pictures/{sha256}", params={"w": width})).status_code == 400, width


async def test_store_that_is_busy_is_asked_again_later(client, views, monkeypatch):
    async def picture(self, sha256):
        raise StoreBusy("database is locked")

    monkeypatch.setattr(type(views), "picture", picture)
    for query in ("", "?w=128"):
        answer = await client.get(f"/pictures/{'0' * 64}{query}")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "database" not in answer.text


async def test_preview_is_made_once_however_many_ask(store, views, clock):
    counting, previews = Counting(views), _Previews(clock)
    sha256 = await store.put_blob(picture(), 0)
    made = await asyncio.gather(*(previews.get(counting, sha256, 256) for _ in range(10)))
    assert all(preview is made[0] for preview in made)
    assert counting.reads == 1


async def test_preview_does_not_long_outlive_its_picture(store, views, clock):
    counting, previews = Counting(views), _Previews(clock)
    sha256 = await store.put_blob(picture(), 0)
    await previews.get(counting, sha256, 256)
    clock.advance(PREVIEW_SECONDS)
    await previews.get(counting, sha256, 256)
    assert counting.reads == 2


async def test_previews_that_are_kept_have_a_limit(store, views, clock, monkeypatch):
    monkeypatch.setattr("adapters.web.gallery.MAX_PREVIEW_BYTES", 2_000)
    previews = _Previews(clock)
    for red in range(0, 250, 25):
        await previews.get(views, await store.put_blob(picture(colour=(red, 0, 0)), 0), 256)
        assert previews._bytes == sum(len(preview.data) for _, preview in previews._kept.values()) <= 2_000


async def test_pictures_are_behind_the_password(serve, store):
    sha256 = await store.put_blob(picture(), 0)
    async with serve(password=PASSWORD) as client:
        assert (await client.get(f"/pictures/{sha256}")).status_code == 401
        await client.post("/login", data={"password": PASSWORD})
        assert (await client.get(f"/pictures/{sha256}")).status_code == 200
