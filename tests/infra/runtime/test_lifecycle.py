"""What an instance knows of its own start and end."""

import os
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from deploy import start
from rental_backend.infra.runtime.lifecycle import Lifecycle, Phase
from tests.refusals import refusal


@pytest.fixture
def shared() -> Iterator[int]:
    """A file as the starter makes it."""
    number = os.memfd_create("lifecycle")
    os.write(number, b"\0")
    yield number
    os.close(number)


def test_both_sides_mean_the_same() -> None:
    """The starter may import nothing of the application, so it has the numbers of the phases itself."""
    assert (Phase.SERVING, Phase.STARTING, Phase.DRAINING) == (start.SERVING, start.STARTING, start.DRAINING)


def test_a_change_is_known_at_once(shared: int) -> None:
    """What the starter writes is what every process that has the file reads next, children too."""
    lifecycle = Lifecycle(shared)
    assert lifecycle.phase is Phase.SERVING
    os.pwrite(shared, bytes([Phase.DRAINING]), 0)

    child = os.fork()
    if not child:
        os._exit(lifecycle.phase)

    assert lifecycle.phase is Phase.DRAINING
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == Phase.DRAINING


@pytest.mark.parametrize("number", [-1, 9999])
def test_without_a_starter_an_instance_serves(number: int) -> None:
    """Where nobody says anything, or the file was not inherited with its number, there is nothing to wait for."""
    assert Lifecycle(number).phase is Phase.SERVING


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.DRAINING])
def test_only_a_serving_instance_wants_traffic(shared: int, build: Callable[..., Flask], phase: Phase) -> None:
    """While it starts or drains, readiness is refused with the phase, and everything else is served."""
    client = build(LIFECYCLE_FD=str(shared)).test_client()
    os.pwrite(shared, bytes([phase]), 0)

    for path in ("/health/ready", "/health/ready?strict=1", "/api/health/ready"):
        said = refusal(client.get(path), 503)
        assert (said["code"], said["phase"]) == ("not_ready", phase.name.lower())
    assert client.get("/health").status_code == 200
