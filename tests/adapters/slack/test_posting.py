"""A worker posts by the Web API alone, beside the gateway that hears: is it ready, is it told of trouble, do the two agree?"""

import asyncio

import pytest

from tests.adapters.slack.village import Village, until
from tests.emulators.slack import Fault
from tests.world import World


@pytest.fixture
async def village(tmp_path, server):
    """The gateway of a bot with one worker."""
    url = server.address(server.new_database())
    async with World(tmp_path / "village", "slack", database_url=url, role="gateway") as world:
        made = Village(world)
        await made.heard()
        async with world.another(role="worker"):
            yield made


@pytest.fixture
def worker(village):
    return village.world.others[0]


@pytest.fixture
def poster(worker):
    """The worker's half of the platform."""
    return worker.platforms["slack"]


async def shown(village):
    """Until both processes have shown on their cards what they wanted to show."""
    await village.done()
    for app in village.world.others:
        await app.platforms["slack"].cards.settled()


async def test_worker_makes_no_connection(village, slack, poster, ann):
    await slack.sockets.connected(2)
    opened = slack.ledger.count("apps.connections.open")
    card = await village.imagine(ann, "a fox")
    await shown(village)
    assert len(village.answers()) == 1
    assert village.state(card) == "Done"
    assert len(slack.sockets.open) == 2, "the gateway's"
    assert slack.ledger.count("apps.connections.open") == opened
    assert poster.trouble() is None
    assert poster.routes() == []


async def test_worker_needs_no_token_but_the_one_to_post_with(village, worker):
    village.driver.settings = {"slack_app_token": None}
    async with village.world.another(role="worker") as app:
        await until(lambda: app.platforms["slack"].trouble() is None)


async def test_missing_token_says_what_to_set(village):
    village.driver.settings = {"slack_bot_token": None}
    async with village.world.another(role="worker") as app:
        await until(lambda: "SLACK_BOT_TOKEN" in (app.platforms["slack"].trouble() or ""))
        assert "SLACK_BOT_TOKEN" in (await app.views.readiness()).problems["slack"]


async def test_token_that_is_refused_is_told(village, slack):
    slack.inject(Fault(kind="error", method="auth.test", error="invalid_auth", times=None))
    async with village.world.another(role="worker") as app:
        await until(lambda: "renew SLACK_BOT_TOKEN" in (app.platforms["slack"].trouble() or ""))
        assert "slack" in (await app.views.readiness()).problems


async def test_worker_says_of_nothing_that_it_was_heard(village, slack, worker):
    await village.world.stop()  # the gateway: from here on nobody hears
    listened = await worker.store.recall("adapter.slack", "listened", 0.0)
    assert listened is not None
    slack.advance(60)
    async with village.world.another(role="worker") as app:
        await until(lambda: app.platforms["slack"].trouble() is None)
    assert await worker.store.recall("adapter.slack", "listened", 0.0) == listened


async def test_older_state_of_a_card_that_lands_last_is_put_right(village, slack, worker, ann):
    village.world.emulator.behave(latency=30)
    card = await village.imagine(ann, "a fox")
    hold = Fault(kind="hold", method="chat.update", times=1)
    slack.inject(hold)
    await village.world.step()
    await asyncio.wait_for(hold.arrived(), 10)
    await ann.clicks(card, "cancel:0")
    await until(lambda: village.state(card) == "Cancelled")
    hold.release()  # the worker's older one lands, until the worker has looked
    await shown(village)
    assert village.state(card) == "Cancelled"
    assert card.elements == []


async def test_sign_of_work_that_lands_after_the_answer_is_taken_away(village, slack, worker, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    hold = Fault(kind="hold", method="reactions.add", times=1)
    slack.inject(hold)
    said = ann.writes(art, "make it blue", thread=card)
    await asyncio.wait_for(hold.arrived(), 10)
    await village.world.settle()
    assert list(said.reactions) == ["white_check_mark"]
    hold.release()
    await shown(village)
    assert [name for name, members in said.reactions.items() if members] == ["white_check_mark"]
