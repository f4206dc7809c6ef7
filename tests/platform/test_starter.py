"""The first process of a container: what it passes on, what it cleans up, and how it ends."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.platform.starting import Started
from tests.serving import ROOT, until

Start = Callable[..., Started]


def test_what_it_is_told_goes_to_gunicorn_and_orphans_to_nobody(start: Start, tmp_path: Path) -> None:
    """A process whose parent has ended is the first process's to wait for, and no zombie is left.

    Every signal that gunicorn knows reaches it; SIGINT ends it at once, in order.
    """
    orphan = tmp_path / "orphan"
    starter = start(leaving(orphan, tmp_path), WEB_CONCURRENCY="1")
    pid = int(until(lambda: orphan.exists() and orphan.read_text().strip(), 30))
    until(lambda: starter.process.pid == parent(pid) or not parent(pid), what="it is adopted")
    until(lambda: parent(pid) is None, what="it is waited for")
    starter.serves()

    starter.send(signal.SIGTTIN)
    until(lambda: len(starter.workers()) == 2, what="a worker more")
    starter.send(signal.SIGTTOU)
    until(lambda: len(starter.workers()) == 1, what="a worker less")
    for name in ("HUP", "USR1", "WINCH"):
        starter.send(signal.Signals[f"SIG{name}"])
        until(partial(starter.said, f"Handling signal: {name.lower()}"), what=name)
    starter.send(signal.SIGINT)

    assert starter.ends() == 0


def leaving(orphan: Path, folder: Path) -> str:
    """Return gunicorn's option for our configuration, and a process whose parent ends; its number is in `orphan`."""
    config = folder / "gunicorn.conf.py"
    config.write_text(
        f"exec(open({str(ROOT / 'gunicorn.conf.py')!r}).read())\n"
        "ready = when_ready\n"
        "def when_ready(server):\n"
        "    import subprocess\n"
        "    ready(server)\n"
        f"    subprocess.run(['sh', '-c', 'sleep 0.5 & echo $! > {orphan}'])\n"
    )
    return f"--config={config}"


@pytest.mark.full
def test_a_second_wish_to_end_is_not_made_to_wait(start: Start) -> None:
    """Whoever sends SIGTERM twice does not want the delay; the end is as orderly."""
    starter = start(PRESTOP_DELAY="600").serves()

    starter.send(signal.SIGTERM)
    until(lambda: starter.said("SIGTERM: draining"))
    starter.send(signal.SIGTERM)

    assert starter.ends() == 0
    assert starter.said("SIGTERM: passed on to gunicorn") == 1


def parent(pid: int) -> int | None:
    """The parent of a process, an ended one included; None when it is quite gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.mark.full
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGTERM, 1)])
def test_an_end_of_gunicorn_that_nobody_asked_for_is_a_failure(start: Start, number: signal.Signals, code: int) -> None:
    """Killed or stopped behind the starter's back, it is not mistaken for finished work: it is to be started again."""
    starter = start(WEB_CONCURRENCY="1").serves()

    os.kill(starter.gunicorn, number)

    assert starter.ends() == code


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PRESTOP_DELAY": "soon"}, "PRESTOP_DELAY"),
        ({"PRESTOP_DELAY": "nan"}, "PRESTOP_DELAY"),
        ({"PORT": "eighty", "REDIS_URL": "x"}, "REDIS_URL"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(start: Start, wrong: dict[str, str], said: str) -> None:
    """A start that cannot succeed ends with 1 and says why, without a traceback."""
    starter = start(**wrong)

    assert starter.ends() == 1
    assert starter.said(said)
    assert not starter.said("Traceback")
