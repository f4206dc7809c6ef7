"""Everything that knows a request: contracts, projections, problems, the caller, health."""
