"""b, found at claim: the fate of a POST is unknown. Did the queue take it? Not paying twice wins over answering sooner."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.errors import FailureKind, RetryLater
from bot.model import Job, JobState, Json
from bot.ports import Conflict
from bot.records import Progress, Record
from bot.steps.delivering import fail
from bot.steps.listing import newest
from bot.steps.step import Step
from bot.steps.submitting import taken

CLOCK_SLACK_SECONDS = 60.0
"""A record counts from this long before the attempt: clocks differ, and the queue's times are whole seconds."""

ABSENT_SECONDS = 30.0
"""A model that answers POSTs at once has listed a request by then, if it took it."""

AT_ONCE_SECONDS = 5.0
MOST_PAUSE_SECONDS = 10.0  # between two looks at the list
ANSWERS_TO_LEARN_FROM = 5


async def reconcile(step: Step) -> None:
    """Looks for the request in the queue's list: adopts it, waits, sends again, or gives up, in this order of safety."""
    job = step.job
    if job.attempt_at is None:
        raise LookupError("a submitting job has no attempt_at")
    if job.request_id is not None:
        # the answer came to a step that had lost its lease; what it learned was merged
        await taken(step, Record(request_id=job.request_id, status="", progress=Progress.PENDING))
        return
    if job.looks == 0:
        await step.save(looks=1)  # from here on twins know that no POST of this job is open
    payload = (await step.world.store.turn(job.id)).payload or {}
    if await _identical_post_open(step, payload):
        await step.save(due_at=step.now + 0.25 + step.world.rng.random())
        return
    try:
        found = await _search(step, payload, job.attempt_at)
    except RetryLater as error:
        await _list_failed(step, error)
        return
    step.queue_worked()
    for record in found.candidates:
        try:
            # the list may leave outcomes out; what became of the request is asked by its id
            await taken(step, replace(record, progress=Progress.PENDING))
        except Conflict:
            current = await step.world.store.get(job.id)
            if current is None or current.version != step.job.version:
                raise  # the job itself was moved, say cancelled; not the record taken by a twin
            continue
        return
    await _absent(step, job.attempt_at, certain=not found.unclear)


async def _identical_post_open(step: Step, payload: Json) -> bool:
    """Another job's POST of the very same payload may still be on its way: its record would look like ours."""
    twins = await step.world.store.same_payload_in_doubt(step.job, payload)
    return any(_may_be_open(twin, step.now) for twin in twins)


def _may_be_open(twin: Job, now: float) -> bool:
    # leased, and never yet looked for: somebody is at it, perhaps with an open POST
    return twin.looks == 0 and twin.due_at is not None and twin.due_at > now


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """candidates: records that may be adopted, the likeliest first: not failed before failed, then nearest to the attempt.

    unclear: some record could be ours, or another's, and nothing tells which.
    """

    candidates: list[Record]
    unclear: bool


async def _search(step: Step, payload: Json, attempt_at: float) -> _Found:
    """What the list shows of the time of the attempt, and is not known to be another job's."""
    since = attempt_at - CLOCK_SLACK_SECONDS
    recent = [
        r
        async for r in newest(step.world.queue, step.job.model, since=since)
        if r.created_at is None or r.created_at >= since
    ]
    known = await step.world.store.known_requests(record.request_id for record in recent)
    unknown = [record for record in recent if record.request_id not in known]
    equal = [record for record in unknown if record.payload == payload]
    unechoed = [] if equal else [record for record in unknown if not record.payload and record.created_at is not None]
    ours = equal or await _only_unechoed(step, unechoed)

    def likeliness(record: Record) -> tuple[bool, float]:
        return record.progress in (Progress.FAILED, Progress.CANCELLED), abs(
            (record.created_at or attempt_at) - attempt_at
        )

    return _Found(candidates=sorted(ours, key=likeliness), unclear=bool(unechoed))


async def _only_unechoed(step: Step, unechoed: list[Record]) -> list[Record]:
    """Observed: some records echo no payload. Such a one is ours only if it is the only one, and no other attempt of
    ours could have made it.
    """
    if len(unechoed) != 1:
        return []
    made = unechoed[0].created_at or 0.0
    attempts = await step.world.store.attempts_between(
        step.job.model, made - step.world.queue.longest_post, made + CLOCK_SLACK_SECONDS
    )
    return unechoed if set(attempts) <= {step.job.id} else []


async def _absent(step: Step, attempt_at: float, *, certain: bool) -> None:
    """certain: the list holds nothing that could be ours; only then may it be sent again."""
    queue_now = step.world.queue.now()
    absent_since = step.job.absent_since if step.job.absent_since is not None else queue_now
    may_go_again = certain and await _answers_at_once(step)
    if may_go_again and queue_now - absent_since >= ABSENT_SECONDS:
        await step.save(
            "the queue has never seen it; sent again",
            state=JobState.QUEUED,
            due_at=step.now,
            submissions=step.job.submissions - 1,
            attempts=0,
        )
    elif not may_go_again and queue_now - attempt_at >= step.world.queue.longest_post:
        await fail(step, FailureKind.LOST, "no clear answer to the POST, and the queue's list lacks it")
    else:
        looks = step.job.looks + 1
        await step.save(
            "the queue's list lacks it so far" if step.job.absent_since is None else None,
            absent_since=absent_since,
            attempts=0,
            looks=looks,
            due_at=step.now + step.back_off(looks, base=2.0, most=MOST_PAUSE_SECONDS),
        )


async def _answers_at_once(step: Step) -> bool:
    """Learned from the model's last answers. A model that answers only after the work is done may still be at it."""
    answers = await step.world.store.last_answers(step.job.model, ANSWERS_TO_LEARN_FROM)
    return bool(answers) and all(
        not job.answered_terminal and job.answered_after is not None and job.answered_after <= AT_ONCE_SECONDS
        for job in answers
    )


async def _list_failed(step: Step, error: RetryLater) -> None:
    """Without the list nothing can be said; but not for ever."""
    step.queue_failed(error.reason)
    waited = step.world.queue.now() - (step.job.attempt_at or 0.0)
    if step.past_deadline and waited >= step.world.queue.longest_post:
        await fail(
            step, FailureKind.LOST, f"no clear answer to the POST, and the queue's list cannot be had: {error.reason}"
        )
        return
    raise error
