"""The figures of the security pages, and retention of old records."""
