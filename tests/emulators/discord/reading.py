"""What message does a body ask for, and is it one that Discord takes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.emulators.discord.check_components import read_components
from tests.emulators.discord.check_embeds import check_string, read_attachments, read_content, read_embeds
from tests.emulators.discord.drafts import Changes, Draft
from tests.emulators.discord.files import Attachment, Upload, stored
from tests.emulators.discord.mentions import ANYTHING, Allowed, read_allowed
from tests.emulators.discord.messages import Flag, Message, Reference, media_urls, reference_to, walk
from tests.emulators.discord.refusals import Json, empty_message, invalid, required

if TYPE_CHECKING:
    from tests.emulators.discord.bodies import Body
    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.state import State

MAX_NONCE = 25
ON_CREATE = Flag.SUPPRESS_EMBEDS | Flag.SUPPRESS_NOTIFICATIONS | Flag.COMPONENTS_V2
ON_EDIT = Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2
LEGACY = ("content", "embeds", "poll", "sticker_ids")


def read_draft(state: State, channel: Channel, fields: Json, body: Body, *, default: Allowed = ANYTHING) -> Draft:
    """A new message. default: who may be notified where the body doesn't say."""
    flags = _flags(fields) & ON_CREATE
    v2 = bool(flags & Flag.COMPONENTS_V2)
    if v2:
        _check_no_legacy(fields)
    draft = Draft(
        content=read_content(fields),
        embeds=read_embeds(fields),
        components=read_components(fields, v2=v2),
        files=_new_files(state, channel, fields, body, kept={}),
        flags=flags,
        allowed=read_allowed(fields.get("allowed_mentions"), default),
        nonce=_nonce(fields),
        tts=bool(fields.get("tts")),
    )
    _point_at_files(draft.embeds, draft.components, draft.files)
    return draft


def check_not_empty(draft: Draft) -> None:
    if not (draft.content.strip() or draft.embeds or draft.components or draft.files or draft.snapshots):
        raise empty_message()


def read_changes(state: State, message: Message, fields: Json, body: Body, *, default: Allowed = ANYTHING) -> Changes:
    """An edit: only what the body names changes; `attachments` then is the whole truth. default: as in `read_draft`."""
    flags = message.flags
    if fields.get("flags") is not None:
        wanted = _flags(fields)
        if message.flags & Flag.COMPONENTS_V2 and not wanted & Flag.COMPONENTS_V2:
            raise invalid("flags", "MESSAGE_FLAGS_COMPONENTS_V2_REQUIRED", "IS_COMPONENTS_V2 cannot be removed")
        flags = message.flags & ~ON_EDIT | wanted & ON_EDIT
    v2 = bool(flags & Flag.COMPONENTS_V2)
    if v2:
        _check_no_legacy(fields)
    changes = Changes(flags=flags, allowed=read_allowed(fields.get("allowed_mentions"), default))
    if "content" in fields:
        changes.content = read_content(fields)
    if "embeds" in fields:
        changes.embeds = read_embeds(fields)
    if "components" in fields or (v2 and not message.flags & Flag.COMPONENTS_V2):
        changes.components = read_components(fields, v2=v2)
    if body.files or fields.get("attachments") is not None:
        kept = {str(file.id): file for file in message.files}
        changes.files = _new_files(state, message.channel, fields, body, kept=kept)
    _check_result(message, changes, v2=v2)
    return changes


def read_reference(state: State, channel: Channel, fields: Json) -> tuple[Reference, Message | None] | None:
    """What a message answers or passes on; a reply stays within its channel (Discord's docs)."""
    given = fields.get("message_reference")
    if given is None:
        return None
    if given.get("message_id") is None:
        raise required("message_reference.message_id")
    forward = given.get("type") == 1
    place = state.channels.get(int(given.get("channel_id") or channel.id))
    found = place.log.get(int(given["message_id"])) if place else None
    if found is not None and found.visible_to is not None:
        found = None
    if place is not channel and not forward:
        raise invalid(
            "message_reference",
            "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL",
            "Cannot reply to a message in a different channel",
        )
    if found is None and (forward or given.get("fail_if_not_exists", True)):
        raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    if found is None:
        return None
    return reference_to(found, forward=forward), found


# -- inside ------------------------------------------------------------------------------------------------------


def _flags(fields: Json) -> Flag:
    value = fields.get("flags") or 0
    if not isinstance(value, int):
        raise invalid("flags", "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    return Flag(value & int(Flag(sum(Flag))))


def _check_no_legacy(fields: Json) -> None:
    for key in LEGACY:
        if fields.get(key):
            raise invalid(
                key,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _nonce(fields: Json) -> str | None:
    nonce = fields.get("nonce")
    if nonce is None:
        return None
    return check_string("nonce", str(nonce) if isinstance(nonce, int) else nonce, MAX_NONCE)


def _new_files(
    state: State, channel: Channel, fields: Json, body: Body, *, kept: dict[str, Attachment]
) -> list[Attachment]:
    """Files of the message in the order of `attachments`; uploads that are not listed there come after."""
    known = {*map(str, body.files), *kept}
    listed = read_attachments(fields, known, len(body.files))
    entries: list[Json] = [{"id": id} for id in (*kept, *body.files)] if listed is None else list(listed)
    named = {str(entry["id"]) for entry in entries}
    entries += [{"id": number} for number in body.files if str(number) not in named]
    files: list[Attachment] = []
    for entry in entries:
        id = str(entry["id"])
        if id in kept:
            files.append(kept[id])
            if entry.get("description") is not None:
                kept[id].description = entry["description"]
        else:
            files.append(_store(state, channel, body, int(id), entry))
    return files


def _store(state: State, channel: Channel, body: Body, number: int, entry: Json) -> Attachment:
    part = body.files[number]
    upload = Upload(name=entry.get("filename") or part.filename, data=part.data, description=entry.get("description"))
    return stored(upload, id=state.ids.next(), folder=channel.id, at=state.clock.now())


def _check_result(message: Message, changes: Changes, *, v2: bool) -> None:
    """What the edit would leave standing."""
    content = message.content if changes.content is None else changes.content
    embeds = message.embeds if changes.embeds is None else changes.embeds
    components = message.components if changes.components is None else changes.components
    files = message.files if changes.files is None else changes.files
    if v2 and (content or embeds):
        _check_no_legacy({"content": content, "embeds": embeds})
    if not (content.strip() or embeds or components or files or message.snapshots):
        raise empty_message()
    _point_at_files(embeds, components, files)


def _point_at_files(embeds: list[Json], components: list[Json], files: list[Attachment]) -> None:
    """Every attachment:// leads to a file of the message; a link that an earlier answer gave to such a file means it."""
    by_path = {file.path: file for file in files}
    names = {file.filename for file in files}
    for holder, key in _media(embeds, components):
        path = urlsplit(holder[key]).path.removeprefix("/cdn")
        if path in by_path:
            holder[key] = f"attachment://{by_path[path].filename}"
    for url in media_urls(embeds, components):
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
            raise invalid("", "ATTACHMENT_NOT_FOUND", f"The referenced attachment was not found: {url}")


def _media(embeds: list[Json], components: list[Json]) -> list[tuple[Any, str]]:
    """Where addresses stand that may lead to files of the message."""
    places: list[tuple[Any, str]] = []
    for embed in embeds:
        places += [(embed[part], "url") for part in ("image", "thumbnail") if embed.get(part)]
    for component in walk(components):
        if component["type"] == 12:
            places += [(item["media"], "url") for item in component["items"]]
        elif component["type"] == 11:
            places.append((component["media"], "url"))
    return places
