"""A world with Discord alone: a local Discord that is as strict as the real one, and the bot with real discord.py."""

import io
import random

import pytest
from PIL import Image

from tests.emulators.discord import Permission
from tests.emulators.discord.guilds import UPLOAD_LIMIT
from tests.emulators.discord_tests.bot import hurry

PAINTING = 2.0  # seconds that a picture takes which must not be there at once; few looks find it


@pytest.fixture
async def world(make_world):
    """Its `settle` also waits for what follows beside the jobs; what these tests look at, they look at on Discord itself."""
    made = await make_world("discord")
    driver, settle = made.place.driver, made.settle

    async def settle_all():
        await settle()
        await driver.quiet()

    made.settle = settle_all
    yield made
    for thread in await driver.threads():
        made.place.seen |= {post.id for post in await driver.posts(thread)}


@pytest.fixture
def place(world):
    """The server and its channel; `place.emulator` is the local Discord."""
    return world.place.driver


@pytest.fixture
def emulator(place):
    return place.emulator


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def bob(world):
    return world.user("bob")


@pytest.fixture
def account(place):
    """Somebody's account, for what the worlds' language has no word for."""
    return lambda member: place.account(member.person)


@pytest.fixture
def asks(world, place, account):
    """Uses the command and waits for its acknowledgement."""

    async def ask(member, channel, prompt="a fox", **options):
        await place.listening()
        interaction = account(member).slash(channel, "imagine", prompt=prompt, **options)
        answer = await interaction.answer
        await place.quiet()
        return answer

    return ask


@pytest.fixture
def writes(world, place, account):
    """Writes a message and waits for what the bot does at once."""

    async def write(member, channel, text="", **how):
        await place.listening()
        message = account(member).writes(channel, text, **how)
        await place.quiet()
        return message

    return write


@pytest.fixture
def clicks(place, account):
    """Presses a button and waits for the answer."""

    async def click(member, message, label):
        await place.listening()
        interaction = account(member).clicks(message, label)
        answer = await interaction.answer
        await place.quiet()
        return answer

    return click


@pytest.fixture
def results(emulator):
    """The bot's messages with pictures or failures in a channel: everything that can be tried again."""

    def found(channel):
        return [
            message
            for message in channel.messages
            if message.author is emulator.bot and any(button.label == "Try again" for button in message.buttons)
        ]

    return found


@pytest.fixture
async def fox(world, place, ann, asks):
    """The thread of a picture that is done."""
    card = (await asks(ann, place.channel)).message
    await world.settle()
    return card.thread


@pytest.fixture
async def painting(world, place, ann, asks):
    """The card of a picture that is being made; its thread is there."""
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    await world.step()
    await place.quiet()
    assert card.thread is not None
    return card


@pytest.fixture
def quick_library(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture(scope="session")
def heavy():
    """A picture of noise, which no encoder makes small: a PNG of a little more than the 10 MiB that any server takes."""
    width, height = 1900, 1850
    image = Image.frombytes("RGB", (width, height), random.Random(3).randbytes(width * height * 3))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    assert len(file.getvalue()) > UPLOAD_LIMIT
    return file.getvalue()


@pytest.fixture
def told(emulator, account):
    """What the bot has said to somebody in direct messages."""
    return lambda member: [m.content for m in account(member).dm.messages if m.author is emulator.bot]


WRITING = Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS
