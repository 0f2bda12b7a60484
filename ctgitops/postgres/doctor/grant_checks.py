"""Checks the privileges of the roles that apply and plan. The fix is the exact SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...core.doctor.diagnosis import Diagnosis, note, ok, problem
from ...core.schema.database_roles import DatabaseRoles, names_for
from ...lazy import dataclass
from ...report.roles import ON_LEDGER
from ...sql.nodes import quoted_name
from ..catalog.database_roles import database_roles

if TYPE_CHECKING:
    from .doctor_session import DoctorSession

SUPERUSER = "A mistake in a migration can change roles, other databases and files of the server."
READ_ONLY = "A plan needs only to read. Its role should not be able to change the database."
_USER = """
select session_user, r.rolsuper, exists (
    select from pg_db_role_setting s, unnest(s.setconfig) c
    where s.setrole = r.oid and c = 'default_transaction_read_only=on'
) from pg_roles r where r.rolname = session_user
"""
_ROLE = "select rolsuper from pg_roles where rolname = %s"
_LACKS = """
select has_database_privilege(%(role)s, current_database(), 'connect'),
       has_database_privilege(%(role)s, current_database(), 'create'),
       pg_has_role(%(role)s, 'pg_read_all_stats', 'usage')
"""
_ON_PUBLIC = """
select coalesce(bool_and(has_schema_privilege(%s, oid, 'create')), true) from pg_namespace where nspname = 'public'
"""
_LEDGER = """
select has_schema_privilege(%(role)s, n.oid, 'usage'),
       (select bool_and(has_table_privilege(%(role)s, c.oid, 'select')) from pg_class c
        where c.relnamespace = n.oid and c.relkind in ('r', 'v')),
       (select bool_and(has_table_privilege(%(role)s, c.oid, 'insert')) from pg_class c
        where c.relnamespace = n.oid and c.relname in ('ledger', 'progress', 'home')),
       (select bool_and(has_table_privilege(%(role)s, c.oid, 'insert')
                        and has_table_privilege(%(role)s, c.oid, 'update'))
        from pg_class c where c.relnamespace = n.oid and c.relname = 'lease'),
       (select bool_and(has_function_privilege(%(role)s, p.oid, 'execute')) from pg_proc p where p.pronamespace = n.oid)
