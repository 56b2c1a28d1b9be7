"""Which browser do the tests drive, and how does a machine without one get it?

`python -m tests.browser` makes sure that there is one and prints its path; `make test` runs it before pytest.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

APT_GET = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"),
)

ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""

LAUNCH_ARGS = (
    # Nothing but the page under test: no look-ups of updates, accounts or field trials.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # A container's /dev/shm is often 64 MB, which a large picture exceeds.
    "--disable-dev-shm-usage",
    "--disable-gpu",
)


class NoBrowserError(Exception):
    """No Chromium can be found; the sentence says what to do."""


def find() -> str:
    """Return the path of a Chromium that starts: `CHROMIUM`, else one on the PATH, else Playwright's own.

    Raises NoBrowserError, also where `CHROMIUM` names something that does not start.
    """
    if named := os.environ.get("CHROMIUM"):
        if path := starting(named):
            return path
        msg = f"CHROMIUM={named} does not start as a browser: name a Chromium or Chrome, or unset it."
        raise NoBrowserError(msg)
    for candidate in (*NAMES, *MAC_APPS, *playwrights_own()):
        if path := starting(candidate):
            return path
    msg = "No Chromium was found: run `make test`, which installs one, or name yours in CHROMIUM."
    raise NoBrowserError(msg)


def launch_args() -> list[str]:
    """Chromium's command line for tests. Its sandbox refuses to start for root, who runs containers."""
    return [*LAUNCH_ARGS, *(["--no-sandbox"] if is_root() else [])]


def install() -> str:
    """Return what `find` returns, after installing a Chromium where there is none. Raises NoBrowserError."""
    try:
        return find()
    except NoBrowserError:
        if os.environ.get("CHROMIUM"):
            raise
    for commands in ways():
        if all(succeeds(command) for command in commands):
            try:
                return find()
            except NoBrowserError:
                continue
    msg = (
        "The tests need Chromium, and it could be installed neither from Debian's packages (which needs root on Debian) "
        "nor by Playwright (which needs its download site). Install Chromium or Chrome, or name yours: "
        "CHROMIUM=/path/to/chrome make test"
    )
    raise NoBrowserError(msg)


def ways() -> Iterator[Sequence[Sequence[str]]]:
    """Each way to install a browser here, best first, as commands of which all must succeed."""
    if is_root() and distribution() == "debian":
        yield APT_GET
    # Only root may add the system libraries that a browser needs.
    with_libraries = ("--with-deps",) if is_root() and sys.platform == "linux" else ()
    yield ((sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"),)


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def distribution() -> str:
    """Return "debian", "ubuntu", .. or "" where the machine does not tell (Ubuntu's chromium package is a stub)."""
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def succeeds(command: Sequence[str]) -> bool:
    print("+", " ".join(command), file=sys.stderr, flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=environment).returncode == 0
    except OSError as error:
        print(error, file=sys.stderr)
        return False


def starting(candidate: str) -> str | None:
    """Return the candidate's full path if it answers `--version`, as a stub that asks for a snap does not."""
    if (path := shutil.which(candidate)) is None:
        return None
    try:
        answer = subprocess.run(
            [path, "--version"], check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if answer.returncode == 0 else None


def playwrights_own() -> Iterator[str]:
    """Where Playwright keeps the browser that it installs; asked only when nothing else was found."""
    # In a process of its own, because Playwright refuses to be asked under a running event loop.
    answer = subprocess.run(
        [sys.executable, "-c", ASK_PLAYWRIGHT], check=False, capture_output=True, text=True, timeout=60
    )
    if path := answer.stdout.strip():
        yield path


def main() -> None:
    """Make sure that there is a browser, and print where."""
    try:
        print(install())
    except NoBrowserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
