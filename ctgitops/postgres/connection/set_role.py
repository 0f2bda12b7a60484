"""Decides whether the role of a URL may SET ROLE to the manifest's `database.role`."""

from __future__ import annotations

from dataclasses import replace

from ...errors import LedgerError
from ...sql.nodes import quoted_name
from .connect import Address, connected

SET_OPTION_SINCE = 160000
"""The first server version in which a role membership can lack the SET option."""
_MAY_BECOME = """
select session_user, pg_catalog.pg_has_role(session_user, r.oid, %s)
from pg_catalog.pg_roles r where r.rolname = %s
"""


def as_role(address: Address, role: str) -> Address:
    """`address`, with SET ROLE to `role` if the URL's role may set this role. Read-only."""
    if not role:
        return address
    with connected(address, "ctgitops/read") as connection:
        privilege = "SET" if connection.info.server_version >= SET_OPTION_SINCE else "MEMBER"
        row = connection.execute(_MAY_BECOME, [privilege, role]).fetchone()
    return replace(address, role=role) if row and row[1] else address


def refuse_other_role(address: Address, role: str) -> None:
    """Raises LedgerError unless `as_role` has set the role that runs migrations. Read-only."""
    if address.role == role:
        return
    with connected(address, "ctgitops/read") as connection:
        here = connection.execute("select session_user from pg_catalog.pg_roles where rolname = %s", [role]).fetchone()
        command = f"GRANT {quoted_name(role)} TO {quoted_name(connection.info.user)}"
    if here is None:
        what = f"the role {role}, which `database.role` names, does not exist in {address.label}"
        raise LedgerError(what, state="nothing was changed", hint="create the role, or correct `database.role`")
    what = f"role {here[0]} may not apply to {address.label}: it cannot SET ROLE to {role}, which `database.role` names"
    raise LedgerError(what, state="nothing was changed", hint=f"{command}; or use the URL of a member of that role")
