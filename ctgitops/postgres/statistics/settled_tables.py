"""Brings the tables of a throw-away database into a state that does not depend on how their rows were written.

A table has dead rows after an UPDATE, and an index that grew row by row has emptier pages than a new one. Such
differences would look like a change of performance. The statements run as the owner of the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..connection.connect import Connection

_TABLES = """
select pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind <> 'p'
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', 'ctgitops')
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e'
        and d.classid = 'pg_catalog.pg_class'::regclass)
order by 1
"""


def settle(connection: Connection, *, rewrite: bool) -> None:
    """Analyses the tables of the role. With `rewrite`, first rewrites them and their indexes. Writes."""
    found = connection.execute(_TABLES).fetchall()
    stored = [str(name) for name, has_rows in found if has_rows]
    if rewrite and stored:
        connection.execute(f"vacuum (full) {', '.join(stored)}".encode())
        # A rewrite does not mark pages as visible to all, which index-only scans need
        connection.execute(f"vacuum (freeze) {', '.join(stored)}".encode())
    if found:
        connection.execute(f"analyze {', '.join(str(name) for name, _ in found)}".encode())
