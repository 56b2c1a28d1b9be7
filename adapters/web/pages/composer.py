"""How do a visitor's words and pictures reach the server? A form that loses nothing, and the address its pictures go to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import Client, app
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from starlette.requests import Request
from starlette.responses import JSONResponse

from adapters.web.inbound import Sending, read_sending
from adapters.web.pages.elements import asset
from bot import messages
from bot.errors import UserError
from bot.model import ASPECT_RATIOS
from bot.pictures import MAX_RECEIVED_BYTES, to_reference, too_large_by_metadata
from bot.ports import StoreBusy
from bot.service import Service


class Composer(Element, component="assets/composer.js"):
    """The box to write in. `send` may raise UserError: the sentence is shown, and what was typed stays.

    draft: the name under which the browser keeps what is not sent yet. command: shown before the words.
    most: how many pictures may go along. ratio: what holds when the words name none.
    """

    def __init__(
        self,
        send: Callable[[Sending], Awaitable[None]],
        *,
        draft: str,
        label: str,
        placeholder: str,
        hint: str,
        most: int,
        ratio: str,
        command: str = "",
    ) -> None:
        super().__init__()
        self._send = send
        self.props.update(
            draft=draft, label=label, placeholder=placeholder, hint=hint, most=most, mostBytes=MAX_RECEIVED_BYTES,
            ratio=ratio, ratios=list(ASPECT_RATIOS), command=command, icons=asset("icons.svg"), eager=True,
            uploads=f"/_nicegui/client/{self.client.id}/upload/{self.id}",
        )  # fmt: skip
        self.on("send", self._sent)

    async def _sent(self, event: GenericEventArguments) -> None:
        id = event.args.get("id") if isinstance(event.args, dict) else None
        try:
            sending = read_sending(event.args)
            await self._send(sending)
        except UserError as error:
            self.run_method("refused", id, str(error))
        except StoreBusy:
            self.run_method("refused", id, messages.store_busy())
        except Exception:
            self.run_method("refused", id, "Something went wrong inside me, and nothing was sent. Please try again.")
            raise
        else:
            self.run_method("sent", id)

    def say(self, sentence: str) -> None:
        """A private notice that all is well."""
        self.run_method("say", sentence)

    def refuse(self, sentence: str) -> None:
        """A private notice of what cannot be done."""
        self.run_method("refuse", sentence)

    def focus(self) -> None:
        self.run_method("focus")

    def fill(self, text: str) -> None:
        self.run_method("fill", text)

    def build_on(self, *, job_id: str, image: int, number: int | None, sha256: str) -> None:
        """The next words are about this very picture."""
        self.run_method("build", {"job": job_id, "image": image, "number": number, "sha256": sha256})

    def show(self, *, label: str, most: int, ratio: str) -> None:
        for name, value in {"label": label, "placeholder": label, "most": most, "ratio": ratio}.items():
            if self.props[name] != value:
                self.props[name] = value


def receive_uploads(service: Service) -> None:
    """Lets open pages put pictures into the store, one request each: the body is the file, `name` its name.

    Answers {"sha256": ..}, or a refusal with {"detail": sentence}.
    """

    @app.post("/_nicegui/client/{client_id}/upload/{element_id}", include_in_schema=False)
    async def upload(client_id: str, element_id: int, request: Request) -> JSONResponse:
        client = Client.instances.get(client_id)
        if client is None or not isinstance(client.elements.get(element_id), Composer):
            return JSONResponse({"detail": "This page is no longer open. Reload it and attach the picture again."}, 410)
        name = request.query_params.get("name", "")
        media_type = request.headers.get("content-type")
        announced = request.headers.get("content-length", "")
        data = bytearray()
        refusal = too_large_by_metadata(name, int(announced) if announced.isdecimal() else None, media_type)
        if refusal is None:
            async for part in request.stream():
                data += part
                if len(data) > MAX_RECEIVED_BYTES:
                    break
            refusal = too_large_by_metadata(name, len(data), media_type)
        if refusal:
            return JSONResponse({"detail": refusal}, 422)
        try:
            await to_reference(bytes(data), name=name)  # what could never go along is told before it is asked for
        except UserError as error:
            return JSONResponse({"detail": str(error)}, 422)
        try:
            return JSONResponse({"sha256": await service.keep(bytes(data))})
        except StoreBusy:
            return JSONResponse({"detail": messages.store_busy()}, 503)
