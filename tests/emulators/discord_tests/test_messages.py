"""What may be said, and with which code is the rest refused?"""

import pytest

from tests.emulators.discord import Permission, Upload
from tests.emulators.discord_tests.pictures import PNG


def send(rest, channel, body, files=None):
    return rest("POST", f"/channels/{channel.id}/messages", body, files=files)


def codes(tree):
    """Every inner code of a 50035."""
    if "_errors" in tree:
        return [error["code"] for error in tree["_errors"]]
    return [code for branch in tree.values() for code in codes(branch)]


ROW = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}


def button(**changes):
    return {"components": [{"type": 1, "components": [{**ROW["components"][0], **changes}]}]}


BAD_FORMS = {
    "long content": {"content": "x" * 2001},
    "content that is no text": {"content": 7},
    "long nonce": {"content": "x", "nonce": "n" * 26},
    "eleven embeds": {"embeds": [{"title": "x"}] * 11},
    "long embed title": {"embeds": [{"title": "x" * 257}]},
    "long embed description": {"embeds": [{"description": "x" * 4097}]},
    "embeds longer than 6000 together": {"embeds": [{"description": "x" * 3001}] * 2},
    "empty embed": {"embeds": [{}]},
    "26 fields": {"embeds": [{"fields": [{"name": "x", "value": "x"}] * 26}]},
    "a field without a value": {"embeds": [{"fields": [{"name": "x", "value": ""}]}]},
    "an embed of a missing file": {"embeds": [{"image": {"url": "attachment://none.png"}}]},
    "an embed of another kind of file": {"embeds": [{"image": {"url": "attachment://none.svg"}}]},
    "an attachment that was not uploaded": {"content": "x", "attachments": [{"id": 0}]},
    "a button without custom_id": button(custom_id=None),
    "an empty custom_id": button(custom_id=""),
    "a custom_id of 101": button(custom_id="x" * 101),
    "a label of 81": button(label="x" * 81),
    "a button that says nothing": button(label=None),
    "an address on a button with custom_id": button(url="http://x"),
    "an unknown style": button(style=9),
    "six buttons in a row": {
        "components": [{"type": 1, "components": [{**ROW["components"][0], "custom_id": str(n)} for n in range(6)]}]
    },
    "an empty row": {"components": [{"type": 1, "components": []}]},
    "six rows": {
        "components": [{"type": 1, "components": [{**ROW["components"][0], "custom_id": str(n)}]} for n in range(6)]
    },
    "a custom_id twice": {"components": [ROW, ROW]},
    "a button outside of a row": {"components": ROW["components"]},
    "a text component without the flag": {"components": [{"type": 10, "content": "x"}]},
    "content beside components of version 2": {
        "content": "x",
        "flags": 32768,
        "components": [{"type": 10, "content": "x"}],
    },
    "embeds beside components of version 2": {
        "embeds": [{"title": "x"}],
        "flags": 32768,
        "components": [{"type": 10, "content": "x"}],
    },
    "text of 4001 in version 2": {"flags": 32768, "components": [{"type": 10, "content": "x" * 4001}]},
    "41 components": {
        "flags": 32768,
        "components": [{"type": 17, "components": [{"type": 10, "content": "x"}] * 20}] * 2,
    },
    "an empty gallery": {"flags": 32768, "components": [{"type": 12, "items": []}]},
    "a gallery of a missing file": {
        "flags": 32768,
        "components": [{"type": 12, "items": [{"media": {"url": "attachment://none.png"}}]}],
    },
    "long alt text": {
        "flags": 32768,
        "components": [{"type": 12, "items": [{"media": {"url": "http://x"}, "description": "x" * 1025}]}],
    },
    "a section without its side": {
        "flags": 32768,
        "components": [{"type": 9, "components": [{"type": 10, "content": "x"}]}],
    },
    "mentions that contradict themselves": {
        "content": "x",
        "allowed_mentions": {"parse": ["users"], "users": ["1"]},
    },
    "an answer to nothing": {"content": "x", "message_reference": {"message_id": "1"}},
}


@pytest.mark.parametrize("body", BAD_FORMS.values(), ids=BAD_FORMS.keys())
async def test_a_form_that_discord_does_not_take_is_refused(rest, general, body):
    status, answer = await send(rest, general, body)
    assert (status, answer["code"]) == (400, 50035)
    assert codes(answer["errors"])
    assert general.messages == []


