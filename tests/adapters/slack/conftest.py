"""A village with a real bot on an emulated Slack; what people do there is done through `slack`."""

import pytest

from tests.adapters.slack.village import Village
from tests.world import World


@pytest.fixture
async def make_village(tmp_path, empty_database):
    """Keywords are the settings of the bot, such as max_images_per_user_per_day=1."""
    made = []

    async def make(**settings):
        world = World(tmp_path / f"village-{len(made)}", "slack", database=empty_database, **settings)
        made.append(world)
        return Village(await world.__aenter__())

    yield make
    for world in reversed(made):
        await world.__aexit__(None, None, None)


@pytest.fixture
async def village(make_village):
    return await make_village()


@pytest.fixture
def slack(village):
    return village.slack


@pytest.fixture
def art(village):
    return village.channel


@pytest.fixture
def ann(village):
    return village.member("ann")


@pytest.fixture
def bob(village):
    return village.member("bob")
