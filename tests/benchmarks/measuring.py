"""How is one row measured? The queue is emulated here, the bot runs in a process of its own; their notes are joined by the
queue's request ids, and by the monotonic clock that both share.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bot.emulator import Emulator, EmulatorOptions
from tests.benchmarks.bot_process import Orders
from tests.benchmarks.figures import Idle, Journey, Row, Spread, per_job, spread
from tests.benchmarks.scenarios import Scenario

KEY = "emulator-key"
REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 15.0

# Of the environment the bot gets only what a program needs to start: no setting of this machine may change a figure.
PASSED_ON = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT"})


async def measure(scenario: Scenario, *, folder: Path | None = None) -> Row:
    """Runs the scenario from nothing to its end. folder: where the bot's data is put; by default the system's place for
    temporary files. Raises RuntimeError when the bot's process fails; what it said stands on standard error.
    """
    load = os.getloadavg()[0]
    emulator = Emulator(
        EmulatorOptions(
            keys=(KEY,),
            latency=scenario.latency,
            seed=scenario.seed,
            paint=False,  # painting would take the CPU that the bot is measured on
            image_bytes=scenario.image_bytes,
            keep_exchanges=1_000_000,
        )
    )
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-", dir=folder) as data_dir:
        async with emulator.serve() as base_url:
            orders = Orders(
                base_url=base_url,
                key=KEY,
                data_dir=data_dir,
                report=str(Path(data_dir) / "report.json"),
                scenario=scenario,
            )
            began = time.monotonic()
            await _bot(orders)
            return _row(scenario, _report(orders), emulator, began=began, load=load)


async def _bot(orders: Orders) -> None:
    scenario = orders.scenario
    bot = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.bot_process",
        orders.as_json(),
        cwd=orders.data_dir,  # no .env of a developer is read
        start_new_session=True,  # Ctrl+C is for the measuring process, which ends this one
        env={name: value for name, value in os.environ.items() if name in PASSED_ON} | {"PYTHONPATH": str(REPOSITORY)},
    )
    try:
        async with asyncio.timeout(START_SECONDS + scenario.rounds * scenario.round_seconds + STOP_SECONDS):
            code = await bot.wait()
    except TimeoutError:
        raise RuntimeError("the bot's process hangs") from None
    finally:
        if bot.returncode is None:
            bot.kill()
            await bot.wait()
    if code:
        raise RuntimeError(f"the bot's process ended with {code}")


def _row(scenario: Scenario, report: dict[str, Any], emulator: Emulator, *, began: float, load: float) -> Row:
    journeys = [_journey(told, emulator) for told in report["jobs"]]
    work = report["work"]
    return Row(
        name=scenario.name,
        jobs=scenario.jobs,
        lost=Counter(journey.lost for journey in journeys if journey.lost),
        in_flight=scenario.in_flight,
        latency=scenario.latency,
        image_bytes=scenario.image_bytes,
        lateness=spread([journey.lateness for journey in journeys]),
        unseen=spread([journey.unseen for journey in journeys]),
        bringing=spread([journey.bringing for journey in journeys]),
        acknowledgement=spread([journey.acknowledged - journey.asked for journey in journeys]),
        requests=per_job(_requests(emulator, work), scenario.jobs),
        looks=sum(journey.looks for journey in journeys) / scenario.jobs,
        store=per_job(work["calls"], scenario.jobs),
        statements=work["statements"] / scenario.jobs,
        cpu_seconds=work["cpu"],
        peak_rss_bytes=report["peak_rss"],
        loop_lag=Spread(**report["loop_lag"]),
        start_seconds=report["ready"] - began,
        start_cpu_seconds=report["start_cpu"],
        load=(load, os.getloadavg()[0]),
        idle=_idle(report["idle"], emulator) if "idle" in report else None,
    )


def _report(orders: Orders) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(Path(orders.report).read_text())
    return report


def _journey(told: dict[str, Any], emulator: Emulator) -> Journey:
    request_id = told["request_id"]
    ready = emulator.record(request_id).ready_at if request_id else None
    fetched = emulator.ledger.find("media", request_id=request_id) if request_id else []
    return Journey(
        asked=told["asked"],
        acknowledged=told["acknowledged"],
        looks=told["looks"] + 1,  # the look that found the picture is not among those that the job remembers
        ready=ready.monotonic if ready else None,
        fetched=fetched[0].arrived.monotonic if fetched else None,
        shown=told["shown"],
        lost=told["lost"],
    )


def _requests(emulator: Emulator, span: dict[str, Any]) -> Counter[str]:
    """Requests to the queue in this span of time, by route."""
    return Counter(
        exchange.route for exchange in emulator.ledger if span["from"] <= exchange.arrived.monotonic <= span["to"]
    )


def _idle(span: dict[str, Any], emulator: Emulator) -> Idle:
    return Idle(
        seconds=round(span["to"] - span["from"], 1),
        queue_requests=_requests(emulator, span).total(),
        store_calls=sum(span["calls"].values()),
        statements=span["statements"],
        cpu_seconds=span["cpu"],
    )
