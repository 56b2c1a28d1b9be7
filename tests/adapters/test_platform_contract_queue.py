"""What people see on every platform when the queue says no, is in trouble, or has lost the thread; and what is kept.

Each scenario once for every folder of `adapters/`.
"""

import pytest

from bot import messages
from bot.config import adapter_names
from bot.emulator import Fault
from bot.errors import OWNER_KINDS, FailureKind
from bot.model import JobState
from tests.world import photos, platform_names


@pytest.fixture(params=[name for name in adapter_names() if name in platform_names()])
def platform(request):
    return request.param


# -- when the queue says no ------------------------------------------------------------------------------------------

REFUSED_POSTS = {
    "a wrong key": (Fault(route="submit", kind="unauthorized"), FailureKind.KEY),
    "a key without rights": (Fault(route="submit", kind="forbidden"), FailureKind.KEY),
    "no credit": (Fault(route="submit", kind="no_credit"), FailureKind.CREDIT),
    "no such model": (Fault(route="submit", kind="no_such_model"), FailureKind.MODEL),
    "no access to the model": (Fault(route="submit", kind="no_access"), FailureKind.MODEL),
    "no rights upstream": (Fault(route="submit", kind="backend_error", code=403), FailureKind.MODEL),
    "a refusal": (Fault(route="submit", kind="rejected"), FailureKind.SAFETY),
    "a wrong payload": (Fault(route="submit", kind="invalid_payload"), FailureKind.PAYLOAD),
    "a wrong payload upstream": (Fault(route="submit", kind="backend_error", code=400), FailureKind.PAYLOAD),
}


async def test_refused_post_is_answered_in_one_plain_sentence_and_the_owner_is_told_his_part(world, ann):
    for number, (what, (fault, kind)) in enumerate(REFUSED_POSTS.items(), start=1):
        world.emulator.inject(fault)
        said = await ann.says(f"/imagine a fox for {what}")
        await ann.sees(images=0, text=messages.failure(kind, job_id=(await world.job(said)).id))
        assert world.emulator.ledger.count("submit") == 2 * number - 1, f"asked again after {what}"
        problems = (await world.app.views.readiness()).problems
        if kind in OWNER_KINDS:
            assert "the bot's owner must" in messages.failure(kind, job_id="")
            assert problems["queue"].startswith(kind.value), what
        else:
            assert problems == {}, what
        await ann.says("/imagine a hen")  # all is well again
        await ann.sees(images=1)
        assert (await world.app.views.readiness()).ready, what


FAILED_RECORDS = {
    "safety": FailureKind.SAFETY,
    "prohibited": FailureKind.SAFETY,
    "recitation": FailureKind.SAFETY,
    "no-image": FailureKind.NO_IMAGE,
    "reference": FailureKind.REFERENCE,
    "rejected": FailureKind.SAFETY,
    "something nobody has seen before": FailureKind.UNKNOWN,
}


async def test_failed_request_is_answered_in_one_plain_sentence(world_with):
    world = await world_with(max_open_jobs_per_user=len(FAILED_RECORDS))
    ann = world.user("ann")
    for form, (error, kind) in zip(
        ("object", "string", "error", "message", "reason") * 2, FAILED_RECORDS.items(), strict=False
    ):
        world.emulator.behave(ending="failed", error=error, error_form=form)
        said = await ann.says(f"/imagine a fox for {error}")
        await ann.sees(images=0, text=messages.failure(kind, job_id=(await world.job(said)).id))


@pytest.mark.parametrize(("error", "kind"), [("rate", FailureKind.RATE), ("timeout", FailureKind.TIMEOUT)])
async def test_passing_fault_of_the_vendor_is_waited_for_and_told_if_it_does_not_pass(world, ann, error, kind):
    world.emulator.behave(times=2, ending="failed", error=error)
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    assert world.emulator.paid == 3
    world.emulator.behave(times=None, ending="failed", error=error)
    await ann.says("/imagine a hen")
    await ann.sees(images=0, text=messages.failure(kind, job_id=""))


@pytest.mark.parametrize("how", [{"outcome": "empty"}, {"outcome": "none"}], ids=["empty", "none"])
async def test_success_without_a_picture_is_told(world, ann, how):
    world.emulator.behave(**how)
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.NO_IMAGE, job_id=""))


async def test_request_that_the_queue_cancels_is_told(world, ann):
    world.emulator.behave(ending="cancelled")
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.UNKNOWN, job_id=(await world.job(said)).id))


async def test_wrong_key_is_told_before_references_are_uploaded_in_vain_and_named_to_the_operator(world, ann):
    world.emulator.account.keys = ("another-key",)
    await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=0, text=messages.failure(FailureKind.KEY, job_id=""))
    assert (await world.app.views.readiness()).problems["queue"].startswith("key")


