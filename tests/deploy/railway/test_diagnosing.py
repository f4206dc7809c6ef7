"""Diagnosing: each staged failure is named by its cause, and by nothing else."""

from collections.abc import Callable
from dataclasses import asdict

import pytest

from rental_backend.doctor.examination import of_variables
from rental_backend.doctor.variables import Variables

from .conftest import Project
from .world import Service

ORIGIN = "https://www.omomrentals.shop"
NOWHERE = "127.0.0.1:9"  # the custom domain, where nobody listens
CERTIFICATE = "CERTIFICATE_STATUS_TYPE_"
RECORD = {
    "hostlabel": "api",
    "fqdn": "api.example.com",
    "recordType": "CNAME",
    "requiredValue": "abc.up.railway.app",
    "currentValue": "",
    "status": "DNS_RECORD_STATUS_PROPAGATED",
}


def custom(*, verified: bool = True, certificate: str = "VALID", **record: str) -> dict[str, object]:
    """A custom domain as the platform tells of it."""
    status = {
        "verified": verified,
        "certificateStatus": CERTIFICATE + certificate,
        "dnsRecords": [{**RECORD, **record}],
    }
    return {"id": "d", "domain": NOWHERE, "targetPort": 8080, "status": status}


def deployed(step: str, *log: str, build: bool = False) -> Callable[[Project, Service], None]:
    """Stage a deployment that fails at a step, with these lines in its log."""

    def stage(project: Project, service: Service) -> None:
        logs = {"build_log" if build else "deploy_log": list(log)}
        project.world.start(service, project.history.newer, fails_at=step, **logs)
        project.world.clock.seconds += 100

    return stage


def variable(name: str, value: str | None) -> Callable[[Project, Service], None]:
    """Stage a variable that is wrong, or missing."""

    def stage(_: Project, service: Service) -> None:
        service.variables.pop(name, None)
        if value is not None:
            service.variables[name] = value

    return stage


def setting(name: str, value: object) -> Callable[[Project, Service], None]:
    """Stage a setting of the platform that differs from the file."""
    return lambda _, service: service.settings.update({name: value})


def domain(**more: object) -> Callable[[Project, Service], None]:
    """Stage a custom domain."""
    return lambda _, service: service.custom.append(custom(**more))  # type: ignore[arg-type]


def edge(status: int, text: str) -> Callable[[Project, Service], None]:
    """Stage what the edge answers in place of the application."""
    return lambda project, _: setattr(project.world, "edge", (status, text))


def row(**values: object) -> Callable[[Project, Service], None]:
    """Stage a property of the live deployment."""

    def stage(project: Project, service: Service) -> None:
        for name, value in values.items():
            setattr(project.world.of(service)[-1], name, value)

    return stage


def postgres_is_down(project: Project, _: Service) -> None:
    """Stage a database that everybody lacks."""
    project.world.of(project.world.services["Postgres"])[-1].state = "CRASHED"
    project.world.down = frozenset({"database"})


def target_port(_: Project, service: Service) -> None:
    """Stage a domain that leads to another port."""
    service.domains[0]["targetPort"] = 3000


def never_deployed(project: Project, service: Service) -> None:
    """Stage a service that was only made."""
    project.world.rows = [each for each in project.world.rows if each.service != service.name]


