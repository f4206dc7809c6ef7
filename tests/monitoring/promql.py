"""Enough of PromQL to evaluate our rules on series made up for it; the expressions are parsed by promql-parser.

A series is a function of time (seconds before now, so 0 is now and 60 a minute ago). Counters are taken to grow evenly
between the two ends of a window.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import promql_parser as promql

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Series = Mapping[tuple[str, Labels], Callable[[float], float]]
NAME = "__name__"
ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else float("nan"),
}
COMPARISONS = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
}


def labels(**given: str) -> Labels:
    """Return labels as they are compared."""
    return frozenset(given.items())


def selectors(expression: Any) -> Iterator[tuple[str, list[Any], set[str]]]:
    """Yield (name, matchers, labels that are grouped by above it) of each metric that an expression asks for."""
    yield from _selectors(expression, set())


def _selectors(node: Any, grouped: set[str]) -> Iterator[tuple[str, list[Any], set[str]]]:
    if isinstance(node, promql.VectorSelector):
        yield node.name, node.matchers.matchers, grouped
    elif isinstance(node, promql.MatrixSelector):
        yield from _selectors(node.vector_selector, grouped)
    elif isinstance(node, promql.AggregateExpr):
        by = set(node.modifier.labels) if node.modifier else set()
        yield from _selectors(node.expr, grouped | by)
    elif isinstance(node, promql.Call):
        for each in node.args:
            yield from _selectors(each, grouped)
    elif isinstance(node, promql.ParenExpr | promql.UnaryExpr):
        yield from _selectors(node.expr, grouped)
    elif isinstance(node, promql.BinaryExpr):
        matched = set(node.modifier.matching.labels) if node.modifier and node.modifier.matching else set()
        for side in (node.lhs, node.rhs):
            yield from _selectors(side, grouped | matched)


class Evaluation:
    """The value of expressions at this moment; `recorded` are expressions by the names that rules give them."""

    def __init__(self, series: Series, recorded: Mapping[str, str]) -> None:
        self._series = series
        self._recorded = recorded

    def fires(self, expression: str) -> bool:
        """Tell whether an alert of that expression would fire."""
        return bool(self.value(promql.parse(expression)))

    def value(self, node: Any) -> Any:
        """Return a vector, or a number."""
        if isinstance(node, promql.NumberLiteral):
            return node.val
        if isinstance(node, promql.ParenExpr):
            return self.value(node.expr)
        if isinstance(node, promql.VectorSelector):
            return self._instant(node)
        if isinstance(node, promql.AggregateExpr):
            return self._aggregate(node)
        if isinstance(node, promql.Call):
            return self._call(node)
        if isinstance(node, promql.BinaryExpr):
            return self._binary(node)
        raise NotImplementedError(type(node).__name__)

    def _instant(self, node: Any) -> Vector:
        if node.name in self._recorded:
            found: Vector = self.value(promql.parse(self._recorded[node.name]))
            return found
        return {key: at(0) for key, at in self._matching(node)}

    def _matching(self, node: Any) -> Iterator[tuple[Labels, Callable[[float], float]]]:
        for (name, key), at in self._series.items():
            if name == node.name and all(_fits(each, dict(key)) for each in node.matchers.matchers):
                yield key, at

    def _aggregate(self, node: Any) -> Vector:
        by, groups = set(node.modifier.labels) if node.modifier else set(), dict[Labels, list[float]]()
        for key, value in self.value(node.expr).items():
            groups.setdefault(frozenset(pair for pair in key if pair[0] in by), []).append(value)
        how = {"sum": sum, "max": max, "min": min}[str(node.op)]
        return {key: how(values) for key, values in groups.items()}

    def _call(self, node: Any) -> Vector:
        name = node.func.name
        if name == "absent":
            return {} if self.value(node.args[0]) else {frozenset(): 1.0}
        if name == "histogram_quantile":
            return _quantile(node.args[0].val, self.value(node.args[1]))
        ranged = node.args[0]
        window = ranged.range.total_seconds()
        found: Vector = {}
        for key, at in self._matching(ranged.vector_selector):
            more = max(0.0, at(0) - at(window))
            least = min(at(window * part / 10) for part in range(11))
            found[key] = {"rate": more / window, "increase": more, "min_over_time": least}[name]
        return found

    def _binary(self, node: Any) -> Any:
        left, right, operator = self.value(node.lhs), self.value(node.rhs), str(node.op)
        if operator in ("and", "or"):
            on = set(node.modifier.matching.labels) if node.modifier and node.modifier.matching else None
            there = {_only(key, on) for key in right}
            if operator == "and":
                return {key: value for key, value in left.items() if _only(key, on) in there}
            return {**right, **left}
        if operator in COMPARISONS:
            return {key: value for key, value in left.items() if COMPARISONS[operator](value, right)}
        work = ARITHMETIC[operator]
        if isinstance(left, dict) and isinstance(right, dict):
            return {key: work(value, right[key]) for key, value in left.items() if key in right}
        if isinstance(left, dict):
            return {key: work(value, right) for key, value in left.items()}
        return work(left, right)


def _only(key: Labels, on: set[str] | None) -> Labels:
    return key if on is None else frozenset(pair for pair in key if pair[0] in on)


def _fits(matcher: Any, given: dict[str, str]) -> bool:
    value = given.get(matcher.name, "")
    match str(matcher.op).rpartition(".")[2]:
        case "Equal":
            return bool(value == matcher.value)
        case "NotEqual":
            return bool(value != matcher.value)
        case "Re":
            return re.fullmatch(matcher.value, value) is not None
        case "NotRe":
            return re.fullmatch(matcher.value, value) is None
    raise NotImplementedError(str(matcher.op))


def _quantile(share: float, buckets: Vector) -> Vector:
    """Return the upper bound of the bucket in which a share lies."""
    counts = sorted((float(dict(key)["le"].replace("+Inf", "inf")), value) for key, value in buckets.items())
    if not counts or not counts[-1][1]:
        return {}
    return {frozenset(): next(bound for bound, many in counts if many >= share * counts[-1][1])}
