"""How long, how often and in which ways may an interaction be answered?"""

import pytest

from tests.emulators.discord import CallbackKind, CannotDoError, MessageKind, NoAnswerError, Permission, Upload

UNAUTHORISED = {"Authorization": ""}
FORM = {
    "custom_id": "form",
    "title": "Edit",
    "components": [
        {"type": 18, "label": "Words", "component": {"type": 4, "style": 2, "custom_id": "words", "max_length": 10}},
        {"type": 18, "label": "Files", "component": {"type": 19, "custom_id": "files", "required": False}},
    ],
}
BUTTONS = [{"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}]


def webhook(interaction, tail=""):
    return f"/webhooks/{interaction.state.application.id}/{interaction.token}{tail}"


ORIGINAL = "/messages/@original"


async def test_the_first_answer_is_the_only_first_one(asked, answers, general):
    status, body = await answers(asked, 4, {"content": "hello"})
    assert (status, body["resource"]["message"]["content"]) == (200, "hello")
    assert body["interaction"]["response_message_id"] == body["resource"]["message"]["id"]
    answer = await asked.answer
    assert (answer.kind, answer.message.kind) == (CallbackKind.MESSAGE, MessageKind.CHAT_INPUT_COMMAND)
    status, body = await answers(asked, 4, {"content": "again"})
    assert (status, body["code"], len(general.messages)) == (400, 40060, 1)


async def test_after_three_seconds_it_is_too_late(emulator, asked, answers):
    emulator.clock.advance(3.1)
    status, body = await answers(asked, 5)
    assert (status, body["code"]) == (404, 10062)
    answer = await asked.answer
    assert not answer.in_time
    with pytest.raises(NoAnswerError, match="did not respond"):
        _ = answer.message


async def test_an_unknown_interaction_is_unknown(rest, asked):
    for path in (f"/interactions/1/{asked.token}/callback", f"/interactions/{asked.id}/nonsense/callback"):
        status, body = await rest("POST", path, {"type": 5}, headers=UNAUTHORISED)
        assert (status, body["code"]) == (404, 10062)


@pytest.mark.parametrize("kind", [1, 2, 3, 6, 7, 8, 12, "4", None])
async def test_a_command_is_not_answered_by_any_kind(asked, answers, kind):
    status, body = await answers(asked, kind, {"content": "x"})
    assert (status, body["code"]) == (400, 50035)


async def test_without_wanting_an_answer_there_is_none(rest, asked):
    path = f"/interactions/{asked.id}/{asked.token}/callback"
    assert await rest("POST", path, {"type": 5}, headers=UNAUTHORISED) == (204, "")


async def test_a_deferred_answer_is_a_placeholder_until_it_is_edited(rest, asked, answers, general):
    status, body = await answers(asked, 5)
    assert (status, body["interaction"]["response_message_loading"]) == (200, True)
    placeholder = general.messages[0]
    assert placeholder.thinking
    status, _ = await rest("PATCH", webhook(asked, ORIGINAL), {"content": "done"}, headers=UNAUTHORISED)
    assert (status, placeholder.content, placeholder.thinking) == (200, "done", False)


async def test_a_deferred_answer_can_only_be_told_to_be_private(asked, answers):
    assert (await answers(asked, 5, {"flags": 32768}))[1]["code"] == 50035
    assert (await answers(asked, 5, {"content": "x"}))[1]["code"] == 50035
    status, body = await answers(asked, 5, {"flags": 64})
    assert (status, body["interaction"]["response_message_ephemeral"]) == (200, True)


async def test_the_first_followup_after_a_deferred_answer_fills_it_whatever_its_flags(
    rest, asked, answers, general, ann
):
    await answers(asked, 5)
    await rest("POST", webhook(asked), {"content": "secret", "flags": 64}, headers=UNAUTHORISED)
    assert [message.content for message in general.messages] == ["secret"]
    await rest("POST", webhook(asked), {"content": "now", "flags": 64}, headers=UNAUTHORISED)
    assert [message.content for message in general.messages] == ["secret"]
    assert [message.content for message in ann.sees(general)] == ["secret", "now"]


async def test_an_ephemeral_answer_is_private_for_good(rest, asked, answers, general, ann, ben):
    _, body = await answers(asked, 4, {"content": "psst", "flags": 64})
    id = body["interaction"]["response_message_id"]
    assert ([m.content for m in ann.sees(general)], ben.sees(general)) == (["psst"], [])
    path = f"/channels/{general.id}/messages/{id}"
    assert (await rest("GET", path))[1]["code"] == 10008
    assert (await rest("PATCH", path, {"content": "x"}))[1]["code"] == 10008
    assert (await rest("POST", path + "/threads", {"name": "x"}))[1]["code"] == 10008
    assert (await rest("GET", f"/channels/{general.id}/messages")) == (200, [])
    await rest("PATCH", webhook(asked, ORIGINAL), {"content": "loud", "flags": 0}, headers=UNAUTHORISED)
    assert ben.sees(general) == []


async def test_a_public_answer_can_be_edited_by_the_bot_token_for_ever(emulator, rest, asked, answers, general):
    _, body = await answers(asked, 4, {"content": "card"})
    emulator.clock.advance(3600)
    path = f"/channels/{general.id}/messages/{body['interaction']['response_message_id']}"
    status, edited = await rest("PATCH", path, {"content": "later"})
    assert (status, edited["content"]) == (200, "later")


async def test_a_token_lives_for_fifteen_minutes(emulator, rest, asked, answers):
    await answers(asked, 4, {"content": "x"})
    emulator.clock.advance(15 * 60 - 5)
    assert (await rest("GET", webhook(asked, ORIGINAL), headers=UNAUTHORISED))[0] == 200
    emulator.clock.advance(10)
    for method, tail, body in (
        ("GET", ORIGINAL, None),
        ("PATCH", ORIGINAL, {"content": "y"}),
        ("POST", "", {"content": "y"}),
    ):
        status, answer = await rest(method, webhook(asked, tail), body, headers=UNAUTHORISED)
        assert (status, answer["code"]) == (401, 50027)


async def test_before_the_first_answer_a_token_opens_nothing(rest, asked):
    status, body = await rest("POST", webhook(asked), {"content": "x"}, headers=UNAUTHORISED)
    assert (status, body["code"]) == (404, 10015)


async def test_a_token_reaches_its_own_messages_only(rest, asked, answers, general, ann):
    await answers(asked, 4, {"content": "x"})
    other = ann.writes(general, "hello")
    _, followed = await rest("POST", webhook(asked), {"content": "y"}, headers=UNAUTHORISED)
    assert (await rest("PATCH", webhook(asked, f"/messages/{other.id}"), {"content": "z"}, headers=UNAUTHORISED))[1][
        "code"
    ] == 10008
    assert (await rest("DELETE", webhook(asked, f"/messages/{followed['id']}"), headers=UNAUTHORISED))[0] == 204
    assert (await rest("DELETE", webhook(asked, ORIGINAL), headers=UNAUTHORISED))[0] == 204
    assert (await rest("GET", webhook(asked, ORIGINAL), headers=UNAUTHORISED))[1]["code"] == 10008


async def test_an_answer_needs_no_permission_of_the_bot(emulator, asked, answers, general):
    general.deny(emulator.bot, Permission.SEND_MESSAGES | Permission.VIEW_CHANNEL)
    assert (await answers(asked, 4, {"content": "x"}))[0] == 200


async def test_files_of_an_answer_obey_the_limit_of_who_asked(asked, answers, ann):
    big = [("a.png", b"x" * (10 * 2**20 + 1))]
    assert (await answers(asked, 4, {"content": "x"}, files=big))[1]["code"] == 40005
    ann.upload_limit = 50 * 2**20
    assert (await answers(asked, 4, {"content": "x"}, files=big))[0] == 200


async def test_answers_are_judged_like_messages(asked, answers):
    bad = [{}, {"content": "x" * 2001}, {"content": "x", "components": [{"type": 10, "content": "y"}]}]
    for data, code in zip(bad, (50006, 50035, 50035), strict=True):
        assert (await answers(asked, 4, data))[1]["code"] == code
    assert (await answers(asked, 4, {"content": "x"}))[0] == 200  # a refused answer was none


# -- buttons and forms -------------------------------------------------------------------------------------------


@pytest.fixture
async def clicked(asked, answers, ann):
    await answers(asked, 4, {"content": "card", "components": BUTTONS})
    return ann.clicks((await asked.answer).message, "Go")


async def test_a_click_may_change_the_message_it_was_made_on(clicked, answers, general):
    status, body = await answers(clicked, 7, {"content": "changed", "components": []})
    assert (status, body["resource"]["message"]["content"]) == (200, "changed")
    assert [(message.content, message.buttons) for message in general.messages] == [("changed", [])]


async def test_a_click_may_be_taken_note_of(rest, clicked, answers, general):
    status, body = await answers(clicked, 6)
    assert (status, "resource" in body) == (200, False)
    await rest("PATCH", webhook(clicked, ORIGINAL), {"content": "later"}, headers=UNAUTHORISED)
    assert [message.content for message in general.messages] == ["later"]


async def test_a_form_is_filled_and_sent(clicked, answers, ann):
    assert (await answers(clicked, 9, FORM))[0] == 200
    modal = (await clicked.answer).modal
    sent = ann.submits(modal, {"Words": "bluer", "files": [Upload(name="a.png", data=b"x")]})
    words, files = (part["component"] for part in sent.data["components"])
    assert words["value"] == "bluer"
    attachment = sent.data["resolved"]["attachments"][files["values"][0]]
    assert (attachment["ephemeral"], "/ephemeral-attachments/" in attachment["url"]) == (True, True)
    assert (await answers(sent, 9, FORM))[1]["code"] == 50035  # no form upon a form
    assert (await answers(sent, 7, {"content": "changed"}))[0] == 200


@pytest.mark.parametrize(
    "values",
    [{}, {"words": ""}, {"words": "x" * 11}, {"nope": "x"}, {"words": "x", "files": [Upload(name="a", data=b"")] * 2}],
)
async def test_a_form_is_judged_before_it_is_sent(clicked, answers, ann, values):
    await answers(clicked, 9, FORM)
    with pytest.raises(CannotDoError):
        ann.submits((await clicked.answer).modal, values)


INPUT = FORM["components"][0]
BAD_FORMS = {
    "no title": {**FORM, "title": ""},
    "a title of 46": {**FORM, "title": "x" * 46},
    "no custom_id": {**FORM, "custom_id": ""},
    "a custom_id of 101": {**FORM, "custom_id": "x" * 101},
    "no components": {**FORM, "components": []},
    "six components": {**FORM, "components": [{"type": 10, "content": "x"}] * 6},
    "a button": {**FORM, "components": BUTTONS},
    "a label of 46": {**FORM, "components": [{**INPUT, "label": "x" * 46}]},
    "a description of 101": {**FORM, "components": [{**INPUT, "description": "x" * 101}]},
    "a label of nothing": {**FORM, "components": [{"type": 18, "label": "x"}]},
    "an input without style": {
        **FORM,
        "components": [{"type": 18, "label": "x", "component": {"type": 4, "custom_id": "x"}}],
    },
    "a value longer than allowed": {
        **FORM,
        "components": [{**INPUT, "component": {**INPUT["component"], "value": "x" * 11}}],
    },
    "eleven files": {
        **FORM,
        "components": [{"type": 18, "label": "x", "component": {"type": 19, "custom_id": "x", "max_values": 11}}],
    },
    "a custom_id twice": {**FORM, "components": [INPUT, INPUT]},
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS.keys())
async def test_a_form_that_discord_does_not_show_is_refused(asked, answers, form):
    status, body = await answers(asked, 9, form)
    assert (status, body["code"]) == (400, 50035)


async def test_a_form_of_a_command_has_no_message_to_change(asked, answers, ann):
    await answers(asked, 9, FORM)
    sent = ann.submits((await asked.answer).modal, {"words": "x"})
    assert sent.message is None
    assert (await answers(sent, 7, {"content": "x"}))[1]["code"] == 50035
    assert (await answers(sent, 6))[0] == 200


async def test_a_form_stays_open_for_as_long_as_its_member_likes(emulator, clicked, answers, ann, ben):
    await answers(clicked, 9, FORM)
    modal = (await clicked.answer).modal
    emulator.clock.advance(3600)
    with pytest.raises(CannotDoError):
        ben.submits(modal, {"words": "x"})
    assert (await answers(ann.submits(modal, {"words": "x"}), 4, {"content": "y"}))[0] == 200


async def test_a_menu_command_shows_the_whole_message(emulator, asked, general, ann, ben):
    message = ben.writes(general, "look", files=[Upload(name="a.png", data=b"x")])
    used = ann.uses("Edit this image", message)
    shown = used.data["resolved"]["messages"][str(message.id)]
    assert (used.data["target_id"], shown["content"], len(shown["attachments"])) == (str(message.id), "look", 1)


async def test_who_may_not_write_has_no_menu_commands(asked, general, guild, ann, ben):
    general.deny(ben, Permission.SEND_MESSAGES)
    with pytest.raises(CannotDoError):
        ben.uses("Edit this image", ann.writes(general, "x"))


async def test_interactions_are_not_counted_in_the_fifty_a_second(emulator, asked, answers):
    emulator.gatekeeper.limits.in_all = 0
    assert (await answers(asked, 4, {"content": "x"}))[0] == 200
