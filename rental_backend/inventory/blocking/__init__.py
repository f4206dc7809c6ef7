"""Blocking items from renting."""
