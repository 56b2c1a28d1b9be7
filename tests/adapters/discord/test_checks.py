"""Does `darkroom check` say what is wrong with the Discord side, and what to do about it?"""

from typing import Any

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr, ValidationError

from adapters.discord import Settings, check, configured
from adapters.discord.permissions import NEEDED
from tests.emulators.discord import DiscordEmulator, Intents


@pytest.fixture
async def emulator(monkeypatch):
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    emulator = DiscordEmulator()
    async with emulator.serve():
        yield emulator


def settings(emulator, **others: Any) -> Settings:
    return Settings(**{"discord_token": SecretStr(emulator.token), "discord_api_url": emulator.url, **others})


async def found(emulator, **others: Any):
    return {finding.subject: finding for finding in await check(settings(emulator, **others), named=True)}


async def test_good_application_is_well_and_comes_with_its_invite_link(emulator):
    findings = await found(emulator)
    assert all(finding.ok for finding in findings.values())
    assert "darkroom" in findings["Discord"].text
    link = findings["Discord invite"].text
    assert f"client_id={emulator.application.id}" in link
    assert link.endswith(f"permissions={NEEDED.value}")


async def test_refused_token_says_where_to_get_another(emulator):
    findings = await found(emulator, discord_token=SecretStr("another"))
    assert findings["Discord"].ok is False
    assert "Reset it at https://discord.com/developers/applications" in findings["Discord"].text
    assert "another" not in findings["Discord"].text.replace("another one", "")


@pytest.mark.parametrize("named", [True, False])
async def test_missing_token_is_a_fault_only_where_discord_is_wanted(named):
    (finding,) = await check(Settings(), named=named)
    assert finding.ok is (False if named else None)
    assert "DISCORD_TOKEN" in finding.text


async def test_missing_intent_is_a_warning_that_says_what_is_lost(emulator):
    emulator.application.enabled = Intents(0)
    findings = await found(emulator)
    assert findings["Discord intents"].ok is None
    assert "Message Content Intent" in findings["Discord intents"].text


async def test_intent_that_is_not_wanted_is_a_warning(emulator):
    assert "DISCORD_MESSAGE_CONTENT" in (await found(emulator, discord_message_content=False))["Discord intents"].text


async def test_endpoint_that_takes_the_commands_away_is_a_fault(emulator):
    emulator.application.interactions_endpoint_url = "https://elsewhere.example/interactions"
    assert (await found(emulator))["Discord commands"].ok is False


async def test_few_sessions_left_is_a_warning(emulator):
    emulator.shards.identifies = 990
    assert "only 10 more" in (await found(emulator))["Discord sessions"].text


async def test_api_that_cannot_be_reached_is_a_fault(emulator):
    findings = await check(settings(emulator, discord_api_url="http://127.0.0.1:1"), named=True)
    assert [finding.ok for finding in findings] == [False]
    assert "DISCORD_API_URL" in findings[0].text


def test_settings_are_read_and_wrong_ones_refused():
    assert not configured(Settings())
    assert configured(Settings(discord_token=SecretStr("test-token")))
    assert "test-token" not in repr(Settings(discord_token=SecretStr("test-token")))
    assert Settings(discord_thread_archive_minutes="1440").discord_thread_archive_minutes == 1440
    for wrong in ({"discord_thread_archive_minutes": "7"}, {"discord_api_url": "ftp://x"}):
        with pytest.raises(ValidationError):
            Settings(**wrong)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/api/v10"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/api/v10"),
        ("http://127.0.0.1:9/api/v10/", "http://127.0.0.1:9/api/v10"),
        ("https://proxy.example/discord/api/v10", "https://proxy.example/discord/api/v10"),
    ],
)
def test_address_of_a_proxy_is_enough(monkeypatch, given, used):
    from adapters.discord.settings import prepare_library  # noqa: PLC0415

    monkeypatch.setattr(Route, "BASE", Route.BASE)
    prepare_library(Settings(discord_api_url=given))
    assert used == Route.BASE
