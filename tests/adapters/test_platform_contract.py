"""What holds on every platform: each scenario once for every folder of `adapters/`.

What needs talk between people runs where there is that, and on the plain square of the tests, which has everything.
"""

import pytest

from bot import messages
from bot.config import adapter_names
from bot.errors import FailureKind
from bot.model import ASPECT_RATIOS, JobState, Mood, Picture, Reply, Utterance
from bot.steps.delivering import StoreNote
from tests.adapters.histories import address_of, contents_of
from tests.world import File, photos, platform_names
from tests.world.world import driver_named

TALKATIVE = [name for name in platform_names() if driver_named(name).traits.talk]


@pytest.fixture(params=[name for name in adapter_names() if name in platform_names()])
def platform(request):
    return request.param


@pytest.fixture(params=TALKATIVE)
async def talking(request, make_world):
    """A world in which people also talk to each other."""
    return await make_world(request.param)


# -- asking ----------------------------------------------------------------------------------------------------------


async def test_imagine_is_answered_with_the_picture_that_the_queue_made(world, ann):
    said = await ann.says("/imagine a fox in the snow")
    post = await ann.sees(images=1)
    assert post.images == world.painted("a fox in the snow")
    assert post.alt == "a fox in the snow"
    assert post.thread == said.thread
    assert world.sent("a fox in the snow").payload == {"prompt": "a fox in the snow", "aspect_ratio": "1:1"}


async def test_two_members_get_their_own_pictures_in_their_own_threads(world, ann, bob):
    hers, his = await ann.says("/imagine a fox"), await bob.says("/imagine a hen")
    assert hers.thread != his.thread
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert (await bob.sees(images=1)).images == world.painted("a hen")


async def test_redelivered_event_makes_no_second_job(world, ann):
    said = await ann.says("/imagine a fox")
    await ann.says("/imagine a fox", again=said)
    await ann.sees(images=1)
    await ann.says("/imagine a fox", again=said)
    edit = await ann.says("make it blue")
    await ann.says("make it blue", again=edit)
    await ann.sees(images=1, answering=edit)
    await ann.sees_nothing_new()
    assert world.emulator.paid == 2


async def test_several_pictures_of_one_answer_are_posted_together_and_in_order(world, ann):
    world.emulator.behave(images=3)
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=3)).images == world.painted("a fox")


@pytest.mark.parametrize("form", ["strings", "candidates"])
async def test_pictures_arrive_in_whatever_form_the_queue_tells_of_them(world, ann, form):
    world.emulator.behave(outcome=form, thumbnail=True, image_format="jpeg")
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_model_that_answers_only_when_the_picture_is_made(world, ann):
    world.emulator.behave(delivery="sync")
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert world.emulator.ledger.count("get") == 0, "the answer to the POST was all that was needed"


# -- references ------------------------------------------------------------------------------------------------------


async def test_references_reach_the_queue_upright_and_in_order(world, ann):
    await ann.says("/imagine put them side by side", attach=[photos.jpeg(), photos.heic(), photos.turned()])
    await ann.sees(images=1)
    request = world.sent("put them side by side")
    assert len(request.payload["image"]) == 3
    arrived = [photos.opened(world.uploaded(url)) for url in request.payload["image"]]
    assert [picture.format in ("PNG", "JPEG") for picture in arrived] == [True] * 3
    assert [picture.size for picture in arrived] == [(48, 32), (64, 48), (32, 48)], "the last one lay on its side"


