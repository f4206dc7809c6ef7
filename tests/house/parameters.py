"""How much of what functions take is left open: the share of their parameters whose type is `Any`, or holds it."""

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MOST = 0.04  # of all parameters of `rental_backend`


class Parameter(NamedTuple):
    """A parameter of a function or method: where it is, its name, and whether its type holds `Any`."""

    place: str
    name: str
    open: bool


def _names(annotation: ast.AST) -> Iterator[str]:
    """Yield the names in a type, also in one that stands in quotes."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            with suppress(SyntaxError):  # text that is no type
                yield from _names(ast.parse(node.value, mode="eval"))


def _open_names(trees: Mapping[Path, ast.Module]) -> dict[Path, set[str]]:
    """Return by file the names that stand for `Any` or for a type that holds it, defined there or imported."""
    found = {path: {"Any"} for path in trees}
    aliases: set[tuple[str, str]] = set()
    while more := {(path.stem, name) for path, names in found.items() for name in names} - aliases:
        aliases |= more
        for path, tree in trees.items():
            found[path] |= set(_given(tree, found[path])) | set(_imported(tree, aliases))
    return found


def _given(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """Yield the names that a module gives to types that hold a known name."""
    kinds = ast.Subscript | ast.BinOp | ast.Name | ast.Attribute
    for node in (each for each in tree.body if isinstance(each, ast.Assign)):
        if isinstance(node.value, kinds) and known.intersection(_names(node.value)):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _imported(tree: ast.Module, aliases: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the names that a module imports of aliases, which are given as module and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = node.module.rpartition(".")[2]
            yield from (name.asname or name.name for name in node.names if (module, name.name) in aliases)


def parameters(package: Path) -> list[Parameter]:
    """Return the parameters of all functions and methods of a package, `self` and `cls` aside.

    `*args` and `**kwargs` count as one each, and an alias of a type that holds `Any` counts like the type. What a
    TypedDict, a dataclass or the result of a function holds does not count.
    """
    trees = {path: ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))}
    left_open = _open_names(trees)
    found = []
    for path, tree in trees.items():
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)):
            taken = node.args
            for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg):
                if each is not None and each.arg not in ("self", "cls"):
                    names = _names(each.annotation) if each.annotation else ()
                    place = f"{path.relative_to(package.parent)}:{each.lineno} {node.name}"
                    found.append(Parameter(place, each.arg, not left_open[path].isdisjoint(names)))
    return found
