"""The migrations that replace a column by a new form, or make a column NOT NULL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .change import literal, name_as_sql
from .comparison import both_equal, compared, convertible, old_form_dropped
from .copied_parts import CopiedPart, copied_constraints, copied_indexes, derived_name
from .definition import TableDefinition
from .phase import (
    CONSTRAINTS,
    DATA,
    DDL,
    FUNCTIONS,
    INDEXES,
    NOTHING_TO_UNDO,
    PRE_CHECKS,
    SIZE,
    Phase,
    PhaseKind,
    lines,
)
from .sync_trigger import SyncTrigger

_COLLATABLE = re.compile(r"(?:text|citext|varchar|bpchar|char|character|name)\b", re.IGNORECASE)
"""Matches the types that keep the collation of the old column."""


@dataclass(frozen=True)
class ColumnPhases:
    """The phases of a change of one column."""

    definition: TableDefinition

    @cached_property
    def trigger(self) -> SyncTrigger:
        """The trigger while both forms exist."""
        return SyncTrigger(self.definition)

    @cached_property
    def all(self) -> tuple[Phase, ...]:
        """The phases in the order in which they are applied."""
        return tuple(filter(None, (self.expand, self.index, self.backfill, self.validate, self.contract)))

    @property
    def _drops(self) -> bool:
        return bool(self.definition.change.new)

    @property
    def _single(self) -> bool:
        """Whether indexes and constraints are copied: the new form is one column."""
        return len(self.definition.change.new) == 1

    @property
    def _fills(self) -> bool:
        return self._drops or bool(self.definition.change.default)

    @cached_property
    def _indexes(self) -> tuple[CopiedPart, ...]:
        return tuple(copied_indexes(self.definition)) if self._single else ()

    @cached_property
    def _checks(self) -> tuple[CopiedPart, ...]:
        return tuple(copied_constraints(self.definition)) if self._single else ()

    @property
    def _required(self) -> str:
        """The column that contract makes NOT NULL, as SQL. Empty without one."""
        if not self._drops:
            return self.trigger.old
        return self.trigger.new[0] if self._single and "not_null" in self.definition.column.attributes else ""

    @property
    def _required_check(self) -> str:
        column = self.definition.change.new[0].name if self._drops else self.definition.change.column
        return name_as_sql(derived_name(self.definition.change.table, column, "is_not_null"))

    @property
    def _create_required(self) -> str:
        check = f"CHECK ({self._required} IS NOT NULL) NOT VALID"
        return f"ALTER TABLE {self.definition.name} ADD CONSTRAINT {self._required_check} {check};"

    @property
    def _backfill_index(self) -> str:
        change = self.definition.change
        names = tuple(each.name for each in change.new) or (change.column,)
        return name_as_sql(derived_name("backfill", change.table, *names))

    @property
    def expand(self) -> Phase:
        """Adds the new form, and the trigger that keeps both forms in step."""
        table, names = self.definition.name, self.trigger.new
        added = [self._column(name, kind) for name, kind in zip(names, self.trigger.types, strict=True)]
        columns = f"ALTER TABLE {table} {', '.join(added)};" if added else ""
        checks = (self._create_required if self._required else "", *(each.create for each in self._checks))
        dropped = [f"DROP COLUMN {name}" for name in names]
        down = [self.trigger.drop if self._fills else "", self._default("DROP")]
        down += [
            f"ALTER TABLE {table} {', '.join(dropped)};"
            if dropped
            else f"ALTER TABLE {table} DROP CONSTRAINT {self._required_check};"
        ]
        parts = {DDL: lines((columns, *self._comment(), self._default("SET"))), CONSTRAINTS: lines(checks)}
        if self._fills:
            parts[FUNCTIONS] = self.trigger.create
        if self._drops and (check := convertible(self.trigger, required=bool(self._required))):
            parts[PRE_CHECKS] = check
        what = "Adds the new form" if self._drops else "Refuses new NULL values"
        return Phase(
            PhaseKind.EXPAND,
            f"{what}{' and the trigger that keeps both forms in step' if self._fills else ''}",
            parts,
            f"{'reads the table; ' if PRE_CHECKS in parts else ''}blocks reads and writes for milliseconds",
            lines(down),
            deprecates=self._object if self._drops else "",
        )

    @property
    def _object(self) -> str:
        change = self.definition.change
        return f"{change.schema}.{change.table}.{change.column}"

    def _column(self, name: str, kind: str) -> str:
        attributes = self.definition.column.attributes
        kept = self._single and (not self.definition.change.new[0].type or _COLLATABLE.match(kind))
        collation = attributes.get("collation", "") if kept else ""
        return f"ADD COLUMN {name} {kind}{f' COLLATE {collation}' if collation else ''}"

    def _default(self, action: str) -> str:
        """Sets or drops the default of a column that becomes NOT NULL, unless it has another default."""
        change = self.definition.change
        if not change.default or "default" in self.definition.column.attributes:
            return ""
        value = f" {change.default}" if action == "SET" else ""
        return f"ALTER TABLE {self.definition.name} ALTER COLUMN {self.trigger.old} {action} DEFAULT{value};"

    def _comment(self) -> Iterator[str]:
        comment = self.definition.column.attributes.get("comment")
        if comment and self._single:
            yield f"COMMENT ON COLUMN {self.definition.name}.{self.trigger.new[0]} IS {literal(comment)};"

    @property
    def index(self) -> Phase | None:
        """Builds the indexes of the new form, and an index that finds the rows of the backfill."""
        if not self._fills:
            return None
        key = ", ".join(self.definition.key) or "(true)"
        where = f"{self.definition.name} ({key}) WHERE {self.trigger.left};"
        create = f"CREATE INDEX CONCURRENTLY {self._backfill_index} ON {where}"
        schema = name_as_sql(self.definition.change.schema)
        names = [self._backfill_index, *(each.name for each in self._indexes)]
        return Phase(
            PhaseKind.INDEX,
            "Builds the indexes of the new form, and an index that finds the rows of the backfill",
            {INDEXES: lines((create, *(each.create for each in self._indexes)))},
            "reads the table; blocks no reads or writes",
            lines(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name};" for name in names),
        )

    @property
    def backfill(self) -> Phase | None:
        """Computes the new form of the rows that no statement has written since the expand."""
        if not self._fills:
            return None
        key = self.definition.key or ("ctid",)
        table, trigger = self.definition.name, self.trigger
        names = ", ".join(f"{column} AS key_{n}" for n, column in enumerate(key, 1))
        order = f" ORDER BY {', '.join(self.definition.key)}" if self.definition.key else ""
        values = dict(zip(trigger.new, trigger.forward, strict=True)) or {trigger.old: self.definition.change.default}
        match = " AND ".join(f"{table}.{column} = batch.key_{n}" for n, column in enumerate(key, 1))
        sql = f"""\
