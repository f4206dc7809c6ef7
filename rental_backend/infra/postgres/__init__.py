"""The adapter of PostgreSQL: the only importer of its driver."""
