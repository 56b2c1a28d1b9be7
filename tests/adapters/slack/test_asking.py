"""`/imagine`, its window, buttons and shortcuts, over the wire."""

import pytest

from adapters.slack import wording
from bot import messages
from bot.errors import FailureKind
from tests.adapters.slack.village import upload
from tests.emulators.slack import Fault
from tests.world import photos


async def test_card_stands_in_the_channel_and_the_picture_in_its_thread(village, ann, art):
    card = await village.imagine(ann, "a panda making latte art --ar 16:9")
    assert card.thread_ts is None
    assert village.state(card) == "Queued"
    assert [e["action_id"] for e in card.elements] == ["cancel:0"]
    await village.done()
    [answer] = village.answers()
    assert answer.thread_ts == card.ts
    [(data, alt)] = village.slack.pictures(answer)
    assert data == village.world.painted("a panda making latte art")[0]
    assert alt == "a panda making latte art"
    assert village.state(card) == "Done"
    assert "16:9" in card.blocks[0]["text"]["text"]
    assert village.preview(card) == answer.files[0].id
    assert [e["action_id"] for e in answer.elements] == ["again:0", "edit:0", "delete:0"]


async def test_preview_on_the_card_follows_the_newest_picture(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    fox, blue = village.answers()
    assert village.preview(card) == blue.files[0].id
    assert card.blocks[0]["accessory"]["alt_text"] == "make it blue"
    await ann.clicks(blue, "delete:0")
    await village.done()
    assert village.preview(card) == fox.files[0].id
    assert card.blocks[0]["accessory"]["alt_text"] == "a fox"
    assert blue.deleted
    assert blue.files[0].deleted


@pytest.mark.parametrize("words", ["/imagine", "/imagine help"])
async def test_imagine_without_words_opens_the_window(village, ann, art, words):
    await village.heard()
    await ann.slash(words, art)
    await village.heard()
    view = ann.view
    elements = {block["block_id"]: block["element"] for block in view.blocks}
    assert set(elements) == {"prompt", "ratio", "files"}
    assert elements["files"]["max_files"] == 3
    await ann.submits(values={"prompt": "put them together", "ratio": "3:2"}, files=[upload(), upload(photos.jpeg())])
    await village.done()
    assert not view.open
    request = village.world.sent("put them together")
    assert request.payload["aspect_ratio"] == "3:2"
    assert len(request.payload["image"]) == 2
    [card] = village.cards()
    [answer] = village.answers()
    assert answer.thread_ts == card.ts


async def test_window_says_what_is_wrong_and_stays_open(village, ann, art):
    await village.heard()
    await ann.slash("/imagine", art)
    await village.heard()
    await ann.submits(values={"prompt": "a fox --ar 7:5"})
    assert ann.view.errors == {"prompt": messages.unknown_ratio("7:5")}
    await ann.submits(values={"prompt": "a fox --ar 3:2"})
    await village.done()
    assert len(village.answers()) == 1


async def test_refusals_and_limits_are_private(make_village):
    village = await make_village(max_images_per_user_per_day=1)
    ann = village.member("ann")
    card = await village.imagine(ann, "a fox")
    await village.done()
    await ann.slash("/imagine a hen", village.channel)
    await ann.slash("/imagine limits", village.channel)
    await village.heard()
    first, second = village.told(ann)
    assert first.startswith("You have had your 1 picture for today.")
    assert second.startswith("Pictures left today: 0 for you.")
    ann.writes(village.channel, "make it blue", thread=card)
    await village.heard()
    assert village.told(ann)[2] == first
    assert len(village.mine()) == 2, "a card and a picture"
    assert village.told(village.member("bob")) == []


async def test_refused_message_is_refused_once_however_often_it_is_delivered(make_village):
    village = await make_village(max_images_per_user_per_day=1)
    ann = village.member("ann")
    card = await village.imagine(ann, "a fox")
    await village.done()
    message = ann.writes(village.channel, "make it blue", thread=card)
    await village.heard()
    await village.world.restart()
    await village.heard()
    for delivery in message.deliveries:
        await village.slack.courier.again(delivery)
    await village.heard()
    assert len(village.told(ann)) == 1


async def test_bot_joins_a_public_channel_by_itself(village, ann):
    den = village.slack.channel("den", ann, bot=False)
    await village.imagine(ann, "a fox", den)
    await village.done()
    assert village.slack.bot.user in den.members
    assert len(village.answers(den)) == 1


@pytest.mark.parametrize("kind", ["group", "channel"])
async def test_bot_that_cannot_join_says_how_to_invite_it_and_nothing_is_painted(village, ann, kind):
    if kind == "channel":
        village.slack.bot.scopes.discard("channels:join")
    den = village.slack.channel("den", ann, kind=kind, bot=False)
    await village.heard()
    await ann.slash("/imagine a fox", den)
    await village.done()
    [sentence] = ann.ephemerals
    assert sentence.text == wording.invite(village.slack.bot.user.id)
    assert "my name (@darkroom)" in ann.reads(sentence), "not its id"
    assert village.paid() == 0
    assert village.mine(den) == []
    ann.invites(village.slack.bot.user, den)
    await village.imagine(ann, "a fox", den)
    await village.done()
    assert len(village.answers(den)) == 1


async def test_direct_message_of_others_is_told_what_can_be_done_instead(village, ann):
    talk = village.slack.dm(ann, village.member("bob"))
    several = village.slack.channel("mpdm-ann--bob--eve-1", ann, kind="mpim", bot=False)
    await village.heard()
    for place in (talk, several):
        await ann.slash("/imagine a fox", place)
        await village.done()
    assert village.told(ann) == [wording.not_in_talks()] * 2
    assert village.paid() == 0


async def test_archived_channel_is_told(village, ann, art):
    art.archived = True
    await village.heard()
    await ann.slash("/imagine a fox", art)
    await village.done()
    assert village.told(ann) == [messages.failure(FailureKind.PLACE, job_id="")]
    assert village.paid() == 0


# -- buttons ---------------------------------------------------------------------------------------------------------


async def test_buttons_work_after_a_restart(village, ann, bob, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    await village.world.restart()
    await village.heard()
    [fox] = village.answers()
    await bob.clicks(fox, "edit:0")
    await village.heard()
    assert [block["element"].get("max_files") for block in bob.view.blocks][-1] == 2
    await bob.submits(values={"prompt": "make it red"}, files=[upload()])
    await village.done()
    await ann.clicks(fox, "again:0")
    await village.done()
    _, red, again = village.answers()
    assert {red.thread_ts, again.thread_ts} == {card.ts}
    assert "make it red" in bob.reads(red)
    assert len(village.world.emulator.records_of("a fox")) == 2
    contents = village.world.sent("make it red").payload["contents"]
    assert contents[0]["parts"][0]["text"] == "a fox"
    await ann.clicks(red, "delete:0")
    await village.heard()
    assert village.told(ann)[-1] == messages.not_yours()
    await bob.clicks(red, "delete:0")
    await village.done()
    assert red.deleted


async def test_delete_removes_the_files_too_however_old_they_are(village, slack, ann):
    await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    village.world.advance(500 * 86_400)
    await village.world.restart()
    await village.heard()
    await ann.clicks(fox, "delete:0")
    await village.done()
    assert (fox.deleted, fox.files[0].deleted) == (True, True)


async def test_click_that_is_delivered_twice_counts_once(village, ann):
    await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    village.slack.courier.duplicate(1)
    click = ann.clicks(fox, "again:0")
    await click
    await village.done()
    await village.slack.courier.again(click)
    await village.done()
    assert len(village.world.emulator.records_of("a fox")) == 2
    assert len(village.answers()) == 2


async def test_each_of_several_pictures_has_its_edit_button(village, ann):
    village.world.emulator.behave(images=3)
    await village.imagine(ann, "a fox")
    await village.done()
    [answer] = village.answers()
    labels = [element["text"]["text"] for element in answer.elements]
    assert labels == ["Try again", "Edit 1", "Edit 2", "Edit 3", "Delete"]
    assert len(village.pictures(answer)) == 3


async def test_cancel_on_the_card(village, ann):
    card = await village.imagine(ann, "a fox")
    await ann.clicks(card, "cancel:0")
    await village.done()
    assert village.told(ann) == [messages.cancelled(may_cost=False)]
    assert village.state(card) == "Cancelled"
    assert card.elements == []
    assert village.paid() == 0


# -- shortcuts -------------------------------------------------------------------------------------------------------


async def test_shortcut_on_a_picture_of_the_bot_edits_that_one(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    fox = village.answers()[0]
    await ann.shortcut("edit_image", fox)
    await village.heard()
    await ann.submits(values={"prompt": "make it red"})
    await village.done()
    texts = str(village.world.sent("make it red").payload["contents"])
    assert "a fox" in texts
    assert "make it blue" not in texts


async def test_shortcut_on_a_card_edits_the_picture_that_it_shows(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    await ann.shortcut("edit_image", card)
    await village.heard()
    await ann.submits(values={"prompt": "make it red"})
    await village.done()
    jobs = {job.prompt: job for job in await village.world.jobs()}
    assert jobs["make it red"].parent_id == jobs["make it blue"].id
    other = await village.imagine(ann, "a hen")
    await ann.shortcut("edit_image", other)
    await village.heard()
    assert village.told(ann) == [wording.no_picture_there()], "there is none yet"


async def test_shortcut_on_a_members_picture_in_a_thread_begins_there(village, ann, bob, art):
    talk = bob.writes(art, "look at my dog")
    photo = bob.writes(art, "", files=[upload(photos.jpeg())], thread=talk)
    await village.heard()
    await ann.shortcut("edit_image", photo)
    await village.heard()
    await ann.submits(values={"prompt": "give it a hat"})
    await village.done()
    [answer] = village.answers()
    assert answer.thread_ts == talk.ts
    assert len(village.world.sent("give it a hat").payload["image"]) == 1


async def test_shortcut_on_a_message_without_a_picture_says_so(village, ann, bob, art):
    talk = bob.writes(art, "no picture here")
    await village.heard()
    await ann.shortcut("edit_image", talk)
    await village.heard()
    assert village.told(ann) == [wording.no_picture_there()]
    await ann.shortcut("cancel_request", talk)
    await village.heard()
    assert village.told(ann)[1:] == [wording.not_mine()]


async def test_window_that_slack_does_not_open_any_more_is_told(village, ann, art):
    await village.heard()
    village.slack.inject(Fault(kind="error", method="views.open", error="expired_trigger_id"))
    await ann.slash("/imagine", art)
    await village.heard()
    assert village.told(ann) == [wording.window_late()]


async def test_permission_that_the_app_lacks_is_told_and_the_picture_comes_when_it_is_there(village, slack, ann, art):
    slack.bot.scopes.discard("chat:write")
    await village.heard()
    await ann.slash("/imagine a fox", art)
    await village.heard()
    assert village.told(ann) == [wording.waits_for_permission()]
    assert "chat:write" in (await village.app.views.readiness()).problems["slack"]
    slack.bot.scopes.add("chat:write")
    await village.done()
    assert len(village.answers()) == 1
    slack.inject(Fault(kind="error", method="views.open", error="missing_scope"))
    await ann.slash("/imagine", art)
    await village.heard()
    assert village.told(ann)[1:] == [wording.not_permitted()]


async def test_private_answer_to_a_button_in_a_thread_is_said_in_that_thread(village, ann, bob):
    card = await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    await bob.clicks(fox, "delete:0")
    await village.heard()
    assert [(message.text, message.thread_ts) for message in bob.ephemerals] == [(messages.not_yours(), card.ts)]


async def test_private_answer_to_a_button_of_a_card_in_the_channel_is_said_in_the_channel(village, ann, bob):
    card = await village.imagine(ann, "a fox")
    await bob.clicks(card, "cancel:0")
    await village.heard()
    assert [(message.text, message.thread_ts) for message in bob.ephemerals] == [(messages.not_yours(), None)]


async def test_private_answer_waits_for_the_end_of_slacks_trouble(village, ann, bob):
    """A press that was acknowledged shows nothing by itself."""
    card = await village.imagine(ann, "a fox")
    village.slack.inject(Fault(kind="status", method="(response_url)", times=3))
    village.slack.inject(Fault(kind="ratelimited", method="chat.postEphemeral", retry_after=30))
    village.slack.inject(Fault(kind="error", method="chat.postEphemeral", times=2))
    await bob.clicks(card, "cancel:0")
    await village.heard()
    assert village.told(bob) == [messages.not_yours()]


async def test_private_answer_that_cannot_be_said_in_the_thread_comes_by_the_address_of_the_click(village, ann, bob):
    await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    village.slack.inject(Fault(kind="error", method="chat.postEphemeral", error="user_not_in_channel"))
    await bob.clicks(fox, "delete:0")
    await village.heard()
    assert village.told(bob) == [messages.not_yours()]
    assert village.slack.ledger.count("(response_url)") == 1
