"""Do the files of deploy/ promise what the program does? Compose, Dockerfile and systemd units, held against the code."""

import asyncio
import os
import re
import shlex
import socket
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from adapters import web
from adapters.discord import outbound
from adapters.slack import platform as slack
from adapters.web import server as web_server
from bot import config, poller
from bot.changes import Changes
from bot.cli import cli
from bot.health import Health
from bot.metrics import Metrics
from bot.views import Views
from storage import _news, postgresql
from tests.adapters.web.site import PASSWORD, running
from tests.test_docs import EXAMPLE, ROOT, settings
from tests.test_install import PACKAGES

DEPLOY = ROOT / "deploy"
README = (DEPLOY / "README.md").read_text()
UNITS = {"darkroom.service": "all", "darkroom-worker@.service": "worker"}

LONGEST_STOP = (
    poller.DRAIN_SECONDS
    + 1  # for steps that are handed back
    + 3 * web_server.STOP_SECONDS  # twice for answers, once for pages
    + outbound._CLOSE_SECONDS
    + 2 * slack._END_SECONDS
    + 2 * _news.LEAVE_SECONDS
    + 2 * postgresql.CLOSE_SECONDS
)
"""Seconds that the bot takes to end where everything that it waits for takes as long as it is given."""


def seconds(text):
    return float(re.fullmatch(r"(\d+)s", text)[1])


def a_postgres_address():
    [address] = re.findall(r"`DATABASE_URL=(postgresql://[^`]+)`", README)
    return address


def loaded(monkeypatch, environment):
    """The settings of a process that has this environment beside a filled-in copy of the example file."""
    Path(".env").write_text(
        EXAMPLE.replace("\nDATABASE_URL=\n", f"\nDATABASE_URL={a_postgres_address()}\n")
        .replace("\nWEB_PASSWORD=\n", f"\nWEB_PASSWORD={PASSWORD}\n")
        .replace("\nPLATFORMS=\n", "\nPLATFORMS=web\n")
    )
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return config.load(), config.Adapter("web").settings


# -- Compose ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="module")
def bots(services):
    """The services that run the bot, by their names."""
    return {name: service for name, service in services.items() if service["image"] == "darkroom"}


def test_one_process_is_the_default_and_a_profile_has_postgresql_a_gateway_and_three_workers(services, bots):
    assert [name for name, service in services.items() if "profiles" not in service] == ["darkroom"]
    assert {name for name, service in services.items() if service.get("profiles") == ["workers"]} == {
        "postgres",
        "gateway",
        "worker",
    }
    roles = {name: config.Role(bot["environment"]["ROLE"]) for name, bot in bots.items()}
    assert roles == {"darkroom": config.Role.ALL, "gateway": config.Role.GATEWAY, "worker": config.Role.WORKER}
    assert {name: bot.get("deploy", {}).get("replicas", 1) for name, bot in bots.items()} == {
        "darkroom": 1,
        "gateway": 1,
        "worker": 3,
    }


def test_every_variable_is_a_setting_and_the_bot_starts_with_them(bots, monkeypatch):
    for name, bot in bots.items():
        assert set(bot["environment"]) <= set(settings()), name
        assert (DEPLOY / bot["env_file"]).resolve() == ROOT / ".env", name
        core, pages = loaded(monkeypatch, bot["environment"])
        assert core.role == bot["environment"]["ROLE"]
        assert (core.http_port, pages.http_port) == (8080, 8080)
        assert web.refusal(pages) is None, "with a password, which deploy/README.md asks for"


def test_what_is_published_is_the_port_that_the_bot_listens_on_and_nobody_elsewhere_reaches_it(bots):
    for name, bot in bots.items():
        for published in bot.get("ports", ()):
            host, _, inside = published.split(":")
            assert (host, inside) == ("127.0.0.1", bot["environment"]["HTTP_PORT"]), name
            assert bot["environment"]["HTTP_HOST"] == "0.0.0.0", "or Docker could not pass anything on"  # noqa: S104
    assert "ports" not in bots["worker"], "three of them cannot have the same one"
    assert bots["worker"]["environment"]["HTTP_HOST"] == "127.0.0.1"


