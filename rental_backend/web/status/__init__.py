"""The status page for customers."""
