"""The real program beside a local Slack: a kill in the middle of twenty jobs, HTTP mode on the bot's own port, all platforms at once."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from playwright.sync_api import sync_playwright

from adapters.slack.cards import CARD
from adapters.slack.hooks import PATH
from tests import browser
from tests.e2e.conftest import painted
from tests.e2e.program import KEY, PATIENCE, darkroom, running
from tests.e2e.window import Window
from tests.emulators.discord import DiscordEmulator
from tests.emulators.slack import Fault, Upload
from tests.world import photos

COMPLETE = "files.completeUploadExternal"
CHANNELS, OF_EACH = 10, 2  # Slack takes one message a second in each
BUTTONS = ["again:0", "edit:0", "delete:0"]


@pytest.fixture
def settings(queue, slack):
    return {
        "PLATFORMS": "slack",
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "GMI_BASE_URL": queue.base_url,
        "GMI_API_KEY": KEY,
        "GMI_IN_FLIGHT": "8",
    }


@pytest.fixture
def over_http(slack, settings):
    """Settings of the same bot in HTTP mode, and where its Slack is told to post to."""
    slack.app.socket_mode = False
    return {name: value for name, value in settings.items() if name != "SLACK_APP_TOKEN"} | {
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "HTTP_PORT": "0",
    }


@asynccontextmanager
async def hearing_over_http(folder, slack, settings):
    """The bot, and its address, once Slack's own check of it has been answered."""
    async with running(folder, "run", **settings) as bot:
        (listens,) = await bot.logs("http")
        slack.app.request_url = listens["address"] + PATH
        async with asyncio.timeout(PATIENCE):
            while not await slack.poster.verify_url():  # 503, until the bot knows who it is
                await bot.logs("started")
        yield bot, listens["address"]
        assert await bot.ends() == 0


def cards(channel):
    return [m for m in channel.messages if (m.metadata or {}).get("event_type") == CARD]


def state(card):
    return card.blocks[0]["text"]["text"].split("*")[1]


def posted(slack, message):
    """The bot's pictures in the thread of a message, one list for each answer."""
    return [[data for data, _ in slack.pictures(answer)] for answer in message.replies if answer.bot and answer.files]


async def eventually(slack, seen, seconds=PATIENCE):
    """As long as a slow machine takes."""
    async with asyncio.timeout(seconds):
        await slack.until(seen)


@pytest.mark.timeout(400)  # a share that is in doubt is waited for, for as long as Slack is known to take
async def test_killed_in_the_middle_of_twenty_jobs_the_bot_posts_twenty_pictures_once(tmp_path, queue, slack, settings):
    members = [slack.member(f"member{n}") for n in range(CHANNELS * OF_EACH)]
    channels = [slack.channel(f"room{n}", *members) for n in range(CHANNELS)]
    queue.behave(times=6, latency=3_600)  # some are still being painted
    async with running(tmp_path, "run", **settings) as bot:
        await slack.sockets.connected(2)
        # of the answers to uploads, some are never heard: the message is there, and the bot does not know it
        hold = Fault(kind="hold", method=COMPLETE, when="after", times=None)
        slack.inject(hold)
        asked = [member.slash(f"/imagine fox {n}", channels[n % CHANNELS]) for n, member in enumerate(members)]
        assert all([await delivery is not None for delivery in asked])
        await eventually(slack, lambda: sum(len(posted(slack, c)) for room in channels for c in cards(room)) >= 3)
        await bot.kill()
    hold.release()
    queue.finish()
    async with running(tmp_path, "run", **settings) as bot:
        await slack.sockets.connected(2)
        await eventually(
            slack,
            lambda: sum(state(c) == "Done" for room in channels for c in cards(room)) == len(members),
            seconds=300,
        )
        assert await bot.ends() == 0
    for room in channels:
        mine = [message for message in room.messages if message.bot]
        assert mine == cards(room), "nothing but the cards stands in the channel"
        assert len(mine) == OF_EACH, "no second card either"
        for card in mine:
            words = card.text.partition(": ")[2]
            assert posted(slack, card) == [[painted(queue, words)]]
            (answer,) = card.replies
            assert [element["action_id"] for element in answer.elements] == BUTTONS
    assert sorted(record.words for record in queue.records) == sorted(f"fox {n}" for n in range(len(members)))
    assert len([file for file in slack.files if file.shares]) == len(members)