async def test_what_is_within_the_lengths_is_taken(rest, general):
    body = {"content": "x" * 2000, "embeds": [{"description": "y" * 4096, "title": "z" * 256}], "components": [ROW]}
    status, answer = await send(rest, general, body)
    assert status == 200
    assert answer["components"][0]["components"][0]["custom_id"] == "go"
    status, _ = await send(rest, general, {"flags": 32768, "components": [{"type": 10, "content": "x" * 4000}]})
    assert status == 200


async def test_a_message_of_nothing_is_refused(rest, general):
    for body in ({}, {"content": ""}, {"content": " \n"}):
        status, answer = await send(rest, general, body)
        assert (status, answer["code"]) == (400, 50006)


async def test_a_body_that_is_no_json_is_refused(rest, general):
    path = f"/channels/{general.id}/messages"
    status, answer = await rest("POST", path, headers={"Content-Type": "text/plain"}, json=None, files=None)
    assert (status, answer["code"]) == (400, 50109)


async def test_files_too_large_or_too_many_are_refused(rest, guild, general):
    mebibyte = 2**20
    status, answer = await send(rest, general, {}, files=[("a.png", b"x" * (10 * mebibyte + 1))])
    assert (status, answer["code"]) == (413, 40005)
    status, answer = await send(rest, general, {}, files=[(f"{n}.png", b"x" * (9 * mebibyte)) for n in range(3)])
    assert (status, answer["code"]) == (413, 40005)
    status, answer = await send(rest, general, {}, files=[(f"{n}.png", b"x") for n in range(11)])
    assert (status, answer["code"]) == (400, 30015)
    status, _ = await send(rest, general, {}, files=[("a.png", b"x" * (10 * mebibyte))])
    assert status == 200
    guild.features = ("MAX_FILE_SIZE_50_MB",)
    status, _ = await send(rest, general, {}, files=[("a.png", b"x" * (10 * mebibyte + 1))])
    assert status == 200


async def test_each_permission_that_is_missing_refuses_what_needs_it(emulator, rest, general, ann):
    words = ann.writes(general, "hello")
    needs = [
        (Permission.SEND_MESSAGES, {"content": "x"}, None, 50013),
        (Permission.ATTACH_FILES, {"content": "x"}, [("a.png", b"x")], 50013),
        (Permission.EMBED_LINKS, {"embeds": [{"title": "x"}]}, None, 50013),
        (
            Permission.READ_MESSAGE_HISTORY,
            {"content": "x", "message_reference": {"message_id": str(words.id)}},
            None,
            160002,
        ),
        (Permission.VIEW_CHANNEL, {"content": "x"}, None, 50001),
    ]
    for permission, body, files, code in needs:
        general.deny(emulator.bot, permission)
        _, answer = await send(rest, general, body, files)
        assert answer["code"] == code, permission
        general.allow(emulator.bot, permission)
        status, _ = await send(rest, general, body, files)
        assert status == 200, permission


async def test_channels_that_are_gone_or_take_no_messages_are_refused(rest, guild):
    text = guild.text("gone")
    text.delete()
    for channel, code in (
        (text, 10003),
        (guild.forum("ideas"), 40058),
        (guild.media("m"), 40058),
        (guild.category("c"), 50008),
    ):
        _, answer = await send(rest, channel, {"content": "x"})
        assert answer["code"] == code, channel
    for channel in (guild.voice("lounge"), guild.stage("stage"), guild.announcement("news")):
        status, _ = await send(rest, channel, {"content": "x"})
        assert status == 200, channel


async def test_the_bot_changes_and_deletes_its_own_messages_only(emulator, rest, general, ann):
    hers = f"/channels/{general.id}/messages/{ann.writes(general, 'hello').id}"
    _, own = await send(rest, general, {"content": "mine"})
    mine = f"/channels/{general.id}/messages/{own['id']}"
    assert (await rest("PATCH", hers, {"content": "x"}))[1]["code"] == 50005
    assert (await rest("DELETE", hers))[1]["code"] == 50013
    status, edited = await rest("PATCH", mine, {"content": "other"})
    assert (status, edited["content"], edited["edited_timestamp"] is None) == (200, "other", False)
    assert (await rest("PATCH", mine, {"content": ""}))[1]["code"] == 50006
    assert (await rest("DELETE", mine))[0] == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await rest(method, mine, {"content": "x"} if method == "PATCH" else None))[1]["code"] == 10008
    general.allow(emulator.bot, Permission.MANAGE_MESSAGES)
    assert (await rest("DELETE", hers))[0] == 204


