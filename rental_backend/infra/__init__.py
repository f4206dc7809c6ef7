"""The doors to what we depend on: each the only importer of its driver, owner of its breaker and its deadlines."""
