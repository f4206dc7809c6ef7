"""Traces, gauges and metrics."""