WITH batch AS (
    SELECT {names} FROM {table}
    WHERE {trigger.left}{trigger.computable}{order} LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE {table} SET {", ".join(f"{name} = {value}" for name, value in values.items())}
FROM batch WHERE {match};"""
        return Phase(
            PhaseKind.BACKFILL,
            "Computes the new form of existing rows, in batches" if self._drops else "Replaces NULL in existing rows",
            {DATA: sql},
            f"locks at most {SIZE} rows at a time",
            f"-- The new form keeps its values until the expand is rolled back.\n{NOTHING_TO_UNDO}",
            both_equal(trigger) if self._drops else "",
            comments=(f"-- ctgitops: batch size={SIZE}",),
        )

    @property
    def validate(self) -> Phase | None:
        """Validates the constraints of the new form."""
        created = {self._required_check: self._create_required} if self._required else {}
        created |= {each.name: each.create for each in self._checks}
        if not created:
            return None
        table = self.definition.name
        return Phase(
            PhaseKind.VALIDATE,
            "Validates the constraints of the new form",
            {CONSTRAINTS: lines(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};" for name in created)},
            "reads the table; blocks no reads or writes",
            lines(f"ALTER TABLE {table} DROP CONSTRAINT {name};\n{create}" for name, create in created.items()),
        )

    @property
    def contract(self) -> Phase:
        """Drops the old form and the trigger."""
        if not self._drops:
            return self._contract_not_null
        table, trigger, change = self.definition.name, self.trigger, self.definition.change
        required = f"ALTER TABLE {table} ALTER COLUMN {self._required} SET NOT NULL;" if self._required else ""
        actions = [f"DROP CONSTRAINT {self._required_check}"] if self._required else []
        default = self.definition.column.attributes.get("default")
        if default and self._single:
            value = default if change.kind == "rename column" else f"({default})::{trigger.types[0]}"
            actions.append(f"ALTER COLUMN {trigger.new[0]} SET DEFAULT {value}")
        actions.append(f"DROP COLUMN {trigger.old}")
        rename = f"ALTER TABLE {table} RENAME COLUMN {trigger.new[0]} TO {trigger.old};" if change.swaps else ""
        schema = name_as_sql(change.schema)
        indexes = (f"ALTER INDEX {schema}.{i.name} RENAME TO {i.original};" for i in self._indexes if not i.constraint)
        unique = (
            f"ALTER TABLE {table} ADD CONSTRAINT {i.original} {i.constraint};" for i in self._indexes if i.constraint
        )
        checks = (f"ALTER TABLE {table} RENAME CONSTRAINT {c.name} TO {c.original};" for c in self._checks)
        return Phase(
            PhaseKind.CONTRACT,
            "Drops the old form and the trigger",
            {
                PRE_CHECKS: compared(trigger),
                DDL: lines((trigger.drop, required, f"ALTER TABLE {table} {', '.join(actions)};", rename)),
                INDEXES: lines(indexes),
                CONSTRAINTS: lines((*unique, *checks)),
            },
            "blocks reads and writes for milliseconds, after it has compared both forms of every row",
            verify=old_form_dropped(trigger),
            rollback="Manual - write the reverse change with `ctgitops new --expand`, then apply it up to its backfill",
        )

    @property
    def _contract_not_null(self) -> Phase:
        table, column, check = self.definition.name, self.trigger.old, self._required_check
        schema = name_as_sql(self.definition.change.schema)
        restore = f"{self._create_required}\nALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL;"
        parts = {
            DDL: lines(
                (
                    self.trigger.drop if self._fills else "",
                    f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;",
                    f"ALTER TABLE {table} DROP CONSTRAINT {check};",  # a separate statement, because a DROP runs first
                )
            )
        }
        key = ", ".join(self.definition.key) or "(true)"
        again = f"CREATE INDEX {self._backfill_index} ON {table} ({key}) WHERE {self.trigger.left};"
        if self._fills:
            parts[INDEXES] = f"DROP INDEX {schema}.{self._backfill_index};"
        return Phase(
            PhaseKind.CONTRACT,
            "Makes the column NOT NULL, and drops the trigger" if self._fills else "Makes the column NOT NULL",
            parts,
            "blocks reads and writes for milliseconds",
            lines((restore, self.trigger.create if self._fills else "", again if self._fills else "")),
            f"SELECT count(*) = 0 AS no_value_is_null FROM {table} WHERE {column} IS NULL;",
        )
