"""What exactly do members see on Discord? Every text and every button, as one page that a person can read.

`python -m tests.adapters.discord.golden` writes the page anew; test_rendering.py holds it against the code.
"""

from pathlib import Path

from adapters.discord import commands, modals, permissions, rendering, wording
from adapters.discord.outbound import REACTIONS
from bot import messages
from bot.errors import FailureKind
from bot.model import Card, ConversationRef, JobState, MessageRef, Mood, Person, Picture, Reply

PAGE = Path(__file__).with_name("what_members_see.md")

JOB = "0123456789abcdef"
ANN = Person(id="4000", name="Ann")
PLACE = ConversationRef(platform="discord", workspace="2000", channel="3000", thread="5000")
RUDE = "@everyone **loud** `code`\n# Title <@1> <t:0:R> [click](https://evil.example) ||hidden|| <:smile:1>"


def card(state=JobState.RUNNING, text="Painting", prompt="a red fox in the snow") -> Card:
    return Card(
        job_id=JOB,
        conversation=PLACE,
        message=MessageRef(platform="discord", channel="3000", id="5000"),
        requester=ANN,
        prompt=prompt,
        aspect_ratio="3:2",
        state=state,
        accepted_at=1_790_000_000.0,
        text=text,
    )


def reply(text="", *, images=1, failed=False) -> Reply:
    picture = Picture(data=b"", media_type="image/png", width=8, height=8)
    return Reply(
        job_id=JOB, requester=ANN, prompt="a red fox in the snow", images=(picture,) * images, text=text, failed=failed
    )


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# What members see on Discord",
            "",
            "Written by tests/adapters/discord/golden.py. Backslashes are Discord's own way to show a mark as itself.",
            *_section("The card while a picture is made", *(_sheet(rendering.card(c)) for c in _cards())),
            *_section("The card at the end", *(_sheet(rendering.card(c)) for c in _ended_cards())),
            *_section("The card of a prompt that tries everything", _sheet(rendering.card(card(prompt=RUDE)))),
            *_section("The thread's name", *(f"    {wording.thread_name(p)}" for p in _prompts())),
            *_section("The result", _sheet(rendering.result(reply()))),
            *_section(
                "The result, with something to know about it",
                _sheet(rendering.result(reply(messages.moved_to_earlier()))),
            ),
            *_section("The second of several pictures", _sheet(rendering.result(reply(images=2), index=1))),
            *_section(
                "The result, when its thread is closed",
                _sheet(rendering.result(reply(), elsewhere=wording.posted_elsewhere("<#5000>"))),
            ),
            *_section(
                "The answer as a direct message, where neither thread nor channel could be written in from the start",
                _sheet(
                    rendering.result(
                        reply(messages.failure(FailureKind.PLACE, job_id=JOB), images=0, failed=True),
                        elsewhere=wording.posted_elsewhere("<#3000>"),
                    )
                ),
            ),
            *_section(
                "Failures",
                *(
                    _sheet(rendering.result(reply(messages.failure(kind, job_id=JOB), images=0, failed=True)))
                    for kind in FailureKind
                ),
            ),
            *_section(
                "The window for editing", _components([modals.window(modals.Change(job_id=JOB, image=0)).to_dict()])
            ),
            *_section("Private refusals", *(f"    {wording.escaped(text)}\n" for text in _refusals())),
            *_section(
                "A refusal of a plain message, as a direct message",
                f"    {wording.refused_in('<#5000>', messages.open_jobs_reached(3))}",
            ),
            *_section("/imagine-help", wording.how_to(message_content=True)),
            *_section("/imagine-help, without the message content intent", wording.how_to(message_content=False)),
            *_section("Reactions", *(f"    {mood.value}: {REACTIONS[mood]}" for mood in Mood)),
            *_section("Commands", *(f"    {line}" for line in _commands())),
            *_section("The invite link", f"    {permissions.invite(1000)}"),
            *_section("For the operator, without the message content intent", f"    {wording.lost_without_content()}"),
            "",
        ]
    )


def _cards():
    yield card(JobState.QUEUED, "Queued")
    yield card(JobState.QUEUED, "Queued, waiting for a free place")
    yield card(JobState.SUBMITTING, "Sending to the painter")
    yield card()


def _ended_cards():
    yield card(JobState.DELIVERING, "Posting")
    yield card(JobState.SUCCEEDED, "Done")
    yield card(JobState.CANCELLED, "Cancelled")
    yield card(JobState.FAILED, messages.failure(FailureKind.SAFETY, job_id=JOB))


def _prompts():
    yield "a red fox in the snow"
    yield RUDE
    yield "a very long story about " + "a fox and " * 30
    yield "\u200b\n"


def _refusals():
    yield wording.may_not_here(["Attach Files"])
    yield wording.may_not_here(["View Channel", "Attach Files", "Send Messages"])
    yield wording.no_picture_there()
    yield wording.add_me()
    yield wording.changed_command()
    yield wording.busy()
    yield wording.broken("1234")
    yield messages.open_jobs_reached(3)
    yield messages.not_yours()
    yield messages.unknown_ratio("1:7")


def _commands():
    import discord  # noqa: PLC0415  only for this list

    client = discord.Client(intents=discord.Intents.none())
    tree = commands.tree(client, None)
    for command in tree.get_commands():
        payload = command.to_dict(tree)
        yield f"{payload['name']}: {payload.get('description') or 'in the menu of a message'}"
        for option in payload.get("options", ()):
            choices = ", ".join(choice["name"] for choice in option.get("choices", ()))
            needed = "" if option.get("required") else " (may be left out)"
            yield f"    {option['name']}: {option['description']}{needed}{f'; one of {choices}' if choices else ''}"


def _section(title: str, *parts: str) -> list[str]:
    return ["", f"## {title}", "", *parts]


def _sheet(sheet: rendering.Sheet) -> str:
    lines = [f"    {line}" for line in sheet.content.splitlines()] or ["    (no words)"]
    if sheet.pings:
        lines.append(f"    pings: <@{sheet.pings}>")
    return "\n".join([*lines, _components(components(sheet)), ""])


def components(sheet: rendering.Sheet) -> list[dict]:
    """Its buttons as Discord gets them."""
    view = sheet.view()
    return view.to_components() if view else []


def _components(parts: list[dict], depth: int = 1) -> str:
    """Buttons and fields, one per line, with what Discord is told about them."""
    lines = []
    for part in parts:
        about = part.get("label") or part.get("title")
        facts = {
            k: v
            for k, v in part.items()
            if k in {"custom_id", "style", "required", "max_length", "max_values", "placeholder"} and v is not None
        }
        if about or "custom_id" in part:
            shown = ", ".join(f"{key}={value}" for key, value in facts.items())
            lines.append(f"{'    ' * depth}[{about or 'field'}] {shown}".rstrip())
        inner = [*part.get("components", ()), *([part["component"]] if "component" in part else [])]
        if inner:
            lines.append(_components(inner, depth + bool(about)))
    return "\n".join(line for line in lines if line)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
