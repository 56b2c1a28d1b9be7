"""What is a file on Discord, before and after it was uploaded?"""

from __future__ import annotations

import io
import mimetypes
import re
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

EMBEDDABLE = frozenset(
    {"jpg", "jpeg", "png", "webp", "gif"}
)  # what an embed shows through attachment:// (Discord's docs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file on its way in. media_type and size: what Discord will say of it, which need not be true."""

    name: str
    data: bytes
    media_type: str | None = None
    size: int | None = None
    description: str | None = None


@dataclass(eq=False, kw_only=True, slots=True)
class Attachment:
    """A file that Discord keeps. folder: the channel it was posted in, or the application it was handed to.

    ephemeral: an option of a command or an upload in a modal, which Discord removes after a while. width, height: None
    where the file is no picture that can be measured.
    """

    id: int
    folder: int
    filename: str
    data: bytes
    size: int
    media_type: str | None
    width: int | None
    height: int | None
    created_at: float
    description: str | None = None
    ephemeral: bool = False
    removed: bool = False

    @property
    def path(self) -> str:
        kind = "ephemeral-attachments" if self.ephemeral else "attachments"
        return f"/{kind}/{self.folder}/{self.id}/{self.filename}"

    @property
    def is_picture(self) -> bool:
        return (self.media_type or "").startswith("image/")

    @property
    def extension(self) -> str:
        return self.filename.rpartition(".")[2].lower()


def stored(upload: Upload, *, id: int, folder: int, at: float, ephemeral: bool = False) -> Attachment:
    """What becomes of an upload. Type and measures are taken from name and bytes where nothing else is said."""
    width, height = _measures(upload.data)
    return Attachment(
        id=id,
        folder=folder,
        filename=safe_name(upload.name),
        data=upload.data,
        size=len(upload.data) if upload.size is None else upload.size,
        media_type=upload.media_type or mimetypes.guess_type(upload.name)[0],
        width=width,
        height=height,
        created_at=at,
        description=upload.description,
        ephemeral=ephemeral,
    )


def safe_name(name: str) -> str:
    """Only ASCII letters, digits, dot, dash and underscore of a file's name survive."""
    return re.sub(r"[^A-Za-z0-9._-]", "", name.replace(" ", "_")).lstrip(".") or "unknown"


def _measures(data: bytes) -> tuple[int | None, int | None]:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None, None