def test_everything_that_a_container_writes_lies_where_it_may_write(compose, bots):
    for name, bot in bots.items():
        assert bot["read_only"], name
        volumes = dict(volume.split(":") for volume in bot.get("volumes", ()))
        in_memory = bot["tmpfs"] if isinstance(bot["tmpfs"], list) else [bot["tmpfs"]]
        assert bot["environment"]["DATA_DIR"] in {*volumes.values(), *in_memory}, name
        assert "/tmp" in in_memory, name  # noqa: S108  of the container
        # What SQLite and the control socket need stays; a worker keeps nothing.
        assert ("data" in volumes) is (bot["environment"]["ROLE"] != "worker"), name
        assert set(volumes) <= set(compose["volumes"]), name


def test_containers_and_units_have_more_time_to_stop_than_the_bot_takes(bots):
    given = [bot["stop_grace_period"] for bot in bots.values()]
    given += [unit(name)["Service"]["TimeoutStopSec"][0] for name in UNITS]
    assert [time for time in given if seconds(time) <= LONGEST_STOP] == []


def test_database_is_the_one_that_the_address_in_the_readme_names(services):
    postgres = services["postgres"]
    user, database = (postgres["environment"][name] for name in ("POSTGRES_USER", "POSTGRES_DB"))
    assert re.fullmatch(rf"postgresql://{user}:[^@]+@postgres:5432/{database}", a_postgres_address())
    asks = postgres["healthcheck"]["test"]
    assert asks[:2] == ["CMD", "pg_isready"]
    assert {f"--username={user}", f"--dbname={database}"} <= set(asks)
    assert f"deploy/{postgres['env_file'][0]['path']}" in README
    assert "POSTGRES_PASSWORD=" in README
    assert [name for name, one in services.items() if one.get("depends_on")] == ["gateway", "worker"]
    assert services["gateway"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_readme_and_comments_speak_of_services_and_profiles_that_there_are(services):
    known = {*services, *get_command(cli).commands, "darkroom"}
    for text in (README, (DEPLOY / "compose.yaml").read_text()):
        commands = re.findall(r"docker compose -f deploy/compose\.yaml ([^`\n]+)", text)
        assert commands
        for command in commands:
            words = [
                word for word in shlex.split(command) if not word.startswith("-") and "/" not in word and word != "."
            ]
            verbs = {"run", "up", "down", "logs", "exec", "cp", "workers"}
            assert {word.partition(":")[0] for word in words} - verbs <= known, command
            assert "--profile" not in command or "--profile workers" in command


# -- the image -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile():
    """Instruction -> what it says each time, in order."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    said = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            said.setdefault(instruction, []).append(rest)
    return said


def test_image_is_made_of_what_there_is_and_runs_a_command_that_there_is(dockerfile, bots):
    copied = {source for line in dockerfile["COPY"] if "--from" not in line for source in line.split()[:-1]}
    assert copied == {"requirements.lock", "pyproject.toml", "LICENSE", *PACKAGES}
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in let_in if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [[entry], [command]] = (yaml.safe_load(dockerfile[name][0]) for name in ("ENTRYPOINT", "CMD"))
    assert entry in project["scripts"]
    assert command in get_command(cli).commands
    for bot in bots.values():
        assert (DEPLOY / bot["build"]["context"]).resolve() == ROOT
        assert ROOT / bot["build"]["dockerfile"] == DEPLOY / "Dockerfile"
    python = tuple(map(int, re.search(r"python:(\d+)\.(\d+)", dockerfile["FROM"][0]).groups()))
    assert python >= tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))


def test_image_has_the_same_defaults_as_compose_gives_and_its_user_may_write(dockerfile, bots):
    environment = dict(word.partition("=")[::2] for line in dockerfile["ENV"] for word in line.split())
    ours = {name: value for name, value in environment.items() if name in settings()}
    assert ours == {"DATA_DIR": "/data", "HTTP_PORT": "8080"}
    for bot in bots.values():
        assert {name: bot["environment"][name] for name in ours} == ours
    assert (dockerfile["VOLUME"], dockerfile["WORKDIR"][-1], dockerfile["EXPOSE"]) == (["/data"], "/data", ["8080"])
    assert dockerfile["USER"] == ["darkroom"]
    [uid] = re.findall(r"--uid (\d+)", dockerfile["RUN"][-1])
    assert f"user {uid}" in README
    assert f"chown {uid}:{uid}" in README


async def test_health_check_is_passed_by_a_process_that_lives_and_by_nothing_else(dockerfile):
    options, _, command = dockerfile["HEALTHCHECK"][0].partition("CMD ")
    python, *arguments = yaml.safe_load(command)
    assert python == "python"
    [given, own] = re.findall(r"timeout=(\d+)", options + command)
    assert int(own) < int(given), "it says itself that nobody answered"

    async def passes(port):
        checking = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env={"HTTP_PORT": str(port), "PATH": os.environ["PATH"]},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await checking.wait() == 0

    views = Views(None, Changes(), Health(), Metrics(), clock=lambda: 0.0, probe_queue=None, queue_seen_at=lambda: None)
    made = web.watch(web.Settings(http_host="127.0.0.1", http_port=0, web_password=PASSWORD), views)
    async with running(made) as url:
        assert await passes(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert not await passes(port)


# -- systemd ---------------------------------------------------------------------------------------------------------


def unit(name):
    """Section -> name -> values, in order: some names are there more than once."""
    sections, section = {}, {}
    for line in (DEPLOY / name).read_text().splitlines():
        if line.startswith("["):
            section = sections[line.strip("[]")] = {}
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def environment_of(name, instance="1"):
    [line] = unit(name)["Service"]["Environment"]
    return dict(word.partition("=")[::2] for word in line.replace("%i", instance).split())


@pytest.mark.parametrize(("name", "role"), UNITS.items())
def test_unit_runs_a_command_that_there_is_with_settings_that_there_are(name, role, monkeypatch):
    service = unit(name)["Service"]
    program, command = service["ExecStart"][0].split()
    assert command in get_command(cli).commands
    assert f"{Path(program).parent}/pip install" in README, "it is installed there"
    assert f"{service['WorkingDirectory'][0]}/.env" in README, "and set up there"
    environment = environment_of(name)
    assert set(environment) <= set(settings())
    core, pages = loaded(monkeypatch, environment)
    assert core.role == role
    assert web.refusal(pages) is None
    assert service["User"] == service["Group"] == ["darkroom"]
    assert "useradd --system" in README


@pytest.mark.parametrize("name", UNITS)
def test_unit_may_write_its_data_and_nothing_else(name):
    service = unit(name)["Service"]
    folder = service["StateDirectory"][0].replace("%i", "1")
    assert environment_of(name)["DATA_DIR"] == f"/var/lib/{folder}"
    assert (service["StateDirectoryMode"], service["UMask"]) == (["0700"], ["0077"])
    assert service["ProtectSystem"] == ["strict"]
    assert not {"ReadWritePaths", "BindPaths"} & set(service), "StateDirectory is writable by itself"


@pytest.mark.parametrize("name", UNITS)
def test_unit_begins_again_what_failed_as_often_as_it_takes_and_leaves_what_was_stopped(name):
    sections = unit(name)
    assert sections["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert sections["Service"]["Restart"] == ["on-failure"], "the bot ends with 0 when it is stopped"
    assert not {"KillSignal", "KillMode", "SendSIGKILL"} & set(sections["Service"]), "SIGTERM is what it drains at"
    assert sections["Install"]["WantedBy"] == ["multi-user.target"]


def test_workers_of_one_machine_have_ports_of_their_own_and_the_same_walls_as_the_gateway():
    ports = [environment_of("darkroom-worker@.service", str(number))["HTTP_PORT"] for number in range(1, 10)]
    assert ports == [str(8100 + number) for number in range(1, 10)]
    assert "8101, 8102" in README
    differ = {"Environment", "StateDirectory"}
    one, other = [
        {name: values for name, values in unit(name)["Service"].items() if name not in differ} for name in UNITS
    ]
    assert one == other
