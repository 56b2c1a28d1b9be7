"""What can be typed? `darkroom demo | run | check | jobs | show | retry | forget | backup | emulator`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import webbrowser
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer

from bot import app, checks, commands, config, demo, listings, logs, running
from bot.emulator import DEMO_LATENCY, EmulatorOptions
from bot.emulator import run as run_emulator
from bot.errors import FailureKind, GiveUp, UserError
from bot.model import OPEN, JobQuery, JobState
from bot.ports import Store, StoreBusy

cli = typer.Typer(
    name="darkroom",
    help="An image bot for community servers: /imagine in a channel, replies in the thread edit the picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


WRITE_MEMBER = "write the member as platform:id, for example discord:123456789012345678; `darkroom jobs` shows them."


def main() -> None:
    """The console script."""
    cli()


def _stop(sentence: str) -> NoReturn:
    typer.echo(f"darkroom: {sentence}", err=True)
    raise typer.Exit(1)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a command to its end; what the operator can put right is said in one sentence, without a traceback."""
    try:
        asyncio.run(work)
    except BrokenPipeError:
        raise typer.Exit(141) from None  # whoever read the output has had enough
    except (config.SettingsError, StoreBusy, UserError, GiveUp, OSError) as error:
        _stop(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _leave() -> NoReturn:
    """Everything is closed by now. Decoders that are still at work on a huge picture cannot be stopped, and Python would
    wait for them; their jobs were handed back.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@cli.command(name="demo")
def demo_command(
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Where the playground listens; the next free one if it is taken, 0 for any."
        ),
    ] = 8080,
    latency: Annotated[
        str, typer.Option(help="Seconds that the emulated queue takes for a picture, as FROM-TO.")
    ] = f"{DEMO_LATENCY[0]:g}-{DEMO_LATENCY[1]:g}",
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
) -> None:
    """Try everything on this machine: emulated queue, SQLite, playground in the browser. No token needed."""
    logs.configure("WARNING")

    def tell(address: str) -> None:
        typer.echo(f"\n  Darkroom is open at {address}\n  Its pictures come from a local emulator. Ctrl+C ends it.\n")
        if browser:
            webbrowser.open(address)

    _run(demo.run(port=port, latency=_range(latency), tell=tell))
    _leave()


def _range(text: str) -> tuple[float, float]:
    try:
        least, _, most = text.partition("-")
        found = float(least), float(most or least)
    except ValueError:
        raise typer.BadParameter("write seconds as FROM-TO, for example 2-6") from None
    if not 0 <= found[0] <= found[1] <= 3600:
        raise typer.BadParameter("write seconds as FROM-TO, the smaller one first and none above 3600, for example 2-6")
    return found


@cli.command()
def run() -> None:
    """Run the bot on the platforms of PLATFORMS, by default those whose tokens are set."""

    async def work() -> None:
        settings = config.load()
        logs.configure(settings.log_level)
        for sentence in config.misspelt():
            structlog.get_logger("config").warning("misspelt", detail=sentence)
        await running.run(
            settings, config.chosen_adapters(settings), tell=lambda address: typer.echo(f"Listening at {address}")
        )

    _run(work())
    _leave()


@cli.command()
def check() -> None:
    """Tell, line by line, what works, and what to do about what doesn't. Exits with 1 if anything doesn't."""
    logs.configure("ERROR")
    marks = {True: "ok     ", None: "warning", False: "FAILED "}
    failed = False

    async def work() -> None:
        nonlocal failed
        async for finding in checks.findings():
            failed = failed or finding.ok is False
            typer.echo(f"{marks[finding.ok]}  {finding.subject}: {finding.text}")

    _run(work())
    if failed:
        raise typer.Exit(1)


async def _reading() -> Store:
    return await app.open_store(config.load().store_url, read_only=True)


@cli.command()
def jobs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that still owe an answer.")] = False,
    broken: Annotated[bool, typer.Option("--broken", help="Only those that failed by a bug of ours.")] = False,
    user: Annotated[str | None, typer.Option(help="Only those of one member, as platform:id.")] = None,
) -> None:
    """List jobs, newest first. Works while the bot runs."""
    logs.configure("ERROR")

    if user and not all(user.partition(":")):
        _stop(WRITE_MEMBER)

    async def work() -> None:
        store = await _reading()
        try:
            platform, _, person = user.partition(":") if user else (None, "", None)
            states = OPEN if open_only else frozenset({JobState.FAILED}) if broken else None
            failures = frozenset({FailureKind.BUG}) if broken else None
            found = await store.jobs(
                JobQuery(states=states, failures=failures, platform=platform, person=person, limit=limit)
            )
            now = await store.now()
        finally:
            await store.close()
        typer.echo(listings.table(found, now))

    _run(work())


@cli.command()
def show(
    job: Annotated[str, typer.Argument(help="The job's id, as `darkroom jobs` shows it.")],
    payload: Annotated[bool, typer.Option(help="Show the payload that was sent, too.")] = False,
) -> None:
    """Show one job: what was asked, its history line by line, what was sent."""
    logs.configure("ERROR")

    async def work() -> None:
        store = await _reading()
        try:
            found = await store.get(job)
            if found is None:
                raise UserError(f"There is no job {job}. `darkroom jobs` lists them.")
            typer.echo(listings.page(found, await store.events(job)))
            if payload:
                typer.echo(json.dumps((await store.turn(job)).payload, indent=2, ensure_ascii=False))
        finally:
            await store.close()

    _run(work())


@cli.command()
def retry(job: Annotated[str, typer.Argument(help="The job whose request is to be made again.")]) -> None:
    """Make a new job with the same request. Works while the bot runs; otherwise the bot does it when it starts."""
    logs.configure("ERROR")
    _command("retry", {"job": job})


@cli.command()
def forget(
    user: Annotated[str, typer.Argument(help="The member, as platform:id, for example discord:123456789012345678.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Remove a member's words and pictures from the store. What was posted on a platform stays there."""
    logs.configure("ERROR")
    if not all(user.partition(":")):
        _stop(WRITE_MEMBER)
    if not yes:
        typer.confirm(f"Remove all words and pictures of {user}? This cannot be undone.", abort=True)
    _command("forget", {"user": user})


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The archive to make, for example backup.tar; it must not exist yet.")],
) -> None:
    """Copy everything that is stored into one tar archive, as it is at this moment. Works while the bot runs."""
    logs.configure("ERROR")

    async def work() -> None:
        done = await app.back_up(config.load().store_url, file.absolute())
        pictures = "1 picture" if done.pictures == 1 else f"{done.pictures:,} pictures"
        typer.echo(
            f"{file} holds the database and {pictures}, {done.bytes / 1e6:,.1f} MB. To restore it, stop the bot and unpack it "
            f"into an empty DATA_DIR: tar -xf {file} -C DATA_DIR"
        )

    _run(work())


def _command(name: str, arguments: dict[str, Any]) -> None:
    async def work() -> None:
        typer.echo(await commands.give(config.load(), name, arguments))

    _run(work())


@cli.command()
def emulator(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where it listens, on 127.0.0.1; 0 for any free port.")
    ] = 8090,
    latency: Annotated[
        str, typer.Option(help="Seconds for a picture, as FROM-TO.")
    ] = f"{DEMO_LATENCY[0]:g}-{DEMO_LATENCY[1]:g}",
    key: Annotated[str, typer.Option(help="The key that it accepts.")] = demo.KEY,
) -> None:
    """Run a local queue that speaks the vendor's wire and paints pictures: for GMI_BASE_URL in tests and trials."""
    logs.configure("INFO")
    options = EmulatorOptions(latency=_range(latency), directives=True, keys=(key,))

    def tell(address: str) -> None:
        typer.echo(f"The emulated queue listens: GMI_BASE_URL={address} GMI_API_KEY={key}")

    async def work() -> None:
        try:
            await run_emulator(options, "127.0.0.1", port, tell=tell)
        except OSError as error:
            raise UserError(f"Port {port} cannot be had: {error.strerror}. Choose another with --port.") from error

    _run(work())
