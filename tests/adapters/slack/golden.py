"""What exactly do members see on Slack? Every text and every Block Kit payload, as one file.

`python -m tests.adapters.slack.golden` writes the file anew; test_rendering.py holds it against the code.
"""

import json
from pathlib import Path

from adapters.slack import rendering, wording
from adapters.slack.buttons import Window
from adapters.slack.outbound import MOODS
from adapters.slack.platform import NO_MODE, NO_PORT, NO_TOKEN
from adapters.slack.rendering import Preview, Recent
from bot import messages
from bot.errors import FailureKind
from bot.model import Card, ConversationRef, Job, JobState, MessageRef, Person, Picture, Reply

FILE = Path(__file__).with_name("what_members_see.json")

JOB = "0123456789abcdef"
ANN = Person(id="U1", name="ann")
PLACE = ConversationRef(platform="slack", workspace="T1", channel="C1", thread="1.5")
DIRECT = ConversationRef(platform="slack", workspace="T1", channel="D1", thread="D1")
THEIRS = ConversationRef(platform="slack", workspace="T1", channel="C1", thread="1.1")
RUDE = "<!channel> <@U2> <https://evil.example|click> https://evil.example & *bold* `code`\n# Title " + "x" * 5_000


def card(state=JobState.RUNNING, text="Painting", prompt="a red fox in the snow", place=PLACE) -> Card:
    return Card(
        job_id=JOB,
        conversation=place,
        message=MessageRef(platform="slack", channel="C1", id="1.5"),
        requester=ANN,
        prompt=prompt,
        aspect_ratio="3:2",
        state=state,
        accepted_at=1_790_000_000.0,
        text=text,
    )


def reply(text="", *, images=1, failed=False, prompt="a red fox in the snow") -> Reply:
    picture = Picture(data=b"", media_type="image/png", width=8, height=8)
    return Reply(job_id=JOB, requester=ANN, prompt=prompt, images=(picture,) * images, text=text, failed=failed)


def job() -> Job:
    return Job(
        id=JOB, conversation_id="c", platform="slack", workspace="T1", source_id="s", requester=ANN, prompt=RUDE,
        aspect_ratio="3:2", model="m", accepted_at=1_790_000_000.0, state=JobState.SUCCEEDED,
    )  # fmt: skip


def blocks() -> dict[str, object]:
    """Whatever is sent as blocks or views, by what it is."""
    failure = messages.failure(FailureKind.SAFETY, job_id=JOB)
    return {
        "card, while it is painted": rendering.card(card()),
        "card, done": rendering.card(
            card(JobState.SUCCEEDED, "Done"), preview=Preview(file="F1", prompt="make it blue")
        ),
        "card in a direct message": rendering.card(card(place=DIRECT)),
        "card in a thread of people": rendering.card(card(place=THEIRS)),
        "card, failed": rendering.card(card(JobState.FAILED, failure)),
        "card of a prompt that tries everything": rendering.card(card(prompt=RUDE)),
        "card of a prompt without words": rendering.card(card(prompt="")),
        "result": rendering.result(reply()),
        "result of a prompt that tries everything": rendering.result(reply(prompt=RUDE)),
        "result with several pictures": rendering.result(reply(images=3)),
        "result with a remark": rendering.result(reply(messages.moved_to_earlier())),
        "result that is posted elsewhere": rendering.result(reply(), elsewhere=wording.posted_elsewhere("C1")),
        "buttons in a message of their own": rendering.buttons(reply()),
        "buttons of a prompt that tries everything": rendering.buttons(reply(prompt=RUDE)),
        "failure": rendering.failure(reply(failure, images=0, failed=True)),
        "window for a new picture": rendering.window(Window(channel="C1"), editing=False),
        "window for an edit": rendering.window(Window(channel="C1", thread="1.5", job=JOB), editing=True),
        "home, empty": rendering.home([], messages.no_limits()),
        "home": rendering.home([Recent(job=job(), link="https://t.slack.com/archives/C1/p15")], messages.no_limits()),
        "private sentence": rendering.private(wording.escaped(messages.unknown_option("--<!here>"))),
    }


def sentences() -> dict[str, str]:
    return {
        "invite": wording.invite("U0BOT"),
        "not in talks": wording.not_in_talks(),
        "file not seen": wording.file_unseen("cat.png"),
        "picture that Slack does not show": wording.unshown(),
        "picture that Slack does not show there": wording.unshown_elsewhere("C0000001"),
        "file gone": wording.file_gone("cat.png"),
        "file closed": wording.file_closed("cat.png"),
        "file external": wording.file_external("cat.png"),
        "files scope missing, to the member": wording.files_scope_missing("cat.png"),
        "file behind the sign-in page": wording.file_behind_sign_in("cat.png"),
        "not permitted": wording.not_permitted(),
        "taken up, and not permitted": wording.waits_for_permission(),
        "no picture there": wording.no_picture_there(),
        "not mine": wording.not_mine(),
        "busy": wording.busy(),
        "broken": wording.broken(),
        "outdated": wording.outdated(),
        "window late": wording.window_late(),
        "no mode": NO_MODE,
        "no token": NO_TOKEN,
        "no port": NO_PORT,
    }


def page() -> str:
    seen = {
        "reactions": {mood.value: emoji for mood, emoji in MOODS.items()},
        "sentences": sentences(),
        "blocks": blocks(),
    }
    return json.dumps(seen, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(page())
