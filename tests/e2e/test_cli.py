"""What does an operator read? Every command of the real program, with a bot running and without."""

import asyncio
import re
import signal
import socket
import tarfile
import time

import httpx
import pytest
from typer.testing import CliRunner

from bot import app, checks, config
from bot.cli import cli
from bot.emulator import Emulator, EmulatorOptions, Fault
from bot.stepping import BUGS_BEFORE_FAILURE
from tests.e2e.program import KEY, darkroom, running
from tests.world import photos

COMMANDS = ("demo", "run", "check", "jobs", "show", "retry", "forget", "backup", "emulator")


@pytest.fixture
async def emulator():
    made = Emulator(EmulatorOptions(keys=(KEY,), paint=False))
    async with made.serve():
        yield made


@pytest.fixture
def settings(emulator):
    return {"PLATFORMS": "web", "HTTP_PORT": "0", "GMI_BASE_URL": emulator.base_url, "GMI_API_KEY": KEY}


@pytest.fixture
async def past(make_world, tmp_path):
    """A folder in which a bot has lived: Ann has a fox and an edit of it, Bob a refusal."""
    world = await make_world("web")
    ann, bob = world.user("ann"), world.user("bob")
    said = [await ann.says("/imagine a fox\nin the \x1b[31msnow --ar 3:2", attach=[photos.jpeg()])]
    await ann.sees(images=1)
    said.append(await ann.says("make it blue"))
    await ann.sees(images=1)
    world.emulator.behave(ending="failed", error="safety")
    said.append(await bob.says("/imagine a hen"))
    await bob.sees(images=0)
    jobs = [await world.job(one) for one in said]
    await world.stop()
    return world.folder, jobs


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


# -- help ------------------------------------------------------------------------------------------------------------


def helped(*arguments):
    result = CliRunner().invoke(cli, [*arguments, "--help"], env={"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"})
    assert result.exit_code == 0
    return result.output


