"""A git repository with a history of migrations."""

import json
import subprocess
from pathlib import Path

from tests.serving import ROOT

from .world import SETTINGS

PLAIN = '"""Add a column."""\n\nrevision = "{revision}"\n'
CONTRACT = '"""Drop a column."""\n\nrevision = "{revision}"\ncontract = True\n'


class History:
    """Versions of a program: `good` and `dropped` have contract revisions; those between live with each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "-q", "-b", "main")
        self.old = self._commit("202601010001", PLAIN)
        self.good = self._commit("202601010002", CONTRACT)
        self.expand = self._commit("202601010003", PLAIN)
        self.newer = self._commit("202601010004", PLAIN)
        self.dropped = self._commit("202601010005", CONTRACT)
        self._write_settings()

    def _write_settings(self) -> None:
        deploy = {name: value for name, value in SETTINGS.items() if name != "dockerfilePath"}
        told = {"build": {"builder": "DOCKERFILE", "dockerfilePath": "deploy/Dockerfile"}, "deploy": deploy}
        (self.folder / "deploy").mkdir()
        (self.folder / "deploy" / "railway.json").write_text(json.dumps(told))
        (self.folder / "deploy" / "Dockerfile").touch()
        (self.folder / "deploy" / "slot.json").write_text((ROOT / "deploy" / "slot.json").read_text())
        (self.folder / "gunicorn.conf.py").write_text("graceful_timeout = 30  # seconds\n")

    def _commit(self, revision: str, text: str) -> str:
        path = self.folder / "migrations" / "versions" / f"{revision}_change.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(revision=revision))
        (self.folder / "migrations" / "head").write_text(f"{revision}\n")
        self._git("add", ".")
        self._git("-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "-q", "-m", revision)
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout
