"""What does the front door decide that a platform's members do not see at once?"""

import asyncio
from dataclasses import replace

import pytest

from bot import messages
from bot.errors import UserError
from bot.model import Attachment, ConversationRef, ImageRequest, JobState, MessageRef, Person, Utterance
from tests.world import photos

ANN = Person(id="ann", name="Ann")
BOB = Person(id="bob", name="Bob")
PLACE = ConversationRef(platform="web", workspace="w", channel="c", thread="t")


def request(text="a fox", *, source="s1", who=ANN, place=PLACE, **facts):
    return ImageRequest(source_id=source, requester=who, place=place, text=text, **facts)


def utterance(text, *, source="u1", who=ANN, place=PLACE, **facts):
    return Utterance(source_id=source, author=who, author_is_bot=False, place=place, text=text, **facts)


@pytest.fixture
def service(world):
    return world.app.service


@pytest.fixture
def store(world):
    return world.app.store


async def told_by(asked):
    """The sentence, good or bad."""
    try:
        return await asked
    except UserError as refusal:
        return str(refusal)


# -- accepting -------------------------------------------------------------------------------------------------------


async def test_same_source_is_one_job_even_at_the_same_moment(service, store):
    jobs = await asyncio.gather(*(service.imagine(request()) for _ in range(10)))
    assert len({job.id for job in jobs}) == 1
    assert len(await store.conversations("web")) == 1


async def test_two_members_who_begin_in_the_same_place_share_its_conversation(service, store):
    one, other = await asyncio.gather(
        service.imagine(request()), service.imagine(request("a hen", source="s2", who=BOB))
    )
    assert one.conversation_id == other.conversation_id
    assert len(await store.conversations("web")) == 1


async def test_unplaced_request_waits_a_moment_for_its_card_and_placed_makes_it_due(service, world):
    job = await service.imagine(request(placed=False))
    assert job.due_at == pytest.approx(world.now + 5, abs=1)
    card = MessageRef(platform="web", channel="c", id="card")
    await service.placed(job.id, card)
    placed = await world.app.store.get(job.id)
    assert placed.card == card
    assert placed.due_at <= world.now


async def test_card_that_comes_late_is_no_error(service, world):
    job = await service.imagine(request(placed=False))
    await world.settle()
    await service.placed(job.id, MessageRef(platform="web", channel="c", id="late"))
    await service.placed("no-such-job", MessageRef(platform="web", channel="c", id="late"))
    assert (await world.app.store.get(job.id)).state is JobState.SUCCEEDED
    world.place.seen.add(job.id)


async def test_refused_request_leaves_nothing_behind(service, store, world):
    with pytest.raises(UserError):
        await service.imagine(request("a fox --ar 7:5"))
    assert await world.jobs() == []
    assert await store.conversations("web") == []


async def test_limit_holds_for_requests_of_the_same_moment(service, world):
    done = await asyncio.gather(
        *(service.imagine(request(source=f"s{number}")) for number in range(10)), return_exceptions=True
    )
    refused = [one for one in done if isinstance(one, UserError)]
    assert len(refused) == 7, "three may be open at once"
    assert {str(one) for one in refused} == {messages.open_jobs_reached(3)}


async def test_ids_are_sortable_by_time_and_unlike_each_other(service, world):
    first = await service.imagine(request())
    world.advance(1)
    second = await service.imagine(request(source="s2"))
    assert first.id < second.id
    assert len(first.id) == 16
    assert first.id.isalnum()


# -- editing ---------------------------------------------------------------------------------------------------------


async def test_edit_where_nothing_ever_was_says_how_to_begin(service):
    with pytest.raises(UserError) as refusal:
        await service.edit(request("make it blue"))
    assert str(refusal.value) == messages.nothing_to_edit()