def test_help_lists_every_command_with_what_it_is_for():
    text = helped()
    assert "/imagine in a channel, replies in the thread edit" in " ".join(text.split())
    assert [name for name in COMMANDS if not re.search(rf"^\W*{name} +[A-Z]", text, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_is_whole_sentences(command):
    text = helped(command)
    described = [" ".join(found.split()) for found in re.findall(r"│ .*?(?:--\w[\w-]*|\*).*", text)]
    assert f"{command} [OPTIONS]" in text
    first = next(line.strip() for line in lines(text)[3:] if line.strip())
    assert first[0].isupper()
    assert described, "even --help is described"
    for placeholder in ("TODO", "None", "<lambda>", "Annotated"):
        assert placeholder not in text


def test_without_a_command_the_help_is_shown():
    result = CliRunner().invoke(cli, [])
    assert result.exit_code == 2
    assert "Usage:" in result.output


# -- reading ---------------------------------------------------------------------------------------------------------


async def test_jobs_and_show_tell_what_happened(past):
    folder, (fox, blue, hen) = past
    listed, shown, bobs, unknown = await asyncio.gather(
        darkroom(folder, "jobs"),
        darkroom(folder, "show", blue.id, "--payload"),
        darkroom(folder, "jobs", "--user", "web:id-of-bob", "--limit", "5"),
        darkroom(folder, "show", "nosuchjob"),
    )
    assert listed.code == 0, listed.err
    head, *rows = lines(listed.out)
    assert head.split() == ["JOB", "STATE", "AGE", "TOOK", "MEMBER", "NAME", "WORDS"]
    assert [row.split()[:2] for row in rows] == [
        [hen.id, "failed:safety"],
        [blue.id, "succeeded"],
        [fox.id, "succeeded"],
    ]
    assert "\x1b" not in listed.out, "what members wrote cannot steer a terminal"
    assert shown.code == 0
    assert f"built on    {fox.id}" in shown.out
    assert "sending to the queue" in shown.out
    assert '"contents"' in shown.out
    assert KEY not in shown.out
    assert [row.split()[0] for row in lines(bobs.out)] == ["JOB", hen.id]
    assert (unknown.code, unknown.out) == (1, "")
    assert lines(unknown.err) == ["darkroom: There is no job nosuchjob. `darkroom jobs` lists them."]


async def test_broken_jobs_are_those_whose_step_or_telling_broke(make_world):
    world = await make_world("plain", max_open_jobs_per_user=10)
    ann, square = world.user("ann"), world.place.driver.square
    bug = ZeroDivisionError("a bug")
    square.fail("fetch", *[bug] * BUGS_BEFORE_FAILURE)
    poison = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    told = await ann.sees(images=0)
    world.emulator.behave(ending="failed", error="safety")
    square.fail("deliver", *[bug] * BUGS_BEFORE_FAILURE)
    untold = await ann.says("/imagine a hen")
    await world.settle()
    await ann.says("/imagine a cow")
    await ann.sees(images=1)
    broken = [(await world.job(said)).id for said in (untold, poison)]
    await world.stop()
    listed, shown = await asyncio.gather(
        darkroom(world.folder, "jobs", "--broken"), darkroom(world.folder, "show", broken[0])
    )
    assert [row.split()[:2] for row in lines(listed.out)[1:]] == [[id, "failed:bug"] for id in broken]
    assert broken[1] in told.text, "the member has the number that the operator looks for"
    assert shown.out.count("bug: ZeroDivisionError") >= BUGS_BEFORE_FAILURE - 1
    assert "while this was told: safety" in shown.out


async def test_jobs_where_no_bot_ever_ran_says_so(tmp_path):
    ended = await darkroom(tmp_path, "jobs", "--open")
    assert ended.code == 1
    assert "There is no database" in ended.err
    assert "Traceback" not in ended.err


# -- changing, while no bot runs -------------------------------------------------------------------------------------


async def test_retry_and_forget_while_no_bot_runs(past, settings):
    folder, (fox, _, hen) = past
    retried = await darkroom(folder, "retry", hen.id, **settings)
    assert retried.code == 0, retried.err
    (new,) = re.findall(r"Job (\w{16}) asks for the same again\.", retried.out)
    forgotten = await darkroom(folder, "forget", "web:id-of-ann", "--yes", **settings)
    assert forgotten.code == 0, forgotten.err
    assert re.fullmatch(
        r"Forgotten: what web:id-of-ann asked \(2 requests\) and what came of it \(\d pictures\)\.",
        forgotten.out.strip(),
    )
    opened, shown, unknown, asked, nobody = await asyncio.gather(
        darkroom(folder, "jobs", "--open"),
        darkroom(folder, "show", fox.id),
        darkroom(folder, "retry", "nosuchjob", **settings),
        darkroom(folder, "forget", "web:id-of-bob", **settings),
        darkroom(folder, "forget", "bob", "--yes", **settings),
    )
    assert [row.split()[0] for row in lines(opened.out)] == ["JOB", new], "it waits for the next start"
    assert "snow" not in shown.out
    assert unknown.code == 1
    assert "I don't know a job nosuchjob" in unknown.err
    assert asked.code == 1, "nobody said yes"
    assert nobody.code == 1
    assert "platform:id" in nobody.err


# -- a running bot ---------------------------------------------------------------------------------------------------


async def test_life_of_a_running_bot(past, settings, emulator):
    """One bot, started once: commands reach it, a second one is kept out, and SIGTERM ends it in time."""
    folder, (fox, _, hen) = past
    async with running(folder, "run", **settings) as bot:
        address = (await bot.says("Listening at")).split()[-1]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            assert (await client.get("/healthz")).json()["service"] == "darkroom"
            assert (await client.get("/readyz")).json() == {"ready": True, "problems": {}}
            assert "darkroom_jobs_accepted" in (await client.get("/metrics")).text

        second = await darkroom(folder, "run", **settings)
        assert second.code == 1
        assert re.search(
            r"darkroom: Another Darkroom \(process \d+\) is using .*darkroom\.db\. Stop that one first", second.err
        )
        assert "Traceback" not in second.err

        retried = await darkroom(folder, "retry", hen.id, **settings)
        assert retried.code == 0, retried.err
        (new,) = re.findall(r"Job (\w{16}) asks", retried.out)
        await bot.logs("moved", job=new, state="succeeded")
        checked, unknown, listed = await asyncio.gather(
            darkroom(folder, "check", **settings),
            darkroom(folder, "retry", "nosuchjob", **settings),
            darkroom(folder, "jobs"),
        )
        assert new in listed.out
        assert unknown.code == 1
        assert "I don't know a job nosuchjob" in unknown.err
        assert "is in use by the running bot" in checked.out
        backed_up, again = [await darkroom(folder, "backup", "backup.tar", **settings) for _ in range(2)]
        assert backed_up.code == 0, backed_up.err
        assert re.search(r"^backup\.tar holds the database and \d pictures, [\d.]+ MB\. To restore it", backed_up.out)
        assert (again.code, again.out) == (1, "")
        assert "backup.tar exists already" in again.err
        elsewhere = folder / "elsewhere"
        with tarfile.open(folder / "backup.tar") as tar:
            tar.extractall(elsewhere / "data", filter="data")
        restored, original = await asyncio.gather(darkroom(elsewhere, "jobs"), darkroom(folder, "jobs"))
        assert [row.split()[0] for row in lines(restored.out)] == [row.split()[0] for row in lines(original.out)]

        forgotten = await darkroom(folder, "forget", "web:id-of-bob", "--yes", **settings)
        assert forgotten.out.startswith("Forgotten: what web:id-of-bob asked (2 requests)"), forgotten.err

        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            told = (await client.get("/metrics")).text
        assert 'darkroom_jobs_finished_total{failure="",platform="web",state="succeeded"} 1.0' in told
        assert re.search(r"^darkroom_loop_lag_seconds_count [1-9]", told, re.MULTILINE), "nobody sampled it"

        hold = emulator.hold("submit")
        await darkroom(folder, "retry", fox.id, **settings)
        await hold.reached()
        began = time.monotonic()
        assert await bot.ends(signal.SIGTERM) == 0
        assert time.monotonic() - began < 10, "a POST that nobody answers must not hold it up"
        assert not [line for line in bot.err if "Traceback" in line or '"level": "error"' in line]
        assert not [line for line in bot.err if KEY in line]
    assert not (folder / "data" / "darkroom.sock").exists()


async def test_what_keeps_a_bot_from_starting_is_said_in_one_sentence(tmp_path, settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = {
            "no platform": ({"GMI_API_KEY": KEY}, "`darkroom demo`"),
            "key of two lines": (settings | {"GMI_API_KEY": "one\ntwo"}, "GMI_API_KEY must be one line"),
            "port in use": (settings | {"HTTP_PORT": port}, f"Port {port} of 127.0.0.1 is in use"),
            "open to all": (settings | {"HTTP_HOST": "0.0.0.0"}, "set WEB_PASSWORD"),  # noqa: S104  refused
        }
        ends = await asyncio.gather(
            *(darkroom(tmp_path / name.replace(" ", "-"), "run", **given) for name, (given, _) in cases.items())
        )
    for (name, (_, sentence)), ended in zip(cases.items(), ends, strict=True):
        assert ended.code == 1, name
        assert sentence in ended.err, f"{name}: {ended.err}"
        assert "Traceback" not in ended.err, f"{name}: {ended.err}"
        assert KEY not in ended.err
        assert all(len(line) < 200 for line in lines(ended.err)), f"{name}: {ended.err}"


def set_up():
    """What `darkroom run` reads before it starts anything."""
    settings = config.load()
    settings.limits()
    config.chosen_adapters(settings)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"PLATFORMS": "telegraph"}, "PLATFORMS: there is no platform 'telegraph'. Choose from"),
        ({"PLATFORMS": "web", "HTTP_PORT": "high"}, "HTTP_PORT"),
        ({"LOG_LEVEL": "LOUD"}, "choose one of DEBUG, INFO, WARNING, ERROR"),
        ({"BLOCKED_WORDS_FILE": "/nowhere/words.txt"}, "BLOCKED_WORDS_FILE: /nowhere/words.txt cannot be read"),
        ({"MAX_IMAGES_PER_DAY": "-1"}, "MAX_IMAGES_PER_DAY"),
    ],
    ids=["platform", "port", "level", "words", "number"],
)
async def test_wrong_setting_is_named(monkeypatch, given, sentence):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(config.SettingsError) as error:
        set_up()
    assert sentence in str(error.value)


