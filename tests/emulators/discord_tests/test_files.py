"""Where are files to be had, and for how long?"""

import aiohttp
import pytest

from tests.emulators.discord import Upload
from tests.emulators.discord_tests.pictures import PNG

DAY = 24 * 3600


@pytest.fixture
async def fetch():
    async with aiohttp.ClientSession() as session:

        async def fetch(url):
            async with session.get(url) as answer:
                return answer.status, await answer.read(), answer.content_type

        yield fetch


@pytest.fixture
def link(rest, general):
    async def link(message):
        _, shown = await rest("GET", f"/channels/{general.id}/messages/{message.id}")
        return shown["attachments"][0]["url"]

    return link


async def test_a_link_leads_to_the_bytes_for_a_day_and_a_fresh_one_after_that(emulator, fetch, link, general, ann):
    message = ann.writes(general, files=[Upload(name="a.png", data=PNG)])
    first = await link(message)
    assert await fetch(first) == (200, PNG, "image/png")
    emulator.clock.advance(DAY + 1)
    status, body, _ = await fetch(first)
    assert (status, body) == (404, b"This content is no longer available.")
    assert (await fetch(await link(message)))[0] == 200


async def test_a_link_must_be_signed_by_discord(fetch, link, general, ann):
    url = await link(ann.writes(general, files=[Upload(name="a.png", data=PNG)]))
    forged = url.replace("ex=", "ex=f")
    other = url.replace("a.png", "b.png")
    for bad in (url.partition("?")[0], forged, other, url.replace("hm=", "hm=0")):
        assert (await fetch(bad))[0] == 404


async def test_a_file_says_what_it_claims_to_be(rest, general, ann):
    upload = Upload(name="a.png", data=b"no picture", media_type="image/webp", size=5, description="a fox")
    message = ann.writes(general, files=[upload, Upload(name="b.png", data=PNG)])
    _, shown = await rest("GET", f"/channels/{general.id}/messages/{message.id}")
    lies, true = shown["attachments"]
    assert (lies["content_type"], lies["size"], "width" in lies, lies["description"]) == (
        "image/webp",
        5,
        False,
        "a fox",
    )
    assert (true["content_type"], true["width"], true["height"]) == ("image/png", 2, 3)


async def test_a_file_given_to_a_command_is_removed_after_a_while(emulator, fetch, asked, general, ann):
    interaction = ann.slash(general, "imagine", prompt="x", image=Upload(name="a.png", data=PNG))
    (attachment,) = interaction.data["resolved"]["attachments"].values()
    assert (await fetch(attachment["url"]))[0] == 200
    emulator.clock.advance(DAY + 1)
    assert (await fetch(attachment["url"]))[0] == 404


async def test_a_file_of_an_edit_is_served_and_the_one_it_replaces_is_not(rest, fetch, link, general):
    _, posted = await rest("POST", f"/channels/{general.id}/messages", {"content": "x"}, files=[("a.png", PNG)])
    path = f"/channels/{general.id}/messages/{posted['id']}"
    first = posted["attachments"][0]["url"]
    _, edited = await rest("PATCH", path, {"attachments": []}, files=[("b.png", PNG)])
    assert (await fetch(edited["attachments"][0]["url"]))[:2] == (200, PNG)
    assert (await fetch(first))[0] == 404


async def test_a_file_goes_with_its_message_unless_it_was_passed_on(fetch, link, general, ann):
    message = ann.writes(general, files=[Upload(name="a.png", data=PNG)])
    kept = ann.writes(general, files=[Upload(name="a.png", data=PNG)])
    ann.writes(general, forward=kept)
    urls = [await link(message), await link(kept)]
    ann.deletes(message)
    ann.deletes(kept)
    assert [(await fetch(url))[0] for url in urls] == [404, 200]


async def test_files_fail_and_break_off_when_told_to(emulator, fetch, link, general, ann):
    url = await link(ann.writes(general, files=[Upload(name="a.png", data=PNG)]))
    emulator.faults.lay("CDN", status=503)
    assert (await fetch(url))[0] == 503
    emulator.faults.lay("CDN", cut_at=10)
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(url)
    emulator.faults.lay("CDN", times=2, reset=True)  # a connection that was used before is tried once more by aiohttp
    with pytest.raises(aiohttp.ClientConnectionError):
        await fetch(url)
    assert (await fetch(url))[0] == 200