async def test_missing_credit_stays_named_until_a_request_is_taken_again(world, ann):
    world.emulator.behave(latency=8)
    hen = await ann.says("/imagine a hen")
    await world.step()
    world.emulator.account.credit = 0
    fox = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.CREDIT, job_id=""), thread=fox)
    await ann.sees(images=1, thread=hen)
    world.advance(120)  # long enough for a look at the queue that costs nothing, and proves no credit
    assert (await world.app.views.readiness()).problems["queue"].startswith("credit")
    world.emulator.account.credit = None
    await ann.says("/imagine a cow")
    await ann.sees(images=1)
    assert (await world.app.views.readiness()).ready


# -- when the service is in trouble ----------------------------------------------------------------------------------

NO_ANSWERS = ("rate_limited", "unavailable", "bad_gateway", "html", "empty", "drop", "reset", "truncated", "cut")


async def has_painted_before(world, ann):
    """The model is known to answer its POSTs at once, so that a lost one is sent again after half a minute."""
    await ann.says("/imagine a first picture")
    await ann.sees(images=1)


async def test_trouble_while_submitting_delays_and_pays_once(world, ann):
    await has_painted_before(world, ann)
    for kind in (*NO_ANSWERS, "error", "redirect"):
        kept = kind in ("truncated", "cut")  # the work is done, only the answer is spoilt
        world.emulator.inject(Fault(route="submit", kind=kind, times=1 if kept else 2))
        await ann.says(f"/imagine a fox after {kind}")
        assert (await ann.sees(images=1)).images == world.painted(f"a fox after {kind}")
    assert world.emulator.pending_faults == []


async def test_trouble_while_polling_delays(world, ann):
    for kind in (*NO_ANSWERS, "error", "redirect", "unauthorized", "status_word"):
        world.emulator.inject(Fault(route="get", kind=kind, times=3))
        await ann.says(f"/imagine a fox after {kind}")
        assert (await ann.sees(images=1)).images == world.painted(f"a fox after {kind}")
    assert world.emulator.pending_faults == []


async def test_trouble_while_downloading_delays(world, ann):
    for kind in (*NO_ANSWERS, "error", "redirect", "not_found"):
        world.emulator.inject(Fault(route="media", kind=kind, times=3))
        await ann.says(f"/imagine a fox after {kind}")
        assert (await ann.sees(images=1)).images == world.painted(f"a fox after {kind}")
    assert world.emulator.pending_faults == []


@pytest.mark.parametrize("route", ["upload_url", "put"])
async def test_trouble_while_uploading_a_reference_delays(world, ann, route):
    kinds = (
        ("rate_limited", "unavailable", "bad_gateway", "html", "drop", "cut")
        if route == "upload_url"
        else ("signature", "expired", "drop")
    )
    world.emulator.inject(*(Fault(route=route, kind=kind) for kind in kinds))
    await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=1)
    assert len(world.sent("a fox").payload["image"]) == 1


async def test_silent_queue_delays(world, ann):
    await has_painted_before(world, ann)
    world.emulator.inject(*(Fault(route=route, kind="hang") for route in ("submit", "get", "media", "list")))
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_queue_that_is_not_there_delays_wherever_the_job_is(world, ann):
    said = await ann.says("/imagine a fox")
    await world.queue_goes_away()
    await world.step()
    assert (await world.job(said)).state is JobState.QUEUED, "nothing was sent, so nothing is in doubt"
    world.advance(300)
    await world.step()
    await world.queue_comes_back()
    world.emulator.behave(latency=60)
    world.advance(90)
    await world.step()
    assert (await world.job(said)).state is JobState.RUNNING
    await world.queue_goes_away()
    world.advance(200)
    await world.step()
    await world.queue_comes_back()
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_rate_limit_is_waited_for_as_long_as_it_says(world, ann):
    world.emulator.inject(Fault(route="submit", kind="rate_limited", retry_after=120))
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    first, second = world.emulator.ledger.find("submit")
    assert second.arrived.wall - first.arrived.wall >= 120


async def test_result_elsewhere_than_at_the_service_is_not_fetched(world, ann):
    world.emulator.inject(
        Fault(
            route="get", kind="error", status=200,
            body={"request_id": "?", "status": "success", "outcome": {"media_urls": ["http://127.0.0.1:1/fox.png"]}},
        )
    )  # fmt: skip
    await ann.says("/imagine a fox")
    # a record that is another request's is no answer; ours is asked for again
    await ann.sees(images=1)


# -- deadlines -------------------------------------------------------------------------------------------------------


async def test_request_that_nobody_takes_up_is_told_after_ten_minutes(world, ann):
    world.emulator.behave(ending="stuck")
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.MODEL, job_id=""))
    job = await world.job(said)
    assert 600 <= job.finished_at - job.running_since < 620
    assert (await world.app.views.readiness()).problems["model"].startswith("still queued")


