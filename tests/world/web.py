"""How do people meet the playground? As its pages call the core: the same functions, in the same order, without a browser.

The pages themselves are tested in a browser; what they do with a press of Enter is `PlaygroundPage._imagine` and
`ThreadView._send`, and with a picture `composer.receive_uploads`.
"""

from pathlib import Path

from adapters import web
from adapters.web.inbound import (
    DEFAULT_CHANNEL,
    PLATFORM,
    WORKSPACE,
    new_thread,
    read_sending,
    read_words,
    source_id,
    to_request,
)
from adapters.web.pages.faces import Stage, TurnFace, turn_faces
from bot.errors import UserError
from bot.model import ConversationRef, Mood, Person
from bot.pictures import MAX_RECEIVED_BYTES, too_large_by_metadata
from bot.ports import Platform
from bot.service import Service
from bot.views import Views
from tests.world.driver import File, Post, Said, Traits


class Driver:
    """The playground."""

    name = PLATFORM
    traits = Traits(talk=False, moods=False, cards=False)

    def __init__(self, folder: Path) -> None:
        self._service: Service
        self._views: Views
        self._said: dict[str, tuple[Person, str]] = {}

    async def start(self) -> None:
        """The playground has no server of its own: its pages show the bot's store."""

    async def close(self) -> None:
        """Nothing was started."""

    def connect(self, service: Service, views: Views) -> Platform:
        self._service, self._views = service, views
        return web.connect(web.Settings(), service, views)

    def person(self, name: str) -> Person:
        return Person(id=f"id-of-{name}", name=name)

    # -- what people do -----------------------------------------------------------------------------------------

    async def imagine(self, who: Person, words: str, files: tuple[File, ...], *, id: str, ratio: str | None) -> Said:
        text = f"/imagine {words}" + (f" --ar {ratio}" if ratio else "")  # the page's own menu writes the option
        try:
            sending = read_sending({"id": id, "text": text, "files": [await self._uploaded(file) for file in files]})
            typed = read_words(sending.text)
            place = new_thread(DEFAULT_CHANNEL, sending)
            job = await self._service.imagine(to_request(sending, typed.text, visitor=who, place=place))
        except UserError as error:
            return Said(id=id, who=who, words=words, thread=None, refusal=str(error))
        return Said(id=id, who=who, words=words, thread=job.conversation_id, heard=True)

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
        try:
            sending = read_sending(
                {
                    "id": id,
                    "text": words,
                    "files": [await self._uploaded(file) for file in files],
                    "of": to.id if to else None,
                    "image": image,
                }
            )
            typed = read_words(sending.text)
            request = to_request(sending, typed.text, visitor=who, place=await self._place(thread))
            if typed.starts:
                await self._service.imagine(request)
            else:
                await self._service.edit(request, of=sending.of, image=sending.image)
        except UserError as error:
            return Said(id=id, who=who, words=words, thread=thread, refusal=str(error))
        return Said(id=id, who=who, words=words, thread=thread, heard=True)

    async def press(self, who: Person, button: str, of: str, *, id: str) -> Said:
        job_id = await self._job_id(of)
        try:
            if button == "again":
                again = source_id(f"again:{job_id}:{who.id}")
                job = await self._service.again(job_id, source_id=again, by=who)
                return Said(id=again, who=who, words=job.prompt, thread=job.conversation_id, heard=True)
            acts = {"cancel": self._service.cancel, "delete": self._service.delete}
            said = await acts[button](job_id, by=who)
        except UserError as error:
            said = str(error)
        return Said(id=id, who=who, words=button, thread=None, refusal=said)

    # -- what people see ----------------------------------------------------------------------------------------

    async def posts(self, thread: str) -> list[Post]:
        found = await self._views.thread(thread)
        assert found is not None, f"there is no thread {thread}"
        asked = {version.job.id: version.job.source_id for version in found.versions}
        return [
            await self._post(thread, face, asked[face.job_id])
            for face in turn_faces(found)
            if face.stage in {Stage.DONE, Stage.FAILED}
        ]

    async def threads(self) -> list[str]:
        return [thread.conversation.id for thread in await self._views.threads(PLATFORM, workspace=WORKSPACE)]

    async def card(self, said: Said) -> str | None:
        return None

    async def mood(self, said: Said) -> Mood | None:
        return None

    # -- inside -------------------------------------------------------------------------------------------------

    async def _uploaded(self, file: File) -> dict[str, object]:
        """What the composer sends of a file that it has put into the store; the page's server refuses it first."""
        refusal = too_large_by_metadata(file.name, file.said_size, file.said_type)
        if refusal is None and len(file.data) > MAX_RECEIVED_BYTES:
            refusal = too_large_by_metadata(file.name, len(file.data), file.said_type)
        if refusal:
            raise UserError(refusal)
        sha256 = await self._service.keep(file.data)
        return {"name": file.name, "size": file.said_size, "type": file.said_type, "sha256": sha256}

    async def _place(self, thread: str) -> ConversationRef:
        found = await self._views.thread(thread)
        assert found is not None, f"there is no thread {thread}"
        return found.conversation.ref

    async def _job_id(self, of: str) -> str:
        """A version on the page is a job; what a visitor has just said is one too, by its source."""
        if await self._views.job(of) is not None:
            return of
        for thread in await self.threads():
            found = await self._views.thread(thread)
            for version in found.versions if found else ():
                if version.job.source_id in {of, source_id(of)}:
                    return version.job.id
        raise AssertionError(f"nothing was ever asked for as {of}")

    async def _post(self, thread: str, face: TurnFace, source: str) -> Post:
        images = [await self._views.picture(shot.sha256) for shot in face.shots]
        failed = face.stage is Stage.FAILED
        text = " ".join(part for part in (face.text if failed else "", face.remark or "") if part)
        return Post(
            id=face.job_id,
            thread=thread,
            text=text,
            images=tuple(image for image in images if image is not None),
            answers=source.removeprefix(f"{PLATFORM}:"),
            alt=face.alt,
        )
