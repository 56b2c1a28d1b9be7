"""What does the application ask about itself, its commands, servers and people?"""

from __future__ import annotations

from tests.emulators.discord.calls import Call, Handler, Reply, Route
from tests.emulators.discord.check_commands import read_command, read_commands
from tests.emulators.discord.guild_views import guild_json, role_json
from tests.emulators.discord.refusals import (
    Json,
    closed_to_messages,
    invalid,
    missing_access,
    required,
    too_many_command_creates,
    unknown_command,
    unknown_guild,
    unknown_member,
    unknown_user,
)
from tests.emulators.discord.views import (
    application_json,
    channel_json,
    member_json,
    own_user_json,
    user_json,
)

CREATES_A_DAY = 200  # per server, and of global ones (Discord's docs)


async def me(call: Call) -> Reply:
    return Reply(json=own_user_json(call.state.bot))


async def application(call: Call) -> Reply:
    return Reply(json=application_json(call.state))


async def user(call: Call) -> Reply:
    person = call.state.people.get(call.id("user_id"))
    if person is None:
        raise unknown_user()
    return Reply(json=user_json(person))


async def open_dm(call: Call) -> Reply:
    fields = call.body.fields()
    if not str(fields.get("recipient_id", "")).isdecimal():
        raise required("recipient_id")
    person = call.state.people.get(int(fields["recipient_id"]))
    if person is None:
        raise invalid("recipient_id", "USER_NOT_FOUND", "Unknown user")
    if person.bot:
        raise closed_to_messages()
    return Reply(json=channel_json(call.state.dm(person)))


# -- servers -----------------------------------------------------------------------------------------------------


async def own_guilds(call: Call) -> Reply:
    guilds = [guild for guild in call.state.guilds.values() if guild.has_bot]
    return Reply(
        json=[
            {
                **{key: guild_json(guild)[key] for key in ("id", "name", "icon", "banner", "features")},
                "owner": False,
                "permissions": str(int(guild.permissions_of(call.state.bot))),
            }
            for guild in guilds
        ]
    )


async def leave_guild(call: Call) -> Reply:
    guild = call.state.guilds.get(call.id("guild_id"))
    if guild is None or not guild.has_bot:
        raise unknown_guild()
    guild.remove_bot()
    return Reply(status=204)


async def guild(call: Call) -> Reply:
    return Reply(json=guild_json(call.guild()))


async def guild_channels(call: Call) -> Reply:
    return Reply(json=[channel_json(channel) for channel in call.guild().channels])


async def guild_roles(call: Call) -> Reply:
    return Reply(json=[role_json(role) for role in call.guild().roles])


async def guild_member(call: Call) -> Reply:
    membership = call.guild().memberships.get(call.id("user_id"))
    if membership is None:
        raise unknown_member()
    return Reply(json=member_json(membership, user=True))


# -- commands ----------------------------------------------------------------------------------------------------


def _commands(call: Call) -> tuple[int | None, list[Json]]:
    if call.id("application_id") != call.state.application.id:
        raise missing_access()
    scope = call.guild().id if "guild_id" in call.params else None
    return scope, call.state.commands.setdefault(scope, [])


async def list_commands(call: Call) -> Reply:
    return Reply(json=_commands(call)[1])


async def put_commands(call: Call) -> Reply:
    """All commands of the scope at once. Those that are new count against the day; known ones keep their id."""
    scope, before = _commands(call)
    made = read_commands(call.body.json)
    known = {(command["type"], command["name"]): command for command in before}
    _count_creates(call, sum((command["type"], command["name"]) not in known for command in made))
    after = [_registered(call, command, known.get((command["type"], command["name"])), scope) for command in made]
    call.state.commands[scope] = after
    call.state.changed()
    return Reply(json=after)


async def post_command(call: Call) -> Reply:
    """One command; of the same name it replaces the one before (Discord's docs)."""
    scope, before = _commands(call)
    command = read_command(call.body.json)
    same = next((old for old in before if (old["type"], old["name"]) == (command["type"], command["name"])), None)
    _count_creates(call, int(same is None))
    made = _registered(call, command, same, scope)
    call.state.commands[scope] = [*(old for old in before if old is not same), made]
    return Reply(status=201 if same is None else 200, json=made)


async def delete_command(call: Call) -> Reply:
    scope, before = _commands(call)
    kept = [command for command in before if command["id"] != call.params["command_id"]]
    if len(kept) == len(before):
        raise unknown_command()
    call.state.commands[scope] = kept
    return Reply(status=204)


def _registered(call: Call, command: Json, known: Json | None, scope: int | None) -> Json:
    unchanged = known is not None and all(known[key] == value for key, value in command.items())
    made = {
        **command,
        "id": known["id"] if known else str(call.state.ids.next()),
        "application_id": str(call.state.application.id),
        "version": known["version"] if known and unchanged else str(call.state.ids.next()),
    }
    return made if scope is None else {**made, "guild_id": str(scope)}


def _count_creates(call: Call, new: int) -> None:
    now = call.state.clock.now()
    creates = [moment for moment in call.state.command_creates if moment > now - 86_400]
    if len(creates) + new > CREATES_A_DAY:
        raise too_many_command_creates()
    call.state.command_creates = creates + [now] * new


# -- routes ------------------------------------------------------------------------------------------------------


def _scoped(method: str, tail: str, handler: Handler) -> tuple[Route, Route]:
    """Commands are global or a server's own."""
    base = "/applications/{application_id}"
    return (
        Route(method=method, template=f"{base}/commands{tail}", handler=handler),
        Route(method=method, template=f"{base}/guilds/{{guild_id}}/commands{tail}", handler=handler),
    )


ROUTES = (
    Route(method="GET", template="/users/@me", handler=me),
    Route(method="GET", template="/oauth2/applications/@me", handler=application),
    Route(method="GET", template="/applications/@me", handler=application),
    Route(method="GET", template="/users/@me/guilds", handler=own_guilds),
    Route(method="DELETE", template="/users/@me/guilds/{guild_id}", handler=leave_guild),
    Route(method="POST", template="/users/@me/channels", handler=open_dm),
    Route(method="GET", template="/users/{user_id}", handler=user),
    Route(method="GET", template="/guilds/{guild_id}", handler=guild),
    Route(method="GET", template="/guilds/{guild_id}/channels", handler=guild_channels),
    Route(method="GET", template="/guilds/{guild_id}/roles", handler=guild_roles),
    Route(method="GET", template="/guilds/{guild_id}/members/{user_id}", handler=guild_member),
    *_scoped("GET", "", list_commands),
    *_scoped("PUT", "", put_commands),
    *_scoped("POST", "", post_command),
    *_scoped("DELETE", "/{command_id}", delete_command),
)
