"""The trigger that keeps both forms of a row in step, and the condition that finds rows whose forms differ.

NULL in the old form is NULL in all columns of the new form, and the reverse. Values are compared by their image
(`*<>`), because `=` ignores some differences, such as the case of citext, and does not exist for json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .change import name_as_sql, qualified_as_sql
from .copied_parts import derived_name
from .definition import TRIGGER, TableDefinition
from .phase import lines

_VARYING = re.compile(r"(?:character\s+varying|char\s+varying|varchar)\s*\(\s*\d+\s*\)", re.IGNORECASE)
_PADDED = re.compile(r"(?:character|char|bpchar)\s*\(\s*(\d+)\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class SyncTrigger:
    """The SQL of the trigger and its function."""

    definition: TableDefinition

    @cached_property
    def name(self) -> str:
        """The name of the trigger, as SQL."""
        return name_as_sql(derived_name(TRIGGER, *self._words))

    @cached_property
    def function(self) -> str:
        """The qualified name of the trigger's function, as SQL."""
        return qualified_as_sql(self.definition.change.schema, derived_name("expand", *self._words))

    @property
    def _words(self) -> tuple[str, ...]:
        change = self.definition.change
        return (change.table, change.column, *(each.name for each in change.new))

    @property
    def create(self) -> str:
        """The statements that create the function and the trigger."""
        change = self.definition.change
        body = self._two_way if change.new else self._not_null
        tag = next(f"$expand{n}$" for n in ("", *range(9)) if f"$expand{n}$" not in body)
        path = ", ".join(dict.fromkeys(("pg_catalog", name_as_sql(change.schema), "public", "pg_temp")))
        head = f"CREATE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql\n    SET search_path = {path}"
        table = self.definition.name
        return lines(
            (
                f"{head} AS {tag}\n#variable_conflict use_column\n{body}\n{tag};",
                f"CREATE TRIGGER {self.name} BEFORE INSERT OR UPDATE ON {table}",
                f"    FOR EACH ROW EXECUTE FUNCTION {self.function}();",
                "-- also for rows of logical replication: if both forms are in step, the trigger changes nothing",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {self.name};",
            )
        )

    @property
    def drop(self) -> str:
        """The statements that drop both."""
        return f"DROP TRIGGER {self.name} ON {self.definition.name};\nDROP FUNCTION {self.function}();"

    @property
    def old(self) -> str:
        """The name of the old column, as SQL."""
        return name_as_sql(self.definition.change.column)

    @cached_property
    def new(self) -> tuple[str, ...]:
        """The names of the new columns, as SQL."""
        return tuple(name_as_sql(each.name) for each in self.definition.change.new)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The types of the new columns."""
        return tuple(each.type or self.definition.column.attributes["type"] for each in self.definition.change.new)

    @cached_property
    def forward(self) -> tuple[str, ...]:
        """The expressions that compute the new columns from a row whose old column is not NULL."""
        values = (each.using or self.old for each in self.definition.change.new)
        return tuple(
            converted(value, kind) if each.type else self.old
            for each, value, kind in zip(self.definition.change.new, values, self.types, strict=True)
        )

    @cached_property
    def cut(self) -> str:
        """The condition for rows whose value is longer than the new type. Empty if no type has a length."""
        values = (each.using or self.old for each in self.definition.change.new)
        cut = [f"({value})::{kind}" for value, kind in zip(values, self.types, strict=True)]
        return "" if self.same or tuple(cut) == self.forward else _differ(", ".join(self.forward), ", ".join(cut))

    @cached_property
    def back(self) -> str:
        """The expression that computes the old column from a row whose new columns are not all NULL."""
        change = self.definition.change
        if change.kind == "rename column":
            return self.new[0]
        return converted(change.back or self.new[0], self.definition.column.attributes["type"])

    @property
    def _two_way(self) -> str:
        new = _list("NEW.", self.new)
        return f"""\
