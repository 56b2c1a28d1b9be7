"""A real process is killed in the middle of everything, and another one starts on what it left."""

import asyncio

import pytest

from bot import app, limits
from bot.changes import Changes
from bot.emulator import Emulator, EmulatorOptions
from bot.metrics import Metrics
from bot.model import Attachment, ConversationRef, ImageRequest, JobQuery, JobState, Person
from bot.service import Service
from tests.e2e.program import KEY, running
from tests.world import photos

MODEL = "gemini-2.5-flash-image"


@pytest.fixture
async def emulator():
    made = Emulator(EmulatorOptions(keys=(KEY,), paint=False))
    async with made.serve():
        yield made


@pytest.fixture
def settings(emulator):
    return {"PLATFORMS": "web", "HTTP_PORT": "0", "GMI_BASE_URL": emulator.base_url, "GMI_API_KEY": KEY}


async def accepted(folder, emulator, ask):
    """Requests as the bot's own front door accepts them, while no bot is running: they are owed an answer."""
    store = await app.open_store(f"sqlite:///{folder}/data/darkroom.db", exclusive=True)
    clock = lambda: emulator.clock.now().wall  # noqa: E731
    service = Service(
        store, Changes(), Metrics(), limits=limits.Limits(max_open_jobs_per_user=None), model=MODEL, clock=clock
    )
    try:
        await ask(service)
    finally:
        await store.close()


def request(words, *, thread=None, attachments=()):
    place = ConversationRef(platform="web", workspace="playground", channel="general", thread=thread or words)
    return ImageRequest(
        source_id=f"web:{words}",
        requester=Person(id="ann", name="Ann"),
        place=place,
        text=words,
        attachments=attachments,
    )


async def audit(folder, emulator, *words):
    """Each was answered once, with the picture that was made for it and paid once."""
    store = await app.open_store(f"sqlite:///{folder}/data/darkroom.db", read_only=True)
    try:
        jobs = {job.prompt: job for job in await store.jobs(JobQuery())}
        assert sorted(jobs) == sorted(words)
        for one in words:
            job = jobs[one]
            history = [event.text for event in await store.events(job.id)]
            (paid,) = [record for record in emulator.records if record.words == one]
            assert job.state is JobState.SUCCEEDED, history
            assert history.count("answered") == 1
            assert len(job.posts) == 1
            assert job.request_id == paid.request_id
            (picture,) = paid.result.files
            assert await store.get_blob(job.images[0].sha256) == emulator._queue.bucket.data(picture)
        return jobs
    finally:
        await store.close()


async def test_killed_in_the_middle_of_everything_the_bot_answers_all_once_and_pays_all_once(
    tmp_path, emulator, settings
):
    async def ask(service):
        photo = photos.jpeg()
        dog = Attachment(name=photo.name, address=await service.keep(photo.data), media_type="image/jpeg")
        await service.imagine(request("fox", attachments=(dog,)))
        await service.imagine(request("hen"))
        await service.imagine(request("cow"))
        await service.edit(request("make it blue", thread="fox"))

    await accepted(tmp_path, emulator, ask)
    emulator.behave(prompt="cow", latency=3600)
    posting, downloading = emulator.hold("submit", prompt="fox"), emulator.hold("media", prompt="hen")
    looking = emulator.hold("get", prompt="cow")

    async with running(tmp_path, "run", **settings) as bot:
        await asyncio.gather(posting.reached(), downloading.reached(), looking.reached())
        await bot.kill()
    # the fox's POST was taken and never answered, the hen is painted, the cow is not, the edit waits for its fox
    emulator.clear()
    emulator.finish()

    async with running(tmp_path, "run", **settings) as bot:
        await bot.logs("moved", state="succeeded", times=4)
        assert await bot.ends() == 0
    jobs = await audit(tmp_path, emulator, "fox", "hen", "cow", "make it blue")
    assert jobs["make it blue"].parent_id == jobs["fox"].id


async def test_killed_again_and_again_the_bot_still_answers_once(tmp_path, emulator, settings):
    async def ask(service):
        await service.imagine(request("fox"))

    await accepted(tmp_path, emulator, ask)
    for route, at in (("submit", "answer"), ("get", "answer"), ("media", "answer")):
        hold = emulator.hold(route, at=at)
        async with running(tmp_path, "run", **settings) as bot:
            await hold.reached()
            await bot.kill()
        hold.release()
    async with running(tmp_path, "run", **settings) as bot:
        await bot.logs("moved", state="succeeded")
        assert await bot.ends() == 0
    await audit(tmp_path, emulator, "fox")