async def test_edit_of_a_picture_that_was_deleted_or_never_was(service, world):
    fox = await service.imagine(request())
    await world.settle()
    world.place.seen.add(fox.id)
    await service.delete(fox.id, by=ANN)
    with pytest.raises(UserError) as refusal:
        await service.edit(request("make it blue", source="s2"), of=fox.id)
    assert str(refusal.value) == messages.picture_deleted()
    with pytest.raises(UserError) as refusal:
        await service.edit(request("make it blue", source="s2"), of="nosuchjob")
    assert str(refusal.value) == messages.no_longer_known()


async def test_edit_of_another_platforms_picture_is_refused(service, world):
    fox = await service.imagine(request())
    await world.settle()
    world.place.seen.add(fox.id)
    elsewhere = replace(request("make it blue", source="s2"), place=replace(PLACE, platform="slack"))
    with pytest.raises(UserError) as refusal:
        await service.edit(elsewhere, of=fox.id)
    assert str(refusal.value) == messages.no_longer_known()


async def test_edit_of_a_request_that_failed_edits_the_threads_newest(service, world):
    fox = await service.imagine(request())
    await world.settle()
    world.emulator.behave(ending="failed", error="safety")
    bad = await service.edit(request("make it worse", source="s2"))
    await world.settle()
    good = await service.edit(request("make it blue", source="s3"), of=bad.id)
    assert good.parent_id == fox.id
    await world.settle()
    world.place.seen |= {fox.id, bad.id, good.id}


async def test_edit_of_an_open_request_waits_for_it(service, world):
    fox = await service.imagine(request())
    edit = await service.edit(request("make it blue", source="s2", who=BOB), of=fox.id)
    assert edit.parent_id == fox.id
    await world.settle()
    world.place.seen |= {fox.id, edit.id}
    assert world.sent("make it blue").payload["contents"]


# -- messages --------------------------------------------------------------------------------------------------------


async def test_mention_where_nothing_is_yet_begins_a_picture_there(service):
    job = await service.reply(utterance("a fox", mentions_bot=True))
    assert job.parent_id is None
    assert job.prompt == "a fox"


async def test_words_in_a_direct_message_begin_and_then_edit(service, world):
    place = replace(PLACE, thread="dm")
    fox = await service.reply(utterance("a fox", place=place, private=True))
    blue = await service.reply(utterance("make it blue", source="u2", place=place, private=True))
    assert blue.parent_id == fox.id
    assert blue.conversation_id == fox.conversation_id
    await world.settle()
    world.place.seen |= {fox.id, blue.id}


async def test_words_in_a_place_that_is_not_the_bots_are_left_alone(service, world):
    assert await service.reply(utterance("a fox")) is None
    assert await world.jobs() == []


async def test_reply_in_a_thread_whose_opening_is_not_written_down_yet_edits_there(service, store):
    channel = replace(PLACE, thread=None)
    fox = await service.imagine(request(place=channel, placed=False))
    await service.placed(fox.id, MessageRef(platform="web", channel="c", id="card"))
    edit = await service.reply(utterance("make it blue", place=replace(PLACE, thread="card")))
    assert (edit.parent_id, edit.conversation_id) == (fox.id, fox.conversation_id)
    assert (await store.conversation(fox.conversation_id)).ref.thread == "card"


async def test_reply_to_a_picture_that_is_not_known_to_be_posted_yet_edits_that_very_picture(service):
    """Its post was lost on the way back, or the process died: members see it all the same."""
    fox = await service.imagine(request())
    await service.edit(request("make it blue", source="s2"))
    says = {"replied_to": MessageRef(platform="web", channel="t", id="new"), "answered_job": (fox.id, 1)}
    edit = await service.reply(utterance("add snow", who=BOB, replied_to_bot=True, **says))
    assert (edit.parent_id, edit.parent_image) == (fox.id, 1)
    assert await service.reply(utterance("add snow", source="u2", who=BOB, **says)) is None, "said by a stranger"


async def test_thread_of_a_message_in_a_place_that_has_its_conversation_is_another_place(service, store):
    fox = await service.imagine(request())
    await service.placed(fox.id, MessageRef(platform="web", channel="c", id="card"))
    assert await service.reply(utterance("make it blue", place=replace(PLACE, thread="card"))) is None
    assert (await store.conversation(fox.conversation_id)).ref == PLACE


