"""Decides whether the superuser may create an extension in a database where unreviewed SQL ran.

PostgreSQL runs an extension's script as the superuser. The search path of the script contains the schemas of the
extension and of all extensions that it requires. An unqualified name in the script can therefore refer to an object of
a migration. This module judges an object by its owner, and by the transaction that wrote its row. Membership in an
extension proves nothing, because the owner of a trusted extension can make any of their own objects a member. Objects
from the extension's script belong to the superuser.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...sql.extension import Extension
    from ..connection.connect import Connection

_NOW = "select pg_catalog.mod(pg_catalog.txid_current(), 4294967296)::text"
"""The current transaction ID as a row stores it, which is its lower 32 bits."""
_ALWAYS = "select evtname from pg_catalog.pg_event_trigger where evtenabled in ('A', 'R') limit 1"
_INSTALLED_BY = """
with recursive wanted(name) as (
    select %s::name
    union
    select required from wanted w
    join pg_catalog.pg_available_extension_versions v on v.name = w.name
    cross join lateral pg_catalog.unnest(v.requires) required
)
select w.name::text, n.nspname::text, array(
    select distinct v.schema::text from pg_catalog.pg_available_extension_versions v
    where v.name = w.name and v.schema is not null
)
from wanted w
left join pg_catalog.pg_extension e on e.extname = w.name
left join pg_catalog.pg_namespace n on n.oid = e.extnamespace
"""
"""Queries an extension and the extensions that it requires, each with its schema.

For an extension that is not installed, the schema is the one that its control file sets.
"""
_PLANTED = """
with since(age) as (select pg_catalog.age(%s::pg_catalog.xid)),
first(oid) as (select oid from pg_catalog.pg_namespace where nspname = any(%s)),
catalog_function(name) as (
    select proname from pg_catalog.pg_proc where pronamespace = 'pg_catalog'::pg_catalog.regnamespace
)
select each.name::text, n.nspname::text from (
    select p.proname, p.pronamespace, p.proowner
    from pg_catalog.pg_proc p, since s
    where pg_catalog.age(p.xmin) <= s.age or p.proname in (select c.name from catalog_function c)
    union all
    select o.oprname, o.oprnamespace, o.oprowner from pg_catalog.pg_operator o
    union all
    select c.relname, c.relnamespace, c.relowner
    from pg_catalog.pg_class c, since s
    where c.relnamespace in (select f.oid from first f) and pg_catalog.age(c.xmin) <= s.age
    union all
    select t.typname, t.typnamespace, t.typowner
    from pg_catalog.pg_type t, since s
    where t.typnamespace in (select f.oid from first f) and pg_catalog.age(t.xmin) <= s.age
) each(name, schema, owner)
join pg_catalog.pg_namespace n on n.oid = each.schema
join pg_catalog.pg_roles r on r.oid = each.owner
where n.nspname = any(%s) and not r.rolsuper
limit 1
"""
"""Queries objects in the script's search path that an unqualified name in the script could refer to.

Includes the objects that the unreviewed SQL wrote. Also includes two kinds of older objects: operators, and functions
with the name of a PostgreSQL function. A migration may have replaced a function that these objects call.
"""


def has_unquiet_triggers(connection: Connection) -> bool:
    """Whether an event trigger would fire in the superuser's session despite session_replication_role = replica."""
    return connection.execute(_ALWAYS).fetchone() is not None


class ExtensionGuard:
    """Recognises objects that existed before the unreviewed SQL ran, by the transactions that wrote them."""

    def __init__(self, connection: Connection) -> None:
        self._since = str(connection.execute(_NOW).fetchall()[0][0])

    def refusal(self, connection: Connection, made: Extension, listed: frozenset[str]) -> str:
        """Why CREATE EXTENSION could run a migration's code as the superuser. Empty if this is impossible.

        With CASCADE, the statement also creates required extensions, whose names must be in `listed`.
        """
        return next(self._refusals(connection, made, listed), "")

    def _refusals(self, connection: Connection, made: Extension, listed: frozenset[str]) -> Iterator[str]:
        if has_unquiet_triggers(connection):
            yield f'extension "{made.name}" is not created while an event trigger is enabled ALWAYS'
        target, schemas, fixed = {made.schema or "public"}, set[str](), False
        for name, schema, own in connection.execute(_INSTALLED_BY, [made.name]).fetchall():
            if made.cascade and not schema and name not in listed:
                yield f'extension "{made.name}" requires "{name}", which the sandbox does not create as a superuser'
            here = {str(each) for each in (own if isinstance(own, list) else ())}
            if name == made.name and here:
                target, fixed = here, True
            schemas |= {str(schema)} if schema else here
        # In its only schema, a script creates each relation and type that it names. In a path, the first can be another
        first = target if fixed or schemas - target else set[str]()
        asked = [self._since, sorted(first), sorted(schemas | target)]
        planted = connection.execute(_PLANTED, asked).fetchone()
        if planted:
            yield (
                f'extension "{made.name}" is not created, because its script could use an object of these '
                f"migrations: {planted[0]} in schema {planted[1]}"
            )