BEGIN
    IF (CASE TG_OP
        WHEN 'INSERT' THEN num_nonnulls({new}) > 0
        ELSE {_differ(new, _list("OLD.", self.new))}
    END) THEN
        -- The statement writes the new form, which wins.
        IF num_nonnulls({new}) = 0 THEN
            NEW.{self.old} := NULL;
{self._backward}
        END IF;
    ELSIF NEW.{self.old} IS NULL THEN
        {_assigned(self.new, ["NULL"] * len(self.new))}
    ELSIF (CASE TG_OP
        WHEN 'INSERT' THEN true
        ELSE num_nonnulls({new}) = 0 OR {_differ(f"NEW.{self.old}", f"OLD.{self.old}")}
    END) THEN
        -- The statement writes the old form, or the row is not backfilled yet.
        {self._forward}
    END IF;
    RETURN NEW;
END"""

    @property
    def same(self) -> bool:
        """Whether both forms have the same values, so that no expression is computed."""
        return self.forward == (self.old,)

    @property
    def _row(self) -> str:
        """The written row, under the name of the table."""
        return f"(SELECT NEW.*) AS {name_as_sql(self.definition.change.table)}"

    @property
    def _forward(self) -> str:
        """Assigns the new form that the old form gives."""
        if self.same:
            return f"NEW.{self.new[0]} := NEW.{self.old};"
        return f"SELECT {', '.join(self.forward)} INTO {_list('NEW.', self.new)} FROM {self._row};"

    @property
    def _backward(self) -> str:
        """Assigns the old form that the new form gives, unless the old form already gives this new form."""
        if self.same:
            return f"        ELSE\n            NEW.{self.old} := NEW.{self.new[0]};"
        differs = f"(SELECT {_differ(', '.join(self.forward), _list('NEW.', self.new))} FROM {self._row})"
        return f"""\
        ELSIF {_differ(f"NEW.{self.old}", f"(SELECT {self.back} FROM {self._row})")} THEN
            -- The old form is left alone if it has the same meaning, as '007' and 7.
            IF NEW.{self.old} IS NULL OR {differs} THEN
                NEW.{self.old} := (SELECT {self.back} FROM {self._row});
            END IF;"""

    @property
    def _not_null(self) -> str:
        return f"""\
BEGIN
    IF NEW.{self.old} IS NULL THEN
        NEW.{self.old} := {self.definition.change.default};
    END IF;
    RETURN NEW;
END"""

    @cached_property
    def out_of_step(self) -> str:
        """The condition on the table for rows whose forms differ."""
        new = ", ".join(self.new)
        if self.same:
            return f"{_differ(self.old, new)}"
        forward = ", ".join(f"CASE WHEN {self.old} IS NOT NULL THEN {value} END" for value in self.forward)
        back = f"CASE WHEN num_nonnulls({new}) > 0 THEN {self.back} END"
        return f"{_differ(forward, new)} AND {_differ(back, self.old)}"

    @cached_property
    def left(self) -> str:
        """The condition for rows that are not backfilled yet. An index can have the first part as its predicate."""
        if not self.definition.change.new:
            return f"{self.old} IS NULL"
        return " AND ".join((*(f"{name} IS NULL" for name in self.new), f"{self.old} IS NOT NULL"))

    @property
    def computable(self) -> str:
        """A further condition for the backfill: rows whose new form is not NULL. Empty if this is always so."""
        plain = not self.definition.change.new or self.same
        return "" if plain else f" AND num_nonnulls({', '.join(self.forward)}) > 0"


def converted(value: str, kind: str) -> str:
    """The value as a type, without its maximum length: a cast would cut the value, and an assignment refuses it."""
    if varying := _VARYING.match(kind):
        return f"({value})::varchar{kind[varying.end() :]}"
    if padded := _PADDED.fullmatch(kind):
        text = f"({value})::text"
        return f"rpad({text}, greatest({padded[1]}, length({text})))::bpchar"
    return f"({value})::{kind}"


def _differ(one: str, other: str) -> str:
    """A condition that is true if two rows of values differ in their image."""
    return f"ROW({one})::record *<> ROW({other})::record"


def _list(prefix: str, names: Iterable[str]) -> str:
    return ", ".join(f"{prefix}{name}" for name in names)


def _assigned(names: Iterable[str], values: Iterable[str]) -> str:
    return " ".join(f"NEW.{name} := {value};" for name, value in zip(names, values, strict=True))
