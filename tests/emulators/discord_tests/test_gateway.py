"""How does the gateway greet, tell, lose and take back its clients?"""

import json

import aiohttp
import discord
import pytest

from tests.emulators.discord import Intents, Permission
from tests.emulators.discord.refusals import CannotDoError
from tests.emulators.discord_tests.bot import Bot, running

OURS = int(Intents.GUILDS | Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES | Intents.MESSAGE_CONTENT)


class Line:
    """A WebSocket without a library. `await line("MESSAGE_CREATE")` is the next event of that name."""

    def __init__(self, socket, token):
        self.socket, self.token = socket, token
        self.seen = []

    async def send(self, op, data=None):
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def next(self):
        message = await self.socket.receive(timeout=5)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return self.socket.close_code
        self.seen.append(json.loads(message.data))
        return self.seen[-1]

    async def __call__(self, name):
        while (got := await self.next())["t"] != name:
            assert isinstance(got, dict)
        return got["d"]

    async def identify(self, **changes):
        await self.send(2, {"token": self.token, "intents": OURS, "properties": {}, **changes})


@pytest.fixture
async def connect(emulator):
    async with aiohttp.ClientSession() as session:

        async def connect():
            line = Line(await session.ws_connect(emulator.gateway), emulator.token)
            assert (await line.next())["op"] == 10
            return line

        yield connect


# -- greetings ---------------------------------------------------------------------------------------------------


async def test_who_identifies_is_told_of_every_server_with_its_open_threads(connect, guild, general, ann):
    ann.opens_thread(general, "open")
    ann.opens_thread(general, "closed").archive()
    line = await connect()
    await line.identify()
    ready = await line("READY")
    assert ready["guilds"] == [{"id": str(guild.id), "unavailable": True}]
    told = await line("GUILD_CREATE")
    assert [thread["name"] for thread in told["threads"]] == ["open"]
    assert [member["user"]["bot"] for member in told["members"]] == [True]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"intents": 1 << 30}, 4013),
        ({"intents": "all"}, 4013),
        ({"intents": OURS | int(Intents.GUILD_MEMBERS)}, 4014),
        ({"shard": [2, 2]}, 4010),
        ({"large": "x" * 5000}, 4002),
    ],
)
async def test_who_identifies_wrongly_is_turned_away(connect, payload, code):
    line = await connect()
    await line.identify(**payload)
    assert await line.next() == code


@pytest.mark.parametrize(("op", "code"), [(3, 4003), (99, 4003)])
async def test_who_does_not_identify_first_is_turned_away(connect, op, code):
    line = await connect()
    await line.send(op)
    assert await line.next() == code


async def test_nobody_identifies_twice_or_sends_nonsense(connect):
    line = await connect()
    await line.identify()
    await line("READY")
    await line.identify()
    while isinstance(got := await line.next(), dict):
        pass
    assert got == 4005
    other = await connect()
    await other.socket.send_str("nonsense")
    assert await other.next() == 4002


async def test_more_than_120_payloads_are_too_many(connect):
    line = await connect()
    await line.identify()
    for _ in range(120):
        await line.send(3, {})
    while isinstance(got := await line.next(), dict):
        pass
    assert got == 4008


async def test_events_need_their_intent(connect, emulator, guild, general, ann):
    line = await connect()
    await line.identify(intents=int(Intents.GUILDS))
    await line("GUILD_CREATE")
    ann.writes(general, "x")
    ann.writes(ann.dm, "x")
    guild.text("new")
    assert (await line("CHANNEL_CREATE"))["name"] == "new"
    assert [got["t"] for got in line.seen[-2:]] == ["GUILD_CREATE", "CHANNEL_CREATE"]


async def test_a_purge_is_one_event_and_takes_its_messages_away(connect, guild, general, ann):
    mo = guild.member("mo", roles=(guild.role("moderators", permissions=Permission.MANAGE_MESSAGES),))
    line = await connect()
    await line.identify()
    await line("READY")
    said = [ann.writes(general, str(number)) for number in range(3)]
    mo.purges(general, said[:2])
    gone = await line("MESSAGE_DELETE_BULK")
    assert gone["ids"] == [str(message.id) for message in said[:2]]
    assert (gone["channel_id"], gone["guild_id"]) == (str(general.id), str(guild.id))
    assert general.messages == said[2:]
    for who, messages in ((ann, said), (mo, said[2:])):
        with pytest.raises(CannotDoError):
            who.purges(general, messages)


async def test_what_the_bot_does_not_see_it_is_not_told(connect, emulator, guild, general, ann):
    secret = guild.text("secret")
    secret.deny(emulator.bot, Permission.VIEW_CHANNEL)
    line = await connect()
    await line.identify()
    await line("READY")
    ann.writes(secret, "psst")
    ann.writes(general, "hello")
    assert (await line("MESSAGE_CREATE"))["content"] == "hello"


async def test_shards_share_the_servers_and_the_first_has_the_direct_messages(connect, emulator, guild, general, ann):
    for _ in range(100):
        if (guild.id >> 22) % 2 == 1:
            break
        emulator.clock.advance(0.001)
        guild = emulator.guild()
    general = guild.text("general")
    guild.join(ann)
    lines = [await connect(), await connect()]
    for number, line in enumerate(lines):
        await line.identify(shard=[number, 2])
        await line("READY")
    ann.writes(general, "here")
    ann.writes(ann.dm, "there")
    assert (await lines[0]("MESSAGE_CREATE"))["content"] == "there"
    assert (await lines[1]("MESSAGE_CREATE"))["content"] == "here"


# -- partings ----------------------------------------------------------------------------------------------------


