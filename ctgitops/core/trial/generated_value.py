"""SQL for the rows of a generated table. The same table always gets the same rows. Pure.

The SQL makes more candidates than rows, and keeps those that satisfy the CHECK constraints. The values of columns in a
CHECK constraint come from the constants in the constraint, and from common forms of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .generated_table import GeneratedColumn, GeneratedKey, GeneratedTable

VARIANTS = (3, 30, 200)
"""Candidates per row of a table with CHECK constraints. A larger number is used if a smaller one gives too few rows."""
MOST_CANDIDATES = 2_000_000
_PRIMES = (7919, 104729, 1299709, 15485863, 32452843, 49979687)
_WORD = re.compile(r"\bVALUE\b")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w'])")
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}
_TEXTS = {"text", "varchar", "bpchar", "name", "citext"}
_FORMS = (
    "{n} || ' ' || k", "'user' || k || '@example.com'", "lpad(k::text, 5, '0')", "'AB' || k", "lower({n}) || '-' || k",
    "'https://example.com/' || k", "'+4930' || lpad(k::text, 7, '0')", "'DE'", "'EUR'", "md5(k::text)",
    "'#' || left(md5(k::text), 6)", "k::text", "'abc'", "'ABC'",
)  # fmt: skip
_VALUES = {
    "int2": "(k % 32000)::int2",
    "int4": "(k % 2000000000)::int4",
    "int8": "k::int8",
    "float4": "k::float4",
    "float8": "k::float8",
    "bool": "k % 2 = 0",
    "uuid": "md5({n} || k)::uuid",
    "date": "date '2020-01-01' + (k % 100000)::int",
    "timestamp": "timestamp '2020-01-01' + k * interval '1 minute'",
    "timestamptz": "timestamptz '2020-01-01 00:00+00' + k * interval '1 minute'",
    "time": "time '00:00' + (k % 86400) * interval '1 second'",
    "timetz": "timetz '00:00+00' + (k % 86400) * interval '1 second'",
    "interval": "k * interval '1 minute'",
    "json": "json_build_object('n', k)",
    "jsonb": "jsonb_build_object('n', k)",
    "bytea": "decode(md5(k::text), 'hex')",
    "inet": "inet '10.0.0.0' + k % 16777216",
    "cidr": "(host(inet '10.0.0.0' + k % 16777216) || '/32')::cidr",
    "oid": "(k % 2000000000)::oid",
    "money": "(k % 1000000)::int8::money",
    "point": "point(k, k)",
    "tsvector": "to_tsvector('simple', {n} || k)",
    "int4range": "int4range((k % 1000000000)::int, (k % 1000000000)::int + 1)",
    "int8range": "int8range(k, k + 1)",
    "numrange": "numrange(k, k + 1)",
    "daterange": "daterange(date '2020-01-01' + (k % 100000)::int, date '2020-01-02' + (k % 100000)::int)",
    "tsrange": "tsrange(timestamp '2020-01-01' + k * interval '1 hour', "
    "timestamp '2020-01-01' + (k + 1) * interval '1 hour')",
    "tstzrange": "tstzrange(timestamptz '2020-01-01 00:00+00' + k * interval '1 hour', "
    "timestamptz '2020-01-01 00:00+00' + (k + 1) * interval '1 hour')",
}


def unsupported(table: GeneratedTable) -> tuple[GeneratedColumn, ...]:
    """The columns that must have a value, but whose type has no generator."""
    keys = {name for key in table.keys for name in key.columns}
    return tuple(c for c in table.columns if c.not_null and c.name not in keys and not _value(c, checked=False))


def variants_of(table: GeneratedTable) -> tuple[int, ...]:
    """The numbers of candidates per row to try, smallest first."""
    return VARIANTS if _conditions(table) else (1,)


def insert_sql(table: GeneratedTable, variants: int) -> str:
    """The INSERT that adds the rows. Rows that violate a unique or exclusion constraint are left out."""
    in_keys = {
        name: (at, name_)
        for at, key in enumerate(table.keys)
        for name, name_ in zip(key.columns, key.targets, strict=True)
    }
    filled = [c for c in table.columns if c.name in in_keys or _value(c, checked=False)]
    selected = [
        f"{_expression(table, at, column, in_keys)} as {quoted(column.name)}" for at, column in enumerate(filled)
    ]
    selected += [f"null::{type_} as {quoted(name)}" for name, type_ in table.others]
    names = ", ".join(quoted(column.name) for column in filled) or ""
    joins = [_join(table, at, key) for at, key in enumerate(table.keys)]
    candidates = min(table.rows * variants, max(MOST_CANDIDATES, table.rows))
    where = [f"({name} is not null)" for name in (quoted(c.name) for c in filled if c.not_null)]
    where += [f"(({condition}) is not false)" for condition in _conditions(table)]
    return (
        f"with {', '.join([_base(table), *_keys(table)])}\n"
        f"insert into {table.name} ({names})\n"
        f"select {names} from (\n"
        f"select {', '.join(selected)} from pg_catalog.generate_series(1, {candidates}::bigint) g cross join base "
        f"{' '.join(joins)}\n"
        f") candidate where {' and '.join(where) or 'true'}\n"
        f"limit {table.rows} on conflict do nothing"
    )


def quoted(name: str) -> str:
    """An identifier in quotation marks."""
    return '"' + name.replace('"', '""') + '"'


def _conditions(table: GeneratedTable) -> list[str]:
    """The CHECK expressions of the table and of its domains, about the columns of a candidate."""
    domains = [_WORD.sub(lambda _, c=c: quoted(c.name), check) for c in table.columns for check in c.checks]  # type: ignore[misc]
    return [*table.checks, *domains]


def _base(table: GeneratedTable) -> str:
    """The number from which values of unique columns count, so that they differ from those of existing rows."""
    unique = {name for columns in table.uniques for name in columns}
    numbers = [c for c in table.columns if c.name in unique and _short(c.type) in {"int2", "int4", "int8", "numeric"}]
    highest = "".join(f", coalesce(max({quoted(c.name)}), 0)" for c in numbers if not c.array)
    return f"base as (select greatest(count(*){highest})::bigint as b from {table.name})"  # noqa: S608 - names come from the catalog, and are quoted


def _keys(table: GeneratedTable) -> Iterator[str]:
    """The rows that each foreign key can reference, numbered."""
    for at, key in enumerate(table.keys):
        columns = ", ".join(quoted(name) for name in key.targets)
        known = [c.distinct for c in table.columns if c.name in key.columns and c.distinct > 0]
        limit = f" limit {max(1, round(max(known)))}" if known else ""
        present = " and ".join(f"{quoted(name)} is not null" for name in key.targets)
        rows = f"select {columns} from {key.table} where {present} order by {columns}{limit}"  # noqa: S608
        yield f"key{at} as materialized (select row_number() over () as rn, * from ({rows}) r)"  # noqa: S608


def _join(table: GeneratedTable, at: int, key: GeneratedKey) -> str:
    """Joins one referenced row to a candidate. A unique foreign key references each row once."""
    unique = [columns for columns in table.uniques if set(key.columns) & set(columns)]
    many = f"(select count(*) from key{at})"  # noqa: S608
    before = [i for i, other in enumerate(table.keys) if i < at and any(set(other.columns) & set(u) for u in unique)]
    if not unique:
        number = f"1 + (g * {_PRIMES[at % len(_PRIMES)]}) % nullif({many}, 0)"
    elif any(set(columns) <= set(key.columns) for columns in unique):
        number = "g"
    else:
        divisor = "".join(f" / nullif((select count(*) from key{i}), 0)" for i in before)  # noqa: S608
        number = f"1 + ((g - 1){divisor}) % nullif({many}, 0)"
    return f"left join key{at} on key{at}.rn = {number}"


def _expression(table: GeneratedTable, at: int, column: GeneratedColumn, in_keys: dict[str, tuple[int, str]]) -> str:
    unique = any(column.name in columns for columns in table.uniques)
    if column.name in in_keys:
        key, target = in_keys[column.name]
        value = f"key{key}.{quoted(target)}"
    else:
        texts = [c for c in table.checks if re.search(rf"(?<!\w){re.escape(column.name)}(?!\w)", c)]
        pool = [] if unique else _pool(column, [*texts, *column.checks])
        checked = bool(texts or column.checks)
        value = _with_k(_value(column, checked=checked), column, _number(column, table.rows, unique=unique, at=at))
        if pool:
            number = f"1 + (g / {at + 1} * {_PRIMES[at % len(_PRIMES)]} + g) % {len(pool) + 1}"
            value = f"coalesce((array[{', '.join(pool)}]::{column.type}[])[{number}], ({value})::{column.type})"
        value = f"({value})::{column.type}{'[]' if column.array else ''}"
    if column.nulls > 0 and not column.not_null and not unique:
        value = f"case when (g * 37 + {at * 131}) % 1000 < {round(column.nulls * 1000)} then null else {value} end"
    return value


def _number(column: GeneratedColumn, rows: int, *, unique: bool, at: int) -> str:
    """The number from which a column's value is made."""
    if unique:
        return "(b + g)"
    distinct = column.distinct if column.distinct >= 0 else -column.distinct * rows
    return f"(1 + (g * {_PRIMES[at % len(_PRIMES)]}) % {max(1, round(distinct))})" if distinct else "g"


