"""Dashboards and reports; reads only."""