from pg_namespace n where n.nspname = 'ctgitops'
"""
_MEMBER = "select pg_has_role(%s, %s, 'usage')"
_NOT_READABLE = """
select format('%%I.%%I', n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not (has_schema_privilege(%(role)s, n.oid, 'usage') and has_table_privilege(%(role)s, c.oid, 'select'))
order by 1
"""

_NO_SAMPLES = "select true where not has_table_privilege(%(role)s, to_regclass('ctgitops.traffic')::oid, 'insert')"


@dataclass(frozen=True)
class GrantChecks:
    """The checks of one environment. `role` is the manifest's `database.role`."""

    session: DoctorSession
    environment: str
    role: str = ""

    def apply(self) -> Iterator[Diagnosis]:
        """The privileges that the role needs to apply migrations and write the ledger."""
        check, facts = "apply-grants", database_roles(self.session.connection)
        role = self._applies(facts)
        script = f'ctgitops roles --env {self.environment} --only apply | psql -v ON_ERROR_STOP=1 "$ADMIN_URL"'
        found = self.session.rows(_ROLE, role)
        if not found:
            yield problem(check, f"the role {role}, which applies migrations, does not exist", script)
        elif found[0][0]:
            what = f"{role} is a superuser, so migrations can do anything on this server"
            yield note(check, what, script, why=SUPERUSER)
        elif missing := list(self._missing(role, facts)):
            yield problem(
                check, f"{role} lacks {len(missing)} of the privileges that `apply` needs", "\n".join(missing)
            )
        else:
            yield ok(check, f"{role} has all privileges that `apply` needs")
        for owner in facts.owners:
            if found and not found[0][0] and not owner.has_members and owner.name != role:
                what = f"{owner.name} owns objects that migrations as {role} cannot alter"
                named = quoted_name(owner.name).replace("'", "''")
                fix = f"SELECT oid::regclass FROM pg_class WHERE relowner = '{named}'::regrole AND oid >= 16384;\n"  # noqa: S608 - shown
                fix += f"ALTER TABLE … OWNER TO {quoted_name(role)};  -- for the tables that migrations alter"
                yield note(check, what, fix, why="A migration that alters one of these objects fails.")

    def plan(self) -> Iterator[Diagnosis]:
        """Whether the role that plans may read everything. The role that applies can plan too."""
        check, facts = "plan-grants", database_roles(self.session.connection)
        user, superuser, reads_only = self.session.row(_USER)
        role = str(user) if reads_only else names_for(facts, self.role).plan
        script = f'ctgitops roles --env {self.environment} --only plan | psql -v ON_ERROR_STOP=1 "$ADMIN_URL"'
        if superuser and reads_only:
            what = f"{role} is a superuser, but plans should use a role that can only read"
            yield note(check, what, script, why=READ_ONLY)
            return
        if not self.session.rows(_ROLE, role):
            what = f"the read-only role {role} does not exist, so plans use the role that applies"
            yield note(check, what, script, why=READ_ONLY)
            return
        hidden = [str(row[0]) for row in self._named(_NOT_READABLE, role)]
        if not hidden and self._named(_NO_SAMPLES, role):
            grant = f"grant insert on ctgitops.traffic to {quoted_name(role)};"
            why = "The workflow drift.yml cannot sample the load, so the quiet hours stay unknown."
            yield note(check, f"{role} can read every table, but not store samples of the load", grant, why=why)
            return
        if not hidden:
            yield ok(check, f"{role} can read every table")
            return
        shown = f"{', '.join(hidden[:3])}{f' and {len(hidden) - 3} more' if len(hidden) > 3 else ''}"
        yield problem(check, f"{role} cannot read {shown}", f"grant pg_read_all_data to {quoted_name(role)};")

    def _applies(self, facts: DatabaseRoles) -> str:
        """The role that applies: the manifest's role, or else the ledger's owner, or else the role of the URL.

        If the role of the URL may only read, returns the default name of `ctgitops roles` instead.
        """
        if self.role:
            return self.role
        user, _, reads_only = self.session.row(_USER)
        if facts.ledger_owner and (reads_only or self._is_member(str(user), facts.ledger_owner)):
            return facts.ledger_owner
        return names_for(facts, "").apply if reads_only else str(user)

    def _missing(self, role: str, facts: DatabaseRoles) -> Iterator[str]:
        name, database = quoted_name(role), quoted_name(facts.database)
        connect, create, statistics = self._named(_LACKS, role)[0]
        if not connect:
            yield f"grant connect on database {database} to {name};"
        if not create:
            yield f"grant create on database {database} to {name};"
        if not self.session.row(_ON_PUBLIC, role)[0]:
            yield f"grant usage, create on schema public to {name};"
        if not statistics:
            yield f"grant pg_read_all_stats to {name};"
        for owner in facts.owners:
            if owner.has_members and not self._is_member(role, owner.name):
                yield f"grant {quoted_name(owner.name)} to {name};"
        may = self._named(_LEDGER, role)
        if may and not self._is_member(role, facts.ledger_owner):
            yield from (f"{grant.format(name)};" for grant, had in zip(ON_LEDGER, may[0], strict=True) if had is False)

    def _is_member(self, role: str, of: str) -> bool:
        return bool(self.session.row(_MEMBER, role, of)[0])

    def _named(self, query: str, role: str) -> list[tuple[object, ...]]:
        return self.session.connection.execute(query.encode(), {"role": role}, binary=True).fetchall()
