"""The SQL that compares both forms of all rows, before a table is expanded and before it is contracted.

Row-level security must not hide rows from these queries. With `row_security = off`, a query that would omit rows fails.
"""

from __future__ import annotations

from .change import literal
from .sync_trigger import SyncTrigger

_ALL_ROWS = "pg_catalog.set_config('row_security', 'off', true)"
"""Makes PostgreSQL raise an error instead of omitting rows that row-level security hides."""


def convertible(trigger: SyncTrigger, *, required: bool) -> str:
    """A statement that computes the new form of all rows and raises an error if that fails.

    Otherwise, such a row would make each UPDATE of it fail after the expand. `required` says that the new form must not
    be NULL. Empty if nothing can fail.
    """
    definition = trigger.definition
    if trigger.same and "row_security" not in definition.table.attributes:
        return ""
    table, forward = definition.name, ", ".join(trigger.forward)
    lost = [f"num_nonnulls({forward}) = 0"] if required and not trigger.same else []
    lost += [trigger.cut] if trigger.cut else []
    counted = f"num_nonnulls({forward})" if not trigger.same else "*"
    rows = f"FROM {table} WHERE {trigger.old} IS NOT NULL"
    if trigger.same:
        body = f"    PERFORM FROM {table} LIMIT 1;"
    elif not lost:
        body = f"    PERFORM count({counted}) {rows};"
    else:
        found = " OR ".join(lost)
        body = f"""\
    IF (SELECT count(*) FILTER (WHERE {found}) {rows}) > 0 THEN
        RAISE EXCEPTION 'the new form cannot hold the value of a row, so the table is not expanded'
            USING HINT = {literal(f"find the rows: SELECT * {rows} AND ({found})")};
    END IF;"""
    return _block(body)


def compared(trigger: SyncTrigger) -> str:
    """A statement that raises an error if the forms of a row differ."""
    table, condition = trigger.definition.name, trigger.out_of_step
    return _block(f"""\
    IF EXISTS (SELECT FROM {table} WHERE {condition}) THEN
        RAISE EXCEPTION 'the old and the new form of a row differ, so the old form is not dropped'
            USING HINT = {literal(f"find the rows: SELECT * FROM {table} WHERE {condition}")};
    END IF;""")


def both_equal(trigger: SyncTrigger) -> str:
    """A verify query: no row has forms that differ. True after contract, when only one form is left."""
    change, name = trigger.definition.change, literal(trigger.definition.name)
    rows = f"SELECT 1 FROM {trigger.definition.name} WHERE {trigger.out_of_step} LIMIT 1"
    return f"""\
-- Compares both forms of every row, until contract drops the old form.
SELECT CASE WHEN {_ALL_ROWS} = 'off' AND (
    SELECT count(*) = 2 FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass({name}) AND NOT attisdropped
        AND attname IN ({literal(change.column)}, {literal(change.new[0].name)})
) THEN pg_catalog.query_to_xml({literal(rows)}, false, true, '')::text = ''
ELSE true END AS both_forms_are_equal;"""


def old_form_dropped(trigger: SyncTrigger) -> str:
    """A verify query: the old column, or the temporary name of the new column, does not exist."""
    change = trigger.definition.change
    gone = change.new[0].name if change.swaps else change.column
    return f"""\
-- Only the new form is left.
SELECT count(*) = 0 AS old_form_is_dropped FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass({literal(trigger.definition.name)}) AND attname = {literal(gone)}
    AND NOT attisdropped;"""


def _block(body: str) -> str:
    """A DO statement that reads all rows, or fails."""
    whole = f"\nBEGIN\n    PERFORM {_ALL_ROWS};\n{body}\nEND "
    tag = next(f"$check{n}$" for n in ("", *range(9)) if f"$check{n}$" not in whole)
    return f"DO {tag}{whole}{tag};"
