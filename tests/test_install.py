"""Does what is installed hold everything that the bot needs, and nothing that nobody checked?"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "adapters", "storage")
LOCKS = ("requirements.lock", "tests/requirements.lock")


def pins(lock):
    """Return (name, version) of each pin; one name may have several versions, each for its own Python or system."""
    return set(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / lock).read_text(), flags=re.MULTILINE))


def names(requirements):
    return {re.match(r"[a-z0-9-]+", requirement)[0] for requirement in requirements}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_locks_pin_everything_that_is_asked_for(project):
    asked = names(project["project"]["dependencies"]) | names(project["dependency-groups"]["build"])
    runtime = pins("requirements.lock")
    assert asked <= {name for name, _ in runtime}
    assert names(project["dependency-groups"]["test"]) <= {name for name, _ in pins("tests/requirements.lock")}
    assert runtime <= pins("tests/requirements.lock"), "tests must run on the releases that users get"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_source(lock):
    text = (ROOT / lock).read_text()
    requirements = re.findall(r"^[a-z0-9.-]+==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*", text, flags=re.MULTILINE)
    assert len(requirements) == len(pins(lock))
    assert [requirement for requirement in requirements if "--hash" not in requirement] == []
    assert "://" not in text
    assert not re.search(r"^(-i|-f|--index|--extra-index|--find-links)", text, flags=re.MULTILINE)


def test_wheel_holds_every_file_of_the_packages_but_documents(tmp_path):
    source = tmp_path / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wanted = {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file() and path.suffix != ".md"
    }

    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        tmp_path,
        source,
    ]
    subprocess.run(build, check=True, capture_output=True)

    [wheel] = tmp_path.glob("darkroom-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == wanted
