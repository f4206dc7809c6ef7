"""`deploy/dev`: `deploy/run` for somebody who changes the program. It starts anew when a file changes."""

import contextlib
import os
import signal
from pathlib import Path

from deploy.private.binaries import ROOT
from deploy.private.console import Console, SetupError
from deploy.private.process import wait_until
from deploy.private.run import run
from deploy.private.stage import Stage, WebEnded

WATCHED = ("rental_backend", "migrations", "wsgi.py", "gunicorn.conf.py", "alembic.ini")
LOOK_EVERY = 10  # moments of the console, which are of 0.03 s
PATIENCE = 3  # seconds for requests under way, before gunicorn is killed
DEFAULTS = {"LOG_LEVEL": "DEBUG", "WEB_CONCURRENCY": "1"}

Seen = dict[Path, int]


class Changed(Exception):
    """A file has changed; the message names it."""


class Reloading(Stage):
    """Plays the application until a file changes, and then anew. What cannot be played waits for the next change."""

    _seen: Seen | None = None  # as gunicorn has read it
    _moments = 0

    def play(self, *, retry: bool) -> int:
        """Serve until the user ends it. `retry` when the database may come to life later than we do."""
        self.console.say(f"starting {', '.join([*(server.title for server in self.servers), 'gunicorn'])}")
        self._raise_servers()
        while True:
            self._seen = seen(ROOT)
            try:
                self._serve(retry=retry)
            except Changed as change:
                self.console.say(f"{change} changed, starting gunicorn again")
            self._end_web()

    def _serve(self, *, retry: bool) -> None:
        """Start gunicorn and serve; raises `Changed` or `Stop`."""
        self.announced = False
        self.web = self._spawn("-m", "gunicorn", "wsgi:app")
        try:
            self._prepare(retry=retry)
            self._announce()
            while True:
                self._tick()
                self._revive_servers()
        except (SetupError, WebEnded) as error:
            said = str(error) or f"gunicorn ended with exit code {self.web.returncode}"
            self.console.fail(f"{said}; a change of a file starts it again")
            self.web.kill()
            self.web.wait()
            self.web = None
            while True:
                self._tick()

    def _tick(self) -> None:
        """Let a moment pass; raises `Changed` too when that is so."""
        super()._tick()
        self._moments += 1
        if self._seen is not None and self._moments % LOOK_EVERY == 0:
            now = seen(ROOT)
            if now != self._seen:
                different = sorted(path for path, _ in now.items() ^ self._seen.items())
                raise Changed(str(different[0].relative_to(ROOT)))

    def _end_web(self) -> None:
        """End gunicorn, after the requests under way if they take no longer than a moment."""
        web = self.web
        if web is None:
            return
        web.send_signal(signal.SIGTERM)
        wait_until(lambda: web.poll() is not None or self.console.asked_to_stop > 0, PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(web.pid, signal.SIGKILL)
        web.wait()
        self.web = None


def seen(root: Path) -> Seen:
    """Return when each file was written that the program is made of; 400 files take 5 ms."""
    found: Seen = {}
    for name in WATCHED:
        place = root / name
        for path in [place, *place.rglob("*")]:
            if "__pycache__" not in path.parts:
                with contextlib.suppress(OSError):  # an editor is replacing it
                    if path.is_file():
                        found[path] = path.stat().st_mtime_ns
    return found


def dev(console: Console) -> int:
    """Serve with debug logs, in one worker, until the user ends it."""
    return run(console, Reloading, DEFAULTS)
