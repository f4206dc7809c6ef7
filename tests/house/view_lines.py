"""How long views are: the lines of view functions with their decorators, over the operations that they answer."""

import inspect
from dataclasses import dataclass
from types import CodeType
from typing import Any

from flask import Flask

MOST_LINES = 6.0  # for each operation; a declared resource answers many operations by the same few views


@dataclass(frozen=True)
class ViewLines:
    """The lines of each view, once however many operations it answers, and the number of operations."""

    views: dict[str, int]
    operations: int

    @property
    def each(self) -> float:
        """Lines of view functions for each operation."""
        return sum(self.views.values()) / self.operations

    @property
    def longest(self) -> str:
        """The view that has most lines, by its module and name."""
        return max(self.views, key=lambda name: self.views[name])


def view_lines(app: Flask) -> ViewLines:
    """Count the lines of all views of an application, and its operations: methods of paths but HEAD and OPTIONS."""
    found: dict[CodeType, Any] = {}
    operations = 0
    for rule in app.url_map.iter_rules():
        view = inspect.unwrap(app.view_functions[rule.endpoint])
        found[view.__code__] = view
        operations += len((rule.methods or set()) - {"HEAD", "OPTIONS"})
    lines = {f"{view.__module__}.{view.__qualname__}": len(inspect.getsourcelines(view)[0]) for view in found.values()}
    return ViewLines(lines, operations)
