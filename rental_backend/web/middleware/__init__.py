"""What surrounds every request: ids, CORS, routing, logs, traces."""
