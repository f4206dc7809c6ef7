"""Declared resources: list, show, create, change and retire."""
