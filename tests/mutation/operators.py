"""The faults that are tried: small changes that a person might make by mistake, each of one expression or statement."""

import ast
from collections.abc import Callable, Iterator

Change = ast.AST | None  # None: the statement is dropped
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}
# What says something to readers or makes a class leaner; and calls without which nothing runs at all.
TOLD = {"description", "summary", "title", "help", "doc", "comment", "frozen", "slots", "kw_only", "repr", "maxsize"}
NEEDED = {"items", "values", "keys", "all", "scalars", "one", "scalar_one", "dataclass", "TypeVar", "NewType", "len"}


def changes(node: ast.AST, parent: ast.AST | None, *, in_function: bool) -> Iterator[Change]:
    """Return what could stand in the place of a node, each with one fault."""
    for kind, make in MAKERS:
        if isinstance(node, kind) and (in_function or make is not _unwrapped):
            yield from make(node, parent)


def _compare(node: ast.Compare, _: ast.AST | None) -> Iterator[Change]:
    other = COMPARED.get(type(node.ops[0]))
    if other and len(node.ops) == 1:
        yield ast.Compare(node.left, [other()], node.comparators)
    for number in range(len(node.ops) if len(node.ops) > 1 else 0):  # a < b < c without either half
        left = node.comparators[0] if number == 0 else node.left
        ops, comparators = [*node.ops], [*node.comparators]
        del ops[number], comparators[number]
        yield ast.Compare(left, ops, comparators if number else node.comparators[1:])


def _both(node: ast.BoolOp, _: ast.AST | None) -> Iterator[Change]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for number in range(len(node.values)):
        left = node.values[:number] + node.values[number + 1 :]
        yield ast.BoolOp(node.op, left) if len(left) > 1 else left[0]


def _computed(node: ast.BinOp, _: ast.AST | None) -> Iterator[Change]:
    texts = [each for each in (node.left, node.right) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    other = COMPUTED.get(type(node.op))
    if other and not texts and not isinstance(node.left, ast.JoinedStr | ast.List | ast.Tuple):
        yield ast.BinOp(node.left, other(), node.right)


def _inverted(node: ast.UnaryOp, _: ast.AST | None) -> Iterator[Change]:
    if isinstance(node.op, ast.Not | ast.Invert):
        yield node.operand


def _constant(node: ast.Constant, parent: ast.AST | None) -> Iterator[Change]:
    if isinstance(parent, ast.keyword) and parent.arg in TOLD:
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _called(node: ast.Call, _: ast.AST | None) -> Iterator[Change]:
    name = _name(node)
    for number, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg not in TOLD and name not in NEEDED:
            yield ast.Call(node.func, node.args, node.keywords[:number] + node.keywords[number + 1 :])
    if name in RENAMED:
        yield ast.Call(ast.Name(RENAMED[name]), node.args, node.keywords)


def _unwrapped(node: ast.Call, parent: ast.AST | None) -> Iterator[Change]:
    """Leave out a call and keep what it is given, as a text that is not escaped; a decorator is no such call."""
    name = _name(node)
    if isinstance(parent, ast.Expr | ast.FunctionDef | ast.ClassDef) or name in NEEDED or not name[:1].islower():
        return
    if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.GeneratorExp | ast.Starred):
        yield node.args[0]
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield node.func.value


def _chosen(node: ast.IfExp, _: ast.AST | None) -> Iterator[Change]:
    yield node.body
    yield node.orelse


def _asked(node: ast.If | ast.While, _: ast.AST | None) -> Iterator[Change]:
    for answer in (True, False) if isinstance(node, ast.If) else (False,):
        yield ast.Constant(answer)


def _filtered(node: ast.comprehension, _: ast.AST | None) -> Iterator[Change]:
    for _condition in node.ifs:
        yield ast.Constant(True)


def _gathered(node: ast.Tuple | ast.List | ast.Set, parent: ast.AST | None) -> Iterator[Change]:
    """Leave out each of what is listed; not of values that are taken apart again, without which nothing runs."""
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not isinstance(
        parent, ast.Return | ast.Subscript | ast.BinOp | ast.For | ast.comprehension | ast.Tuple | ast.Dict | ast.Yield
    ):
        for number in range(len(node.elts) if len(node.elts) > 1 else 0):
            left = node.elts[:number] + node.elts[number + 1 :]
            yield ast.Set(left) if isinstance(node, ast.Set) else type(node)(left, ast.Load())


def _mapped(node: ast.Dict, _: ast.AST | None) -> Iterator[Change]:
    for number in range(len(node.keys) if len(node.keys) > 1 else 0):
        keys, values = [*node.keys], [*node.values]
        del keys[number], values[number]
        yield ast.Dict(keys, values)


def _done(node: ast.Expr | ast.Raise, _: ast.AST | None) -> Iterator[Change]:
    if isinstance(node, ast.Raise) or isinstance(node.value, ast.Call):
        yield None


Maker = Callable[..., Iterator[Change]]
MAKERS: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Maker], ...] = (
    (ast.Compare, _compare),
    (ast.BoolOp, _both),
    (ast.BinOp, _computed),
    (ast.UnaryOp, _inverted),
    (ast.Constant, _constant),
    (ast.Call, _called),
    (ast.Call, _unwrapped),
    (ast.IfExp, _chosen),
    ((ast.If, ast.While), _asked),
    (ast.comprehension, _filtered),
    ((ast.Tuple, ast.List, ast.Set), _gathered),
    (ast.Dict, _mapped),
    ((ast.Expr, ast.Raise), _done),
)