async def test_kept_image_is_its_authors_and_its_threads(service, world):
    sha256 = await service.keep(photos.png().data)
    hat = Attachment(name="hat.png", address=sha256, media_type="image/png")
    await service.imagine(request())
    assert await service.reply(utterance("", source="u1", attachments=(hat,))) is None
    elsewhere = replace(PLACE, thread="t2")
    await service.imagine(request(source="s2", place=elsewhere))
    other = await service.reply(utterance("make it blue", source="u2", place=elsewhere))
    assert other.references == ()
    bobs = await service.reply(utterance("make it red", source="u3", who=BOB, mentions_bot=True))
    assert bobs.references == ()
    await world.settle()
    hers = await service.reply(utterance("with this hat", source="u4"))
    assert [reference.attachment for reference in hers.references] == [hat]
    await world.settle()
    later = await service.reply(utterance("at night", source="u5"))
    assert later.references == (), "it went with the words before"
    await world.settle()
    world.place.seen |= {job.id for job in await world.jobs()}


async def test_too_many_or_wrong_images_without_words_are_refused_at_once(service, world):
    await service.imagine(request())
    many = tuple(Attachment(name=f"{n}.png", address="x", media_type="image/png") for n in range(3))
    with pytest.raises(UserError) as refusal:
        await service.reply(utterance("", attachments=many))
    assert str(refusal.value) == messages.too_many_references(3, editing=True)


async def test_redelivered_words_do_not_lose_their_kept_image(service, world):
    sha256 = await service.keep(photos.png().data)
    await service.imagine(request())
    hat = Attachment(name="hat.png", address=sha256, media_type="image/png")
    await service.reply(utterance("", source="u1", attachments=(hat,)))
    first = await service.reply(utterance("with this hat", source="u2"))
    again = await service.reply(utterance("with this hat", source="u2"))
    assert again.id == first.id
    assert len(again.references) == 1
    await world.settle()
    world.place.seen |= {job.id for job in await world.jobs()}


# -- again -----------------------------------------------------------------------------------------------------------


async def test_again_asks_for_the_same_in_somebody_elses_name_and_uploads_anew(service, world):
    sha256 = await service.keep(photos.jpeg().data)
    dog = Attachment(name="dog.jpg", address=sha256, media_type="image/jpeg")
    first = await service.imagine(request("a fox --ar 3:2", attachments=(dog,)))
    await world.settle()
    again = await service.again(first.id, source_id="s2", by=BOB)
    assert (again.requester, again.prompt, again.aspect_ratio) == (BOB, "a fox", "3:2")
    assert again.references[0].sha256 is not None
    assert again.references[0].url is None, "the queue's copy may have gone"
    await world.settle()
    one, other = world.emulator.records
    assert one.payload["image"] != other.payload["image"]
    world.place.seen |= {first.id, again.id}


async def test_again_of_an_operator_asks_nobodys_limits(make_world):
    world = await make_world(max_images_per_user_per_day=1)
    service = world.app.service
    fox = await service.imagine(request())
    await world.settle()
    with pytest.raises(UserError):
        await service.again(fox.id, source_id="s2")
    await service.again(fox.id, source_id="s3", unlimited=True)
    await world.settle()
    world.place.seen |= {job.id for job in await world.jobs()}


async def test_again_of_what_is_not_kept_or_not_known_says_so(service, world):
    fox = await service.imagine(request())
    await world.settle()
    await service.forget("web", ANN.id)
    with pytest.raises(UserError) as refusal:
        await service.again(fox.id, source_id="s2")
    assert str(refusal.value) == messages.words_are_gone()
    with pytest.raises(UserError) as refusal:
        await service.again("nosuchjob", source_id="s2")
    assert str(refusal.value) == messages.no_longer_known()


