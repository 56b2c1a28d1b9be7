"""How may the application answer a command, a click or a form, and with what?"""

from __future__ import annotations

from tests.emulators.discord.calls import Call, Reply, Route
from tests.emulators.discord.check_components import read_modal
from tests.emulators.discord.check_embeds import check_list
from tests.emulators.discord.drafts import Draft
from tests.emulators.discord.interactions import CallbackKind, Interaction, InteractionKind, Modal
from tests.emulators.discord.mentions import USERS_ONLY
from tests.emulators.discord.message_views import message_json
from tests.emulators.discord.messages import Flag, Message, MessageKind, reference_to
from tests.emulators.discord.reading import check_not_empty, read_changes, read_draft
from tests.emulators.discord.refusals import (
    Json,
    already_acknowledged,
    archived_for_interactions,
    invalid,
    invalid_webhook_token,
    not_a_choice,
    unknown_channel,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)

WITH_MESSAGE = frozenset({InteractionKind.COMMAND, InteractionKind.COMPONENT, InteractionKind.MODAL})
TAKES = {
    CallbackKind.MESSAGE: WITH_MESSAGE,
    CallbackKind.DEFERRED_MESSAGE: WITH_MESSAGE,
    CallbackKind.DEFERRED_UPDATE: frozenset({InteractionKind.COMPONENT, InteractionKind.MODAL}),
    CallbackKind.UPDATE: frozenset({InteractionKind.COMPONENT, InteractionKind.MODAL}),
    CallbackKind.CHOICES: frozenset({InteractionKind.AUTOCOMPLETE}),
    CallbackKind.MODAL: frozenset({InteractionKind.COMMAND, InteractionKind.COMPONENT}),
}
MAX_CHOICES = 25


async def callback(call: Call) -> Reply:
    """The first answer: once, within three seconds, and of a kind that fits."""
    interaction = call.state.interactions.get(call.id("interaction_id"))
    if interaction is None or interaction.token != call.params["interaction_token"]:
        raise unknown_interaction()
    if interaction.acknowledged is not None:
        raise already_acknowledged()
    if interaction.too_late or interaction.channel.deleted:
        raise unknown_interaction()
    call.body.check_size(_upload_limit(interaction))
    fields = call.body.fields()
    kind = _kind(interaction, fields)
    _check_open(interaction, edits=kind is CallbackKind.UPDATE)
    data = fields.get("data") or {}
    match kind:
        case CallbackKind.MESSAGE | CallbackKind.DEFERRED_MESSAGE:
            draft = _draft(call, interaction, data) if kind is CallbackKind.MESSAGE else _placeholder(data)
            interaction.acknowledge(kind, message=_say(call, interaction, draft, ephemeral=_ephemeral(data)))
        case CallbackKind.DEFERRED_UPDATE:
            interaction.acknowledge(kind, message=interaction.message)
        case CallbackKind.UPDATE:
            _update(call, interaction, data)
        case CallbackKind.MODAL:
            _open_form(interaction, data)
        case CallbackKind.CHOICES:
            choices = check_list("data.choices", data.get("choices") or [], MAX_CHOICES)
            interaction.acknowledge(kind, choices=tuple(choices))
    return Reply(json=_answered(interaction)) if _wants_answer(call) else Reply(status=204)


async def followup(call: Call) -> Reply:
    """A further message. After a deferred answer the first fills the placeholder, whatever its flags (Discord's docs)."""
    interaction = _by_token(call)
    call.body.check_size(_upload_limit(interaction))
    fields = call.body.fields()
    if interaction.original is not None and interaction.original.thinking and interaction.original.by is interaction:
        return Reply(json=_edit(call, interaction, interaction.original, fields))
    draft = _draft(call, interaction, fields)
    _check_open(interaction)
    message = _say(call, interaction, draft, ephemeral=_ephemeral(fields))
    interaction.followups.append(message)
    return Reply(json=message_json(message, reads=True))


async def get(call: Call) -> Reply:
    return Reply(json=message_json(_message(call, _by_token(call)), reads=True))


async def edit(call: Call) -> Reply:
    interaction = _by_token(call)
    call.body.check_size(_upload_limit(interaction))
    return Reply(json=_edit(call, interaction, _message(call, interaction), call.body.fields()))


async def delete(call: Call) -> Reply:
    call.state.acts.delete_message(_message(call, _by_token(call)))
    return Reply(status=204)


# -- inside ------------------------------------------------------------------------------------------------------


def _by_token(call: Call) -> Interaction:
    """The interaction of a webhook's path: known, answered, and not older than fifteen minutes."""
    interaction = call.state.by_token.get(call.params["webhook_token"])
    if interaction is None or call.id("webhook_id") != call.state.application.id:
        raise unknown_webhook()
    if interaction.token_expired:
        raise invalid_webhook_token()
    if interaction.acknowledged is None:
        raise unknown_webhook()
    if interaction.channel.deleted:
        raise unknown_channel()
    return interaction


def _message(call: Call, interaction: Interaction) -> Message:
    """The message of the path: the first answer, or one of its followups; no other can be reached by this token."""
    if "message_id" in call.params:
        id = call.id("message_id")
        own = [message for message in (interaction.original, *interaction.followups) if message is not None]
        found = next((message for message in own if message.id == id), None)
    else:
        found = interaction.original
    if found is None or found.deleted:
        raise unknown_message()
    return found


