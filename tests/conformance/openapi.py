"""Do recorded requests and answers keep to an OpenAPI 3.1 document that others wrote?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.emulators.discord.recorder import Exchange

Json = dict[str, Any]
DOCUMENT = "urn:document"


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """Where an exchange and the document part. side: `request`, `answer` or `route`."""

    route: str
    side: str
    what: str

    def __str__(self) -> str:
        return f"{self.route}, {self.side}: {self.what}"


class Document:
    """An OpenAPI document, ready to judge exchanges."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._registry: Registry[Any] = Registry().with_resource(
            DOCUMENT, Resource.from_contents(document, default_specification=DRAFT202012)
        )
        self._validators: dict[str, Draft202012Validator] = {}

    def judge(self, exchanges: Iterable[Exchange]) -> Iterator[Disagreement]:
        """What is wrong with each. Answers that a fault or a Cloudflare made up are not the document's to describe."""
        for exchange in exchanges:
            foreign = exchange.status == 429 and exchange.response is None
            if exchange.lost or exchange.status >= 500 or exchange.status == 0 or foreign:
                continue
            for side, what in self._judge(exchange):
                yield Disagreement(route=exchange.route, side=side, what=what)

    def _judge(self, exchange: Exchange) -> Iterator[tuple[str, str]]:
        method, _, template = exchange.route.partition(" ")
        path = self._document["paths"].get(template, {})
        operation = path.get(method.lower())
        if operation is None:
            if exchange.status not in {404, 405}:
                yield "route", "the document knows no such route, and yet it was answered"
            return
        base = f"/paths/{_escape(template)}/{method.lower()}"
        known = {one["name"] for one in (*path.get("parameters", ()), *operation.get("parameters", ()))}
        for name in exchange.query:
            if name not in known:
                yield "request", f"the document knows no query parameter {name!r}"
        if exchange.status < 300 and exchange.request is not None and "requestBody" in operation:
            pointer = f"{base}/requestBody/content/application~1json/schema"
            yield from (("request", what) for what in self._errors(pointer, exchange.request))
        yield from (("answer", what) for what in self._judge_answer(base, operation, exchange))

    def _judge_answer(self, base: str, operation: Json, exchange: Exchange) -> Iterator[str]:
        status = str(exchange.status)
        key = next((key for key in (status, f"{status[0]}XX") if key in operation["responses"]), None)
        if key is None:
            yield f"the document knows no answer with status {status}"
            return
        pointer = f"{base}/responses/{key}"
        response = operation["responses"][key]
        if "$ref" in response:
            pointer = response["$ref"].removeprefix("#")
            response = self._document["components"]["responses"][pointer.rpartition("/")[2]]
        if "application/json" not in response.get("content", {}):
            if exchange.response is not None:
                yield f"status {status} has no body in the document"
            return
        yield from self._errors(f"{pointer}/content/application~1json/schema", exchange.response)

    def _errors(self, pointer: str, instance: Any) -> Iterator[str]:
        validator = self._validators.get(pointer)
        if validator is None:
            validator = Draft202012Validator({"$ref": f"{DOCUMENT}#{pointer}"}, registry=self._registry)
            self._validators[pointer] = validator
        error = best_match(validator.iter_errors(instance))
        if error is not None:
            yield f"at {_where(error)}: {error.message[:300]}"


def _where(error: ValidationError) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "the top"


def _escape(template: str) -> str:
    return template.replace("~", "~0").replace("/", "~1")
