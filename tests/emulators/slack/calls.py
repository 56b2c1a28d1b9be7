"""What does a call of a Web API method say? Query, form and JSON body are merged, as Slack does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.emulators.slack.model import Bot
from tests.emulators.slack.refusals import Refusal, invalid_arguments

Json = dict[str, Any]

TRUE = (True, 1, "1", "true", "True", "TRUE")


@dataclass(kw_only=True, eq=False)
class Call:
    """One call, by one installation of the app. Getters raise `invalid_arguments` in Slack's words."""

    method: str
    args: Json
    bot: Bot

    def text(self, name: str) -> str | None:
        """A string; a number counts as its digits; empty counts as absent."""
        value = self.args.get(name)
        if value is None or value == "":
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        return self.args.get(name) in TRUE

    def number(self, name: str, usual: int, most: int) -> int:
        value = self.text(name)
        if value is None:
            return usual
        if not value.lstrip("-").isdigit() or not 1 <= int(value) <= most:
            raise Refusal("invalid_limit") if name == "limit" else invalid_arguments(f"must be an integer: {name}")
        return int(value)

    def json(self, name: str) -> Any:
        """A structure, whether it came as JSON or as JSON in a string; None if absent."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(
                {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}.get(name, "invalid_json")
            ) from None


async def arguments(request: web.Request, *, takes_json: bool) -> tuple[Json, str | None]:
    """What was sent, and a warning for the answer. takes_json: methods for reading do not look at JSON bodies."""
    args: Json = dict(request.query)
    kind = request.content_type
    if request.method != "POST" or not request.can_read_body:
        return args, None
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        return args, None
    if kind != "application/json":
        raise Refusal("invalid_post_type" if request.headers.get("Content-Type") else "missing_post_type")
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal("json_not_object")
    if takes_json:
        args |= {name: value for name, value in body.items() if value is not None and name != "token"}
    return args, None if request.charset else "missing_charset"