async def test_request_that_takes_too_long_is_told_after_ten_minutes(world, ann):
    world.emulator.behave(latency=1800)
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.TIMEOUT, job_id=""))
    job = await world.job(said)
    assert 600 <= job.finished_at - job.running_since < 620


async def test_picture_that_is_ready_at_the_last_look_is_still_posted(world, ann):
    world.emulator.behave(latency=605)
    said = await ann.says("/imagine a fox")
    await world.step()
    assert (await world.job(said)).state is JobState.RUNNING
    world.advance(610)  # the bot was held up, and looks only now
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_queue_that_is_away_for_more_than_an_hour_is_told(world, ann):
    await world.queue_goes_away()
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.TIMEOUT, job_id=""))
    job = await world.job(said)
    assert 3600 <= job.finished_at - job.accepted_at < 3700
    await world.queue_comes_back()


async def test_picture_that_cannot_be_downloaded_is_told(world, ann):
    world.emulator.inject(Fault(route="media", kind="unavailable", times=None))
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.TIMEOUT, job_id=""))


async def test_post_whose_fate_stays_unknown_is_told_and_not_paid_twice(world, ann):
    world.emulator.inject(Fault(route="submit", kind="drop"))
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.LOST, job_id=""))
    assert world.emulator.ledger.count("submit") == 1, "this model has never shown that it answers at once"


# -- histories that cannot serve -------------------------------------------------------------------------------------


async def test_refused_history_falls_back_to_the_picture_itself(world, ann):
    await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    world.emulator.behave(ending="failed", error="signature")
    await ann.says("make it blue", attach=[photos.png("sky.png")])
    await ann.sees(images=1)
    refused, taken = world.emulator.records_of("make it blue")
    assert "contents" in refused.payload
    assert taken.payload["prompt"] == "make it blue"
    picture, sky = taken.payload["image"]
    assert photos.opened(world.uploaded(picture)).size == photos.opened(fox.images[0]).size
    assert photos.opened(world.uploaded(sky)).size == (48, 32)


@pytest.mark.parametrize("form", ["absent", "garbage"])
async def test_missing_history_falls_back_to_the_picture_itself(world, ann, form):
    world.emulator.behave(next_turn=form)
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("make it blue")
    await ann.sees(images=1)
    request = world.sent("make it blue")
    assert request.payload["prompt"] == "make it blue"
    assert len(request.payload["image"]) == 1
    assert "contents" not in request.payload


async def test_thread_of_another_model_goes_on_by_its_picture(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await world.restart(gmi_model="gemini-3.1-flash-image")
    await ann.says("make it blue")
    await ann.sees(images=1)
    request = world.sent("make it blue")
    assert request.model == "gemini-3.1-flash-image"
    assert len(request.payload["image"]) == 1
    await ann.says("add a hat")
    await ann.sees(images=1)
    assert "contents" in world.sent("add a hat").payload, "the new model's own history serves again"


async def test_signed_history_goes_back_untouched(world, ann):
    world.emulator.behave(next_turn="signed")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("make it blue")
    await ann.sees(images=1)
    turns = world.sent("make it blue").payload["contents"]
    assert turns[1]["turnId"] == "t1"
    assert any("thoughtSignature" in part for part in turns[1]["parts"])


# -- what is kept ----------------------------------------------------------------------------------------------------


async def test_forgotten_members_words_and_pictures_are_gone_and_others_go_on(world, ann, bob):
    hers = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    fox = await ann.sees(images=1)
    his = await bob.says("make it blue", to=fox)
    blue = await bob.sees(images=1)
    job = await world.job(hers)
    kept = [image.sha256 for image in job.images] + [reference.sha256 for reference in job.references]
    platform = world.place.driver.name
    await world.app.service.forget(platform, ann.person.id)
    job = await world.job(hers)
    assert (job.prompt, job.requester.name, job.references, job.images) == ("", "", (), ())
    assert [await world.app.views.picture(sha256) for sha256 in kept] == [None, None]
    assert (await world.app.store.turn((await world.job(his)).id)).next_turn_contents is None
    await bob.says("add a hat", to=blue)
    await bob.sees(images=1)
    request = world.sent("add a hat")
    assert "a fox" not in str(request.payload)
    assert len(request.payload["image"]) == 1


async def test_retention_removes_words_and_pictures_after_their_days(world_with):
    world = await world_with(retention_days=30)
    ann = world.user("ann")
    old = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=1)
    world.advance(29 * 86_400)
    young = await ann.says("/imagine a hen")
    await ann.sees(images=1)
    world.advance(2 * 86_400)
    sha256 = (await world.job(old)).images[0].sha256
    await world.sweep()
    assert (await world.job(old)).prompt == ""
    assert await world.app.views.picture(sha256) is None
    kept = await world.job(young)
    assert kept.prompt == "a hen"
    assert await world.app.views.picture(kept.images[0].sha256) is not None
