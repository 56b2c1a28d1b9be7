"""Does the comparison with a document see what is wrong, and let pass what is known?"""

import json
from dataclasses import replace

import pytest

from tests.conformance.__main__ import main
from tests.conformance.discord import without_known_disagreements
from tests.conformance.openapi import Document
from tests.emulators.discord.recorder import Exchange, Recorder, load

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/channels/{channel_id}": {
            "parameters": [{"name": "channel_id", "in": "path"}],
            "patch": {
                "parameters": [{"name": "known", "in": "query"}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Name"}}}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Name"}}}},
                    "204": {},
                    "4XX": {"$ref": "#/components/responses/Refused"},
                },
            },
        }
    },
    "components": {
        "schemas": {"Name": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        "responses": {"Refused": {"content": {"application/json": {"schema": {"required": ["code"]}}}}},
    },
}
GOOD = Exchange(
    route="PATCH /channels/{channel_id}",
    path="/channels/1",
    query={"known": "1"},
    authorised=True,
    content_type="application/json",
    request={"name": "x"},
    files={"files[0]": ("a.png", 3)},
    status=200,
    response={"name": "x"},
    at=1.0,
)
BAD = {
    "an unknown route": {"route": "PATCH /nowhere"},
    "an unknown query": {"query": {"other": "1"}},
    "a bad request that was taken": {"request": {"name": 1}},
    "a bad answer": {"response": {}},
    "an unknown status": {"status": 302},
    "an error without code": {"status": 404, "response": {"message": "x"}},
    "words where there is no body": {"status": 204},
}
FINE = {
    "as it should be": {},
    "a bad request that was refused": {"request": {"name": 1}, "status": 400, "response": {"code": 1}},
    "a route that nobody knows": {"route": "GET /nowhere", "status": 404, "response": {"code": 0}},
    "a fault": {"status": 502, "response": "x"},
    "a lost answer": {"response": None, "lost": True},
    "cloudflare": {"status": 429, "response": None},
}


def judged(**changes):
    return [str(found) for found in Document(DOCUMENT).judge([replace(GOOD, **changes)])]


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_what_parts_from_the_document_is_found(changes):
    assert len(judged(**changes)) == 1


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE.keys())
def test_what_keeps_to_the_document_passes(changes):
    assert judged(**changes) == []


def test_only_known_disagreements_are_put_in_other_words():
    request = {
        "attachments": [{"id": 0}],
        "message_reference": {"message_id": 1},
        "allowed_mentions": {"users": [1]},
        "components": [{"type": 1, "id": 1, "custom_id": "x"}],
        "content": 7,
    }
    shown = without_known_disagreements(replace(GOOD, request=request)).request
    assert shown == {
        "attachments": [{"id": "0"}],
        "message_reference": {"message_id": "1"},
        "allowed_mentions": {"users": ["1"]},
        "components": [{"type": 1, "id": 1, "custom_id": "x"}],
        "content": 7,
    }


def test_a_recorded_session_is_read_as_it_was_written(tmp_path):
    Recorder(exchanges=[GOOD]).save(tmp_path / "one.json")
    assert load(tmp_path / "one.json") == [GOOD]


def test_without_a_document_it_says_what_to_pass(tmp_path, capsys):
    assert main([]) == 2
    assert "SCHEMAS=dir" in capsys.readouterr().err
    assert main(["--schemas", str(tmp_path)]) == 2
    assert "discord-openapi.json" in capsys.readouterr().err


async def test_the_session_is_played_and_held_against_the_document(tmp_path):
    from tests.conformance import discord  # noqa: PLC0415  beside the library's own name

    (tmp_path / discord.SCHEMA).write_text(json.dumps(DOCUMENT))
    count, disagreements = await discord.check(tmp_path)
    assert count > 50
    assert {found.route for found in disagreements if found.side == "request"} <= {"PATCH /channels/{channel_id}"}
    assert len({found.route for found in disagreements if found.side == "route"}) > 20  # that document knows one only
