"""A local request queue that speaks the vendor's wire and paints real pictures. Start reading at README.md."""

from bot.emulator.behaviour import ERRORS, Behaviour
from bot.emulator.faults import KINDS, ROUTES, Fault
from bot.emulator.holds import Hold
from bot.emulator.ledger import Exchange, Ledger
from bot.emulator.options import DEMO_LATENCY, EmulatorOptions
from bot.emulator.records import Record
from bot.emulator.server import Emulator, run

__all__ = [
    "DEMO_LATENCY",
    "ERRORS",
    "KINDS",
    "ROUTES",
    "Behaviour",
    "Emulator",
    "EmulatorOptions",
    "Exchange",
    "Fault",
    "Hold",
    "Ledger",
    "Record",
    "run",
]
