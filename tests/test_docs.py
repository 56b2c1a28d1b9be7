"""Do the documents say what the program does? Settings, commands, links and numbers, held against the code."""

import inspect
import re
from pathlib import Path

import pytest
from typer.main import get_command

from bot import config, messages, pictures
from bot.cli import cli
from bot.errors import OWNER_KINDS, FailureKind
from bot.metrics import Metrics
from bot.model import ASPECT_RATIOS, MAX_EDIT_REFERENCES, MAX_FIRST_REFERENCES
from tests.conftest import is_foreign

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("[!.]*/**/*.md"))
    if not {"data", "tests"} & set(path.relative_to(ROOT).parts)
)

_SETTING = r"(?:GMI|MAX|ALLOWED|HTTP|DISCORD|SLACK|WEB|DATA|DATABASE|RETENTION|LOG|BLOCKED)_[A-Z_]*[A-Z]\b|\bPLATFORMS\b|\bOWNERS\b"


PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
"""Read, too, but they are the machine's, not ours."""


STRAYS = frozenset({"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"})
"""Read only to say that they are not used: a library would switch modes by them."""


def settings():
    """Every variable of ours that the core or an adapter reads -> its default."""
    classes = [config.Settings, *(config.Adapter(name).module.Settings for name in config.adapter_names())]
    fields = [field for settings_class in classes for field in settings_class.model_fields.items()]
    return {name.upper(): field.default for name, field in fields if name.upper() not in PROXIES | STRAYS}


def example():
    """Name -> value, as a copied .env.example would set it."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


# -- settings --------------------------------------------------------------------------------------------------------


def test_example_file_has_every_setting_and_no_other():
    assert sorted(example()) == sorted(settings())


def test_copied_example_file_changes_nothing(tmp_path, monkeypatch):
    """An operator who copies it and sets the key has every default."""
    untouched = config.load()
    adapters = {name: config.Adapter(name).settings for name in config.adapter_names()}
    (tmp_path / ".env").write_text(EXAMPLE)
    assert config.load() == untouched
    assert {name: config.Adapter(name).settings for name in config.adapter_names()} == adapters


def test_every_setting_of_the_example_file_is_explained_above_it():
    lines = EXAMPLE.splitlines()
    explained = False
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"[A-Z_]+=", line):
            explained = before.startswith("# ") or (explained and re.match(r"[A-Z_]+=", before))
            assert explained, f"{line} has no comment"


def test_readme_names_every_setting():
    assert [name for name in settings() if f"`{name}`" not in README] == []


@pytest.mark.parametrize(
    "path", [*DOCUMENTS, *sorted((ROOT / "deploy").glob("*.y*ml"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_documents_name_no_setting_that_there_is_not(path):
    known = set(settings())
    assert sorted(set(re.findall(_SETTING, path.read_text())) - known - PROXIES - STRAYS) == []


def test_readme_tells_the_defaults():
    for name, default in settings().items():
        told = re.search(rf"^\| `{name}` \| ([^|]*) \|", README, re.MULTILINE)
        if told and isinstance(default, int | str) and not isinstance(default, bool):
            assert told[1].strip().strip("`") == str(default), name


def test_every_setting_is_cleared_before_tests():
    assert [name for name in settings() if not is_foreign(name)] == []


# -- commands --------------------------------------------------------------------------------------------------------


def commands():
    """Command -> its options."""
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in get_command(cli).commands.items()
    }


def test_readme_names_every_command():
    assert [name for name in commands() if f"`darkroom {name}" not in README] == []


def test_readme_names_no_command_or_option_that_there_is_not():
    known = commands()
    for written in re.findall(r"`darkroom ([^`]+)`", README):
        name, *rest = written.split()
        assert name in known, written
        assert {word for word in rest if word.startswith("--")} <= known[name], written
    for name, told in re.findall(r"^\| `darkroom (\w+)[^`]*` \| (.*) \|$", README, re.MULTILINE):
        assert set(re.findall(r"`(--[\w-]+)", told)) <= known[name], name


def test_every_target_of_make_that_documents_name_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for path in DOCUMENTS for word in re.findall(r"`make ([a-z]+)", path.read_text())}
    assert named - targets == set()


# -- figures ---------------------------------------------------------------------------------------------------------


def test_every_figure_for_prometheus_is_told_and_no_other():
    exported = re.findall(r"^# TYPE (\S+) ", Metrics().render({}).decode(), re.MULTILINE)
    told = re.findall(r"^\| `(darkroom_\w+)` \|", (ROOT / "deploy" / "README.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(name for name in exported if not name.endswith("_created"))


# -- what stands in them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_left_to_be_filled_in(path):
    assert re.findall(r"\b(?:TODO|TBD|FIXME|XXX|[A-Z]+_TABLE|lorem ipsum)\b", path.read_text()) == []


def test_readme_names_the_ratios_and_the_amounts_that_hold():
    words = " ".join(README.split())
    assert ", ".join(ASPECT_RATIOS) in words
    numbers = {2: "two", 3: "three"}
    assert f"Up to {numbers[MAX_FIRST_REFERENCES]} pictures can be attached as references" in words
    assert f"Up to {numbers[MAX_EDIT_REFERENCES]} references can be attached to an edit" in words
    assert f"up to {pictures.MAX_RECEIVED_BYTES // 1_000_000} MB" in words


# -- what the bot says -----------------------------------------------------------------------------------------------

FRAGMENTS = frozenset({"at_midnight", "duration", "file_name", "state", "card", "answer"})
"""Parts of sentences, and what is put together of others."""

SAMPLES = {"str": "a fox", "int": 3, "float": 4000.0, "bool": True, "FailureKind": FailureKind.SAFETY}


def sentences():
    """Every sentence of the bot, said with some arguments."""
    for name, function in inspect.getmembers(messages, inspect.isfunction):
        if name.startswith("_") or function.__module__ != "bot.messages" or name in FRAGMENTS:
            continue
        given = {
            parameter.name: messages.file_name("fox.jpg")
            if parameter.name == "file"
            else SAMPLES[str(parameter.annotation).split(" | ")[0]]
            for parameter in inspect.signature(function).parameters.values()
        }
        yield name, function(**given)
    for kind in FailureKind:
        yield f"failure {kind}", messages.failure(kind, job_id="1m83pph2xzn5w56f")


@pytest.mark.parametrize(("name", "sentence"), [pytest.param(*one, id=one[0]) for one in sentences()])
def test_sentence_is_plain_whole_and_short(name, sentence):
    assert sentence == " ".join(sentence.split()), "spaces"
    assert sentence[0].isupper() or sentence[0] in '“"', "begins like a sentence"
    assert sentence[-1] in ".?!" or re.search(r"(?:--ar [\d:]+|[\w ]+)$", sentence), "ends like one, or with an example"
    assert len(sentence) <= 320
    assert not re.search(r"[*_<>{}]|\bNone\b|\bTrue\b|HTTP|\bAPI\b|[Ee]rror\b|exception", sentence), "words of programs"


def test_every_failure_has_a_sentence_that_says_what_to_do():
    says_what_to_do = r"try again|ask again|must|Start anew|Wait|Reword|Attach|number|could not post here"
    for kind in FailureKind:
        assert re.search(says_what_to_do, messages.failure(kind, job_id="x"), re.IGNORECASE), kind


def test_what_only_the_owner_can_mend_is_said_to_be_the_owners():
    for kind in FailureKind:
        assert ("the bot's owner must" in messages.failure(kind, job_id="x")) is (kind in OWNER_KINDS), kind
