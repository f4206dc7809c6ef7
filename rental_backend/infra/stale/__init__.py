"""The response cache for outages, and the change log that says to whom a cached response may be shown."""
