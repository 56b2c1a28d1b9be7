"""A local Slack that speaks the wire: Web API, Socket Mode, events over HTTP, uploads. Start reading at README.md."""

from tests.emulators.clock import Clock
from tests.emulators.slack.courier import Ack, Attempt, Delivery, Hold
from tests.emulators.slack.emulator import SlackEmulator
from tests.emulators.slack.faults import Fault
from tests.emulators.slack.ledger import Exchange, Ledger
from tests.emulators.slack.model import App, Bot, Channel, File, Message, View, Workspace
from tests.emulators.slack.people import Member, Upload
from tests.emulators.slack.refusals import CannotDoError, Refusal
from tests.emulators.slack.uploads import Completion

__all__ = [
    "Ack",
    "App",
    "Attempt",
    "Bot",
    "CannotDoError",
    "Channel",
    "Clock",
    "Completion",
    "Delivery",
    "Exchange",
    "Fault",
    "File",
    "Hold",
    "Ledger",
    "Member",
    "Message",
    "Refusal",
    "SlackEmulator",
    "Upload",
    "View",
    "Workspace",
]
