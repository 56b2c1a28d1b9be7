"""What would Discord do? A local Discord with its HTTP API, gateway and files, strict where Discord is (README.md)."""

from tests.emulators.clock import Clock
from tests.emulators.discord.channels import Channel, ChannelKind
from tests.emulators.discord.emulator import TOKEN, DiscordEmulator
from tests.emulators.discord.files import Attachment, Upload
from tests.emulators.discord.guilds import Guild, Role
from tests.emulators.discord.intents import Intents
from tests.emulators.discord.interactions import Answer, CallbackKind, Interaction, Modal, NoAnswerError
from tests.emulators.discord.limits import BELIEVED, Limits
from tests.emulators.discord.messages import Flag, Message, MessageKind
from tests.emulators.discord.people import Person
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.recorder import Exchange
from tests.emulators.discord.refusals import CannotDoError

__all__ = [
    "BELIEVED",
    "TOKEN",
    "Answer",
    "Attachment",
    "CallbackKind",
    "CannotDoError",
    "Channel",
    "ChannelKind",
    "Clock",
    "DiscordEmulator",
    "Exchange",
    "Flag",
    "Guild",
    "Intents",
    "Interaction",
    "Limits",
    "Message",
    "MessageKind",
    "Modal",
    "NoAnswerError",
    "Permission",
    "Person",
    "Role",
    "Upload",
]