async def test_http_mode_from_a_command_to_a_window_and_a_restart(tmp_path, queue, slack, over_http):
    ann = slack.member("ann")
    art = slack.channel("art", ann)
    async with hearing_over_http(tmp_path, slack, over_http) as (_, address):
        assert await ann.slash("/imagine a fox", art) is not None
        await eventually(slack, lambda: [state(card) for card in cards(art)] == ["Done"])
        (card,) = cards(art)
        ann.writes(art, "make it blue", thread=card, files=[Upload(name="me.png", data=photos.png().data)])
        await eventually(slack, lambda: len(posted(slack, card)) == 2)
        async with aiohttp.ClientSession() as session:
            async with session.post(address + PATH, data="payload={}") as answer:
                assert answer.status == 401, "nobody signed it"
            async with session.get(address + PATH) as answer:
                assert answer.status == 404, "there is nothing to look at"
    async with hearing_over_http(tmp_path, slack, over_http):
        fox = card.replies[0]
        assert await ann.clicks(fox, "edit:0") is not None
        await eventually(slack, lambda: ann.view)
        assert await ann.submits(values={"prompt": "make it red"}) is not None
        await eventually(slack, lambda: len(posted(slack, card)) == 3)
        await eventually(slack, lambda: all(state(c) == "Done" for c in [*cards(art), *_cards_in(card)]))
    assert posted(slack, card) == [[painted(queue, words)] for words in ("a fox", "make it blue", "make it red")]
    red = next(record for record in queue.records if record.words == "make it red")
    assert "make it blue" not in str(red.payload["contents"]), "it builds on the fox"
    assert all(attempt.via == "http" for delivery in slack.courier.deliveries for attempt in delivery.attempts)


def _cards_in(root):
    return [m for m in root.replies if (m.metadata or {}).get("event_type") == CARD]


async def test_discord_slack_and_the_playground_in_one_process(tmp_path, queue, slack, over_http):
    """One member on each of them gets a picture; Slack and the browsers come in by the same port."""
    discord = DiscordEmulator()
    async with discord.serve():
        both = {"PLATFORMS": "discord,slack,web", "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.url}
        guild, ann = discord.guild(), slack.member("ann")
        general, art = guild.text("general"), slack.channel("art", ann)
        async with hearing_over_http(tmp_path, slack, over_http | both) as (bot, address):
            await bot.logs("connected")
            await discord.synced("imagine")
            interaction = guild.member("bob").slash(general, "imagine", prompt="a hen")
            command = ann.slash("/imagine a fox", art)
            browsing = asyncio.create_task(asyncio.to_thread(_in_a_browser, address, "a cow"))
            assert await command is not None
            card = (await interaction.answer).message
            await eventually(slack, lambda: [state(each) for each in cards(art)] == ["Done"])
            await discord.until(lambda: card.thread and "Done" in card.content, "the picture on Discord")
            await browsing
            async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as ready:
                assert (ready.status, (await ready.json()).get("problems")) == (200, {})
        checked = await darkroom(tmp_path, "check", **(over_http | both))
    assert posted(slack, cards(art)[0]) == [[painted(queue, "a fox")]]
    (hen,) = [m for m in card.thread.messages if m.author is discord.bot and m.pictures]
    assert hen.pictures[0].data == painted(queue, "a hen")
    assert sorted(record.words for record in queue.records) == ["a cow", "a fox", "a hen"]
    said = checked.out + checked.err
    assert "HTTP mode, because SLACK_SIGNING_SECRET is set" in said
    for secret in (slack.bot_token, slack.signing_secret, discord.token):
        assert secret not in said


def _in_a_browser(address, words):
    """In a thread of its own: Playwright's plain form, which the playground's tests use, keeps a loop of its own."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.launch_args())
        page = chromium.new_context().new_page()
        page.set_default_timeout(60_000)
        Window(page, address).opens().comes_in_as("Cem").imagines(words).sees(1, "done", within=60)
        chromium.close()
