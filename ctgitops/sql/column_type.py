"""Compares a column's types before and after a change. Decides whether values no longer fit, or are cut silently."""

from __future__ import annotations

from ..lazy import dataclass
from .nodes import Node, parts_of
from .parse import SqlSyntaxError, parse_expression

_INTEGERS = {"int2": 5, "int4": 10, "int8": 19}
"""Maximum number of digits of each integer type."""
_FLOATS = {"float4": 6, "float8": 15}
_TEXTS = {"text", "varchar", "bpchar", "name", "citext"}
_BITS = {"bit", "varbit"}
_MOMENTS = {"timestamp", "timestamptz"}
_TIMES = {*_MOMENTS, "time", "timetz"}
_FAMILIES = (
    {*_INTEGERS, *_FLOATS, "numeric", "money"}, _TEXTS, _BITS, {*_TIMES, "date"}, {"json", "jsonb"}, {"bool"}, {"uuid"},
    {"bytea"}, {"interval"}, {"inet", "cidr"},
)  # fmt: skip
_SERIAL = {"serial": "int4", "serial4": "int4", "bigserial": "int8", "serial8": "int8", "smallserial": "int2"}
_WORDS = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
    "bpchar": "char", "bool": "boolean",
}  # fmt: skip
_ANY = 10**6
"""A number that means a length without a limit."""


@dataclass(frozen=True)
class ColumnType:
    """A type. `numeric(10,2)` has the name `numeric` and the modifiers 10 and 2."""

    name: str
    mods: tuple[int, ...] = ()
    array: bool = False

    def __str__(self) -> str:
        mods = f"({','.join(map(str, self.mods))})" if self.mods else ""
        return f"{_WORDS.get(self.name, self.name)}{mods}{'[]' if self.array else ''}"

    @property
    def known(self) -> bool:
        """Whether this module can compare the type, which must be built-in."""
        return self.family is not None

    @property
    def family(self) -> set[str] | None:
        """The names of the types that can be compared with this type. None if this type cannot be compared."""
        return next((family for family in _FAMILIES if self.name in family), None)

    @property
    def limit(self) -> int:
        """The maximum length of a text or bit string."""
        if self.name == "bpchar":
            return self.mods[0] if self.mods else _ANY
        return self.mods[0] if self.mods else 63 if self.name == "name" else 1 if self.name == "bit" else _ANY

    @property
    def digits(self) -> tuple[int, int]:
        """The maximum number of digits before and after the decimal point."""
        if self.name in _INTEGERS:
            return _INTEGERS[self.name], 0
        if self.name in _FLOATS or not self.mods:
            return _ANY, _FLOATS.get(self.name, 2 if self.name == "money" else _ANY)
        scale = self.mods[1] if len(self.mods) > 1 else 0
        return self.mods[0] - scale, scale

    @property
    def precision(self) -> int:
        """The number of decimal places of the seconds. -1 for a date."""
        return -1 if self.name == "date" else self.mods[0] if self.mods else 6


def narrows(old: ColumnType, new: ColumnType) -> bool:
    """Whether the new type certainly allows fewer values than the old type, or values of another kind."""
    if old == new or not (old.known and new.known):
        return False
    if old.array != new.array:
        return not (new.name in _TEXTS and new.limit == _ANY)
    if old.family is not new.family:
        return not ({new.name} & {"json", "jsonb"} or (new.name in _TEXTS and new.limit == _ANY))
    if old.name in {*_TEXTS, *_BITS}:
        return new.limit < old.limit
    return cuts(old, new) or _shorter(old, new)


def _shorter(old: ColumnType, new: ColumnType) -> bool:
    """Whether the largest values of the old numeric type exceed the new numeric type."""
    sizes = {*_INTEGERS, *_FLOATS, "numeric"}
    return {old.name, new.name} <= sizes and new.digits[0] < old.digits[0]


def cuts(old: ColumnType, new: ColumnType, *, explicit: bool = False) -> bool:
    """Whether the conversion changes values without an error: by rounding or, if `explicit`, by truncation."""
    if old == new or old.array != new.array or not (old.known and new.known):
        return False
    if old.family is not new.family:
        return explicit and new.name in _TEXTS and new.limit < _ANY
    if old.name in {*_TEXTS, *_BITS}:
        return explicit and new.limit < old.limit
    if old.name in {*_TIMES, "date"}:
        return _loses_time(old, new)
    numbers = {*_INTEGERS, *_FLOATS, "numeric"}
    return {old.name, new.name} <= numbers and new.digits[1] < old.digits[1]


def _loses_time(old: ColumnType, new: ColumnType) -> bool:
    if old.name in _MOMENTS and new.name not in _MOMENTS:
        return True
    return old.name != "date" and new.precision < old.precision


def type_in(node: Node) -> ColumnType:
    """The type of a TypeName."""
    name = (parts_of(node.get("names", ())) or ("",))[-1]
    mods = tuple(m.get("A_Const", {}).get("ival", {}).get("ival", 0) for m in node.get("typmods", ()))
    if name == "bpchar" and not mods and "typmods" in node:
        mods = (1,)
    return ColumnType(_SERIAL.get(name, name), mods if name != "interval" else (), "arrayBounds" in node)


def type_from(text: str) -> ColumnType:
    """Parses a type as PostgreSQL prints it, such as `character varying(20)`. The name is empty for other text."""
    try:
        node = parse_expression(f"null::{text}")
    except SqlSyntaxError:
        return ColumnType("")
    return type_in(node.get("TypeCast", {}).get("typeName", {}))