async def test_secret_in_the_wrong_place_is_not_shown(monkeypatch):
    monkeypatch.setenv("GMI_IN_FLIGHT", "eyJhbGciOiJIUzI1NiJ9")
    with pytest.raises(config.SettingsError) as error:
        config.load()
    assert "eyJ" not in str(error.value)


async def test_backup_of_a_database_server_names_the_servers_own_way(tmp_path):
    with pytest.raises(config.SettingsError, match="pg_dump"):
        await app.back_up("postgresql://user@127.0.0.1:1/darkroom", tmp_path / "backup.tar")


async def test_unknown_engine_and_missing_key_are_named(tmp_path):
    with pytest.raises(config.SettingsError, match="no storage for 'oracle'"):
        await app.open_store("oracle://x/y")
    with pytest.raises(config.SettingsError, match="GMI_API_KEY is not set"):
        app.make_queue(config.load())


# -- check -----------------------------------------------------------------------------------------------------------


async def test_check_says_line_by_line_what_works_and_its_exit_code_tells_programs(tmp_path, settings):
    ended, failed = await asyncio.gather(
        darkroom(tmp_path / "one", "check", **settings),
        darkroom(tmp_path / "other", "check", **settings | {"GMI_API_KEY": "another-key"}),
    )
    assert failed.code == 1
    assert "FAILED   key: The queue refuses the key" in failed.out
    assert ended.code == 0, ended.out + ended.err
    said = {line[9:].partition(":")[0]: line[:7].strip() for line in lines(ended.out)}
    assert said == {
        "settings": "ok",
        "role": "ok",
        "database": "ok",
        "queue": "ok",
        "key": "ok",
        "model": "warning",  # its end was announced
        "platforms": "ok",
        "HTTP server": "ok",
        "WEB_PASSWORD": "ok",
    }


