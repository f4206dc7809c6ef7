"""Process 1 of a container: `python -m deploy.start` serves, and ends without losing a request. Standard library only.

A platform that replaces an instance sends SIGTERM while its edge may still send requests. gunicorn would stop listening
at once, so SIGTERM is held back for PRESTOP_DELAY seconds, in which `/health/ready` says 503 and everything is served.
Every other signal is passed on as it comes. Arguments are passed to gunicorn.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping

SERVING, STARTING, DRAINING = range(3)  # as in rental_backend/infra/runtime/lifecycle.py
SERVE = ("gunicorn", "wsgi:app")
RELEASE = ("flask", "--app", "wsgi", "release", "--wait=20")
# Exit codes of `flask release`. Without a database we serve what we can; another run, or tables in use, take time.
# D63: a database that is away keeps nobody from starting.
RELEASED, UNREACHABLE, LOCKED, BUSY = 0, 3, 4, 5
PAUSE = 10.0  # seconds until a release is tried again
PASSED_ON = {
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH),
}
ENDING = {signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
HEARD = {*PASSED_ON, *ENDING, signal.SIGCHLD}


class Refused(Exception):
    """The environment cannot be used; the message says why in one line."""


# D62: SIGTERM is held back.
class Starter:
    """gunicorn, the release it may have to wait for, and what was asked of us."""

    def __init__(self, *, delay: float, migrate: bool, arguments: Iterable[str] = ()) -> None:
        self._delay = delay
        self._shared = os.memfd_create("lifecycle")
        os.set_inheritable(self._shared, True)
        self._say_phase(STARTING if migrate else SERVING)
        self._environ = {**os.environ, "LIFECYCLE_FD": str(self._shared)}
        self._server = self._spawn(*SERVE, *arguments)
        self._release = 0  # a process, while one runs
        self._timers: dict[str, float] = {}  # what to do when, in monotonic seconds
        self._asked_to_end = False
        self._fault = 0  # why we end, if it is the release's
        self._code: int | None = None
        if migrate:
            self._start_release()

    def run(self) -> int:
        """Serve until gunicorn has ended, and return the exit code to end with."""
        while self._code is None:
            due = min(self._timers.values(), default=None)
            wait = 3600.0 if due is None else max(0.0, due - time.monotonic())
            got = signal.sigtimedwait(HEARD, wait)
            if got is not None:
                self._hear(signal.Signals(got.si_signo))
            self._do_what_is_due()
        self._end_release()
        return self._code

    def _hear(self, number: signal.Signals) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGTERM and not self._asked_to_end and self._phase == SERVING:
            say(f"SIGTERM: draining, gunicorn is told in {self._delay:g} s")
            self._say_phase(DRAINING)
            self._asked_to_end = True
            self._timers["stop"] = time.monotonic() + self._delay
        else:
            self._asked_to_end |= number in ENDING
            self._timers.pop("stop", None)
            self._pass_on(number)

    def _pass_on(self, number: signal.Signals) -> None:
        say(f"{number.name}: passed on to gunicorn")
        os.kill(self._server, number)  # not reaped yet, so the number is still its own
        if number in ENDING:
            self._end_release()

    def _end_release(self) -> None:
        if self._release:
            os.kill(self._release, signal.SIGTERM)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for name, due in list(self._timers.items()):
            if due <= now and self._code is None:
                del self._timers[name]
                if name == "stop":
                    self._pass_on(signal.SIGTERM)
                elif not self._asked_to_end:
                    self._start_release()

    def _reap(self) -> None:
        """Take every ended child off the kernel's list: our two, and orphans that process 1 inherits."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = exit_code(status)
            if pid == self._server:
                self._server_ended(code)
            elif pid == self._release:
                self._release_ended(code)

    def _server_ended(self, code: int) -> None:
        """End as it did; an end that nobody asked for is a failure, so that the platform starts us again."""
        self._code = self._fault or code or (0 if self._asked_to_end else 1)
        say(f"gunicorn ended with {code}")

    def _release_ended(self, code: int) -> None:
        self._release = 0
        if self._asked_to_end:
            return
        if code in (UNREACHABLE, LOCKED, BUSY):
            self._timers["release"] = time.monotonic() + PAUSE
        if code in (RELEASED, UNREACHABLE):
            self._say_phase(SERVING)
        elif self._phase == SERVING:  # it was unreachable before, and we are needed: half a service is better than none
            say(f"the release failed with {code}; serving goes on")
        elif code not in (LOCKED, BUSY):
            say(f"the release failed with {code}, so this instance ends")
            self._asked_to_end, self._fault = True, code
            os.kill(self._server, signal.SIGTERM)

    def _start_release(self) -> None:
        self._release = self._spawn(*RELEASE)

    def _spawn(self, module: str, *arguments: str) -> int:
        command = [sys.executable, "-m", module, *arguments]
        return os.posix_spawn(sys.executable, command, self._environ, setsigmask=(), setsigdef=HEARD)

    def _say_phase(self, phase: int) -> None:
        self._phase = phase
        os.pwrite(self._shared, bytes([phase]), 0)


def exit_code(status: int) -> int:
    """Return the exit code of a wait status; a process ended by a signal counts as a shell counts it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def say(line: str) -> None:
    """Print one line about ourselves."""
    print(f"starter: {line}", file=sys.stderr, flush=True)


def settings(environ: Mapping[str, str]) -> tuple[float, bool]:
    """Return PRESTOP_DELAY and MIGRATE_AT_START. Raises `Refused`; gunicorn refuses everything else that is wrong."""
    given = environ.get("PRESTOP_DELAY", "").strip() or "5"
    try:
        delay = float(given)
    except ValueError:
        delay = -1
    if not 0 <= delay <= 600:
        raise Refused("PRESTOP_DELAY must be a number of seconds from 0 to 600")
    return delay, environ.get("MIGRATE_AT_START", "").strip().lower() in ("1", "true", "yes", "on", "t", "y")


def main(*arguments: str) -> int:
    """Return the exit code of the container."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # our parent may have had it ignored, and then nobody is told
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)  # from here on `sigtimedwait` takes them, none is lost
    try:
        delay, migrate = settings(os.environ)
    except Refused as error:
        say(str(error))
        return 1
    return Starter(delay=delay, migrate=migrate, arguments=arguments).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
