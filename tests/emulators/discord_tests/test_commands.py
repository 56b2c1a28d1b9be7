"""Which commands does Discord register, and who is offered them?"""

import pytest

from tests.emulators.discord import CannotDoError, Permission

PROMPT = {"type": 3, "name": "prompt", "description": "What to draw", "required": True}


def command(**changes):
    return {"name": "imagine", "description": "Make a picture", "options": [PROMPT], **changes}


def option(**changes):
    return command(options=[{**PROMPT, **changes}])


@pytest.fixture
def put(emulator, rest):
    def put(*commands):
        return rest("PUT", f"/applications/{emulator.application.id}/commands", list(commands))

    return put


BAD = {
    "no name": command(name=None),
    "a capital": command(name="Imagine"),
    "a space": command(name="imagine me"),
    "33 letters": command(name="x" * 33),
    "no description": command(description=""),
    "a description of 101": command(description="x" * 101),
    "26 options": command(options=[{**PROMPT, "name": f"o{n}"} for n in range(26)]),
    "an option twice": command(options=[PROMPT, PROMPT]),
    "required after optional": command(options=[{**PROMPT, "required": False}, {**PROMPT, "name": "other"}]),
    "an unknown type of option": option(type=12),
    "a capital in an option": option(name="Prompt"),
    "a length of 6001": option(max_length=6001),
    "least above most": option(min_length=5, max_length=4),
    "26 choices": option(choices=[{"name": str(n), "value": str(n)} for n in range(26)]),
    "a choice twice": option(choices=[{"name": "a", "value": "a"}, {"name": "a", "value": "b"}]),
    "a choice of 101": option(choices=[{"name": "x" * 101, "value": "a"}]),
    "choices and autocomplete": option(choices=[{"name": "a", "value": "a"}], autocomplete=True),
    "choices of files": option(type=11, choices=[{"name": "a", "value": "a"}]),
    "unknown contexts": command(contexts=[3]),
    "no contexts": command(contexts=[]),
    "permissions in words": command(default_member_permissions="all"),
    "more than 8000 characters": command(
        options=[
            {
                **PROMPT,
                "name": f"o{n}",
                "choices": [{"name": f"{c:02}" + "x" * 98, "value": "y" * 100} for c in range(25)],
            }
            for n in range(2)
        ]
    ),
    "a described menu command": {"name": "Edit", "type": 3, "description": "x"},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_command_that_discord_does_not_take_is_refused(emulator, put, bad):
    status, answer = await put(command(name="ok"), bad)
    assert (status, answer["code"]) == (400, 50035)
    assert emulator.state.commands[None] == []


async def test_names_are_unique_and_menu_commands_few(put):
    assert (await put(command(), command()))[1]["code"] == 50035
    assert (await put(*({"name": f"Edit {n}", "type": 3} for n in range(16))))[1]["code"] == 50035
    assert (await put(*({"name": f"Edit {n}", "type": 3} for n in range(15)), command()))[0] == 200


async def test_a_command_keeps_its_id_and_gets_a_version_when_it_changes(put):
    _, (first,) = await put(command())
    _, (same,) = await put(command())
    _, (changed,) = await put(command(description="Draw"))
    assert first == same
    assert (changed["id"], changed["version"] == first["version"]) == (first["id"], False)


async def test_only_new_commands_count_against_the_day(emulator, put):
    for _ in range(4):
        assert (await put(*(command(name=f"c{n}") for n in range(99))))[0] == 200
    assert (await put(*(command(name=f"d{n}") for n in range(99))))[0] == 200
    status, answer = await put(*(command(name=f"e{n}") for n in range(3)))
    assert (status, answer["code"]) == (400, 30034)
    emulator.clock.advance(86_401)
    assert (await put(*(command(name=f"e{n}") for n in range(3))))[0] == 200


async def test_a_command_is_offered_where_it_says(put, general, ann):
    await put(command(contexts=[0]), command(name="help", contexts=[0, 1]))
    ann.slash(general, "imagine", prompt="x")
    ann.slash(ann.dm, "help", prompt="x")
    with pytest.raises(CannotDoError):
        ann.slash(ann.dm, "imagine", prompt="x")


async def test_a_command_for_moderators_is_for_moderators(put, general, ann, ben):
    await put(command(default_member_permissions=int(Permission.MANAGE_MESSAGES)))
    general.allow(ann, Permission.MANAGE_MESSAGES)
    ann.slash(general, "imagine", prompt="x")
    with pytest.raises(CannotDoError):
        ben.slash(general, "imagine", prompt="x")
    await put(command(default_member_permissions=0))
    with pytest.raises(CannotDoError):
        ann.slash(general, "imagine", prompt="x")


async def test_a_server_s_own_commands_stand_beside_the_global_ones(emulator, rest, put, guild, general, ann):
    await put(command())
    path = f"/applications/{emulator.application.id}/guilds/{guild.id}/commands"
    status, made = await rest("POST", path, command(name="local"))
    assert (status, made["guild_id"]) == (201, str(guild.id))
    assert ann.slash(general, "local", prompt="x").data["guild_id"] == str(guild.id)
    assert (await rest("POST", path, command(name="local", description="other")))[0] == 200
    assert (await rest("DELETE", f"{path}/{made['id']}"))[0] == 204
    assert (await rest("DELETE", f"{path}/{made['id']}"))[1]["code"] == 10063
    assert (await rest("GET", path))[1] == []


async def test_the_commands_of_another_application_are_not_ours(rest):
    assert (await rest("PUT", "/applications/1/commands", []))[1]["code"] == 50001


async def test_who_may_not_use_commands_cannot(put, general, ann):
    await put(command())
    general.deny(ann, Permission.USE_APPLICATION_COMMANDS)
    with pytest.raises(CannotDoError):
        ann.slash(general, "imagine", prompt="x")


async def test_an_interaction_tells_where_and_by_whom(emulator, put, general, ann):
    await put(command())
    emulator.shards.hold()
    ann.slash(general, "imagine", prompt="x")
    (event,) = emulator.shards._held
    told = event.data(True)
    assert (told["attachment_size_limit"], told["context"]) == (10 * 2**20, 0)
    assert told["channel"]["id"] == told["channel_id"] == str(general.id)
    assert int(told["app_permissions"]) & Permission.ATTACH_FILES
    assert told["member"]["user"]["id"] == str(ann.id)
    assert told["authorizing_integration_owners"] == {"0": str(general.guild.id)}