async def test_who_resumes_gets_what_was_missed(connect, emulator, general, ann):
    line = await connect()
    await line.identify()
    ready = await line("READY")
    await emulator.shards.drop()
    ann.writes(general, "missed")
    seq = line.seen[-1]["s"]
    line = await connect()
    await line.send(6, {"token": emulator.token, "session_id": ready["session_id"], "seq": seq})
    assert (await line("MESSAGE_CREATE"))["content"] == "missed"
    assert isinstance(await line("RESUMED"), dict)


async def test_who_resumes_a_session_that_is_over_must_identify(connect, emulator):
    line = await connect()
    await line.identify()
    ready = await line("READY")
    await line.socket.close(code=1000)  # a goodbye ends a session
    line = await connect()
    await line.send(6, {"token": emulator.token, "session_id": ready["session_id"], "seq": 1})
    got = await line.next()
    assert (got["op"], got["d"]) == (9, False)


async def test_the_library_resumes_after_a_break_a_close_and_a_request(emulator, general, ann):
    async with running(emulator) as bot:
        ways = (emulator.shards.drop, lambda: emulator.shards.drop(4000), emulator.shards.reconnect)
        for breaks, part in enumerate(ways, start=1):
            ann.writes(general, "before")
            await emulator.shards.heard()
            told = part()
            if told is not None:
                await told
            ann.writes(general, f"after {breaks}")
            await emulator.until(lambda: emulator.shards.resumes == breaks)  # noqa: B023  awaited in the same turn
        await emulator.until(lambda: len(bot.heard) == 6)
    assert [message.content for message in bot.heard][1::2] == ["after 1", "after 2", "after 3"]
    assert emulator.shards.identifies == 1


async def test_what_happens_after_an_invalid_session_is_lost(emulator, general, ann):
    async with running(emulator) as bot:
        emulator.shards.invalidate()
        ann.writes(general, "lost")
        await emulator.until(lambda: emulator.shards.identifies == 2)
        ann.writes(general, "heard")
        await emulator.until(lambda: bot.heard)
    assert [message.content for message in bot.heard] == ["heard"]


async def test_a_forgotten_session_is_begun_anew(emulator):
    async with running(emulator):
        emulator.shards.forget()
        await emulator.shards.drop()
        await emulator.until(lambda: emulator.shards.identifies == 2)


async def test_after_a_restart_nobody_resumes_and_what_happened_meanwhile_is_lost(connect, emulator, general, ann):
    line = await connect()
    await line.identify()
    ready = await line("READY")
    await line("GUILD_CREATE")
    emulator.shards.hold()
    ann.writes(general, "held back")
    emulator.shards.restart()
    emulator.shards.release()
    assert not isinstance(await line.next(), dict), "its connection is broken"
    ann.writes(general, "lost")
    line = await connect()
    await line.send(6, {"token": emulator.token, "session_id": ready["session_id"], "seq": 1})
    got = await line.next()
    assert (got["op"], got["d"]) == (9, False)
    await line.identify()
    await line("READY")
    emulator.shards.repeat()
    ann.writes(general, "heard")
    assert (await line("MESSAGE_CREATE"))["content"] == "heard"


async def test_a_refused_connection_is_turned_away_before_it_is_one(connect, emulator):
    emulator.shards.refuse(1)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect()
    assert refused.value.status == 503
    await connect()


async def test_a_bad_token_is_final(emulator):
    emulator.application.token = "other"  # between the client's start and now it was changed in the portal
    bot = Bot()
    try:
        with pytest.raises(discord.LoginFailure):
            await bot.login("test-token")
    finally:
        await bot.close()


async def test_events_come_twice_or_in_another_order_when_told_to(emulator, general, ann):
    async with running(emulator) as bot:
        emulator.shards.hold()
        first = ann.writes(general, "one")
        ann.writes(general, "two")
        emulator.shards.release(reverse=True)
        first.redeliver()
        emulator.shards.repeat()
        await emulator.until(lambda: len(bot.heard) == 4)
        assert [message.content for message in bot.heard] == ["two", "one", "one", "one"]


async def test_a_malformed_event_ends_the_library_s_client(emulator):
    async with running(emulator) as bot:
        emulator.shards.send_raw("INTERACTION_CREATE", {"id": "1", "type": 2, "token": "x", "version": 1})
        await emulator.until(bot.is_closed)


async def test_a_thread_that_regains_sight_is_told_again(connect, emulator, general, ann):
    thread = ann.opens_thread(general, "open")
    general.deny(emulator.bot, Permission.VIEW_CHANNEL)
    line = await connect()
    await line.identify()
    assert (await line("GUILD_CREATE"))["threads"] == []
    general.allow(emulator.bot, Permission.VIEW_CHANNEL)
    assert [shown["id"] for shown in (await line("THREAD_LIST_SYNC"))["threads"]] == [str(thread.id)]


async def test_the_library_follows_threads_roles_and_deletions(emulator, guild, general, ann):
    async with running(emulator) as bot:
        thread = ann.opens_thread(general, "open")
        cached = await emulator.until(lambda: bot.get_guild(guild.id).get_thread(thread.id))
        assert cached.permissions_for(cached.guild.me).send_messages_in_threads
        general.deny(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
        await emulator.until(lambda: not cached.permissions_for(cached.guild.me).send_messages_in_threads)
        guild.bot_role.set_permissions(Permission.VIEW_CHANNEL)
        await emulator.until(lambda: not cached.guild.me.guild_permissions.manage_messages)
        thread.archive()
        await emulator.until(lambda: bot.get_guild(guild.id).get_thread(thread.id) is None)
        ann.writes(thread, "again")
        await emulator.until(lambda: bot.heard)
        general.delete()
        await emulator.until(lambda: bot.get_channel(general.id) is None)
        guild.remove_bot()
        await emulator.until(lambda: bot.get_guild(guild.id) is None)
