"""Benchmarks: each prints figures of this program beside figures of something else, taken in the same run."""
