"""The adapters of our dependencies: each the only importer of its driver, and owner of its breaker and deadlines."""

# The dependencies, by the names of their breakers.
DATABASE, REDIS, AUTH, REPLICA = "database", "redis", "auth", "replica"
