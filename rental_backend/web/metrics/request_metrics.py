"""Counters of every request: how many, how they ended, how long they took, by the template of their route.

The counters are in memory that all workers of the host share, so a scrape of any worker tells the counts of all, and
they outlive the worker that counted. A request is counted just before its answer begins, so a caller who has the answer
finds the request counted.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from flask import Flask

from ...resilience import Counters
from .exposition import COUNTER, HISTOGRAM, Metric, Sample, gauge, labelled

BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds
LES = (*map(str, BOUNDS), "+Inf")
CODES = (
    *(200, 201, 202, 204, 206, 301, 302, 304, 308),
    *(400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 428, 429),
    *(500, 501, 502, 503, 504),
)
CODE_AT = {code: number for number, code in enumerate(CODES, 1)}
OTHER = len(CODES) + 1
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
NOWHERE = "none"  # the route of paths that lead nowhere, of which there are endlessly many, and of OPTIONS to any path
BUCKETS_AT = OTHER + 1
SERIES_WORDS = BUCKETS_AT + len(LES)  # microseconds in all, answers by code, answers by duration

Key = tuple[str, str]  # method and route


class Meter:
    """The numbers of an application's requests. Make it when all routes are known, and before the fork."""

    def __init__(self, app: Flask, counters: Counters) -> None:
        self._counters = counters
        served = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
        rules = sorted(key for key in served if key[0] != "OPTIONS")
        keys = [*rules, *((method, NOWHERE) for method in (*METHODS, "other"))]
        self._used = counters.reserve("requests: which", len(keys))
        first = counters.reserve("requests", len(keys) * SERIES_WORDS)
        self._series = {key: (number, first + number * SERIES_WORDS) for number, key in enumerate(keys)}
        self._under_way = counters.reserve("requests under way", level=True)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer."""
        series = self._series
        found = series.get((method, route or NOWHERE)) or series.get((method, NOWHERE)) or series["other", NOWHERE]
        code, counters = CODE_AT.get(status, OTHER), self._counters
        words = counters.words
        with counters.lock:
            lane = counters.base if counters.base >= 0 else counters.own_base()
            words[lane + self._used + found[0]] = 1
            at = lane + found[1]
            words[at] += int(seconds * 1e6)
            words[at + code] += 1
            words[at + BUCKETS_AT + bisect_left(BOUNDS, seconds)] += 1

    def enter(self, change: int) -> None:
        """Count a request in (1) or out (-1)."""
        counters = self._counters
        base = counters.base if counters.base >= 0 else counters.own_base()
        with counters.lock:
            counters.words[base + self._under_way] += change

    def metrics(self) -> Iterator[Metric]:
        """Yield what was counted."""
        used = self._counters.totals(self._used, len(self._series))
        found = [
            (labelled(method=method, route=route)[:-1], self._counters.totals(at, SERIES_WORDS))
            for (method, route), (number, at) in self._series.items()
            if used[number]
        ]
        by_code = ((labels, words, code, words[at]) for labels, words in found for code, at in _CODES)
        answers = ((f'_total{labels},code="{code}"}}', many) for labels, _, code, many in by_code if many)
        yield Metric("rental_http_requests", COUNTER, "Requests answered.", answers)
        durations = (sample for labels, words in found for sample in _histogram(labels, words))
        yield Metric("rental_http_request_duration_seconds", HISTOGRAM, "Until the answer began.", durations)
        busy = self._counters.levels(self._under_way)
        yield gauge("rental_http_requests_in_flight", "Requests whose answer has not begun.", [("", busy[0])])


_CODES = (*((str(code), at) for code, at in CODE_AT.items()), ("other", OTHER))


def _histogram(labels: str, words: list[int]) -> Iterator[Sample]:
    """Yield the samples of a series; `labels` are not closed yet."""
    sums = list(accumulate(words[BUCKETS_AT:]))
    for le, many in zip(LES, sums, strict=True):
        yield f'_bucket{labels},le="{le}"}}', many
    yield f"_sum{labels}}}", words[0] / 1e6
    yield f"_count{labels}}}", sums[-1]
