"""What is there in a Slack: workspaces, channels, messages, files, views, and an app installed by a bot user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.emulators.slack.people import Member

Json = dict[str, Any]
Kind = Literal["channel", "group", "im", "mpim"]
"""As events call it: a public channel, a private one, a direct message, a direct message of several."""

SCOPES = frozenset(
    {
        *("app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write", "commands"),
        *("files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write"),
        *("mpim:history", "mpim:read", "reactions:read", "reactions:write", "users:read"),
    }
)
EVENTS = frozenset(
    {
        *("app_home_opened", "app_mention", "app_uninstalled", "tokens_revoked"),
        *("message.channels", "message.groups", "message.im", "message.mpim"),
    }
)
HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history", "mpim": "mpim:history"}
READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}


@dataclass(kw_only=True, eq=False)
class App:
    """One Slack app as its settings pages show it. `of_manifest` reads what the app's own manifest declares."""

    id: str = "A0DARKROOM"
    name: str = "Darkroom"
    bot_name: str = "darkroom"
    scopes: frozenset[str] = SCOPES
    events: frozenset[str] = EVENTS
    commands: frozenset[str] = frozenset({"/imagine"})
    shortcuts: frozenset[str] = frozenset({"edit_image"})
    global_shortcuts: frozenset[str] = frozenset()
    socket_mode: bool = True
    interactivity: bool = True
    home_tab: bool = True
    messages_tab: bool = True  # the app has a DM with each member
    messages_read_only: bool = False  # in which members may not write
    token: str = "xapp-test-app-token"
    app_scopes: frozenset[str] = frozenset({"connections:write"})
    signing_secret: str = "test-signing-secret"
    mentions_name_files: bool = True  # whether `app_mention` has the files that the message event has
    request_url: str | None = None  # HTTP mode: where events, commands and interactions are posted

    @staticmethod
    def of_manifest(manifest: Json, **changes: Any) -> App:
        """What a workspace gets that creates the app from this manifest, and nothing more."""
        features, settings = manifest.get("features", {}), manifest.get("settings", {})
        home = features.get("app_home", {})
        shortcuts = features.get("shortcuts", [])
        subscriptions = settings.get("event_subscriptions", {})
        declared: dict[str, Any] = {
            "name": manifest["display_information"]["name"],
            "bot_name": features["bot_user"]["display_name"].lower(),
            "scopes": frozenset(manifest["oauth_config"]["scopes"]["bot"]),
            "events": frozenset(subscriptions.get("bot_events", [])),
            "commands": frozenset(command["command"] for command in features.get("slash_commands", [])),
            "shortcuts": frozenset(s["callback_id"] for s in shortcuts if s["type"] == "message"),
            "global_shortcuts": frozenset(s["callback_id"] for s in shortcuts if s["type"] == "global"),
            "socket_mode": bool(settings.get("socket_mode_enabled")),
            "interactivity": bool(settings.get("interactivity", {}).get("is_enabled")),
            "home_tab": bool(home.get("home_tab_enabled")),
            "messages_tab": bool(home.get("messages_tab_enabled")),
            "messages_read_only": bool(home.get("messages_tab_read_only_enabled")),
            "request_url": subscriptions.get("request_url"),
        }
        return App(**(declared | changes))


@dataclass(kw_only=True, eq=False)
class Bot:
    """The app, installed in one workspace. Change `scopes` or `standing` and the token is judged by that at once."""

    app: App
    workspace: Workspace
    user: Member
    id: str
    token: str
    scopes: set[str]
    standing: Literal["active", "token_revoked", "account_inactive"] = "active"
    blocked_from: set[str] = field(default_factory=set)  # ids of channels where an admin restricted posting


@dataclass(kw_only=True, eq=False)
class Workspace:
    id: str
    name: str
    domain: str


