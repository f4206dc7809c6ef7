"""What is told of health: always an answer, at once, and never a secret."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rental_backend import __version__
from tests.proxy import Proxy
from tests.refusals import refusal
from tests.web.conftest import UNREACHABLE

READY = ("/health/ready", "/api/health/ready")
PATHS = ("/", "/health", "/api/health", "/health/breakers", "/api/health/breakers", *READY)
NAMES = {"database", "redis", "auth"}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_names_status_time_version_and_service(client: FlaskClient, path: str) -> None:
    """All of them carry what the frontend reads, without a sign-in."""
    said = client.get(path).get_json()

    assert (said["status"], said["version"], said["service"]) == ("healthy", __version__, "rental_backend")
    assert datetime.fromisoformat(said["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_shows_a_secret(client: FlaskClient, dark_app: Flask, settings: dict[str, str], path: str) -> None:
    """Neither keys nor passwords nor hosts are told, whether the dependencies answer or not."""
    secrets = {settings["SECRET_KEY"], "hidden-word", "psycopg", "Traceback", "127.0.0.1"}
    for url in (*(settings[name] for name in ("DATABASE_URL", "REDIS_URL")), *UNREACHABLE.values()):
        secrets |= {url, str(urlsplit(url).password)}

    for answer in (client.get(path), dark_app.test_client().get(path)):
        assert [secret for secret in secrets if secret in answer.text] == []


def test_the_root_tells_where_to_look(client: FlaskClient) -> None:
    """The links of the root lead somewhere."""
    said = client.get("/").get_json()

    for link in (said["health"], said["breakers"]):
        assert client.get(link).status_code == 200


def test_a_deployment_says_which_one_it_is(build: Callable[..., Flask]) -> None:
    """Whoever deploys can tell which deployment answered."""
    app = build(RAILWAY_DEPLOYMENT_ID="d-1", RAILWAY_GIT_COMMIT_SHA="c0ffee", RAILWAY_REPLICA_ID="r-1")

    for path in ("/", "/api/health"):
        said = app.test_client().get(path).get_json()
        assert (said["deployment"], said["commit"], said["replica"]) == ("d-1", "c0ffee", "r-1")


def test_health_tells_what_works(client: FlaskClient) -> None:
    """Every dependency with its state, every part with how its operations are answered."""
    said = client.get("/api/health").get_json()

    assert said["dependencies"] == dict.fromkeys(NAMES, "closed")
    assert set(said["features"]) == set(client.application.blueprints)
    for feature in said["features"].values():
        assert feature["status"] == "available"
        assert set(feature["answers"]) == {"full"}


def test_breakers_tell_their_state_and_history(client: FlaskClient, app: Flask) -> None:
    """Each breaker shows state, cause, counts and events; each operation what it needs and how it is answered."""
    said = client.get("/health/breakers").get_json()

    assert isinstance(said["worker"], int)
    assert {breaker["name"] for breaker in said["breakers"]} == NAMES
    for breaker in said["breakers"]:
        assert (breaker["state"], breaker["retry_after"], breaker["listener_faults"]) == ("closed", 0, 0)
        assert breaker["down_for_seconds"] is None
        assert breaker["calls"]["in_flight"] <= 1 < breaker["calls"]["limit"]  # one of the background, maybe
        assert set(breaker["window"]) == {"seconds", "successes", "failures", "slow"}
        assert [(event["from"], event["to"]) for event in breaker["events"]][-2:] == [
            ("open", "half-open"),
            ("half-open", "closed"),
        ]
        assert all(datetime.fromisoformat(event["at"]).tzinfo for event in breaker["events"])
    operations = {(each["method"], each["path"]): each for each in said["operations"]}
    assert operations["GET", "/api/customers/"]["needs"] == ["auth", "database"]
    assert {each["answer"] for each in said["operations"]} == {"full"}
    assert len(operations) == sum(
        len((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in app.url_map.iter_rules()
    )


def test_a_process_without_dependencies_is_alive_and_degraded(dark_app: Flask) -> None:
    """The process is not ended for what its dependencies do: alive, and honest about it."""
    client = dark_app.test_client()

    for path in ("/", "/health", "/api/health", "/health/breakers"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "degraded")
    said = client.get("/api/health").get_json()
    assert said["features"]["auth"]["status"] != "available"
    assert said["features"]["customers"]["status"] == "degraded"
    assert said["features"]["health"]["status"] == "available"


def test_operations_are_shown_as_they_are_answered(dark_app: Flask) -> None:
    """With everything away, reads would be stale and changes are refused."""
    said = dark_app.test_client().get("/health/breakers").get_json()

    answers = {(each["method"], each["path"]): each["answer"] for each in said["operations"]}
    assert answers["GET", "/api/customers/"] == "stale"
    assert answers["POST", "/api/customers/"] == "refuse"
    assert answers["POST", "/api/auth/login"] == "refuse"
    assert answers["GET", "/health"] == "full"
    assert all(breaker["down_for_seconds"] >= breaker["for_seconds"] >= 0 for breaker in said["breakers"])


@pytest.mark.parametrize("path", READY)
def test_ready_takes_traffic_degraded_unless_strict(dark_app: Flask, client: FlaskClient, path: str) -> None:
    """A degraded process takes traffic and says what is missing; `strict=1` refuses and names it."""
    dark = dark_app.test_client()

    loose = dark.get(path)
    strict = dark.get(path + "?strict=1")

    assert (loose.status_code, loose.get_json()["missing"]) == (200, sorted(NAMES))
    said = refusal(strict, 503)
    assert (said["code"], said["missing"]) == ("not_ready", sorted(NAMES))
    assert all(name in said["detail"] for name in NAMES)
    whole = client.get(path + "?strict=1")
    assert (whole.status_code, whole.get_json()["missing"]) == (200, [])


@pytest.mark.parametrize("query", ["strict=perhaps", "strct=1", "strict=\0"])
def test_ready_refuses_what_it_does_not_know(client: FlaskClient, query: str) -> None:
    """A misspelt question is not answered as if it had been another."""
    refusal(client.get("/health/ready?" + query), 422, fields=(query.partition("=")[0],))


def test_nothing_is_ready_before_the_first_look(build: Callable[..., Flask]) -> None:
    """A process that has not looked at its dependencies yet gets no traffic, and is alive all the same."""
    proxy = Proxy(1)
    proxy.black_hole()
    silent = f"postgresql://nobody:word@127.0.0.1:{proxy.port}/none"
    app = build(DATABASE_URL=silent, DATABASE_CONNECT_DEADLINE="30", DATABASE_DEADLINE="30")
    client = app.test_client()

    said = refusal(client.get("/health/ready"), 503)
    alive = client.get("/health")
    proxy.close()

    assert said["code"] == "not_ready"
    assert (alive.status_code, alive.get_json()["status"]) == (200, "degraded")
