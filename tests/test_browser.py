"""Is a browser found where there is one, and asked for in the right way where there is none?"""

import stat
import sys

import pytest

from tests import browser

APT_INSTALL = "apt-get install -y -qq --no-install-recommends chromium"


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """The only folder on the PATH, empty; Playwright has no browser of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "no-browsers"))
    monkeypatch.setattr(browser, "MAC_APPS", ())
    monkeypatch.delenv("CHROMIUM", raising=False)
    return folder


@pytest.fixture
def machine(monkeypatch):
    """Says what machine this is: `machine("debian", root=True)`."""

    def is_now(distribution, *, root):
        monkeypatch.setattr(browser, "distribution", lambda: distribution)
        monkeypatch.setattr(browser, "is_root", lambda: root)

    return is_now


def program(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_this_machine_has_a_browser_that_starts():
    assert browser.starting(browser.find())


def test_browser_is_found_on_the_path(bin_folder):
    chrome = program(bin_folder / "google-chrome", "exit 0")
    assert browser.find() == chrome


def test_named_browser_is_taken_before_the_one_on_the_path(bin_folder, tmp_path, monkeypatch):
    program(bin_folder / "chromium", "exit 0")
    mine = program(tmp_path / "mine", "exit 0")
    monkeypatch.setenv("CHROMIUM", mine)
    assert browser.find() == mine


def test_stub_that_does_not_start_is_passed_over(bin_folder):
    program(bin_folder / "chromium", "echo 'install the snap first'; exit 1")
    chrome = program(bin_folder / "google-chrome", "exit 0")
    assert browser.find() == chrome


def test_named_browser_that_does_not_start_is_an_error_and_nothing_is_installed(bin_folder, monkeypatch):
    program(bin_folder / "chromium", "exit 0")
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    monkeypatch.setattr(browser, "ways", lambda: pytest.fail("tried to install"))
    with pytest.raises(browser.NoBrowserError, match="CHROMIUM=/nowhere/chrome does not start"):
        browser.install()


def test_no_browser_says_what_to_run(bin_folder):
    with pytest.raises(browser.NoBrowserError, match="run `make test`"):
        browser.find()


def test_root_on_debian_installs_debians_package(bin_folder, machine, tmp_path):
    machine("debian", root=True)
    log = tmp_path / "log"
    program(
        bin_folder / "apt-get",
        f'echo "apt-get $*" >> {log}\n'
        f'[ "$1" = update ] || {{ echo "#!/bin/sh" > {bin_folder}/chromium; /bin/chmod +x {bin_folder}/chromium; }}',
    )
    assert browser.install() == str(bin_folder / "chromium")
    assert log.read_text().splitlines() == ["apt-get update -qq", APT_INSTALL]


def test_where_debians_package_cannot_be_had_playwright_is_asked(bin_folder, machine, capsys, monkeypatch, tmp_path):
    machine("debian", root=True)
    program(bin_folder / "apt-get", "exit 100")
    chrome = str(bin_folder / "chromium")
    monkeypatch.setattr(sys, "executable", program(tmp_path / "python", 'case "$*" in *install*) : ;; esac; exit 1'))
    with pytest.raises(browser.NoBrowserError, match="neither from Debian's packages") as refusal:
        browser.install()
    asked = capsys.readouterr().err
    assert "apt-get update" in asked
    assert APT_INSTALL not in asked, "an update that failed must not be followed by the install"
    assert "-m playwright install" in asked
    assert "CHROMIUM=" in str(refusal.value)
    assert chrome not in asked


@pytest.mark.parametrize("distribution", ["ubuntu", ""], ids=["ubuntu", "unknown"])
def test_elsewhere_only_playwright_is_asked(distribution, machine):
    machine(distribution, root=False)
    assert [command for way in browser.ways() for command in way] == [
        (sys.executable, "-m", "playwright", "install", "chromium")
    ]


def test_members_without_root_do_not_touch_the_system(machine):
    machine("debian", root=False)
    assert "apt-get" not in str(list(browser.ways()))


def test_root_runs_chromium_without_its_sandbox(machine):
    machine("debian", root=True)
    assert "--no-sandbox" in browser.launch_args()
    machine("debian", root=False)
    assert "--no-sandbox" not in browser.launch_args()


def test_playwrights_own_browser_is_found_where_it_was_installed(bin_folder, monkeypatch, tmp_path):
    chrome = program(tmp_path / "chrome", "exit 0")
    monkeypatch.setattr(sys, "executable", program(tmp_path / "python", f"echo {chrome}"))
    assert browser.find() == chrome
