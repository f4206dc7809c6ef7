"""The adapter of Redis: the only importer of its driver."""
