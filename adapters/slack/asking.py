"""What happens when a member uses a command, a button, a shortcut or a window? The core decides; the answer goes to that member."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from adapters.slack import buttons, inbound, rendering, wording
from adapters.slack.api import Api
from adapters.slack.buttons import Press, Window
from adapters.slack.faults import ABSENT, OwnerMustAct, Refused
from adapters.slack.inbound import PLATFORM, Spot
from adapters.slack.outbound import Outbound
from adapters.slack.telling import tell
from adapters.slack.workspace import Workspace
from bot import messages
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import OPEN, Job, Json
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

HELP = frozenset({"", "help", "?"})
LIMITS = frozenset({"limits", "limit", "usage"})

PLACE_SECONDS = 3.0
"""How long a card waits for Slack's pace here. The poller sees to it when the job is not placed in 5 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back with the acknowledgement, and what is done after it.

    sentence: for the member alone: why not, or what was done.
    """

    sentence: str | None = None
    after: Callable[[], Awaitable[None]] | None = None


class Asking:
    """Each method returns as soon as what was asked is stored or refused; what takes longer comes after."""

    def __init__(self, outbound: Outbound, workspace: Workspace, service: Service, views: Views) -> None:
        self._outbound = outbound
        self._workspace = workspace
        self._service = service
        self._views = views
        self._log = structlog.get_logger("slack")

    @property
    def api(self) -> Api:
        return self._outbound.api

    async def _team(self) -> str:
        return (await self._workspace.identity()).team

    # -- commands -----------------------------------------------------------------------------------------------

    async def command(self, body: Json) -> Answer:
        """`/imagine`: words make a picture, nothing or `help` opens the window, `limits` says what is left."""
        team = await self._team()
        spot, text = inbound.command_spot(body, team), (body.get("text") or "").strip()
        if text.lower() in HELP:
            window = Window(channel=spot.channel, response_url=spot.response_url)
            return Answer(after=lambda: self._open(body, spot, window, editing=False))
        if text.lower() in LIMITS:
            return Answer(sentence=await self._service.usage(PLATFORM, spot.workspace, spot.person))
        job = await self._service.imagine(inbound.command_request(body, team))
        return Answer(after=lambda: self.present(job, spot))

    # -- buttons ------------------------------------------------------------------------------------------------

    async def press(self, body: Json, action: Json) -> Answer:
        spot, press = inbound.action_spot(body, await self._team()), buttons.read(action)
        if press is None:
            return Answer()
        match press.act:
            case "edit":
                return await self._edit(body, spot, press)
            case "again":
                source = inbound.action_source(body, action)
                job = await self._service.again(press.job_id, source_id=source, by=spot.person, placed=False)
                return Answer(after=lambda: self.present(job, spot))
            case "cancel":
                return await self._cancel(press.job_id, spot)
            case "delete":
                return Answer(sentence=await self._service.delete(press.job_id, by=spot.person))

    async def _edit(self, body: Json, spot: Spot, press: Press) -> Answer:
        job = await self._views.job(press.job_id)
        if job is None or job.deleted_at is not None:
            raise UserError(messages.picture_deleted() if job else wording.outdated())
        window = Window(
            channel=spot.channel, thread=spot.thread, job=job.id, image=press.image, response_url=spot.response_url
        )
        return Answer(after=lambda: self._open(body, spot, window, editing=True))

    # -- shortcuts on a message ---------------------------------------------------------------------------------

    async def edit_message(self, body: Json) -> Answer:
        """On a picture of the bot: its window. On anybody's message with pictures: the window for a new picture of them."""
        spot, message = inbound.action_spot(body, await self._team()), body.get("message") or {}
        job = await self._views.job_of(inbound.message_ref(spot.channel, message.get("ts", "")))
        shown = await self._shown_by(job, message.get("ts", "")) if job else None
        if shown is not None:
            return await self._edit(body, spot, Press(act="edit", job_id=shown.id))
        files = inbound.pictures(message.get("files") or ())[:3]
        stubs = tuple(inbound.attachment(file) for file in message.get("files") or () if inbound.is_stub(file))[:3]
        if not files and not stubs:
            raise UserError(wording.no_picture_there())
        window = Window(channel=spot.channel, thread=spot.thread, files=files or stubs, response_url=spot.response_url)
        return Answer(after=lambda: self._open(body, spot, window, editing=False))

    async def _shown_by(self, job: Job, ts: str) -> Job | None:
        """Whose picture a message of the bot shows: an answer its own, a card the newest of its thread."""
        if job.images and any(post.id == ts for post in job.posts):
            return job
        if job.card is None or job.card.id != ts:
            return None
        thread = await self._views.thread(job.conversation_id)
        return next((version.job for version in thread.versions if version.is_head), None) if thread else None

    async def cancel_message(self, body: Json) -> Answer:
        """On a card, or on the message that asked."""
        spot, ts = inbound.action_spot(body, await self._team()), (body.get("message") or {}).get("ts", "")
        job = await self._views.job_of(inbound.message_ref(spot.channel, ts))
        if job is None:
            raise UserError(wording.not_mine())
        return await self._cancel(job.id, spot)

    async def _cancel(self, job_id: str, spot: Spot) -> Answer:
        sentence = await self._service.cancel(job_id, by=spot.person)
        job = await self._views.job(job_id)
        if job is not None and job.card is not None:  # the poller shows only what it has opened
            self._outbound.cards.show(job.card.channel, job.card.id)
        return Answer(sentence=sentence)

    # -- windows ------------------------------------------------------------------------------------------------

    async def submitted(self, body: Json) -> Answer:
        window = buttons.read_window(body["view"].get("private_metadata") or "")
        if window is None:
            raise UserError(wording.outdated())
        team = await self._team()
        request = inbound.window_request(body, window, team)
        spot = inbound.window_spot(body, window, team)
        job = await (
            self._service.edit(request, of=window.job, image=window.image)
            if window.job
            else self._service.imagine(request)
        )
        return Answer(after=lambda: self.present(job, spot))

    async def _open(self, body: Json, spot: Spot, window: Window, *, editing: bool) -> None:
        """The trigger lives for 3 s (observed), so nothing slow comes before this."""
        try:
            view = rendering.window(window, editing=editing)
            await self._outbound.api.call("views.open", trigger_id=body["trigger_id"], view=view)
        except (GiveUp, RetryLater) as error:
            self._log.warning("window_not_opened", reason=error.reason)
            late = isinstance(error, Refused) and error.code == "expired_trigger_id"
            why = wording.not_permitted() if isinstance(error, OwnerMustAct) else wording.broken()
            await tell(self._outbound.api, spot, wording.window_late() if late else why)

    # -- cards --------------------------------------------------------------------------------------------------

    async def present(self, job: Job, spot: Spot) -> None:
        """Shows a job that no message asked for by a card; if Slack's pace is in the way, the poller does it."""
        if job.card is not None or job.state not in OPEN or not await self._outbound.cards.want(job.id):
            return
        page = await self._views.page(job.id)
        if page is None or page.conversation is None:
            return
        try:
            card = await self._outbound.cards.post_within(messages.card(job, page.conversation.ref), PLACE_SECONDS)
        except RetryLater as error:
            self._log.info("card_later", job=job.id, reason=error.reason)
            if isinstance(error, OwnerMustAct):
                await tell(self._outbound.api, spot, wording.waits_for_permission())
        except GiveUp as error:
            await self._cannot_post(job, spot, error)
        else:
            await self._service.placed(job.id, card)

    async def _cannot_post(self, job: Job, spot: Spot, error: GiveUp) -> None:
        """The job is taken back before anything is paid, and the member is told how to let the bot in."""
        if not (isinstance(error, Refused) and error.closes_place):
            self._log.warning("card_refused", job=job.id, reason=error.reason)
            return  # the poller meets the same, and answers
        try:
            await self._service.cancel(job.id, by=spot.person)
        except UserError:
            return  # it is on its way, and answered by the poller
        sentence = self._why_not(spot, error) or messages.failure(error.kind, job_id=job.id)
        await tell(self._outbound.api, spot, sentence, ours=True)  # it may name the bot, and nobody else

    def _why_not(self, spot: Spot, error: Refused) -> str | None:
        if error.code not in ABSENT:
            return None
        me = self._workspace.me
        return wording.not_in_talks() if spot.is_talk else wording.invite(me.user if me else None)


async def guarded(work: Awaitable[Answer]) -> Answer:
    """Whatever goes wrong becomes a sentence: nobody is left with a spinning wheel."""
    try:
        return await work
    except UserError as error:
        return Answer(sentence=str(error))
    except StoreBusy:
        return Answer(sentence=wording.busy())
    except Exception:  # noqa: BLE001 - logged as the bug it is
        structlog.get_logger("slack").exception("bug_in_asking")
        return Answer(sentence=wording.broken())
