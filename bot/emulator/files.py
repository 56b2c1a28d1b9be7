"""Where do uploaded and painted pictures live, and who may put one there?"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

BUCKET = "gmi-video-assests-prod"  # sic: the real bucket is spelled like this
STORAGE_PATH = f"/_gcs/{BUCKET}/"
GRANT_SECONDS = 899  # observed in the real service's presigned addresses
# Observed: jpg is signed as image/jpg, and image/jpeg on such a grant is refused.
UPLOAD_TYPES = {
    "jpeg": "image/jpeg",
    "jpg": "image/jpg",
    "png": "image/png",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """What is known of one file of the bucket. `name` is its path below the bucket."""

    name: str
    content_type: str
    request_id: str | None = None
    edits: tuple[str, ...] = ()
    """The instructions that made it out of the first picture, in their order."""

    @property
    def gs_uri(self) -> str:
        return f"gs://{BUCKET}/{self.name}"

    @property
    def path(self) -> str:
        return STORAGE_PATH + quote(self.name)


class Bucket:
    """Files by name: in memory, or in a folder when one is given, where they outlive the emulator."""

    def __init__(self, org_id: str, user_id: str, folder: Path | None) -> None:
        self._prefix = f"user-assets/{org_id}/{user_id}/gmi-videogen/"
        self._files: dict[str, File] = {}
        self._data: dict[str, bytes] = {}
        self._folder = folder

    def painted_name(self) -> str:
        # The real names end in .png whatever the bytes are (observed).
        return f"{self._prefix}generated/google_ai_studio_{uuid.uuid4()}_{uuid.uuid4()}.png"

    def upload_name(self, extension: str) -> str:
        return f"{self._prefix}uploads/{uuid.uuid4()}.{extension}"

    def put(self, file: File, data: bytes) -> None:
        self._files[file.name] = file
        if self._folder is None:
            self._data[file.name] = data
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        facts = {"name": file.name, "type": file.content_type, "request_id": file.request_id, "edits": file.edits}
        replace_file(self._place(file.name), json.dumps(facts).encode() + b"\n" + data)

    def get(self, name: str) -> File | None:
        if name not in self._files and self._folder is not None and self._place(name).exists():
            with self._place(name).open("rb") as stored:
                facts = json.loads(stored.readline())
            self._files[name] = File(
                name=facts["name"],
                content_type=facts["type"],
                request_id=facts["request_id"],
                edits=tuple(facts["edits"]),
            )
        return self._files.get(name)

    def data(self, file: File) -> bytes:
        """The bytes of a file that `put` has stored."""
        if self._folder is None:
            return self._data[file.name]
        return self._place(file.name).read_bytes().partition(b"\n")[2]

    def find(self, uri: str) -> File | None:
        """The file of a `gs://` URI or of one of our own addresses, whatever host and port they name."""
        if uri.startswith(f"gs://{BUCKET}/"):
            return self.get(uri.removeprefix(f"gs://{BUCKET}/"))
        path = urlsplit(uri).path
        if uri.startswith(("http://", "https://")) and path.startswith(STORAGE_PATH):
            return self.get(unquote(path.removeprefix(STORAGE_PATH)))
        return None

    def _place(self, name: str) -> Path:
        return (self._folder or Path()) / hashlib.sha256(name.encode()).hexdigest()


def replace_file(place: Path, data: bytes) -> None:
    """Write a file that is either there whole or as it was before, whenever the program ends."""
    half = place.with_suffix(".half")
    half.write_bytes(data)
    half.replace(place)


class Refused(Exception):
    """The storage refuses an upload: `status`, and an XML body like Google Cloud Storage's."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        inner = f"<Details>{escape(details)}</Details>" if details else ""
        self.body = (
            f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message>{inner}</Error>"
        )


def expired(at: float) -> Refused:
    moment = datetime.fromtimestamp(at, UTC).isoformat()
    return Refused(400, "ExpiredToken", "Invalid argument.", f"Request signature expired at: {moment}")


def signature_mismatch(details: str = "") -> Refused:
    return Refused(
        403,
        "SignatureDoesNotMatch",
        "Access denied. The request signature we calculated does not match the signature you provided. "
        "Check your Google secret key and signing method.",
        details,
    )


class Signer:
    """Presigned PUT addresses in the manner of Google's V4 signatures, with a secret of this emulator."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def grant(self, base_url: str, name: str, content_type: str, now: float) -> str:
        """An address that takes one PUT of exactly this content type until `GRANT_SECONDS` have passed."""
        date = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        query = [
            ("X-Goog-Algorithm", "GOOG4-RSA-SHA256"),
            ("X-Goog-Credential", f"emulator@darkroom/{date[:8]}/auto/storage/goog4_request"),
            ("X-Goog-Date", date),
            ("X-Goog-Expires", str(GRANT_SECONDS)),
            ("X-Goog-SignedHeaders", "content-type;host"),
        ]
        path, host = STORAGE_PATH + quote(name), urlsplit(base_url).netloc
        query.append(("X-Goog-Signature", self._sign(path, query, content_type, host)))
        return f"{base_url}{path}?{urlencode(query)}"

    def check(self, path: str, query_string: str, headers: dict[str, str], now: float) -> None:
        """Raise Refused unless this PUT is one that `grant` allowed. `path` is as sent, still quoted."""
        query = parse_qsl(query_string)
        facts = dict(query)
        if "X-Goog-Signature" not in facts:
            raise Refused(
                403, "AccessDenied", "Access denied.", "Anonymous caller does not have storage.objects.create"
            )
        if "authorization" in headers:
            raise Refused(400, "InvalidArgument", "Invalid argument.", "Only one auth mechanism is allowed.")
        if "content-type" not in headers:
            raise Refused(
                400,
                "MalformedSecurityHeader",
                "Your request has a malformed header.",
                "Header was included in signedheaders, but not in the request: content-type",
            )
        unsigned = [(name, value) for name, value in query if name != "X-Goog-Signature"]
        expected = self._sign(path, unsigned, headers["content-type"], headers.get("host", ""))
        if not hmac.compare_digest(expected, facts["X-Goog-Signature"]):
            raise signature_mismatch(f"PUT {path} content-type:{headers['content-type']}")
        signed_at = datetime.strptime(facts["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if now >= signed_at + int(facts["X-Goog-Expires"]) + 1:
            raise expired(signed_at + int(facts["X-Goog-Expires"]))

    def _sign(self, path: str, query: list[tuple[str, str]], content_type: str, host: str) -> str:
        canonical = "\n".join(["PUT", path, urlencode(sorted(query)), f"content-type:{content_type}", f"host:{host}"])
        return hmac.new(self._secret, canonical.encode(), hashlib.sha256).hexdigest() * 8  # as long as an RSA signature
