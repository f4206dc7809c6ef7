"""The adapters of our dependencies: each the only importer of its driver, and owner of its breaker and deadlines."""

from . import redis  # noqa: F401 - before pybreaker imports the driver in its own way

# The dependencies, by the names of their breakers.
DATABASE, REDIS, AUTH, REPLICA = "database", "redis", "auth", "replica"

# redis-py imports OpenTelemetry where it is installed: 2 MB in every worker, and a tenth of a second of every start,
# for metrics that nobody reads.
if "opentelemetry" not in sys.modules:
    cast("dict[str, Any]", sys.modules)["opentelemetry"] = None
    import redis  # noqa: F401

    del sys.modules["opentelemetry"]