UNREACHABLE = "Error: The database cannot be reached: its host name is not known."
STAGED: dict[str, tuple[Callable[[Project, Service], None], set[str]]] = {
    "a package that is not the locked one": (
        deployed("BUILD_IMAGE", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", build=True),
        {"build-hash"},
    ),
    "a package that there is not": (
        deployed("BUILD_IMAGE", "ERROR: No matching distribution found for flask==99", build=True),
        {"build-package"},
    ),
    "no Dockerfile": (deployed("BUILD_IMAGE", "Dockerfile 'x' does not exist", build=True), {"build-dockerfile"}),
    "an unknown fault of the build": (deployed("BUILD_IMAGE", "strange things happen", build=True), {"failed"}),
    "a failing migration": (
        deployed("PRE_DEPLOY_COMMAND", "Error: Revision 202611230001 failed: column exists. Nothing was changed."),
        {"migration-failed"},
    ),
    "a migration beside another": (
        deployed("PRE_DEPLOY_COMMAND", "Error: Another migration is still running; nothing was changed."),
        {"migration-locked"},
    ),
    "a table in use": (
        deployed(
            "PRE_DEPLOY_COMMAND", "Error: Revision 1 did not get its lock on a table in use. Nothing was changed."
        ),
        {"migration-busy"},
    ),
    "rows in the way": (
        deployed("PRE_DEPLOY_COMMAND", "Error: 7 rows would stop the migration; nothing was changed."),
        {"migration-bad-rows"},
    ),
    "a database past a contract": (
        deployed("PRE_DEPLOY_COMMAND", "Error: The database is at 9, past 8, which took away what this version needs."),
        {"migration-contract"},
    ),
    "a database that is not found": (deployed("PRE_DEPLOY_COMMAND", UNREACHABLE), {"database-unreachable"}),
    "a wrong password of the database": (
        deployed("PRE_DEPLOY_COMMAND", 'The database cannot be reached: password authentication failed for user "x".'),
        {"database-password"},
    ),
    "no connection left": (
        deployed("PRE_DEPLOY_COMMAND", "The database cannot be reached: sorry, too many clients already."),
        {"connections-exhausted"},
    ),
    "a setting that is missing": (
        deployed("HEALTHCHECK", "Configuration refused. SECRET_KEY: Required in production."),
        {"settings-refused"},
    ),
    "a module that is missing": (
        deployed("HEALTHCHECK", "Traceback (most recent call last):", "ModuleNotFoundError: No module named 'orjson'"),
        {"import-error"},
    ),
    "a port that is not replaced": (
        deployed("HEALTHCHECK", "Error: '$PORT' is not a valid port number."),
        {"port-variable"},
    ),
    "two programs at one port": (deployed("HEALTHCHECK", "[ERROR] Connection in use: ('::', 8080)"), {"port-in-use"}),
    "another port": (deployed("HEALTHCHECK", "Listening at: http://0.0.0.0:5000 (1)"), {"port-mismatch"}),
    "no port at all": (deployed("HEALTHCHECK", "thinking"), {"not-listening"}),
    "a health check that is never 200": (
        deployed("HEALTHCHECK", "Listening at: http://[::]:8080 (1)"),
        {"health-check"},
    ),
    "no memory": (
        deployed("HEALTHCHECK", "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?"),
        {"out-of-memory"},
    ),
    "a start command that is not there": (
        deployed("CREATE_CONTAINER", 'exec: "python3.11": executable file not found in $PATH'),
        {"command-missing"},
    ),
    "a crash of no known cause": (row(state="CRASHED", deploy_log=["bye"]), {"failed", "edge-no-application"}),
    "a skipped deployment": (row(state="SKIPPED"), {"skipped", "edge-no-application"}),
    "an approval that is wanted": (row(state="NEEDS_APPROVAL"), {"needs-approval", "edge-no-application"}),
    "a state of tomorrow": (row(state="A_STATE_OF_TOMORROW"), {"state-unknown", "edge-no-application"}),
    "a program that ended": (row(stops=0), {"ended", "edge-no-application"}),
    "a service that was never deployed": (never_deployed, {"never-deployed", "edge-no-application"}),
    "a setting that differs": (setting("drainingSeconds", 0), {"config-drift"}),
    "a database URL that is missing": (variable("DATABASE_URL", None), {"setting-missing"}),
    "a database in the container": (variable("DATABASE_URL", "postgresql://u:p@localhost/db"), {"url-local"}),
    "a reference that was not replaced": (variable("REDIS_URL", "redis://${{Redis.HOST}}:6379"), {"url-reference"}),
    "a key that is too short": (variable("SECRET_KEY", "short"), {"setting-key"}),
    "a PORT that is no number": (variable("PORT", "$PORT"), {"port-number"}),
    "a domain to another port": (target_port, {"domain-port"}),
    "a DNS record that is missing": (
        domain(status="DNS_RECORD_STATUS_REQUIRES_UPDATE"),
        {"domain-dns", "domain-elsewhere"},
    ),
    "a domain that is not verified": (domain(verified=False), {"domain-unverified", "domain-elsewhere"}),
    "a certificate that does not come": (
        domain(certificate="VALIDATING_OWNERSHIP"),
        {"domain-certificate", "domain-elsewhere"},
    ),
    "an origin with a slash": (variable("CORS_ORIGINS", f"{ORIGIN}/"), {"cors-setting", "cors-origin", "cors-errors"}),
    "an origin that is not allowed": (
        variable("CORS_ORIGINS", "https://other.example"),
        {"cors-origin", "cors-errors"},
    ),
    "an origin that should not be allowed": (
        lambda project, _: project.world.origins.add("https://evil.example"),
        {"cors-strangers"},
    ),
    "an edge that reaches nobody": (edge(502, "Application failed to respond"), {"edge-unreachable"}),
    "an application that sleeps": (edge(404, "Application not found"), {"edge-no-application"}),
    "something else in front": (edge(403, "blocked"), {"edge-other"}),
    "a database that is down for everybody": (postgres_is_down, {"backing-service", "dependency-down"}),
    "a database that only this build lacks": (row(down=frozenset({"database"})), {"dependency-down"}),
}


@pytest.mark.parametrize("name", STAGED)
def test_a_staged_failure_is_named_by_its_cause(project: Project, name: str) -> None:
    """The check that fails is the one that names the cause, and it says what mends it."""
    stage, expected = STAGED[name]
    service = project.service("api", project.history.expand)
    service.variables["CORS_ORIGINS"] = ORIGIN
    stage(project, service)

    done = project.run("diagnose")

    assert set(done.failed) == expected, done.told["findings"]
    assert done.code == 1
    assert all(done.finding(code)["mend"] for code in expected)


def test_a_sound_service_passes(project: Project) -> None:
    """Nothing fails where nothing is wrong, and every check was made."""
    project.service("api", project.history.expand).variables["CORS_ORIGINS"] = ORIGIN

    done = project.run("diagnose")

    assert (done.code, done.failed) == (0, []), done.told["findings"]
    assert [each["code"] for each in done.told["findings"] if each["level"] == "SKIP"] == []


def test_the_checks_of_the_doctor_judge_the_variables(project: Project) -> None:
    """What the doctor checks without asking anybody is checked here, too, from the same list."""
    service = project.service("api", project.history.expand)
    service.variables |= {
        "CORS_ORIGINS": ORIGIN,
        "SECRET_KEY": "ab" * 16,
        "SECRET_KEYS_OLD": "ab" * 16,
        "MODE": "read-only",
    }
    known = Variables(values=service.variables, replicas=2)

    told = project.run("diagnose").told["findings"]

    assert {each["code"]: each["level"] for each in told if each["code"] in ("secret-key", "secret-key-old")} == {
        "secret-key": "WARN",
        "secret-key-old": "WARN",
    }
    assert [asdict(each) for each in of_variables(known) if asdict(each) not in told] == []


def test_an_older_version_that_still_serves_is_said(project: Project) -> None:
    """Whoever reads of a failed deployment wants to know whether the public notices."""
    service = project.service("api", project.history.expand)
    deployed("HEALTHCHECK", "thinking")(project, service)

    assert "still served" in project.run("diagnose").finding("older-serves")["message"]


def test_a_mode_that_an_operator_ordered_is_said(project: Project) -> None:
    """Who wonders why nothing can be written should not look for a fault."""
    service = project.service("api", project.history.expand)
    row(mode="read-only")(project, service)

    assert project.run("diagnose").finding("mode")["level"] == "WARN"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("Variables", "variables"),
        ("Instance", "settings"),
        ("Domains", "domains"),
        ("AutoDeploy", "auto-deploy"),
    ],
)
def test_what_cannot_be_read_is_skipped(project: Project, operation: str, code: str) -> None:
    """One part that the platform does not tell leaves the others."""
    project.service("api", project.history.expand)
    project.fault(operation, "status 500", times=1000)

    done = project.run("diagnose")

    assert done.finding(code)["level"] == "SKIP"
    assert done.finding("deployment")["level"] == "PASS"


