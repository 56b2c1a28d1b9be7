"""What the contract of all platforms shares. Each of its files says on which platforms it runs: the fixture `platform`."""

import pytest


@pytest.fixture
async def world(make_world, platform):
    return await make_world(platform)


@pytest.fixture
def world_with(make_world, platform):
    """Makes a world of this platform with other settings, named as in `bot.config.Settings`."""

    async def made(**settings):
        return await make_world(platform, **settings)

    return made


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def bob(world):
    return world.user("bob")
