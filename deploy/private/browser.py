"""The browser in which pages are tested: one of the machine, else Debian's, which root may install.

`BROWSER_BIN` names another one. Where there is none, and none can be had, only `tests/browsing` is left out.
"""

import os
import shutil
import subprocess
from pathlib import Path

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
    "Install Chromium (Debian, as root: apt-get install chromium), or name one: BROWSER_BIN=/path/to/chromium"
)


def find() -> str | None:
    """Return the path of a browser of the Chromium family, or None."""
    chosen = os.environ.get("BROWSER_BIN")
    if chosen:
        return chosen if os.access(chosen, os.X_OK) else None
    return next(filter(None, map(shutil.which, NAMES)), None)


def installable() -> bool:
    """Tell whether Debian's can be installed by whoever runs this."""
    return not os.environ.get("BROWSER_BIN") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(log: Path) -> "subprocess.Popen[bytes] | None":
    """Begin to install one beside other work, if there is none and that is possible; return what to wait for."""
    if find() or not installable():
        return None
    log.parent.mkdir(parents=True, exist_ok=True)
    quiet = child_environment(DEBIAN_FRONTEND="noninteractive")
    with log.open("wb") as output:
        return spawn(["/bin/sh", "-c", INSTALL], cwd=Path("/"), output=output, environment=quiet)
