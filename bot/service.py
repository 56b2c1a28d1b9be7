"""What can a member ask for? imagine, reply, try again, cancel, delete, usage: the one place where limits are checked.

Nothing here talks to a platform or to the queue: a request is checked, stored and told to `Changes`; the poller acts.
Every method may raise UserError, whose sentence is the answer to the member.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from bot import intent, limits, messages, prompts
from bot.accepting import Accepting
from bot.changes import Changes
from bot.errors import UserError
from bot.memory import KeptImages, Memory, Removals
from bot.metrics import Metrics
from bot.model import (
    DIRECT,
    OPEN,
    OUTCOME_UNKNOWN,
    Conversation,
    ConversationRef,
    ImageRequest,
    Job,
    JobQuery,
    JobState,
    MessageRef,
    Person,
    Utterance,
)
from bot.ports import Conflict, Forgotten, Store

__all__ = ["Memory", "Service"]


class Service:
    """The core's front door; one per process."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        metrics: Metrics,
        *,
        limits: limits.Limits,
        model: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._changes = changes
        self._metrics = metrics
        self._limits = limits
        self._clock = clock
        self._accepting = Accepting(store, changes, metrics, limits=limits, model=model, clock=clock)
        self._kept = KeptImages(Memory(store, "service.kept_images", clock))
        self._removals = Removals(store, clock)
        self._log = structlog.get_logger("service")

    # -- asking for a picture -----------------------------------------------------------------------------------

    async def imagine(self, request: ImageRequest) -> Job:
        """Accepts a wish for a new picture and stores it, due at once, or in a few seconds when it is yet to be placed.

        The same source asked twice gives the same job. Raises UserError for whatever the request alone shows to be wrong.
        """
        wish = prompts.read(request.text, aspect_ratio=request.aspect_ratio)
        conversation = await self._conversation_at(request.place) if request.place.thread else None
        return await self._accepting.accept(request, wish, conversation, parent=None, follow=False)

    async def edit(self, request: ImageRequest, *, of: str | None = None, image: int = 0) -> Job:
        """Accepts an edit of the conversation at `request.place`: of a given job's picture, else of the newest one.

        Where there is no picture to edit yet, the words begin anew in the same thread.
        """
        wish = prompts.read(request.text, aspect_ratio=request.aspect_ratio)
        parent = await self._editable(of, request.place.platform) if of else None
        if parent:
            conversation = await self._store.conversation(parent.conversation_id)
        else:
            conversation = await self._conversation_at(request.place)
        if conversation is None:
            raise UserError(messages.nothing_to_edit())
        return await self._accepting.accept(
            request, wish, conversation, parent=parent, parent_image=image, follow=parent is None
        )

    async def reply(self, utterance: Utterance) -> Job | None:
        """Hears a message in a thread or DM, and accepts it as an edit if it is meant as one (None if not).

        An image without words is kept for its author's next words there. Raises UserError when it is meant but cannot be done.
        """
        conversation = await self._conversation_at(utterance.place)
        answered, image = await self._answered(utterance)
        decision = await self._decided(utterance, conversation, answered)
        if isinstance(decision, intent.Ignore):
            return None
        if isinstance(decision, intent.KeepImage):
            self._accepting.check_attachments(utterance.attachments, editing=True)
            await self._kept.keep(utterance)
            return None
        kept = await self._kept.of(utterance)
        request = ImageRequest(
            source_id=utterance.source_id,
            requester=utterance.author,
            place=utterance.place,
            text=utterance.text,
            attachments=(*kept, *utterance.attachments),
            message=utterance.message,
            roles=utterance.roles,
        )
        if conversation is None and decision.of is None:
            job = await self.imagine(request)
        else:
            job = await self.edit(request, of=decision.of, image=image if decision.of else 0)
        if kept:  # only now: a refusal must not cost the member the pictures, too
            await self._kept.drop(utterance)
        return job

    async def is_meant(self, utterance: Utterance) -> bool:
        """Whether `reply` would take this up or keep it: for whoever knows a reason why it can't be answered there."""
        conversation = await self._conversation_at(utterance.place)
        answered, _ = await self._answered(utterance)
        return not isinstance(await self._decided(utterance, conversation, answered), intent.Ignore)

    async def _decided(
        self, utterance: Utterance, conversation: Conversation | None, answered: str | None
    ) -> intent.Decision:
        return intent.decide(
            utterance,
            opened=conversation is not None and utterance.plain_talk,
            joined=conversation is not None and await self._takes_part(conversation, utterance.author),
            replied_job=answered,
        )

    async def again(
        self,
        job_id: str,
        *,
        source_id: str,
        by: Person | None = None,
        roles: Sequence[str] = (),
        placed: bool = True,
        unlimited: bool = False,
    ) -> Job:
        """A new job with the same words, references and parent; asked by the same member, or by another.

        unlimited: an operator asks, to whom the member's limits don't apply.
        """
        old = await self._known(job_id, by_operator=unlimited)
        if not old.prompt and not old.references:
            raise UserError(messages.words_are_gone())
        conversation = await self._store.conversation(old.conversation_id)
        if conversation is None:
            raise UserError(messages.no_longer_known())
        request = ImageRequest(
            source_id=source_id,
            requester=by or old.requester,
            place=conversation.ref,
            text="",
            roles=tuple(roles),
            placed=placed,
        )
        job = self._accepting.new_job(request, conversation, prompt=old.prompt, aspect_ratio=old.aspect_ratio)
        # Uploaded anew: that the queue's copy of a reference has gone may be why it is asked again.
        references = tuple(replace(reference, url=None) for reference in old.references)
        job = replace(job, references=references, parent_id=old.parent_id, parent_image=old.parent_image)
        return await self._accepting.add(job, conversation, request, follow=False, unlimited=unlimited)

    async def placed(self, job_id: str, card: MessageRef) -> None:
        """The platform shows the status card as this message; the job need not wait any longer."""
        await self._store.place(job_id, card, self._clock())
        job = await self._store.get(job_id)
        if job:
            self._changes.tell(job)

    async def keep(self, data: bytes) -> str:
        """Keeps bytes that an adapter received itself; returns their sha256, to be the address of an attachment."""
        return await self._store.put_blob(data, self._clock())

    # -- changing one's mind ------------------------------------------------------------------------------------

    async def cancel(self, job_id: str, *, by: Person, moderator: bool = False) -> str:
        """Stops waiting for a picture; returns the sentence to say. What already runs at the vendor may still cost."""
        while True:
            job = await self._of(job_id, by, moderator=moderator)
            if job.state is JobState.CANCELLED:  # its card may not have been told, if the store failed then
                self._changes.tell(job)
                return messages.cancelled(may_cost=bool(job.submissions))
            if job.state not in OUTCOME_UNKNOWN:
                raise UserError(messages.too_late_to_cancel())
            now = self._clock()
            ended = replace(job, state=JobState.CANCELLED, due_at=None, waiting=None, finished_at=now)
            try:
                saved = await self._store.save(ended, now=now, event=f"cancelled by {by.id}")
            except Conflict:
                continue  # a step of the poller was quicker; look again
            self._metrics.finished(saved)
            self._changes.tell(saved)
            return messages.cancelled(may_cost=bool(saved.submissions))

    async def delete(self, job_id: str, *, by: Person, moderator: bool = False) -> str:
        """Takes a result back: its bytes go, the picture before it is the thread's newest again. Returns the sentence."""
        while True:
            job = await self._of(job_id, by, moderator=moderator)
            if job.state in OPEN:
                raise UserError(messages.not_finished_yet())
            if job.deleted_at is not None:
                if await self._removals.are_due(job_id):  # what follows of a deletion failed then, so it follows now
                    await self._store.drop_pictures(job_id, self._clock())
                    self._changes.tell(job)
                return messages.deleted()
            now = self._clock()
            newest = await self._store.head(job.conversation_id)
            await self._removals.begin(job_id)
            try:
                saved = await self._store.save(replace(job, deleted_at=now), now=now, event=f"deleted by {by.id}")
            except Conflict:
                continue
            await self._store.drop_pictures(job_id, now)
            self._changes.tell(saved)
            back = (
                newest is not None and newest.id == job_id and await self._store.head(job.conversation_id) is not None
            )
            return messages.deleted(others=len(job.posts) > 1, back_to_earlier=back)

    async def forget(self, platform: str, person_id: str) -> Forgotten:
        """Removes a member's words and pictures from the store, and from the pages that show the newest of them."""
        theirs = await self._store.jobs(JobQuery(platform=platform, person=person_id, limit=1000))
        forgotten = await self._store.forget(platform, person_id, self._clock())
        for job in theirs:
            left = await self._store.get(job.id)
            if left:
                self._changes.tell(left)
        self._log.info("member_forgotten", platform=platform, jobs=forgotten.jobs, pictures=forgotten.pictures)
        return forgotten

    def memory(self, platform: str) -> Memory:
        """The memory of one adapter, in its own name space."""
        return Memory(self._store, f"adapter.{platform}", self._clock)

    @property
    def asks_for_roles(self) -> bool:
        """Whether members' roles decide who may ask, so that no request should come without them."""
        return bool(self._limits.allowed_roles)

    # -- knowing ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Unix seconds by the bot's clock, which never goes back; the times of jobs are by this one."""
        return self._clock()

    async def usage(self, platform: str, workspace: str, person: Person) -> str:
        """What is left of a member's limits, in words."""
        now = self._clock()
        usage = await self._store.usage(platform, workspace, person.id, limits.day_start(now))
        return self._limits.left(platform, person.id, usage, now, in_server=workspace != DIRECT)

    # -- inside -------------------------------------------------------------------------------------------------

    async def _conversation_at(self, place: ConversationRef) -> Conversation | None:
        if place.thread is None:
            return None
        return await self._store.find_conversation(place) or await self._just_begun(place, place.thread)

    async def _just_begun(self, place: ConversationRef, thread: str) -> Conversation | None:
        """The conversation of a thread that members see, and write in, before its opening is written down here.

        A thread that was made of a message has its id, and that message is known to belong to a job.
        """
        found = await self._store.find_message(MessageRef(platform=place.platform, channel=place.channel, id=thread))
        conversation = await self._store.conversation(found[0].conversation_id) if found else None
        if conversation is not None and conversation.ref.thread is None:
            conversation = await self._store.opened(conversation.id, replace(conversation.ref, thread=thread))
        return conversation if conversation is not None and conversation.ref.thread == thread else None

    async def _answered(self, utterance: Utterance) -> tuple[str | None, int]:
        """The job, and which of its pictures, that a message explicitly answers."""
        found = await self._store.find_message(utterance.replied_to) if utterance.replied_to else None
        if found:
            return found[0].id, found[1]
        return utterance.answered_job if utterance.answered_job and utterance.replied_to_bot else (None, 0)

    async def _takes_part(self, conversation: Conversation, person: Person) -> bool:
        return conversation.starter.id == person.id or await self._store.has_asked(conversation.id, person.id)

    async def _known(self, job_id: str, *, by_operator: bool = False) -> Job:
        job = await self._store.get(job_id)
        if job is None:
            raise UserError(messages.unknown_job(job_id) if by_operator else messages.no_longer_known())
        return job

    async def _of(self, job_id: str, by: Person, *, moderator: bool) -> Job:
        job = await self._known(job_id)
        if job.requester.id != by.id and not moderator:
            raise UserError(messages.not_yours())
        return job

    async def _editable(self, job_id: str, platform: str) -> Job | None:
        """The job an explicit reply builds on; None when it never became a picture, so that the thread's newest serves."""
        job = await self._known(job_id)
        if job.platform != platform:
            raise UserError(messages.no_longer_known())  # a picture lives on one platform, and is answered there
        if job.deleted_at is not None:
            raise UserError(messages.picture_deleted())
        return job if job.state in OPEN or job.state is JobState.SUCCEEDED else None