async def test_references_of_an_edit_stand_in_its_last_turn(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("give it this hat", attach=[photos.png("hat.png")])
    await ann.sees(images=1)
    request = world.sent("give it this hat")
    *_, edited, hat = contents_of(request)
    assert edited == ("model", address_of(world, "a fox"))
    assert hat[0] == "user"
    assert photos.opened(world.uploaded(hat[1])).size == (48, 32)
    assert "prompt" not in request.payload
    assert "image" not in request.payload


async def test_bad_reference_by_what_the_platform_says_of_it_is_refused_at_once(world, ann):
    heavy = File(name="huge.png", data=photos.png().data, size=31_000_000)
    await ann.says("/imagine a fox", attach=[heavy])
    ann.is_told(messages.picture_too_heavy("“huge.png”", size=31_000_000, most=30_000_000))
    letter = File(name="letter.pdf", data=b"%PDF-1.7", media_type="application/pdf")
    await ann.says("/imagine a fox", attach=[letter])
    ann.is_told(messages.picture_declared_otherwise("“letter.pdf”", media_type="application/pdf"))
    await ann.says("/imagine a fox", attach=[photos.png()] * 4)
    ann.is_told(messages.too_many_references(4, editing=False))
    assert await world.jobs() == []


async def test_third_reference_of_an_edit_is_refused_in_words(world, ann):
    await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    await ann.says("mix them", attach=[photos.png()] * 3)
    ann.is_told(messages.too_many_references(3, editing=True))
    await ann.says("mix them", attach=[photos.png()] * 3, to=fox)
    ann.is_told(messages.too_many_references(3, editing=True))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (photos.notes(), messages.picture_of_other_kind("“notes.jpg”", media_type=None)),
        (photos.cut_off(), messages.picture_damaged("“half.png”")),
    ],
    ids=["no picture", "cut off"],
)
async def test_bad_reference_by_its_bytes_is_answered_before_anything_is_paid(world, ann, file, sentence):
    await ann.says("/imagine the same at night", attach=[photos.jpeg(), file])
    await ann.sees(images=0, text=sentence)
    assert world.emulator.ledger.count("submit") == 0
    assert world.emulator.ledger.count("upload_url") == 0, "nothing leaves before all of it is known to be good"


async def test_empty_file_is_refused_and_nothing_is_paid(world, ann):
    said = await ann.says("/imagine the same at night", attach=[photos.nothing()])
    if said.refusal:  # a platform that tells sizes lets it be known at once
        ann.is_told(messages.picture_empty("“empty.png”"))
    else:
        await ann.sees(images=0, text=messages.picture_empty("“empty.png”"))
    assert world.emulator.ledger.count("submit") == 0


# -- editing ---------------------------------------------------------------------------------------------------------


