"""How is the playground put together? Channels, a channel's threads and one open thread, on one page that never reloads."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from adapters.web.inbound import (
    DEFAULT_CHANNEL,
    LONGEST_NAME,
    PLATFORM,
    WORKSPACE,
    Sending,
    channel_name,
    new_thread,
    read_words,
    to_request,
)
from adapters.web.pages.channel import PAGE, ChannelView
from adapters.web.pages.elements import Line, Tag, avatar, on_follow
from adapters.web.pages.faces import fresher, title
from adapters.web.pages.live import Live
from adapters.web.pages.theme import RESPONSE_SECONDS, VIEWPORT, bar, furnish
from adapters.web.pages.thread import ThreadView
from adapters.web.pages.visitor import NameDialog, Visitor
from bot.service import Service
from bot.views import Thread, Views

RECONNECT_SECONDS = 30.0
"""So long a page is kept whose browser has gone silent, as a phone does when it is put away; later it loads itself anew."""


class PlaygroundPage:
    """One visitor's open page."""

    def __init__(self, client: Client, *, service: Service, views: Views, live: Live) -> None:
        self._client = client
        self._service = service
        self._views = views
        self._visitor = Visitor(client, self._meet)
        self._name_dialog = NameDialog(self._visitor)
        self._channel: ChannelView | None = None
        self._thread: ThreadView | None = None
        self._channels: dict[str, Tag] = {}
        self._news: dict[str, Thread] = {}  # what was heard of a thread while it was being read
        self._shown = PAGE
        self._wanted = ""  # the address that the visitor asked for last; slower answers to earlier wishes are dropped
        with Tag("div", "app") as self._app:
            with bar(home="/", links={"Operator": "/operator"}):
                self._me = Tag("button", "me", type="button", title="Change your name")
                self._me.on("click", self._name_dialog.open)
            with Tag("nav", "channels", aria_label="Channels"):
                Tag("h2", "channels-title", "Channels")
                self._channel_list = Tag("div", "channel-list")
                self._write_new_channel()
            self._main = Tag("div", "main")
            self._aside = Tag("div", "aside")
        self._meet()
        live.threads(client, self._hear)
        ui.on("navigate", self._navigated)

    async def go(self, path: str, *, push: bool = True) -> None:
        """Shows what belongs to an address of the playground."""
        self._wanted = path
        if push:
            address = json.dumps(quote(path))
            self._client.run_javascript(f"if (location.pathname !== {address}) history.pushState(null, '', {address})")
        kind, _, name = path.strip("/").partition("/")
        if kind == "t":
            await self._open_thread(name)
        else:
            self._close_thread()
            await self._open_channel(channel_name(name) or DEFAULT_CHANNEL)

    # -- channels -----------------------------------------------------------------------------------------------

    async def _open_channel(self, channel: str) -> None:
        if self._channel and self._channel.channel == channel:
            return
        self._shown = PAGE
        self._main.clear()
        with self._main:
            self._channel = ChannelView(
                channel,
                visitor=self._visitor,
                send=lambda sending: self._imagine(channel, sending),
                look=self._look,
                earlier=self._show_earlier,
            )
        self._name_channel(channel)
        self._title(f"# {channel}")
        await self._read_channel(self._channel)

    async def _read_channel(self, view: ChannelView) -> None:
        found = await self._views.threads(PLATFORM, workspace=WORKSPACE, channel=view.channel, limit=self._shown + 1)
        if view is self._channel:
            view.show_all(found[: self._shown], more=len(found) > self._shown)
            view.select(self._thread.conversation_id if self._thread else None)

    async def _show_earlier(self) -> None:
        self._shown += PAGE
        if self._channel:
            await self._read_channel(self._channel)

    async def _imagine(self, channel: str, sending: Sending) -> None:
        """Words in a channel begin a picture, with the command or without."""
        words = read_words(sending.text)
        place = new_thread(channel, sending)
        job = await self._service.imagine(to_request(sending, words.text, visitor=self._visitor.person, place=place))
        if self._channel:
            self._channel.newest()
        await self.go(f"/t/{job.conversation_id}")

    def _name_channel(self, current: str) -> None:
        """Lists a channel, and marks the one that is open."""
        if current not in self._channels:
            with self._channel_list:
                link = Tag("a", "channel-link", f"# {current}", href=f"/c/{current}")
                on_follow(link, lambda: self.go(f"/c/{current}"))
            self._channels[current] = link
        for name, link in self._channels.items():
            link.set("aria-current", "page" if self._channel and name == self._channel.channel else None)

    async def list_channels(self) -> None:
        for channel in sorted({DEFAULT_CHANNEL, *await self._views.channels(PLATFORM, WORKSPACE)}):
            self._name_channel(channel)

    def _write_new_channel(self) -> None:
        line = Line("New channel", placeholder="New channel", button="Add", longest=LONGEST_NAME, quiet=True)
        line.classes("new-channel")

        async def begin(event: GenericEventArguments) -> None:
            name = channel_name(event.args) if isinstance(event.args, str) else ""
            if name:
                await self.go(f"/c/{name}")
            else:
                line.refuse(str(event.args), "A channel's name needs at least one letter or digit.")

        line.on("answer", begin)

    # -- the open thread ----------------------------------------------------------------------------------------

    async def _look(self, conversation_id: str) -> None:
        await self.go(f"/t/{conversation_id}")

    async def _open_thread(self, conversation_id: str) -> None:
        if self._thread and self._thread.conversation_id == conversation_id:
            return
        wanted = self._wanted
        self._news.clear()
        thread = await self._views.thread(conversation_id)
        if self._wanted != wanted:
            return
        if thread and conversation_id in self._news:
            thread = fresher(thread, self._news[conversation_id])
        if thread is None or thread.conversation.ref.platform != PLATFORM:
            self._show_nothing()
            await self._open_channel(self._channel.channel if self._channel else DEFAULT_CHANNEL)
            return
        self._aside.clear()
        with self._aside:
            self._thread = ThreadView(thread, service=self._service, visitor=self._visitor, close=self._leave_thread)
        self._app.set("data-open", "thread")
        await self._open_channel(thread.conversation.ref.channel)
        self._title(title(thread)[:60])
        if self._channel:
            self._channel.select(conversation_id)

    async def _leave_thread(self) -> None:
        await self.go(f"/c/{self._channel.channel if self._channel else DEFAULT_CHANNEL}")

    def _close_thread(self) -> None:
        self._thread = None
        self._aside.clear()
        self._app.set("data-open", None)
        if self._channel:
            self._channel.select(None)
            self._title(f"# {self._channel.channel}")

    def _show_nothing(self) -> None:
        self._thread = None
        self._aside.clear()
        with self._aside, Tag("section", "panel thread"), Tag("div", "nothing"):
            Tag("h2", "", "There is no such thread")
            Tag("p", "", "Its words and pictures may no longer be kept.")
            link = Tag("a", "primary", "To the channel", href="/")
            on_follow(link, self._leave_thread)
        self._app.set("data-open", "thread")

    def _title(self, words: str) -> None:
        with self._client:
            ui.page_title(f"{words} · Darkroom" if words else "Darkroom")

    # -- what happens elsewhere ---------------------------------------------------------------------------------

    def _hear(self, thread: Thread) -> None:
        ref = thread.conversation.ref
        if ref.workspace != WORKSPACE:
            return
        self._name_channel(ref.channel)
        if self._channel and ref.channel == self._channel.channel:
            self._channel.show(thread)
        if self._thread and self._thread.conversation_id == thread.conversation.id:
            self._thread.show(thread)
        elif self._wanted == f"/t/{thread.conversation.id}":
            self._news[thread.conversation.id] = thread

    async def _navigated(self, event: GenericEventArguments) -> None:
        """The browser's own back and forward."""
        if isinstance(event.args, str):
            await self.go(unquote(event.args), push=False)

    def _meet(self) -> None:
        name = self._visitor.name
        self._me.visible = bool(name)
        self._me.clear()
        with self._me:
            avatar(name, self._visitor.id)
            Tag("span", "me-name", name)
        for view in (self._channel, self._thread):
            if view:
                view.meet()
                view.focus()


def register_playground(service: Service, views: Views, live: Live) -> None:
    """The pages of the playground: `/`, `/c/{channel}` and `/t/{thread}` are one page with different things open."""

    async def build(client: Client, path: str) -> None:
        furnish("Darkroom")
        page = PlaygroundPage(client, service=service, views=views, live=live)
        await page.list_channels()
        await page.go(path, push=False)

    @ui.page("/", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT, reconnect_timeout=RECONNECT_SECONDS)
    async def first(client: Client) -> None:
        await build(client, "/")

    @ui.page("/c/{channel}", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT, reconnect_timeout=RECONNECT_SECONDS)
    async def channel_page(client: Client, channel: str) -> None:
        await build(client, f"/c/{channel}")

    @ui.page(
        "/t/{conversation_id}",
        response_timeout=RESPONSE_SECONDS,
        viewport=VIEWPORT,
        reconnect_timeout=RECONNECT_SECONDS,
    )
    async def thread_page(client: Client, conversation_id: str) -> None:
        await build(client, f"/t/{conversation_id}")
