"""Benchmarks: each prints figures of this program beside those of something else, taken in the same run."""
