"""A platform on this machine: releases, starts, checks, overlaps, drains and kills what `deploy/railway.json` says.

The order is Railway's: pre-deploy command, start, health check until 200, traffic, overlap, SIGTERM to the former
deployment, seconds to drain, SIGKILL. What it starts is real: starter, gunicorn, migrations, from the checkout.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from tests.platform.edge import Edge
from tests.serving import ROOT, free_port

CHECKED_AS = {"Host": "healthcheck.railway.app"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a service is told to do; times are in seconds."""

    release: str
    start: str
    check: str
    check_timeout: float
    overlap: float
    draining: float

    @classmethod
    def described(cls) -> "Settings":
        """Read `deploy/railway.json`."""
        said: dict[str, Any] = json.loads((ROOT / "deploy" / "railway.json").read_text())["deploy"]
        return cls(
            release=said["preDeployCommand"][0],  # the platform runs no more than the first
            start=said["startCommand"],
            check=said["healthcheckPath"],
            check_timeout=said["healthcheckTimeout"],
            overlap=said["overlapSeconds"],
            draining=said["drainingSeconds"],
        )


class Failed(Exception):
    """A deployment did not come to serve; the former one still does."""


@dataclass
class Deployment:
    """One deployment: what it was made of, its process, and how it ended."""

    id: str
    environ: Mapping[str, str]
    settings: Settings
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    killed: bool = False

    def release(self) -> int:
        """Run its pre-deploy command, if there is one, and return the exit code."""
        if not self.settings.release:
            return 0
        with self.log.open("ab") as output:
            return self._run(self.settings.release, output).wait(self.settings.check_timeout)

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            self.process = self._run(self.settings.start, output)

    def healthy(self) -> bool:
        """Whether its health check gives 200."""
        url = f"http://127.0.0.1:{self.port}{self.settings.check}"
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, headers=CHECKED_AS, timeout=5).status_code == 200
        return False

    def stop(self) -> int:
        """End it as the platform does: SIGTERM, the seconds to drain, SIGKILL. Returns the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self.settings.draining)
        except subprocess.TimeoutExpired:
            self.killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # a container ends with its first process
        return self.process.wait(10)

    def _run(self, command: str, output: Any) -> subprocess.Popen[bytes]:
        """Run a command without a shell, as a platform runs one in an image."""
        program, *arguments = shlex.split(command)
        return subprocess.Popen(
            [sys.executable if program == "python" else program, *arguments],
            cwd=ROOT,
            env={**self.environ, "PORT": str(self.port), "RAILWAY_DEPLOYMENT_ID": self.id},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Service:
    """A service of the platform: one active deployment behind an edge of its own."""

    def __init__(self, environ: Mapping[str, str], settings: Settings, folder: Path, *, lag: float = 0.3) -> None:
        self.environ, self.settings, self.folder = dict(environ), settings, folder
        self.edge = Edge(lag=lag)
        self.deployments: list[Deployment] = []
        self.active: Deployment | None = None

    def deploy(self, **variables: str) -> Deployment:
        """Deploy the checkout with these variables more, and return when the former deployment has ended."""
        self.environ |= variables
        return self._replace_by(self._made(self.environ))

    def rollback(self, target: Deployment) -> Deployment:
        """Deploy what `target` was made of, its variables too, as a new deployment."""
        self.environ = dict(target.environ)
        return self._replace_by(self._made(target.environ, target.settings))

    def stop(self) -> None:
        """End everything."""
        for each in self.deployments:
            if each.process and each.process.poll() is None:
                each.settings = replace(each.settings, draining=0)
                each.stop()
        self.edge.close()

    def _made(self, environ: Mapping[str, str], settings: Settings | None = None) -> Deployment:
        number = len(self.deployments) + 1
        name = f"{self.folder.name}-{number}"
        made = Deployment(name, dict(environ), settings or self.settings, self.folder / f"{name}.log")
        self.deployments.append(made)
        return made

    def _replace_by(self, new: Deployment) -> Deployment:
        if code := new.release():
            raise Failed(f"the pre-deploy command of {new.id} ended with {code}, see {new.log}")
        new.start()
        assert new.process
        ends = time.monotonic() + new.settings.check_timeout
        while not new.healthy():
            if new.process.poll() is not None or time.monotonic() > ends:
                new.stop()
                raise Failed(f"{new.id} did not become healthy, see {new.log}")
            time.sleep(0.05)  # the pause between two looks
        former, self.active = self.active, new
        self.edge.register({new.id: new.port})
        self._hand_over(new, former)
        return new

    def _hand_over(self, new: Deployment, former: Deployment | None) -> None:
        """Give the traffic to the new deployment; the edge hears of it while the overlap runs already."""
        if not former:
            self.edge.switch(new.id)
            return
        telling = threading.Thread(target=self.edge.switch, args=(new.id,))
        telling.start()
        time.sleep(new.settings.overlap)  # both serve for so long
        former.stop()
        telling.join()