async def test_a_nonce_is_enforced_for_a_few_minutes_and_never_shown_again(emulator, rest, general):
    body = {"content": "once", "nonce": "job-7", "enforce_nonce": True}
    _, first = await send(rest, general, body)
    _, second = await send(rest, general, {**body, "content": "twice"})
    assert (first["id"], first["nonce"], second["id"], second["content"]) == (
        second["id"],
        "job-7",
        first["id"],
        "once",
    )
    _, history = await rest("GET", f"/channels/{general.id}/messages")
    assert [("nonce" in message, message["content"]) for message in history] == [(False, "once")]
    emulator.clock.advance(181)
    _, third = await send(rest, general, body)
    assert third["id"] != first["id"]


async def test_a_nonce_of_a_deleted_message_makes_no_second_one(rest, general):
    body = {"content": "once", "nonce": "job-7", "enforce_nonce": True}
    await send(rest, general, body)
    general.messages[0].delete()
    status, answer = await send(rest, general, body)
    assert (status, answer["code"], general.messages) == (404, 10008, [])


async def test_without_enforcing_a_nonce_says_nothing(rest, general):
    for _ in range(2):
        await send(rest, general, {"content": "x", "nonce": "same"})
    assert len(general.messages) == 2


async def test_a_file_shown_in_an_embed_or_a_component_is_not_among_the_attachments(rest, general):
    shown = {"embeds": [{"image": {"url": "attachment://a.png"}}]}
    status, answer = await send(rest, general, shown, files=[("a.png", PNG), ("b.png", PNG)])
    assert status == 200
    assert [file["filename"] for file in answer["attachments"]] == ["b.png"]
    assert "/cdn/attachments/" in answer["embeds"][0]["image"]["url"]
    assert (answer["embeds"][0]["image"]["width"], answer["embeds"][0]["image"]["height"]) == (2, 3)
    gallery = {"flags": 32768, "components": [{"type": 12, "items": [{"media": {"url": "attachment://a.png"}}]}]}
    _, answer = await send(rest, general, gallery, files=[("a.png", PNG)])
    assert answer["attachments"] == []
    assert answer["components"][0]["items"][0]["media"]["attachment_id"]
    assert [len(message.pictures) for message in general.messages] == [2, 1]


async def test_an_edit_keeps_the_files_it_lists_and_no_others(rest, general):
    _, message = await send(rest, general, {"content": "x"}, files=[("a.png", b"a"), ("b.png", b"b")])
    path = f"/channels/{general.id}/messages/{message['id']}"
    _, edited = await rest("PATCH", path, {"content": "y"})
    assert [file["filename"] for file in edited["attachments"]] == ["a.png", "b.png"]
    kept = [{"id": edited["attachments"][1]["id"]}, {"id": 0, "filename": "c.png", "description": "new"}]
    _, edited = await rest("PATCH", path, {"attachments": kept}, files=[("c.png", b"c")])
    assert [(file["filename"], file.get("description")) for file in edited["attachments"]] == [
        ("b.png", None),
        ("c.png", "new"),
    ]
    status, answer = await rest("PATCH", path, {"attachments": [{"id": "12345"}]})
    assert (status, answer["code"]) == (400, 50035)


async def test_a_message_becomes_version_2_only_by_giving_up_its_words(rest, general):
    _, message = await send(rest, general, {"content": "x", "embeds": [{"title": "y"}]})
    path = f"/channels/{general.id}/messages/{message['id']}"
    text = {"flags": 32768, "components": [{"type": 10, "content": "z"}]}
    assert (await rest("PATCH", path, text))[1]["code"] == 50035
    status, edited = await rest("PATCH", path, {**text, "content": None, "embeds": []})
    assert (status, edited["content"], edited["flags"]) == (200, "", 32768)
    assert (await rest("PATCH", path, {"flags": 0}))[1]["code"] == 50035
    assert (await rest("PATCH", path, {"content": "again"}))[1]["code"] == 50035


async def test_history_pages_in_every_direction(rest, general, ann):
    ids = [str(ann.writes(general, str(n)).id) for n in range(5)]
    path = f"/channels/{general.id}/messages"

    async def found(query):
        return [message["id"] for message in (await rest("GET", f"{path}?{query}"))[1]]

    assert await found("limit=2") == [ids[4], ids[3]]
    assert await found(f"before={ids[2]}") == [ids[1], ids[0]]
    assert await found(f"after={ids[1]}&limit=2") == [ids[3], ids[2]]
    assert await found(f"around={ids[2]}&limit=2") == [ids[3], ids[2], ids[1]]
    assert (await rest("GET", f"{path}?limit=101"))[1]["code"] == 50035


