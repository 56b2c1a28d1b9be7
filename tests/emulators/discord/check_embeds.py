"""Is what a message says within Discord's lengths: its content and its embeds?"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.emulators.discord.files import EMBEDDABLE
from tests.emulators.discord.refusals import Json, Refusal, invalid, required, too_many_attachments

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_CHARACTERS = 6000  # of all embeds of a message together
MAX_FIELDS = 25
LENGTHS = {"title": 256, "description": 4096}


def too_long(path: str, limit: int) -> Refusal:
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def check_string(path: str, value: Any, limit: int, *, least: int = 0) -> str:
    """The value as text; None and absence are the caller's to judge."""
    if not isinstance(value, str):
        raise invalid(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
    if len(value) > limit:
        raise too_long(path, limit)
    if len(value) < least:
        raise invalid(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
    return value


def check_list(path: str, value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if len(value) > limit:
        raise too_long(path, limit)
    return value


def read_content(fields: Json) -> str:
    content = fields.get("content")
    return "" if content is None else check_string("content", content, MAX_CONTENT)


def read_embeds(fields: Json) -> list[Json]:
    """The embeds of a body, judged; addresses of pictures are http(s) or attachment://."""
    embeds: list[Json] = check_list("embeds", fields.get("embeds") or [], MAX_EMBEDS)
    total = 0
    for number, embed in enumerate(embeds):
        total += _check_embed(f"embeds.{number}", embed)
    if total > MAX_EMBED_CHARACTERS:
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MAX_EMBED_CHARACTERS}")
    return embeds


def _check_embed(path: str, embed: Any) -> int:
    """Returns its characters."""
    if not isinstance(embed, dict):
        raise invalid(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    total = 0
    for key, limit in LENGTHS.items():
        total += _length(f"{path}.{key}", embed.get(key), limit)
    for key, inner, limit in (("footer", "text", 2048), ("author", "name", 256)):
        if embed.get(key) is not None:
            total += _length(f"{path}.{key}.{inner}", embed[key].get(inner), limit, must=True)
    for number, field in enumerate(check_list(f"{path}.fields", embed.get("fields") or [], MAX_FIELDS)):
        total += _length(f"{path}.fields.{number}.name", field.get("name"), 256, must=True)
        total += _length(f"{path}.fields.{number}.value", field.get("value"), 1024, must=True)
    for key in ("image", "thumbnail"):
        if embed.get(key) is not None:
            _check_picture(f"{path}.{key}.url", embed[key].get("url"))
    if not total and not any(embed.get(key) for key in ("image", "thumbnail", "video")):
        raise required(f"{path}.description")
    return total


def _length(path: str, value: Any, limit: int, *, must: bool = False) -> int:
    if value is None or value == "":
        if must:
            raise required(path)
        return 0
    return len(check_string(path, value, limit))


def _check_picture(path: str, url: Any) -> None:
    check_string(path, url, 2048, least=1)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "attachment"}:
        raise invalid(
            path,
            "URL_TYPE_INVALID_SCHEME",
            f"Scheme {parts.scheme!r} is not supported. Scheme must be one of ('http', 'https').",
        )
    if parts.scheme == "attachment" and url.rpartition(".")[2].lower() not in EMBEDDABLE:
        raise invalid(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def read_attachments(fields: Json, known: set[str], uploaded: int) -> list[Json] | None:
    """`attachments` of a body: what each file is called and shows. known: ids already there, or numbers of uploads.

    None where the body doesn't say.
    """
    if fields.get("attachments") is None:
        if uploaded > 10:
            raise too_many_attachments()
        return None
    listed: list[Json] = check_list("attachments", fields["attachments"], 1521)
    if len(listed) > 10 or uploaded > 10:
        raise too_many_attachments()
    for number, entry in enumerate(listed):
        path = f"attachments.{number}"
        if "id" not in entry:
            raise required(f"{path}.id")
        if str(entry["id"]) not in known:
            raise invalid(f"{path}.id", "ATTACHMENT_NOT_FOUND", f"Attachment data not found for {entry['id']}.")
        if entry.get("filename") is not None:
            check_string(f"{path}.filename", entry["filename"], 1024, least=1)
        if entry.get("description") is not None:
            check_string(f"{path}.description", entry["description"], 1024)
    return listed
