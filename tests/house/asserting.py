"""Helpers of tests that judge: each has a test that it can fail, or one that no longer looks would not be noticed.

A helper is a function of a file that holds no tests; it judges by `assert`, or by raising AssertionError. What only
tells a type checker what is there (`assert found is not None`) is no judgement, nor what a fixture needs itself.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


# D136: a helper that no longer looks is noticed by none of its tests.
def unproved(tests: Path) -> list[str]:
    """Return the helpers that judge and of which no test shows that they can fail: `refusals.py: refusal`."""
    texts = [text for path in tests.rglob("test_*.py") if "AssertionError" in (text := path.read_text())]
    proved = {name for text in texts for name in _expected_to_fail(ast.parse(text))}
    found = []
    for path in sorted(tests.rglob("*.py")):
        if not path.name.startswith("test_"):
            names = sorted(set(_judging(ast.parse(path.read_text()))))
            found += [f"{path.relative_to(tests)}: {name}" for name in names if name not in proved]
    return found


def _judging(tree: ast.Module) -> Iterator[str]:
    """Return the names of the functions that judge."""
    for node in ast.walk(tree):
        if isinstance(node, Function) and not _is_set_up(node) and any(map(_judges, _own(node))):
            yield node.name


def _own(function: Function) -> Iterator[ast.AST]:
    """Return what a function does itself, without the functions and classes within it."""
    left: list[ast.AST] = [*function.body]
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            left.extend(ast.iter_child_nodes(node))


def _is_set_up(function: Function) -> bool:
    """Tell a fixture, and what a fixture yields from: they end by themselves what they cannot make."""
    decorators = [ast.unparse(each) for each in function.decorator_list]
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))
    return any("fixture" in each for each in decorators) or (yields and not decorators)


def _judges(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise):
        return node.exc is not None and "AssertionError" in ast.unparse(node.exc)
    return isinstance(node, ast.Assert) and not _narrows(node.test)


def _narrows(test: ast.expr) -> bool:
    """Tell what speaks of a type only: a bare name, `is not None`, `isinstance`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], ast.IsNot) and ast.unparse(test.comparators[0]) == "None"
    return isinstance(test, ast.Name | ast.Attribute) or ast.unparse(test).startswith("isinstance(")


def _expected_to_fail(tree: ast.Module) -> Iterator[str]:
    """Return what is called where an AssertionError is awaited."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any("AssertionError" in ast.unparse(each) for each in node.items):
            for called in (called for part in (*node.items, *node.body) for called in ast.walk(part)):
                if isinstance(called, ast.Call):
                    yield called.func.attr if isinstance(called.func, ast.Attribute) else ast.unparse(called.func)
