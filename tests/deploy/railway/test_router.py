"""The router as it is: Caddy with our Caddyfile before two slots."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from deploy.railway.settings import SPARE, Settings
from tests.serving import free_port, until

from .applications import Edge
from .routing import CADDY, CADDYFILE, routing, running
from .world import World

KEY = "a-key-for-the-idle-slot"


@pytest.fixture(scope="module")
def slots() -> Iterator[dict[str, str]]:
    """Two slots, and what the router has to know of them."""
    world = World()
    edge = Edge(world)
    known = {"SLOT_KEY": KEY}
    for colour in ("blue", "green"):
        service = world.add(f"api-{colour}")
        world.has(service, colour)
        host, _, port = edge.publish(service).removeprefix("http://").partition(":")
        known |= {f"{colour.upper()}_HOST": host, f"{colour.upper()}_PORT": port}
    yield known
    edge.stop()


@pytest.fixture(scope="module")
def router(slots: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A router whose active slot is blue."""
    with routing({**slots, "ACTIVE_SLOT": "blue"}, tmp_path_factory.mktemp("router")) as url:
        yield url


def commit(url: str, **headers: str) -> tuple[str, str]:
    """The slot and the commit that answer."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = requests.get(f"{url}/api/health", headers=given, timeout=5)
    return answer.headers["X-Slot"], answer.json()["commit"]


def test_the_public_is_sent_to_the_active_slot(router: str) -> None:
    """And the router says which one it has."""
    assert commit(router) == ("blue", "blue")
    assert requests.get(f"{router}/router/health", timeout=5).text == "blue"


def test_who_has_the_key_may_choose_the_slot(router: str) -> None:
    """That is how the idle slot is tested before the switch."""
    assert commit(router, X_Slot="green", X_Slot_Key=KEY) == ("green", "green")
    assert commit(router, X_Slot="blue", X_Slot_Key=KEY) == ("blue", "blue")


@pytest.mark.parametrize("headers", [{}, {"X_Slot_Key": "wrong"}, {"X_Slot_Key": ""}])
def test_who_has_not_is_sent_to_the_active_one(router: str, headers: dict[str, str]) -> None:
    """Whatever slot he names."""
    assert commit(router, X_Slot="green", **headers) == ("blue", "blue")


def test_a_key_that_is_missing_or_short_opens_nothing(slots: dict[str, str], tmp_path: Path) -> None:
    """An unset variable is no key that everybody has."""
    known = {name: value for name, value in slots.items() if name != "SLOT_KEY"}
    for given in ({}, {"SLOT_KEY": "short"}):
        with routing({**known, **given, "ACTIVE_SLOT": "blue"}, tmp_path) as url:
            assert commit(url, X_Slot="green", X_Slot_Key=given.get("SLOT_KEY", "")) == ("blue", "blue")


@pytest.mark.parametrize("active", ["", "red", "blue green"])
def test_a_slot_that_there_is_not_refuses_to_start(slots: dict[str, str], active: str) -> None:
    """So the router before it keeps serving."""
    command = [CADDY, "validate", "--config", CADDYFILE, "--adapter", "caddyfile"]
    done = subprocess.run(command, env={**slots, "ACTIVE_SLOT": active}, capture_output=True, timeout=30, check=False)

    assert done.returncode != 0


def test_an_unreachable_slot_is_said_in_our_form(slots: dict[str, str], tmp_path: Path) -> None:
    """A problem with a time to come back, not a page of the router's."""
    with routing({**slots, "BLUE_PORT": "9", "ACTIVE_SLOT": "blue"}, tmp_path) as url:
        answer = requests.get(f"{url}/api/health", timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (502, "slot_unreachable")
    assert answer.headers["Retry-After"] == "5"


def test_the_router_has_time_to_end() -> None:
    """Its delay and its patience with requests in flight fit into the time that the platform gives."""
    times = dict(re.findall(r"^\t(shutdown_delay|grace_period) (\d+)s", CADDYFILE.read_text(), re.MULTILINE))

    assert (
        int(times["shutdown_delay"]) + int(times["grace_period"]) + SPARE <= Settings.read().deploy["drainingSeconds"]
    )


def test_a_slot_that_is_being_replaced_keeps_its_callers_waiting(slots: dict[str, str], tmp_path: Path) -> None:
    """What could not be connected is tried again, until somebody listens: nobody is told of the gap."""
    world = World()
    service = world.add("api-blue")
    world.has(service, "new")
    port = free_port()
    with routing({**slots, "BLUE_HOST": "127.0.0.2", "BLUE_PORT": str(port), "ACTIVE_SLOT": "blue"}, tmp_path) as url:
        with ThreadPoolExecutor(4) as pool:
            began = time.monotonic()
            asked = [pool.submit(commit, url) for _ in range(4)]
            until(lambda: time.monotonic() > began + 0.5)  # nobody listens for that long
            edge = Edge(world)
            edge.publish(service, port=port)
            answers = [future.result(20) for future in asked]
        edge.stop()

    assert answers == [("blue", "new")] * 4


@pytest.mark.full
def test_a_router_that_is_asked_to_end_serves_on_for_a_while(slots: dict[str, str], tmp_path: Path) -> None:
    """The platform's edge still sends requests after the signal: for 4 s not one of them is lost, and then it ends."""
    with running({**slots, "ACTIVE_SLOT": "blue"}, tmp_path) as (url, process):
        process.send_signal(signal.SIGTERM)
        ends = time.monotonic() + 4
        count = 0
        while time.monotonic() < ends:
            assert commit(url) == ("blue", "blue")
            count += 1

        assert process.wait(40) == 0

    assert count > 100
