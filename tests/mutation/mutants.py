"""The mutants of a source: the same text with one fault each, and the sample of them that is tried."""

import ast
import hashlib
import itertools
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.operators import Change, changes

# Where nothing is computed: types, and what a module hands out.
SILENT = (ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Match)
LISTED = {"__all__", "__slots__"}
LONGEST = 70  # letters of a change that is told


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, what stood there and stands there now, and the whole text with it."""

    path: str
    line: int
    within: str  # the function or class, dotted
    before: str
    after: str
    text: str

    @property
    def name(self) -> str:
        """What it is known by as long as nobody changes the place: without the line, which moves."""
        return f"{self.path} {self.within}: {self.before} -> {self.after}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.within}: {self.before} -> {self.after}"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Return all mutants of a source; not every one of them can be compiled."""
    offsets = _offsets(text)
    source = text.encode()
    for node, parent, within in _walk(ast.parse(text), None, ""):
        for change in changes(node, parent, in_function=within.rpartition(".")[2][:1].islower()):
            place = _place(node)
            begin = offsets[place.lineno] + place.col_offset
            end = offsets[place.end_lineno or 0] + (place.end_col_offset or 0)
            put = "pass" if change is None else f"({ast.unparse(change)})"
            mutated = (source[:begin] + put.encode() + source[end:]).decode()
            before, after = _told(place, change)
            yield Mutant(path, place.lineno, within or "module", before, after, mutated)


def sample(root: Path, paths: Iterable[Path], number: int, seed: str, without: Iterable[str] = ()) -> list[Mutant]:
    """Choose so many mutants of these files by a seed, at most one of each line, none of those named.

    Each has a number of its own, computed from the seed and its name: a source that changes, changes no other choice.
    """
    known = set(without)
    drawn: dict[tuple[str, int], tuple[str, Mutant]] = {}
    for path in sorted(paths):
        for mutant in mutants(path.relative_to(root).as_posix(), path.read_text()):
            lot = hashlib.sha256(f"{seed} {mutant.name}".encode()).hexdigest()
            place = (mutant.path, mutant.line)
            if mutant.name not in known and (place not in drawn or lot < drawn[place][0]):
                drawn[place] = (lot, mutant)
    by_lot = sorted(drawn.values(), key=lambda each: (hashlib.sha256(each[0].encode()).digest(), each[0]))
    return list(itertools.islice((mutant for _, mutant in by_lot if _compiles(mutant.text)), number))


def _walk(node: ast.AST, parent: ast.AST | None, within: str) -> Iterator[tuple[ast.AST, ast.AST | None, str]]:
    """Return each node that says what is done, with its parent and the name of what it is in."""
    yield node, parent, within
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        within = f"{within}.{node.name}".lstrip(".")
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params") or (name == "test" and _of_types(node)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, SILENT) and not _is_listed(child):
                yield from _walk(child, node, within)


def _of_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _is_listed(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in LISTED for target in targets)


def _place(node: ast.AST) -> ast.expr | ast.stmt:
    """Return what is replaced: of a condition's owner the condition."""
    if isinstance(node, ast.If | ast.While):
        return node.test
    if isinstance(node, ast.comprehension):
        return node.ifs[0]
    assert isinstance(node, ast.expr | ast.stmt)
    return node


def _offsets(text: str) -> list[int]:
    """Return where each line begins in bytes; lines count from 1."""
    offsets = [0, 0]
    for line in text.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    return offsets


def _told(node: ast.AST, change: Change) -> tuple[str, str]:
    """Return both texts without what they begin and end with alike, but for some letters around."""
    before, after = ast.unparse(node), "nothing" if change is None else ast.unparse(change)
    if max(len(before), len(after)) <= LONGEST or change is None:
        return _short(before), after
    first = next(
        (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    first = max(0, first - 20)
    return _short(before[first:]), _short(after[first:])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
