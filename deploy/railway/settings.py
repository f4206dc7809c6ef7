"""`deploy/railway.json`, the one source of a service's settings: read, checked, and compared with the platform.

The platform's own parser takes numbers for numbers only, and fails the deployment over "30".
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.railway import checkout
from deploy.railway.exits import UsageError
from deploy.railway.findings import Finding, failed, passed, warned

FILE = "deploy/railway.json"
CUTOFF = datetime(2026, 12, 1, tzinfo=UTC)  # from then on the platform reads no such file
SPARE = 5  # seconds that the platform may be late
PRESTOP = 5.0  # of deploy/start.py, unless PRESTOP_DELAY says otherwise
TEXT, NUMBER, FLAG, TEXTS = "a text", "a whole number", "true or false", "a list of texts"
RESTARTS = ("ON_FAILURE", "ALWAYS", "NEVER")
BUILD = {"builder": TEXT, "buildCommand": TEXT, "dockerfilePath": TEXT, "watchPatterns": TEXTS}
DEPLOY = {
    "startCommand": TEXT,
    "preDeployCommand": TEXTS,
    "healthcheckPath": TEXT,
    "healthcheckTimeout": NUMBER,
    "restartPolicyType": TEXT,
    "restartPolicyMaxRetries": NUMBER,
    "numReplicas": NUMBER,
    "overlapSeconds": NUMBER,
    "drainingSeconds": NUMBER,
    "sleepApplication": FLAG,
}
# The API knows no builder DOCKERFILE: that follows from dockerfilePath.
APPLIED = (*DEPLOY, "dockerfilePath")


@dataclass(frozen=True)
class Settings:
    """The two parts of the file that count."""

    build: Mapping[str, Any]
    deploy: Mapping[str, Any]

    @classmethod
    def read(cls) -> "Settings":
        """Read the file. Raises `UsageError` when it is not there or no JSON of that form."""
        path = checkout.file(FILE)
        try:
            told = json.loads(path.read_text())
        except OSError as error:
            raise UsageError(f"{path.name} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UsageError(f"{path.name} is no JSON: {error}") from None
        build, deploy = (told.get(name, {}) if isinstance(told, dict) else None for name in ("build", "deploy"))
        if not isinstance(build, dict) or not isinstance(deploy, dict):
            raise UsageError(f"{path.name} needs objects `build` and `deploy`")
        return cls(build, deploy)

    @property
    def applied(self) -> dict[str, Any]:
        """What the platform is to have, under the names of its API."""
        both = {**self.build, **self.deploy}
        return {name: both[name] for name in APPLIED if name in both}


def validate(settings: Settings, environ: Mapping[str, str], today: datetime) -> list[Finding]:
    """Check the names, types and values of the settings, and that stopping takes no longer than it may."""
    found = [*_typed("build", settings.build, BUILD), *_typed("deploy", settings.deploy, DEPLOY)]
    if not found:
        found = [passed("config-types", f"{len(settings.applied)} settings have the types that the platform reads")]
        found += [
            *_values(settings.deploy),
            *_timing(settings.deploy, environ),
            *_dockerfile(settings.build),
        ]
    if today >= CUTOFF:
        found.append(
            warned("config-cutoff", "the platform reads railway.json no more", "config apply brings the settings there")
        )
    return found


def _typed(part: str, given: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in given.items():
        if name not in known:
            yield failed(
                "config-unknown",
                f"{part}.{name} is no setting that the platform knows",
                "take it out, or mend its name",
            )
        elif not _is(value, known[name]):
            yield failed(
                "config-types",
                f"{part}.{name} must be {known[name]}, not {json.dumps(value)}",
                "write it so in railway.json",
            )


def _is(value: Any, kind: str) -> bool:
    if kind == NUMBER:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, str)


def _values(deploy: Mapping[str, Any]) -> Iterator[Finding]:
    if deploy.get("restartPolicyType", RESTARTS[0]) not in RESTARTS:
        yield failed(
            "config-restart", f"restartPolicyType must be one of {', '.join(RESTARTS)}", "write it in capitals"
        )
    command = str(deploy.get("startCommand", ""))
    if "$" in command and "sh -c" not in command:
        named = re.findall(r"[$][{]?[A-Za-z_]*", command)[0]
        said = f"startCommand is run without a shell, so {named} stays as it is written"
        yield failed("config-start", said, "let the program read the variable, or wrap it: /bin/sh -c 'exec ...'")
    if not deploy.get("healthcheckPath"):
        yield failed(
            "config-health", "without a healthcheckPath a version that cannot answer goes live", "/health/ready"
        )
    elif int(deploy.get("healthcheckTimeout", 300)) < 120:
        yield warned("config-health", "a fresh private network may need a minute", "healthcheckTimeout 120 or more")
    if not deploy.get("overlapSeconds"):
        yield failed("config-overlap", "without an overlap every deployment loses requests", "overlapSeconds 30")
    if deploy.get("sleepApplication"):
        yield warned("config-sleep", "a sleeping service answers 502 or 404 first", "sleepApplication false")


def _timing(deploy: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Check PRESTOP_DELAY + graceful_timeout + 5 <= drainingSeconds: else the platform kills what is being answered."""
    found = re.search(r"^graceful_timeout *= *(\d+)", checkout.file("gunicorn.conf.py").read_text(), re.MULTILINE)
    graceful = int(found[1]) if found else 30  # gunicorn's own default
    try:
        prestop = float(environ.get("PRESTOP_DELAY", "").strip() or PRESTOP)
    except ValueError:
        yield failed("config-timing", "PRESTOP_DELAY is no number", "a number of seconds")
        return
    needed, draining = prestop + graceful + SPARE, deploy.get("drainingSeconds", 0)
    said = f"stopping takes {prestop:g} + {graceful} + {SPARE} s, and drainingSeconds is {draining}"
    if needed > draining:
        yield failed("config-timing", said, f"drainingSeconds {needed:g} or more: requests in flight are killed else")
    else:
        yield passed("config-timing", said)


def _dockerfile(build: Mapping[str, Any]) -> Iterator[Finding]:
    path = build.get("dockerfilePath")
    if path and not checkout.file(str(path)).is_file():
        yield failed("config-dockerfile", f"there is no {path} in this checkout", "mend build.dockerfilePath")


def drift(settings: Settings, platform: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs: the platform's value and ours, by name. A command may be a text or a list of one."""
    both = {name: (platform.get(name), wanted) for name, wanted in settings.applied.items()}
    return {name: (theirs, ours) for name, (theirs, ours) in both.items() if _plain(theirs) != _plain(ours)}


def _plain(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
