"""Is a private sentence taken for the answer to the press that it answers, and to no other one?"""

import json

import pytest

from tests.chaos.seen_on_slack import told_instead
from tests.emulators.slack import SlackEmulator

BUTTON = {"type": "button", "action_id": "again:0", "text": {"type": "plain_text", "text": "Try again"}, "value": "job"}


@pytest.fixture
async def slack():
    emulator = SlackEmulator()
    async with emulator.serve():
        yield emulator


async def test_private_sentence_answers_the_press_before_it(slack):
    ann, ben = slack.member("ann"), slack.member("ben")
    art, zoo = slack.channel("art", ann, ben), slack.channel("zoo", ann)

    def says(channel, words, **facts):
        slack.advance(1)
        return slack._core.wall.say(slack.bot, channel, words, **facts)

    async def presses(member, channel):
        blocks = [{"type": "actions", "elements": [json.loads(json.dumps(BUTTON))]}]
        pressed = member.clicks(says(channel, "a picture", blocks=blocks), "again:0")
        await pressed
        return pressed

    first = await presses(ann, art)
    says(art, "not for ann", only_for=ben)
    says(zoo, "somewhere else", only_for=ann)
    second = await presses(ann, art)
    await presses(ben, art)
    says(art, "I am busy.", only_for=ann)
    says(art, "I am still busy.", only_for=ann)
    assert told_instead(first, ann, slack.courier.deliveries) is None
    assert told_instead(second, ann, slack.courier.deliveries) == "I am busy."
