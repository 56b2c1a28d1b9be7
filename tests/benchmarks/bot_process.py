"""What happens in the bot's own process while it is measured? The whole bot runs as `darkroom run` starts it, with the
playground, and its members live in the same process: they ask the core as the pages do.

`python -m tests.benchmarks.bot_process ORDERS`, where ORDERS is JSON; the report is written as JSON, too.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot import app, config, logs, running
from bot.ports import Store
from bot.service import Service
from bot.views import Views
from tests.benchmarks import counting
from tests.benchmarks.figures import spread
from tests.benchmarks.members import Members
from tests.benchmarks.scenarios import Scenario

SETTLE_SECONDS = 1.0  # from the last picture until nothing may happen any more: reactions and cards follow a delivery


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What the measuring process wants of this one. report: the file to write."""

    base_url: str
    key: str
    data_dir: str
    report: str
    scenario: Scenario

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Orders:
        told = json.loads(text)
        scenario = told.pop("scenario")
        return cls(**told, scenario=Scenario(**(scenario | {"latency": tuple(scenario["latency"])})))


class Seat:
    """The playground's place among the adapters; keeps what the composition root hands to it."""

    def __init__(self) -> None:
        self._adapter = config.Adapter("web", http_host="127.0.0.1", http_port=None, web_password=None)
        self.name = self._adapter.name
        self.settings = self._adapter.settings
        self.module = self
        self.given: asyncio.Future[tuple[Service, Views]] = asyncio.get_running_loop().create_future()

    def connect(self, settings: Any, service: Service, views: Views) -> Any:
        self.given.set_result((service, views))
        return self._adapter.module.connect(settings, service, views)

    def serve(self, *args: Any, **kwargs: Any) -> Any:
        return self._adapter.module.serve(*args, **kwargs)


def settings_of(orders: Orders) -> config.Settings:
    """Limits stay as they are set by default: each member has one open job at most."""
    return config.load(
        platforms=("web",),
        data_dir=Path(orders.data_dir),
        gmi_base_url=orders.base_url,
        gmi_api_key=SecretStr(orders.key),
        gmi_in_flight=orders.scenario.in_flight,
        gmi_requests_per_second=1_000,  # the schedule is measured, not this limit
    )


def count_the_store(counts: counting.StoreCounts) -> None:
    """The store is opened by the composition root: its opener is replaced by one that counts, in this process alone."""
    opened: Callable[..., Awaitable[Store]] = app.open_store

    async def open_store(*args: Any, **kwargs: Any) -> Store:
        return counts.watch(await opened(*args, **kwargs))

    app.open_store = open_store


async def run(orders: Orders) -> dict[str, Any]:
    """Starts the bot, measures it, stops it by the signal that an operator's system sends; returns the report."""
    counts = counting.StoreCounts()
    count_the_store(counts)
    seat = Seat()
    listening = asyncio.Event()
    bot = asyncio.create_task(
        running.run(settings_of(orders), [seat], ports=range(1), tell=lambda _: listening.set()), name="bot"
    )
    measuring = asyncio.create_task(_measured(orders.scenario, seat, listening, counts), name="measuring")
    await asyncio.wait({bot, measuring}, return_when=asyncio.FIRST_COMPLETED)
    if not measuring.done():
        measuring.cancel()
        await bot  # raises what ended it
        raise RuntimeError("the bot ended before it was measured")
    signal.raise_signal(signal.SIGTERM)
    await bot
    return measuring.result()


async def _measured(
    scenario: Scenario, seat: Seat, listening: asyncio.Event, counts: counting.StoreCounts
) -> dict[str, Any]:
    service, views = await seat.given
    await listening.wait()
    if (readiness := await views.readiness()).problems:
        raise RuntimeError(f"the bot is not ready: {readiness.problems}")
    report: dict[str, Any] = {"ready": time.monotonic(), "start_cpu": time.process_time()}
    before = _taken(counts)
    async with counting.loop_lags() as lags, Members.gathered(service, views) as members:
        for number in range(scenario.rounds):
            await members.ask(scenario.at_once, words=f"a lighthouse in round {number}", seconds=scenario.round_seconds)
    report["work"] = _since(before, counts)
    report["peak_rss"] = counting.peak_rss()
    report["loop_lag"] = asdict(spread(lags))
    report["jobs"] = [
        {
            "request_id": asked.job.request_id,
            "looks": asked.job.looks,
            "asked": asked.asked,
            "acknowledged": asked.acknowledged,
            "shown": asked.shown,
            "lost": asked.fate if asked.shown is None else None,
        }
        for asked in members.told()
    ]
    if scenario.idle_seconds:
        await asyncio.sleep(SETTLE_SECONDS)
        before = _taken(counts)
        await asyncio.sleep(scenario.idle_seconds)
        report["idle"] = _since(before, counts)
    return report


def _taken(counts: counting.StoreCounts) -> dict[str, Any]:
    return {
        "at": time.monotonic(),
        "cpu": time.process_time(),
        "statements": counts.statements,
        "calls": dict(counts.calls),
    }


def _since(before: dict[str, Any], counts: counting.StoreCounts) -> dict[str, Any]:
    now = _taken(counts)
    calls = {name: number - before["calls"].get(name, 0) for name, number in now["calls"].items()}
    return {
        "from": before["at"],
        "to": now["at"],
        "cpu": now["cpu"] - before["cpu"],
        "statements": now["statements"] - before["statements"],
        "calls": {name: number for name, number in calls.items() if number},
    }


def main(orders: Orders) -> None:
    """One process, one bot, one report."""
    logs.configure("WARNING")
    report = asyncio.run(run(orders))
    Path(orders.report).write_text(json.dumps(report))


if __name__ == "__main__":
    main(Orders.from_json(sys.argv[1]))
