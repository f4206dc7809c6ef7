"""gunicorn, the private servers below it, and the commands that prepare its database."""

import contextlib
import http.client
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.private.binaries import ROOT
from deploy.private.console import Console, SetupError
from deploy.private.process import ServerError, spawn, wait_until
from deploy.private.server import PrivateServer

PREPARE = ("release", "--wait=0", "--admin")  # one start of the program for all of it; waiting is done here
RETRY_SECONDS = 3
GRACE_SECONDS = 40


class WebEnded(Exception):
    """gunicorn ended by itself."""


class Stage:
    """Plays the application on prepared servers with the given settings."""

    def __init__(
        self,
        console: Console,
        python: Path,
        settings: Mapping[str, str],
        servers: list[PrivateServer],
        log: Path,
    ) -> None:
        self.console, self.python, self.settings, self.servers, self.log = console, python, settings, servers, log
        self.web: subprocess.Popen[bytes] | None = None
        self.announced = False

    def play(self, *, retry: bool) -> int:
        """Serve until gunicorn ends; its exit code. `retry` when the database may come to life later than we do."""
        self.console.say(f"starting {', '.join([*(server.title for server in self.servers), 'gunicorn'])}")
        # gunicorn first: it needs none of the others to start, and takes longest.
        self.web = self._spawn("-m", "gunicorn", "wsgi:app")
        try:
            self._raise_servers()
            self._prepare(retry=retry)
            self._announce()
            while True:
                self._tick()
                self._revive_servers()
        except WebEnded:
            return self._exit_code()

    def stop(self) -> None:
        """End gunicorn after the requests it works on, or at once when the user asks a second time."""
        web = self.web
        if web is None:
            return
        if web.poll() is None:
            self.console.say("stopping gunicorn")
            web.send_signal(signal.SIGTERM)
            wait_until(lambda: web.poll() is not None or self.console.asked_to_stop > 1, GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(web.pid, signal.SIGKILL)  # workers that it may have left
        web.wait()
        if self.servers:
            self.console.say(f"stopping {' and '.join(server.title for server in reversed(self.servers))}")

    def _raise_servers(self) -> None:
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait(pause=self._tick)
            self.console.say(f"{server.title} answers")

    def _prepare(self, *, retry: bool) -> None:
        """Have the database migrated and filled, with an administrator; what is printed is shown to the user."""
        while fault := self._fault_of(*PREPARE):
            if not retry:
                raise SetupError(f"flask {PREPARE[0]} failed: {fault} (log: {self.log})")
            self._announce()
            self.console.say(f"flask {PREPARE[0]} failed, trying again in {RETRY_SECONDS} s: {fault}")
            wait_until(lambda: False, RETRY_SECONDS, self._tick)

    def _fault_of(self, *command: str) -> str:
        """Run a flask command: the last line of its complaint, nothing when it succeeded."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as errors:
            process = self._spawn("-m", "flask", "--app", "wsgi", *command, errors=errors.fileno())
        try:
            while process.poll() is None:
                self._tick()
        finally:
            process.kill()
            process.wait()
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return (lines or [f"exit code {process.returncode}"])[-1].strip() if process.returncode else ""

    def _announce(self) -> None:
        """Tell the address as soon as gunicorn answers there."""
        while not self.announced:
            self._tick()
            if self._answers():
                self.announced = True
                self.console.say(f"serving at http://127.0.0.1:{self.settings['PORT']} (Ctrl-C stops)")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.settings["PORT"]), timeout=1)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    def _tick(self) -> None:
        """Let a moment pass; raises `Stop` or `WebEnded` when that is so."""
        self.console.pause()
        if self.web and self.web.poll() is not None:
            raise WebEnded

    def _revive_servers(self) -> None:
        for server in self.servers:
            if not server.alive:
                self.console.say(f"{server.title} ended, starting it again")
                try:
                    server.launch()
                    server.wait(pause=self._tick)
                except ServerError as error:
                    self.console.say(f"{error}; trying again in {RETRY_SECONDS} s")
                    wait_until(lambda: False, RETRY_SECONDS, self._tick)

    def _exit_code(self) -> int:
        code = self.web.returncode if self.web else 0
        self.console.fail(f"gunicorn ended with exit code {code}")
        return code if code >= 0 else 128 - code

    def _spawn(self, *arguments: str, errors: int | None = None) -> subprocess.Popen[bytes]:
        return spawn([self.python, *arguments], cwd=ROOT, output=None, errors=errors, environment=self.settings)
