"""Lists and projections, written as JSON by PostgreSQL."""