def _with_k(value: str, column: GeneratedColumn, number: str) -> str:
    name = "'" + column.name.replace("'", "''") + "'"
    return re.sub(r"(?<![\w'])k(?![\w'])", lambda _: number, value).replace("{n}", name)


def _pool(column: GeneratedColumn, checks: list[str]) -> list[str]:
    """The constants in CHECK expressions about a column, as literals. For numbers, also the next numbers."""
    text = " ".join(checks)
    if _short(column.type) in _NUMBERS and not column.array:
        found = {float(number) for number in _NUMBER.findall(_STRING.sub(" ", text))}
        return [f"{value:g}" for value in sorted({each + by for each in found for by in (-1, 0, 1)})][:60]
    return [f"'{each}'" for each in dict.fromkeys(_STRING.findall(text)) if _fits(column, each)][:60]


def _fits(column: GeneratedColumn, text: str) -> bool:
    """Whether a constant can be a value of a text column. Other types could refuse a constant of another column."""
    return _short(column.type) in _TEXTS and not column.array and (column.length < 0 or len(text) <= column.length - 4)


def _value(column: GeneratedColumn, *, checked: bool) -> str:
    """The SQL of a value, in which `k` stands for a number. Empty if the type has no generator."""
    if column.array:
        return f"'{{}}'::{column.type}[]"
    if column.kind == "e":
        return f"(enum_range(null::{column.type}))[1 + k % {max(1, column.labels)}]"
    short = _short(column.type)
    if short in _TEXTS:
        return _text(column, checked=checked)
    if short == "numeric":
        return _numeric(column.length)
    if short in {"bit", "varbit"}:
        return f"(k % 2147483648)::int8::bit({max(1, column.length)})" if column.length != 0 else ""
    return _VALUES.get(short, "")


def _text(column: GeneratedColumn, *, checked: bool) -> str:
    longest = column.length - 4 if column.length >= 4 else 0
    if checked:
        forms = " ".join(f"when {at} then {form}" for at, form in enumerate(_FORMS))
        value = f"case g % {len(_FORMS)} {forms} end"
        return f"left({value}, {longest})" if longest else value
    if longest and longest < len(column.name) + 9:
        return f"right(lpad(to_hex(k), {longest}, '0'), {longest})"
    return "{n} || ' ' || k"


def _numeric(modifier: int) -> str:
    if modifier < 0:
        return "k::numeric"
    precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
    scale = scale - 2048 if scale > 1023 else scale
    digits = min(max(precision - scale, 0), 15)
    return (
        f"(k % {10**digits})::numeric" if digits else f"((k % {10 ** min(scale, 9)})::numeric / {10 ** min(scale, 9)})"
    )


def _short(type_: str) -> str:
    return type_.rpartition(".")[2].strip('"')
