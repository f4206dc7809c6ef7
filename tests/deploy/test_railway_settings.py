"""The settings of the service: of the types that Railway takes, consistent with the program, the same everywhere."""

import json
import runpy
from typing import Any

import pytest

from deploy.railway.budget import shipped
from deploy.railway.findings import Severity
from rental_backend.config import Config
from rental_backend.doctor.budget import ConnectionBudget
from tests.serving import ROOT

SAID: dict[str, Any] = json.loads((ROOT / "deploy" / "railway.json").read_text())
TYPES = {
    "build": {"builder": str, "dockerfilePath": str},
    "deploy": {
        "preDeployCommand": list,
        "startCommand": str,
        "healthcheckPath": str,
        "healthcheckTimeout": int,
        "overlapSeconds": int,
        "drainingSeconds": int,
        "restartPolicyType": str,
        "restartPolicyMaxRetries": int,
        "numReplicas": int,
        "sleepApplication": bool,
    },
}
MARGIN = 5  # seconds that a process may take for all but waiting


@pytest.mark.parametrize("part", TYPES)
def test_every_key_is_known_and_of_its_type(part: str) -> None:
    """Railway refuses a number that is written as text, and ignores a key that it does not know."""
    assert {key: type(value) for key, value in SAID[part].items()} == TYPES[part]
    assert set(SAID) == {"$schema", *TYPES}


def test_there_is_time_to_drain() -> None:
    """The delay, the wait for requests in flight and a margin fit between SIGTERM and SIGKILL; the edge has time."""
    deploy = SAID["deploy"]
    delay = Config.from_environ({"ENVIRONMENT": "test"}).prestop_delay
    graceful = _gunicorn()["graceful_timeout"]

    assert delay + graceful + MARGIN <= deploy["drainingSeconds"]
    assert deploy["overlapSeconds"] >= 10
    assert delay >= 1


def test_a_stop_is_not_cut_short_by_a_silent_worker() -> None:
    """What waits for a worker waits longer than a request may take, and a connection outlives the edge's patience."""
    gunicorn = _gunicorn()

    assert gunicorn["timeout"] > Config.from_environ({"ENVIRONMENT": "test"}).request_budget * 5
    assert gunicorn["keepalive"] > 60


def _gunicorn() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENVIRONMENT", "test")
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_the_commands_and_paths_exist() -> None:
    """What the platform is told to run, ask and build is there; one pre-deploy command, as it runs no more."""
    deploy = SAID["deploy"]

    assert (ROOT / SAID["build"]["dockerfilePath"]).is_file()
    assert deploy["restartPolicyType"] in ("ON_FAILURE", "ALWAYS", "NEVER")
    assert len(deploy["preDeployCommand"]) == 1
    assert deploy["preDeployCommand"][0].startswith("python -m flask --app wsgi release")


def test_what_a_slot_is_given_are_settings_of_the_program() -> None:
    """A name that it does not know would leave its pools as large as they are by default."""
    given = Config.from_environ({"ENVIRONMENT": "test", **shipped()})

    assert shipped() == {
        "WEB_CONCURRENCY": str(given.workers),
        "DATABASE_POOL_SIZE": str(given.database_pool_size),
        "AUTH_POOL_SIZE": str(given.auth_pool_size),
    }


def test_the_project_as_code_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `railway config apply` would set for either slot are the settings of this file, and no secret is in it."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/backend")
    graph = runpy.run_path(str(ROOT / ".railway" / "railway.py"))["main"]().to_graph()
    slots = {each["name"]: each for each in graph["resources"] if each["type"] == "service"}

    assert set(slots) == {"api-blue", "api-green", "router"}
    assert slots["router"]["variables"]["ACTIVE_SLOT"] == {"type": "preserve"}  # nothing but the tool switches
    assert (ROOT / slots["router"]["build"]["dockerfilePath"]).is_file()
    assert slots["router"]["deploy"]["healthcheckPath"] in (ROOT / "deploy" / "router" / "Caddyfile").read_text()
    for slot in (slots["api-blue"], slots["api-green"]):
        assert slot["deploy"] == SAID["deploy"]
        assert slot["build"] == {"dockerfilePath": SAID["build"]["dockerfilePath"]}
        plain = {name: str(each.get("value", "")) for name, each in slot["variables"].items()}
        fits = ConnectionBudget.of(plain, slots=2, replicas=SAID["deploy"]["numReplicas"]).finding()
        assert {name: plain[name] for name in shipped()} == shipped()
        assert fits.level is Severity.PASS, fits
        assert slot["variables"]["SECRET_KEY"] == {"type": "preserve"}
        assert slot["source"]["repo"] == "shop/backend"
        assert "volumeMounts" not in slot  # a service with a volume never overlaps
