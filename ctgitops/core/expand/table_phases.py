"""The migrations that rename a table, with a view of the old name until contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...sql.tokens import code_words
from ..schema.snapshot import SchemaObject
from .change import literal, name_as_sql, qualified_as_sql
from .definition import TableDefinition
from .phase import DDL, FUNCTIONS, GRANTS, Phase, PhaseKind, lines

_VIEWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""The privileges that have an effect on a view."""


@dataclass(frozen=True)
class TablePhases:
    """The phases of a new name for a table."""

    definition: TableDefinition

    @property
    def all(self) -> tuple[Phase, ...]:
        """The phases in the order in which they are applied."""
        return (self.expand, self.contract)

    @property
    def _new(self) -> str:
        return qualified_as_sql(self.definition.change.schema, self.definition.change.renamed_to)

    @property
    def _view(self) -> str:
        columns = ", ".join(name_as_sql(name) for name in self.definition.columns)
        invoker = "WITH (security_invoker = true) " if self.definition.has_invoker_views else ""
        return f"CREATE VIEW {self.definition.name} {invoker}AS\n    SELECT {columns} FROM {self._new};"

    def _grants(self) -> Iterator[str]:
        """The rights on the table, which the view gets too."""
        start = f"table {self.definition.table.name} to "
        for each in self.definition.snapshot.objects:
            if each.kind != "grant" or not each.name.startswith(start):
                continue
            yield from self._granted(each, each.name.removeprefix(start))
        for each in self.definition.parts("grant"):
            column, _, role = each.name.removeprefix(f"column {self.definition.table.name}.").partition(" to ")
            if each.name.startswith("column "):
                yield from self._granted(each, role, f" ({column})")

    def _granted(self, grant: SchemaObject, role: str, columns: str = "") -> Iterator[str]:
        for given in grant.attributes.get("privileges", "").split(", "):
            words = {word.upper() for word in code_words(given)}
            rights = [f"{right}{columns}" for right in _VIEWS if {right, "ALL"} & words]
            if rights:
                option = " WITH GRANT OPTION" if "OPTION" in words else ""
                yield f"GRANT {', '.join(rights)} ON {self.definition.name} TO {role}{option};"

    @property
    def _owned(self) -> str:
        """A statement that gives the view the owner of the table, who can use both names then."""
        body = f"""
BEGIN
    EXECUTE (
        SELECT format('ALTER VIEW %s OWNER TO %I', {literal(self.definition.name)}, pg_get_userbyid(relowner))
        FROM pg_catalog.pg_class WHERE oid = {literal(self._new)}::regclass
    );
END """
        tag = next(f"$owner{n}$" for n in ("", *range(9)) if f"$owner{n}$" not in body)
        return f"DO {tag}{body}{tag};"

    @property
    def expand(self) -> Phase:
        """Renames the table, and creates a view with the old name."""
        change = self.definition.change
        return Phase(
            PhaseKind.EXPAND,
            "Renames the table, and creates a view with the old name",
            {
                DDL: "-- ctgitops: allow rename (a view keeps the old name until contract)\n"
                f"ALTER TABLE {self.definition.name} RENAME TO {name_as_sql(change.renamed_to)};",
                FUNCTIONS: f"{self._view}\n{self._owned}",
                GRANTS: lines(self._grants()),
            },
            "blocks reads and writes for milliseconds",
            f"DROP VIEW {self.definition.name};\nALTER TABLE {self._new} RENAME TO {name_as_sql(change.table)};",
            deprecates=f"{change.schema}.{change.table}",
        )

    @property
    def contract(self) -> Phase:
        """Drops the view."""
        change = self.definition.change
        gone = f"pg_catalog.to_regclass({literal(self.definition.name)}) IS NULL"
        return Phase(
            PhaseKind.CONTRACT,
            f"Drops the view with the old name {change.table}",
            {DDL: f"DROP VIEW {self.definition.name};"},
            "blocks reads and writes of the old name for milliseconds",
            lines((self._view, self._owned, *self._grants())),
            f"SELECT {gone} AS old_name_is_dropped;",
        )


def phases_of(definition: TableDefinition) -> tuple[Phase, ...]:
    """The migrations of a change, in the order in which they are applied."""
    if definition.change.renamed_to:
        return TablePhases(definition).all
    from .column_phases import ColumnPhases  # noqa: PLC0415 - a rename of a table needs no trigger

    return ColumnPhases(definition).all
