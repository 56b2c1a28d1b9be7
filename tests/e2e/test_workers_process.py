"""Real processes on one PostgreSQL: a gateway that hears, workers that post. One is killed, one stands still; all is answered once."""

from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from bot import app
from bot.model import JobQuery, JobState
from tests.e2e.program import KEY, darkroom, running
from tests.storage.cutting import Cutter


@pytest.fixture
def channel(discord):
    return discord.guild().text("general")


@pytest.fixture
def settings(queue, discord, server):
    return {
        "PLATFORMS": "discord",
        "DATABASE_URL": server.address(server.new_database()),
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.url,
        "GMI_BASE_URL": queue.base_url,
        "GMI_API_KEY": KEY,
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture
async def process(tmp_path, settings):
    """Starts processes of the bot, each in a folder of its own, as on machines of their own."""
    async with AsyncExitStack() as lives:

        async def start(role, name):
            begun = await lives.enter_async_context(running(tmp_path / name, "run", ROLE=role, **settings))
            await begun.logs("connected" if role == "gateway" else "ready_to_post")
            return begun

        yield start


@asynccontextmanager
async def opened(settings):
    store = await app.open_store(settings["DATABASE_URL"], read_only=True)
    try:
        yield store
    finally:
        await store.close()


async def asks(channel, *prompts):
    """Members ask, each one thing; their cards by what they asked for."""
    members = {words: channel.guild.member(f"member of {words}") for words in prompts}
    asked = {words: member.slash(channel, "imagine", prompt=words) for words, member in members.items()}
    return {words: (members[words], (await interaction.answer).message) for words, interaction in asked.items()}


def posted(discord, card):
    return [m for m in card.thread.messages if m.author is discord.bot and m.pictures] if card.thread else []


async def test_what_a_worker_leaves_by_dying_or_standing_still_is_done_once_by_another(
    queue, discord, channel, settings, process
):
    await process("gateway", "gateway")
    dies = await process("worker", "dies")
    killed = queue.hold("submit", at="answer")
    cards = await asks(channel, "fox 0", "fox 1")
    await killed.reached(2)
    await dies.kill()
    killed.release()

    hangs = await process("worker", "hangs")
    hung = queue.hold("submit", at="answer")
    cards |= await asks(channel, "fox 2", "fox 3")
    await hung.reached(2)
    hangs.stand_still()
    hung.release()  # it has the answers, and cannot read them
    member, card = cards["fox 3"]
    await member.clicks(card, "Cancel").answer

    takes_over = await process("worker", "takes-over")
    await takes_over.logs("moved", state="succeeded", times=3)
    hangs.go_on()
    await hangs.logs("moved_by_another")
    await takes_over.ends()
    assert await hangs.ends() == 0

    async with opened(settings) as store:
        jobs = {job.prompt: job for job in await store.jobs(JobQuery())}
    assert {words: job.state for words, job in jobs.items()} == {
        "fox 0": JobState.SUCCEEDED,
        "fox 1": JobState.SUCCEEDED,
        "fox 2": JobState.SUCCEEDED,
        "fox 3": JobState.CANCELLED,
    }
    paid = {record.words: record.request_id for record in queue.records}
    assert len(queue.records) == 4, "each was paid once"
    assert {words: job.request_id for words, job in jobs.items()} == paid, (
        "also what was learned after it was cancelled"
    )
    assert {words: len(posted(discord, card)) for words, (_, card) in cards.items()} == {
        "fox 0": 1,
        "fox 1": 1,
        "fox 2": 1,
        "fox 3": 0,
    }
    assert "Cancelled" in cards["fox 3"][1].content
    assert discord.shards.identifies == 1, "one process listens"


async def test_operator_sees_each_process_and_gives_commands_to_all(
    tmp_path, queue, discord, channel, settings, process
):
    await process("gateway", "gateway")
    cards = await asks(channel, "fox")
    async with running(tmp_path / "worker", "run", ROLE="worker", HTTP_PORT="0", **settings) as worker:
        url = (await worker.says("Listening at")).split()[-1]
        await worker.logs("moved", state="succeeded")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/readyz")).json() == {"ready": True, "problems": {}}
            assert (await client.get("/operator")).status_code == 404
        elsewhere = await darkroom(tmp_path / "elsewhere", "jobs", **settings)
        assert "fox" in elsewhere.out, elsewhere.err
        job = (await worker.logs("moved", state="succeeded"))[0]["job"]
        for folder in ("gateway", "elsewhere"):  # through the gateway's socket, and beside it
            again = await darkroom(tmp_path / folder, "retry", job, **settings)
            assert "asks for the same again" in again.out, again.err
        await worker.logs("moved", state="succeeded", times=3)
        forgotten = await darkroom(
            tmp_path / "elsewhere", "forget", "--yes", f"discord:{cards['fox'][0].id}", **settings
        )
        assert "Forgotten" in forgotten.out, forgotten.err
        checked = await darkroom(tmp_path / "elsewhere", "check", ROLE="worker", **settings)
        assert "role: worker" in checked.out
        assert "only posts" in checked.out
        assert await worker.ends() == 0
    assert len(posted(discord, cards["fox"][1])) == 3
    assert len(queue.records) == 3


async def test_process_waits_for_a_server_that_is_not_there_yet(tmp_path, settings, server):
    """As after a power cut, when all machines start at the same time."""
    line = Cutter(server.folder)
    settings["DATABASE_URL"] = settings["DATABASE_URL"].replace(str(server.folder), str(line.folder))
    async with AsyncExitStack() as lives:
        early, impatient = [
            await lives.enter_async_context(running(tmp_path / name, "run", ROLE="worker", **settings))
            for name in ("early", "impatient")
        ]
        [waiting] = await early.logs("waiting_for_database")
        assert "cannot be reached. Start it, or correct DATABASE_URL" in waiting["reason"]
        await impatient.logs("waiting_for_database")
        assert await impatient.ends() == 0
        await lives.enter_async_context(line)
        await early.logs("ready_to_post")
        assert len(await early.logs("waiting_for_database")) == 1, "it is told once"


async def test_role_that_cannot_be_is_told_in_a_sentence(tmp_path, settings):
    alone = {name: value for name, value in settings.items() if name != "DATABASE_URL"}
    ended = await darkroom(tmp_path, "run", ROLE="worker", **alone)
    assert ended.code == 1
    assert "ROLE: a worker shares its store with other processes, which SQLite cannot do. Set DATABASE_URL" in ended.err
    assert "Traceback" not in ended.err