@dataclass(kw_only=True, eq=False)
class File:
    """One file. `data` is None until its bytes have come; `mimetype` and `shares` are empty until Slack has looked at it.

    access: `visible`, or `check_file_info` in the events of a Slack Connect channel. given: ids of bots to whom a member
    has handed it in a modal.
    """

    id: str
    name: str
    title: str
    owner: Member
    created: int
    size: int
    alt_txt: str | None = None
    data: bytes | None = None
    mimetype: str = ""
    pixels: tuple[int, int] | None = None  # of a picture, once Slack has looked at it
    mode: str = "hosted"
    address: str | None = None  # where its bytes are, if not at this Slack
    completed: bool = False
    deleted: bool = False
    shares: list[Message] = field(default_factory=list)
    given: set[str] = field(default_factory=set)


@dataclass(kw_only=True, eq=False)
class Message:
    """One message as it stands. `text` and `blocks` are the wire's; `words` is what a member reads.

    thread_ts: of a reply, and of a root that has replies. only_for: an ephemeral message's one reader.
    """

    channel: Channel
    ts: str
    author: Member
    text: str
    blocks: list[Json] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    bot: Bot | None = None
    metadata: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    client_msg_id: str | None = None
    edited: str | None = None
    deleted: bool = False
    only_for: Member | None = None
    linked_names: bool = False  # posted with link_names or parse=full: `@name` pings too
    notified: set[str] = field(default_factory=set)  # whom it pinged, as it was posted or by any edit
    deliveries: list[Any] = field(default_factory=list)  # events about its posting

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def replies(self) -> list[Message]:
        """What stands in its thread, oldest first."""
        return [m for m in self.channel.posts.values() if m.is_reply and m.thread_ts == self.ts and not m.deleted]

    @property
    def elements(self) -> list[Json]:
        """Everything that can be clicked in it."""
        return list(clickable(self.blocks))

    def __repr__(self) -> str:
        return f"<{self.author.name} in {self.channel.name} at {self.ts}: {self.text!r}, {len(self.files)} file(s)>"


@dataclass(kw_only=True, eq=False)
class Channel:
    """One conversation. teams: the workspaces that share it; more than one is Slack Connect."""

    id: str
    name: str
    kind: Kind
    workspace: Workspace
    members: list[Member] = field(default_factory=list)
    teams: set[str] = field(default_factory=set)
    archived: bool = False
    created: int = 0
    posts: dict[str, Message] = field(default_factory=dict)  # all there ever were, by ts

    @property
    def messages(self) -> list[Message]:
        """What stands in the channel itself, oldest first: no replies, but those that were broadcast."""
        return [
            m
            for m in self.posts.values()
            if not m.deleted and not m.only_for and (not m.is_reply or m.subtype == "thread_broadcast")
        ]

    @property
    def everything(self) -> list[Message]:
        """Roots and replies, oldest first, but nothing ephemeral."""
        return [m for m in self.posts.values() if not m.deleted and not m.only_for]

    @property
    def is_connect(self) -> bool:
        return len(self.teams) > 1

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} {self.id}>"


@dataclass(kw_only=True, eq=False)
class View:
    """One modal or App Home tab, as one member sees it. state: what is typed or chosen in it, by block and action."""

    id: str
    bot: Bot
    member: Member
    json: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: dict[str, str] = field(default_factory=dict)  # shown under its inputs, by block_id
    state: dict[str, dict[str, Json]] = field(default_factory=dict)
    open: bool = True

    @property
    def title(self) -> str:
        return str(self.json.get("title", {}).get("text", ""))

    @property
    def blocks(self) -> list[Json]:
        return list(self.json.get("blocks", []))

    @property
    def elements(self) -> list[Json]:
        return list(clickable(self.blocks))


def clickable(blocks: list[Json]) -> Iterable[Json]:
    """The interactive elements of blocks, each with the `block_id` it stands in."""
    for block in blocks:
        inside = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
        for element in inside:
            if isinstance(element, dict) and "action_id" in element:
                yield {"block_id": block.get("block_id"), **element}
