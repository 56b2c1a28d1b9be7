"""A Slack that listens, with a channel and a member in it, and what stands on the far side of its wire."""

import logging

import aiohttp
import aiohttp.web
import pytest

from tests.emulators.slack import SlackEmulator
from tests.emulators.slack_tests.echo import EchoApp, Wire, client_of


@pytest.fixture(autouse=True)
def _libraries_keep_quiet(caplog):
    """Here they are used as they come, and then they log addresses that work for whoever has them; the bot tames its own."""
    caplog.set_level(logging.WARNING, logger="slack_sdk")


@pytest.fixture
async def slack():
    emulator = SlackEmulator()
    emulator.rates.enforced = False
    async with emulator.serve():
        yield emulator


@pytest.fixture
def client(slack):
    return client_of(slack)


@pytest.fixture
def ann(slack):
    return slack.member("ann")


@pytest.fixture
def art(slack, ann):
    return slack.channel("art", ann)


@pytest.fixture
def app(slack):
    return EchoApp(slack)


@pytest.fixture
async def wire(slack, client):
    """Await it for a connection whose first frame is unread."""
    async with aiohttp.ClientSession() as session:

        async def connect():
            url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
            return Wire(await session.ws_connect(url))

        yield connect
