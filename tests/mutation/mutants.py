"""Mutants of a module: each replaces one span of its source by other code. Texts in quotes are left as they are."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.BitOr: "&",
    ast.BitAnd: "|",
}
NAMES = {"sorted": "list", "any": "all", "all": "any", "min": "max", "max": "min", "reversed": "list"}


@dataclass(frozen=True, order=True)
class Mutant:
    """`start` and `end` are offsets in bytes of the module's source."""

    path: str
    line: int
    start: int
    end: int
    new: str
    kind: str
    function: str
    before: str
    """Its line, or lines, of the source; `after` is the same with the change."""
    after: str
    in_function: bool
    """Whether it changes the body of a function, and not what is read at import."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is called in the table of equivalent ones: lines move, and files are renamed."""
        return self.function.rpartition(".")[2], self.before, self.after

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants_of(path: str, file: Path) -> list[Mutant]:
    """All of a module, in the order of its source; some may not compile."""
    source = file.read_bytes()
    return sorted(set(_Finder(path, source).found(ast.parse(source), "")))


def compiles(mutant: Mutant, source: bytes) -> bool:
    """Whether the mutated source is Python."""
    try:
        compile(mutant.applied(source), mutant.path, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class _Finder:
    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def found(self, node: ast.AST, function: str, *, inside: bool = False) -> Iterator[Mutant]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".lstrip(".")
        for span, new, kind in self._changes(node):
            yield self._mutant(span, new, kind, function, inside=inside)
        for child in _inside(node):
            in_body = isinstance(node, ast.FunctionDef) and child in node.body
            yield from self.found(child, function, inside=inside or in_body)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.pattern)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _mutant(self, span: tuple[int, int], new: str, kind: str, function: str, *, inside: bool) -> Mutant:
        start, end = span
        line = self._source.count(b"\n", 0, start) + 1
        first = self._source.rfind(b"\n", 0, start) + 1
        last = self._source.find(b"\n", end)
        before = self._source[first:last].decode()
        after = (self._source[first:start] + new.encode() + self._source[end:last]).decode()
        return Mutant(
            self._path, line, start, end, new, kind, function, " ".join(before.split()), " ".join(after.split()), inside
        )

    def _changes(self, node: ast.AST) -> Iterator[tuple[tuple[int, int], str, str]]:
        match node:
            case ast.Constant() | ast.UnaryOp() | ast.Compare() | ast.BoolOp() | ast.BinOp():
                yield from self._expression(node)
            case ast.Call():
                yield from self._call(node)
            case ast.comprehension(ifs=tests):
                yield from ((self._span(test), "True", "filter") for test in tests)
            case ast.match_case(guard=ast.expr() as guard):
                yield self._span(guard), "True", "guard"
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield self._span(test), f"(not ({self._text(test)}))", "condition"
            case ast.stmt():
                yield from self._statement(node)
            case _:
                pass

    def _expression(self, node: ast.expr) -> Iterator[tuple[tuple[int, int], str, str]]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield self._operator(left, right, COMPARE[type(op)], "compare")
            case ast.BoolOp(op=op, values=values):
                other = "or" if isinstance(op, ast.And) else "and"
                yield from (self._operator(one, two, other, "boolean") for one, two in itertools.pairwise(values))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                yield self._operator(left, right, ARITHMETIC[type(op)], "arithmetic")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._span(node), f"({self._text(operand)})", "not"
            case ast.Constant(value=bool() as value):
                yield self._span(node), str(not value), "constant"
            case ast.Constant(value=int() | float() as number):
                yield self._span(node), str(number + 1), "constant"
            case _:
                pass

    def _operator(self, left: ast.expr, right: ast.expr, new: str, kind: str) -> tuple[tuple[int, int], str, str]:
        """Between two operands are an operator, and the brackets and line breaks around it."""
        start, end = self._span(left)[1], self._span(right)[0]
        text = self._source[start:end].decode()
        head = text[: len(text) - len(text.lstrip(") \n"))]
        tail = text[len(text.rstrip("( \n")) :]
        return (start, end), f"{head}{' ' if not head.endswith((' ', chr(10))) else ''}{new}{tail}", kind

    def _call(self, node: ast.Call) -> Iterator[tuple[tuple[int, int], str, str]]:
        if isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "getattr", "cast"}:
            return
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            yield self._span(node.func), NAMES[node.func.id], "call"
        match node.args:
            case [ast.expr() as one, ast.expr() as two, *_] if not isinstance(two, ast.Starred | ast.GeneratorExp):
                between = self._source[self._span(one)[1] : self._span(two)[0]].decode()
                span = self._span(one)[0], self._span(two)[1]
                yield span, f"{self._text(two)}{between}{self._text(one)}", "arguments"
            case _:
                pass

    def _statement(self, node: ast.stmt) -> Iterator[tuple[tuple[int, int], str, str]]:
        match node:
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield self._span(value), "None", "return"
            case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()) | ast.Raise() | ast.Continue():
                yield self._span(node), "pass", "statement"
            case ast.Break() | ast.AugAssign():
                yield self._span(node), "pass", "statement"
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._span(node), "pass", "statement"
            case _:
                pass


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in it that run: no annotation, decorator, message or check of types."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (each for each in [*node.args.defaults, *node.args.kw_defaults] if each is not None)
            yield from node.body
        case ast.ClassDef(body=body):
            yield from body
        case ast.AnnAssign(value=value):
            yield from [value] if value else []
        case ast.Assign(value=ast.BinOp(op=ast.BitOr())):  # a name for a union of types
            return
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "NewType" | "isinstance" | "dataclass")):
            return
        case _:
            yield from ast.iter_child_nodes(node)
