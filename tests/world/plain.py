"""How would the bot live on a platform that has everything? A square in memory, and an adapter that keeps every promise.

The square is the platform's server: it outlives the bot, shows what people would see, and can be out of order. Scenarios
run here as on every folder of `adapters/`, so that none of them assumes one platform's ways; the tests of the poller look
here at cards, reactions and deliveries that fail.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.errors import FailureKind, GiveUp, RetryLater, UserError
from bot.model import (
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    ImageRequest,
    MessageRef,
    Mood,
    Opened,
    Person,
    Reply,
    Utterance,
)
from bot.ports import Note, Platform
from bot.service import Service
from bot.views import Views
from tests.world.driver import File, Post, Said, Traits

PLATFORM = "plain"
WORKSPACE = "village"
CHANNEL = "square"


@dataclass(kw_only=True)
class Message:
    """One message on the square. mark: what the bot's adapter finds its own posts by. place: a channel or a thread."""

    id: str
    place: str
    text: str
    by_bot: bool
    images: tuple[bytes, ...] = ()
    alt: str | None = None
    answers: str | None = None
    mark: str | None = None
    moods: set[Mood] = field(default_factory=set)


class Square:
    """The platform's server. `wrong`: errors that its calls raise next, by the name of the adapter's method."""

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}
        self.files: dict[str, bytes] = {}
        self.wrong: dict[str, list[Exception]] = {}
        self.calls: list[str] = []

    def post(self, **facts: object) -> Message:
        message = Message(id=f"m{len(self.messages) + 1}", **facts)  # type: ignore[arg-type]
        self.messages[message.id] = message
        return message

    def marked(self, mark: str) -> Message | None:
        return next((message for message in self.messages.values() if message.mark == mark), None)

    def fail(self, call: str, *errors: Exception) -> None:
        """Let the next calls of this method of the adapter raise these, one each."""
        self.wrong.setdefault(call, []).extend(errors)

    def called(self, call: str) -> None:
        self.calls.append(call)
        if self.wrong.get(call):
            raise self.wrong[call].pop(0)


class PlainPlatform:
    """The adapter's half that posts."""

    name = PLATFORM

    def __init__(self, square: Square) -> None:
        self._square = square

    async def run(self, *, listens: bool = True) -> None:
        await asyncio.Event().wait()

    def trouble(self) -> str | None:
        return None

    async def open(self, conversation: Conversation, card: Card) -> Opened:
        """The card begins the thread, as on Slack; what is there already is found by its mark."""
        self._square.called("open")
        mark = f"card:{card.job_id}"
        known = self._square.messages.get(card.message.id) if card.message else None
        known = known or self._square.marked(mark)
        if known is None:
            place = conversation.ref.thread or conversation.ref.channel
            known = self._square.post(place=place, text=card.text, by_bot=True, mark=mark)
        thread = conversation.ref.thread or f"t-{known.id}"
        return Opened(ref=replace(conversation.ref, thread=thread), card=_ref(known))

    async def show(self, card: Card) -> None:
        self._square.called("show")
        if card.message and card.message.id in self._square.messages:
            self._square.messages[card.message.id].text = card.text

    async def react(self, message: MessageRef, mood: Mood) -> None:
        self._square.called("react")
        if message.id in self._square.messages:
            self._square.messages[message.id].moods = {mood}

    async def delete(self, message: MessageRef) -> None:
        self._square.called("delete")
        self._square.messages.pop(message.id, None)

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        """The memo says that a look is due; the square is searched for what an earlier attempt has posted."""
        begun = await note.load()
        if begun is None:
            await note.save({"begun": True})
        place = to.thread or to.channel
        parts: list[bytes | None] = [picture.data for picture in reply.images] or [None]
        posts = []
        for number, part in enumerate(parts):
            mark = f"{key}:{number}"
            found = self._square.marked(mark) if begun else None
            if found is None:
                self._square.called("deliver")
                found = self._square.post(
                    place=place,
                    text=reply.text if number == 0 else "",
                    by_bot=True,
                    images=(part,) if part else (),
                    alt=reply.prompt,
                    answers=reply.answers.id if reply.answers else None,
                    mark=mark,
                )
            posts.append(_ref(found))
        return tuple(posts)

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def fetch(self, attachment: Attachment) -> bytes:
        self._square.called("fetch")
        data = self._square.files.get(attachment.address)
        if data is None:
            raise GiveUp(f"{attachment.name} is gone", kind=FailureKind.REFERENCE)
        return data