@pytest.mark.parametrize("environ", [{"RAILWAY_TOKEN": "wrong"}, {"RAILWAY_TOKEN": "", "RAILWAY_API_TOKEN": "wrong"}])
def test_a_wrong_token_is_named(project: Project, environ: dict[str, str]) -> None:
    """Also when an account's token is given for a project's."""
    scope = {"RAILWAY_PROJECT_ID": "project-1", "RAILWAY_ENVIRONMENT_ID": "environment-1"}

    done = project.run("diagnose", **environ, **scope)

    assert done.failed == ["token"]


def test_a_service_that_there_is_not_is_named_with_those_there_are(project: Project) -> None:
    """A misspelt name is told with what could have been meant."""
    done = project.run("diagnose", "--service", "apj")

    assert done.failed == ["usage"]
    assert "Postgres" in done.finding("usage")["message"]


def test_the_offline_part_needs_no_token(project: Project) -> None:
    """Files, revisions and the budget of connections are looked at without the platform."""
    done = project.run("diagnose", "--offline", RAILWAY_TOKEN="")

    assert (done.code, project.api.requests) == (0, [])
    assert {each["code"] for each in done.told["findings"]} >= {"config-timing", "migrations-head", "connections"}
    assert done.finding("connections")["level"] == "PASS"  # as our slots are shipped


def test_the_offline_part_judges_an_environment(project: Project) -> None:
    """Where the variables of a service are set, they are diagnosed, and never shown."""
    done = project.run("diagnose", "--offline", DATABASE_URL="postgresql://u:hunter2hunter2@localhost/x", PORT="x")

    assert set(done.failed) == {"setting-missing", "url-local", "port-number"}
