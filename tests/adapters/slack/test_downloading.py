"""Who is given the bot's token when members' files are fetched, and what is said of files that are not at Slack?"""

import time
from contextlib import asynccontextmanager

import aiohttp.web
import pytest
from pydantic import SecretStr

from adapters.slack import wording
from adapters.slack.api import Api
from adapters.slack.downloading import Downloads
from adapters.slack.settings import Settings
from adapters.slack.timing import Timing
from tests.adapters.slack.village import upload
from tests.emulators.slack import Fault, Upload
from tests.world import photos


@asynccontextmanager
async def elsewhere(data):
    """A host that is not Slack's: its address, and the headers of all who came."""
    seen = []

    async def answer(request):
        seen.append(dict(request.headers))
        return aiohttp.web.Response(body=data, content_type="image/png")

    app = aiohttp.web.Application()
    app.router.add_get("/{name}", answer)
    runner = aiohttp.web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


async def test_link_to_another_companys_drive_is_told_and_not_fetched(village, ann, art):
    await village.heard()
    async with elsewhere(photos.png().data) as (host, seen):
        cat = Upload(name="cat.png", mode="external", address=f"{host}/cat.png", size=7, media_type="image/png")
        ann.writes(art, "@darkroom a fox like this", files=[cat])
        await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_external("cat.png")
    assert seen == []
    assert village.paid() == 0


async def test_address_that_is_not_slacks_is_not_asked(village, ann, art):
    await village.heard()
    async with elsewhere(photos.png().data) as (host, seen):
        cat = upload(photos.png("cat.png"))
        message = ann.writes(art, "@darkroom a fox like this", files=[cat])
        message.files[0].address = f"{host}/cat.png"
        await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_closed("cat.png")
    assert seen == []


async def test_token_is_not_taken_along_to_another_host(village, slack, ann, art):
    await village.heard()
    async with elsewhere(photos.png().data) as (host, seen):
        slack.inject(Fault(kind="moved", method="(download)", location=f"{host}/cat.png"))
        ann.writes(art, "@darkroom a fox like this", files=[upload()])
        await village.done()
    [headers] = seen
    assert "Authorization" not in headers
    assert not any(slack.bot_token in value for value in headers.values())
    assert len(village.world.sent("a fox like this").payload["image"]) == 1


async def test_redirects_without_end_lead_to_no_file(village, slack, ann, art):
    await village.heard()
    message = ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    again = f"{slack.api_url.removesuffix('/api/')}/files-pri/{slack.workspace.id}-{message.files[0].id}/cat.png"
    slack.inject(Fault(kind="moved", method="(download)", location=again, times=None))
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_behind_sign_in("cat.png")


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("https://files.slack.com/files-pri/T1-F1/cat.png", True),
        ("https://slack.com/files-pri/T1-F1/cat.png", True),
        ("https://files.slack.com:443/cat.png", True),
        ("https://files.slack-gov.com/cat.png", True),
        ("https://slack-files.com/cat.png", True),
        ("https://api.example/files/cat.png", True),  # the host of SLACK_API_URL
        ("http://files.slack.com/cat.png", False),
        ("https://files.slack.com:8443/cat.png", False),
        ("https://evilslack.com/cat.png", False),
        ("https://slack.com.evil.example/cat.png", False),
        ("https://slack.com@evil.example/cat.png", False),
        ("https://evil.example/slack.com/cat.png", False),
        ("http://api.example/cat.png", False),
        ("https://api.example:8443/cat.png", False),
        ("https://[", False),
        ("https://files.slack.com:port/cat.png", False),
        ("", False),
    ],
)
def test_only_slacks_own_hosts_are_given_the_token(url, given):
    settings = Settings(slack_bot_token=SecretStr("xoxb-test"), slack_api_url="https://api.example/api/")
    assert Downloads(Api(settings, Timing(now=time.time)))._is_slacks(url) is given