class Driver:
    """People on the square."""

    name = PLATFORM
    traits = Traits(talk=True, moods=True, cards=True)

    def __init__(self, folder: Path) -> None:
        self.square = Square()
        self._service: Service
        self._views: Views
        self._platform: PlainPlatform
        self._events: dict[str, str] = {}  # id of a command -> its card

    async def start(self) -> None:
        """The square is always there."""

    async def close(self) -> None:
        """The square is always there."""

    def connect(self, service: Service, views: Views) -> Platform:
        self._service, self._views = service, views
        self._platform = PlainPlatform(self.square)
        return self._platform

    def person(self, name: str) -> Person:
        return Person(id=f"id-of-{name}", name=name)

    # -- what people do -----------------------------------------------------------------------------------------

    async def imagine(self, who: Person, words: str, files: tuple[File, ...], *, id: str, ratio: str | None) -> Said:
        request = ImageRequest(
            source_id=f"{PLATFORM}:command:{id}",
            requester=who,
            place=ConversationRef(platform=PLATFORM, workspace=WORKSPACE, channel=CHANNEL),
            text=words,
            aspect_ratio=ratio,
            attachments=self._attachments(id, files),
            placed=False,
        )
        try:
            job = await self._service.imagine(request)
        except UserError as error:
            return Said(id=id, who=who, words=words, thread=None, refusal=str(error))
        mark = f"card:{job.id}"
        card = self.square.marked(mark) or self.square.post(place=CHANNEL, text="Queued", by_bot=True, mark=mark)
        self._events[id] = card.id
        await self._service.placed(job.id, _ref(card))
        return Said(id=id, who=who, words=words, thread=f"t-{card.id}", heard=True)

    async def say(
        self,
        who: Person,
        words: str,
        files: tuple[File, ...],
        *,
        id: str,
        thread: str,
        to: Post | None,
        image: int,
        private: bool = False,
    ) -> Said:
        return await self.hear(
            Utterance(
                source_id=f"{PLATFORM}:message:{id}",
                author=who,
                author_is_bot=False,
                place=self._place(thread),
                text=words,
                attachments=self._attachments(id, files),
                mentions_bot=private,
                replied_to=self._nth(to, image) if to else None,
                replied_to_bot=to is not None,
            ),
            id=id,
        )

    async def hear(self, utterance: Utterance, *, id: str) -> Said:
        """Any message at all, as the adapter's inbound half would translate it."""
        if f"said:{id}" not in self._events:
            place = utterance.place.thread or utterance.place.channel
            self._events[f"said:{id}"] = self.square.post(place=place, text=utterance.text, by_bot=False).id
        message = self.square.messages[self._events[f"said:{id}"]]
        said = Said(id=id, who=utterance.author, words=utterance.text, thread=utterance.place.thread)
        try:
            job = await self._service.reply(replace(utterance, message=_ref(message)))
        except UserError as error:
            return replace(said, refusal=str(error))
        if job is None:
            return said
        await self._platform.react(_ref(message), Mood.WORKING)
        return replace(said, heard=True)

    async def press(self, who: Person, button: str, of: str, *, id: str) -> Said:
        job_id = await self._job_id(of)
        try:
            if button == "again":
                job = await self._service.again(job_id, source_id=f"{PLATFORM}:button:{id}", by=who)
                thread = (await self._views.page(job.id)).conversation.ref.thread
                return Said(id=id, who=who, words=job.prompt, thread=thread, heard=True)
            acts = {"cancel": self._service.cancel, "delete": self._service.delete}
            said = await acts[button](job_id, by=who)
        except UserError as error:
            said = str(error)
        return Said(id=id, who=who, words=button, thread=None, refusal=said)

    # -- what people see ----------------------------------------------------------------------------------------

    async def posts(self, thread: str) -> list[Post]:
        return [self._post(thread, answer) for answer in self._answers(thread)]

    def _answers(self, thread: str) -> list[list[Message]]:
        """The messages of each answer: several pictures are several messages. What was posted twice is two answers."""
        answers: dict[tuple[str, int], list[Message]] = {}
        posted: Counter[str] = Counter()
        for message in self.square.messages.values():
            if message.by_bot and message.place == thread and message.mark and not message.mark.startswith("card:"):
                answers.setdefault((message.mark.partition(":")[0], posted[message.mark]), []).append(message)
                posted[message.mark] += 1
        return list(answers.values())

    async def threads(self) -> list[str]:
        return sorted({message.place for message in self.square.messages.values() if message.place != CHANNEL})

    async def card(self, said: Said) -> str | None:
        card = self.square.messages.get(self._events.get(said.id, ""))
        return card.text if card else None

    async def mood(self, said: Said) -> Mood | None:
        message = self.square.messages.get(self._events.get(f"said:{said.id}", ""))
        return next(iter(message.moods), None) if message else None

    # -- inside -------------------------------------------------------------------------------------------------

    def _place(self, thread: str) -> ConversationRef:
        return ConversationRef(platform=PLATFORM, workspace=WORKSPACE, channel=CHANNEL, thread=thread)

    def _attachments(self, id: str, files: tuple[File, ...]) -> tuple[Attachment, ...]:
        attachments = []
        for number, file in enumerate(files):
            address = f"file:{id}:{number}"
            self.square.files[address] = file.data
            attachments.append(
                Attachment(name=file.name, address=address, size=file.said_size, media_type=file.said_type)
            )
        return tuple(attachments)

    @staticmethod
    def ref(message: Message) -> MessageRef:
        return _ref(message)

    def _nth(self, post: Post, image: int) -> MessageRef:
        """The message that holds this image of an answer."""
        answer = next(answer for answer in self._answers(post.thread) if answer[0].id == post.id)
        return _ref(answer[image])

    def _post(self, thread: str, answer: list[Message]) -> Post:
        said = {message: id.removeprefix("said:") for id, message in self._events.items() if id.startswith("said:")}
        return Post(
            id=answer[0].id,
            thread=thread,
            text=" ".join(message.text for message in answer if message.text),
            images=tuple(image for message in answer for image in message.images),
            answers=said.get(answer[0].answers or ""),
            alt=answer[0].alt,
        )

    async def _job_id(self, of: str) -> str:
        message = self._events.get(of) or self._events.get(f"said:{of}") or of
        if message in self.square.messages:
            job = await self._views.job_of(_ref(self.square.messages[message]))
            if job:
                return job.id
        raise AssertionError(f"the bot knows nothing of {of}")


def later(reason: str = "the square is closed", after: float | None = None) -> RetryLater:
    """The platform cannot be reached just now."""
    return RetryLater(reason, after=after)


def _ref(message: Message) -> MessageRef:
    return MessageRef(platform=PLATFORM, channel=message.place, id=message.id)