async def found(monkeypatch, **settings):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return {finding.subject: finding async for finding in checks.findings()}


async def test_check_of_a_key_that_is_refused_says_what_to_do(tmp_path, monkeypatch, settings):
    said = await found(monkeypatch, **settings | {"GMI_API_KEY": "another-key"})
    assert said["key"].ok is False
    assert said["key"].text.endswith("Put a valid one into GMI_API_KEY.")
    assert "another-key" not in str(said)


async def test_check_of_a_queue_that_is_not_there(tmp_path, monkeypatch, settings):
    said = await found(monkeypatch, **settings | {"GMI_BASE_URL": "http://127.0.0.1:9"})
    assert said["queue"].ok is False
    assert "cannot be reached" in said["queue"].text
    assert "key" not in said
    assert said["platforms"].ok


async def test_check_of_a_model_that_is_not_served_names_those_that_are(tmp_path, monkeypatch, settings, emulator):
    said = await found(monkeypatch, **settings | {"GMI_MODEL": "gemini-17-image"})
    assert said["model"].ok is False
    assert "gemini-3.1-flash-image" in said["model"].text


async def test_check_when_the_key_cannot_be_tried_just_now(tmp_path, monkeypatch, settings, emulator):
    # the first question needs no key, the second one does
    emulator.inject(Fault(route="models", kind="slow"), Fault(route="models", kind="unavailable"))
    said = await found(monkeypatch, **settings)
    assert said["queue"].ok
    assert said["key"].ok is None


async def test_check_without_a_platform_or_with_wrong_settings(tmp_path, monkeypatch, settings):
    del settings["PLATFORMS"]
    said = await found(monkeypatch, **settings)
    assert said["platforms"].ok is False
    assert "darkroom demo" in said["platforms"].text
    said = await found(monkeypatch, RETENTION_DAYS="never")
    assert list(said) == ["settings"]
    assert said["settings"].ok is False
    assert "RETENTION_DAYS" in said["settings"].text


async def test_check_tells_of_a_platform_that_has_its_token_and_is_not_named(monkeypatch, settings):
    said = await found(monkeypatch, **settings, DISCORD_TOKEN="test-token")
    assert said["platforms"].ok is None
    assert said["platforms"].text.startswith("The token of discord is set, but PLATFORMS does not name it")
    assert said["platforms"].text.endswith("PLATFORMS=web,discord")
    assert "discord" not in said, "it is not asked anything"


async def test_check_of_a_database_that_is_none(tmp_path, monkeypatch, settings):
    (tmp_path / "letter.db").write_text("Dear diary, this is not a database. " * 100)
    said = await found(monkeypatch, **settings | {"DATABASE_URL": f"sqlite:///{tmp_path}/letter.db"})
    assert said["database"].ok is False
    assert "is not a SQLite database" in said["database"].text


# -- demo and emulator -----------------------------------------------------------------------------------------------


async def test_demo_prints_its_address_and_answers_there(tmp_path):
    async with running(tmp_path, "demo", "--port", "0", "--no-browser", "--latency", "0-0") as demo:
        address = (await demo.says("Darkroom is open at")).split()[-1]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).json() == {"ready": True, "problems": {}}
            assert "Darkroom" in (await client.get("/")).text
        assert (tmp_path / "data" / "demo" / "darkroom.db").exists()
        assert await demo.ends(signal.SIGINT) == 0
        assert demo.err == [], "nothing but what a person needs to read"


async def test_demo_refuses_a_senseless_latency(tmp_path):
    result = CliRunner().invoke(cli, ["demo", "--latency", "6-2"])
    assert result.exit_code == 2
    assert "the smaller one first" in " ".join(result.output.split())


async def test_emulator_on_its_own_serves_the_vendors_wire(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with running(tmp_path, "emulator", "--port", str(port), "--latency", "0-0", "--key", KEY) as emulator:
        line = await emulator.says("GMI_BASE_URL=")
        address = re.search(r"GMI_BASE_URL=(\S+)", line)[1]
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            for key, status in ((KEY, 200), ("another-key", 401)):
                asked = {"Authorization": f"Bearer {key}"}
                assert (await client.get("/api/v1/ie/requestqueue/apikey/models", headers=asked)).status_code == status
