"""The browser that is fetched from npm where there is none and none can be installed."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from deploy.private import chromium
from deploy.private.console import SetupError

from .launching import Checkout

SHOW = """
from deploy.private.browser import find
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=find(), args=["--headless", "--no-sandbox", "--disable-gpu"])
    page = browser.new_page()
    page.set_content("<script>document.write(6 * 7)</script>")
    print(page.inner_text("body"))
    browser.close()
"""


@pytest.mark.full
def test_one_is_fetched_that_runs(bare: Checkout, tmp_path: Path) -> None:
    """Without a browser and without apt-get on the PATH, a page is shown by the one of npm, if it has one that fits;
    it leaves nothing outside of `.local`."""
    bare.environ["PATH"] = str(tmp_path)  # has no programs
    before = {path.name for path in bare.folder.iterdir()}
    run = partial(subprocess.run, cwd=bare.folder, env=bare.environ, capture_output=True, text=True, timeout=300)

    fetched = run([sys.executable, "-m", "deploy.private.browser"])
    shown = run([sys.executable, "-c", SHOW])

    if chromium.available():
        assert shown.stdout == "42\n", fetched.stderr + shown.stderr
    else:
        assert "it is for Linux on x86_64 with glibc" in fetched.stderr
    assert {path.name for path in bare.folder.iterdir()} == before | {".local"}


def test_another_file_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of it is unpacked, and nothing stays."""
    package = tmp_path / chromium.PACKAGE
    package.parent.mkdir(parents=True)
    package.write_bytes(b"something else")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", tmp_path.as_uri())
    monkeypatch.setattr(chromium, "FOLDER", tmp_path / "browser")

    with pytest.raises(SetupError, match="hash differs"):
        chromium.download()

    assert list((tmp_path / "browser").iterdir()) == []
