"""How do card, result and failure look on Discord? Texts and buttons as plain data; nothing is sent from here."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from adapters.discord import wording
from adapters.discord.buttons import Act, JobButton, Press
from bot import messages
from bot.errors import FailureKind
from bot.model import OUTCOME_UNKNOWN, Card, JobState, Reply

_MOST_PROMPT = 600  # characters of a prompt on a card; the thread's name and the alt text show it too


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One message. pings: the one member whom its mention may ping."""

    content: str
    buttons: tuple[Press, ...] = ()
    pings: str | None = None

    def view(self) -> discord.ui.View | None:
        """Buttons that live in their custom_id alone: nothing waits for them in memory, and no restart loses them."""
        if not self.buttons:
            return None
        view = discord.ui.View(timeout=None)
        for button in self.buttons:
            view.add_item(JobButton(button))
        return view

    def allowed_mentions(self) -> discord.AllowedMentions:
        users: list[discord.abc.Snowflake] | bool = [discord.Object(int(self.pings))] if self.pings else False
        return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=False)


def card(card: Card) -> Sheet:
    """The status card: state, ratio, who, since when, prompt; and Cancel for as long as that can still help.

    The time is Discord's own relative one, which every member's app keeps up to date by itself.
    """
    failed = card.state is JobState.FAILED
    state = "Failed" if failed else card.text
    head = (
        f"**{wording.escaped(wording.cut(state, 300))}** · {wording.escaped(card.aspect_ratio)} · "
        f"asked by <@{card.requester.id}> <t:{int(card.accepted_at)}:R>"
    )
    prompt = wording.quoted(card.prompt, _MOST_PROMPT)
    cancels = (Press(act="cancel", job_id=card.job_id),) if card.state in OUTCOME_UNKNOWN else ()
    why = wording.escaped(wording.cut(card.text, 500)) if failed else ""
    lines = (head, f"> {prompt}" if prompt else "", why)
    return Sheet(content="\n".join(line for line in lines if line), buttons=cancels)


def result(reply: Reply, *, index: int = 0, elsewhere: str | None = None) -> Sheet:
    """The message under one picture of a result, or the sentence that says why there is none.

    index: which picture; words and mention stand with the first. elsewhere: a sentence for when it is not posted where it
    was asked for.
    """
    own = "" if elsewhere and reply.text == messages.failure(FailureKind.PLACE, job_id=reply.job_id) else reply.text
    words = " ".join(text for text in (elsewhere, wording.escaped(own)) if text) if index == 0 else ""
    return _answer(reply, words, ("again",) if reply.failed else ("again", "edit", "delete"), index=index)


def unshown(reply: Reply, *, index: int, elsewhere: str | None = None) -> Sheet:
    """The message in the place of one picture of several that Discord does not take."""
    why = messages.failure(FailureKind.CONTENT, job_id=reply.job_id)
    words = " ".join(text for text in (elsewhere, wording.escaped(why)) if text)
    return _answer(reply, words, ("again",), index=index)


def _answer(reply: Reply, words: str, acts: tuple[Act, ...], *, index: int) -> Sheet:
    mention = f"<@{reply.requester.id}> " if index == 0 else ""
    return Sheet(
        content=f"{mention}{wording.cut(words, wording.LONGEST_CONTENT - 30)}".rstrip(),
        buttons=tuple(Press(act=act, job_id=reply.job_id, image=index) for act in acts),
        pings=reply.requester.id if index == 0 else None,
    )