async def test_plain_reply_edits_the_newest_picture(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    edit = await ann.says("make it blue")
    assert (await ann.sees(images=1, answering=edit)).images == world.painted("make it blue")
    request = world.sent("make it blue")
    assert contents_of(request) == [("model", address_of(world, "a fox"))]
    assert request.asked.ignored == ()
    assert request.asked.unknown == ()
    last = request.payload["contents"][-1]
    assert last["role"] == "user"
    assert last["parts"][0]["text"] == "make it blue"


async def test_history_grows_from_edit_to_edit_and_keeps_every_word(world, ann):
    for words in ("/imagine a fox", "make it blue", "add a hat", "at night", "in the rain"):
        await ann.says(words)
        await ann.sees(images=1)
    contents = world.sent("in the rain").payload["contents"]
    said = [part["text"] for turn in contents if turn["role"] == "user" for part in turn["parts"] if "text" in part]
    assert said == ["a fox", "make it blue", "add a hat", "at night", "in the rain"]
    pictures = contents_of(world.sent("in the rain"))
    assert pictures[-1] == ("model", address_of(world, "at night"))
    assert len(pictures) == 3, "older pictures are left out, never words"


async def test_reply_to_an_older_picture_branches_from_it(world, ann):
    await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    await ann.says("make it blue")
    await ann.sees(images=1)
    branch = await ann.says("make it red", to=fox)
    await ann.sees(images=1, answering=branch)
    assert contents_of(world.sent("make it red")) == [("model", address_of(world, "a fox"))]
    await ann.says("add a hat")
    await ann.sees(images=1)
    assert contents_of(world.sent("add a hat"))[-1] == ("model", address_of(world, "make it red"))


async def test_reply_to_one_of_several_pictures_edits_that_one(world, ann):
    world.emulator.behave(images=3)
    await ann.says("/imagine a fox")
    three = await ann.sees(images=3)
    await ann.says("make it blue", to=three, image=1)
    await ann.sees(images=1)
    assert contents_of(world.sent("make it blue"))[-1] == ("model", address_of(world, "a fox", 1))


async def test_imagine_in_an_old_thread_begins_anew(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("/imagine a hen")
    await ann.sees(images=1)
    assert world.sent("a hen").payload == {"prompt": "a hen", "aspect_ratio": "1:1"}


# -- the order in a thread -------------------------------------------------------------------------------------------


async def test_overlapping_replies_build_on_each_other_and_are_answered_in_order(world, ann):
    world.emulator.behave(latency=5)
    fox = await ann.says("/imagine a fox")
    await world.step()
    blue = await ann.says("make it blue")
    hat = await ann.says("add a hat")
    seen = [await ann.sees(images=1, answering=said) for said in (fox, blue, hat)]
    assert [post.images for post in seen] == [world.painted(w) for w in ("a fox", "make it blue", "add a hat")]
    assert contents_of(world.sent("add a hat"))[-1] == ("model", address_of(world, "make it blue"))
    first, second, third = world.emulator.records
    assert first.ready_at.monotonic <= second.created.monotonic
    assert second.ready_at.monotonic <= third.created.monotonic


async def test_two_members_edit_one_thread_at_the_same_time(world, ann, bob):
    fox = await ann.says("/imagine a fox")
    post = await ann.sees(images=1)
    await ann.says("make it blue")
    his = await bob.says("give it wings", to=post)
    seen = [await ann.sees(images=1), await ann.sees(images=1)]
    assert {post.images for post in seen} == {world.painted("make it blue"), world.painted("give it wings")}
    assert contents_of(world.sent("give it wings")) == [("model", address_of(world, "a fox"))]
    assert his.thread == fox.thread


async def test_edit_of_a_picture_that_fails_moves_to_the_one_before_it_and_says_so(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    world.emulator.behave(prompt="make it blue", ending="failed", error="safety")
    await ann.says("make it blue")
    await ann.says("add a hat")
    await ann.sees(images=0, text=messages.failure(FailureKind.SAFETY, job_id=""))
    await ann.sees(images=1, text=messages.moved_to_earlier())
    assert contents_of(world.sent("add a hat")) == [("model", address_of(world, "a fox"))]


async def test_edit_moves_past_a_cancelled_picture_too(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    blue = await ann.says("make it blue")
    await ann.says("add a hat")
    assert await ann.cancels(blue) == messages.cancelled(may_cost=False)
    await ann.sees(images=1, text=messages.moved_to_earlier())
    assert contents_of(world.sent("add a hat")) == [("model", address_of(world, "a fox"))]


async def test_edit_without_any_earlier_picture_fails_with_its_parent(world, ann):
    world.emulator.behave(prompt="a fox", ending="failed", error="safety", latency=5)
    await ann.says("/imagine a fox")
    await world.step()
    await ann.says("make it blue")
    await ann.sees(images=0, text=messages.failure(FailureKind.SAFETY, job_id=""))
    await ann.sees(images=0, text=messages.failure(FailureKind.PARENT, job_id=""))
    assert world.emulator.records_of("make it blue") == []


async def test_words_in_a_thread_whose_only_picture_failed_begin_anew(world, ann):
    world.emulator.behave(prompt="a fox", ending="failed", error="safety")
    await ann.says("/imagine a fox")
    await ann.sees(images=0)
    await ann.says("a friendly fox")
    await ann.sees(images=1)
    assert world.sent("a friendly fox").payload["prompt"] == "a friendly fox"


# -- the aspect ratio ------------------------------------------------------------------------------------------------


async def test_thread_keeps_its_ratio_until_told_otherwise(world, ann):
    steps = [("/imagine a fox --ar 16:9", "a fox", "16:9", (1344, 768))]
    steps += [("make it blue", "make it blue", "16:9", (1344, 768))]
    steps += [("add a hat --ar 2:3", "add a hat", "2:3", (832, 1248)), ("at night", "at night", "2:3", (832, 1248))]
    for typed, words, ratio, size in steps:
        await ann.says(typed)
        post = await ann.sees(images=1)
        assert world.sent(words).payload["aspect_ratio"] == ratio
        assert photos.opened(post.images[0]).size == size


async def test_ratio_of_the_commands_own_option(world, ann):
    await ann.says("/imagine a fox", ratio="21:9")
    await ann.sees(images=1)
    assert world.sent("a fox").payload["aspect_ratio"] == "21:9"


# -- what is refused at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("/imagine", messages.no_prompt()),
        ("/imagine \u200b \u2060", messages.no_prompt()),
        ("/imagine " + "x" * 4_001, messages.prompt_too_long(4_001, 4_000)),
        ("/imagine a fox --style watercolour", messages.unknown_option("--style")),
        ("/imagine a fox --ar 7:5", messages.unknown_ratio("7:5")),
        ("/imagine a fox --ar", messages.ratio_missing("--ar")),
        ("/imagine a fox --ar 1:1 --ar 3:2", messages.ratios_differ("1:1", "3:2")),
    ],
    ids=["no words", "unseen characters", "too long", "unknown option", "unknown ratio", "no ratio", "two ratios"],
)
async def test_what_cannot_be_done_is_refused_with_the_way_to_do_it_right(world, ann, typed, sentence):
    await ann.says(typed)
    ann.is_told(sentence)
    assert await world.jobs() == []


async def test_refusal_of_a_ratio_names_the_ten(world, ann):
    await ann.says("/imagine a fox --ar 7:5")
    assert all(ratio in ann.refusals[0] for ratio in ASPECT_RATIOS)
    ann.refusals.clear()


async def test_refused_reply_changes_nothing_in_its_thread(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("make it wide --ar 100:1")
    ann.is_told(messages.unknown_ratio("100:1"))
    await ann.says("make it blue")
    await ann.sees(images=1)
    assert world.sent("make it blue").payload["aspect_ratio"] == "1:1"


async def test_control_characters_do_not_reach_the_queue(world, ann):
    await ann.says("/imagine a\u0000 fox\u202e in\u0007 the snow")
    await ann.sees(images=1)
    assert world.sent("a fox in the snow").payload["prompt"] == "a fox in the snow"


async def test_limit_of_open_jobs_ends_with_the_first_that_is_done(world_with):
    world = await world_with(max_open_jobs_per_user=2)
    ann, bob = world.user("ann"), world.user("bob")
    await ann.says("/imagine a fox")
    await ann.says("/imagine a hen")
    await ann.says("/imagine a cow")
    ann.is_told(messages.open_jobs_reached(2))
    await bob.says("/imagine a cow")
    await bob.sees(images=1)
    for _ in range(2):
        for said in [s for s in await world.place.driver.threads() if await world.place.unseen(s)][:1]:
            ann.thread = said
            await ann.sees(images=1)
    await ann.says("/imagine a pig")
    await ann.sees(images=1)


async def test_daily_limit_of_a_member_says_when_it_works_again_and_then_does(world_with):
    world = await world_with(max_images_per_user_per_day=1)
    ann = world.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("/imagine a hen")
    ann.is_told("You have had your 1 picture for today. You can ask again in 16 hours, at 00:00 UTC.")
    world.advance(16 * 3600)
    await ann.says("/imagine a hen")
    await ann.sees(images=1)


async def test_daily_limits_of_a_server_and_of_all(world_with):
    world = await world_with(max_images_per_server_per_day=1, max_images_per_day=2)
    ann, bob = world.user("ann"), world.user("bob")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await bob.says("/imagine a hen")
    bob.is_told("This server has had its 1 picture for today. You can ask again in 16 hours, at 00:00 UTC.")
    await world.restart(max_images_per_server_per_day=None, max_images_per_day=1)
    await bob.says("/imagine a hen")
    bob.is_told("I have made my 1 picture for today. You can ask again in 16 hours, at 00:00 UTC.")


async def test_failure_and_unpaid_cancel_give_the_limit_back(world_with):
    world = await world_with(max_images_per_user_per_day=1)
    ann = world.user("ann")
    world.emulator.behave(ending="failed", error="safety")
    await ann.says("/imagine a fox")
    await ann.sees(images=0)
    hen = await ann.says("/imagine a hen")
    assert await ann.cancels(hen) == messages.cancelled(may_cost=False)
    await ann.says("/imagine a cow")
    await ann.sees(images=1)


async def test_server_channel_role_and_words_that_are_not_allowed(world_with, tmp_path):
    words = tmp_path / "blocked.txt"
    words.write_text("# not here\nvoldemort\n")
    world = await world_with(allowed_servers=frozenset({"elsewhere"}), blocked_words_file=words)
    ann, olga = world.user("ann"), world.user("olga")
    await ann.says("/imagine a fox")
    ann.is_told(messages.server_not_allowed())
    await world.restart(allowed_servers=frozenset(), allowed_channels=frozenset({"elsewhere"}))
    await ann.says("/imagine a fox")
    ann.is_told(messages.channel_not_allowed())
    await world.restart(allowed_channels=frozenset(), allowed_roles=frozenset({"painter"}))
    await ann.says("/imagine a fox")
    ann.is_told(messages.role_not_allowed())
    owners = frozenset({f"{world.place.driver.name}:{olga.person.id}"})
    await world.restart(allowed_roles=frozenset(), owners=owners)
    await ann.says("/imagine Lord VOLDEMORT at tea")
    ann.is_told(messages.blocked_word("voldemort"))
    await olga.says("/imagine Lord Voldemort at tea")
    await olga.sees(images=1)


# -- what is meant for the bot ---------------------------------------------------------------------------------------


async def test_talk_is_no_instruction(talking):
    ann = talking.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    for talk in ("// I like it", "   //aside", "...", "🎉🎉", "❤️ !!!"):
        said = await ann.says(talk)
        assert not said.heard, talk
        assert await ann.mood_of(said) is None
    await ann.sees_nothing_new()
    assert talking.emulator.paid == 1


@pytest.mark.parametrize(
    "how",
    [
        {"author_is_bot": True},
        {"begins_with_mention": True},
        {"replied_to": True},
        {"begins_with_mention": True, "mentions_bot": True},
        {"author_is_bot": True, "mentions_bot": True},
    ],
    ids=["from a bot", "to somebody", "answers somebody", "to somebody, naming the bot", "from a bot, naming ours"],
)
async def test_what_is_never_an_instruction(make_world, how):
    world = await make_world("plain")
    ann = world.user("ann")
    fox = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    driver = world.place.driver
    place = driver._place(fox.thread)
    if how.get("replied_to"):
        talk = driver.square.post(place=fox.thread, text="what do you think?", by_bot=False)
        how = {"replied_to": driver.ref(talk)}
    facts = {"author_is_bot": False, **how}
    said = await driver.hear(
        Utterance(source_id="plain:message:x", author=ann.person, place=place, text="make it blue", **facts), id="x"
    )
    assert not said.heard
    await ann.sees_nothing_new()


async def test_outsider_must_reply_to_a_picture_or_mention_the_bot_and_then_belongs(talking):
    ann, bob, eve = (talking.user(name) for name in ("ann", "bob", "eve"))
    fox = await ann.says("/imagine a fox")
    post = await ann.sees(images=1)
    assert not (await bob.says("make it blue", thread=fox)).heard
    reply = await bob.says("make it red", to=post)
    await bob.sees(images=1, answering=reply)
    plain = await bob.says("add a hat")
    await bob.sees(images=1, answering=plain)
    mention = await eve.says("at night", thread=fox, private=True)
    await eve.sees(images=1, answering=mention)
    assert talking.emulator.records_of("make it blue") == []


async def test_image_without_words_goes_with_the_next_words_of_its_author(talking):
    ann, bob = talking.user("ann"), talking.user("bob")
    fox = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await bob.says("wings, please", thread=fox, private=True)
    await bob.sees(images=1)
    assert not (await ann.says("", attach=[photos.png("hat.png")])).heard
    talking.advance(500)
    await bob.says("make it blue")
    await bob.sees(images=1)
    await ann.says("give it this hat")
    await ann.sees(images=1)
    await ann.says("at night")
    await ann.sees(images=1)
    counts = {
        words: len(contents_of(talking.sent(words))) for words in ("make it blue", "give it this hat", "at night")
    }
    uploads = [uri for _, uri in contents_of(talking.sent("give it this hat")) if "/uploads/" in uri]
    assert len(uploads) == 1, counts
    assert not any("/uploads/" in uri for _, uri in contents_of(talking.sent("make it blue")))


async def test_image_without_words_is_kept_for_ten_minutes(talking):
    ann = talking.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("", attach=[photos.png("hat.png")])
    talking.advance(601)
    await ann.says("give it a hat")
    await ann.sees(images=1)
    assert not any("/uploads/" in uri for _, uri in contents_of(talking.sent("give it a hat")))


async def test_kept_image_survives_a_refusal(talking):
    ann = talking.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("", attach=[photos.png("hat.png")])
    await ann.says("give it this hat --ar 7:5")
    ann.is_told(messages.unknown_ratio("7:5"))
    await ann.says("give it this hat")
    await ann.sees(images=1)
    assert any("/uploads/" in uri for _, uri in contents_of(talking.sent("give it this hat")))


async def test_reaction_says_working_and_then_how_it_ended(talking):
    ann = talking.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    good = await ann.says("make it blue")
    assert await ann.mood_of(good) is Mood.WORKING
    await ann.sees(images=1)
    assert await ann.mood_of(good) is Mood.DONE
    talking.emulator.behave(ending="failed", error="safety")
    bad = await ann.says("make it worse")
    await ann.sees(images=0)
    assert await ann.mood_of(bad) is Mood.FAILED


# -- changing one's mind ---------------------------------------------------------------------------------------------


async def test_cancel_before_anything_is_sent_costs_nothing(world, ann):
    said = await ann.says("/imagine a fox")
    assert await ann.cancels(said) == messages.cancelled(may_cost=False)
    assert await ann.cancels(said) == messages.cancelled(may_cost=False), "twice is as good as once"
    await ann.sees_nothing_new()
    assert world.emulator.paid == 0


async def test_cancel_while_it_waits_for_a_place_or_for_its_parent(world_with):
    world = await world_with(gmi_in_flight=1)
    ann = world.user("ann")
    world.emulator.behave(latency=5)
    fox = await ann.says("/imagine a fox")
    await world.step()
    hen = await ann.says("/imagine a hen")
    edit = await ann.says("make it blue", thread=fox)
    await world.step()
    assert await ann.cancels(hen) == messages.cancelled(may_cost=False)
    assert await ann.cancels(edit) == messages.cancelled(may_cost=False)
    await ann.sees(images=1)
    await ann.sees_nothing_new()
    assert world.emulator.paid == 1


async def test_cancel_while_the_post_is_open_keeps_the_requests_id_and_drops_the_picture(world, ann):
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            assert await ann.cancels(said) == messages.cancelled(may_cost=True)
            hold.release()
    await ann.sees_nothing_new()
    job = await world.job(said)
    assert job.state is JobState.CANCELLED
    assert job.request_id == world.sent("a fox").request_id


async def test_cancel_while_it_is_painted_frees_its_place_and_drops_the_picture(world_with):
    world = await world_with(gmi_in_flight=1)
    ann = world.user("ann")
    world.emulator.behave(latency=5)
    fox = await ann.says("/imagine a fox")
    await world.step()
    hen = await ann.says("/imagine a hen")
    assert await ann.cancels(fox) == messages.cancelled(may_cost=True)
    await world.step()
    assert (await world.job(hen)).state is not JobState.QUEUED, "the place was not given to the next"
    await ann.sees(images=1, thread=hen)


async def test_what_is_finished_cannot_be_cancelled(world, ann):
    said = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    assert await ann.cancels(said) == messages.too_late_to_cancel()


async def test_nobody_else_can_cancel_or_delete(world, ann, bob):
    said = await ann.says("/imagine a fox")
    assert await bob.cancels(said) == messages.not_yours()
    post = await ann.sees(images=1)
    assert await bob.deletes(post) == messages.not_yours()


async def test_delete_makes_the_picture_before_it_the_newest_again(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    blue = await ann.says("make it blue")
    post = await ann.sees(images=1)
    sha256 = (await world.job(blue)).images[0].sha256
    assert await ann.deletes(post) == messages.deleted(back_to_earlier=True)
    await world.settle()
    assert post.id not in {other.id for other in await world.place.driver.posts(post.thread)}
    assert await world.app.views.picture(sha256) is None
    await ann.says("add a hat")
    await ann.sees(images=1)
    assert contents_of(world.sent("add a hat")) == [("model", address_of(world, "a fox"))]


async def test_open_request_cannot_be_deleted(world, ann):
    said = await ann.says("/imagine a fox")
    assert await ann.deletes(said) == messages.not_finished_yet()
    await ann.sees(images=1)


async def test_try_again_asks_the_same_again(world, ann):
    world.emulator.behave(ending="failed", error="no-image")
    await ann.says("/imagine a fox --ar 3:2", attach=[photos.jpeg()])
    failed = await ann.sees(images=0, text=messages.failure(FailureKind.NO_IMAGE, job_id=""))
    await ann.tries_again(failed)
    await ann.sees(images=1)
    first, second = world.emulator.records_of("a fox")
    assert second.payload["aspect_ratio"] == first.payload["aspect_ratio"] == "3:2"
    assert len(second.payload["image"]) == 1


async def test_try_again_of_an_edit_edits_the_same_picture(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    world.emulator.behave(ending="failed", error="safety")
    await ann.says("make it blue")
    failed = await ann.sees(images=0)
    await ann.says("add a hat")
    await ann.sees(images=1)
    await ann.tries_again(failed)
    await ann.sees(images=1)
    assert contents_of(world.emulator.records[-1]) == [("model", address_of(world, "a fox"))]


# -- one answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [1, 3])
async def test_answer_is_posted_once_however_often_it_is_delivered(world, ann, images):
    world.emulator.behave(images=images)
    said = await ann.says("/imagine a fox")
    post = await ann.sees(images=images)

    async def deliver_again():
        job = await world.job(said)
        conversation = await world.app.store.conversation(job.conversation_id)
        pictures = [Picture(data=data, media_type="image/png", width=1, height=1) for data in post.images]
        reply = Reply(
            job_id=job.id, requester=job.requester, prompt=job.prompt, images=tuple(pictures), text="", failed=False,
            answers=job.asked_in, card=job.card,
        )  # fmt: skip
        platform = world.app.platforms[world.place.driver.name]
        return job, await platform.deliver(conversation.ref, reply, key=job.id, note=StoreNote(world.app.store, job.id))

    for again in range(3):
        job, posts = await deliver_again()
        assert posts == job.posts
        if again == 1:
            await world.restart()
    await ann.sees_nothing_new()


async def test_everything_is_found_again_after_a_restart(world, ann):
    await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    world.emulator.behave(latency=5)
    blue = await ann.says("make it blue")
    await world.step()
    await world.restart()
    await ann.sees(images=1, answering=blue)
    await ann.says("make it red", to=fox)
    await ann.sees(images=1)
    assert contents_of(world.sent("make it red")) == [("model", address_of(world, "a fox"))]


@pytest.mark.parametrize("name", adapter_names())
def test_every_platform_has_a_driver(name):
    assert name in platform_names(), f"nothing above was tried on {name}: it needs a driver in tests/world/{name}.py"
    assert driver_named(name).name == name
