"""The doors to what we depend on: each the only importer of its driver, owner of its breaker and its deadlines."""

import sys
from typing import Any, cast

# The dependencies, by the names of their breakers.
DATABASE, REDIS, AUTH, REPLICA = "database", "redis", "auth", "replica"

# redis-py imports OpenTelemetry where it is installed: 2 MB of every worker, and a tenth of a second of every start,
# for figures that nobody asks it for.
if "opentelemetry" not in sys.modules:
    cast("dict[str, Any]", sys.modules)["opentelemetry"] = None
    import redis  # noqa: F401

    del sys.modules["opentelemetry"]