async def test_without_the_permission_to_read_it_history_is_empty(emulator, rest, general, ann):
    message = ann.writes(general, "x")
    general.deny(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    path = f"/channels/{general.id}/messages"
    assert await rest("GET", path) == (200, [])
    assert (await rest("GET", f"{path}/{message.id}"))[1]["code"] == 50013


async def test_reactions_are_counted_and_judged(emulator, rest, general, ann):
    message = ann.writes(general, "x")
    path = f"/channels/{general.id}/messages/{message.id}/reactions"
    assert (await rest("PUT", f"{path}/%F0%9F%8E%A8/@me"))[0] == 204
    assert (await rest("PUT", f"{path}/%F0%9F%8E%A8/@me"))[0] == 204
    assert message.moods_of(emulator.bot) == ["🎨"]
    assert (await rest("PUT", f"{path}/nonsense/@me"))[1]["code"] == 10014
    ann.reacts(message, "✅")
    general.deny(emulator.bot, Permission.ADD_REACTIONS)
    assert (await rest("PUT", f"{path}/%E2%9D%8C/@me"))[1]["code"] == 50013
    assert (await rest("PUT", f"{path}/%E2%9C%85/@me"))[0] == 204  # somebody had it already
    _, shown = await rest("GET", f"/channels/{general.id}/messages/{message.id}")
    assert [(one["emoji"]["name"], one["count"], one["me"]) for one in shown["reactions"]] == [
        ("🎨", 1, True),
        ("✅", 2, True),
    ]
    assert (await rest("DELETE", f"{path}/%E2%9C%85/@me"))[0] == 204
    assert message.moods_of(emulator.bot) == ["🎨"]


async def test_a_direct_message_reaches_only_who_takes_them(emulator, rest, ann):
    stranger = emulator.person("eve")
    for person, code in ((ann, None), (stranger, 50007)):
        _, dm = await rest("POST", "/users/@me/channels", {"recipient_id": str(person.id)})
        _, answer = await rest("POST", f"/channels/{dm['id']}/messages", {"content": "hello"})
        assert answer.get("code") == code
    ann.accepts_dms = False
    assert (await send(rest, ann.dm, {"content": "again"}))[1]["code"] == 50007
    mine = ann.writes(ann.dm, "stop")
    assert (await rest("DELETE", f"/channels/{ann.dm.id}/messages/{mine.id}"))[1]["code"] == 50003


async def test_who_has_blocked_the_bot_is_spared_its_reactions_and_messages(rest, general, ann):
    said = ann.writes(general, "x")
    ann.blocks_bot = True
    path = f"/channels/{general.id}/messages/{said.id}/reactions/%E2%8F%B3/@me"
    status, answer = await rest("PUT", path)
    assert (status, answer["code"]) == (403, 90001)
    assert (await send(rest, ann.dm, {"content": "hello"}))[1]["code"] == 50007


async def test_a_reply_to_a_message_that_is_gone_may_be_said_all_the_same(rest, general, ann):
    gone = ann.writes(general, "x")
    gone.delete()
    reference = {"message_id": str(gone.id), "fail_if_not_exists": False}
    status, answer = await send(rest, general, {"content": "y", "message_reference": reference})
    assert (status, answer["type"]) == (200, 0)


async def test_a_file_keeps_only_plain_letters_of_its_name(rest, general, ann):
    message = ann.writes(general, files=[Upload(name="mein bild ü.png", data=b"x")])
    assert message.files[0].filename == "mein_bild_.png"


async def test_unknown_routes_methods_and_keys_are_refused(emulator, rest, general):
    assert (await rest("GET", "/nowhere"))[0] == 404
    assert (await rest("PUT", f"/channels/{general.id}/messages"))[0] == 405
    assert (await rest("GET", "/users/@me", headers={"Authorization": "Bot wrong"}))[0] == 401
    assert [exchange.status for exchange in emulator.recorder.refused] == [404, 405, 401]


async def test_every_json_answer_is_called_exactly_json(rest, general):
    for method, path in (("GET", "/users/@me"), ("GET", "/channels/1"), ("GET", "/nowhere")):
        _, _, headers = await rest(method, path, full=True)
        assert headers["Content-Type"] == "application/json"
