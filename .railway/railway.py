"""The Railway project as code: `GITHUB_REPOSITORY=owner/name railway config plan`, then `railway config apply`.

The settings of a service are those of `deploy/railway.json`, which Railway itself reads only until 2026-12-01.
"""

import json
import os
from pathlib import Path
from typing import Any

from railway_sdk import Project, define_railway, github, postgres, preserve, project, redis, service

ROOT = Path(__file__).resolve().parent.parent
SETTINGS: dict[str, Any] = json.loads((ROOT / "deploy" / "railway.json").read_text())
# Two slots of two replicas that overlap with the next ones must fit into the database's connections, so a replica has
# one worker: the other replica is there while it is replaced, and when a machine is lost.
SLOT: dict[str, str] = json.loads((ROOT / "deploy" / "slot.json").read_text())
# The API has no builder of that name: it follows from the path of the Dockerfile.
BUILD = {key: value for key, value in SETTINGS["build"].items() if key != "builder"}


@define_railway
def main(ctx: Any = None) -> Project:
    """Return the graph of the project: a router that owns the domain, two slots behind it, and what these share."""
    del ctx  # the same in every environment
    database, cache = postgres("Postgres"), redis("Redis")
    source = github(os.environ["GITHUB_REPOSITORY"])
    slots = [_slot(name, source, database, cache) for name in ("api-blue", "api-green")]
    return project("rental-backend", resources=[database, cache, *slots, _router(source)])


def _router(source: dict[str, Any]) -> Any:
    return service(
        "router",
        source=source,
        build={"dockerfilePath": "deploy/router/Dockerfile"},
        deploy={
            "healthcheckPath": "/router/health",  # its own: a slot that is away must not keep a router from starting
            **{key: SETTINGS["deploy"][key] for key in ("overlapSeconds", "drainingSeconds", "restartPolicyType")},
        },
        env={
            "PORT": "8080",
            "BLUE_HOST": "api-blue.railway.internal",
            "GREEN_HOST": "api-green.railway.internal",
            "ACTIVE_SLOT": preserve(),  # the switch is the tool's, never a by-product of `apply`
            "SLOT_KEY": preserve(),
        },
    )


def _slot(name: str, source: dict[str, Any], database: Any, cache: Any) -> Any:
    return service(
        name,
        source=source,
        build=BUILD,
        deploy=SETTINGS["deploy"],
        env={
            "PORT": "8080",  # fixed: the router finds the slots by private name and port
            "DATABASE_URL": database.env.DATABASE_URL,
            "REDIS_URL": cache.env.REDIS_URL,
            **SLOT,
            "SECRET_KEY": preserve(),  # set once in the dashboard
        },
    )
