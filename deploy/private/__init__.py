"""What `deploy/run` and `deploy/test` are made of: the standard library only, for they start before any install."""