def _kind(interaction: Interaction, fields: Json) -> CallbackKind:
    fitting = [int(kind) for kind, takes in TAKES.items() if interaction.kind in takes]
    if interaction.kind == InteractionKind.MODAL and interaction.message is None:
        fitting.remove(CallbackKind.UPDATE)
    if fields.get("type") not in fitting:
        raise not_a_choice("type", tuple(fitting))
    return CallbackKind(fields["type"])


def _upload_limit(interaction: Interaction) -> int:
    return max(interaction.channel.upload_limit, interaction.person.upload_limit)


def _ephemeral(fields: Json) -> bool:
    return bool(int(fields.get("flags") or 0) & Flag.EPHEMERAL)


def _draft(call: Call, interaction: Interaction, fields: Json) -> Draft:
    draft = read_draft(call.state, interaction.channel, fields, call.body, default=USERS_ONLY)
    draft.nonce = None  # webhooks know none (discord-api-docs pull request 6647)
    check_not_empty(draft)
    return draft


def _placeholder(data: Json) -> Draft:
    """The words that somebody thinks: all it can be told is to be private (Discord's docs)."""
    if set(data) - {"flags"} or int(data.get("flags") or 0) & ~int(Flag.EPHEMERAL):
        raise invalid("data.flags", "BASE_TYPE_CHOICES", "Only the EPHEMERAL flag can be set on a deferred answer.")
    return Draft(flags=Flag.LOADING)


def _say(call: Call, interaction: Interaction, draft: Draft, *, ephemeral: bool) -> Message:
    kind = _message_kind(interaction)
    pointed = interaction.original if interaction.acknowledged is not None else interaction.message
    if kind == MessageKind.REPLY and pointed is not None:
        draft.reference = reference_to(pointed)
    return call.state.acts.post(
        interaction.channel,
        call.state.bot,
        draft,
        kind=kind,
        by=interaction,
        visible_to=interaction.person if ephemeral else None,
    )


def _message_kind(interaction: Interaction) -> MessageKind:
    if interaction.acknowledged is not None:
        return MessageKind.REPLY
    if interaction.kind == InteractionKind.COMMAND:
        return MessageKind.CONTEXT_MENU_COMMAND if interaction.data["type"] == 3 else MessageKind.CHAT_INPUT_COMMAND
    return MessageKind.REPLY if interaction.message is not None else MessageKind.DEFAULT


def _check_open(interaction: Interaction, *, edits: bool = False) -> None:
    """A message opens an archived thread, unless it is locked; an edit doesn't (discord-api-docs issues 5517, 6884)."""
    life = interaction.channel.life
    if life is not None and life.archived and (edits or life.locked):
        raise archived_for_interactions()


def _edit(call: Call, interaction: Interaction, message: Message, fields: Json) -> Json:
    """A placeholder may become a message with components of version 2, an answered message only by its flags."""
    _check_open(interaction, edits=True)
    call.state.acts.edit(message, read_changes(call.state, message, fields, call.body, default=USERS_ONLY))
    return message_json(message, reads=True)


def _update(call: Call, interaction: Interaction, data: Json) -> None:
    message = interaction.message
    assert message is not None
    if message.deleted:
        raise unknown_message()
    call.state.acts.edit(message, read_changes(call.state, message, data, call.body, default=USERS_ONLY))
    interaction.acknowledge(CallbackKind.UPDATE, message=message)


def _open_form(interaction: Interaction, data: Json) -> None:
    form = read_modal(data)
    modal = Modal(
        asked_by=interaction, custom_id=form["custom_id"], title=form["title"], components=tuple(form["components"])
    )
    interaction.acknowledge(CallbackKind.MODAL, modal=modal)


def _wants_answer(call: Call) -> bool:
    return call.query.get("with_response", "false").lower() in {"1", "true"}


def _answered(interaction: Interaction) -> Json:
    """What the application learns of its own answer; the message itself only where one was made or changed at once."""
    kind, message = interaction.acknowledged, interaction.original
    told: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    if message is not None:
        told |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.thinking,
            "response_message_ephemeral": message.ephemeral,
        }
    if kind in {CallbackKind.MESSAGE, CallbackKind.UPDATE} and message is not None:
        return {"interaction": told, "resource": {"type": int(kind), "message": message_json(message, reads=True)}}
    return {"interaction": told}


_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
ROUTES = (
    Route(method="POST", template=_CALLBACK, handler=callback, bot_token=False),
    Route(method="POST", template=_WEBHOOK, handler=followup, bot_token=False),
    Route(method="GET", template=_WEBHOOK + "/messages/@original", handler=get, bot_token=False),
    Route(method="PATCH", template=_WEBHOOK + "/messages/@original", handler=edit, bot_token=False),
    Route(method="DELETE", template=_WEBHOOK + "/messages/@original", handler=delete, bot_token=False),
    Route(method="GET", template=_WEBHOOK + "/messages/{message_id}", handler=get, bot_token=False),
    Route(method="PATCH", template=_WEBHOOK + "/messages/{message_id}", handler=edit, bot_token=False),
    Route(method="DELETE", template=_WEBHOOK + "/messages/{message_id}", handler=delete, bot_token=False),
)
