"""A Discord that listens, with a server and two members in it, and discord.py pointed at it."""

import io

import aiohttp
import pytest

from tests.emulators.discord import DiscordEmulator


@pytest.fixture
async def emulator(monkeypatch):
    from tests.emulators.discord_tests.bot import point_at  # noqa: PLC0415  discord.py is needed by these tests only

    emulator = DiscordEmulator()
    async with emulator.serve():
        point_at(emulator, monkeypatch)
        yield emulator


@pytest.fixture
def guild(emulator):
    return emulator.guild("Atelier")


@pytest.fixture
def general(guild):
    return guild.text("general")


@pytest.fixture
def ann(guild):
    return guild.member("ann")


@pytest.fixture
def ben(guild):
    return guild.member("ben")


@pytest.fixture
async def rest(emulator):
    """As a bot without a library would ask; gives status and body."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {emulator.token}"}) as session:

        async def ask(method, path, json=None, *, files=None, headers=None, full=False):
            kwargs = {"json": json} if json is not None else {}
            if files is not None:
                form = aiohttp.FormData(quote_fields=False)
                if json is not None:
                    form.add_field("payload_json", aiohttp.payload.JsonPayload(json))
                for number, (name, data) in enumerate(files):
                    form.add_field(
                        f"files[{number}]", io.BytesIO(data), filename=name, content_type="application/octet-stream"
                    )
                kwargs = {"data": form}
            async with session.request(method, emulator.url + path, headers=headers, **kwargs) as answer:
                body = await answer.json() if answer.content_type == "application/json" else await answer.text()
                return (answer.status, body, answer.headers) if full else (answer.status, body)

        yield ask


COMMANDS = [
    {
        "name": "imagine",
        "description": "Make a picture",
        "options": [
            {"type": 3, "name": "prompt", "description": "What to draw", "required": True},
            {"type": 11, "name": "image", "description": "A picture to start from"},
        ],
    },
    {"name": "Edit this image", "type": 3},
]


@pytest.fixture
async def asked(emulator, rest, general, ann):
    """A member's command, not answered yet."""
    status, _ = await rest("PUT", f"/applications/{emulator.application.id}/commands", COMMANDS)
    assert status == 200
    return ann.slash(general, "imagine", prompt="a fox")


@pytest.fixture
def answers(rest):
    """Answer an interaction as a library would."""

    async def answer(interaction, kind, data=None, files=None):
        body = {"type": kind} if data is None else {"type": kind, "data": data}
        path = f"/interactions/{interaction.id}/{interaction.token}/callback?with_response=true"
        return await rest("POST", path, body, files=files, headers={"Authorization": ""})

    return answer
