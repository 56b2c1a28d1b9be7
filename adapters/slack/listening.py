"""How do Slack's requests reach the bot? Through bolt, which checks and sorts them; every one is acknowledged, known or not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import buttons, wording
from adapters.slack.api import quiet_logger
from adapters.slack.asking import Answer, Asking, guarded
from adapters.slack.hearing import Hearing
from adapters.slack.home import Home
from adapters.slack.inbound import Spot, action_spot, command_spot, window_spot
from adapters.slack.rendering import PROMPT
from adapters.slack.settings import Settings, bot_token
from adapters.slack.telling import tell
from adapters.slack.workspace import Workspace
from bot.model import Json
from bot.ports import StoreBusy

STORE_SECONDS = 2.0
"""How long an acknowledgement waits for what was asked to be stored; Slack allows 3 s (docs). What is acknowledged is never
delivered again, so a process that died between the two would lose it without anybody knowing.
"""

_ANY = re.compile(".*", re.DOTALL)
Ack = Callable[..., Awaitable[Any]]


class Listener:
    """One bolt app; it has no token, no mode and no memory of its own, whatever the environment says."""

    def __init__(self, settings: Settings, workspace: Workspace, asking: Asking, hearing: Hearing, home: Home) -> None:
        self._settings = settings
        self._workspace = workspace
        self._asking = asking
        self._hearing = hearing
        self._home = home
        self._tasks: set[asyncio.Task[Any]] = set()
        self._log = structlog.get_logger("slack")
        self.app = self._app()

    def _app(self) -> AsyncApp:
        async def authorize(team_id: str | None) -> AuthorizeResult:  # a function: bolt passes by names, `self` too
            return await self._authorize(team_id)

        secret = self._settings.slack_signing_secret
        app = AsyncApp(
            name="darkroom",
            logger=quiet_logger(),
            signing_secret=secret.get_secret_value() if secret else "",
            client=AsyncWebClient(base_url=self._settings.slack_api_url, retry_handlers=[], logger=quiet_logger()),
            authorize=authorize,
            ignoring_self_events_enabled=False,  # the events of our own shares end a wait
            attaching_conversation_kwargs_enabled=False,
            ssl_check_enabled=False,  # it is answered without a look at the signature, and Slack no longer asks it
            process_before_response=True,  # or bolt would acknowledge events before they are looked at
        )
        app.command("/imagine")(self._command)
        app.action(buttons.ACTION)(self._action)
        app.message_shortcut(buttons.EDIT_SHORTCUT)(self._edit_shortcut)
        app.message_shortcut(buttons.CANCEL_SHORTCUT)(self._cancel_shortcut)
        app.view(buttons.MODAL)(self._submission)
        app.event("message")(self._message)
        app.event("app_mention")(self._mention)
        app.event("app_home_opened")(self._home_opened)
        for kind in (app.command, app.action, app.shortcut, app.view, app.view_closed, app.options):
            kind(_ANY)(self._unknown)
        app.event(_ANY)(self._unknown)
        app.error(self._bug)
        return app

    async def _bug(self, error: Exception) -> BoltResponse:
        """Even then it is acknowledged: what failed once would fail when it is delivered again."""
        self._log.error("bug_in_listener", exc_info=error)
        return BoltResponse(status=200)

    async def _authorize(self, team_id: str | None) -> AuthorizeResult:
        """Every workspace of a verified request is ours; whose token it gets is said in one place."""
        me = await self._workspace.identity()
        return AuthorizeResult(
            enterprise_id=None,
            team_id=team_id or me.team,
            bot_id=me.bot,
            bot_user_id=me.user,
            bot_token=bot_token(self._settings, team_id),
        )

    async def close(self, within: float) -> None:
        """What was taken up is ended, or given up."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- what bolt calls ----------------------------------------------------------------------------------------

    async def _command(self, ack: Ack, body: Json) -> None:
        spot = command_spot(body, await self._team())
        answer = await self._answered(self._asking.command(body), ack, spot)
        if answer is not None:
            await ack(**({"text": wording.escaped(answer.sentence)} if answer.sentence else {}))
            self._later(answer)

    async def _action(self, ack: Ack, body: Json, action: Json) -> None:
        await self._act(ack, body, lambda: self._asking.press(body, action))

    async def _edit_shortcut(self, ack: Ack, body: Json) -> None:
        await self._act(ack, body, lambda: self._asking.edit_message(body))

    async def _cancel_shortcut(self, ack: Ack, body: Json) -> None:
        await self._act(ack, body, lambda: self._asking.cancel_message(body))

    async def _act(self, ack: Ack, body: Json, work: Callable[[], Coroutine[Any, Any, Answer]]) -> None:
        """An acknowledgement of these carries no words: a private sentence goes its own way."""
        spot = action_spot(body, await self._team())
        answer = await self._answered(work(), ack, spot)
        if answer is not None:
            await ack()
            self._later(answer, spot)

    async def _submission(self, ack: Ack, body: Json) -> None:
        window = buttons.read_window(body["view"].get("private_metadata") or "")
        spot = window_spot(body, window, await self._team()) if window else None
        answer = await self._answered(self._asking.submitted(body), ack, spot)
        if answer is None:
            return
        if answer.sentence:  # the window stays open, and says what is wrong
            await ack(response_action="errors", errors={PROMPT: wording.cut(answer.sentence, 2_000)})
        else:
            await ack()
        self._later(Answer(after=answer.after))

    async def _message(self, event: Json) -> None:
        await self._taken_up(self._hearing.message(event))

    async def _mention(self, event: Json) -> None:
        await self._taken_up(self._hearing.mention(event))

    async def _home_opened(self, event: Json) -> None:
        if event.get("tab", "home") == "home":
            self._spawn(self._quietly(self._home.opened(event["user"])))

    async def _unknown(self, ack: Ack) -> None:
        await ack()

    async def _taken_up(self, work: Coroutine[Any, Any, None]) -> None:
        """Bolt acknowledges an event when this returns: when what it asks for is stored, or after STORE_SECONDS."""
        await asyncio.wait({self._spawn(self._quietly(work))}, timeout=STORE_SECONDS)

    # -- inside -------------------------------------------------------------------------------------------------

    async def _team(self) -> str:
        return (await self._workspace.identity()).team

    async def _answered(self, work: Coroutine[Any, Any, Answer], ack: Ack, spot: Spot | None) -> Answer | None:
        """The answer, if it comes before Slack must be acknowledged; else None, and it goes its own way when it comes."""
        task = self._spawn(guarded(work))
        done, _ = await asyncio.wait({task}, timeout=STORE_SECONDS)
        if done:
            answer: Answer = task.result()
            return answer
        await ack()
        self._spawn(self._follow(task, spot))
        return None

    async def _follow(self, task: asyncio.Task[Answer], spot: Spot | None) -> None:
        self._later(await task, spot)

    def _later(self, answer: Answer, spot: Spot | None = None) -> None:
        if answer.sentence and spot:
            self._spawn(self._quietly(tell(self._asking.api, spot, answer.sentence)))
        if answer.after:
            self._spawn(self._quietly(answer.after()))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name="aside-slack-listener")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _quietly(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreBusy as error:  # what was stored before is seen to by the poller
            self._log.warning("not_finished", reason=str(error))
        except Exception:  # noqa: BLE001 - logged as the bug it is
            self._log.exception("bug_in_listener")