async def test_open_pages_hear_that_a_member_was_forgotten(service, world):
    fox = await service.imagine(request())
    await world.settle()
    with world.app.views.listen() as listener:
        await service.forget("web", ANN.id)
        (left,) = listener.drain()
    assert (left.id, left.prompt, left.requester.name, left.images) == (fox.id, "", "", ())


async def test_only_pictures_are_numbered_as_versions(service, world):
    lost = await service.imagine(request())
    await service.cancel(lost.id, by=ANN)
    fox = await service.imagine(request("a fox again", source="s2"))
    await world.settle()
    night = await service.edit(request("at night", source="s3"), of=fox.id)
    thread = await world.app.views.thread(fox.conversation_id)
    numbers = {version.job.id: (version.number, version.built_on) for version in thread.versions}
    assert numbers == {lost.id: (None, None), fox.id: (1, None), night.id: (None, 1)}
    await world.settle()
    world.place.seen |= {job.id for job in await world.jobs()}


# -- changing one's mind ---------------------------------------------------------------------------------------------


async def test_moderator_may_cancel_and_delete(service, world):
    fox = await service.imagine(request())
    assert await service.cancel(fox.id, by=BOB, moderator=True) == messages.cancelled(may_cost=False)
    hen = await service.imagine(request("a hen", source="s2"))
    await world.settle()
    assert await service.delete(hen.id, by=BOB, moderator=True) == messages.deleted()
    assert await service.delete(hen.id, by=ANN) == messages.deleted(), "twice is as good as once"


async def test_delete_says_what_else_goes_and_what_is_the_newest_then(service, world):
    fox = await service.imagine(request())
    await world.settle()
    blue = await service.edit(request("make it blue", source="s2"))
    await world.settle()
    hat = await service.edit(request("add a hat", source="s3"))
    await world.settle()
    assert await service.delete(blue.id, by=ANN) == messages.deleted(), "an older one changes nothing"
    assert await service.delete(hat.id, by=ANN) == messages.deleted(back_to_earlier=True)
    assert await service.delete(fox.id, by=ANN) == messages.deleted(), "there is none before it"
    world.place.seen |= {fox.id, blue.id, hat.id}


async def test_cancel_races_with_a_step_and_one_of_them_wins(service, world):
    for number in range(10):
        job = await service.imagine(request(f"fox {number}", source=f"s{number}"))
        async with world.stepping():
            told = await told_by(service.cancel(job.id, by=ANN))
        await world.settle()
        state = (await world.app.store.get(job.id)).state
        assert state is (JobState.SUCCEEDED if told == messages.too_late_to_cancel() else JobState.CANCELLED)
        world.place.seen.add(job.id)


async def test_cancelled_parent_wakes_its_children(service, world):
    fox = await service.imagine(request())
    edit = await service.edit(request("make it blue", source="s2"))
    await world.step()
    await service.cancel(fox.id, by=ANN)
    await world.settle()
    ended = await world.app.store.get(edit.id)
    assert ended.failure.text == messages.failure(ended.failure.kind, job_id=edit.id)
    world.place.seen |= {fox.id, edit.id}


# -- knowing ---------------------------------------------------------------------------------------------------------


async def test_usage_is_told_in_words(make_world):
    world = await make_world(max_images_per_user_per_day=5, owners=frozenset({"web:olga"}))
    await world.app.service.imagine(request())
    told = await world.app.service.usage("web", "w", ANN)
    assert told == (
        "You can ask for 2 more pictures right now. "
        "Pictures left today: 4 for you. The count starts anew in 16 hours, at 00:00 UTC."
    )
    assert await world.app.service.usage("web", "w", Person(id="olga", name="Olga")) == messages.no_limits()


async def test_job_tells_listeners_of_every_change(world, service):
    with world.app.views.listen() as listener:
        job = await service.imagine(request())
        states = [one.state for one in await listener.changed()]
        assert states == [JobState.QUEUED]
        await world.settle()
        assert [one.state for one in listener.drain()] == [JobState.SUCCEEDED], "told once, as it is now"
    world.place.seen.add(job.id)
